//! Sharpe ratio: excess return for each unit of volatility (Sharpe 1994).

use super::volatility::deviation;
use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;
use crate::sums::{is_constant, mean};

/// Annual Sharpe ratio: `mean(e) / std(e, ddof = 1) * sqrt(periods)` with `e = r - ((1 + rf)^(1/periods) - 1)`; `rf` is
/// an annual fraction.
///
/// # Errors
/// [`NoFigure::NoVariation`] for constant returns, [`NoFigure::TooFewReturns`] with fewer than two.
pub fn sharpe(returns: &[f64], rf_annual: f64, periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    at_least(2, returns.len())?;
    if is_constant(returns) {
        return Err(NoFigure::NoVariation);
    }
    let excess = mean(returns) - periods.rate_per_period(rf_annual);
    finite(excess / deviation(returns)? * periods.get().sqrt())
}

#[cfg(test)]
mod tests {
    use super::sharpe;
    use crate::no_figure::NoFigure;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn mean_over_spread() {
        let year = PeriodsPerYear::new(1.0).unwrap();
        assert!((sharpe(&[0.0, 0.02], 0.0, year).unwrap() - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!(sharpe(&[0.0, 0.02], 0.01, year).unwrap().abs() < 1e-12);
    }

    #[test]
    fn a_savings_account_has_no_sharpe_ratio() {
        assert_eq!(sharpe(&[0.0001; 300], 0.0, PeriodsPerYear::SESSIONS), Err(NoFigure::NoVariation));
    }
}
