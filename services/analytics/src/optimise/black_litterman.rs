//! Black and Litterman 1992: expected returns from the market's weights and an investor's views.

use super::constraints::in_range;
use super::error::OptimiseError;
use crate::moments::Covariance;
use crate::sums::count;

/// How sure the views are.
#[derive(Debug, Clone, PartialEq)]
pub enum Confidence {
    /// `Omega = diag(tau P S P')`: as sure as the prior (He and Litterman 1999).
    Proportional,
    /// A confidence for each view, above 0 and up to 1: `omega_k = tau (1 - c) / c * p_k' S p_k` (Idzorek 2005, in closed
    /// form Walters 2014).
    Idzorek(Vec<f64>),
    /// Variances of the views themselves.
    Variances(Vec<f64>),
}

/// Views: `pick[k] . returns = answer[k]`, annual.
#[derive(Debug, Clone, PartialEq)]
pub struct Views {
    /// For each view a coefficient for each asset: one asset, or one against others.
    pub picks: Vec<Vec<f64>>,
    /// Annual returns that the views expect.
    pub answers: Vec<f64>,
    /// How sure they are.
    pub confidence: Confidence,
}

/// The market's side of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    /// Weights of the market portfolio.
    pub weights: Vec<f64>,
    /// Risk aversion of the market, usually 2 to 4.
    pub risk_aversion: f64,
    /// Uncertainty of the prior as a share of the covariance, usually 0.01 to 0.05.
    pub tau: f64,
    /// Risk-free rate a year as a fraction.
    pub rf: f64,
}

/// What the model says.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Annual returns that the market implies, `pi = delta S w + rf`.
    pub prior_returns: Vec<f64>,
    /// Annual returns after the views.
    pub returns: Vec<f64>,
    /// Annual covariance after the views, `S + tau S - tau S P' (P tau S P' + Omega)^-1 P tau S`.
    pub covariance: Covariance,
    /// Variances of the views, `diag(Omega)`.
    pub omega: Vec<f64>,
}

/// Views that one model may have.
pub const VIEWS_MAX: usize = 500;

/// The posterior of the market's prior and the views.
///
/// # Errors
/// [`OptimiseError`] when numbers do not fit or are outside their ranges, or views contradict each other with certainty.
pub fn black_litterman(covariance: &Covariance, market: &Market, views: &Views) -> Result<Posterior, OptimiseError> {
    let (n, k) = (covariance.assets(), views.answers.len());
    check(n, market, views)?;
    let scaled = covariance.times(&market.weights);
    let prior_returns: Vec<f64> = scaled.iter().map(|s| market.risk_aversion * s + market.rf).collect();
    // Rows of P tau S: what each view says about each asset.
    let spread: Vec<Vec<f64>> =
        views.picks.iter().map(|pick| covariance.times(pick).iter().map(|s| market.tau * s).collect()).collect();
    let own = |view: usize| dot(&views.picks[view], &spread[view]);
    let omega: Vec<f64> = match &views.confidence {
        Confidence::Proportional => (0..k).map(own).collect(),
        Confidence::Idzorek(confidences) => {
            (0..k).map(|view| own(view) * (1.0 - confidences[view]) / confidences[view]).collect()
        }
        Confidence::Variances(variances) => variances.clone(),
    };
    let system =
        faer::Mat::from_fn(k, k, |i, j| dot(&views.picks[i], &spread[j]) + if i == j { omega[i] } else { 0.0 });
    let surprise = faer::Mat::from_fn(k, 1, |view, _| views.answers[view] - dot(&views.picks[view], &prior_returns));
    let spreads = faer::Mat::from_fn(k, n, |view, asset| spread[view][asset]);
    let factor = system.llt(faer::Side::Lower).map_err(|_| OptimiseError::Parameter {
        name: "certainty of views that contradict or repeat each other",
        value: count(k),
    })?;
    let moved = faer::linalg::solvers::Solve::solve(&factor, &surprise);
    let learnt = faer::linalg::solvers::Solve::solve(&factor, &spreads);
    let returns: Vec<f64> = (0..n)
        .map(|asset| prior_returns[asset] + (0..k).map(|view| spread[view][asset] * moved[(view, 0)]).sum::<f64>())
        .collect();
    let cell = |i: usize, j: usize| {
        let known: f64 = (0..k).map(|view| spread[view][i] * learnt[(view, j)]).sum();
        (1.0 + market.tau) * covariance.row(i)[j] - known
    };
    let cells: Vec<f64> = (0..n * n).map(|at| cell((at / n).max(at % n), (at / n).min(at % n))).collect();
    if let Some(&value) = returns.iter().chain(&cells).chain(&omega).find(|value| !value.is_finite()) {
        return Err(OptimiseError::Parameter { name: "posterior", value });
    }
    Ok(Posterior { prior_returns, returns, covariance: Covariance::trusted(n, cells), omega })
}

fn check(n: usize, market: &Market, views: &Views) -> Result<(), OptimiseError> {
    let k = views.answers.len();
    let fits = |what: &'static str, expected: usize, got: usize| {
        if expected == got { Ok(()) } else { Err(OptimiseError::LengthsDiffer { what, expected, got }) }
    };
    fits("market weights", n, market.weights.len())?;
    fits("views", k, views.picks.len())?;
    in_range("number of views", count(k), count(VIEWS_MAX))?;
    views.picks.iter().try_for_each(|pick| fits("coefficients of a view", n, pick.len()))?;
    let positive = |name: &'static str, value: f64, most: f64| {
        if value > 0.0 && value <= most { Ok(()) } else { Err(OptimiseError::Parameter { name, value }) }
    };
    positive("tau", market.tau, 1e6)?;
    positive("risk aversion", market.risk_aversion, 1e6)?;
    in_range("risk-free rate", market.rf, 1e6)?;
    let numbers = market.weights.iter().chain(views.picks.iter().flatten()).chain(&views.answers);
    numbers.copied().try_for_each(|value| in_range("weight or view", value, 1e6))?;
    match &views.confidence {
        Confidence::Proportional => Ok(()),
        Confidence::Idzorek(confidences) => {
            fits("confidences", k, confidences.len())?;
            confidences.iter().try_for_each(|&confidence| positive("confidence", confidence, 1.0))
        }
        Confidence::Variances(variances) => {
            fits("variances of views", k, variances.len())?;
            variances.iter().try_for_each(|&variance| positive("variance of a view", variance, 1e6))
        }
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::{Confidence, Market, Views, black_litterman};
    use crate::moments::Covariance;

    fn market() -> (Covariance, Market) {
        let covariance = Covariance::from_rows(&[vec![0.04, 0.01], vec![0.01, 0.09]]).unwrap();
        (covariance, Market { weights: vec![0.6, 0.4], risk_aversion: 2.5, tau: 0.05, rf: 0.0 })
    }

    #[test]
    fn a_certain_view_is_believed() {
        let (covariance, market) = market();
        let views =
            Views { picks: vec![vec![1.0, 0.0]], answers: vec![0.2], confidence: Confidence::Idzorek(vec![1.0]) };
        let posterior = black_litterman(&covariance, &market, &views).unwrap();
        assert!((posterior.returns[0] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn without_views_the_market_is_right() {
        let (covariance, market) = market();
        let views = Views { picks: vec![], answers: vec![], confidence: Confidence::Proportional };
        let posterior = black_litterman(&covariance, &market, &views).unwrap();
        assert_eq!(posterior.returns, posterior.prior_returns);
        assert!((posterior.prior_returns[0] - 2.5 * (0.04 * 0.6 + 0.01 * 0.4)).abs() < 1e-15);
    }
}
