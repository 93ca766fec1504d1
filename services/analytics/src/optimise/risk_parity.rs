//! Risk parity: each asset carries a given share of the variance.
//!
//! The long-only weights with `w_i (S w)_i / w'S w = b_i` are unique: they are the minimum of `y'S y / 2 - sum(b_i ln y_i)`,
//! scaled to add up to one (Spinu 2013). Newton's method on that function, with steps shortened while it is far away.

use super::error::OptimiseError;
use crate::moments::Covariance;
use crate::sums::count;

const STEPS_MAX: usize = 200;
/// How far the budgets' sum may be from one.
const BUDGET_TOLERANCE: f64 = 1e-9;
/// The squared Newton decrement at which rounding takes over.
const DECREMENT_MIN: f64 = 1e-24;

/// Weights of which asset `i` carries the share `budgets[i]` of the portfolio's variance; they add up to one.
///
/// # Errors
/// [`OptimiseError::Parameter`] for budgets that are not positive or do not add up to one,
/// [`OptimiseError::NoVariation`] for an asset without variance.
pub fn risk_parity(covariance: &Covariance, budgets: &[f64]) -> Result<Vec<f64>, OptimiseError> {
    let n = covariance.assets();
    if budgets.len() != n {
        return Err(OptimiseError::LengthsDiffer { what: "risk budgets", expected: n, got: budgets.len() });
    }
    if let Some(&value) = budgets.iter().find(|budget| !(**budget > 0.0 && **budget <= 1.0)) {
        return Err(OptimiseError::Parameter { name: "risk budget", value });
    }
    let sum: f64 = budgets.iter().sum();
    if (sum - 1.0).abs() > BUDGET_TOLERANCE {
        return Err(OptimiseError::Parameter { name: "sum of risk budgets", value: sum });
    }
    if let Some(asset) = (0..n).find(|&asset| covariance.variance(asset) <= 0.0) {
        return Err(OptimiseError::NoVariation { asset });
    }
    // In units of each asset's own volatility the problem is the same and its numbers are near one.
    let deviations: Vec<f64> = (0..n).map(|asset| covariance.variance(asset).sqrt()).collect();
    let correlation = |i: usize, j: usize| covariance.row(i)[j] / deviations[i] / deviations[j];
    let mut y: Vec<f64> = budgets.iter().map(|budget| budget.sqrt()).collect();
    for _ in 0..STEPS_MAX {
        let gradient =
            faer::Mat::from_fn(n, 1, |i, _| (0..n).map(|j| correlation(i, j) * y[j]).sum::<f64>() - budgets[i] / y[i]);
        let hessian =
            faer::Mat::from_fn(n, n, |i, j| correlation(i, j) + if i == j { budgets[i] / (y[i] * y[i]) } else { 0.0 });
        let factor = hessian.llt(faer::Side::Lower).map_err(|_| OptimiseError::NotConverged { steps: 0 })?;
        let step = faer::linalg::solvers::Solve::solve(&factor, &gradient);
        let decrement: f64 = (0..n).map(|i| step[(i, 0)] * gradient[(i, 0)]).sum();
        // The damped step of a self-concordant function; the longest one must keep every weight positive.
        let longest = (0..n).map(|i| step[(i, 0)] / y[i]).fold(0.0_f64, f64::max);
        let damping = if longest < 0.5 { 1.0 } else { 0.5 / longest };
        for i in 0..n {
            y[i] -= damping * step[(i, 0)];
        }
        if !decrement.is_finite() {
            break;
        }
        if decrement.abs() <= DECREMENT_MIN {
            let mut weights: Vec<f64> = y.iter().zip(&deviations).map(|(y, deviation)| y / deviation).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            return Ok(weights);
        }
    }
    Err(OptimiseError::NotConverged { steps: STEPS_MAX })
}

/// Equal shares of risk for `assets` assets.
pub fn equal_budgets(assets: usize) -> Vec<f64> {
    vec![1.0 / count(assets.max(1)); assets]
}

#[cfg(test)]
mod tests {
    use super::{equal_budgets, risk_parity};
    use crate::figures::risk_contributions;
    use crate::moments::Covariance;
    use crate::optimise::OptimiseError;

    #[test]
    fn each_asset_carries_its_budget() {
        let rows = [vec![0.04, 0.01, 0.0], vec![0.01, 0.09, 0.02], vec![0.0, 0.02, 0.16]];
        let covariance = Covariance::from_rows(&rows).unwrap();
        let budgets = [0.5, 0.3, 0.2];
        let weights = risk_parity(&covariance, &budgets).unwrap();
        let shares = risk_contributions(&covariance, &weights).unwrap();
        assert!(shares.iter().zip(budgets).all(|(share, budget)| (share - budget).abs() < 1e-12));
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn cash_cannot_carry_risk() {
        let covariance = Covariance::from_rows(&[vec![0.04, 0.0], vec![0.0, 0.0]]).unwrap();
        assert_eq!(risk_parity(&covariance, &equal_budgets(2)), Err(OptimiseError::NoVariation { asset: 1 }));
    }
}
