//! Assets: what can be held, the prices it was seen at, and what became of its units.
//!
//! Cash is an asset of its own kind: one unit of its currency with the interest that it earns, so that it has no prices, splits
//! or payments, and carries the least risk there is.

mod confirmation;
mod listed;
mod prices;
mod rejection;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use crate::decider::Decider;
use crate::subject::Kind;
use crate::values::{
    AssetDetails, AssetId, Bar, Bars, InterestRate, Listing, Name, Note, Payment, PaymentKind, RiskClass, SplitRatio,
};

pub use self::confirmation::Confirmation;
pub use self::listed::{LastWord, Listed};
pub use self::prices::{Correction, PriceBasis};
use self::prices::{corrections, unknown_bars};
pub use self::rejection::AssetRejection;

/// What can be wished of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetCommand {
    /// Put the asset on the list.
    List(Listing),
    /// Tell otherwise what it is called, what it is and where it is traded.
    Edit {
        /// All of its details.
        details: Box<AssetDetails>,
        /// Why.
        reason: Note,
    },
    /// Take down prices that were seen.
    RecordPrices {
        /// Who gave them.
        source: Name,
        /// What they say.
        basis: PriceBasis,
        /// The prices.
        bars: Bars,
    },
    /// Take down that prices which are known were not so, or not all there was to know of their days.
    CorrectPrices {
        /// Who says so.
        source: Name,
        /// Why.
        reason: Note,
        /// The prices as they are believed now, all of days that have prices.
        bars: Bars,
    },
    /// Take down that units were split.
    RecordSplit {
        /// Who says so.
        source: Name,
        /// The first day on the new units.
        date: Date,
        /// New units for old ones.
        ratio: SplitRatio,
    },
    /// Take down that cash was paid.
    RecordPayment {
        /// Who says so.
        source: Name,
        /// The first day on which a buyer no longer gets it.
        ex_date: Date,
        /// What it is paid from.
        kind: PaymentKind,
        /// How much for one unit.
        payment: Payment,
    },
    /// Take down that units were not split that day, although it was believed.
    WithdrawSplit {
        /// Who says so.
        source: Name,
        /// Why.
        reason: Note,
        /// What was believed to be the first day on the new units.
        date: Date,
    },
    /// Take down that cash was not paid, although it was believed.
    WithdrawPayment {
        /// Who says so.
        source: Name,
        /// Why.
        reason: Note,
        /// What was believed to be the ex-date.
        ex_date: Date,
        /// What it was believed to be paid from.
        kind: PaymentKind,
    },
    /// Say what cash earns from a day on, until a later day of which something is said.
    SetInterest {
        /// The day from whose end on it is earned.
        from: Date,
        /// How much a year.
        rate: InterestRate,
        /// Why.
        reason: Note,
    },
    /// Say how much risk it carries.
    Rate {
        /// How much.
        class: RiskClass,
        /// Why.
        reason: Note,
    },
    /// Take the asset off the list of what is traded.
    Delist {
        /// The first day without trading.
        date: Date,
        /// Why.
        reason: Note,
    },
}

/// What has happened to an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetEvent {
    /// It is on the list.
    Listed(Listing),
    /// It is called, classed or traded otherwise.
    Edited {
        /// All of its details.
        details: Box<AssetDetails>,
        /// Why.
        reason: Note,
    },
    /// Prices became known that were not known before.
    Priced {
        /// Who gave them.
        source: Name,
        /// What they say.
        basis: PriceBasis,
        /// The new prices alone.
        bars: Bars,
    },
    /// Prices that were believed are believed no longer.
    Corrected {
        /// Who says so.
        source: Name,
        /// Why.
        reason: Note,
        /// What was and what is, ascending by day.
        corrections: Vec<Correction>,
    },
    /// Units were split.
    Split {
        /// Who says so.
        source: Name,
        /// The first day on the new units.
        date: Date,
        /// New units for old ones.
        ratio: SplitRatio,
        /// What was believed before, where this corrects it.
        was: Option<SplitRatio>,
    },
    /// Cash was paid.
    Dividend {
        /// Who says so.
        source: Name,
        /// The first day on which a buyer no longer gets it.
        ex_date: Date,
        /// What it is paid from.
        kind: PaymentKind,
        /// How much for one unit.
        payment: Payment,
        /// What was believed before, where this corrects it.
        was: Option<Payment>,
    },
    /// A split that was believed is believed no longer.
    SplitWithdrawn {
        /// Who says so.
        source: Name,
        /// Why.
        reason: Note,
        /// What was believed to be the first day on the new units.
        date: Date,
        /// What was believed.
        was: SplitRatio,
    },
    /// A payment that was believed is believed no longer.
    PaymentWithdrawn {
        /// Who says so.
        source: Name,
        /// Why.
        reason: Note,
        /// What was believed to be the ex-date.
        ex_date: Date,
        /// What it was believed to be paid from.
        kind: PaymentKind,
        /// What was believed.
        was: Payment,
    },
    /// Cash earns this from a day on, until a later day of which something is said.
    InterestSet {
        /// The day from whose end on it is earned.
        from: Date,
        /// How much a year.
        rate: InterestRate,
        /// What was believed to be earned from that very day on, where this corrects it.
        was: Option<InterestRate>,
        /// Why.
        reason: Note,
    },
    /// It carries this much risk.
    Rated {
        /// How much.
        class: RiskClass,
        /// Why.
        reason: Note,
    },
    /// It is traded no more.
    Delisted {
        /// The first day without trading.
        date: Date,
        /// Why.
        reason: Note,
    },
    /// Somebody said what was known already: nothing changes by it.
    Confirmed {
        /// What they said.
        what: Confirmation,
        /// Why, where they had to say so.
        reason: Option<Note>,
    },
}

/// An asset, as history left it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Asset {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// On the list.
    Listed(Listed),
}

impl Asset {
    /// The first day without trading, where it has come by this day.
    #[must_use]
    pub fn delisted_by(&self, day: Date) -> Option<Date> {
        match self {
            Self::Unknown => None,
            Self::Listed(asset) => asset.delisted.filter(|since| *since <= day),
        }
    }
}

impl Decider for Asset {
    const KIND: Kind = Kind::Asset;
    type Id = AssetId;
    type Command = AssetCommand;
    type Event = AssetEvent;
    type Rejection = AssetRejection;

    fn decide(&self, command: &AssetCommand) -> Result<Option<AssetEvent>, AssetRejection> {
        match (self, command) {
            (Self::Unknown, AssetCommand::List(listing)) => match listing.risk_class {
                Some(given) if listing.is_cash() && given != RiskClass::Conservative => {
                    Err(AssetRejection::CashIsConservative { given })
                }
                _ => Ok(Some(AssetEvent::Listed(listing.clone()))),
            },
            (
                Self::Unknown,
                AssetCommand::Edit { .. }
                | AssetCommand::RecordPrices { .. }
                | AssetCommand::CorrectPrices { .. }
                | AssetCommand::RecordSplit { .. }
                | AssetCommand::RecordPayment { .. }
                | AssetCommand::WithdrawSplit { .. }
                | AssetCommand::WithdrawPayment { .. }
                | AssetCommand::SetInterest { .. }
                | AssetCommand::Rate { .. }
                | AssetCommand::Delist { .. },
            ) => Err(AssetRejection::Unknown),
            (Self::Listed(asset), AssetCommand::List(listing)) => {
                if asset.listing == *listing {
                    Ok(None)
                } else {
                    Err(AssetRejection::AlreadyListed)
                }
            }
            (Self::Listed(asset), AssetCommand::Edit { details, reason }) => {
                let edited = asset.listing.with((**details).clone());
                if edited.is_cash() != asset.listing.is_cash() {
                    return Err(AssetRejection::CashOrNot { is_cash: asset.listing.is_cash() });
                }
                Ok((edited != asset.listing)
                    .then(|| AssetEvent::Edited { details: details.clone(), reason: reason.clone() }))
            }
            (
                Self::Listed(asset),
                AssetCommand::RecordPrices { .. }
                | AssetCommand::CorrectPrices { .. }
                | AssetCommand::RecordSplit { .. }
                | AssetCommand::RecordPayment { .. },
            ) if asset.listing.is_cash() => Err(AssetRejection::CashHasNoPrices),
            (Self::Listed(asset), AssetCommand::Rate { class, .. })
                if asset.listing.is_cash() && *class != RiskClass::Conservative =>
            {
                Err(AssetRejection::CashIsConservative { given: *class })
            }
            (Self::Listed(asset), AssetCommand::RecordPrices { source, basis, bars }) => {
                asset.same_basis(*basis)?;
                asset.traded_on(bars.as_slice().last().map(|bar| bar.date))?;
                let unknown = unknown_bars(&asset.bars, bars)?;
                Ok(unknown.map(|bars| AssetEvent::Priced { source: source.clone(), basis: *basis, bars }))
            }
            (Self::Listed(asset), AssetCommand::CorrectPrices { source, reason, bars }) => {
                let corrections = corrections(&asset.bars, bars)?;
                Ok((!corrections.is_empty()).then(|| AssetEvent::Corrected {
                    source: source.clone(),
                    reason: reason.clone(),
                    corrections,
                }))
            }
            (Self::Listed(asset), AssetCommand::RecordSplit { source, date, ratio }) => {
                asset.traded_on(Some(*date))?;
                let was = asset.split_on(*date);
                Ok((was != Some(*ratio)).then(|| AssetEvent::Split {
                    source: source.clone(),
                    date: *date,
                    ratio: *ratio,
                    was,
                }))
            }
            (Self::Listed(asset), AssetCommand::RecordPayment { source, ex_date, kind, payment }) => {
                asset.traded_on(Some(*ex_date))?;
                let was = asset.payment_on(*ex_date, *kind);
                if was != Some(*payment) {
                    asset.leaves_something(*ex_date, *kind, *payment)?;
                }
                Ok((was != Some(*payment)).then(|| AssetEvent::Dividend {
                    source: source.clone(),
                    ex_date: *ex_date,
                    kind: *kind,
                    payment: *payment,
                    was,
                }))
            }
            (Self::Listed(asset), AssetCommand::WithdrawSplit { source, reason, date }) => {
                let unknown = AssetRejection::ActionUnknown { date: *date, noun: "split" };
                let was = asset.split_on(*date).ok_or(unknown)?;
                let (source, reason) = (source.clone(), reason.clone());
                Ok(Some(AssetEvent::SplitWithdrawn { source, reason, date: *date, was }))
            }
            (Self::Listed(asset), AssetCommand::WithdrawPayment { source, reason, ex_date, kind }) => {
                let unknown = AssetRejection::ActionUnknown { date: *ex_date, noun: "payment" };
                let was = asset.payment_on(*ex_date, *kind).ok_or(unknown)?;
                let (source, reason) = (source.clone(), reason.clone());
                Ok(Some(AssetEvent::PaymentWithdrawn { source, reason, ex_date: *ex_date, kind: *kind, was }))
            }
            (Self::Listed(asset), AssetCommand::SetInterest { from, rate, reason }) => {
                if !asset.listing.is_cash() {
                    return Err(AssetRejection::NotCash);
                }
                asset.traded_on(Some(*from))?;
                let was = asset.interest.get(from).copied();
                let (from, rate) = (*from, *rate);
                Ok((was != Some(rate)).then(|| AssetEvent::InterestSet { from, rate, was, reason: reason.clone() }))
            }
            (Self::Listed(asset), AssetCommand::Rate { class, reason }) => {
                Ok((asset.risk_class != Some(*class))
                    .then(|| AssetEvent::Rated { class: *class, reason: reason.clone() }))
            }
            (Self::Listed(asset), AssetCommand::Delist { date, reason }) => {
                if asset.delisted == Some(*date) {
                    return Ok(None);
                }
                match asset.bars.as_slice().last().map(|bar| bar.date) {
                    Some(last_day) if last_day >= *date => Err(AssetRejection::StillTraded { last_day, date: *date }),
                    _ => Ok(Some(AssetEvent::Delisted { date: *date, reason: reason.clone() })),
                }
            }
        }
    }

    fn evolve(self, event: &AssetEvent) -> Self {
        let mut asset = match (self, event) {
            (Self::Unknown, AssetEvent::Listed(listing)) => return Self::Listed(Listed::new(listing.clone())),
            (
                Self::Unknown,
                AssetEvent::Edited { .. }
                | AssetEvent::Priced { .. }
                | AssetEvent::Corrected { .. }
                | AssetEvent::Split { .. }
                | AssetEvent::Dividend { .. }
                | AssetEvent::SplitWithdrawn { .. }
                | AssetEvent::PaymentWithdrawn { .. }
                | AssetEvent::InterestSet { .. }
                | AssetEvent::Rated { .. }
                | AssetEvent::Delisted { .. }
                | AssetEvent::Confirmed { .. },
            ) => return Self::Unknown,
            (Self::Listed(asset), _) => asset,
        };
        match event {
            AssetEvent::Listed(listing) => asset.listing = listing.clone(),
            AssetEvent::Edited { details, .. } => asset.listing = asset.listing.with((**details).clone()),
            AssetEvent::Priced { source, basis, bars } => {
                asset.prices_of = Some((source.clone(), *basis));
                Arc::make_mut(&mut asset.bars).update(bars.as_slice());
            }
            AssetEvent::Corrected { source, corrections, .. } => {
                let now: Vec<Bar> = corrections.iter().map(|correction| correction.is).collect();
                Arc::make_mut(&mut asset.bars).update(&now);
                let is_own = asset.prices_of.as_ref().is_some_and(|(own, _)| own == source);
                let corrected_by = Arc::make_mut(&mut asset.corrected_by);
                for bar in now {
                    if is_own {
                        corrected_by.remove(&bar.date);
                    } else {
                        corrected_by.insert(bar.date, source.clone());
                    }
                }
            }
            AssetEvent::Split { source, date, ratio, .. } => {
                Arc::make_mut(&mut asset.splits).insert(*date, LastWord::said(source.clone(), *ratio));
            }
            AssetEvent::Dividend { source, ex_date, kind, payment, .. } => {
                Arc::make_mut(&mut asset.payments).insert((*ex_date, *kind), LastWord::said(source.clone(), *payment));
            }
            AssetEvent::SplitWithdrawn { source, date, was, .. } => {
                Arc::make_mut(&mut asset.splits).insert(*date, LastWord::withdrawn(source.clone(), *was));
            }
            AssetEvent::PaymentWithdrawn { source, ex_date, kind, was, .. } => {
                Arc::make_mut(&mut asset.payments).insert((*ex_date, *kind), LastWord::withdrawn(source.clone(), *was));
            }
            AssetEvent::InterestSet { from, rate, .. } => {
                Arc::make_mut(&mut asset.interest).insert(*from, *rate);
            }
            AssetEvent::Rated { class, .. } => asset.risk_class = Some(*class),
            AssetEvent::Delisted { date, .. } => asset.delisted = Some(*date),
            AssetEvent::Confirmed { .. } => {}
        }
        Self::Listed(asset)
    }

    fn confirm(command: &AssetCommand) -> Option<AssetEvent> {
        command.confirmed()
    }

    /// An event may bring ten thousand bars, each of some hundred bytes.
    fn weight(&self) -> u32 {
        const BARS_OF_AN_EVENTS_WEIGHT: usize = 2;
        match self {
            Self::Unknown => 0,
            Self::Listed(asset) => {
                u32::try_from(asset.bars.as_slice().len() / BARS_OF_AN_EVENTS_WEIGHT).unwrap_or(u32::MAX)
            }
        }
    }
}
