//! Skewness and kurtosis of the returns, corrected for bias as pandas and SAS do (Joanes and Gill 1998).

use crate::no_figure::{NoFigure, at_least, finite};
use crate::sums::{count, is_constant, mean, sum_of};

/// Skewness G1: `sqrt(n(n-1))/(n-2) * m3 / m2^1.5`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than three returns, [`NoFigure::NoVariation`] for constant ones.
pub fn skew(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(3, returns.len())?;
    let (n, mean, m2) = spread(returns)?;
    let m3 = sum_of(returns, |r| (r - mean).powi(3)) / n;
    finite((n * (n - 1.0)).sqrt() / (n - 2.0) * m3 / m2.powf(1.5))
}

/// Excess kurtosis G2: `(n-1)/((n-2)(n-3)) * ((n+1) m4/m2^2 - 3(n-1))`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than four returns, [`NoFigure::NoVariation`] for constant ones.
pub fn kurtosis_excess(returns: &[f64]) -> Result<f64, NoFigure> {
    at_least(4, returns.len())?;
    let (n, mean, m2) = spread(returns)?;
    let m4 = sum_of(returns, |r| (r - mean).powi(4)) / n;
    finite((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * m4 / (m2 * m2) - 3.0 * (n - 1.0)))
}

fn spread(returns: &[f64]) -> Result<(f64, f64, f64), NoFigure> {
    if is_constant(returns) {
        return Err(NoFigure::NoVariation);
    }
    let (n, mean) = (count(returns.len()), mean(returns));
    Ok((n, mean, sum_of(returns, |r| (r - mean).powi(2)) / n))
}

#[cfg(test)]
mod tests {
    use super::{kurtosis_excess, skew};
    use crate::no_figure::NoFigure;

    #[test]
    fn symmetric_returns_have_no_skew() {
        assert!(skew(&[-0.01, 0.0, 0.01]).unwrap().abs() < 1e-15);
        assert!((kurtosis_excess(&[-0.02, -0.01, 0.01, 0.02]).unwrap() + 3.3).abs() < 1e-12);
        assert_eq!(skew(&[0.01; 5]), Err(NoFigure::NoVariation));
    }
}
