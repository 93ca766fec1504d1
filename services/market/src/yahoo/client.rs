//! Questions to Yahoo: spaced, bounded, repeated where that may help, answered from disk where it may.

use std::time::Duration;

use events::values::AssetId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Response, StatusCode, header};
use tokio::sync::{Mutex, Semaphore};
use url::Url;

use super::YahooSettings;
use super::breaker::Breaker;
use super::cache::Cache;
use super::chart::{self, Asked};
use super::crumb::{self, Crumb};
use super::turns::Turns;
use crate::source::{Quotes, SourceError, Window};

/// Bytes of an answer: a century of daily bars takes a fifth of it.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The first day that is asked for where none is said.
const FIRST_DAY: Date = jiff::civil::date(1950, 1, 1);
/// Characters of an answer that are repeated in an error.
const TOLD_CHARS_MAX: usize = 120;
/// What may stand in a path as it is.
const SYMBOL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');
/// The answer that some of Yahoo's servers give instead of 429.
const STATUS_999: u16 = 999;

/// One address, asked by everybody through this.
pub struct Client {
    settings: YahooSettings,
    base: Url,
    http: reqwest::Client,
    cache: Option<Cache>,
    breaker: Breaker,
    in_flight: Semaphore,
    turns: Turns,
    crumb: Mutex<Option<Crumb>>,
}

/// What one attempt came to, where it came to nothing.
struct Failed {
    error: SourceError,
    again: bool,
    speaks_of: SpeaksOf,
}

/// What a failure says something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpeaksOf {
    /// The source: it does not answer as it should.
    Source,
    /// The asset alone: the source answered, if not with prices that make sense.
    Asset,
    /// Nothing: nobody was asked.
    Nothing,
}

impl Failed {
    fn passing(error: SourceError) -> Self {
        Self { error, again: true, speaks_of: SpeaksOf::Source }
    }

    fn lasting(error: SourceError) -> Self {
        Self { error, again: false, speaks_of: SpeaksOf::Asset }
    }

    fn of_this_asset(error: SourceError) -> Self {
        Self { error, again: true, speaks_of: SpeaksOf::Asset }
    }

    const fn closed(at: Timestamp) -> Self {
        Self { error: SourceError::ComeAgain { at }, again: false, speaks_of: SpeaksOf::Nothing }
    }
}

impl Client {
    pub fn new(settings: YahooSettings) -> Result<Self, SourceError> {
        let invalid = |error: &dyn std::error::Error| SourceError::Refused(error.to_string());
        let base = Url::parse(&settings.base_url).map_err(|error| invalid(&error))?;
        let http = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .timeout(settings.politeness.timeout)
            // A redirect leads to a page for people, never to prices.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| invalid(&error))?;
        let cache = settings.cache.clone().map(|folder| Cache::new(folder, settings.cache_valid_for));
        let politeness = settings.politeness;
        Ok(Self {
            base,
            http,
            cache,
            breaker: Breaker::new(politeness.failures_max, politeness.left_alone_for),
            in_flight: Semaphore::new(politeness.in_flight_max.max(1)),
            turns: Turns::new(politeness.between_questions, politeness.retry_after_max),
            crumb: Mutex::new(None),
            settings,
        })
    }

    /// What Yahoo says of the asset, now or, where it does not answer, the last time that it did.
    pub async fn quotes(&self, asset: &AssetId, window: Window) -> Result<Quotes, SourceError> {
        let now = (self.settings.clock)();
        let today = TimeZone::UTC.to_datetime(now).date();
        let (from, to) = (window.from.unwrap_or(FIRST_DAY), window.to.unwrap_or(today));
        let asked = Asked { symbol: asset.as_str().to_owned(), from, to };
        let question = format!("{asset} 1d {from} {to}");
        let kept = match &self.cache {
            Some(cache) => cache.get(&question, now).await,
            None => None,
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_valid)
            && let Ok(chart) = chart::parse(&kept.body, &asked)
        {
            return Ok(chart.quotes);
        }
        match self.ask_until_answered(&asked).await {
            Ok((body, quotes)) => {
                if let Some(cache) = &self.cache {
                    cache.put(&question, &body, now).await;
                }
                Ok(quotes)
            }
            Err(error) if error.is_passing() => match kept {
                // Better what was said some time ago, and said to be so, than nothing.
                Some(kept) => match chart::parse(&kept.body, &asked) {
                    Ok(chart) => Ok(Quotes { kept_since: Some(kept.since), ..chart.quotes }),
                    Err(_) => Err(error),
                },
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn ask_until_answered(&self, asked: &Asked) -> Result<(Vec<u8>, Quotes), SourceError> {
        let politeness = &self.settings.politeness;
        let mut attempt = 1;
        if let Some(at) = self.turns.come_again() {
            return Err(SourceError::ComeAgain { at });
        }
        loop {
            self.breaker.may_ask().map_err(|failures| SourceError::LeftAlone { failures })?;
            let failed = match self.attempt(asked).await {
                Ok(answered) => {
                    self.breaker.succeeded();
                    return Ok(answered);
                }
                Err(failed) => failed,
            };
            match failed.speaks_of {
                SpeaksOf::Source => self.breaker.failed(),
                SpeaksOf::Asset => self.breaker.succeeded(),
                SpeaksOf::Nothing => {}
            }
            if !failed.again {
                return Err(failed.error);
            }
            if let Some(at) = self.turns.come_again() {
                return Err(SourceError::ComeAgain { at });
            }
            if attempt >= politeness.attempts_max {
                return Err(failed.error);
            }
            tracing::debug!(symbol = asked.symbol, attempt, error = %failed.error, "Yahoo is asked again");
            let doubled = politeness.backoff * 2_u32.pow((attempt - 1).min(10));
            tokio::time::sleep((doubled + jitter(doubled)).min(politeness.backoff_max)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, asked: &Asked) -> Result<(Vec<u8>, Quotes), Failed> {
        let _place = self
            .in_flight
            .acquire()
            .await
            .map_err(|error| Failed::lasting(SourceError::Unavailable(error.to_string())))?;
        self.turns.wait().await.map_err(Failed::closed)?;
        let crumb = self.crumb().await?;
        let mut request = self.http.get(self.url(asked, crumb.as_ref()));
        if let Some(crumb) = &crumb {
            request = request.header(header::COOKIE, &crumb.cookie);
        }
        let unavailable =
            |error: reqwest::Error| Failed::passing(SourceError::Unavailable(error.without_url().to_string()));
        let answer = request.send().await.map_err(unavailable)?;
        let status = answer.status();
        if status != StatusCode::OK
            && let Some(pause) = retry_after(&answer, (self.settings.clock)())
        {
            self.turns.leave_alone(pause, (self.settings.clock)());
        }
        let location = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
        let body = bounded(answer).await?;
        match status {
            StatusCode::OK => {
                let chart = chart::parse(&body, asked).map_err(|error| match &error {
                    SourceError::Malformed(_) => Failed::of_this_asset(error),
                    SourceError::Unavailable(_) => Failed::passing(error),
                    _ => Failed::lasting(error),
                })?;
                Ok((body, chart.quotes))
            }
            status if status.is_redirection() => {
                let consent = location.as_deref().is_some_and(|to| to.contains("consent"));
                Err(Failed::lasting(if consent {
                    SourceError::Consent
                } else {
                    SourceError::Refused(format!("status {status}"))
                }))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(Failed::passing(SourceError::RateLimited)),
            status if status.as_u16() == STATUS_999 => Err(Failed::passing(SourceError::RateLimited)),
            StatusCode::NOT_FOUND => Err(Failed::lasting(SourceError::NotFound)),
            StatusCode::UNAUTHORIZED => {
                // A crumb grows old; without one, asking again is no use.
                let had_one = self.crumb.lock().await.take().is_some();
                Err(Failed { error: SourceError::Refused(told(&body)), again: had_one, speaks_of: SpeaksOf::Asset })
            }
            status if status.is_server_error() => {
                Err(Failed::passing(SourceError::Unavailable(format!("status {status}"))))
            }
            StatusCode::BAD_REQUEST if chart::says_no_data(&body) => {
                // Nothing was traded then: an answer, with no bars in it.
                Ok((body, Quotes::none(events::asset::PriceBasis::SplitAdjusted)))
            }
            _ => Err(Failed::lasting(SourceError::Refused(told(&body)))),
        }
    }

    async fn crumb(&self) -> Result<Option<Crumb>, Failed> {
        if !self.settings.crumb {
            return Ok(None);
        }
        let mut kept = self.crumb.lock().await;
        if kept.is_none() {
            *kept = Some(crumb::fetch(&self.http, &self.base).await.map_err(Failed::passing)?);
        }
        Ok(kept.clone())
    }

    fn url(&self, asked: &Asked, crumb: Option<&Crumb>) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v8/finance/chart/{}", utf8_percent_encode(&asked.symbol, SYMBOL)));
        let (first, end) = asked.seconds();
        let mut query = url.query_pairs_mut();
        query.append_pair("period1", &first.to_string()).append_pair("period2", &end.to_string());
        query.append_pair("interval", "1d").append_pair("includePrePost", "false");
        query.append_pair("events", "div,splits,capitalGains");
        if let Some(crumb) = crumb {
            query.append_pair("crumb", &crumb.crumb);
        }
        drop(query);
        url
    }
}

/// The answer's bytes, as long as there are not too many.
async fn bounded(mut answer: Response) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    loop {
        let chunk = answer.chunk().await;
        let chunk =
            chunk.map_err(|error| Failed::passing(SourceError::Unavailable(error.without_url().to_string())))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failed::lasting(SourceError::TooLong { bytes_max: ANSWER_BYTES_MAX }));
        }
        body.extend_from_slice(&chunk);
    }
}

/// For how long the source asks to be left alone: seconds, or a time.
fn retry_after(answer: &Response, now: Timestamp) -> Option<Duration> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// A share of the pause, by chance.
fn jitter(pause: Duration) -> Duration {
    let [chance, ..] = *uuid::Uuid::new_v4().as_bytes();
    pause * u32::from(chance) / u32::from(u8::MAX)
}

fn told(body: &[u8]) -> String {
    chart::error_of(body).unwrap_or_else(|| {
        String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(TOLD_CHARS_MAX).collect()
    })
}
