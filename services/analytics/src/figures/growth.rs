//! Cumulative and annual growth of a value.

use jiff::civil::Date;

use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;

/// Days of a year in the calendar convention (ffn's).
const DAYS_PER_YEAR: f64 = 365.25;

/// Growth over the whole window as a fraction: `P_T / P_0 - 1`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than two values.
pub fn cumulative(values: &[f64]) -> Result<f64, NoFigure> {
    at_least(1, values.len().saturating_sub(1))?;
    finite(values[values.len() - 1] / values[0] - 1.0)
}

/// Growth a year as a fraction: `(1 + cumulative)^(periods/n) - 1`, `n` the number of returns.
///
/// # Errors
/// [`NoFigure::WipedOut`] when nothing is left.
pub fn cagr(cumulative: f64, n_returns: usize, periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    at_least(1, n_returns)?;
    grow(cumulative, periods.get() / crate::sums::count(n_returns))
}

/// Growth a calendar year of 365.25 days as a fraction.
///
/// # Errors
/// [`NoFigure::WipedOut`] when nothing is left, [`NoFigure::OutOfRange`] when no day passes.
pub fn cagr_calendar(cumulative: f64, first: Date, last: Date) -> Result<f64, NoFigure> {
    let days = f64::from((last - first).get_days());
    if days <= 0.0 { Err(NoFigure::OutOfRange) } else { grow(cumulative, DAYS_PER_YEAR / days) }
}

fn grow(cumulative: f64, power: f64) -> Result<f64, NoFigure> {
    if cumulative <= -1.0 { Err(NoFigure::WipedOut) } else { finite((1.0 + cumulative).powf(power) - 1.0) }
}

#[cfg(test)]
mod tests {
    use super::{cagr, cagr_calendar, cumulative};
    use crate::no_figure::NoFigure;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn doubling_in_two_years_is_the_root_of_two() {
        let doubled = cumulative(&[1.0, 2.0]).unwrap();
        let rate = cagr(doubled, 504, PeriodsPerYear::SESSIONS).unwrap();
        assert!((rate - (2.0_f64.sqrt() - 1.0)).abs() < 1e-15);
        let days = jiff::civil::date(2021, 1, 1)..jiff::civil::date(2025, 1, 1);
        assert!((cagr_calendar(doubled, days.start, days.end).unwrap() - (2.0_f64.powf(0.25) - 1.0)).abs() < 1e-15);
    }

    #[test]
    fn losing_everything_has_no_rate() {
        assert_eq!(cagr(-1.0, 252, PeriodsPerYear::SESSIONS), Err(NoFigure::WipedOut));
        assert_eq!(cumulative(&[1.0]), Err(NoFigure::TooFewReturns { needed: 1, got: 0 }));
    }
}
