//! Figures of a return series beside a benchmark's on the same dates.

use super::correlation::same_length;
use super::volatility::deviation;
use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;
use crate::sums::{count, is_constant, mean, sum_of, sum_of_pairs};

/// `cov(r, b) / var(b)`: return of the series for each unit of the benchmark's.
///
/// # Errors
/// [`NoFigure::BenchmarkDoesNotVary`] for a constant benchmark.
pub fn beta(returns: &[f64], benchmark: &[f64]) -> Result<f64, NoFigure> {
    same_length(returns, benchmark)?;
    at_least(2, returns.len())?;
    if is_constant(benchmark) {
        return Err(NoFigure::BenchmarkDoesNotVary);
    }
    let (x, y) = (mean(returns), mean(benchmark));
    finite(sum_of_pairs(returns, benchmark, |r, b| (r - x) * (b - y)) / sum_of(benchmark, |b| (b - y).powi(2)))
}

/// Arithmetic alpha a year (Jensen 1968): `periods * (mean(e_r) - beta * mean(e_b))` with excess returns over `rf`.
///
/// # Errors
/// As [`beta`].
pub fn alpha_arithmetic(
    returns: &[f64],
    benchmark: &[f64],
    rf_annual: f64,
    periods: PeriodsPerYear,
) -> Result<f64, NoFigure> {
    finite(periods.get() * alpha_per_period(returns, benchmark, rf_annual, periods)?)
}

/// Geometric alpha a year: `(1 + mean(e_r - beta * e_b))^periods - 1`.
///
/// # Errors
/// As [`beta`].
pub fn alpha_geometric(
    returns: &[f64],
    benchmark: &[f64],
    rf_annual: f64,
    periods: PeriodsPerYear,
) -> Result<f64, NoFigure> {
    let alpha = alpha_per_period(returns, benchmark, rf_annual, periods)?;
    finite((1.0 + alpha).powf(periods.get()) - 1.0)
}

fn alpha_per_period(
    returns: &[f64],
    benchmark: &[f64],
    rf_annual: f64,
    periods: PeriodsPerYear,
) -> Result<f64, NoFigure> {
    let beta = beta(returns, benchmark)?;
    let rf = periods.rate_per_period(rf_annual);
    finite(mean(returns) - rf - beta * (mean(benchmark) - rf))
}

/// Annual tracking error as a fraction: `std(r - b, ddof = 1) * sqrt(periods)`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than two returns.
pub fn tracking_error(returns: &[f64], benchmark: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    finite(deviation(&active(returns, benchmark)?)? * periods.get().sqrt())
}

/// Information ratio of one period, not annualised: `mean(r - b) / std(r - b, ddof = 1)`.
///
/// # Errors
/// [`NoFigure::NoVariation`] when the series follows the benchmark exactly.
pub fn information_ratio_daily(returns: &[f64], benchmark: &[f64]) -> Result<f64, NoFigure> {
    let active = active(returns, benchmark)?;
    at_least(2, active.len())?;
    if is_constant(&active) {
        return Err(NoFigure::NoVariation);
    }
    finite(mean(&active) / deviation(&active)?)
}

/// Information ratio a year: the daily one times `sqrt(periods)`.
///
/// # Errors
/// As [`information_ratio_daily`].
pub fn information_ratio(returns: &[f64], benchmark: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    finite(information_ratio_daily(returns, benchmark)? * periods.get().sqrt())
}

/// Arithmetic active return a year as a fraction: `periods * mean(r - b)`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return.
pub fn active_return(returns: &[f64], benchmark: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    finite(periods.get() * mean(&active(returns, benchmark)?))
}

/// QuantStats' Treynor ratio: TOTAL (not annual) return over beta.
///
/// # Errors
/// As [`beta`]; [`NoFigure::NoVariation`] when beta is zero.
pub fn treynor_total(cumulative: f64, beta: f64) -> Result<f64, NoFigure> {
    if beta.abs() <= 0.0 { Err(NoFigure::NoVariation) } else { finite(cumulative / beta) }
}

/// Annual growth on the benchmark's days of gain over the benchmark's own.
///
/// # Errors
/// [`NoFigure::BenchmarkDoesNotVary`] when the benchmark never gained.
pub fn up_capture(returns: &[f64], benchmark: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    capture(returns, benchmark, periods, |b| b > 0.0)
}

/// Annual growth on the benchmark's days of loss over the benchmark's own.
///
/// # Errors
/// [`NoFigure::BenchmarkDoesNotVary`] when the benchmark never lost.
pub fn down_capture(returns: &[f64], benchmark: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    capture(returns, benchmark, periods, |b| b < 0.0)
}

fn capture(
    returns: &[f64],
    benchmark: &[f64],
    periods: PeriodsPerYear,
    on: impl Fn(f64) -> bool,
) -> Result<f64, NoFigure> {
    same_length(returns, benchmark)?;
    let (mut series, mut reference, mut n) = (1.0, 1.0, 0);
    for (r, &b) in returns.iter().zip(benchmark) {
        if on(b) {
            series *= 1.0 + r;
            reference *= 1.0 + b;
            n += 1;
        }
    }
    if n == 0 {
        return Err(NoFigure::BenchmarkDoesNotVary);
    }
    let annual = |growth: f64| finite(growth.powf(periods.get() / count(n)) - 1.0);
    let reference = annual(reference)?;
    if reference.abs() <= 0.0 { Err(NoFigure::BenchmarkDoesNotVary) } else { finite(annual(series)? / reference) }
}

fn active(returns: &[f64], benchmark: &[f64]) -> Result<Vec<f64>, NoFigure> {
    same_length(returns, benchmark)?;
    Ok(returns.iter().zip(benchmark).map(|(r, b)| r - b).collect())
}

#[cfg(test)]
mod tests {
    use super::{beta, down_capture, information_ratio, tracking_error, up_capture};
    use crate::no_figure::NoFigure;
    use crate::periods::PeriodsPerYear;

    const BENCHMARK: [f64; 4] = [0.01, -0.02, 0.03, -0.01];

    #[test]
    fn twice_the_benchmark_has_beta_two() {
        let twice = BENCHMARK.map(|b| 2.0 * b);
        assert!((beta(&twice, &BENCHMARK).unwrap() - 2.0).abs() < 1e-12);
        assert!(up_capture(&twice, &BENCHMARK, PeriodsPerYear::SESSIONS).unwrap() > 1.0);
        assert!(down_capture(&twice, &BENCHMARK, PeriodsPerYear::SESSIONS).unwrap() >= 1.0);
    }

    #[test]
    fn the_benchmark_itself_has_no_information_ratio() {
        let year = PeriodsPerYear::SESSIONS;
        assert!(tracking_error(&BENCHMARK, &BENCHMARK, year).unwrap().abs() < 1e-15);
        assert_eq!(information_ratio(&BENCHMARK, &BENCHMARK, year), Err(NoFigure::NoVariation));
        assert_eq!(beta(&BENCHMARK, &[0.0; 4]), Err(NoFigure::BenchmarkDoesNotVary));
    }
}
