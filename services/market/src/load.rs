//! Loading: what a source says is compared with what is known, and becomes events where it is new or different.

use std::sync::Arc;
use std::time::Duration;

use events::asset::{Asset, AssetCommand, AssetRejection, Listed, PriceBasis};
use events::values::{
    Actor, AssetId, BARS_MAX, Bar, Bars, CommandId, Currency, Listing, Name, Note, Payment, PaymentKind,
};
use jiff::Timestamp;
use jiff::civil::Date;
use journal::{CommandContext, ExecuteError, Expect, Journal, Outcome, ReadError};
use tokio::task::JoinSet;

use crate::source::{Dropped, Fetched, Quotes, Source, SourceError};

/// Assets that are recorded at once. Appends wait for the disk, and servers commit those that wait together.
const ASSETS_AT_ONCE: usize = 32;
/// Attempts at one command whose outcome is open or that had to wait too long.
const COMMAND_ATTEMPTS_MAX: u32 = 3;
/// The pause before such an attempt.
const COMMAND_PAUSE: Duration = Duration::from_millis(500);

/// How to load.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Who loads, as events name it.
    pub actor: Actor,
    /// The currency of assets that are not listed and of which the source does not say.
    pub currency: Currency,
    /// Whether prices that another source gave are corrected, too.
    pub overrule: bool,
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
    pub dropped: Vec<Dropped>,
    /// When the source said this, where it did not answer now.
    pub kept_since: Option<Timestamp>,
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
            Self::Log(_) | Self::Read(_) => true,
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
            else => return report,
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
        sum.dropped.extend(one.dropped.iter().cloned());
    }
}

async fn record(journal: Journal, source: Name, options: Arc<LoadOptions>, fetched: Fetched) -> Loaded {
    let Fetched { asset, quotes } = fetched;
    let result = match quotes {
        Ok(quotes) => {
            let recorded = Recorded::default();
            let recording =
                Recording { journal: &journal, asset: &asset, source: &source, options: &options, recorded };
            recording.all(quotes).await
        }
        Err(error) => Err(error.into()),
    };
    Loaded { asset, result }
}

/// One asset while it is recorded.
struct Recording<'a> {
    journal: &'a Journal,
    asset: &'a AssetId,
    source: &'a Name,
    options: &'a LoadOptions,
    recorded: Recorded,
}

impl Recording<'_> {
    async fn all(mut self, mut quotes: Quotes) -> Result<Recorded, LoadError> {
        self.recorded.given = quotes.bars.len();
        self.recorded.kept_since = quotes.kept_since;
        self.recorded.dropped = std::mem::take(&mut quotes.dropped);
        let says_something = !(quotes.bars.is_empty() && quotes.splits.is_empty() && quotes.payments.is_empty());
        let known = self.list(quotes.listing.take()).await?;
        if let Some((_, basis)) = known.prices_of.as_ref().filter(|(_, basis)| says_something && *basis != quotes.basis)
        {
            // Nothing of it compares: neither prices nor payments, which are adjusted as the prices are.
            return Err(LoadError::OtherBasis { known: basis.word(), given: quotes.basis.word() });
        }
        if let Some(missing) = missing_past(&known, &quotes) {
            return Err(missing);
        }
        let is_own = known.prices_of.as_ref().is_none_or(|(before, _)| before == self.source);
        let may_change = is_own || self.options.overrule;
        let (new, changed) = compare(&known, quotes.bars);
        // Corrections first: new prices beside wrong ones would be refused.
        if !changed.is_empty() {
            if may_change {
                self.recorded.corrected = changed.len();
                let reason = Note::parse("the source gives other values now").expect("a short plain text is a note");
                for bars in chunks(changed)? {
                    let (source, reason) = (self.source.clone(), reason.clone());
                    self.execute(AssetCommand::CorrectPrices { source, reason, bars }).await?;
                }
            } else {
                self.recorded.contradicted = changed.len();
            }
        }
        self.recorded.new_bars = new.len();
        for bars in chunks(new)? {
            let (source, basis) = (self.source.clone(), quotes.basis);
            self.execute(AssetCommand::RecordPrices { source, basis, bars }).await?;
        }
        for (date, ratio) in quotes.splits {
            match known.splits.get(&date) {
                Some(before) if *before == ratio => {}
                Some(_) if !may_change => self.recorded.contradicted += 1,
                _ => {
                    self.recorded.actions += 1;
                    self.execute(AssetCommand::RecordSplit { source: self.source.clone(), date, ratio }).await?;
                }
            }
        }
        for (ex_date, kind, payment) in quotes.payments {
            match known.payments.get(&(ex_date, kind)) {
                Some(before) if *before == payment => {}
                Some(_) if !may_change => self.recorded.contradicted += 1,
                _ => self.pay(ex_date, kind, payment).await?,
            }
        }
        Ok(self.recorded)
    }

    /// Records a payment, or tells that it cannot be one. The rest of what the source says may be right all the same.
    async fn pay(&mut self, ex_date: Date, kind: PaymentKind, payment: Payment) -> Result<(), LoadError> {
        let source = self.source.clone();
        match self.execute(AssetCommand::RecordPayment { source, ex_date, kind, payment }).await {
            Ok(_) => self.recorded.actions += 1,
            Err(LoadError::Rejected(AssetRejection::PaymentNotBelowPrice { .. })) => {
                let reason = "the payment is not below the close before it";
                self.recorded.dropped.push(Dropped { place: ex_date.to_string(), reason });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What is known of the asset, which is listed where it was not.
    async fn list(&mut self, said: Option<Listing>) -> Result<Listed, LoadError> {
        let known = self.journal.state::<Asset>(self.asset).await?.state;
        let said_currency = said.as_ref().map(|listing| listing.currency);
        if let Asset::Listed(known) = known {
            let listed = known.listing.currency;
            return match said_currency {
                Some(given) if given != listed => Err(LoadError::OtherCurrency { listed, given }),
                _ => Ok(known),
            };
        }
        let named_by_symbol = || {
            let name = Name::parse(self.asset.as_str()).expect("a symbol is a name");
            Listing::new(name, self.options.currency)
        };
        match self.execute(AssetCommand::List(said.unwrap_or_else(named_by_symbol))).await? {
            Asset::Listed(listed) => Ok(listed),
            Asset::Unknown => Err(LoadError::NotKept("the asset was not listed".to_owned())),
        }
    }

    /// The state after the command, which is given again under the same id where its outcome is open.
    async fn execute(&mut self, command: AssetCommand) -> Result<Asset, LoadError> {
        let context = CommandContext {
            command_id: CommandId::new(uuid::Uuid::new_v4()),
            time: (self.options.clock)(),
            actor: self.options.actor.clone(),
            expect: Expect::Any,
            request_digest: None,
            causation_id: None,
        };
        let mut attempt = 1;
        loop {
            match self.journal.execute::<Asset>(self.asset, &command, &context).await {
                Ok(done) => {
                    self.recorded.events += usize::from(done.outcome != Outcome::Unchanged);
                    return Ok(done.state);
                }
                Err(ExecuteError::Rejected(rejection)) => return Err(rejection.into()),
                Err(error) if attempt >= COMMAND_ATTEMPTS_MAX => return Err(LoadError::Log(Box::new(error))),
                Err(error) => {
                    tracing::warn!(asset = %self.asset, %error, attempt, "the log is asked again");
                    attempt += 1;
                    tokio::time::sleep(COMMAND_PAUSE).await;
                }
            }
        }
    }
}

/// What is missing of a past that a split restates: prices in units of today beside older ones would be a fall or a rise
/// that never was.
fn missing_past(known: &Listed, quotes: &Quotes) -> Option<LoadError> {
    if quotes.basis != PriceBasis::SplitAdjusted {
        return None;
    }
    let first_day = known.bars.as_slice().first()?.date;
    let (split, _) = *quotes.splits.iter().find(|(date, ratio)| known.splits.get(date) != Some(ratio))?;
    let given_from = quotes.bars.first().map_or(split, |bar| bar.date);
    (first_day < given_from && first_day < split).then_some(LoadError::PastMissing { split, first_day })
}

/// Bars of days that have none, and bars that say other or more than what is known.
fn compare(known: &Listed, bars: Vec<Bar>) -> (Vec<Bar>, Vec<Bar>) {
    if known.bars.as_slice().is_empty() {
        return (bars, Vec::new());
    }
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for bar in bars {
        match known.bars.get(bar.date) {
            None => new.push(bar),
            Some(before) if before.updated_by(&bar) != *before => changed.push(bar),
            Some(_) => {}
        }
    }
    (new, changed)
}

fn chunks(bars: Vec<Bar>) -> Result<Vec<Bars>, LoadError> {
    let valid = |bars| Bars::of(bars).map_err(|error| LoadError::NotKept(error.to_string()));
    match bars.len() {
        0 => Ok(Vec::new()),
        1..=BARS_MAX => Ok(vec![valid(bars)?]),
        _ => bars.chunks(BARS_MAX).map(|chunk| valid(chunk.to_vec())).collect(),
    }
}
