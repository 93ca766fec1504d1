//! Assets: what can be held, and the prices it was seen at.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{AssetId, Bars, Currency, Name};

#[cfg(test)]
mod tests;

/// What a closing price says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// As traded on the day.
    Raw,
    /// Adjusted by the source for splits and dividends: only its relative changes mean anything.
    Adjusted,
}

impl PriceBasis {
    /// The basis in one word: `raw`, `adjusted`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Adjusted => "adjusted",
        }
    }
}

/// What can be wished of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetCommand {
    /// Put the asset on the list.
    List {
        /// What people call it.
        name: Name,
        /// In which currency it is priced.
        currency: Currency,
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
}

/// What has happened to an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetEvent {
    /// It is on the list.
    Listed {
        /// What people call it.
        name: Name,
        /// In which currency it is priced.
        currency: Currency,
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
    /// Raw and adjusted prices do not mix in one series.
    #[error("the asset's prices are {known}, not {given}")]
    BasisDiffers {
        /// The basis of the series.
        known: &'static str,
        /// The basis that was given.
        given: &'static str,
    },
}

impl Refusal for AssetRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "asset-unknown",
            Self::AlreadyListed => "asset-already-listed",
            Self::PriceDiffers { .. } => "price-differs",
            Self::BasisDiffers { .. } => "price-basis-differs",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyListed | Self::PriceDiffers { .. } | Self::BasisDiffers { .. } => RejectionClass::Conflict,
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
    Listed {
        /// What people call it.
        name: Name,
        /// In which currency it is priced.
        currency: Currency,
        /// The basis of its prices, once there are any.
        basis: Option<PriceBasis>,
        /// Closing prices by day.
        closes: BTreeMap<Date, Decimal>,
    },
}

impl Decider for Asset {
    const KIND: Kind = Kind::Asset;
    type Id = AssetId;
    type Command = AssetCommand;
    type Event = AssetEvent;
    type Rejection = AssetRejection;

    fn decide(&self, command: &AssetCommand) -> Result<Option<AssetEvent>, AssetRejection> {
        match (self, command) {
            (Self::Unknown, AssetCommand::List { name, currency }) => {
                Ok(Some(AssetEvent::Listed { name: name.clone(), currency: *currency }))
            }
            (Self::Unknown, AssetCommand::RecordPrices { .. }) => Err(AssetRejection::Unknown),
            (Self::Listed { name: known, currency: priced_in, .. }, AssetCommand::List { name, currency }) => {
                if (known, priced_in) == (name, currency) { Ok(None) } else { Err(AssetRejection::AlreadyListed) }
            }
            (Self::Listed { basis: known, closes, .. }, AssetCommand::RecordPrices { source, basis, bars }) => {
                if let Some(known) = known.filter(|known| known != basis) {
                    return Err(AssetRejection::BasisDiffers { known: known.word(), given: basis.word() });
                }
                Ok(unknown_bars(closes, bars)?.map(|bars| AssetEvent::Priced {
                    source: source.clone(),
                    basis: *basis,
                    bars,
                }))
            }
        }
    }

    fn evolve(self, event: &AssetEvent) -> Self {
        match (self, event) {
            (Self::Unknown, AssetEvent::Listed { name, currency }) => {
                Self::Listed { name: name.clone(), currency: *currency, basis: None, closes: BTreeMap::new() }
            }
            (Self::Listed { basis, closes, .. }, AssetEvent::Listed { name, currency }) => {
                Self::Listed { name: name.clone(), currency: *currency, basis, closes }
            }
            (Self::Listed { name, currency, mut closes, .. }, AssetEvent::Priced { basis, bars, .. }) => {
                closes.extend(bars.as_slice().iter().copied());
                Self::Listed { name, currency, basis: Some(*basis), closes }
            }
            (Self::Unknown, AssetEvent::Priced { .. }) => Self::Unknown,
        }
    }
}

/// Those of the bars whose day has no price yet, if there are any.
fn unknown_bars(closes: &BTreeMap<Date, Decimal>, bars: &Bars) -> Result<Option<Bars>, AssetRejection> {
    let mut unknown = Vec::new();
    for &(date, given) in bars.as_slice() {
        match closes.get(&date) {
            None => unknown.push((date, given)),
            Some(&known) if known == given => {}
            Some(&known) => return Err(AssetRejection::PriceDiffers { date, known, given }),
        }
    }
    // Part of valid bars, in their order, is valid; only emptiness can be new.
    Ok((!unknown.is_empty()).then(|| Bars::from_history(unknown)))
}
