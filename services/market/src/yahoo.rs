//! Yahoo's v8 chart API: daily bars, splits and payments, asked for politely.
//!
//! It is an unofficial interface, for personal use under Yahoo's terms; whoever runs this answers for that. What it says
//! of the past changes: all prices are restated after every split, so they are recorded as split-adjusted, and a restated
//! past becomes corrections.

mod breaker;
mod cache;
mod chart;
mod client;
mod crumb;
mod turns;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use events::values::{AssetId, Name};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;

use crate::left_out::LeftOut;
use crate::source::{Fetched, Source, SourceError, Window};
use client::Client;

pub use chart::{Asked, Chart, parse};

/// Where Yahoo answers.
pub const BASE_URL: &str = "https://query2.finance.yahoo.com";

/// How to ask Yahoo.
#[derive(Debug, Clone)]
pub struct YahooSettings {
    /// Where it answers.
    pub base_url: String,
    /// Where answers are kept; they are not where there is none.
    pub cache: Option<PathBuf>,
    /// How long a kept answer is taken for a new one. 12 h.
    pub cache_valid_for: Duration,
    /// How not to be a burden.
    pub politeness: Politeness,
    /// Whether to fetch a cookie and a crumb first. Charts are given without.
    pub crumb: bool,
    /// What stands in `User-Agent`.
    pub user_agent: String,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// How not to be a burden.
#[derive(Debug, Clone, Copy)]
pub struct Politeness {
    /// The least time between two questions. 500 ms: two a second.
    pub between_questions: Duration,
    /// Questions that are open at once. 2.
    pub in_flight_max: usize,
    /// How long an answer may take. 10 s.
    pub timeout: Duration,
    /// Attempts at one question. 4.
    pub attempts_max: u32,
    /// The pause before the second attempt; it doubles with each further one, and chance adds up to as much again. 1 s.
    pub backoff: Duration,
    /// The longest such pause. 60 s.
    pub backoff_max: Duration,
    /// The longest pause that the source itself may ask for (`Retry-After`): nothing is asked meanwhile. Where it asks for
    /// more, the load ends and says when to come again. 5 min.
    pub retry_after_max: Duration,
    /// Failures in a row after which the source is left alone. 5.
    pub failures_max: u32,
    /// For how long. 60 s.
    pub left_alone_for: Duration,
}

impl Default for Politeness {
    fn default() -> Self {
        Self {
            between_questions: Duration::from_millis(500),
            in_flight_max: 2,
            timeout: Duration::from_secs(10),
            attempts_max: 4,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            retry_after_max: Duration::from_secs(300),
            failures_max: 5,
            left_alone_for: Duration::from_secs(60),
        }
    }
}

impl Default for YahooSettings {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            cache: None,
            cache_valid_for: Duration::from_secs(12 * 3_600),
            politeness: Politeness::default(),
            crumb: false,
            user_agent: format!("insights/{} (prices for advice)", env!("CARGO_PKG_VERSION")),
            clock: Timestamp::now,
        }
    }
}

/// Yahoo, asked about some assets.
pub struct Yahoo {
    name: Name,
    client: Arc<Client>,
    total: usize,
    waiting: VecDeque<AssetId>,
    window: Window,
    asking: FuturesUnordered<futures::future::BoxFuture<'static, Fetched>>,
    in_flight_max: usize,
}

impl Yahoo {
    /// Yahoo, to be asked about these assets over this window.
    ///
    /// # Errors
    /// Where the settings make no client.
    pub fn new(settings: YahooSettings, assets: Vec<AssetId>, window: Window) -> Result<Self, SourceError> {
        let in_flight_max = settings.politeness.in_flight_max.max(1);
        Ok(Self::of(Arc::new(Client::new(settings)?), in_flight_max, assets, window))
    }

    /// The same Yahoo, to be asked about other assets: politeness counts for both together.
    #[must_use]
    pub fn about(&self, assets: Vec<AssetId>, window: Window) -> Self {
        Self::of(self.client.clone(), self.in_flight_max, assets, window)
    }

    /// This Yahoo, to be asked about this window of what it was not asked about yet.
    #[must_use]
    pub fn within(self, window: Window) -> Self {
        Self { window, ..self }
    }

    fn of(client: Arc<Client>, in_flight_max: usize, assets: Vec<AssetId>, window: Window) -> Self {
        Self {
            name: Name::parse("Yahoo").expect("a short word is a name"),
            client,
            total: assets.len(),
            waiting: assets.into(),
            window,
            asking: FuturesUnordered::new(),
            in_flight_max,
        }
    }
}

impl Source for Yahoo {
    fn name(&self) -> &Name {
        &self.name
    }

    fn assets(&self) -> Option<usize> {
        Some(self.total)
    }

    async fn next(&mut self) -> Option<Fetched> {
        while self.asking.len() < self.in_flight_max
            && let Some(asset) = self.waiting.pop_front()
        {
            let (client, window) = (self.client.clone(), self.window);
            self.asking.push(Box::pin(async move {
                let quotes = client.quotes(&asset, window).await;
                Fetched { asset, quotes }
            }));
        }
        self.asking.next().await
    }

    fn unclaimed(&mut self) -> LeftOut {
        LeftOut::none()
    }
}
