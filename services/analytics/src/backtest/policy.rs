//! When a portfolio is brought back to its target weights.

use jiff::civil::Date;

/// When to rebalance: at the start of a period, when weights have drifted, or at whichever comes first. Neither: weights
/// drift for ever.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Policy {
    /// On the first session of each period.
    pub calendar: Option<Period>,
    /// When a weight is too far from its target.
    pub threshold: Option<Threshold>,
    /// Sessions between the decision and the trade: 0 trades at the close that decided, 1 at the next.
    pub lag_sessions: usize,
}

impl Policy {
    /// Buy and hold.
    pub const NONE: Policy = Policy { calendar: None, threshold: None, lag_sessions: 0 };
    /// At the close of the first session of each month.
    pub const MONTHLY: Policy = Policy { calendar: Some(Period::Month), ..Policy::NONE };
    /// At the close of the first session of each quarter.
    pub const QUARTERLY: Policy = Policy { calendar: Some(Period::Quarter), ..Policy::NONE };
    /// At the close of the first session of each year.
    pub const YEARLY: Policy = Policy { calendar: Some(Period::Year), ..Policy::NONE };
}

/// A calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

impl Period {
    /// A number that is the same for dates of the same period and differs between neighbours.
    fn of(self, date: Date) -> i32 {
        let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
        match self {
            Period::Month => month,
            Period::Quarter => month.div_euclid(3),
            Period::Year => month.div_euclid(12),
        }
    }

    /// Rows that open a new period; never the first row.
    pub fn openings(self, dates: &[Date]) -> impl Iterator<Item = usize> + '_ {
        (1..dates.len()).filter(move |&row| self.of(dates[row]) != self.of(dates[row - 1]))
    }
}

/// How far a weight may drift, and how soon a second trade may follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The limit.
    pub drift: Drift,
    /// Sessions after a rebalancing in which drift is not looked at.
    pub cooldown_sessions: usize,
}

/// A distance from the target weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drift {
    /// `|weight - target|` above this fraction: 0.05 is five points.
    Absolute(f64),
    /// `|weight / target - 1|` above this fraction.
    Relative(f64),
}

impl Drift {
    pub(crate) fn exceeded(self, weight: f64, target: f64) -> bool {
        match self {
            Drift::Absolute(limit) => (weight - target).abs() > limit,
            Drift::Relative(limit) => (weight - target).abs() > limit * target.abs(),
        }
    }

    pub(crate) fn limit(self) -> f64 {
        match self {
            Drift::Absolute(limit) | Drift::Relative(limit) => limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Drift, Period};
    use jiff::civil::date;

    #[test]
    fn a_period_opens_on_its_first_session() {
        let dates = [date(2023, 12, 28), date(2024, 1, 2), date(2024, 1, 3), date(2024, 2, 1), date(2024, 4, 1)];
        assert_eq!(Period::Month.openings(&dates).collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(Period::Quarter.openings(&dates).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(Period::Year.openings(&dates).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn drift_is_measured_in_points_or_relative_to_the_target() {
        assert!(Drift::Absolute(0.05).exceeded(0.26, 0.2) && !Drift::Absolute(0.05).exceeded(0.24, 0.2));
        assert!(Drift::Relative(0.25).exceeded(0.26, 0.2) && !Drift::Relative(0.25).exceeded(0.24, 0.2));
    }
}
