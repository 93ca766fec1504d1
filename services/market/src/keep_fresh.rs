//! The `load` role: assets are loaded after each trading day of their exchange, in its time zone.

use std::collections::BTreeMap;
use std::time::Duration;

use events::values::{AssetId, TimeZoneName};
use events::{Asset, Calendar};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use journal::{Journal, ReadError};
use tokio_util::sync::CancellationToken;

use crate::load::{LoadError, LoadOptions, load};
use crate::source::{SourceError, Window};
use crate::yahoo::{Yahoo, YahooSettings};

/// What to keep fresh, and when.
#[derive(Debug, Clone)]
pub struct FreshSettings {
    /// The assets.
    pub assets: Vec<AssetId>,
    /// The time of day at the exchange. 19:00: after the close, and after sources have the final prices.
    pub at: Time,
    /// Days before the last known price that are asked for again, so that corrections are noticed. 10.
    pub overlap_days: i64,
    /// How to ask. Where answers are kept for a while, an evening may be answered with the morning's: let them be valid
    /// for no time, then they only stand in while the source is away.
    pub yahoo: YahooSettings,
    /// How to load.
    pub options: LoadOptions,
}

/// Why nothing is kept fresh any longer.
#[derive(Debug, thiserror::Error)]
pub enum KeepFreshError {
    /// The settings make no source.
    #[error("the source cannot be asked")]
    Source(#[from] SourceError),
}

/// The longest wait at a time, so that a clock that was set is noticed.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// The pause after the log could not be read.
const READ_PAUSE: Duration = Duration::from_secs(10);
/// Things that were left out of an asset of which each is told.
const DROPPED_TOLD_MAX: usize = 10;
/// The pause after the source did not answer, or only with what it had said before.
const SOURCE_PAUSE: Duration = Duration::from_secs(1_800);

/// Keeps the assets fresh until it is told to stop. What was missed is made up for at once.
///
/// # Errors
/// Where the source cannot even be asked.
pub async fn run(journal: Journal, settings: FreshSettings, stop: CancellationToken) -> Result<(), KeepFreshError> {
    let mut due: BTreeMap<AssetId, Timestamp> = BTreeMap::new();
    let yahoo = Yahoo::new(settings.yahoo.clone(), Vec::new(), Window::default())?;
    loop {
        let now = (settings.options.clock)();
        let ready: Vec<AssetId> =
            settings.assets.iter().filter(|asset| due.get(*asset).is_none_or(|due| *due <= now)).cloned().collect();
        for asset in ready {
            let source = yahoo.about(vec![asset.clone()], Window::default());
            let loading = refresh(&journal, &settings, source, &asset);
            let refreshed = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                refreshed = loading => refreshed,
            };
            let again = match refreshed {
                Ok(Refreshed { zone, calendar, missed: None }) => next_due(now, &zone, calendar, settings.at),
                Ok(Refreshed { zone, calendar, missed: Some(Missed { not_before }) }) => {
                    let soon = next_due(now, &zone, calendar, settings.at).min(now + SOURCE_PAUSE);
                    not_before.map_or(soon, |not_before| not_before.max(soon))
                }
                Err(error) => {
                    tracing::warn!(%asset, %error, "it is tried again to keep an asset fresh");
                    now + READ_PAUSE
                }
            };
            due.insert(asset, again);
        }
        let next = due.values().min().copied();
        let wait = next.map_or(WAIT_MAX, |next| {
            Duration::try_from(next.duration_since((settings.options.clock)())).unwrap_or_default().min(WAIT_MAX)
        });
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What came of one asset.
struct Refreshed {
    /// Where its next day ends.
    zone: TimeZone,
    /// On which days there are new prices.
    calendar: Calendar,
    /// What the source did not say now and may say later.
    missed: Option<Missed>,
}

/// Something that the source did not say.
struct Missed {
    /// When it wants to be asked again, where it said.
    not_before: Option<Timestamp>,
}

/// What one load came to.
#[derive(Default)]
struct Once {
    missed: Option<Missed>,
    /// From which day on it has to be asked again, where a split restates everything.
    restated: Option<Date>,
    /// The exchange's time zone, where the source says.
    zone: Option<TimeZoneName>,
}

/// Loads one asset from a little before its last price on.
async fn refresh(
    journal: &Journal,
    settings: &FreshSettings,
    yahoo: Yahoo,
    asset: &AssetId,
) -> Result<Refreshed, ReadError> {
    let known = journal.state::<Asset>(asset).await?.state;
    let last_day = match &known {
        Asset::Listed(known) => known.bars.as_slice().last().map(|bar| bar.date),
        Asset::Unknown => None,
    };
    let from = last_day.and_then(|day| day.checked_sub(Span::new().days(settings.overlap_days)).ok());
    let whole = yahoo.about(vec![asset.clone()], Window::default());
    let mut ended = once(journal, settings, yahoo.within(Window { from, to: None })).await;
    if let Some(first_day) = ended.restated {
        ended = once(journal, settings, whole.within(Window { from: Some(first_day), to: None })).await;
    }
    let known = journal.state::<Asset>(asset).await?.state;
    let (listed, calendar) = match known {
        Asset::Listed(known) => (known.listing.time_zone, Calendar::of(known.listing.exchange.as_ref())),
        Asset::Unknown => (None, Calendar::Weekdays),
    };
    // Whoever listed it by hand or from a table may not have said.
    let zone = listed.or(ended.zone).and_then(|zone| TimeZone::get(zone.as_str()).ok()).unwrap_or(TimeZone::UTC);
    Ok(Refreshed { zone, calendar, missed: ended.missed })
}

/// Loads what the source says now.
async fn once(journal: &Journal, settings: &FreshSettings, mut source: Yahoo) -> Once {
    let mut ended = Once::default();
    load(journal, &mut source, &settings.options, |progress| {
        let asset = &progress.last.asset;
        match &progress.last.result {
            Ok(recorded) => {
                ended.missed = recorded.kept_since.map(|_| Missed { not_before: None });
                ended.zone.clone_from(&recorded.time_zone);
                for dropped in recorded.dropped.told().iter().take(DROPPED_TOLD_MAX) {
                    let value = dropped.value.as_deref();
                    tracing::warn!(%asset, place = dropped.place, reason = dropped.reason, value, "something is left out");
                }
                tracing::info!(
                    %asset,
                    new_bars = recorded.new_bars,
                    corrected = recorded.corrected,
                    actions = recorded.actions,
                    dropped = recorded.dropped.count(),
                    kept_since = recorded.kept_since.map(|since| since.to_string()),
                    "an asset is fresh"
                );
            }
            Err(LoadError::PastMissing { first_day, .. }) => ended.restated = Some(*first_day),
            Err(error) => {
                let not_before = match error {
                    LoadError::Source(SourceError::ComeAgain { at }) => Some(*at),
                    _ => None,
                };
                ended.missed = error.is_passing().then_some(Missed { not_before });
                tracing::warn!(%asset, error = error as &dyn std::error::Error, "an asset stays as it was");
            }
        }
    })
    .await;
    ended
}

/// The next time at which it is `at` on a day of the calendar in the zone, after now.
#[must_use]
pub fn next_due(now: Timestamp, zone: &TimeZone, calendar: Calendar, at: Time) -> Timestamp {
    /// Days that are looked at: no exchange was ever closed for so long, whatever the clocks do.
    const DAYS_MAX: i64 = 12;
    let today = zone.to_datetime(now).date();
    let candidates = (0..DAYS_MAX).filter_map(|days| {
        let day = today.checked_add(days.days()).ok()?;
        let due = zone.to_timestamp(day.to_datetime(at)).ok()?;
        (calendar.is_session(day) && due > now).then_some(due)
    });
    candidates.min().unwrap_or(now + Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::time;
    use jiff::tz::TimeZone;

    use events::Calendar;

    use super::next_due;

    fn due(now: &str, zone: &str) -> String {
        let now: Timestamp = now.parse().unwrap();
        next_due(now, &TimeZone::get(zone).unwrap(), Calendar::Weekdays, time(19, 0, 0, 0)).to_string()
    }

    #[test]
    fn it_is_the_evening_of_the_exchange_that_counts() {
        assert_eq!(due("2024-01-10T12:00:00Z", "America/New_York"), "2024-01-11T00:00:00Z");
        assert_eq!(due("2024-01-10T12:00:00Z", "Asia/Tokyo"), "2024-01-11T10:00:00Z");
        assert_eq!(due("2024-01-10T19:00:00Z", "Europe/London"), "2024-01-11T19:00:00Z", "not now again");
    }

    #[test]
    fn nothing_is_due_at_weekends_and_the_clocks_may_change() {
        assert_eq!(due("2024-03-08T23:00:00Z", "UTC"), "2024-03-11T19:00:00Z");
        assert_eq!(due("2024-03-09T12:00:00Z", "America/New_York"), "2024-03-11T23:00:00Z", "summer time begins");
    }

    #[test]
    fn nothing_is_due_on_a_holiday_of_the_exchange() {
        let now: Timestamp = "2024-03-29T01:00:00Z".parse().unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        let due = next_due(now, &zone, Calendar::NewYork, time(19, 0, 0, 0));
        assert_eq!(due.to_string(), "2024-04-01T23:00:00Z", "not on Good Friday");
    }
}
