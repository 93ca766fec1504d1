//! `POST /v1/projections`: what weights might be worth, drawn from their own past.

use analytics::projection::{Projection, ProjectionError, ProjectionParams, project};
use axum::extract::State;
use axum::response::Response;
use events::Position;
use events::values::AssetId;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{Material, PriceCoverage, Targets, bounded, not_computable, number, portfolio_id, too_large, window};
use crate::access::Reach;
use crate::body::JsonBody;
use crate::described::problems;
use crate::desk::Asker;
use crate::faults::Faults;
use crate::figures::DEFINITIONS;
use crate::figures::views::{ReasonView, WindowView, window_view};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::jobs::{Asking, JobView, PreferHeader, answered};
use crate::objects;
use crate::portfolios::allocation::TargetBody;
use crate::problem::{Problem, ProblemType};
use crate::state::Office;

/// Paths that one request may draw.
const PATHS_MAX: usize = 20_000;
/// Sessions ahead: sixty years.
const HORIZON_SESSIONS_MAX: usize = 60 * 252;
/// Paths times sessions times assets that one request may take, as a job: a bound on steps, not a time.
const STEPS_MAX: usize = 500_000_000;
/// Steps beyond which the answer comes as a job: a twentieth of what one request may take.
const STEPS_AT_ONCE_MAX: usize = 25_000_000;
/// Percentiles of one fan.
const PERCENTILES_MAX: usize = 21;
/// Points of one fan.
const POINTS_MAX: usize = 1_000;

/// What is projected: weights or a portfolio's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectionBody {
    /// The target weights, which add up to exactly 1; none where a portfolio is named.
    #[serde(default, deserialize_with = "objects::list")]
    #[schema(max_items = 200)]
    allocation: Vec<TargetBody>,
    /// A portfolio whose target weights are taken.
    #[schema(format = Uuid)]
    portfolio: Option<String>,
    /// The first day of the past that is drawn from.
    #[schema(format = Date)]
    from: Option<String>,
    /// The last day of the past that is drawn from.
    #[schema(format = Date)]
    to: Option<String>,
    /// Sessions ahead, 252 a year; 2,520 where nothing is said.
    #[schema(minimum = 1, maximum = 15120)]
    horizon_sessions: Option<u32>,
    /// Paths that are drawn; 2,000 where nothing is said.
    #[schema(minimum = 1, maximum = 20000)]
    paths: Option<u32>,
    /// Mean length of a block of past sessions; 21 where nothing is said.
    mean_block_sessions: Option<String>,
    /// The same seed has the same answer; 1 where nothing is said.
    seed: Option<u64>,
    /// Money at the start; 1 where nothing is said.
    initial: Option<String>,
    /// Money paid in, or taken out when negative, each time.
    flow: Option<String>,
    /// Sessions between two payments; 21 where nothing is said.
    #[schema(minimum = 1)]
    flow_every_sessions: Option<u32>,
    /// Fee a year as a fraction of the value.
    fee_annual: Option<String>,
    /// Sessions between two rebalancings, 0 for none; 21 where nothing is said.
    rebalance_every_sessions: Option<u32>,
    /// Sessions between two points of the fan; 21 where nothing is said.
    #[schema(minimum = 1)]
    point_every_sessions: Option<u32>,
    /// Percentiles of the fan as fractions; `["0.05", "0.25", "0.5", "0.75", "0.95"]` where nothing is said.
    #[schema(max_items = 21)]
    percentiles: Option<Vec<String>>,
    /// The value that is hoped for at the end.
    goal: Option<String>,
}

/// One percentile of the fan.
#[derive(Debug, Serialize, ToSchema)]
pub struct BandView {
    /// The share of the paths that are below, as a fraction.
    percentile: f64,
    /// The values at the points.
    values: Vec<f64>,
}

/// What weights might be worth. Hypothetical: the past, drawn again in another order.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectionView {
    /// Always true.
    hypothetical: bool,
    /// Why it should be read with care: a past that says little.
    cautions: Vec<ReasonView>,
    /// What it assumes.
    assumptions: &'static [&'static str],
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    definitions: &'static str,
    /// The past that was drawn from.
    window: WindowView,
    /// The last event whose prices are in it.
    #[schema(value_type = String, example = "market-40")]
    prices_position: Position,
    /// What prices there are of each asset.
    coverage: Vec<PriceCoverage>,
    /// Paths that were drawn.
    paths: usize,
    /// The seed.
    seed: u64,
    /// Sessions ahead of each point.
    sessions: Vec<usize>,
    /// The fan, a band for each percentile.
    fan: Vec<BandView>,
    /// Money put in up to each point, the start included; it never falls.
    paid_in: Vec<f64>,
    /// Money taken out up to each point, the mean of all paths: nothing, once the money has run out.
    taken_out: Vec<f64>,
    /// Share of the paths that end at the goal or above; `null` without a goal.
    #[schema(required)]
    goal_probability: Option<f64>,
    /// Share of the paths on which the money ran out.
    ruin_probability: f64,
}

const ASSUMPTIONS: &[&str] = &[
    "hypothetical: the future is drawn from the past window in blocks of sessions, all assets together",
    "what has not happened in the window cannot happen in the projection",
    "taxes and trading costs are left out; money is not adjusted for inflation",
];

problems!(ProjectionProblems: ANY, GUARDED, COMPUTATION; PortfolioUnknown, AssetNamedTwice, WeightsDoNotAddUp);

/// Projects what weights might be worth.
///
/// Records nothing, so that no Idempotency-Key is needed. Work ends when the caller hangs up; what takes long becomes a job.
#[utoipa::path(post, path = "/v1/projections", tag = "computations", operation_id = "computeProjection",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(MinPositionHeader, PreferHeader), request_body = ProjectionBody,
    responses((status = 200, body = ProjectionView), (status = 202, body = JobView, headers(("Location" = String))),
        ProjectionProblems))]
pub async fn compute(
    State(pool): State<PgPool>,
    State(office): State<Office>,
    asking: Asking,
    reach: Reach,
    _: CaughtUp,
    JsonBody(body): JsonBody<ProjectionBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let window = window(&mut faults, "", body.from.as_deref(), body.to.as_deref());
    let params = params(&mut faults, &body)?;
    let portfolio = body.portfolio.as_deref().and_then(|text| portfolio_id(&mut faults, text));
    if body.allocation.is_empty() == body.portfolio.is_none() {
        let detail = "a projection is of weights or of a portfolio: name one of both".to_owned();
        faults.add("/allocation", "allocation-or-portfolio", detail);
    }
    if !faults.is_empty() {
        return Err(faults.into_problem());
    }
    let targets = match portfolio {
        Some(id) => Targets::of_portfolio(&pool, reach, id).await?.0,
        None => Targets::in_body(&body.allocation)?,
    };
    let steps = params.horizon_sessions.saturating_mul(params.paths).saturating_mul(targets.assets.len());
    bounded("paths times sessions times assets", steps, STEPS_MAX)?;
    let work = move |office: Office, asker: Asker| async move {
        let place = office.desk.place().await?;
        let place_of = |_: &AssetId| "/allocation".to_owned();
        let material = Material::new(&office, targets.assets, window, place_of).await?;
        let computing = place.compute_for(asker, move |asker| {
            let table = material.table()?;
            let projection = project(&table, &targets.weights, &params, |share| asker.heard(share));
            let projection = projection.map_err(|error| refused(&error))?;
            Ok(view(projection, &material, window_view(table.dates()), &params))
        });
        computing.await?
    };
    answered(&office, asking, steps > STEPS_AT_ONCE_MAX, work).await
}

fn refused(error: &ProjectionError) -> Problem {
    match error {
        // Nobody reads this: whoever asked has gone.
        ProjectionError::Cancelled { .. } => Problem::of(ProblemType::TimedOut),
        ProjectionError::Input(_) | ProjectionError::TooFewReturns(_) => not_computable(error.to_string()),
    }
}

fn params(faults: &mut Faults, body: &ProjectionBody) -> Result<ProjectionParams, Problem> {
    let otherwise = ProjectionParams::default();
    let whole = |asked: Option<u32>, otherwise: usize| {
        asked.map_or(otherwise, |asked| usize::try_from(asked).unwrap_or(usize::MAX))
    };
    let horizon_sessions = whole(body.horizon_sessions, otherwise.horizon_sessions);
    let paths = whole(body.paths, otherwise.paths);
    let point_every_sessions = whole(body.point_every_sessions, otherwise.point_every_sessions);
    let flow_every_sessions = whole(body.flow_every_sessions, otherwise.flow_every_sessions);
    bounded("sessions ahead", horizon_sessions, HORIZON_SESSIONS_MAX)?;
    bounded("paths", paths, PATHS_MAX)?;
    for (pointer, number) in [
        ("/horizon_sessions", horizon_sessions),
        ("/paths", paths),
        ("/point_every_sessions", point_every_sessions),
        ("/flow_every_sessions", flow_every_sessions),
    ] {
        if number == 0 {
            faults.add(pointer, "out-of-range", "at least 1 is needed".to_owned());
        }
    }
    let points = horizon_sessions / point_every_sessions.max(1);
    if points > POINTS_MAX {
        return Err(too_large("points of the fan", points, POINTS_MAX));
    }
    let percentiles = match &body.percentiles {
        None => otherwise.percentiles,
        Some(texts) => {
            bounded("percentiles", texts.len(), PERCENTILES_MAX)?;
            let read = texts.iter().enumerate();
            read.map(|(at, text)| number(faults, &format!("/percentiles/{at}"), Some(text), 0.5, 0.0, 1.0)).collect()
        }
    };
    let mut read = |pointer: &str, text: &Option<String>, otherwise: f64, least: f64, most: f64| {
        number(faults, pointer, text.as_deref(), otherwise, least, most)
    };
    let block = &body.mean_block_sessions;
    Ok(ProjectionParams {
        horizon_sessions,
        paths,
        mean_block_sessions: read("/mean_block_sessions", block, otherwise.mean_block_sessions, 1.0, 1e4),
        seed: body.seed.unwrap_or(otherwise.seed),
        initial: read("/initial", &body.initial, otherwise.initial, 1e-6, 1e12),
        flow: read("/flow", &body.flow, otherwise.flow, -1e12, 1e12),
        flow_every_sessions,
        fee_annual: read("/fee_annual", &body.fee_annual, otherwise.fee_annual, 0.0, 0.5),
        rebalance_every_sessions: whole(body.rebalance_every_sessions, otherwise.rebalance_every_sessions),
        point_every_sessions,
        percentiles,
        goal: body.goal.is_some().then(|| read("/goal", &body.goal, 0.0, 0.0, 1e15)),
    })
}

fn view(projection: Projection, material: &Material, window: WindowView, params: &ProjectionParams) -> ProjectionView {
    let bands = params.percentiles.iter().zip(projection.fan);
    ProjectionView {
        hypothetical: true,
        cautions: projection
            .cautions
            .iter()
            .map(|one| ReasonView { code: one.code().into(), detail: one.to_string() })
            .collect(),
        assumptions: ASSUMPTIONS,
        definitions: DEFINITIONS,
        window,
        prices_position: material.position(),
        coverage: material.coverage(),
        paths: params.paths,
        seed: params.seed,
        sessions: projection.sessions,
        fan: bands.map(|(&percentile, values)| BandView { percentile, values }).collect(),
        paid_in: projection.paid_in,
        taken_out: projection.taken_out,
        goal_probability: projection.goal_probability,
        ruin_probability: projection.ruin_probability,
    }
}
