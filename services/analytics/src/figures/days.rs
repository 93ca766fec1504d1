//! Best and worst periods, how often value was won, and how heavy the upper tail is beside the lower.

use super::value_at_risk::quantile;
use crate::no_figure::{NoFigure, at_least, finite};
use crate::sums::{count, extremes};

/// Highest return of one period as a fraction.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return.
pub fn best_day(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    finite(extremes(returns).1)
}

/// Lowest return of one period as a fraction.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return.
pub fn worst_day(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    finite(extremes(returns).0)
}

/// Share of positive returns among those that are not zero.
///
/// # Errors
/// [`NoFigure::NoVariation`] when every return is zero.
pub fn win_rate(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    let (won, lost) = (returns.iter().filter(|&&r| r > 0.0).count(), returns.iter().filter(|&&r| r < 0.0).count());
    if won + lost == 0 { Err(NoFigure::NoVariation) } else { finite(count(won) / count(won + lost)) }
}

/// `|95 % quantile| / |5 % quantile|`, both type 7.
///
/// # Errors
/// [`NoFigure::NoLosses`] when the lower quantile is zero.
pub fn tail_ratio(returns: &[f64]) -> Result<f64, NoFigure> {
    tail_ratio_from(quantile(returns, 0.05)?, quantile(returns, 0.95)?)
}

pub(crate) fn tail_ratio_from(low: f64, high: f64) -> Result<f64, NoFigure> {
    if low.abs() <= 0.0 { Err(NoFigure::NoLosses) } else { finite(high.abs() / low.abs()) }
}

#[cfg(test)]
mod tests {
    use super::{best_day, tail_ratio, win_rate, worst_day};

    #[test]
    fn days_without_change_are_neither_won_nor_lost() {
        let returns = [0.02, 0.0, -0.01, 0.01];
        assert!((win_rate(&returns).unwrap() - 2.0 / 3.0).abs() < 1e-15);
        assert!((best_day(&returns).unwrap() - 0.02).abs() < 1e-15);
        assert!((worst_day(&returns).unwrap() + 0.01).abs() < 1e-15);
        assert!((tail_ratio(&[-0.01, 0.0, 0.02]).unwrap() - 2.0).abs() < 1e-12);
    }
}
