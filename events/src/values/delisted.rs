//! Which assets are traded no more.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;

use super::{Allocation, AssetId};

/// Assets that are named where people are told of several; more help nobody.
const NAMED_MAX: usize = 10;

/// Assets that are traded no more, each with its first day without trading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delisted(BTreeMap<AssetId, Date>);

impl Delisted {
    /// Those of them that the allocation holds.
    #[must_use]
    pub fn held_by(&self, allocation: &Allocation) -> Self {
        self.0
            .iter()
            .filter(|(asset, _)| allocation.weight(asset).is_some())
            .map(|(a, since)| (a.clone(), *since))
            .collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The assets in the order of their ids, each with its first day without trading.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&AssetId, Date)> {
        self.0.iter().map(|(asset, since)| (asset, *since))
    }
}

impl FromIterator<(AssetId, Date)> for Delisted {
    fn from_iter<I: IntoIterator<Item = (AssetId, Date)>>(assets: I) -> Self {
        Self(assets.into_iter().collect())
    }
}

/// The assets with their days: "`AAPL` since 2026-01-30, `MSFT` since 2026-03-04".
impl fmt::Display for Delisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (asset, since)) in self.iter().take(NAMED_MAX).enumerate() {
            write!(f, "{}`{asset}` since {since}", if n == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(NAMED_MAX) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Allocation, AssetId, Delisted};

    fn delisted(n: usize) -> Delisted {
        (0..n).map(|n| (AssetId::parse(&format!("A{n:02}")).unwrap(), date(2026, 1, 30))).collect()
    }

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        assert_eq!(delisted(2).to_string(), "`A00` since 2026-01-30, `A01` since 2026-01-30");
        let many = delisted(12).to_string();
        assert!(many.contains("`A09`") && many.ends_with(" and 2 more") && !many.contains("`A10`"), "{many}");
    }

    #[test]
    fn what_is_not_held_does_not_matter() {
        let held = Allocation::try_new([(AssetId::parse("A01").unwrap(), 1.into())]).unwrap();
        assert_eq!(delisted(3).held_by(&held).to_string(), "`A01` since 2026-01-30");
        assert!(delisted(1).held_by(&held).is_empty());
    }
}
