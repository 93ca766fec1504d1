//! Figures over a moving window; only full windows have one.

use super::benchmark::beta;
use super::sharpe::sharpe;
use super::volatility::volatility;
use crate::no_figure::NoFigure;
use crate::periods::PeriodsPerYear;

/// Window lengths that are offered, in sessions: a quarter, half a year, a year.
pub const WINDOWS: [usize; 3] = [63, 126, 252];

/// `figure` of each full window of `window` returns; the first answer belongs to return `window - 1`. Empty when the
/// window is zero or longer than the returns.
pub fn rolling(
    returns: &[f64],
    window: usize,
    figure: impl Fn(&[f64]) -> Result<f64, NoFigure>,
) -> Vec<Result<f64, NoFigure>> {
    if window == 0 { Vec::new() } else { returns.windows(window).map(figure).collect() }
}

/// Annual volatility of each full window.
pub fn rolling_volatility(returns: &[f64], window: usize, periods: PeriodsPerYear) -> Vec<Result<f64, NoFigure>> {
    rolling(returns, window, |slice| volatility(slice, periods))
}

/// Annual Sharpe ratio of each full window.
pub fn rolling_sharpe(
    returns: &[f64],
    window: usize,
    rf_annual: f64,
    periods: PeriodsPerYear,
) -> Vec<Result<f64, NoFigure>> {
    rolling(returns, window, |slice| sharpe(slice, rf_annual, periods))
}

/// Beta of each full window; both series have the dates in common.
pub fn rolling_beta(returns: &[f64], benchmark: &[f64], window: usize) -> Vec<Result<f64, NoFigure>> {
    if window == 0 {
        return Vec::new();
    }
    returns.windows(window).zip(benchmark.windows(window)).map(|(r, b)| beta(r, b)).collect()
}

#[cfg(test)]
mod tests {
    use super::{rolling_beta, rolling_volatility};
    use crate::periods::PeriodsPerYear;

    #[test]
    fn only_full_windows_have_a_figure() {
        let returns = [0.01, -0.01, 0.02, 0.0, 0.01];
        assert_eq!(rolling_volatility(&returns, 3, PeriodsPerYear::SESSIONS).len(), 3);
        assert!(rolling_volatility(&returns, 6, PeriodsPerYear::SESSIONS).is_empty());
        assert!(rolling_beta(&returns, &returns, 0).is_empty());
    }
}
