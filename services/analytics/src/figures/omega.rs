//! Omega ratio: what was gained above a required return over what was lost below it (Keating and Shadwick 2002).

use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;
use crate::sums::{count, is_rounding, sum_of};

/// `sum(max(r - q, 0)) / sum(max(q - r, 0))` with `q = (1 + required)^(1/periods) - 1`; `required` is an annual fraction.
///
/// # Errors
/// [`NoFigure::NoLosses`] when no return falls below the required one.
pub fn omega(returns: &[f64], required_annual: f64, periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    let required = periods.rate_per_period(required_annual);
    let losses = sum_of(returns, |r| (required - r).max(0.0));
    if is_rounding(losses / count(returns.len()), returns) {
        return Err(NoFigure::NoLosses);
    }
    finite(sum_of(returns, |r| (r - required).max(0.0)) / losses)
}

#[cfg(test)]
mod tests {
    use super::omega;
    use crate::no_figure::NoFigure;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn three_won_for_one_lost() {
        assert!((omega(&[0.03, -0.01], 0.0, PeriodsPerYear::SESSIONS).unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(omega(&[0.03, 0.01], 0.0, PeriodsPerYear::SESSIONS), Err(NoFigure::NoLosses));
    }
}
