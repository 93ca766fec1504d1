//! All efficient portfolios of a problem: the critical line from the minimum variance to the highest return.

use super::active_set::{ActiveSet, Line};
use super::constraints::{Constraints, in_range};
use super::error::OptimiseError;
use crate::moments::Covariance;
use crate::watch::{Watch, go_on};

/// What a covariance that is singular gets on its diagonal, as a share of the mean variance: of assets that are copies
/// of each other all get the same weight.
const RIDGE: f64 = 1e-11;
/// Larger ridges that are tried when a problem is so degenerate that the method does not end.
const RIDGES: [f64; 5] = [RIDGE, 1e-9, 1e-7, 1e-6, 1e-5];
/// The golden section spreads the multiples of it evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_8;
/// How far rounding may carry a weight past its bound, or a sum past its limit, before a larger ridge is tried.
const KEPT: f64 = 1e-10;
/// Expected returns beyond this are not returns.
const RETURN_MAX: f64 = 1e12;
/// Mean variances outside this range are not those of returns, and their products leave the range of numbers.
const VARIANCE_MIN: f64 = 1e-30;
const VARIANCE_MAX: f64 = 1e30;

/// Lines of minimum-variance portfolios for rising weight `t` of the expected return in `x'S x / 2 - t m'x`.
pub(crate) struct CriticalLine {
    pub lines: Vec<Line>,
}

impl CriticalLine {
    /// The lines from the minimum variance (`t = 0`) to `t = to`.
    ///
    /// # Errors
    /// [`OptimiseError`] when the inputs do not fit or nothing satisfies the constraints.
    pub fn trace(
        covariance: &Covariance,
        mu: &[f64],
        constraints: &Constraints,
        to: f64,
    ) -> Result<CriticalLine, OptimiseError> {
        Self::trace_watched(covariance, mu, constraints, to, &go_on)
    }

    /// As [`CriticalLine::trace`], watched.
    ///
    /// # Errors
    /// As [`CriticalLine::trace`]; [`OptimiseError::Cancelled`].
    pub fn trace_watched(
        covariance: &Covariance,
        mu: &[f64],
        constraints: &Constraints,
        to: f64,
        watch: Watch<'_>,
    ) -> Result<CriticalLine, OptimiseError> {
        let n = covariance.assets();
        constraints.check(n)?;
        if mu.len() != n {
            return Err(OptimiseError::LengthsDiffer { what: "expected returns", expected: n, got: mu.len() });
        }
        mu.iter().try_for_each(|&mu| in_range("expected return", mu, RETURN_MAX))?;
        let unit = covariance.mean_variance();
        if unit > 0.0 && !(VARIANCE_MIN..=VARIANCE_MAX).contains(&unit) {
            return Err(OptimiseError::Parameter { name: "mean variance", value: unit });
        }
        // The sum of the weights is given, so that its square may be added: no optimum moves, and a covariance that is
        // singular only along that sum no longer is.
        let lifted = covariance.plus_everywhere(unit);
        if !is_singular(&lifted, unit) {
            match trace(&lifted, mu, constraints, to, watch) {
                Err(OptimiseError::NotConverged { .. }) => {}
                answer => return answer,
            }
        }
        let mut answer = Err(OptimiseError::NotConverged { steps: 0 });
        let greatest = mu.iter().fold(0.0_f64, |most, mu| most.max(mu.abs()));
        for (attempt, ridge) in RIDGES.into_iter().enumerate() {
            let lift = ridge * if unit > 0.0 { unit } else { 1.0 };
            // The first attempt treats copies alike; ties that it cannot break are broken by a trifle for each asset.
            let trifle =
                |asset: usize| if attempt == 0 { 0.0 } else { (crate::sums::count(asset + 1) * GOLDEN).fract() };
            let covariance = lifted.plus_diagonal(|asset| lift * (1.0 + trifle(asset)));
            let mu: Vec<f64> = mu.iter().enumerate().map(|(asset, mu)| mu + ridge * greatest * trifle(asset)).collect();
            answer = trace(&covariance, &mu, constraints, to, watch);
            if !matches!(answer, Err(OptimiseError::NotConverged { .. })) {
                break;
            }
        }
        answer
    }
}

fn trace(
    covariance: &Covariance,
    mu: &[f64],
    constraints: &Constraints,
    to: f64,
    watch: Watch<'_>,
) -> Result<CriticalLine, OptimiseError> {
    let n = covariance.assets();
    // The way starts at a vertex that is surely optimal: for preferences so strong that variance does not count. They
    // fade until variance alone counts. Calm assets first, since most of them stay.
    let mut priority: Vec<usize> = (0..n).collect();
    priority.sort_by(|&a, &b| covariance.variance(a).total_cmp(&covariance.variance(b)));
    let unit = covariance.mean_variance();
    let mut dislike = vec![0.0; n];
    priority.iter().enumerate().for_each(|(rank, &asset)| dislike[asset] = crate::sums::count(rank + 1) * unit);
    let mut state = ActiveSet::at_vertex(covariance, constraints, &priority)?;
    state.watch = watch;
    let lines = state.trace(&dislike, f64::NEG_INFINITY, 0.0)?;
    if !constraints.groups.is_empty() {
        let last = lines.last().expect("a trace has a line");
        state.add_groups(constraints, &last.at(0.0));
        state.trace(&vec![0.0; n], 0.0, 1.0)?;
        state.settle_groups();
    }
    let lines = state.trace(mu, 0.0, to)?;
    let kept = lines.iter().all(|line| {
        let end = if line.to.is_finite() { line.at(line.to) } else { line.start.clone() };
        keeps(&line.start, constraints) && keeps(&end, constraints)
    });
    if kept { Ok(CriticalLine { lines }) } else { Err(OptimiseError::NotConverged { steps: 0 }) }
}

/// Whether the weights keep every limit up to rounding.
fn keeps(weights: &[f64], constraints: &Constraints) -> bool {
    let room = |limit: f64| KEPT * (1.0 + limit.abs());
    let bounds = constraints.lower.iter().zip(&constraints.upper);
    let within = |(w, (lower, upper)): (&f64, (&f64, &f64))| lower - room(*lower) <= *w && *w <= upper + room(*upper);
    let budget: f64 = weights.iter().sum();
    weights.iter().zip(bounds).all(within)
        && (budget - constraints.budget).abs() <= room(constraints.budget)
        && constraints.groups.iter().all(|group| {
            let sum: f64 = group.members.iter().map(|&member| weights[member]).sum();
            group.least - room(group.least) <= sum && sum <= group.most + room(group.most)
        })
}

fn is_singular(covariance: &Covariance, unit: f64) -> bool {
    const PIVOT_MIN: f64 = 1e-12;
    let n = covariance.assets();
    if unit <= 0.0 {
        return true;
    }
    let scaled = faer::Mat::from_fn(n, n, |i, j| covariance.row(i)[j] / unit - if i == j { PIVOT_MIN } else { 0.0 });
    scaled.llt(faer::Side::Lower).is_err()
}
