//! Sortino ratio: excess return for each unit of downside deviation (Sortino and Price 1994).

use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;
use crate::sums::{count, is_rounding, mean, sum_of};

/// Annual Sortino ratio: `mean(e) / sqrt(sum(min(e, 0)^2) / n) * sqrt(periods)`; the denominator counts ALL `n` returns.
///
/// # Errors
/// [`NoFigure::NoLosses`] when no return falls below the risk-free one.
pub fn sortino(returns: &[f64], rf_annual: f64, periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    at_least(2, returns.len())?;
    let rf = periods.rate_per_period(rf_annual);
    let below = (sum_of(returns, |r| (r - rf).min(0.0).powi(2)) / count(returns.len())).sqrt();
    if is_rounding(below, returns) {
        return Err(NoFigure::NoLosses);
    }
    finite((mean(returns) - rf) / below * periods.get().sqrt())
}

#[cfg(test)]
mod tests {
    use super::sortino;
    use crate::no_figure::NoFigure;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn days_of_gain_count_in_the_denominator() {
        let year = PeriodsPerYear::new(1.0).unwrap();
        assert!((sortino(&[0.03, -0.01], 0.0, year).unwrap() - 0.01 / (0.0001_f64 / 2.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_same_loss_every_day_has_a_ratio() {
        let ratio = sortino(&[-0.01; 5], 0.0, PeriodsPerYear::SESSIONS).unwrap();
        assert!((ratio + 252.0_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn without_a_loss_it_is_undefined() {
        assert_eq!(sortino(&[0.01, 0.02], 0.0, PeriodsPerYear::SESSIONS), Err(NoFigure::NoLosses));
    }
}
