//! What advice comes with besides its allocation and figures: risk, costs and an end.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{AssetId, RiskClass};

/// Decimal places that a rate of costs may have.
const COSTS_SCALE_MAX: u32 = 6;

/// What following the advice costs, as fractions of the money invested: `0.01` is 1 %.
///
/// Invariant: both from 0 to 1, at most six decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Costs {
    one_off: Decimal,
    yearly: Decimal,
}

impl Costs {
    /// The costs of these rates.
    ///
    /// # Errors
    /// Where one breaks the invariant.
    pub fn try_new(one_off: Decimal, yearly: Decimal) -> Result<Self, CostsError> {
        let rate = |rate: Decimal| {
            let rate = rate.normalize();
            let is_one = (Decimal::ZERO..=Decimal::ONE).contains(&rate) && rate.scale() <= COSTS_SCALE_MAX;
            if is_one { Ok(rate) } else { Err(CostsError(rate)) }
        };
        Ok(Self { one_off: rate(one_off)?, yearly: rate(yearly)? })
    }

    /// What is paid once.
    #[must_use]
    pub const fn one_off(self) -> Decimal {
        self.one_off
    }

    /// What is paid each year.
    #[must_use]
    pub const fn yearly(self) -> Decimal {
        self.yearly
    }

    pub(crate) const fn from_history(one_off: Decimal, yearly: Decimal) -> Self {
        Self { one_off, yearly }
    }
}

/// A number is no rate of costs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rate of costs is a fraction from 0 to 1 with at most {COSTS_SCALE_MAX} decimal places, not {0}")]
pub struct CostsError(pub Decimal);

/// What advice comes with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Terms {
    /// How much risk the portfolio carries; `None` where nobody has rated it.
    pub risk_class: Option<RiskClass>,
    /// How much risk its products carry; those that nobody has rated are not there.
    pub product_classes: BTreeMap<AssetId, RiskClass>,
    /// What following the advice costs, where it was said.
    pub costs: Option<Costs>,
    /// The last day on which the advice holds, where it was said.
    pub valid_until: Option<Date>,
}

#[cfg(test)]
mod tests {
    use super::{Costs, CostsError};

    #[test]
    fn costs_are_fractions() {
        let costs = |one_off: &str, yearly: &str| Costs::try_new(one_off.parse().unwrap(), yearly.parse().unwrap());
        assert!(costs("0", "0.0125").is_ok());
        for bad in ["-0.01", "1.01", "0.0000001"] {
            assert_eq!(costs("0", bad), Err(CostsError(bad.parse().unwrap())));
            assert!(costs(bad, "0").is_err());
        }
    }
}
