//! Loading: what a source says is compared with what is known, and becomes events where it is new or different.

mod new_units;
mod record;
mod restated;
mod sense;
mod units;

use std::sync::Arc;

use events::asset::AssetRejection;
use events::values::{Actor, AssetId, Currency, TimeZoneName};
use jiff::Timestamp;
use jiff::civil::Date;
use journal::{ExecuteError, Journal, ReadError};
use tokio::task::JoinSet;

use crate::left_out::LeftOut;
use crate::source::{Source, SourceError};
use record::record;

/// Assets that are recorded at once. Appends wait for the disk, and servers commit those that wait together.
const ASSETS_AT_ONCE: usize = 32;
/// How to load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Who loads, as events name it.
    pub actor: Actor,
    /// The currency of assets that are not listed and of which the source does not say.
    pub currency: Currency,
    /// Whether prices that another source gave are corrected, too.
    pub overrule: bool,
    /// Whether a person says that prices in another unit than those before are right.
    pub unit_confirmed: bool,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// What came of one asset.
#[derive(Debug)]
pub struct Loaded {
    /// Which asset.
    pub asset: AssetId,
    /// What was recorded, or why nothing was.
    pub result: Result<Recorded, LoadError>,
}

/// What was recorded of one asset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Bars that the source gave.
    pub given: usize,
    /// Bars of days that had none.
    pub new_bars: usize,
    /// Bars that had to be corrected.
    pub corrected: usize,
    /// Bars, splits and payments that differ from what another source gave, and were left as they are.
    pub contradicted: usize,
    /// Splits and payments that were new or different.
    pub actions: usize,
    /// Events that were written.
    pub events: usize,
    /// What was not taken of what the source said, and why.
    pub dropped: LeftOut,
    /// When the source said this, where it did not answer now.
    pub kept_since: Option<Timestamp>,
    /// The exchange's time zone, where the source says.
    pub time_zone: Option<TimeZoneName>,
}

/// Why an asset was not loaded. What was known of it stays.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The source said nothing.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The asset is listed in another currency.
    #[error("it is listed in {listed}, and the source speaks of {given}")]
    OtherCurrency {
        /// The currency of the listing.
        listed: Currency,
        /// The source's.
        given: Currency,
    },
    /// Its prices say something else than the source's.
    #[error("its prices are {known}, and the source's are {given}")]
    OtherBasis {
        /// What its prices say, in one word.
        known: &'static str,
        /// What the source's say.
        given: &'static str,
    },
    /// Units were split, so the source restates all prices before, and gave only some of them.
    #[error("its units were split on {split}, which restates its prices since {first_day}: load all of them")]
    PastMissing {
        /// The first day on the new units.
        split: Date,
        /// The first day with a known price.
        first_day: Date,
    },
    /// Units were split, and the source gives prices before it in old units still.
    #[error("its units were split on {split}, and the source has not restated its prices before that yet")]
    PastNotRestated {
        /// The first day on the new units.
        split: Date,
    },
    /// Its rules refuse what the source says.
    #[error("it was refused")]
    Rejected(#[from] AssetRejection),
    /// The log did not take it.
    #[error("the log did not take it")]
    Log(#[source] Box<ExecuteError<AssetRejection>>),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the source says is more or other than can be kept.
    #[error("it cannot be kept: {0}")]
    NotKept(String),
}

impl LoadError {
    /// Whether the same may go well later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Source(error) => error.is_passing(),
            Self::Log(_) | Self::Read(_) | Self::PastNotRestated { .. } => true,
            Self::OtherCurrency { .. }
            | Self::OtherBasis { .. }
            | Self::PastMissing { .. }
            | Self::Rejected(_)
            | Self::NotKept(_) => false,
        }
    }
}

/// How far loading has come.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Assets that are done.
    pub done: usize,
    /// Assets that there are, where the source knows.
    pub total: Option<usize>,
    /// The asset that was done just now.
    pub last: &'a Loaded,
}

/// What came of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Assets of which the source said something.
    pub assets: usize,
    /// Assets that could not be loaded.
    pub failed: usize,
    /// All else, added up.
    pub sum: Recorded,
    /// What the source said of no asset that can be.
    pub unclaimed: LeftOut,
}

/// Loads everything that the source says. Assets that fail stop nobody else.
pub async fn load(
    journal: &Journal,
    source: &mut impl Source,
    options: &LoadOptions,
    mut progress: impl FnMut(Progress<'_>),
) -> Report {
    let (name, total) = (source.name().clone(), source.assets());
    let options = Arc::new(options.clone());
    let mut report = Report::default();
    let mut recording = JoinSet::new();
    let mut is_open = true;
    loop {
        let ended = tokio::select! {
            said = source.next(), if is_open && recording.len() < ASSETS_AT_ONCE => {
                match said {
                    Some(fetched) => {
                        recording.spawn(record(journal.clone(), name.clone(), options.clone(), fetched));
                    }
                    None => is_open = false,
                }
                continue;
            }
            Some(ended) = recording.join_next() => ended,
            else => break,
        };
        report.assets += 1;
        match ended {
            Ok(loaded) => {
                match &loaded.result {
                    Ok(recorded) => report.add(recorded),
                    Err(_) => report.failed += 1,
                }
                progress(Progress { done: report.assets, total, last: &loaded });
            }
            Err(error) => {
                tracing::error!(%error, "loading an asset panicked");
                report.failed += 1;
            }
        }
    }
    report.unclaimed = source.unclaimed();
    report
}

impl Report {
    fn add(&mut self, one: &Recorded) {
        let sum = &mut self.sum;
        sum.given += one.given;
        sum.new_bars += one.new_bars;
        sum.corrected += one.corrected;
        sum.contradicted += one.contradicted;
        sum.actions += one.actions;
        sum.events += one.events;
        sum.dropped.add_all(one.dropped.clone());
    }
}
