//! What a company or a fund does to those who hold it: splits and payments.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// Decimal places that a payment or a part of a ratio may have.
pub const ACTION_SCALE_MAX: u32 = 12;

/// New units for old ones: `4:1` gives four for each.
///
/// Invariant: both positive, and not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitRatio {
    new: Decimal,
    old: Decimal,
}

impl SplitRatio {
    /// The ratio of new units to old ones.
    ///
    /// # Errors
    /// Where one is not positive, or nothing would change.
    pub fn try_new(new: Decimal, old: Decimal) -> Result<Self, ActionError> {
        let kept = |units: Decimal| units > Decimal::ZERO && units.scale() <= ACTION_SCALE_MAX;
        if kept(new) && kept(old) && new != old {
            Ok(Self { new: new.normalize(), old: old.normalize() })
        } else {
            Err(ActionError::Ratio { new, old })
        }
    }

    /// New units.
    #[must_use]
    pub const fn new_units(self) -> Decimal {
        self.new
    }

    /// Old units.
    #[must_use]
    pub const fn old_units(self) -> Decimal {
        self.old
    }

    pub(crate) const fn from_history(new: Decimal, old: Decimal) -> Self {
        Self { new, old }
    }
}

impl fmt::Display for SplitRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.new, self.old)
    }
}

impl Serialize for SplitRatio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Cash for one unit, in the asset's currency.
///
/// Invariant: positive, at most [`ACTION_SCALE_MAX`] decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Payment(Decimal);

impl Payment {
    /// The payment of this amount.
    ///
    /// # Errors
    /// Where the amount breaks the invariant.
    pub fn try_new(amount: Decimal) -> Result<Self, ActionError> {
        if amount > Decimal::ZERO && amount.scale() <= ACTION_SCALE_MAX {
            Ok(Self(amount.normalize()))
        } else {
            Err(ActionError::Payment(amount))
        }
    }

    /// The amount.
    #[must_use]
    pub const fn amount(self) -> Decimal {
        self.0
    }

    pub(crate) const fn from_history(amount: Decimal) -> Self {
        Self(amount)
    }
}

/// What a payment is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Earnings.
    Dividend,
    /// What a fund gained by selling.
    CapitalGain,
}

/// The numbers are no corporate action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// A split that is none.
    #[error("{new}:{old} is no split")]
    Ratio {
        /// New units.
        new: Decimal,
        /// Old units.
        old: Decimal,
    },
    /// A payment that is none.
    #[error("{0} is no payment: it has to be positive, with at most {ACTION_SCALE_MAX} decimal places")]
    Payment(Decimal),
}
