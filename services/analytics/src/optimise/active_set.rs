//! Exact solutions of `min x'S x / 2 - t m'x` under bounds, a budget and limits of groups, as `t` grows.
//!
//! While the same limits are active the solution moves on a straight line (Markowitz 1956, the critical line). At the end
//! of a line one limit becomes active or inactive, and the next line begins. The limits' values may move with `t` too: so
//! a problem with groups is reached from the one without. When a new limit follows from the active ones, one of those has
//! to leave (Goldfarb and Idnani 1983); when none can, the problem has no solution and the limits at fault are known.

use super::constraints::Constraints;
use super::error::{Limit, OptimiseError};
use super::factor::Factor;
use super::gram::Gram;
use crate::moments::Covariance;
use crate::watch::{Watch, go_on};

/// Steps of one trace for each asset and row, with a base for small problems. Twice the usual number ten times over.
const STEPS_PER_LIMIT: usize = 40;
const STEPS_BASE: usize = 400;
/// Lines that a trace has for each asset, about: what is told of how far it has come is no better.
const LINES_PER_ASSET: f64 = 3.0;
/// The share of a frontier that is done when its lines are known.
pub(crate) const TRACED_SHARE_MAX: f64 = 0.9;
/// A weight's slope below this share of its terms is rounding.
const SLOPE_MIN: f64 = 1e-13;
/// A gradient's slope below this share of its terms is rounding.
const TILT_MIN: f64 = 1e-11;
/// A remainder below this share means that a limit follows from the active ones.
const DEPENDENT: f64 = 1e-10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Free,
    Lower,
    Upper,
}

/// One row `coefficients . x <= limit + t * slope`; the first row is the budget and holds with equality.
#[derive(Debug, Clone)]
struct Row {
    coefficients: Vec<f64>,
    limit: f64,
    slope: f64,
    name: Limit,
    active: bool,
}

/// A straight stretch of solutions: `x(t) = start + (t - from) * slope` for `from <= t <= to`.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub from: f64,
    pub to: f64,
    pub start: Vec<f64>,
    pub slope: Vec<f64>,
}

impl Line {
    /// The solution at `t`.
    pub fn at(&self, t: f64) -> Vec<f64> {
        self.start.iter().zip(&self.slope).map(|(x, slope)| x + (t - self.from) * slope).collect()
    }
}

/// The state of the method: which limits are active.
#[derive(Clone)]
pub(crate) struct ActiveSet<'a> {
    covariance: &'a Covariance,
    lower: &'a [f64],
    upper: &'a [f64],
    rows: Vec<Row>,
    side: Vec<Side>,
    factor: Factor,
    /// Whoever waits for the trace.
    pub watch: Watch<'a>,
}

/// The line on which the solution moves: value at `t = origin` and slope of each.
struct Motion {
    origin: f64,
    x: (Vec<f64>, Vec<f64>),
    gradient: (Vec<f64>, Vec<f64>),
    /// For each active row, in the order of the rows.
    multiplier: (Vec<f64>, Vec<f64>),
    /// Slopes of gradients below this are rounding.
    tilt_min: f64,
}

enum Event {
    ReachesBound(usize, Side),
    LeavesBound(usize),
    ReachesRow(usize),
    LeavesRow(usize),
}

impl<'a> ActiveSet<'a> {
    /// The state at the vertex that fills the assets in the order of `priority`, one partly.
    pub fn at_vertex(
        covariance: &'a Covariance,
        constraints: &'a Constraints,
        priority: &[usize],
    ) -> Result<ActiveSet<'a>, OptimiseError> {
        let (lower, upper) = (constraints.lower.as_slice(), constraints.upper.as_slice());
        let n = covariance.assets();
        let mut side = vec![Side::Lower; n];
        let mut left = constraints.budget - lower.iter().sum::<f64>();
        let movable: Vec<usize> = priority.iter().copied().filter(|&asset| lower[asset] < upper[asset]).collect();
        let mut factor = Factor::default();
        for (place, &asset) in movable.iter().enumerate() {
            let room = upper[asset] - lower[asset];
            if left <= room || place + 1 == movable.len() {
                side[asset] = Side::Free;
                // A variance of zero cannot be factored: the ridge that callers add keeps it positive.
                if !factor.add(asset, covariance.row(asset)) {
                    return Err(OptimiseError::NotConverged { steps: 0 });
                }
                break;
            }
            side[asset] = Side::Upper;
            left -= room;
        }
        let budget = Row {
            coefficients: vec![1.0; n],
            limit: constraints.budget,
            slope: 0.0,
            name: Limit::Budget,
            active: !movable.is_empty(),
        };
        Ok(ActiveSet { covariance, lower, upper, rows: vec![budget], side, factor, watch: &go_on })
    }

    /// Adds the limits of groups, moved out so far that `x` satisfies them at `t = 0`, and back where they belong at `t = 1`.
    pub fn add_groups(&mut self, constraints: &Constraints, x: &[f64]) {
        for (sign, group, limit) in constraints.rows() {
            let mut coefficients = vec![0.0; x.len()];
            group.members.iter().for_each(|&member| coefficients[member] = sign);
            let value: f64 = coefficients.iter().zip(x).map(|(c, x)| c * x).sum();
            let name =
                if sign > 0.0 { Limit::GroupMost(group.name.clone()) } else { Limit::GroupLeast(group.name.clone()) };
            let out = (value - limit).max(0.0);
            self.rows.push(Row { coefficients, limit: limit + out, slope: -out, name, active: false });
        }
    }

    /// Fixes the limits where they stand at `t = 1`.
    pub fn settle_groups(&mut self) {
        for row in &mut self.rows {
            row.limit += row.slope;
            row.slope = 0.0;
        }
    }

    /// The lines of solutions from `t = from` to `t = to` for the linear term `m`, in order and without gaps; the state
    /// becomes that of the last one. At least one line comes back.
    ///
    /// # Errors
    /// [`OptimiseError::Infeasible`] when moving limits leave no solution, [`OptimiseError::NotConverged`] after too many
    /// steps.
    pub fn trace(&mut self, m: &[f64], from: f64, to: f64) -> Result<Vec<Line>, OptimiseError> {
        let steps = STEPS_BASE + STEPS_PER_LIMIT * (m.len() + self.rows.len());
        let mut lines: Vec<Line> = Vec::new();
        let mut t = from;
        let n = crate::sums::count(m.len().max(1));
        for _ in 0..steps {
            let share = crate::sums::count(lines.len()) / (LINES_PER_ASSET * n);
            if (self.watch)(share.min(TRACED_SHARE_MAX)).is_break() {
                return Err(OptimiseError::Cancelled);
            }
            // A line without a beginning is at rest there: its slope is zero, and any origin will do.
            let motion = self.motion(m, if t.is_finite() { t } else { 0.0 });
            let next = self.next_event(&motion, t);
            let end = next.as_ref().map_or(f64::INFINITY, |(at, _)| *at).min(to);
            if end > t || lines.is_empty() {
                lines.push(Line { from: motion.origin, to: end, start: motion.x.0.clone(), slope: motion.x.1.clone() });
            }
            match next {
                Some((at, event)) if at < to => {
                    t = at.max(t);
                    self.apply(&event, &motion, t)?;
                }
                _ => return Ok(lines),
            }
        }
        Err(OptimiseError::NotConverged { steps })
    }

    /// Solves the optimality conditions of the active limits for both the value and the slope.
    fn motion(&self, m: &[f64], origin: f64) -> Motion {
        let n = m.len();
        let order = &self.factor.order;
        let mut x = (self.at_bounds(), vec![0.0; n]);
        let load = self.covariance.times(&x.0);
        let mut value: Vec<f64> = order.iter().map(|&asset| origin * m[asset] - load[asset]).collect();
        let mut slope: Vec<f64> = order.iter().map(|&asset| m[asset]).collect();
        self.factor.solve(&mut value);
        self.factor.solve(&mut slope);
        let active: Vec<&Row> = self.rows.iter().filter(|row| row.active).collect();
        let solved: Vec<Vec<f64>> = active.iter().map(|row| self.solve_row(&row.coefficients)).collect();
        let gram = Gram::new(active.iter().map(|row| row.coefficients.as_slice()), order, &solved);
        let dot = |row: &Row, free: &[f64]| -> f64 {
            order.iter().zip(free).map(|(&asset, x)| row.coefficients[asset] * x).sum()
        };
        let wanted: Vec<f64> = active
            .iter()
            .map(|row| {
                row.limit + origin * row.slope - row.coefficients.iter().zip(&x.0).map(|(c, x)| c * x).sum::<f64>()
            })
            .collect();
        let too_much = |value: &[f64], slope: &[f64]| -> (Vec<f64>, Vec<f64>) {
            let of_value = active.iter().zip(&wanted).map(|(row, wanted)| dot(row, value) - wanted);
            let of_slope = active.iter().map(|row| dot(row, slope) - row.slope);
            (gram.solve(of_value.collect()), gram.solve(of_slope.collect()))
        };
        // What is left of a slope after the rows took theirs may be rounding only.
        let scale = slope.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let take = |free: &mut [f64], multipliers: &[f64]| {
            for (solved, multiplier) in solved.iter().zip(multipliers) {
                free.iter_mut().zip(solved).for_each(|(x, y)| *x -= y * multiplier);
            }
        };
        let mut multiplier = (vec![0.0; active.len()], vec![0.0; active.len()]);
        // Twice, for what rounding left: near a singular covariance it is the sum of the weights that suffers.
        for _ in 0..2 {
            let change = too_much(&value, &slope);
            take(&mut value, &change.0);
            take(&mut slope, &change.1);
            multiplier.0.iter_mut().zip(change.0).for_each(|(multiplier, change)| *multiplier += change);
            multiplier.1.iter_mut().zip(change.1).for_each(|(multiplier, change)| *multiplier += change);
        }
        for (place, &asset) in order.iter().enumerate() {
            x.0[asset] = value[place];
            x.1[asset] = if slope[place].abs() <= SLOPE_MIN * scale { 0.0 } else { slope[place] };
        }
        let mut gradient = (self.covariance.times(&x.0), self.covariance.times(&x.1));
        let greatest = |values: &[f64]| values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let tilt_min = TILT_MIN * (greatest(m) + greatest(&gradient.1));
        for (row, (v, s)) in active.iter().zip(multiplier.0.iter().zip(&multiplier.1)) {
            for (asset, c) in row.coefficients.iter().enumerate().filter(|(_, c)| **c != 0.0) {
                gradient.0[asset] += c * v;
                gradient.1[asset] += c * s;
            }
        }
        gradient.0.iter_mut().zip(m).for_each(|(g, m)| *g -= origin * m);
        gradient.1.iter_mut().zip(m).for_each(|(g, m)| *g -= m);
        Motion { origin, x, gradient, multiplier, tilt_min }
    }

    /// The first event after `t`.
    fn next_event(&self, motion: &Motion, t: f64) -> Option<(f64, Event)> {
        let mut first: Option<(f64, Event)> = None;
        let mut offer = |step: f64, event: Event| {
            let at = motion.origin + step;
            if at.is_finite() && first.as_ref().is_none_or(|(earliest, _)| at.max(t) < *earliest) {
                first = Some((at.max(t), event));
            }
        };
        for asset in 0..self.side.len() {
            let (x, slope) = (motion.x.0[asset], motion.x.1[asset]);
            let (g, tilt) = (motion.gradient.0[asset], motion.gradient.1[asset]);
            match self.side[asset] {
                Side::Free if slope > 0.0 => {
                    offer((self.upper[asset] - x) / slope, Event::ReachesBound(asset, Side::Upper));
                }
                Side::Free if slope < 0.0 => {
                    offer((self.lower[asset] - x) / slope, Event::ReachesBound(asset, Side::Lower));
                }
                Side::Free => {}
                _ if self.lower[asset] >= self.upper[asset] => {}
                Side::Lower if tilt < -motion.tilt_min => offer(-g / tilt, Event::LeavesBound(asset)),
                Side::Upper if tilt > motion.tilt_min => offer(-g / tilt, Event::LeavesBound(asset)),
                Side::Lower | Side::Upper => {}
            }
        }
        let mut place = 0;
        for (index, row) in self.rows.iter().enumerate() {
            if row.active {
                let (v, slope) = (motion.multiplier.0[place], motion.multiplier.1[place]);
                place += 1;
                if index > 0 && slope < 0.0 {
                    offer(-v / slope, Event::LeavesRow(index));
                }
            } else if index > 0 {
                let of = |x: &[f64]| -> f64 { row.coefficients.iter().zip(x).map(|(c, x)| c * x).sum() };
                let closing = of(&motion.x.1) - row.slope;
                if closing > TILT_MIN * (1.0 + row.slope.abs()) {
                    offer(
                        (row.limit + motion.origin * row.slope - of(&motion.x.0)) / closing,
                        Event::ReachesRow(index),
                    );
                }
            }
        }
        first
    }

    fn apply(&mut self, event: &Event, motion: &Motion, t: f64) -> Result<(), OptimiseError> {
        match *event {
            Event::LeavesBound(asset) => self.free(asset),
            Event::LeavesRow(row) => {
                self.rows[row].active = false;
                Ok(())
            }
            Event::ReachesBound(asset, side) => {
                let mut normal = vec![0.0; self.side.len()];
                normal[asset] = if side == Side::Upper { 1.0 } else { -1.0 };
                let name = if side == Side::Upper { Limit::Upper(asset) } else { Limit::Lower(asset) };
                self.make_room(&normal, name, motion, t)?;
                let place = self.factor.order.iter().position(|&free| free == asset);
                self.factor.remove(place.expect("only a free asset reaches a bound"));
                self.side[asset] = side;
                Ok(())
            }
            Event::ReachesRow(row) => {
                let (normal, name) = (self.rows[row].coefficients.clone(), self.rows[row].name.clone());
                self.make_room(&normal, name, motion, t)?;
                self.rows[row].active = true;
                Ok(())
            }
        }
    }

    fn free(&mut self, asset: usize) -> Result<(), OptimiseError> {
        self.side[asset] = Side::Free;
        if self.factor.add(asset, self.covariance.row(asset)) {
            Ok(())
        } else {
            Err(OptimiseError::NotConverged { steps: 0 })
        }
    }

    /// Lets an active limit go when the new one with this `normal` follows from the active rows.
    fn make_room(&mut self, normal: &[f64], name: Limit, motion: &Motion, t: f64) -> Result<(), OptimiseError> {
        let active: Vec<usize> = (0..self.rows.len()).filter(|&row| self.rows[row].active).collect();
        if active.len() == 1 && self.factor.order.len() > 1 && matches!(name, Limit::Lower(_) | Limit::Upper(_)) {
            return Ok(());
        }
        let order = &self.factor.order;
        let rows: Vec<&Row> = active.iter().map(|&row| &self.rows[row]).collect();
        let solved: Vec<Vec<f64>> = rows.iter().map(|row| self.solve_row(&row.coefficients)).collect();
        let own = self.solve_row(normal);
        let dot =
            |left: &[f64], right: &[f64]| -> f64 { order.iter().zip(right).map(|(&asset, x)| left[asset] * x).sum() };
        let share = Gram::new(rows.iter().map(|row| row.coefficients.as_slice()), order, &solved)
            .solve(rows.iter().map(|row| dot(&row.coefficients, &own)).collect());
        let taken: f64 = rows.iter().zip(&share).map(|(row, share)| share * dot(&row.coefficients, &own)).sum();
        let length = dot(normal, &own);
        if length - taken > DEPENDENT * length && length > 0.0 {
            return Ok(());
        }
        let mut first: Option<(f64, Event)> = None;
        let mut against = Vec::new();
        for asset in (0..self.side.len()).filter(|&asset| self.side[asset] != Side::Free) {
            let rest = normal[asset]
                - rows.iter().zip(&share).map(|(row, share)| share * row.coefficients[asset]).sum::<f64>();
            let gradient = motion.gradient.0[asset] + (t - motion.origin) * motion.gradient.1[asset];
            let leaves = if self.side[asset] == Side::Lower { rest < -DEPENDENT } else { rest > DEPENDENT };
            if leaves && self.lower[asset] < self.upper[asset] {
                let at = (gradient / rest).abs();
                if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
                    first = Some((at, Event::LeavesBound(asset)));
                }
            } else if rest.abs() > DEPENDENT {
                against.push(if self.side[asset] == Side::Lower { Limit::Lower(asset) } else { Limit::Upper(asset) });
            }
        }
        for (place, (&row, &share)) in active.iter().zip(&share).enumerate() {
            let multiplier = motion.multiplier.0[place] + (t - motion.origin) * motion.multiplier.1[place];
            if row > 0 && share > DEPENDENT {
                let at = (multiplier / share).abs();
                if first.as_ref().is_none_or(|(earliest, _)| at < *earliest) {
                    first = Some((at, Event::LeavesRow(row)));
                }
            } else if share.abs() > DEPENDENT {
                against.push(self.rows[row].name.clone());
            }
        }
        match first {
            Some((_, Event::LeavesBound(asset))) => self.free(asset),
            Some((_, Event::LeavesRow(row))) => {
                self.rows[row].active = false;
                Ok(())
            }
            _ => Err(OptimiseError::Infeasible { limit: name, with: against }),
        }
    }

    fn solve_row(&self, coefficients: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = self.factor.order.iter().map(|&asset| coefficients[asset]).collect();
        self.factor.solve(&mut solved);
        solved
    }

    /// Bounds of the assets that stand at one, zero for the free ones.
    fn at_bounds(&self) -> Vec<f64> {
        let bound = |asset: usize| match self.side[asset] {
            Side::Free => 0.0,
            Side::Lower => self.lower[asset],
            Side::Upper => self.upper[asset],
        };
        (0..self.side.len()).map(bound).collect()
    }
}
