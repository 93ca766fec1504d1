//! What stands between this service and its callers: proxies that speak for others, and pages of other sites.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use ipnet::IpNet;
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

use crate::commands::{IDEMPOTENT_REPLAYED, INSIGHTS_POSITION};
use crate::trace::TRACEPARENT;

/// Origins or networks that one service may know.
const ENTRIES_MAX: usize = 100;
/// How long a browser may remember what it was allowed.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// What stands between this service and its callers. By default nothing does.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    origins: Vec<HeaderValue>,
    proxies: Vec<IpNet>,
}

/// Why an edge cannot be as it is said to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// It is no origin.
    #[error("`{0}` is no origin, such as https://console.example or http://localhost:5173")]
    Origin(String),
    /// It is no address and no network.
    #[error("`{0}` is no address and no network, such as 10.0.0.7 or 10.0.0.0/8")]
    Proxy(String),
    /// There are too many.
    #[error("{0} entries are more than {ENTRIES_MAX}")]
    TooMany(usize),
}

impl Edge {
    /// An edge at which pages of these origins may call with a token, and these addresses or networks are proxies whose
    /// `X-Forwarded-For` is believed.
    ///
    /// # Errors
    /// The first entry that is none, or that there are too many.
    pub fn new(origins: &[String], proxies: &[String]) -> Result<Self, EdgeError> {
        let entries = origins.len().max(proxies.len());
        if entries > ENTRIES_MAX {
            return Err(EdgeError::TooMany(entries));
        }
        let origins = origins.iter().map(|text| origin(text).ok_or_else(|| EdgeError::Origin(text.clone())));
        let proxies = proxies.iter().map(|text| network(text).ok_or_else(|| EdgeError::Proxy(text.clone())));
        Ok(Self { origins: origins.collect::<Result<_, _>>()?, proxies: proxies.collect::<Result<_, _>>()? })
    }

    /// The origins whose pages may call.
    #[must_use]
    pub fn origins(&self) -> &[HeaderValue] {
        &self.origins
    }

    /// The proxies that are believed.
    #[must_use]
    pub fn proxies(&self) -> &[IpNet] {
        &self.proxies
    }

    /// What lets pages of other sites call; `None` where none may. They come with a token, never with a cookie: a session
    /// is for the console, which is served from here.
    #[must_use]
    pub fn cors(&self) -> Option<CorsLayer> {
        const SENT: [HeaderName; 8] = [
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("insights-min-position"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("prefer"),
            TRACEPARENT,
        ];
        const READ: [HeaderName; 12] = [
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("deprecation"),
            HeaderName::from_static("preference-applied"),
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            HeaderName::from_static("sunset"),
            INSIGHTS_POSITION,
            IDEMPOTENT_REPLAYED,
            TRACEPARENT,
        ];
        (!self.origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(AllowOrigin::list(self.origins.iter().cloned()))
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
                .allow_headers(SENT)
                .expose_headers(READ)
                .max_age(REMEMBERED_FOR)
        })
    }
}

/// The origin, spelt as browsers spell it.
fn origin(text: &str) -> Option<HeaderValue> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    // Anything more than scheme, host and port would never equal what a browser sends, and silently allow nobody.
    (url.origin().ascii_serialization() == text).then(|| HeaderValue::try_from(text).ok())?
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}

#[cfg(test)]
mod tests {
    use super::{Edge, EdgeError};

    fn edge(origins: &[&str], proxies: &[&str]) -> Result<Edge, EdgeError> {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        Edge::new(&owned(origins), &owned(proxies))
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        assert!(edge(&["https://console.example", "http://localhost:5173"], &[]).is_ok());
        for bad in
            ["*", "null", "console.example", "https://console.example/", "https://a.example:443", "ftp://a.example"]
        {
            assert_eq!(edge(&[bad], &[]).unwrap_err(), EdgeError::Origin(bad.to_owned()));
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        assert!(edge(&[], &["10.0.0.7", "10.0.0.0/8", "2001:db8::/32", "::1"]).is_ok());
        for bad in ["proxy.example", "10.0.0.0/33", "10.0.0.7:80", "*"] {
            assert_eq!(edge(&[], &[bad]).unwrap_err(), EdgeError::Proxy(bad.to_owned()));
        }
    }

    #[test]
    fn by_default_no_page_of_another_site_may_call() {
        assert!(Edge::default().cors().is_none());
        assert!(edge(&["https://console.example"], &[]).unwrap().cors().is_some());
    }
}
