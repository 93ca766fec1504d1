//! Limits of positions: bands within which a weight may stand, and locks on weights that are not to be touched.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{AssetId, Weight};

/// Decimal places that the ends of a band may have.
const BAND_SCALE_MAX: u32 = 10;

/// Between which weights a position may stand, as fractions, both ends included.
///
/// Invariant: `0 <= min <= max <= 1`, at most ten decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Band {
    min: Decimal,
    max: Decimal,
}

impl Band {
    /// The band between these weights.
    ///
    /// # Errors
    /// Where they break the invariant.
    pub fn try_new(min: Decimal, max: Decimal) -> Result<Self, BandError> {
        if min < Decimal::ZERO || max > Decimal::ONE || min > max {
            return Err(BandError::NotABand { min, max });
        }
        let (min, max) = (min.normalize(), max.normalize());
        if min.scale().max(max.scale()) > BAND_SCALE_MAX {
            return Err(BandError::TooFine);
        }
        Ok(Self { min, max })
    }

    /// The least weight.
    #[must_use]
    pub const fn min(self) -> Decimal {
        self.min
    }

    /// The greatest weight.
    #[must_use]
    pub const fn max(self) -> Decimal {
        self.max
    }

    /// Whether a weight stands within it.
    #[must_use]
    pub fn holds(self, weight: Weight) -> bool {
        (self.min..=self.max).contains(&weight.value())
    }

    pub(crate) const fn from_history(min: Decimal, max: Decimal) -> Self {
        Self { min, max }
    }
}

/// Why two weights are no band.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BandError {
    /// Out of range, or the wrong way round.
    #[error("a band goes from a weight of 0 or more to one of 1 or less, not from {min} to {max}")]
    NotABand {
        /// The lower end that was given.
        min: Decimal,
        /// The upper end that was given.
        max: Decimal,
    },
    /// Too many decimal places.
    #[error("the ends of a band have at most {BAND_SCALE_MAX} decimal places")]
    TooFine,
}

/// What may become of one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Limit {
    /// Its weight stays as it is until it is unlocked.
    pub locked: bool,
    /// Where its weight may stand.
    pub band: Option<Band>,
}

/// Limits by asset; assets that may stand anywhere have none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Limits(BTreeMap<AssetId, Limit>);

impl Limits {
    /// The limits of these assets; an asset that is neither locked nor in a band is left out.
    #[must_use]
    pub fn new(limits: impl IntoIterator<Item = (AssetId, Limit)>) -> Self {
        Self(limits.into_iter().filter(|(_, limit)| *limit != Limit::default()).collect())
    }

    /// The asset's limit.
    #[must_use]
    pub fn of(&self, asset: &AssetId) -> Limit {
        self.0.get(asset).copied().unwrap_or_default()
    }

    /// The limits in the order of the assets' ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AssetId, Limit)> {
        self.0.iter().map(|(asset, limit)| (asset, *limit))
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Band, BandError, Limit, Limits};
    use crate::values::AssetId;

    fn band(min: &str, max: &str) -> Result<Band, BandError> {
        Band::try_new(min.parse().unwrap(), max.parse().unwrap())
    }

    #[test]
    fn a_band_goes_up_within_nought_and_one() {
        assert!(band("0", "1").is_ok() && band("0.25", "0.250").is_ok());
        for (min, max) in [("-0.1", "0.5"), ("0.5", "1.1"), ("0.5", "0.4")] {
            assert!(matches!(band(min, max), Err(BandError::NotABand { .. })), "{min} {max}");
        }
        assert_eq!(band("0.00000000001", "1"), Err(BandError::TooFine));
    }

    #[test]
    fn no_limit_is_not_kept() {
        let asset = AssetId::parse("AAPL").unwrap();
        assert!(Limits::new([(asset.clone(), Limit::default())]).is_empty());
        let locked = Limit { locked: true, band: None };
        assert_eq!(Limits::new([(asset.clone(), locked)]).of(&asset), locked);
    }
}
