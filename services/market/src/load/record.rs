//! One asset: what a source says of it is compared with what is known, and becomes commands where it is new or different.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use events::asset::{Asset, AssetCommand, AssetRejection, LastWord, Listed, PriceBasis};
use events::values::{AssetId, BARS_MAX, Bar, Bars, CommandId, Listing, Name, Note, Payment, PaymentKind};
use jiff::civil::Date;
use journal::{CommandContext, ExecuteError, Expect, Journal, Outcome};

use super::new_units::NewUnits;
use super::restated::restated;
use super::sense::{only_of_believed_days, sensible};
use super::units::in_one_unit;
use super::{LoadError, LoadOptions, Loaded, Recorded};
use crate::left_out::Dropped;
use crate::source::{Fetched, Quotes};

/// Attempts at one command whose outcome is open or that had to wait too long.
const COMMAND_ATTEMPTS_MAX: u32 = 3;
/// The pause before such an attempt.
const COMMAND_PAUSE: Duration = Duration::from_millis(500);

/// Records what a source said of an asset.
pub async fn record(journal: Journal, source: Name, options: Arc<LoadOptions>, fetched: Fetched) -> Loaded {
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

/// What a source says of a split or a payment, beside what is known.
enum Compared {
    /// It is known.
    Same,
    /// Another said otherwise, or a person withdrew it.
    Contradicts,
    /// It is new, or what the same source says now.
    News,
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
        self.recorded.time_zone = quotes.listing.as_ref().and_then(|listing| listing.time_zone.clone());
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
        only_of_believed_days(&mut quotes.bars, (self.options.clock)(), &mut self.recorded.dropped);
        sensible(&mut quotes.bars, &mut self.recorded.dropped);
        if !self.options.unit_confirmed {
            restated(&known, &mut quotes, &mut self.recorded.dropped)?;
            in_one_unit(&known, &mut quotes, &mut self.recorded.dropped);
        }
        if let Some(delisted) = known.delisted {
            self.before(delisted, &mut quotes);
        }
        // Whoever had the last word on a day may change it; another only where that is wanted.
        let may_change = |by: Option<&Name>| self.options.overrule || by.is_none_or(|by| by == self.source);
        let units = NewUnits::of(&known, &quotes);
        let days = quotes.bars.iter().map(|bar| bar.date);
        let own_days: BTreeSet<Date> = days.filter(|date| may_change(known.price_by(*date))).collect();
        let (new, changed) = compare(&known, quotes.bars);
        let (changed, left): (Vec<Bar>, Vec<Bar>) =
            changed.into_iter().partition(|bar| may_change(known.price_by(bar.date)));
        self.recorded.contradicted = left.len();
        self.recorded.corrected = changed.len();
        // Corrections first: new prices beside wrong ones would be refused.
        let reason = Note::parse("the source gives other values now").expect("a short plain text is a note");
        for bars in chunks(changed)? {
            let (source, reason) = (self.source.clone(), reason.clone());
            self.execute(AssetCommand::CorrectPrices { source, reason, bars }).await?;
        }
        self.restate(&known, &units, &own_days).await?;
        self.recorded.new_bars = new.len();
        for bars in chunks(new)? {
            let (source, basis) = (self.source.clone(), quotes.basis);
            self.execute(AssetCommand::RecordPrices { source, basis, bars }).await?;
        }
        for (date, ratio) in quotes.splits {
            match self.compared(known.splits.get(&date), ratio) {
                Compared::Same => {}
                Compared::Contradicts => self.recorded.contradicted += 1,
                Compared::News => {
                    self.recorded.actions += 1;
                    self.execute(AssetCommand::RecordSplit { source: self.source.clone(), date, ratio }).await?;
                }
            }
        }
        for (ex_date, kind, payment) in quotes.payments {
            let word = known.payments.get(&(ex_date, kind));
            let is_withdrawn =
                word.is_some_and(|word| word.is_withdrawn && units.is_same(ex_date, word.value, payment));
            if is_withdrawn && !self.options.overrule {
                self.recorded.contradicted += 1;
                continue;
            }
            match self.compared(word, payment) {
                Compared::Same => {}
                Compared::Contradicts => self.recorded.contradicted += 1,
                Compared::News => self.pay(ex_date, kind, payment).await?,
            }
        }
        Ok(self.recorded)
    }

    /// Restates for splits that are news what others had the last word on, in their names: beside prices in new units,
    /// nothing may stay in old ones.
    async fn restate(&mut self, known: &Listed, units: &NewUnits, own_days: &BTreeSet<Date>) -> Result<(), LoadError> {
        let reason = Note::parse("restated for a split").expect("a short plain text is a note");
        let mut of_others: BTreeMap<&str, (&Name, Vec<Bar>)> = BTreeMap::new();
        let others = known.bars.as_slice().iter().filter(|bar| !own_days.contains(&bar.date));
        for (bar, by) in others.filter_map(|bar| Some((units.bar(bar)?, known.price_by(bar.date)?))) {
            of_others.entry(by.as_str()).or_insert((by, Vec::new())).1.push(bar);
        }
        for (source, bars) in of_others.into_values() {
            self.recorded.corrected += bars.len();
            for bars in chunks(bars)? {
                let (source, reason) = (source.clone(), reason.clone());
                self.execute(AssetCommand::CorrectPrices { source, reason, bars }).await?;
            }
        }
        for ((ex_date, kind), word) in known.payments.iter().filter(|(_, word)| word.source != *self.source) {
            let restated = word.standing().and_then(|payment| units.payment(*ex_date, payment));
            if let Some(payment) = restated {
                let (source, ex_date, kind) = (word.source.clone(), *ex_date, *kind);
                self.recorded.actions += 1;
                self.execute(AssetCommand::RecordPayment { source, ex_date, kind, payment }).await?;
            }
        }
        Ok(())
    }

    /// What the source's word is beside the last one. What was withdrawn is not news because it is said again.
    fn compared<T: Copy + PartialEq>(&self, known: Option<&LastWord<T>>, said: T) -> Compared {
        match known {
            Some(word) if word.standing() == Some(said) => Compared::Same,
            Some(word) if !self.options.overrule && word.is_withdrawn && word.value == said => Compared::Contradicts,
            Some(word) if !self.options.overrule && !word.is_withdrawn && word.source != *self.source => {
                Compared::Contradicts
            }
            _ => Compared::News,
        }
    }

    /// Leaves out what is said of days on which the asset was traded no more, and tells.
    fn before(&mut self, delisted: Date, quotes: &mut Quotes) {
        const WHY: &str = "the asset was traded no more";
        let later = quotes.bars.partition_point(|bar| bar.date < delisted);
        for bar in quotes.bars.drain(later..) {
            self.recorded.dropped.add(|| Dropped::at(bar.date, WHY));
        }
        let mut is_before = |date: Date, noun: &str| {
            if date >= delisted {
                self.recorded.dropped.add(|| Dropped::at(format!("{date} {noun}"), WHY));
            }
            date < delisted
        };
        quotes.splits.retain(|(date, _)| is_before(*date, "split"));
        quotes.payments.retain(|(date, ..)| is_before(*date, "payment"));
    }

    /// Records a payment, or tells that it cannot be one. The rest of what the source says may be right all the same.
    async fn pay(&mut self, ex_date: Date, kind: PaymentKind, payment: Payment) -> Result<(), LoadError> {
        let source = self.source.clone();
        match self.execute(AssetCommand::RecordPayment { source, ex_date, kind, payment }).await {
            Ok(_) => self.recorded.actions += 1,
            Err(LoadError::Rejected(AssetRejection::PaymentNotBelowPrice { .. })) => {
                let reason = "the payment is not below the close before it";
                let dropped = || Dropped::at(format!("{ex_date} payment"), reason);
                self.recorded.dropped.add(|| dropped().saying(&payment.amount().to_string()));
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
    let (split, _) = *quotes.splits.iter().find(|(date, ratio)| known.split_on(*date) != Some(*ratio))?;
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
