//! The service in its place: servers, read models that follow, a token, and a caller.

use std::sync::Once;

use api::{Api, Edge, Limits};
use events::Stream;
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, JournalSettings};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use testbed::{Database, Nats};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use vault::{KeyEncryptionKey, Role, Vault};

/// The service with all it needs, gone when this is dropped.
pub struct House {
    pub nats: Nats,
    pub journal: Journal,
    pub pool: PgPool,
    pub vault: Vault,
    pub address: String,
    pub token: String,
    http: Client,
    stop: CancellationToken,
    _stopped_at_the_end: DropGuard,
}

/// One more process of the service: in a runtime of its own, so that it ends with all that it is at when this is dropped.
pub struct Mortal {
    pub address: String,
    runtime: Option<Runtime>,
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

/// All that a refused request must leave as it was.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    advisory: u64,
    market: u64,
    data_keys: i64,
    tokens: i64,
}

impl Written {
    /// The last event of what people do.
    pub fn advisory(&self) -> u64 {
        self.advisory
    }

    /// The last event of what becomes known of assets.
    pub fn market(&self) -> u64 {
        self.market
    }
}

impl House {
    /// The service with read models that follow the log.
    pub async fn open() -> Self {
        Self::with(Limits::default(), true).await
    }

    /// The service within these limits, with or without anybody who keeps the read models up to date.
    pub async fn with(limits: Limits, follow: bool) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Fails only where another test of this binary was first, with the same one.
            let _already_installed = rustls::crypto::ring::default_provider().install_default();
        });
        let nats = Nats::one().await;
        let operator = journal::connect(&nats.operator_urls(), "a test").await.unwrap();
        journal::topology::provision(&async_nats::jetstream::new(operator), 1).await.unwrap();
        let pool = Database::fresh().await.pool().await;
        let vault = Vault::new(pool.clone(), KeyEncryptionKey::from_bytes([1; 32]));
        let hour = SignedDuration::from_hours(1);
        let token = vault.create_token(Role::Admin, "a test", Timestamp::now(), hour).await.unwrap().secret;
        let journal = journal_on(&nats).await;
        let stop = CancellationToken::new();
        if follow {
            let (journal, pool, stop) = (journal_on(&nats).await, pool.clone(), stop.clone());
            tokio::spawn(async move { projections::follow::run(journal, pool, stop).await.unwrap() });
        }
        let parts = (journal.clone(), pool.clone(), vault.clone());
        let address = serve(parts, limits, Edge::default(), stop.clone()).await;
        let _stopped_at_the_end = stop.clone().drop_guard();
        Self { nats, journal, pool, vault, address, token, http: Client::new(), stop, _stopped_at_the_end }
    }

    /// The address of one more process of this service, with caches of its own. It ends with the house.
    pub async fn another(&self) -> String {
        self.another_within(Limits::default(), Edge::default()).await
    }

    /// The address of one more process of this service, within these limits and at this edge.
    pub async fn another_within(&self, limits: Limits, edge: Edge) -> String {
        let parts = (journal_on(&self.nats).await, self.pool.clone(), self.vault.clone());
        serve(parts, limits, edge, self.stop.clone()).await
    }

    /// One more process of this service, with its own end: told to stop by the token, it has stopped when the task has ended.
    pub async fn another_with_an_end(&self) -> (String, CancellationToken, JoinHandle<()>) {
        let parts = (journal_on(&self.nats).await, self.pool.clone(), self.vault.clone());
        let stop = self.stop.child_token();
        let (address, served) = serve_until(parts, Limits::default(), Edge::default(), stop.clone()).await;
        (address, stop, served)
    }

    /// One more process of this service, which can be killed.
    pub async fn mortal(&self) -> Mortal {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let settings = JournalSettings::new(self.nats.urls(), "/insights/api");
        // Connections live in the runtime that made them.
        let (pool, options) = (self.pool.options().clone(), (*self.pool.connect_options()).clone());
        let stop = self.stop.child_token();
        let served = runtime.spawn(async move {
            let journal = Journal::connect(&settings).await.unwrap();
            let pool = pool.connect_with(options).await.unwrap();
            let vault = Vault::new(pool.clone(), KeyEncryptionKey::from_bytes([1; 32]));
            serve((journal, pool, vault), Limits::default(), Edge::default(), stop).await
        });
        Mortal { address: served.await.unwrap(), runtime: Some(runtime) }
    }

    /// The answer to a request with the token, as it is put together by `complete`.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.address)).bearer_auth(&self.token);
        Answer::of(complete(request).send().await.unwrap()).await
    }

    /// The answer to a request that is put together from nothing.
    pub async fn ask_as_stranger(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        let request = self.http.request(method, format!("{}{path}", self.address));
        Answer::of(complete(request).send().await.unwrap()).await
    }

    /// The answer to a POST with the token at another process's address.
    pub async fn post_at(&self, address: &str, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{address}{path}")).bearer_auth(&self.token);
        Answer::of(request.header("Idempotency-Key", key).json(body).send().await.unwrap()).await
    }

    /// The answer to a GET by a browser at another process's address.
    pub async fn get_at(&self, address: &str, path: &str, cookie: &str) -> Answer {
        Answer::of(self.http.get(format!("{address}{path}")).header("Cookie", cookie).send().await.unwrap()).await
    }

    /// The answer to a GET by the bearer of another token, at this address.
    pub async fn get_with_token_at(&self, address: &str, path: &str, token: &str) -> Answer {
        Answer::of(self.http.get(format!("{address}{path}")).bearer_auth(token).send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, |request| request).await
    }

    /// A read that is not older than the command.
    pub async fn get_after(&self, path: &str, command: &Answer) -> Answer {
        let position = command.header("insights-position");
        self.ask(Method::GET, path, |request| request.header("Insights-Min-Position", position)).await
    }

    /// A read that is not older than anything that stands in the log.
    pub async fn get_now(&self, path: &str) -> Answer {
        let advisory = self.journal.last_position(Stream::Advisory).await.unwrap();
        let market = self.journal.last_position(Stream::Market).await.unwrap();
        let position = format!("{advisory}, {market}");
        self.ask(Method::GET, path, |request| request.header("Insights-Min-Position", position)).await
    }

    /// Tells the service to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, |request| request.header("Idempotency-Key", key).json(body)).await
    }

    pub async fn change(&self, method: Method, path: &str, version: &str, body: &Value) -> Answer {
        self.ask(method, path, |request| request.header("If-Match", version).json(body)).await
    }

    pub async fn written(&self) -> Written {
        let count = async |sql: &'static str| sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap();
        Written {
            advisory: self.journal.last_position(Stream::Advisory).await.unwrap().sequence,
            market: self.journal.last_position(Stream::Market).await.unwrap().sequence,
            data_keys: count("select count(*) from vault.data_keys").await,
            tokens: count("select count(*) from vault.tokens").await,
        }
    }

    /// An advisor's id.
    pub async fn advisor(&self) -> String {
        self.advisor_of("Casa Verde").await
    }

    /// The id of an advisor who works for this firm.
    pub async fn advisor_of(&self, firm: &str) -> String {
        let body = json!({"name": "Ana Souza", "firm": firm});
        self.post("/v1/advisors", &unique("advisor"), &body).await.created()
    }

    /// A client's id.
    pub async fn client(&self, advisor: &str) -> String {
        let body = json!({"advisor": advisor, "name": "José da Silva", "email": "jose@client.example"});
        self.post("/v1/clients", &unique("client"), &body).await.created()
    }

    /// Lists the asset, with prices if there are any.
    pub async fn asset(&self, id: &str, closes: &[(&str, &str)]) -> Answer {
        let body = json!({"id": id, "name": format!("{id} Inc."), "currency": "USD"});
        let listed = self.post("/v1/assets", &unique(id), &body).await;
        assert_eq!(listed.status, StatusCode::CREATED, "{listed:?}");
        if closes.is_empty() {
            return listed;
        }
        let bars: Vec<Value> = closes.iter().map(|(date, close)| json!({"date": date, "close": close})).collect();
        let body = json!({"source": "a test", "basis": "adjusted", "bars": bars});
        let priced = self.post(&format!("/v1/assets/{id}/prices"), &unique(id), &body).await;
        assert_eq!(priced.status, StatusCode::OK, "{priced:?}");
        priced
    }

    /// A portfolio's id; its assets are listed first.
    pub async fn portfolio(&self, advisor: &str) -> String {
        self.asset("AAPL", &[]).await;
        self.asset("MSFT", &[]).await;
        self.post("/v1/portfolios", &unique("portfolio"), &portfolio(advisor)).await.created()
    }
}

/// A portfolio of two assets, in a body.
pub fn portfolio(advisor: &str) -> Value {
    json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": halves("AAPL", "MSFT")})
}

pub fn halves(one: &str, other: &str) -> Value {
    json!([{"asset": one, "weight": "0.5"}, {"asset": other, "weight": "0.5"}])
}

/// A key that nobody had before.
pub fn unique(what: &str) -> String {
    format!("{what}-{}", uuid::Uuid::new_v4())
}

async fn journal_on(nats: &Nats) -> Journal {
    Journal::connect(&JournalSettings::new(nats.urls(), "/insights/api")).await.unwrap()
}

async fn serve(parts: (Journal, PgPool, Vault), limits: Limits, edge: Edge, stop: CancellationToken) -> String {
    serve_until(parts, limits, edge, stop).await.0
}

async fn serve_until(
    parts: (Journal, PgPool, Vault),
    limits: Limits,
    edge: Edge,
    stop: CancellationToken,
) -> (String, JoinHandle<()>) {
    let (journal, pool, vault) = parts;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let api = Api { journal, pool, vault, clock: Timestamp::now, limits, edge };
    let served = tokio::spawn(async move { api::serve(listener, api, stop).await.unwrap() });
    (address, served)
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body =
            serde_json::from_slice(&bytes).unwrap_or(Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Self { status, headers, body }
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// The id of what was created.
    #[track_caller]
    pub fn created(&self) -> String {
        assert_eq!(self.status, StatusCode::CREATED, "{self:?}");
        self.body["id"].as_str().unwrap().to_owned()
    }

    /// Fails unless this is a problem of the type, complete in every part.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.body["type"], format!("/problems/{code}"), "{self:?}");
        assert_eq!((self.status.as_u16(), &self.body["status"]), (status, &json!(status)), "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(self.body["title"].is_string() && self.body["detail"].is_string(), "{self:?}");
        let trace_id = self.body["trace_id"].as_str().unwrap();
        assert_eq!(self.header("traceparent").split('-').nth(1), Some(trace_id), "{self:?}");
    }

    /// The places that a problem names, each with its code.
    pub fn errors(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.map(|error| (text(&error["pointer"]) + &text(&error["parameter"]), text(&error["code"]))).collect()
    }
}
