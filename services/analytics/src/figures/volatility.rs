//! Spread of the returns.

use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;
use crate::sums::{count, mean, sum_of};

/// Annual volatility as a fraction: `std(r, ddof = 1) * sqrt(periods)`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than two returns.
pub fn volatility(returns: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    finite(deviation(returns)? * periods.get().sqrt())
}

/// Standard deviation of one period's return, `ddof = 1`.
pub(crate) fn deviation(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(2, returns.len())?;
    let mean = mean(returns);
    finite((sum_of(returns, |r| (r - mean) * (r - mean)) / (count(returns.len()) - 1.0)).sqrt())
}

/// Arithmetic mean of one period's return.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return.
pub fn mean_return(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    finite(mean(returns))
}

#[cfg(test)]
mod tests {
    use super::volatility;
    use crate::no_figure::NoFigure;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn plus_and_minus_one_percent_spread_by_root_two() {
        let year = PeriodsPerYear::new(1.0).unwrap();
        assert!((volatility(&[0.01, -0.01], year).unwrap() - 0.01 * 2.0_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn one_return_has_no_spread() {
        assert_eq!(volatility(&[0.01], PeriodsPerYear::SESSIONS), Err(NoFigure::TooFewReturns { needed: 2, got: 1 }));
    }
}
