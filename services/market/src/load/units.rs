//! Prices in another unit than the others: pence for pounds, cents for dollars.
//!
//! # The rule
//!
//! 1. The answer's currency comes first: what it gives in a minor unit was turned into the currency before, and what is in
//!    another currency than the asset's is not recorded at all.
//! 2. A close is **in another unit** if it is 80 to 125 times the close that was last found right, or 1/80 to 1/125 of it.
//!    Nothing that is traded does that within a year but by a split, and splits are reckoned with.
//! 3. What was found right before the first row: the last close before it that the log has; where it has none, what the
//!    log has of the same days, if most of them agree; where it has neither, the unit of most of the first rows. Where as
//!    many speak for one as for the other, nothing is right yet.
//! 4. What is in another unit is left out and told. At the end of a range nobody can tell an error from a change for good,
//!    so all of it waits: for a row in the old unit, which makes an error of it, or for a person, who confirms the new one
//!    (`--unit-confirmed`, or the first of the prices recorded by hand). Loads ask again for all that waits.
//!
//! So no wrong price is recorded, and no right one is lost: it only waits.

use std::collections::BTreeMap;

use events::asset::{Listed, PriceBasis};
use events::values::{Bar, SplitRatio};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::left_out::{Dropped, LeftOut};
use crate::source::Quotes;

/// A price more than so many times another, and less than so many times, is in another unit.
const HUNDREDFOLD: (f64, f64) = (80.0, 125.0);
/// Days after which a price says nothing any more about the unit of another.
const SAYS_SOMETHING_DAYS_MAX: i32 = 366;
/// Rows that are asked at first which unit is right, where the log does not say.
const ASKED_FIRST: usize = 21;

/// Whether one price is about a hundred times the other, or a hundredth of it.
pub fn is_hundredfold(one: Decimal, other: Decimal) -> bool {
    // Floats: only the order of magnitude counts, and there are many prices.
    let float = |price: Decimal| price.to_f64().unwrap_or(0.0);
    is_far(float(one), float(other))
}

fn is_far(one: f64, other: f64) -> bool {
    let (great, small) = if one < other { (other, one) } else { (one, other) };
    HUNDREDFOLD.0 * small < great && great < HUNDREDFOLD.1 * small
}

/// How far two prices are from each other: the logarithm of how many times the one is the other.
fn distance(one: f64, other: f64) -> f64 {
    (one / other).ln().abs()
}

/// Leaves out the bars that are in another unit, and tells.
pub fn in_one_unit(known: &Listed, quotes: &mut Quotes, dropped: &mut LeftOut) {
    let Some(first) = quotes.bars.first() else { return };
    let units = Units::of(known, quotes);
    let by_the_log = units.right_by_the_log(*first);
    let Some(mut right) = by_the_log.or_else(|| units.right_by_most(*first)) else {
        for bar in quotes.bars.drain(..) {
            dropped.add(|| Dropped::at(bar.date, WAITS));
        }
        return;
    };
    let mut is_wrong: Vec<bool> = Vec::with_capacity(quotes.bars.len());
    let mut wrong: Option<Seen> = None;
    for bar in &quotes.bars {
        let own = Seen { date: bar.date, close: float(bar) };
        let right_now = units.moved(right, bar.date);
        let says_something = wrong.is_some() || (bar.date - right.date).get_days() <= SAYS_SOMETHING_DAYS_MAX;
        // What follows a wrong price is as wrong, however it moves, until it is nearer to the right one.
        let goes_on = wrong
            .is_some_and(|wrong| distance(own.close, units.moved(wrong, bar.date)) < distance(own.close, right_now));
        if goes_on || (says_something && is_far(own.close, right_now)) {
            wrong = Some(own);
        } else {
            (wrong, right) = (None, own);
        }
        is_wrong.push(wrong.is_some());
    }
    // Where the log has nothing before, what it has after the last row speaks.
    let after = quotes.bars.last().and_then(|last| known.bars.after(last.date));
    if by_the_log.is_none()
        && let Some(after) = after.filter(|after| is_near(right.date, after.date))
        && is_far(units.as_restated(after), units.moved(right, after.date))
    {
        is_wrong.fill(true);
    }
    let end = is_wrong.iter().rposition(|is_wrong| !is_wrong).map_or(0, |last_right| last_right + 1);
    let mut row = 0;
    quotes.bars.retain(|bar| {
        let is_wrong = is_wrong[row];
        if is_wrong {
            dropped
                .add(|| Dropped::at(bar.date, if row < end { PASSING } else { WAITS }).saying(&bar.close.to_string()));
        }
        row += 1;
        !is_wrong
    });
}

const PASSING: &str = "the price is in another unit than those around it";
const WAITS: &str = "the price is in another unit than those before it, or may be, and waits for confirmation";

/// A close that was found right, or wrong.
#[derive(Debug, Clone, Copy)]
struct Seen {
    date: Date,
    close: f64,
}

fn float(bar: &Bar) -> f64 {
    bar.close.to_f64().unwrap_or(0.0)
}

fn is_near(one: Date, other: Date) -> bool {
    (other - one).get_days().abs() <= SAYS_SOMETHING_DAYS_MAX
}

/// What is known of an asset's units, with what a source says of them.
struct Units<'a> {
    known: &'a Listed,
    quotes: &'a Quotes,
    /// Splits that move prices from one day to the next, as factors of the price.
    moves: BTreeMap<Date, f64>,
    /// Splits that are news, and restate all prices before them, as factors of the price.
    restates: BTreeMap<Date, f64>,
}

impl<'a> Units<'a> {
    fn of(known: &'a Listed, quotes: &'a Quotes) -> Self {
        let factor = |ratio: SplitRatio| {
            let float = |units: Decimal| units.to_f64().unwrap_or(1.0);
            float(ratio.old_units()) / float(ratio.new_units())
        };
        let (mut moves, mut restates) = (BTreeMap::new(), BTreeMap::new());
        match quotes.basis {
            PriceBasis::Raw => {
                let standing = known.splits.iter().filter_map(|(date, word)| Some((*date, word.standing()?)));
                moves.extend(standing.map(|(date, ratio)| (date, factor(ratio))));
                moves.extend(quotes.splits.iter().map(|(date, ratio)| (*date, factor(*ratio))));
            }
            PriceBasis::SplitAdjusted => {
                for (date, ratio) in &quotes.splits {
                    let before = known.split_on(*date).map_or(1.0, factor);
                    restates.insert(*date, factor(*ratio) / before);
                }
            }
            // Splits are in the prices, and nobody says which.
            PriceBasis::Adjusted => {}
        }
        Self { known, quotes, moves, restates }
    }

    /// The price that was right, in the units of a later day.
    fn moved(&self, right: Seen, to: Date) -> f64 {
        if self.moves.is_empty() || right.date >= to {
            return right.close;
        }
        let after = (std::ops::Bound::Excluded(right.date), std::ops::Bound::Included(to));
        self.moves.range(after).fold(right.close, |close, (_, factor)| close * factor)
    }

    /// What the source has to say of a bar that is known, after the splits that are news.
    fn as_restated(&self, bar: &Bar) -> f64 {
        let after = (std::ops::Bound::Excluded(bar.date), std::ops::Bound::Unbounded);
        self.restates.range(after).fold(float(bar), |close, (_, factor)| close * factor)
    }

    /// What the log says is right, as of the first row; none where it does not say.
    fn right_by_the_log(&self, first: Bar) -> Option<Seen> {
        if let Some(before) = self.known.bars.before(first.date).filter(|before| is_near(before.date, first.date)) {
            return Some(Seen { date: before.date, close: self.as_restated(before) });
        }
        let same_days = self.quotes.bars.iter().filter_map(|bar| Some((bar, self.known.bars.get(bar.date)?)));
        let mut said = [(0_usize, None), (0_usize, None)];
        for (given, known) in same_days.take(ASKED_FIRST) {
            let known = self.as_restated(known);
            let (count, first_such) = &mut said[usize::from(is_far(float(given), known))];
            *count += 1;
            first_such.get_or_insert(Seen { date: given.date, close: known });
        }
        let [(agree, known), (differ, known_otherwise)] = said;
        let right = match agree.cmp(&differ) {
            std::cmp::Ordering::Greater => known,
            std::cmp::Ordering::Less => known_otherwise,
            std::cmp::Ordering::Equal => None,
        };
        right.map(|right| self.as_of(first, right))
    }

    /// The unit of most of the first rows, as of the first; none where as many speak for one as for another.
    fn right_by_most(&self, first: Bar) -> Option<Seen> {
        let bars = &self.quotes.bars;
        let own = Seen { date: first.date, close: float(&first) };
        // Those that are in the first row's unit, against the others.
        let (mut with_first, mut against) = (0_usize, 0_usize);
        let mut other = None;
        for (row, bar) in bars.iter().enumerate() {
            let is_against = is_near(own.date, bar.date) && is_far(float(bar), self.moved(own, bar.date));
            if is_against {
                other.get_or_insert(*bar);
                against += 1;
            } else {
                with_first += 1;
            }
            if row + 1 >= ASKED_FIRST && with_first != against {
                break;
            }
        }
        match (with_first.cmp(&against), other) {
            (std::cmp::Ordering::Greater, _) => Some(own),
            (std::cmp::Ordering::Less, Some(other)) => {
                Some(self.as_of(first, Seen { date: other.date, close: float(&other) }))
            }
            _ => None,
        }
    }

    /// What was right later, in the units of the first row's day.
    fn as_of(&self, first: Bar, later: Seen) -> Seen {
        let start = Seen { date: first.date, close: 1.0 };
        Seen { date: first.date, close: later.close / self.moved(start, later.date) }
    }
}

#[cfg(test)]
mod tests;
