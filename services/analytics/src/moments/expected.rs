//! Expected annual returns from past ones. The past mean is a poor forecast: an optimiser should be given views instead.

use super::covariance::MomentsError;
use super::sample::Decay;
use crate::no_figure::NoFigure;
use crate::periods::PeriodsPerYear;
use crate::sums::{count, mean};

/// `periods * mean(r)` as a fraction a year.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return.
pub fn arithmetic_mean(returns: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    crate::no_figure::at_least(1, returns.len())?;
    crate::no_figure::finite(periods.get() * mean(returns))
}

/// `prod(1 + r)^(periods / n) - 1` as a fraction a year.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return, [`NoFigure::WipedOut`] when nothing is left.
pub fn geometric_mean(returns: &[f64], periods: PeriodsPerYear) -> Result<f64, NoFigure> {
    crate::no_figure::at_least(1, returns.len())?;
    let growth: f64 = returns.iter().map(|r| 1.0 + r).product();
    if growth <= 0.0 {
        return Err(NoFigure::WipedOut);
    }
    crate::no_figure::finite(growth.powf(periods.get() / count(returns.len())) - 1.0)
}

/// `(1 + m)^periods - 1` with the exponentially weighted mean `m`, newest return last, as a fraction a year.
///
/// # Errors
/// [`MomentsError`] without a return, for a decay outside its range or a result that is not finite.
pub fn ew_mean(returns: &[f64], decay: Decay, periods: PeriodsPerYear) -> Result<f64, MomentsError> {
    if returns.is_empty() {
        return Err(MomentsError::TooFewReturns { needed: 1, got: 0 });
    }
    let weights = decay.weights(returns.len())?;
    let mean: f64 = weights.iter().zip(returns).map(|(weight, r)| weight * r).sum();
    let annual = (1.0 + mean).powf(periods.get()) - 1.0;
    if annual.is_finite() { Ok(annual) } else { Err(MomentsError::NotFinite { row: 0, column: 0 }) }
}

#[cfg(test)]
mod tests {
    use super::{arithmetic_mean, ew_mean, geometric_mean};
    use crate::moments::Decay;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn the_geometric_mean_knows_that_a_loss_weighs_more() {
        let year = PeriodsPerYear::MONTHS;
        assert!(arithmetic_mean(&[0.5, -0.5], year).unwrap().abs() < 1e-15);
        assert!((geometric_mean(&[0.5, -0.5], year).unwrap() - (0.75_f64.powi(6) - 1.0)).abs() < 1e-12);
    }

    #[test]
    fn the_newest_return_weighs_most() {
        let year = PeriodsPerYear::new(1.0).unwrap();
        let rate = ew_mean(&[0.0, 0.03], Decay::HalfLife(1.0), year).unwrap();
        assert!((rate - 0.02).abs() < 1e-15);
    }
}
