//! Portfolio weights: shares of a whole.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

/// Decimal places that a weight may have: a millionth of a basis point.
pub const WEIGHT_SCALE_MAX: u32 = 10;

/// A share of a portfolio's value, as a fraction: `0.25` is 25 %.
///
/// Invariant: `0 < weight <= 1`, at most ten decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Weight(Decimal);

impl Weight {
    /// The fraction.
    #[must_use]
    pub const fn value(self) -> Decimal {
        self.0
    }

    pub(crate) const fn from_history(value: Decimal) -> Self {
        Self(value)
    }
}

impl TryFrom<Decimal> for Weight {
    type Error = WeightError;

    fn try_from(value: Decimal) -> Result<Self, WeightError> {
        // Normalised, so that 0.50 and 0.5 are one weight in bytes too.
        let value = value.normalize();
        if value <= Decimal::ZERO {
            Err(WeightError::NotPositive(value))
        } else if value > Decimal::ONE {
            Err(WeightError::OverOne(value))
        } else if value.scale() > WEIGHT_SCALE_MAX {
            Err(WeightError::TooFine(value))
        } else {
            Ok(Self(value))
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a number is no weight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    /// Zero or less.
    #[error("weight {0} is not positive")]
    NotPositive(Decimal),
    /// More than the whole.
    #[error("weight {0} is more than 1; weights are fractions, `0.25` is 25 %")]
    OverOne(Decimal),
    /// More decimal places than are kept.
    #[error("weight {0} has more than {WEIGHT_SCALE_MAX} decimal places")]
    TooFine(Decimal),
}
