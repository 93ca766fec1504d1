//! Cash: what one unit of money becomes with the interest that it earns.
//!
//! Interest is earned by the calendar, whatever days others are traded on: a Friday's unit has three days' more on Monday. A
//! year has 365.25 days, as in calendar growth, so that cash at a steady rate grows by that rate a year.

use jiff::civil::Date;

const DAYS_PER_YEAR: f64 = 365.25;

/// Annual rates by the day from whose end on they are earned, each until the next; nothing is earned before the first.
/// [`Interest::default`] earns nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interest {
    /// Days ascending, each with the logarithm of a year's growth from then on, and of all growth until then.
    steps: Vec<(Date, f64, f64)>,
}

impl Interest {
    /// The interest of these annual rates, as fractions above -1, by the day from whose end on each is earned. Of two for
    /// one day the later one counts.
    #[must_use]
    pub fn new(rates: impl IntoIterator<Item = (Date, f64)>) -> Self {
        let mut rates: Vec<(Date, f64)> = rates.into_iter().collect();
        rates.sort_by_key(|(from, _)| *from);
        let mut steps: Vec<(Date, f64, f64)> = Vec::with_capacity(rates.len());
        for (from, rate) in rates {
            let grown = steps.last().map_or(0.0, |step| grown(*step, from));
            if steps.last().is_some_and(|(last, ..)| *last == from) {
                steps.pop();
            }
            steps.push((from, rate.ln_1p(), grown));
        }
        Self { steps }
    }

    /// What one unit of the first of these days is worth on each of them; days ascending. 1 on every day where nothing is
    /// earned.
    #[must_use]
    pub fn worth(&self, days: &[Date]) -> Vec<f64> {
        let Some(first) = days.first() else { return Vec::new() };
        let before = self.log_worth(*first);
        days.iter().map(|day| (self.log_worth(*day) - before).exp()).collect()
    }

    /// The logarithm of what a unit of long ago is worth at the end of the day.
    fn log_worth(&self, day: Date) -> f64 {
        let passed = self.steps.partition_point(|(from, ..)| *from <= day);
        passed.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0.0, |step| grown(*step, day))
    }
}

/// The logarithm of all growth until the day, which does not come before the step.
fn grown((from, a_year, until_then): (Date, f64, f64), day: Date) -> f64 {
    until_then + a_year * f64::from((day - from).get_days()) / DAYS_PER_YEAR
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::{Date, date};
    use proptest::prelude::*;

    use super::Interest;

    /// Day by day: each evening the day's rate is added.
    fn day_by_day(rates: &[(Date, f64)], first: Date, last: Date) -> f64 {
        let (mut worth, mut day) = (1.0, first);
        while day < last {
            let said = rates.iter().filter(|(from, _)| *from <= day).max_by_key(|(from, _)| *from);
            worth *= (1.0 + said.map_or(0.0, |(_, rate)| *rate)).powf(1.0 / 365.25);
            day += 1.day();
        }
        worth
    }

    #[test]
    fn without_a_rate_cash_is_worth_one_to_the_last_digit() {
        let days = [date(1990, 1, 2), date(2024, 2, 29)];
        assert_eq!(Interest::default().worth(&days), [1.0, 1.0]);
        assert_eq!(Interest::new([(date(2024, 3, 1), 0.05)]).worth(&days), [1.0, 1.0], "it is earned later");
        assert!(Interest::default().worth(&[]).is_empty());
    }

    #[test]
    fn a_steady_rate_is_the_growth_of_a_calendar_year() {
        let cash = Interest::new([(date(2000, 1, 1), 0.05)]);
        // Four years are 1,461 days: exactly four of 365.25.
        let worth = cash.worth(&[date(2000, 1, 1), date(2004, 1, 1)]);
        assert!((worth[1] - 1.05_f64.powi(4)).abs() < 1e-14, "{worth:?}");
        // A Friday and its Monday.
        let worth = cash.worth(&[date(2024, 1, 5), date(2024, 1, 8)]);
        assert!((worth[1] - 1.05_f64.powf(3.0 / 365.25)).abs() < 1e-15, "{worth:?}");
    }

    #[test]
    fn of_two_rates_of_a_day_the_later_word_counts_and_the_order_of_days_does_not_matter() {
        let (early, late, end) = (date(2023, 1, 1), date(2023, 7, 1), date(2024, 1, 1));
        let cash = Interest::new([(late, 0.02), (early, 0.9), (early, 0.1)]);
        assert_eq!(cash, Interest::new([(early, 0.1), (late, 0.02)]));
        let expected = day_by_day(&[(early, 0.1), (late, 0.02)], early, end);
        assert!((cash.worth(&[early, late, end])[2] - expected).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn cash_grows_as_it_does_day_by_day(
            steps in prop::collection::btree_map(0_i32..2_000, -0.3..0.9_f64, 0..6),
            first in 0_i32..1_000,
            length in 0_i32..1_500,
        ) {
            let day = |n: i32| date(2019, 12, 31) + n.days();
            let rates: Vec<(Date, f64)> = steps.into_iter().map(|(n, rate)| (day(n), rate)).collect();
            let (first, last) = (day(first), day(first + length));
            let worth = Interest::new(rates.clone()).worth(&[first, last]);
            let expected = day_by_day(&rates, first, last);
            prop_assert!((worth[1] / expected - 1.0).abs() < 1e-11, "{} beside {expected}", worth[1]);
        }
    }
}
