//! Portfolios on the critical line: minimum variance, maximum Sharpe, targets, utility, the frontier.
//!
//! On each line the return grows by `B = m'slope` and the variance by `2 t B` for each step of `t`, so that every wanted
//! portfolio is the root of a linear or quadratic equation on one line. Markowitz 1956; Cornuejols and Tutuncu 2007.

use super::active_set::{Line, TRACED_SHARE_MAX};
use super::constraints::{Constraints, in_range};
use super::critical_line::CriticalLine;
use super::error::OptimiseError;
use crate::moments::Covariance;
use crate::watch::{Watch, go_on};

/// Points that one frontier may have.
pub const FRONTIER_POINTS_MAX: usize = 1_000;
/// How far a target may lie outside the reachable range and still be its end, relative to the range's scale.
const ROUNDING: f64 = 1e-10;

/// Weights with what they promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimum {
    /// Weights in the order of the covariance.
    pub weights: Vec<f64>,
    /// `m'w`, a fraction a year.
    pub expected_return: f64,
    /// `sqrt(w'S w)`, a fraction a year.
    pub volatility: f64,
}

impl Optimum {
    fn new(problem: &Problem<'_>, mut weights: Vec<f64>) -> Optimum {
        let (lower, upper) = (&problem.constraints.lower, &problem.constraints.upper);
        for (weight, (lower, upper)) in weights.iter_mut().zip(lower.iter().zip(upper)) {
            *weight = weight.clamp(*lower, *upper);
        }
        let expected_return = dot(problem.mu, &weights);
        let volatility = problem.covariance.portfolio_variance(&weights).sqrt();
        Optimum { weights, expected_return, volatility }
    }

    /// `(expected return - rf) / volatility` with an annual `rf`, or nothing without volatility.
    pub fn sharpe(&self, rf: f64) -> Option<f64> {
        let ratio = (self.expected_return - rf) / self.volatility;
        ratio.is_finite().then_some(ratio)
    }
}

/// A mean-variance problem: annual covariance, annual expected returns, constraints.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Annual covariance.
    pub covariance: &'a Covariance,
    /// Annual expected returns as fractions.
    pub mu: &'a [f64],
    /// Bounds, groups and budget.
    pub constraints: &'a Constraints,
}

/// The portfolio with the least variance.
///
/// # Errors
/// [`OptimiseError`] when the inputs do not fit or nothing satisfies the constraints.
pub fn min_variance(problem: &Problem<'_>) -> Result<Optimum, OptimiseError> {
    let path = problem.trace(0.0)?;
    Ok(Optimum::new(problem, path.lines[0].at(0.0)))
}

/// The portfolio with the greatest `m'w - risk_aversion / 2 * w'S w`.
///
/// # Errors
/// As [`min_variance`]; [`OptimiseError::Parameter`] for a risk aversion that is not positive.
pub fn max_utility(problem: &Problem<'_>, risk_aversion: f64) -> Result<Optimum, OptimiseError> {
    let t = 1.0 / risk_aversion;
    if !(risk_aversion > 0.0 && t.is_finite() && t > 0.0) {
        return Err(OptimiseError::Parameter { name: "risk aversion", value: risk_aversion });
    }
    let path = problem.trace(t)?;
    let last = path.lines.last().expect("a trace has a line");
    Ok(Optimum::new(problem, last.at(t)))
}

/// The portfolio with the greatest Sharpe ratio over the annual risk-free rate `rf`.
///
/// # Errors
/// As [`min_variance`]; [`OptimiseError::NoExcessReturn`] when no portfolio returns more than `rf`.
pub fn max_sharpe(problem: &Problem<'_>, rf: f64) -> Result<Optimum, OptimiseError> {
    max_sharpe_watched(problem, rf, &go_on)
}

/// As [`max_sharpe`], watched.
///
/// # Errors
/// As [`max_sharpe`]; [`OptimiseError::Cancelled`].
pub fn max_sharpe_watched(problem: &Problem<'_>, rf: f64, watch: Watch<'_>) -> Result<Optimum, OptimiseError> {
    in_range("risk-free rate", rf, f64::MAX)?;
    let path = problem.trace_watched(f64::INFINITY, watch)?;
    let most = problem.highest_return(&path);
    if most <= rf {
        return Err(OptimiseError::NoExcessReturn { rf, most });
    }
    for line in &path.lines {
        let (excess, growth, variance) =
            (dot(problem.mu, &line.start) - rf, problem.growth(line), problem.variance(line));
        // The tangent from rf touches where variance = t * (return - rf); linear in the step on each line.
        let distance = variance - line.from * excess;
        let closing = excess - line.from * growth;
        let step = if distance <= 0.0 { 0.0 } else { distance / closing };
        if closing > 0.0 && line.from + step <= line.to {
            return Ok(Optimum::new(problem, line.at(line.from + step)));
        }
    }
    // Only rounding lets the tangent slip between two lines: it touches at the end.
    Ok(Optimum::new(problem, path.end()))
}

/// The portfolio with the least variance among those with the expected return `target`.
///
/// # Errors
/// As [`min_variance`]; [`OptimiseError::ReturnOutOfReach`] with the reachable range.
pub fn target_return(problem: &Problem<'_>, target: f64) -> Result<Optimum, OptimiseError> {
    in_range("target return", target, f64::MAX)?;
    let path = problem.trace(f64::INFINITY)?;
    let lowest = dot(problem.mu, &path.lines[0].start);
    let room = ROUNDING * (lowest.abs() + target.abs());
    if target >= lowest - room {
        return at_return(problem, &path, target).ok_or_else(|| problem.out_of_reach(target));
    }
    // Below the minimum variance the same line goes on in the other direction.
    let mirrored: Vec<f64> = problem.mu.iter().map(|mu| -mu).collect();
    let mirror = Problem { mu: &mirrored, ..*problem };
    let found = at_return(&mirror, &mirror.trace(f64::INFINITY)?, -target);
    found.map(|found| Optimum::new(problem, found.weights)).ok_or_else(|| problem.out_of_reach(target))
}

/// The efficient portfolio with this volatility (a fraction a year).
///
/// # Errors
/// As [`min_variance`]; [`OptimiseError::RiskOutOfReach`] with the reachable range.
pub fn target_risk(problem: &Problem<'_>, target: f64) -> Result<Optimum, OptimiseError> {
    in_range("target volatility", target, f64::MAX)?;
    let path = problem.trace(f64::INFINITY)?;
    let least = problem.variance(&path.lines[0]).sqrt();
    let most = problem.covariance.portfolio_variance(&path.end()).sqrt();
    let room = ROUNDING * (least + most);
    if target < least - room || target > most + room {
        return Err(OptimiseError::RiskOutOfReach { target, least, most });
    }
    for line in &path.lines {
        // variance + 2 t B step + B step^2 = target^2, solved without cancellation.
        let (growth, missing) = (problem.growth(line), target * target - problem.variance(line));
        let half = line.from * growth;
        let step =
            if missing <= 0.0 { 0.0 } else { missing / (half + (half * half + growth * missing).max(0.0).sqrt()) };
        if line.from + step <= line.to && step.is_finite() {
            return Ok(Optimum::new(problem, line.at(line.from + step)));
        }
    }
    Ok(Optimum::new(problem, path.end()))
}

/// `points` portfolios of least variance for expected returns evenly spaced from that of the minimum variance to the
/// highest attainable one, both ends included.
///
/// # Errors
/// As [`min_variance`]; [`OptimiseError::Parameter`] for fewer than two points or too many.
pub fn frontier(problem: &Problem<'_>, points: usize) -> Result<Vec<Optimum>, OptimiseError> {
    frontier_watched(problem, points, &go_on)
}

/// As [`frontier`], watched.
///
/// # Errors
/// As [`frontier`]; [`OptimiseError::Cancelled`].
pub fn frontier_watched(problem: &Problem<'_>, points: usize, watch: Watch<'_>) -> Result<Vec<Optimum>, OptimiseError> {
    if !(2..=FRONTIER_POINTS_MAX).contains(&points) {
        return Err(OptimiseError::Parameter { name: "number of points", value: crate::sums::count(points) });
    }
    let path = problem.trace_watched(f64::INFINITY, watch)?;
    let (least, most) = (dot(problem.mu, &path.lines[0].start), problem.highest_return(&path));
    let last = points - 1;
    let point = |place: usize| {
        let share = crate::sums::count(place) / crate::sums::count(points);
        if watch(TRACED_SHARE_MAX + (1.0 - TRACED_SHARE_MAX) * share).is_break() {
            return Err(OptimiseError::Cancelled);
        }
        if place == last {
            return Ok(Optimum::new(problem, path.end()));
        }
        let target = least + (most - least) * crate::sums::count(place) / crate::sums::count(last);
        Ok(at_return(problem, &path, target).unwrap_or_else(|| Optimum::new(problem, path.end())))
    };
    (0..points).map(point).collect()
}

impl Problem<'_> {
    fn trace(&self, to: f64) -> Result<CriticalLine, OptimiseError> {
        self.trace_watched(to, &go_on)
    }

    fn trace_watched(&self, to: f64, watch: Watch<'_>) -> Result<CriticalLine, OptimiseError> {
        CriticalLine::trace_watched(self.covariance, self.mu, self.constraints, to, watch)
    }

    /// Growth of the return for each step of `t`, never negative.
    fn growth(&self, line: &Line) -> f64 {
        dot(self.mu, &line.slope).max(0.0)
    }

    fn variance(&self, line: &Line) -> f64 {
        self.covariance.portfolio_variance(&line.start)
    }

    fn highest_return(&self, path: &CriticalLine) -> f64 {
        dot(self.mu, &path.end())
    }

    fn out_of_reach(&self, target: f64) -> OptimiseError {
        let mirrored: Vec<f64> = self.mu.iter().map(|mu| -mu).collect();
        let end = |mu: &[f64]| {
            CriticalLine::trace(self.covariance, mu, self.constraints, f64::INFINITY).map(|path| dot(mu, &path.end()))
        };
        match (end(&mirrored), end(self.mu)) {
            (Ok(least), Ok(most)) => OptimiseError::ReturnOutOfReach { target, least: -least, most },
            (Err(error), _) | (_, Err(error)) => error,
        }
    }
}

impl CriticalLine {
    /// The portfolio at the end of the last line.
    fn end(&self) -> Vec<f64> {
        let last = self.lines.last().expect("a trace has a line");
        if last.to.is_finite() { last.at(last.to) } else { last.start.clone() }
    }
}

/// The portfolio on the path with this return, or nothing when it is beyond the end.
fn at_return(problem: &Problem<'_>, path: &CriticalLine, target: f64) -> Option<Optimum> {
    for line in &path.lines {
        let (missing, growth) = (target - dot(problem.mu, &line.start), problem.growth(line));
        let step = if missing <= 0.0 { 0.0 } else { missing / growth };
        if line.from + step <= line.to && step.is_finite() {
            return Some(Optimum::new(problem, line.at(line.from + step)));
        }
    }
    let end = path.end();
    let reached = dot(problem.mu, &end);
    (target - reached <= ROUNDING * (reached.abs() + target.abs())).then(|| Optimum::new(problem, end))
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::{Problem, frontier, max_sharpe, max_utility, min_variance, target_return, target_risk};
    use crate::moments::Covariance;
    use crate::optimise::{Constraints, Group, Limit, OptimiseError};

    fn three() -> (Covariance, Vec<f64>) {
        let rows = [vec![0.04, 0.01, 0.0], vec![0.01, 0.09, 0.02], vec![0.0, 0.02, 0.16]];
        (Covariance::from_rows(&rows).unwrap(), vec![0.05, 0.08, 0.12])
    }

    #[test]
    fn two_independent_assets_are_held_by_inverse_variance() {
        let covariance = Covariance::from_rows(&[vec![0.01, 0.0], vec![0.0, 0.04]]).unwrap();
        let constraints = Constraints::long_only(2);
        let optimum =
            min_variance(&Problem { covariance: &covariance, mu: &[0.1, 0.1], constraints: &constraints }).unwrap();
        assert!((optimum.weights[0] - 0.8).abs() < 1e-12 && (optimum.weights[1] - 0.2).abs() < 1e-12);
    }

    #[test]
    fn the_frontier_runs_from_least_variance_to_highest_return() {
        let (covariance, mu) = three();
        let constraints = Constraints::long_only(3);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let points = frontier(&problem, 11).unwrap();
        assert_eq!(points[0], min_variance(&problem).unwrap());
        assert!((points[10].weights[2] - 1.0).abs() < 1e-12);
        assert!(points.windows(2).all(|pair| pair[0].volatility < pair[1].volatility));
    }

    #[test]
    fn a_target_out_of_reach_names_the_range() {
        let (covariance, mu) = three();
        let constraints = Constraints::long_only(3);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let Err(OptimiseError::ReturnOutOfReach { least, most, .. }) = target_return(&problem, 0.2) else { panic!() };
        assert!((least - 0.05).abs() < 1e-12 && (most - 0.12).abs() < 1e-12);
        assert!(matches!(target_risk(&problem, 0.01), Err(OptimiseError::RiskOutOfReach { .. })));
        assert!((target_return(&problem, 0.055).unwrap().expected_return - 0.055).abs() < 1e-12);
        assert!((target_risk(&problem, 0.3).unwrap().volatility - 0.3).abs() < 1e-12);
    }

    #[test]
    fn without_excess_return_there_is_no_tangent() {
        let (covariance, mu) = three();
        let constraints = Constraints::long_only(3);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        assert!(matches!(max_sharpe(&problem, 0.12), Err(OptimiseError::NoExcessReturn { .. })));
        let best = max_sharpe(&problem, 0.02).unwrap().sharpe(0.02).unwrap();
        let others = frontier(&problem, 200).unwrap();
        assert!(others.iter().all(|point| point.sharpe(0.02).unwrap() <= best + 1e-12));
    }

    #[test]
    fn a_group_cap_binds_and_an_impossible_one_is_named() {
        let (covariance, mu) = three();
        let capped = |most: f64| {
            Constraints::within(3, 0.0, 0.6).group(Group { name: "calm".into(), members: vec![0, 1], least: 0.0, most })
        };
        let constraints = capped(0.5);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let optimum = max_utility(&problem, 50.0).unwrap();
        assert!((optimum.weights[0] + optimum.weights[1] - 0.5).abs() < 1e-12);
        let constraints = capped(0.3);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let Err(OptimiseError::Infeasible { limit, with }) = min_variance(&problem) else { panic!() };
        let named = [vec![limit], with].concat();
        assert!(named.contains(&Limit::GroupMost("calm".into())) && named.contains(&Limit::Upper(2)), "{named:?}");
    }
}
