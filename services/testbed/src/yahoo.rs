//! A stand-in for Yahoo that plays what it is told, symbol by symbol.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode, header};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::must;

/// One answer.
#[derive(Debug, Clone)]
pub enum Play {
    /// A status with headers and a body.
    Say(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing until the caller gives up.
    Hang,
}

type Scripts = Arc<Mutex<BTreeMap<String, Script>>>;

/// What to answer about a symbol, and when it was asked about.
struct Script {
    plays: VecDeque<Play>,
    asked: Vec<Instant>,
}

/// The stand-in, for as long as the runtime lives.
#[derive(Clone)]
pub struct YahooStandIn {
    /// Where it answers.
    pub url: String,
    scripts: Scripts,
}

impl YahooStandIn {
    /// A stand-in that was told of no symbol yet.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn open() -> Self {
        let scripts = Scripts::default();
        let routes = Router::new()
            .route("/v8/finance/chart/{symbol}", get(chart))
            .route("/cookie", get(|| async { ([(header::SET_COOKIE, "A3=cookie; path=/")], "") }))
            .route("/v1/test/getcrumb", get(|| async { "a.crumb" }))
            .with_state(scripts.clone());
        let listener = must("listening as Yahoo", TcpListener::bind("127.0.0.1:0").await);
        let url = format!("http://{}", must("listening as Yahoo", listener.local_addr()));
        tokio::spawn(async move { must("answering as Yahoo", axum::serve(listener, routes).await) });
        Self { url, scripts }
    }

    /// What to answer about the symbol, one after another; the last answer again and again.
    ///
    /// # Panics
    /// If it panicked before.
    pub fn plays(&self, symbol: &str, plays: Vec<Play>) {
        locked(&self.scripts).insert(symbol.to_owned(), Script { plays: plays.into(), asked: Vec::new() });
    }

    /// How often it was asked about the symbol.
    ///
    /// # Panics
    /// If it panicked before.
    #[must_use]
    pub fn asked(&self, symbol: &str) -> usize {
        self.when_asked(symbol).len()
    }

    /// When it was asked about the symbol, question by question.
    ///
    /// # Panics
    /// If it panicked before.
    #[must_use]
    pub fn when_asked(&self, symbol: &str) -> Vec<Instant> {
        locked(&self.scripts).get(symbol).map(|script| script.asked.clone()).unwrap_or_default()
    }
}

fn locked(scripts: &Scripts) -> MutexGuard<'_, BTreeMap<String, Script>> {
    must("the scripts of Yahoo", scripts.lock().map_err(|error| anyhow::anyhow!("{error}")))
}

async fn chart(State(scripts): State<Scripts>, Path(symbol): Path<String>) -> Response<Body> {
    let play = {
        let mut scripts = locked(&scripts);
        let Some(script) = scripts.get_mut(&symbol) else {
            return said(StatusCode::NOT_FOUND, Vec::new(), format!("nobody told about {symbol}").into_bytes());
        };
        script.asked.push(Instant::now());
        if script.plays.len() > 1 { script.plays.pop_front() } else { script.plays.front().cloned() }
    };
    match play {
        None | Some(Play::Hang) => std::future::pending().await,
        Some(Play::Say(status, headers, body)) => said(must("a status", StatusCode::from_u16(status)), headers, body),
    }
}

fn said(status: StatusCode, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Response<Body> {
    let response =
        headers.into_iter().fold(Response::builder().status(status), |r, (name, value)| r.header(name, value));
    must("an answer", response.body(Body::from(body)))
}

/// A chart with these closes, on the weekdays from 2024-01-02 on.
#[must_use]
pub fn payload(symbol: &str, closes: &[f64]) -> Value {
    // Half past nine in New York.
    let stamps: Vec<i64> = (0_i64..).take(closes.len()).map(|day| 1_704_205_800 + day * 86_400).collect();
    json!({"chart": {"error": null, "result": [{
        "meta": {"symbol": symbol, "currency": "USD", "exchangeTimezoneName": "America/New_York",
            "exchangeName": "NMS", "instrumentType": "EQUITY", "longName": format!("{symbol} Inc."), "dataGranularity": "1d"},
        "timestamp": stamps,
        "indicators": {"quote": [{"close": closes, "volume": closes.iter().map(|_| 100).collect::<Vec<_>>()}],
            "adjclose": [{"adjclose": closes}]},
    }]}})
}

/// The value, with status 200.
#[must_use]
pub fn ok(value: &Value) -> Play {
    Play::Say(200, Vec::new(), value.to_string().into_bytes())
}

/// The body, with the status.
#[must_use]
pub fn say(status: u16, body: &str) -> Play {
    Play::Say(status, Vec::new(), body.as_bytes().to_vec())
}

/// Yahoo's own words for an error, with the status.
#[must_use]
pub fn error(status: u16, code: &str, description: &str) -> Play {
    say(status, &json!({"chart": {"result": null, "error": {"code": code, "description": description}}}).to_string())
}
