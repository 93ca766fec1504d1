//! What cash earns.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

/// Decimal places that a rate of interest may have.
const INTEREST_SCALE_MAX: u32 = 6;

/// What is earned in a year, interest on interest included, as a fraction: `0.045` is 4.5 %.
///
/// Invariant: above -1 and at most 1, at most six decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct InterestRate(Decimal);

impl InterestRate {
    /// The rate that this fraction is.
    ///
    /// # Errors
    /// Where the fraction breaks the invariant.
    pub fn try_new(rate: Decimal) -> Result<Self, InterestRateError> {
        let rate = rate.normalize();
        let is_one = rate > -Decimal::ONE && rate <= Decimal::ONE && rate.scale() <= INTEREST_SCALE_MAX;
        if is_one { Ok(Self(rate)) } else { Err(InterestRateError(rate)) }
    }

    /// The fraction.
    #[must_use]
    pub const fn value(self) -> Decimal {
        self.0
    }

    pub(crate) const fn from_history(rate: Decimal) -> Self {
        Self(rate)
    }
}

impl fmt::Display for InterestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number is no rate of interest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rate of interest is a fraction above -1 and at most 1 with at most {INTEREST_SCALE_MAX} decimal places, not {0}: \
     0.045 is 4.5 %"
)]
pub struct InterestRateError(pub Decimal);

/// The interest of cash from a day on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Interest {
    /// The day from whose end on it is earned.
    pub from: Date,
    /// How much.
    pub rate: InterestRate,
}

#[cfg(test)]
mod tests {
    use super::{InterestRate, InterestRateError};

    #[test]
    fn a_rate_of_interest_is_a_fraction() {
        let rate = |text: &str| InterestRate::try_new(text.parse().unwrap());
        for good in ["0", "0.045", "-0.005", "1", "-0.999999"] {
            assert_eq!(rate(good).unwrap().to_string(), good);
        }
        assert_eq!(rate("0.0450"), rate("0.045"));
        for bad in ["-1", "1.01", "4.5", "0.0000001"] {
            assert_eq!(rate(bad), Err(InterestRateError(bad.parse().unwrap())));
        }
    }
}
