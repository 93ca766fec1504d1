//! Allocations: which share of the whole goes into which asset.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{AssetId, Weight, WeightError};

/// Positions that one allocation may have.
pub const POSITIONS_MAX: usize = 200;

/// Target weights by asset.
///
/// Invariant: one to [`POSITIONS_MAX`] positions whose weights add up to exactly 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Allocation(BTreeMap<AssetId, Weight>);

impl Allocation {
    /// The allocation with these targets, each asset named once.
    ///
    /// # Errors
    /// The first rule that the targets break; weights are added exactly, as decimals.
    pub fn try_new(targets: impl IntoIterator<Item = (AssetId, Decimal)>) -> Result<Self, AllocationError> {
        let mut weights = BTreeMap::new();
        for (asset, weight) in targets {
            let weight =
                Weight::try_from(weight).map_err(|source| AllocationError::Weight { asset: asset.clone(), source })?;
            if weights.insert(asset.clone(), weight).is_some() {
                return Err(AllocationError::AssetTwice(asset));
            }
            if weights.len() > POSITIONS_MAX {
                return Err(AllocationError::TooManyPositions);
            }
        }
        if weights.is_empty() {
            return Err(AllocationError::Empty);
        }
        let sum: Decimal = weights.values().map(|w| w.value()).sum();
        if sum != Decimal::ONE {
            return Err(AllocationError::WeightsDoNotAddUp { sum: sum.normalize() });
        }
        Ok(Self(weights))
    }

    /// The targets in the order of the assets' ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AssetId, Weight)> {
        self.0.iter().map(|(asset, weight)| (asset, *weight))
    }

    /// The asset's target; `None` where it is not held.
    #[must_use]
    pub fn weight(&self, asset: &AssetId) -> Option<Weight> {
        self.0.get(asset).copied()
    }

    /// How many positions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no position; only an allocation from a damaged history can be empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn from_history(weights: impl IntoIterator<Item = (AssetId, Weight)>) -> Self {
        Self(weights.into_iter().collect())
    }
}

/// Why targets are no allocation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// No position at all.
    #[error("an allocation needs at least one position")]
    Empty,
    /// One target is no weight.
    #[error("target of `{asset}`: {source}")]
    Weight {
        /// Whose target it is.
        asset: AssetId,
        /// What is wrong with it.
        source: WeightError,
    },
    /// An asset is named more than once.
    #[error("`{0}` is named more than once")]
    AssetTwice(AssetId),
    /// More positions than the bound.
    #[error("more than {POSITIONS_MAX} positions")]
    TooManyPositions,
    /// The weights add up to something else than 1.
    #[error("weights add up to {sum}, not to 1")]
    WeightsDoNotAddUp {
        /// What they add up to.
        sum: Decimal,
    },
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::{Allocation, AllocationError};
    use crate::values::AssetId;

    fn targets(list: &[(&str, &str)]) -> Result<Allocation, AllocationError> {
        Allocation::try_new(list.iter().map(|(a, w)| (AssetId::parse(a).unwrap(), w.parse::<Decimal>().unwrap())))
    }

    #[test]
    fn ten_tenths_are_a_whole_because_decimals_are_exact() {
        let names: Vec<String> = (0..10).map(|i| format!("A{i}")).collect();
        let list: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "0.1")).collect();
        assert!(targets(&list).is_ok());
    }

    #[test]
    fn a_hair_less_than_a_whole_is_refused() {
        let refused = targets(&[("A", "0.5"), ("B", "0.4999999999")]);
        assert_eq!(refused, Err(AllocationError::WeightsDoNotAddUp { sum: "0.9999999999".parse().unwrap() }));
    }

    #[test]
    fn negative_zero_over_one_too_fine_double_and_empty_are_refused() {
        assert!(matches!(targets(&[("A", "1.5"), ("B", "-0.5")]), Err(AllocationError::Weight { .. })));
        assert!(matches!(targets(&[("A", "1"), ("B", "0")]), Err(AllocationError::Weight { .. })));
        assert!(matches!(
            targets(&[("A", "0.33333333333"), ("B", "0.66666666667")]),
            Err(AllocationError::Weight { .. })
        ));
        assert!(matches!(targets(&[("A", "0.5"), ("A", "0.5")]), Err(AllocationError::AssetTwice(_))));
        assert_eq!(targets(&[]), Err(AllocationError::Empty));
    }
}
