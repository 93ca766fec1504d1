//! Assets: what can be held, the prices it was seen at, and what became of its units.

mod prices;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{AssetId, Bar, Bars, KnownBars, Listing, Name, Note, Payment, PaymentKind, RiskClass, SplitRatio};

pub use self::prices::{Correction, PriceBasis};
use self::prices::{corrections, unknown_bars};

/// What can be wished of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetCommand {
    /// Put the asset on the list.
    List(Listing),
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
}

/// Why a wish about an asset was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetRejection {
    /// The asset is not on the list.
    #[error("there is no such asset")]
    Unknown,
    /// The asset is on the list with other details.
    #[error("the asset is listed already, with other details")]
    AlreadyListed,
    /// A day has a price, and it is another one. A past that changes is a correction, never an overwriting.
    #[error("the price of {date} is {known}, not {given}")]
    PriceDiffers {
        /// The day.
        date: Date,
        /// The price that is known.
        known: Decimal,
        /// The price that was given.
        given: Decimal,
    },
    /// A day that has no price cannot have a wrong one.
    #[error("there is no price of {date} to correct")]
    PriceUnknown {
        /// The day.
        date: Date,
    },
    /// Raw and adjusted prices do not mix in one series.
    #[error("the asset's prices are {known}, not {given}")]
    BasisDiffers {
        /// The basis of the series.
        known: &'static str,
        /// The basis that was given.
        given: &'static str,
    },
    /// A payment leaves nothing of the price before it: one of both is wrong, most often by its unit.
    #[error("the payment of {payment} on {ex_date} is not below the close before it, {close} on {date}")]
    PaymentNotBelowPrice {
        /// The ex-date.
        ex_date: Date,
        /// All that is paid then for one unit.
        payment: Decimal,
        /// The last day with a price before it.
        date: Date,
        /// That day's close.
        close: Decimal,
    },
    /// The asset was traded no more on that day.
    #[error("the asset was delisted on {delisted}, before {date}")]
    Delisted {
        /// The first day without trading.
        delisted: Date,
        /// The day that was given.
        date: Date,
    },
    /// The asset was traded on that day.
    #[error("the asset was still traded on {last_day}, so it was not delisted on {date}")]
    StillTraded {
        /// The last day with a price.
        last_day: Date,
        /// The day that was given.
        date: Date,
    },
}

impl Refusal for AssetRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "asset-unknown",
            Self::AlreadyListed => "asset-already-listed",
            Self::PriceDiffers { .. } => "price-differs",
            Self::PriceUnknown { .. } => "price-unknown",
            Self::BasisDiffers { .. } => "price-basis-differs",
            Self::PaymentNotBelowPrice { .. } => "payment-not-below-price",
            Self::Delisted { .. } => "asset-delisted",
            Self::StillTraded { .. } => "asset-still-traded",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyListed
            | Self::PriceDiffers { .. }
            | Self::PriceUnknown { .. }
            | Self::BasisDiffers { .. }
            | Self::PaymentNotBelowPrice { .. }
            | Self::Delisted { .. }
            | Self::StillTraded { .. } => RejectionClass::Conflict,
        }
    }
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

/// What is known of an asset on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What was said when it was listed.
    pub listing: Listing,
    /// Whose its prices are and what they say, once there are any.
    pub prices_of: Option<(Name, PriceBasis)>,
    /// Its prices. Shared, since states are copied more often than they change.
    pub bars: Arc<KnownBars>,
    /// Its splits by first day on the new units.
    pub splits: BTreeMap<Date, SplitRatio>,
    /// What it paid, by ex-date.
    pub payments: BTreeMap<(Date, PaymentKind), Payment>,
    /// How much risk it carries; `None` where nobody has rated it.
    pub risk_class: Option<RiskClass>,
    /// The first day without trading, where there is one.
    pub delisted: Option<Date>,
}

impl Decider for Asset {
    const KIND: Kind = Kind::Asset;
    type Id = AssetId;
    type Command = AssetCommand;
    type Event = AssetEvent;
    type Rejection = AssetRejection;

    fn decide(&self, command: &AssetCommand) -> Result<Option<AssetEvent>, AssetRejection> {
        match (self, command) {
            (Self::Unknown, AssetCommand::List(listing)) => Ok(Some(AssetEvent::Listed(listing.clone()))),
            (
                Self::Unknown,
                AssetCommand::RecordPrices { .. }
                | AssetCommand::CorrectPrices { .. }
                | AssetCommand::RecordSplit { .. }
                | AssetCommand::RecordPayment { .. }
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
                let was = asset.splits.get(date).copied();
                Ok((was != Some(*ratio)).then(|| AssetEvent::Split {
                    source: source.clone(),
                    date: *date,
                    ratio: *ratio,
                    was,
                }))
            }
            (Self::Listed(asset), AssetCommand::RecordPayment { source, ex_date, kind, payment }) => {
                asset.traded_on(Some(*ex_date))?;
                let was = asset.payments.get(&(*ex_date, *kind)).copied();
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
                AssetEvent::Priced { .. }
                | AssetEvent::Corrected { .. }
                | AssetEvent::Split { .. }
                | AssetEvent::Dividend { .. }
                | AssetEvent::Rated { .. }
                | AssetEvent::Delisted { .. },
            ) => return Self::Unknown,
            (Self::Listed(asset), _) => asset,
        };
        match event {
            AssetEvent::Listed(listing) => asset.listing = listing.clone(),
            AssetEvent::Priced { source, basis, bars } => {
                asset.prices_of = Some((source.clone(), *basis));
                Arc::make_mut(&mut asset.bars).update(bars.as_slice());
            }
            AssetEvent::Corrected { corrections, .. } => {
                let now: Vec<Bar> = corrections.iter().map(|correction| correction.is).collect();
                Arc::make_mut(&mut asset.bars).update(&now);
            }
            AssetEvent::Split { date, ratio, .. } => {
                asset.splits.insert(*date, *ratio);
            }
            AssetEvent::Dividend { ex_date, kind, payment, .. } => {
                asset.payments.insert((*ex_date, *kind), *payment);
            }
            AssetEvent::Rated { class, .. } => asset.risk_class = Some(*class),
            AssetEvent::Delisted { date, .. } => asset.delisted = Some(*date),
        }
        Self::Listed(asset)
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

impl Listed {
    fn new(listing: Listing) -> Self {
        Self {
            listing,
            prices_of: None,
            bars: Arc::default(),
            splits: BTreeMap::new(),
            payments: BTreeMap::new(),
            risk_class: None,
            delisted: None,
        }
    }

    fn same_basis(&self, given: PriceBasis) -> Result<(), AssetRejection> {
        match self.prices_of {
            Some((_, known)) if known != given => {
                Err(AssetRejection::BasisDiffers { known: known.word(), given: given.word() })
            }
            _ => Ok(()),
        }
    }

    /// Whether payments of the day are below the close before it. Adjusted closes are no measure of a payment.
    fn leaves_something(&self, ex_date: Date, kind: PaymentKind, given: Payment) -> Result<(), AssetRejection> {
        let is_measure = self.prices_of.as_ref().is_some_and(|(_, basis)| match basis {
            PriceBasis::Raw | PriceBasis::SplitAdjusted => true,
            PriceBasis::Adjusted => false,
        });
        let before = self.bars.before(ex_date).filter(|_| is_measure);
        let others = self.payments.iter().filter(|((date, of), _)| *date == ex_date && *of != kind);
        let payment = others.fold(given.amount(), |sum, (_, other)| sum.saturating_add(other.amount()));
        match before {
            Some(bar) if bar.close <= payment => {
                let (date, close) = (bar.date, bar.close);
                Err(AssetRejection::PaymentNotBelowPrice { ex_date, payment, date, close })
            }
            _ => Ok(()),
        }
    }

    fn traded_on(&self, date: Option<Date>) -> Result<(), AssetRejection> {
        match self.delisted.zip(date) {
            Some((delisted, date)) if date >= delisted => Err(AssetRejection::Delisted { delisted, date }),
            _ => Ok(()),
        }
    }
}
