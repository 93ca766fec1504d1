//! Days of assets that were given away already: a table may come back to an asset, but not to its days.

use std::collections::BTreeMap;

use events::values::{AssetId, Bar};
use jiff::civil::Date;

/// Bits of a word.
const BITS: usize = 64;

/// The days, a bit each: twenty years of an asset take 1 KB.
#[derive(Debug, Default)]
pub struct Given(BTreeMap<AssetId, Days>);

#[derive(Debug)]
struct Days {
    first: Date,
    words: Vec<u64>,
}

impl Given {
    /// Notes these days.
    pub fn note(&mut self, asset: &AssetId, bars: &[Bar]) {
        let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return };
        let days = match self.0.remove(asset) {
            Some(before) => before.reaching(first.date, last.date),
            None => Days { first: first.date, words: Vec::new() }.reaching(first.date, last.date),
        };
        let days = self.0.entry(asset.clone()).or_insert(days);
        for bar in bars {
            if let Some(place) = days.place(bar.date) {
                days.words[place / BITS] |= 1 << (place % BITS);
            }
        }
    }

    /// Whether the asset was given away before, with this day.
    pub fn has(&self, asset: &AssetId, day: Date) -> bool {
        let Some(days) = self.0.get(asset) else { return false };
        days.place(day).and_then(|place| Some(days.words.get(place / BITS)? >> (place % BITS) & 1)) == Some(1)
    }

    /// Whether the asset was given away before.
    pub fn knows(&self, asset: &AssetId) -> bool {
        self.0.contains_key(asset)
    }
}

impl Days {
    /// These days, with room for all from one to another.
    fn reaching(self, first: Date, last: Date) -> Self {
        let mut wider = Self { first: first.min(self.first), words: Vec::new() };
        let end = self.words.len() * BITS;
        let place = wider.place(last).unwrap_or(0).max(wider.place(self.first).unwrap_or(0) + end);
        wider.words.resize(place / BITS + 1, 0);
        let shift = wider.place(self.first).unwrap_or(0);
        for place in (0..end).filter(|place| self.words[place / BITS] >> (place % BITS) & 1 == 1) {
            wider.words[(place + shift) / BITS] |= 1 << ((place + shift) % BITS);
        }
        wider
    }

    fn place(&self, day: Date) -> Option<usize> {
        usize::try_from((day - self.first).get_days()).ok()
    }
}

#[cfg(test)]
mod tests {
    use events::values::{AssetId, Bar};
    use jiff::civil::{Date, date};

    use super::Given;

    #[test]
    fn days_are_remembered_whatever_the_order_they_come_in() {
        let asset = AssetId::parse("ABC").unwrap();
        let bars = |days: &[Date]| -> Vec<Bar> { days.iter().map(|day| Bar::closing(*day, 1.into())).collect() };
        let (middle, before, after) = (date(2010, 6, 1), date(1990, 1, 2), date(2024, 2, 29));
        let mut given = Given::default();
        assert!(!given.knows(&asset) && !given.has(&asset, middle));
        for days in [[middle, date(2010, 6, 3)], [before, date(1990, 1, 3)], [date(2010, 6, 2), after]] {
            given.note(&asset, &bars(&days));
        }
        for day in [middle, before, after, date(2010, 6, 2), date(2010, 6, 3), date(1990, 1, 3)] {
            assert!(given.has(&asset, day), "{day}");
        }
        for day in [date(2010, 6, 4), date(1990, 1, 1), date(2024, 3, 1), date(1900, 1, 1), date(2100, 1, 1)] {
            assert!(!given.has(&asset, day), "{day}");
        }
    }
}
