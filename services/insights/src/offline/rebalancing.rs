//! When the portfolio is brought back to its weights: the arguments, and their words in an answer.

use analytics::backtest::{Drift, Period, Policy, Threshold};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::numbers;

/// A calendar of rebalancings or payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Calendar {
    /// Never.
    None,
    /// On the first session of each month.
    Monthly,
    /// On the first session of each quarter.
    Quarterly,
    /// On the first session of each year.
    Yearly,
}

impl Calendar {
    const fn period(self) -> Option<Period> {
        match self {
            Self::None => None,
            Self::Monthly => Some(Period::Month),
            Self::Quarterly => Some(Period::Quarter),
            Self::Yearly => Some(Period::Year),
        }
    }

    const fn months(self) -> i32 {
        match self {
            Self::None => i32::MAX,
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::Yearly => 12,
        }
    }

    /// The first session of each new period, never the first of all.
    pub fn openings(self, dates: &[Date]) -> impl Iterator<Item = Date> {
        let of =
            move |date: Date| (i32::from(date.year()) * 12 + i32::from(date.month()) - 1).div_euclid(self.months());
        dates.windows(2).filter(move |pair| of(pair[0]) != of(pair[1])).map(|pair| pair[1])
    }

    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }
}

/// When to rebalance.
#[derive(Debug, Args)]
pub struct Rebalancing {
    /// When the weights are restored by the calendar
    #[arg(long, value_enum, default_value_t = Calendar::Monthly)]
    rebalance: Calendar,
    /// Also restore them when a weight is further than this from its target: 0.05 is five points
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true, value_parser = numbers::drift)]
    drift: Option<f64>,
    /// Measure the drift relative to the target weight instead of in points
    #[arg(long, requires = "drift")]
    relative: bool,
    /// Sessions after a rebalancing in which drift is not looked at
    #[arg(long, value_name = "SESSIONS", default_value_t = 0, requires = "drift", allow_negative_numbers = true,
        value_parser = numbers::sessions)]
    cooldown: usize,
    /// Sessions between the decision and the trade
    #[arg(long, value_name = "SESSIONS", default_value_t = 0, allow_negative_numbers = true, value_parser = numbers::sessions)]
    lag: usize,
}

impl Rebalancing {
    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let drift = |limit| if self.relative { Drift::Relative(limit) } else { Drift::Absolute(limit) };
        let threshold = self.drift.map(|limit| Threshold { drift: drift(limit), cooldown_sessions: self.cooldown });
        Policy { calendar: self.rebalance.period(), threshold, lag_sessions: self.lag }
    }

    /// The policy as an answer shows it.
    #[must_use]
    pub fn shown(&self) -> Value {
        json!({
            "calendar": self.rebalance.word(),
            "drift": self.drift,
            "drift_is": self.drift.map(|_| if self.relative { "relative" } else { "absolute" }),
            "cooldown_sessions": self.drift.map(|_| self.cooldown),
            "lag_sessions": self.lag,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Calendar;
    use jiff::civil::date;

    #[test]
    fn a_quarter_opens_on_its_first_session() {
        let dates = [date(2023, 12, 28), date(2024, 1, 2), date(2024, 2, 1), date(2024, 4, 2)];
        assert_eq!(Calendar::Quarterly.openings(&dates).collect::<Vec<_>>(), [dates[1], dates[3]]);
        assert_eq!(Calendar::Yearly.openings(&dates).count(), 1);
        assert_eq!(Calendar::None.openings(&dates).count(), 0);
    }
}
