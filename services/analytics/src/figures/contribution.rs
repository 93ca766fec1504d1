//! Which asset the volatility comes from.

use crate::moments::Covariance;
use crate::no_figure::{NoFigure, finite};

/// Share of each asset in the portfolio's variance, `w_i (S w)_i / w'S w`; the shares add up to one.
///
/// # Errors
/// [`NoFigure::NoVariation`] when the portfolio does not vary, [`NoFigure::LengthsDiffer`] when weights and assets are not as many.
pub fn risk_contributions(covariance: &Covariance, weights: &[f64]) -> Result<Vec<f64>, NoFigure> {
    if weights.len() != covariance.assets() {
        return Err(NoFigure::LengthsDiffer { left: weights.len(), right: covariance.assets() });
    }
    let marginal = covariance.times(weights);
    let variance: f64 = weights.iter().zip(&marginal).map(|(w, m)| w * m).sum();
    if finite(variance)? <= 0.0 {
        return Err(NoFigure::NoVariation);
    }
    weights.iter().zip(&marginal).map(|(w, m)| finite(w * m / variance)).collect()
}

#[cfg(test)]
mod tests {
    use super::risk_contributions;
    use crate::moments::Covariance;

    #[test]
    fn of_two_independent_assets_the_wilder_carries_more() {
        let covariance = Covariance::from_rows(&[vec![0.01, 0.0], vec![0.0, 0.04]]).unwrap();
        let shares = risk_contributions(&covariance, &[0.5, 0.5]).unwrap();
        assert!((shares[0] - 0.2).abs() < 1e-12 && (shares[1] - 0.8).abs() < 1e-12);
    }
}
