//! What others said before a split, in the units of after it.
//!
//! The news of a split restates all prices before it that are in units of today. The source restates its own; what a person
//! or another source had the last word on is restated here, in their name, so that nothing stays in old units.

use std::collections::BTreeMap;

use events::asset::{Listed, PriceBasis};
use events::values::{ACTION_SCALE_MAX, Bar, PRICE_SCALE_MAX, Payment, SplitRatio};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::source::Quotes;

/// How far two payments may be apart and be one, as a fraction: sources round what they restate.
const ROUNDED: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// What splits make of prices and payments before them.
pub struct NewUnits {
    /// Splits that are news, as factors of what is known before them.
    news: BTreeMap<Date, Decimal>,
    /// All splits, as factors.
    all: BTreeMap<Date, Decimal>,
}

impl NewUnits {
    /// Those of the splits that the quotes tell of.
    pub fn of(known: &Listed, quotes: &Quotes) -> Self {
        let (mut news, mut all) = (BTreeMap::new(), BTreeMap::new());
        if quotes.basis == PriceBasis::SplitAdjusted && known.prices_of.is_some() {
            let factor = |ratio: SplitRatio| ratio.old_units().checked_div(ratio.new_units()).unwrap_or(Decimal::ONE);
            let standing = known.splits.iter().filter_map(|(date, word)| Some((*date, word.standing()?)));
            all.extend(standing.map(|(date, ratio)| (date, factor(ratio))));
            for (date, ratio) in &quotes.splits {
                let before = all.insert(*date, factor(*ratio)).unwrap_or(Decimal::ONE);
                let change = factor(*ratio).checked_div(before).unwrap_or(Decimal::ONE);
                if change != Decimal::ONE {
                    news.insert(*date, change);
                }
            }
        }
        Self { news, all }
    }

    /// The bar in new units; none where they are the old ones.
    pub fn bar(&self, bar: &Bar) -> Option<Bar> {
        let factor = self.factor(bar.date)?;
        let price = |price: Decimal| Some(price.checked_mul(factor)?.round_dp(PRICE_SCALE_MAX).normalize());
        let field = |field: Option<Decimal>| field.and_then(price);
        Some(Bar {
            open: field(bar.open),
            high: field(bar.high),
            low: field(bar.low),
            close: price(bar.close)?,
            ..*bar
        })
    }

    /// The payment in new units; none where they are the old ones.
    pub fn payment(&self, ex_date: Date, payment: Payment) -> Option<Payment> {
        let amount = payment.amount().checked_mul(self.factor(ex_date)?)?;
        Payment::try_new(amount.round_dp(ACTION_SCALE_MAX)).ok()
    }

    /// Whether what is said is what was withdrawn, in whatever units it was then.
    pub fn is_same(&self, ex_date: Date, withdrawn: Payment, said: Payment) -> bool {
        let (mut amount, said) = (withdrawn.amount(), said.amount());
        let is_near = |amount: Decimal| (amount - said).abs() <= said.saturating_mul(ROUNDED);
        if is_near(amount) {
            return true;
        }
        // Splits become known one after another: those that are not in the amount yet are the last ones.
        let after = (std::ops::Bound::Excluded(ex_date), std::ops::Bound::Unbounded);
        self.all.range(after).rev().any(|(_, factor)| {
            amount = amount.saturating_mul(*factor);
            is_near(amount)
        })
    }

    fn factor(&self, date: Date) -> Option<Decimal> {
        let after = (std::ops::Bound::Excluded(date), std::ops::Bound::Unbounded);
        let mut factors = self.news.range(after).map(|(_, factor)| *factor).peekable();
        factors.peek()?;
        factors.try_fold(Decimal::ONE, |product, factor| product.checked_mul(factor))
    }
}
