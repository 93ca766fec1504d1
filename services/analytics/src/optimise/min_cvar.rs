//! Least conditional value at risk (Rockafellar and Uryasev 2000), as a linear program in the scenarios.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT};

use super::constraints::Constraints;
use super::error::{Limit, OptimiseError};
use crate::sums::count;

/// Scenarios that one problem may have.
pub const SCENARIOS_MAX: usize = 50_000;
const STEPS_MAX: u32 = 200;

/// Weights and the loss that they make least.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastCvar {
    /// Weights in the order of the assets.
    pub weights: Vec<f64>,
    /// Conditional value at risk of one period as a POSITIVE loss.
    pub cvar: f64,
}

/// The weights with the least conditional value at risk at `confidence` over the scenarios: `returns` holds a series for
/// each asset, all of the same dates.
///
/// # Errors
/// [`OptimiseError`] when the inputs do not fit or nothing satisfies the constraints.
pub fn min_cvar(returns: &[Vec<f64>], confidence: f64, constraints: &Constraints) -> Result<LeastCvar, OptimiseError> {
    let (n, t) = (returns.len(), returns.first().map_or(0, Vec::len));
    constraints.check(n)?;
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(OptimiseError::Parameter { name: "confidence", value: confidence });
    }
    if t == 0 || t > SCENARIOS_MAX {
        return Err(OptimiseError::Parameter { name: "number of scenarios", value: count(t) });
    }
    for series in returns {
        if series.len() != t {
            return Err(OptimiseError::LengthsDiffer { what: "scenarios", expected: t, got: series.len() });
        }
        if let Some(&value) = series.iter().find(|r| !r.is_finite()) {
            return Err(OptimiseError::Parameter { name: "return", value });
        }
    }
    // A mass of scenarios: cvar = alpha + sum(u) / mass with u_t >= loss_t - alpha. Losses are scaled to be near one.
    let scale = returns.iter().flatten().fold(0.0_f64, |most, r| most.max(r.abs()));
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let program = Program::new(returns, constraints, scale);
    let mass = count(t) * (1.0 - confidence);
    let mut objective = vec![0.0; n + 1 + t];
    objective[n] = 1.0;
    objective[n + 1..].fill(1.0 / mass);
    let weights = program.solve(&objective, constraints)?;
    let losses: Vec<f64> =
        (0..t).map(|row| weights.iter().zip(returns).map(|(w, series)| w * series[row]).sum()).collect();
    let tail = crate::figures::Tail::new(&losses, confidence);
    let cvar = tail.and_then(|tail| tail.cvar_rockafellar_uryasev(confidence));
    let cvar = cvar.map_err(|_| OptimiseError::Parameter { name: "conditional value at risk", value: confidence })?;
    Ok(LeastCvar { weights, cvar })
}

/// The constraints over (weights, alpha, one excess for each scenario): `rows x <= limits`, the first with equality.
struct Program {
    matrix: CscMatrix<f64>,
    limits: Vec<f64>,
}

impl Program {
    fn new(returns: &[Vec<f64>], constraints: &Constraints, scale: f64) -> Program {
        let (n, t) = (returns.len(), returns[0].len());
        let groups: Vec<_> = constraints.rows().collect();
        let (lower, upper) = (1, 1 + n);
        let group_rows = upper + n;
        let (losses, excesses) = (group_rows + groups.len(), group_rows + groups.len() + t);
        let mut columns: Vec<Vec<(usize, f64)>> = Vec::with_capacity(n + 1 + t);
        for (asset, series) in returns.iter().enumerate() {
            let mut column = vec![(0, 1.0), (lower + asset, -1.0), (upper + asset, 1.0)];
            let member = |(row, (sign, group, _)): (usize, &(f64, &super::Group, f64))| {
                group.members.contains(&asset).then_some((group_rows + row, *sign))
            };
            column.extend(groups.iter().enumerate().filter_map(member));
            column.extend(series.iter().enumerate().map(|(row, r)| (losses + row, -r / scale)));
            columns.push(column);
        }
        columns.push((0..t).map(|row| (losses + row, -1.0)).collect());
        columns.extend((0..t).map(|row| vec![(losses + row, -1.0), (excesses + row, -1.0)]));
        let mut limits = vec![constraints.budget];
        limits.extend(constraints.lower.iter().map(|lower| -lower));
        limits.extend(&constraints.upper);
        limits.extend(groups.iter().map(|(_, _, limit)| limit));
        limits.resize(excesses + t, 0.0);
        let starts = std::iter::once(0).chain(columns.iter().scan(0, |sum, column| {
            *sum += column.len();
            Some(*sum)
        }));
        let starts = starts.collect();
        let (rows, cells) = columns.iter().flatten().copied().unzip();
        let matrix = CscMatrix::new(limits.len(), columns.len(), starts, rows, cells);
        Program { matrix, limits }
    }

    fn solve(&self, objective: &[f64], constraints: &Constraints) -> Result<Vec<f64>, OptimiseError> {
        let n = constraints.lower.len();
        let variables = objective.len();
        let quadratic = CscMatrix::zeros((variables, variables));
        let cones = [ZeroConeT(1), NonnegativeConeT(self.limits.len() - 1)];
        let settings = DefaultSettingsBuilder::default()
            .verbose(false)
            .max_iter(STEPS_MAX)
            .tol_gap_abs(1e-10)
            .tol_gap_rel(1e-10)
            .tol_feas(1e-10)
            .build()
            .expect("the settings are within their ranges");
        let mut solver = DefaultSolver::new(&quadratic, objective, &self.matrix, &self.limits, &cones, settings)
            .map_err(|_| OptimiseError::NotConverged { steps: 0 })?;
        solver.solve();
        match solver.solution.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {
                Ok(onto_constraints(&solver.solution.x[..n], constraints))
            }
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
                Err(certificate(&solver.solution.z, constraints))
            }
            _ => {
                Err(OptimiseError::NotConverged { steps: solver.solution.iterations.try_into().unwrap_or(usize::MAX) })
            }
        }
    }
}

/// Takes the interior method's last digits off: bounds hold exactly, the budget to rounding.
fn onto_constraints(weights: &[f64], constraints: &Constraints) -> Vec<f64> {
    let bounds = || constraints.lower.iter().zip(&constraints.upper);
    let mut weights: Vec<f64> =
        weights.iter().zip(bounds()).map(|(w, (lower, upper))| w.clamp(*lower, *upper)).collect();
    let missing = constraints.budget - weights.iter().sum::<f64>();
    let room = |(w, (lower, upper)): (&f64, (&f64, &f64))| if missing > 0.0 { upper - w } else { w - lower };
    let rooms: Vec<f64> = weights.iter().zip(bounds()).map(room).collect();
    let sum: f64 = rooms.iter().sum();
    if sum > 0.0 {
        weights.iter_mut().zip(rooms).for_each(|(weight, room)| *weight += missing * room / sum);
    }
    weights
}

/// The limits with a share in the proof that nothing satisfies all of them.
fn certificate(proof: &[f64], constraints: &Constraints) -> OptimiseError {
    const SHARE_MIN: f64 = 1e-6;
    let n = constraints.lower.len();
    let name = |row: usize| match row {
        0 => Some(Limit::Budget),
        _ if row < 1 + n => Some(Limit::Lower(row - 1)),
        _ if row < 1 + 2 * n => Some(Limit::Upper(row - 1 - n)),
        _ => constraints.rows().nth(row - 1 - 2 * n).map(|(sign, group, _)| {
            if sign > 0.0 { Limit::GroupMost(group.name.clone()) } else { Limit::GroupLeast(group.name.clone()) }
        }),
    };
    let greatest = proof.iter().fold(0.0_f64, |most, z| most.max(z.abs()));
    let mut named: Vec<(f64, Limit)> = (0..proof.len())
        .filter(|&row| proof[row].abs() > SHARE_MIN * greatest)
        .filter_map(|row| Some((proof[row].abs(), name(row)?)))
        .collect();
    // A group says more than a bound.
    named.sort_by_key(|(_, limit)| !matches!(limit, Limit::GroupLeast(_) | Limit::GroupMost(_)));
    let mut limits = named.into_iter().map(|(_, limit)| limit);
    OptimiseError::Infeasible { limit: limits.next().unwrap_or(Limit::Budget), with: limits.collect() }
}

#[cfg(test)]
mod tests {
    use super::min_cvar;
    use crate::optimise::{Constraints, Group, Limit, OptimiseError};

    #[test]
    fn the_asset_without_a_bad_day_is_chosen() {
        let calm = vec![0.001, 0.0, 0.001, -0.001, 0.002];
        let wild = vec![0.05, -0.06, 0.04, -0.05, 0.03];
        let least = min_cvar(&[calm, wild], 0.8, &Constraints::long_only(2)).unwrap();
        assert!(least.weights[0] > 0.95);
        assert!((least.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(least.cvar <= 0.001 + 1e-9);
    }

    #[test]
    fn an_impossible_group_is_named() {
        let group = Group { name: "equity".into(), members: vec![0, 1], least: 0.0, most: 0.4 };
        let constraints = Constraints::long_only(2).group(group);
        let Err(OptimiseError::Infeasible { limit, .. }) =
            min_cvar(&[vec![0.1, 0.2], vec![0.0, 0.1]], 0.9, &constraints)
        else {
            panic!()
        };
        assert_eq!(limit, Limit::GroupMost("equity".into()));
    }
}
