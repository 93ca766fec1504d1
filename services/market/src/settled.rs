//! Splits and payments, one of each kind a day: what a source says of a day in several places, put together.

use events::values::{Payment, PaymentKind, SplitRatio};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::left_out::Dropped;
use crate::source::Quotes;

/// The quotes with at most one split, and one payment of each kind, a day; both in the order of days.
///
/// Payments of one kind and one ex-date add up, as CRSP adds them: an ordinary and a special dividend are two payments.
/// Splits of one day that differ contradict each other, so none is taken, and all are told.
#[must_use]
pub fn settled(mut quotes: Quotes) -> Quotes {
    quotes.splits.sort_by_key(|(date, _)| *date);
    let mut splits: Vec<(Date, SplitRatio)> = Vec::with_capacity(quotes.splits.len());
    for of_a_day in quotes.splits.chunk_by(|one, two| one.0 == two.0) {
        if of_a_day.iter().all(|split| split.1 == of_a_day[0].1) {
            splits.push(of_a_day[0]);
        } else {
            for (date, ratio) in of_a_day {
                let contradicts = || Dropped::at(format!("{date} split"), "the day has several splits");
                quotes.dropped.add(|| contradicts().saying(&ratio.to_string()));
            }
        }
    }
    quotes.splits = splits;
    quotes.payments.sort_by_key(|(date, kind, _)| (*date, *kind));
    let mut payments: Vec<(Date, PaymentKind, Payment)> = Vec::with_capacity(quotes.payments.len());
    for of_a_day in quotes.payments.chunk_by(|one, two| (one.0, one.1) == (two.0, two.1)) {
        let (date, kind, _) = of_a_day[0];
        let sum = of_a_day.iter().try_fold(Decimal::ZERO, |sum, (_, _, payment)| sum.checked_add(payment.amount()));
        match sum.and_then(|sum| Payment::try_new(sum).ok()) {
            Some(payment) => payments.push((date, kind, payment)),
            None => quotes.dropped.add(|| Dropped::at(format!("{date} payment"), "the payments add up to none")),
        }
    }
    quotes.payments = payments;
    quotes
}

#[cfg(test)]
mod tests {
    use events::asset::PriceBasis;
    use events::values::{Payment, PaymentKind, SplitRatio};
    use jiff::civil::date;

    use super::settled;
    use crate::source::Quotes;

    #[test]
    fn payments_of_one_day_and_kind_add_up_and_other_kinds_stay_apart() {
        let day = date(2024, 1, 3);
        let pay = |kind, amount: &str| (day, kind, Payment::try_new(amount.parse().unwrap()).unwrap());
        let mut quotes = Quotes::none(PriceBasis::Raw);
        quotes.payments = vec![
            pay(PaymentKind::Dividend, "0.25"),
            pay(PaymentKind::CapitalGain, "1"),
            pay(PaymentKind::Dividend, "3"),
        ];
        let settled = settled(quotes);
        assert_eq!(settled.payments, [pay(PaymentKind::Dividend, "3.25"), pay(PaymentKind::CapitalGain, "1")]);
        assert_eq!(settled.dropped.count(), 0);
    }

    #[test]
    fn a_split_that_is_told_twice_is_one_and_splits_that_differ_are_none() {
        let split = |day, new: i64| (date(2024, 1, day), SplitRatio::try_new(new.into(), 1.into()).unwrap());
        let mut quotes = Quotes::none(PriceBasis::Raw);
        quotes.splits = vec![split(9, 3), split(3, 2), split(3, 2), split(9, 2)];
        let settled = settled(quotes);
        assert_eq!(settled.splits, [split(3, 2)]);
        let told: Vec<_> = settled.dropped.told().iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "2024-01-09 split is left out: the day has several splits: `3:1`");
        assert_eq!(told.len(), 2);
    }
}
