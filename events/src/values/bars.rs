//! Prices of one asset over a run of days.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

/// Bars that one event may carry: 39 years of trading days, about 60 KB in the log.
pub const BARS_MAX: usize = 10_000;
/// Decimal places that a price may have.
pub const PRICE_SCALE_MAX: u32 = 12;

/// Closing prices by day, in the asset's currency.
///
/// Invariant: 1 to [`BARS_MAX`] bars, days strictly ascending, prices positive with at most [`PRICE_SCALE_MAX`]
/// decimal places and a mantissa of 63 bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bars(Vec<(Date, Decimal)>);

impl Bars {
    /// The bars with these days and closing prices.
    ///
    /// # Errors
    /// The first bar that breaks the invariant.
    pub fn try_new(bars: Vec<(Date, Decimal)>) -> Result<Self, BarsError> {
        if bars.is_empty() {
            return Err(BarsError::Empty);
        }
        if bars.len() > BARS_MAX {
            return Err(BarsError::TooMany(bars.len()));
        }
        let mut before: Option<Date> = None;
        for &(date, close) in &bars {
            if let Some(before) = before.filter(|&before| before >= date) {
                return Err(BarsError::NotAscending { before, date });
            }
            if close <= Decimal::ZERO {
                return Err(BarsError::NotPositive { date, close });
            }
            if close.scale() > PRICE_SCALE_MAX || i64::try_from(close.mantissa()).is_err() {
                return Err(BarsError::TooFine { date, close });
            }
            before = Some(date);
        }
        Ok(Self(bars))
    }

    /// Days and closing prices, ascending by day.
    #[must_use]
    pub fn as_slice(&self) -> &[(Date, Decimal)] {
        &self.0
    }

    pub(crate) const fn from_history(bars: Vec<(Date, Decimal)>) -> Self {
        Self(bars)
    }
}

/// Why prices are no bars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarsError {
    /// None at all.
    #[error("there is no price")]
    Empty,
    /// More than the bound.
    #[error("{0} prices are more than {BARS_MAX}")]
    TooMany(usize),
    /// Days out of order or named twice.
    #[error("{date} does not come after {before}")]
    NotAscending {
        /// The day before it in the list.
        before: Date,
        /// The day that should come later.
        date: Date,
    },
    /// Zero or less.
    #[error("the price {close} of {date} is not positive")]
    NotPositive {
        /// The day.
        date: Date,
        /// The price.
        close: Decimal,
    },
    /// More digits than are kept.
    #[error("the price {close} of {date} has more digits than are kept")]
    TooFine {
        /// The day.
        date: Date,
        /// The price.
        close: Decimal,
    },
}
