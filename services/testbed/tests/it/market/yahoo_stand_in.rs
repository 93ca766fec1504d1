//! A stand-in for Yahoo that plays what it is told, symbol by symbol.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One answer.
#[derive(Debug, Clone)]
pub enum Play {
    /// A status with headers and a body.
    Say(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing until the caller gives up.
    Hang,
}

type Scripts = Arc<Mutex<BTreeMap<String, (VecDeque<Play>, Vec<HeaderMap>)>>>;

/// The stand-in, for as long as the runtime lives.
#[derive(Clone)]
pub struct StandIn {
    pub url: String,
    scripts: Scripts,
}

impl StandIn {
    pub async fn open() -> Self {
        let scripts = Scripts::default();
        let routes = Router::new()
            .route("/v8/finance/chart/{symbol}", get(chart))
            .route("/cookie", get(|| async { ([(header::SET_COOKIE, "A3=cookie; path=/")], "") }))
            .route("/v1/test/getcrumb", get(|| async { "a.crumb" }))
            .with_state(scripts.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, scripts }
    }

    /// What to answer about the symbol, one after another; the last answer again and again.
    pub fn plays(&self, symbol: &str, plays: Vec<Play>) {
        self.scripts.lock().unwrap().insert(symbol.to_owned(), (plays.into(), Vec::new()));
    }

    /// How often it was asked about the symbol.
    pub fn asked(&self, symbol: &str) -> usize {
        self.scripts.lock().unwrap().get(symbol).map_or(0, |(_, asked)| asked.len())
    }
}

async fn chart(State(scripts): State<Scripts>, Path(symbol): Path<String>, headers: HeaderMap) -> Response<Body> {
    let play = {
        let mut scripts = scripts.lock().unwrap();
        let (plays, asked) = scripts.get_mut(&symbol).unwrap_or_else(|| panic!("nobody told about {symbol}"));
        asked.push(headers);
        if plays.len() > 1 { plays.pop_front().unwrap() } else { plays[0].clone() }
    };
    match play {
        Play::Hang => std::future::pending().await,
        Play::Say(status, headers, body) => {
            let response = Response::builder().status(status);
            headers.into_iter().fold(response, |r, (name, value)| r.header(name, value)).body(Body::from(body)).unwrap()
        }
    }
}

/// A chart with these closes, on the weekdays from 2024-01-02 on.
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

pub fn ok(value: &Value) -> Play {
    Play::Say(200, Vec::new(), value.to_string().into_bytes())
}

pub fn say(status: u16, body: &str) -> Play {
    Play::Say(status, Vec::new(), body.as_bytes().to_vec())
}

pub fn error(status: u16, code: &str, description: &str) -> Play {
    say(status, &json!({"chart": {"result": null, "error": {"code": code, "description": description}}}).to_string())
}
