//! A small client of our own web API, for `up` and `demo`: they do nothing that a user could not.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::demo_prices::AssetPrices;

/// How long one request may take.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);
/// How long an instance may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long to wait before asking again for a state that the API does not announce yet.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// A client with a token.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// What the web API answered to a request that it carried out.
#[derive(Debug)]
pub struct Answer {
    /// The body.
    pub body: Value,
    /// The aggregate's version, as `If-Match` wants it.
    pub etag: Option<String>,
    /// The position that a later read can ask for.
    pub position: Option<String>,
    /// The trace that the request was.
    pub trace_id: Option<String>,
    /// Whether it was carried out before, and this is the first answer again.
    pub replayed: bool,
}

/// What came of loading an asset.
pub struct Loaded {
    /// Where its last event stands.
    pub position: Option<String>,
    /// Whether all of it was there before.
    pub is_known: bool,
}

impl Client {
    /// A client of the web API at this address.
    ///
    /// # Errors
    /// Where this machine cannot make HTTP requests.
    pub fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(REQUEST_WITHIN).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// Returns when the API says that it is ready.
    ///
    /// # Errors
    /// Where it does not within 30 s.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let asked = async {
            loop {
                match self.http.get(format!("{}/readyz", self.url)).send().await {
                    Ok(answer) if answer.status().is_success() => return,
                    Ok(_) | Err(_) => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
        };
        tokio::time::timeout(READY_WITHIN, asked).await.with_context(|| format!("{} does not get ready", self.url))
    }

    /// Reads a resource, not older than the position.
    ///
    /// # Errors
    /// Where the API answers with a problem.
    pub async fn get(&self, path: &str, not_before: Option<&str>) -> anyhow::Result<Answer> {
        let headers = not_before.map(|position| ("Insights-Min-Position", position.to_owned()));
        self.send(Method::GET, path, headers.as_slice(), None).await
    }

    /// Gives a command. The same key again is the same command again.
    ///
    /// # Errors
    /// Where the API answers with a problem.
    pub async fn post(&self, path: &str, key: &str, etag: Option<&str>, body: &Value) -> anyhow::Result<Answer> {
        let mut headers = vec![("Idempotency-Key", key.to_owned())];
        headers.extend(etag.map(|etag| ("If-Match", etag.to_owned())));
        self.send(Method::POST, path, &headers, Some(body)).await
    }

    /// Replaces a part of an aggregate that stands at the version.
    ///
    /// # Errors
    /// Where the API answers with a problem.
    pub async fn put(&self, path: &str, key: &str, etag: &str, body: &Value) -> anyhow::Result<Answer> {
        let headers = [("Idempotency-Key", key.to_owned()), ("If-Match", etag.to_owned())];
        self.send(Method::PUT, path, &headers, Some(body)).await
    }

    /// Reads a resource until it is as wanted.
    ///
    /// # Errors
    /// Where the API answers with a problem, or the bound passes.
    pub async fn until(&self, path: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Answer> {
        let mut last = Value::Null;
        let asked = async {
            loop {
                let answer = self.get(path, None).await?;
                if wanted(&answer.body) {
                    return anyhow::Ok(answer);
                }
                last = answer.body;
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        match tokio::time::timeout(within, asked).await {
            Ok(answer) => answer,
            Err(_) => bail!("{path} was not as wanted within {within:?}; it is {last}"),
        }
    }

    /// Lists an asset and records its prices, where the service does not show them already. The keys follow from the content, so
    /// loading again changes nothing.
    ///
    /// # Errors
    /// Where the API answers with a problem.
    pub async fn load(&self, asset: &AssetPrices) -> anyhow::Result<Loaded> {
        let symbol = &asset.symbol;
        let shown = self.get(&format!("/v1/assets/lookup?symbols={symbol}"), None).await?;
        let shown = &shown.body["items"][0];
        let days = u64::try_from(asset.bars.len())?;
        let has_last = asset.bars.last().is_some_and(|(date, _)| shown["last_day"] == date.as_str());
        if has_last && shown["days"].as_u64().is_some_and(|known| known >= days) {
            return Ok(Loaded { position: shown["position"].as_str().map(str::to_owned), is_known: true });
        }
        let listing = json!({"id": symbol, "name": symbol, "currency": "USD"});
        self.post("/v1/assets", &format!("demo-list-{symbol}"), None, &listing).await?;
        let last = asset.bars.last().map_or("", |(date, _)| date.as_str());
        let key = format!("demo-prices-{symbol}-{last}-{}", asset.bars.len());
        let answer = self.post(&format!("/v1/assets/{symbol}/prices"), &key, None, &asset.body()).await?;
        Ok(Loaded { position: answer.position, is_known: answer.replayed })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (etag, position) = (header("etag"), header("insights-position"));
        let trace_id = header("traceparent").and_then(|parent| parent.split('-').nth(1).map(str::to_owned));
        let replayed = header("idempotent-replayed").is_some();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {text}");
        }
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? };
        Ok(Answer { body, etag, position, trace_id, replayed })
    }
}
