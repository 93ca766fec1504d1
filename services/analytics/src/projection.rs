//! What a portfolio might be worth: a stationary block bootstrap of past sessions (Politis and Romano 1994).
//!
//! Whole sessions are drawn, so that assets keep their correlation, in blocks of random length, so that calm and wild times
//! last. The past is all it knows.

use std::ops::ControlFlow;

use crate::backtest::BacktestError;
use crate::chance::Chance;
use crate::periods::PeriodsPerYear;
use crate::prices::PriceTable;
use crate::sums::count;

/// Paths that one projection may draw.
pub const PATHS_MAX: usize = 100_000;
/// Sessions that one projection may look ahead: sixty years.
pub const HORIZON_SESSIONS_MAX: usize = 60 * 252;
/// Paths times sessions times assets that one projection may take.
pub const WORK_MAX: usize = 4_000_000_000;
/// Points of the fan that one projection may keep.
const POINTS_MAX: usize = 1_000;
/// Paths between two reports of progress.
const PATHS_PER_REPORT: usize = 64;

/// What is projected.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionParams {
    /// Sessions ahead.
    pub horizon_sessions: usize,
    /// Paths drawn.
    pub paths: usize,
    /// Mean length of a block of past sessions.
    pub mean_block_sessions: f64,
    /// The same seed gives the same answer.
    pub seed: u64,
    /// Money at the start.
    pub initial: f64,
    /// Money paid in (or taken out, when negative) every `flow_every_sessions`, at the close.
    pub flow: f64,
    /// Sessions between two flows.
    pub flow_every_sessions: usize,
    /// Fee a year as a fraction of the value, taken every session.
    pub fee_annual: f64,
    /// Sessions between two rebalancings to the weights; zero lets them drift.
    pub rebalance_every_sessions: usize,
    /// Sessions between two points of the fan.
    pub point_every_sessions: usize,
    /// Percentiles of the fan as fractions, such as 0.05, 0.5, 0.95.
    pub percentiles: Vec<f64>,
    /// The value that is hoped for at the end.
    pub goal: Option<f64>,
}

impl Default for ProjectionParams {
    fn default() -> ProjectionParams {
        ProjectionParams {
            horizon_sessions: 10 * 252,
            paths: 2_000,
            mean_block_sessions: 21.0,
            seed: 1,
            initial: 1.0,
            flow: 0.0,
            flow_every_sessions: 21,
            fee_annual: 0.0,
            rebalance_every_sessions: 21,
            point_every_sessions: 21,
            percentiles: vec![0.05, 0.25, 0.5, 0.75, 0.95],
            goal: None,
        }
    }
}

/// The spread of what might come.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Sessions ahead of each point, the last one the horizon.
    pub sessions: Vec<usize>,
    /// For each percentile the values at the points.
    pub fan: Vec<Vec<f64>>,
    /// Money put in up to each point, the start included; it never falls.
    pub paid_in: Vec<f64>,
    /// Money taken out up to each point, the mean of all paths: what is not there any more cannot be taken.
    pub taken_out: Vec<f64>,
    /// Share of the paths that end at the goal or above.
    pub goal_probability: Option<f64>,
    /// Share of the paths on which the money ran out.
    pub ruin_probability: f64,
    /// Returns of the past that were drawn from.
    pub past_returns: usize,
    /// Why it should be read with care.
    pub cautions: Vec<Caution>,
}

/// Why a projection says less than it seems to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Caution {
    /// The past is shorter than a year.
    #[error("drawn from {returns} past returns, less than a year: calm or wild times that are not in them cannot come")]
    ShortPast {
        /// Its returns.
        returns: usize,
    },
    /// The past is shorter than what is looked ahead.
    #[error("{horizon} sessions ahead are drawn from {returns} past returns: the same ones come again and again")]
    LongHorizon {
        /// Sessions ahead.
        horizon: usize,
        /// Returns of the past.
        returns: usize,
    },
    /// Blocks are so long that they are nearly the whole past.
    #[error("blocks of {sessions} sessions in the mean are most of the past of {returns} returns: paths hardly differ")]
    LongBlocks {
        /// Mean length of a block, rounded.
        sessions: usize,
        /// Returns of the past.
        returns: usize,
    },
}

impl Caution {
    /// A stable word for it, as it stands in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Caution::ShortPast { .. } => "short-past",
            Caution::LongHorizon { .. } => "long-horizon",
            Caution::LongBlocks { .. } => "long-blocks",
        }
    }

    fn of(params: &ProjectionParams, returns: usize) -> Vec<Caution> {
        let mut cautions = Vec::new();
        if count(returns) < PeriodsPerYear::SESSIONS.get() {
            cautions.push(Caution::ShortPast { returns });
        }
        if params.horizon_sessions > returns {
            cautions.push(Caution::LongHorizon { horizon: params.horizon_sessions, returns });
        }
        if 2.0 * params.mean_block_sessions > count(returns) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between one and a million")]
            let sessions = params.mean_block_sessions.round() as usize;
            cautions.push(Caution::LongBlocks { sessions, returns });
        }
        cautions
    }
}

/// Why there is no projection.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProjectionError {
    /// Weights do not fit or a parameter is outside its range.
    #[error(transparent)]
    Input(#[from] BacktestError),
    /// There is no past to draw from.
    #[error("needs a past return, got {0}")]
    TooFewReturns(usize),
    /// The caller wanted no more.
    #[error("cancelled after {paths} paths")]
    Cancelled {
        /// Paths that were drawn.
        paths: usize,
    },
}

/// Projects a portfolio of these weights. `progress` hears the share done and may break off.
///
/// # Errors
/// [`ProjectionError`] for parameters outside their ranges or when `progress` breaks off.
pub fn project(
    prices: &PriceTable,
    weights: &[f64],
    params: &ProjectionParams,
    mut progress: impl FnMut(f64) -> ControlFlow<()>,
) -> Result<Projection, ProjectionError> {
    crate::backtest::check_weights(weights, prices.assets().len())?;
    check(params, weights.len())?;
    let returns = prices.returns();
    let past = returns[0].len();
    if past == 0 {
        return Err(ProjectionError::TooFewReturns(past));
    }
    // Growth factors of all assets, a row for each session.
    let growth: Vec<f64> = (0..past).flat_map(|row| returns.iter().map(move |series| 1.0 + series[row])).collect();
    let step = params.point_every_sessions;
    let mut sessions: Vec<usize> =
        (1..).map(|point| point * step).take_while(|&at| at < params.horizon_sessions).collect();
    sessions.push(params.horizon_sessions);
    let mut values = vec![Vec::with_capacity(params.paths); sessions.len()];
    let mut taken_out = vec![0.0; sessions.len()];
    let mut ruined = 0_usize;
    for path in 0..params.paths {
        if path % PATHS_PER_REPORT == 0 && progress(count(path) / count(params.paths)).is_break() {
            return Err(ProjectionError::Cancelled { paths: path });
        }
        let mut walk = Walk::new(&growth, weights, params, path);
        for ((&at, values), taken_out) in sessions.iter().zip(&mut values).zip(&mut taken_out) {
            values.push(walk.value_at(at));
            *taken_out += walk.taken_out / count(params.paths);
        }
        ruined += usize::from(walk.value <= 0.0);
    }
    let goal_probability = params.goal.map(|goal| {
        let last = &values[values.len() - 1];
        count(last.iter().filter(|&&value| value >= goal).count()) / count(params.paths)
    });
    values.iter_mut().for_each(|values| values.sort_unstable_by(f64::total_cmp));
    let percentile = |&share: &f64| values.iter().map(|values| sorted_quantile(values, share)).collect();
    Ok(Projection {
        fan: params.percentiles.iter().map(percentile).collect(),
        paid_in: sessions
            .iter()
            .map(|&at| params.initial + params.flow.max(0.0) * count(at / params.flow_every_sessions))
            .collect(),
        taken_out,
        cautions: Caution::of(params, past),
        sessions,
        goal_probability,
        ruin_probability: count(ruined) / count(params.paths),
        past_returns: past,
    })
}

/// One path on its way.
struct Walk<'a> {
    growth: &'a [f64],
    weights: &'a [f64],
    params: &'a ProjectionParams,
    chance: Chance,
    restart: f64,
    keep: f64,
    row: usize,
    now: usize,
    holdings: Vec<f64>,
    value: f64,
    taken_out: f64,
}

impl<'a> Walk<'a> {
    fn new(growth: &'a [f64], weights: &'a [f64], params: &'a ProjectionParams, path: usize) -> Walk<'a> {
        let mut chance = Chance::new(params.seed, path as u64);
        let row = chance.below(growth.len() / weights.len());
        let keep = 1.0 + PeriodsPerYear::SESSIONS.rate_per_period(-params.fee_annual);
        let restart = 1.0 / params.mean_block_sessions;
        let (holdings, value) = (weights.iter().map(|weight| weight * params.initial).collect(), params.initial);
        Walk { growth, weights, params, chance, restart, keep, row, now: 0, holdings, value, taken_out: 0.0 }
    }

    /// Goes on to a session and gives the value at its close; nothing is left once the money has run out, and what has
    /// left the range of numbers stays at its end.
    fn value_at(&mut self, session: usize) -> f64 {
        while self.now < session && self.value > 0.0 && self.value < f64::MAX {
            self.step();
        }
        self.now = session;
        self.value
    }

    fn step(&mut self) {
        let (n, sessions) = (self.weights.len(), self.growth.len() / self.weights.len());
        let factors = &self.growth[self.row * n..(self.row + 1) * n];
        let mut value = 0.0;
        for (holding, factor) in self.holdings.iter_mut().zip(factors) {
            *holding *= factor * self.keep;
            value += *holding;
        }
        self.now += 1;
        let flow = if self.now.is_multiple_of(self.params.flow_every_sessions) { self.params.flow } else { 0.0 };
        let after = (value + flow).clamp(0.0, f64::MAX);
        // The last of it may be less than what was to be taken.
        self.taken_out += (-flow).clamp(0.0, value.max(0.0));
        let every = self.params.rebalance_every_sessions;
        if every > 0 && self.now.is_multiple_of(every) {
            self.holdings.iter_mut().zip(self.weights).for_each(|(holding, weight)| *holding = weight * after);
        } else if flow != 0.0 && value > 0.0 {
            self.holdings.iter_mut().for_each(|holding| *holding *= after / value);
        }
        self.value = if value > 0.0 { after } else { 0.0 };
        let jump = self.chance.share() < self.restart;
        self.row = if jump { self.chance.below(sessions) } else { (self.row + 1) % sessions };
    }
}

fn check(params: &ProjectionParams, assets: usize) -> Result<(), BacktestError> {
    let within = crate::backtest::check_range;
    let whole = |name: &'static str, value: usize, least: usize, most: usize| {
        within(name, count(value), count(least), count(most))
    };
    whole("horizon", params.horizon_sessions, 1, HORIZON_SESSIONS_MAX)?;
    whole("paths", params.paths, 1, PATHS_MAX)?;
    whole("work", params.horizon_sessions.saturating_mul(params.paths).saturating_mul(assets), 1, WORK_MAX)?;
    within("mean block", params.mean_block_sessions, 1.0, 1e6)?;
    within("initial value", params.initial, f64::MIN_POSITIVE, 1e15)?;
    within("flow", params.flow, -1e15, 1e15)?;
    whole("sessions between flows", params.flow_every_sessions, 1, HORIZON_SESSIONS_MAX)?;
    whole("sessions between points", params.point_every_sessions, 1, HORIZON_SESSIONS_MAX)?;
    whole("points", params.horizon_sessions / params.point_every_sessions, 0, POINTS_MAX)?;
    within("fee", params.fee_annual, 0.0, 0.99)?;
    whole("percentiles", params.percentiles.len(), 0, POINTS_MAX)?;
    params.percentiles.iter().try_for_each(|&share| within("percentile", share, 0.0, 1.0))?;
    within("goal", params.goal.unwrap_or(0.0), 0.0, f64::MAX)
}

/// The type-7 quantile of sorted values.
fn sorted_quantile(values: &[f64], share: f64) -> f64 {
    let position = count(values.len() - 1) * share;
    let low = position.floor();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between zero and the number of paths")]
    let at = low as usize;
    let next = values[(at + 1).min(values.len() - 1)];
    values[at] + (position - low) * (next - values[at])
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Caution, ProjectionError, ProjectionParams, project};
    use crate::prices::PriceTable;
    use jiff::civil::date;

    fn steady(daily: f64) -> PriceTable {
        let first = date(2024, 1, 1);
        let dates = (0..100).map(|day| first + jiff::Span::new().days(day)).collect();
        PriceTable::new(vec!["A".into()], dates, vec![(0..100).map(|day| (1.0 + daily).powi(day)).collect()]).unwrap()
    }

    #[test]
    fn a_past_without_chance_has_one_future() {
        let params =
            ProjectionParams { horizon_sessions: 252, paths: 50, goal: Some(1.2), ..ProjectionParams::default() };
        let projection = project(&steady(0.001), &[1.0], &params, |_| ControlFlow::Continue(())).unwrap();
        let end = 1.001_f64.powi(252);
        assert!(projection.fan.iter().all(|values| (values[values.len() - 1] - end).abs() < 1e-9));
        assert_eq!((projection.goal_probability, projection.ruin_probability), (Some(1.0), 0.0));
    }

    #[test]
    fn taking_out_more_than_is_there_ends_in_ruin() {
        let params = ProjectionParams { flow: -0.2, paths: 10, ..ProjectionParams::default() };
        let projection = project(&steady(0.0), &[1.0], &params, |_| ControlFlow::Continue(())).unwrap();
        assert!((projection.ruin_probability - 1.0).abs() < 1e-15);
        assert!(projection.fan[4][5].abs() < 1e-15);
        assert!(projection.paid_in.iter().all(|paid| (paid - 1.0).abs() < 1e-15));
        // 1.0 was there and no more: what could be taken out ends with it.
        assert!(projection.taken_out.is_sorted());
        assert!((projection.taken_out.last().unwrap() - 1.0).abs() < 1e-12, "{:?}", projection.taken_out.last());
        assert!((projection.taken_out[1] - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_past_that_says_little_is_told() {
        let of = |rows: usize, params: &ProjectionParams| {
            let dates = steady(0.0).dates()[..rows].to_vec();
            let table = PriceTable::new(vec!["A".into()], dates, vec![vec![1.0; rows]]).unwrap();
            let told = project(&table, &[1.0], params, |_| ControlFlow::Continue(()));
            told.map(|told| told.cautions.iter().map(Caution::code).collect::<Vec<_>>())
        };
        let params = ProjectionParams { paths: 2, horizon_sessions: 50, ..ProjectionParams::default() };
        assert_eq!(of(2, &params).unwrap(), ["short-past", "long-horizon", "long-blocks"]);
        assert_eq!(of(100, &params).unwrap(), ["short-past"]);
        assert_eq!(of(1, &params), Err(ProjectionError::TooFewReturns(0)));
        let dates = (0..300).map(|day| date(2020, 1, 1) + jiff::Span::new().days(day)).collect();
        let long = PriceTable::new(vec!["A".into()], dates, vec![vec![1.0; 300]]).unwrap();
        assert!(project(&long, &[1.0], &params, |_| ControlFlow::Continue(())).unwrap().cautions.is_empty());
    }

    #[test]
    fn what_grows_beyond_all_numbers_is_not_ruined() {
        let dates = steady(0.0).dates().to_vec();
        let wild = (0..100).map(|day| if day % 2 == 0 { 1e-100 } else { 1e100 }).collect();
        let table = PriceTable::new(vec!["A".into()], dates, vec![wild]).unwrap();
        // Blocks of one session: each path goes up often enough.
        let params = ProjectionParams {
            horizon_sessions: 252,
            paths: 50,
            mean_block_sessions: 1.0,
            percentiles: vec![1.0],
            ..ProjectionParams::default()
        };
        let projection = project(&table, &[1.0], &params, |_| ControlFlow::Continue(())).unwrap();
        assert!(projection.fan[0].last().unwrap() >= &f64::MAX, "{:?}", projection.fan[0]);
    }

    #[test]
    fn a_fee_takes_its_share_each_year() {
        let params =
            ProjectionParams { horizon_sessions: 504, paths: 3, fee_annual: 0.01, ..ProjectionParams::default() };
        let projection = project(&steady(0.0), &[1.0], &params, |_| ControlFlow::Continue(())).unwrap();
        assert!((projection.fan[2].last().unwrap() - 0.99_f64.powi(2)).abs() < 1e-9);
    }

    #[test]
    fn breaking_off_says_how_far_it_came() {
        let stop = |share: f64| if share > 0.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let stopped = project(&steady(0.0), &[1.0], &ProjectionParams::default(), stop);
        assert_eq!(stopped, Err(ProjectionError::Cancelled { paths: 64 }));
    }
}
