//! Prices before a split that should be in units of today and are not: sources restate the past late, or only part of it.
//!
//! In prices that are adjusted for splits nothing is to be seen of a split. Where the price falls or rises around one as the
//! units did, what comes before the step is still in old units: wrong beside all that comes after.

use events::asset::{Listed, PriceBasis};
use events::values::SplitRatio;
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;

use super::LoadError;
use crate::left_out::{Dropped, LeftOut};
use crate::source::Quotes;

/// Splits of fewer units for one are not told from a price that moves.
const UNITS_MIN: f64 = 2.0;
/// Days around a split within which the step may be: sources are off by a session or two.
const NEAR_DAYS: i32 = 10;

/// Leaves out the bars before a split that are not restated for it, and tells.
///
/// # Errors
/// Where prices before it are known: what comes after must not stand beside them until all are restated.
pub fn restated(known: &Listed, quotes: &mut Quotes, dropped: &mut LeftOut) -> Result<(), LoadError> {
    if quotes.basis != PriceBasis::SplitAdjusted {
        return Ok(());
    }
    let steps = quotes.splits.iter().filter_map(|(split, ratio)| Some((step(quotes, *split, *ratio)?, *split)));
    let Some((row, split)) = steps.max() else { return Ok(()) };
    if known.bars.as_slice().first().is_some_and(|first| first.date < quotes.bars[row].date) {
        return Err(LoadError::PastNotRestated { split });
    }
    for bar in quotes.bars.drain(..row) {
        let why = "the price is not restated for the split after it";
        dropped.add(|| Dropped::at(bar.date, why).saying(&bar.close.to_string()));
    }
    // Payments are in the units of their day, too.
    let first = quotes.bars.first().map(|bar| bar.date);
    quotes.payments.retain(|(ex_date, ..)| {
        let is_restated = first.is_some_and(|first| first <= *ex_date);
        if !is_restated {
            dropped.add(|| Dropped::at(format!("{ex_date} payment"), "it is not restated for the split after it"));
        }
        is_restated
    });
    Ok(())
}

/// The first row on the new units, where the price steps as the units did: more like the split than like no move at all.
fn step(quotes: &Quotes, split: Date, ratio: SplitRatio) -> Option<usize> {
    let units = ratio.new_units().to_f64()? / ratio.old_units().to_f64()?;
    if units.max(1.0 / units) < UNITS_MIN {
        return None;
    }
    let is_near = |date: Date| (date - split).get_days().abs() <= NEAR_DAYS;
    let close = |row: usize| quotes.bars[row].close.to_f64().unwrap_or(1.0);
    let first = quotes.bars.partition_point(|bar| bar.date < split && !is_near(bar.date)).max(1);
    let near = (first..quotes.bars.len()).take_while(|row| is_near(quotes.bars[*row].date));
    near.filter(|row| {
        let moved = (close(row - 1) / close(*row)).ln();
        (moved - units.ln()).abs() < moved.abs()
    })
    .last()
}

#[cfg(test)]
mod tests {
    use events::Decider;
    use events::asset::{Asset, AssetEvent, Listed, PriceBasis};
    use events::values::{Bar, Bars, Currency, Listing, Name, SplitRatio};
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::restated;
    use crate::left_out::LeftOut;
    use crate::load::LoadError;
    use crate::source::Quotes;

    fn quotes(closes: &[i64], split: usize, (new, old): (i64, i64)) -> Quotes {
        let day = |row: usize| date(2024, 1, 1) + i64::try_from(row).unwrap().days();
        let bars = closes.iter().enumerate().map(|(row, close)| Bar::closing(day(row), (*close).into())).collect();
        let ratio = SplitRatio::try_new(new.into(), old.into()).unwrap();
        Quotes { bars, splits: vec![(day(split), ratio)], ..Quotes::none(PriceBasis::SplitAdjusted) }
    }

    fn known(closes: &[i64]) -> Listed {
        let name = || Name::parse("Abc").unwrap();
        let listing = Listing::new(name(), Currency::parse("USD").unwrap());
        let mut asset = Asset::default().evolve(&AssetEvent::Listed(listing));
        if !closes.is_empty() {
            let bars = Bars::of(quotes(closes, 0, (2, 1)).bars).unwrap();
            asset = asset.evolve(&AssetEvent::Priced { source: name(), basis: PriceBasis::SplitAdjusted, bars });
        }
        match asset {
            Asset::Listed(listed) => listed,
            Asset::Unknown => panic!("it was listed"),
        }
    }

    /// How many bars are kept and told.
    fn kept(mut quotes: Quotes) -> (usize, usize) {
        let mut dropped = LeftOut::none();
        restated(&known(&[]), &mut quotes, &mut dropped).unwrap();
        (quotes.bars.len(), dropped.count())
    }

    #[test]
    fn what_is_not_restated_for_a_split_is_left_out_and_told() {
        // As Yahoo once gave the shares of 4063.T: the step comes a session before the split.
        assert_eq!(kept(quotes(&[20_885, 20_960, 20_710, 4_206, 4_161], 4, (5, 1))), (2, 3));
        assert_eq!(kept(quotes(&[10, 11, 109, 110, 112], 2, (1, 10))), (3, 2));
        assert_eq!(kept(quotes(&[40, 41, 20, 21, 22], 2, (2, 1))), (3, 2));
    }

    #[test]
    fn prices_that_only_move_are_kept_whatever_was_split() {
        assert_eq!(kept(quotes(&[40, 41, 40, 33, 30], 3, (2, 1))), (5, 0), "a fall of a fifth");
        assert_eq!(kept(quotes(&[40, 41, 40, 39, 38], 3, (20, 1))), (5, 0));
        assert_eq!(kept(quotes(&[40, 20, 20, 20, 20], 1, (3, 2))), (5, 0), "too few units to tell");
        let far = quotes(&[[40; 20].as_slice(), &[20; 20]].concat(), 35, (2, 1));
        assert_eq!(kept(far), (40, 0), "a fall long before");
        let raw = Quotes { basis: PriceBasis::Raw, ..quotes(&[40, 41, 20, 21, 22], 2, (2, 1)) };
        assert_eq!(kept(raw), (5, 0), "as traded it has to step");
    }

    #[test]
    fn where_the_past_is_known_nothing_in_new_units_stands_beside_it() {
        let mut half = quotes(&[40, 41, 20, 21, 22], 2, (2, 1));
        let refused = restated(&known(&[40, 41]), &mut half, &mut LeftOut::none());
        assert!(matches!(refused, Err(LoadError::PastNotRestated { .. })), "{refused:?}");
    }
}
