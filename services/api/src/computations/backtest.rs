//! `POST /v1/backtests` and `POST /v1/portfolios/{id}/backtests`: what weights would have been worth.

mod kept;
mod terms;
mod view;

use analytics::backtest::{
    ASSUMPTIONS, Allocation, BacktestError, BacktestParams, backtest_quotes_watched, fingerprint_beside,
    fingerprint_quotes,
};
use analytics::figures::{monthly_returns, top_drawdowns};
use analytics::{Figure, FigureParams};
use axum::extract::State;
use axum::response::Response;
use events::values::{AssetId, PortfolioId};
use projections::prices::AsOf;
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{Material, Targets, not_computable, weight_views};
use crate::access::Reach;
use crate::body::JsonBody;
use crate::described::problems;
use crate::desk::Asker;
use crate::figures::DEFINITIONS;
use crate::figures::views::{DrawdownView, ReasonView, YearView, of_window, sample_view, window_view};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::jobs::{Asking, JobView, PreferHeader, answered};
use crate::objects;
use crate::paths::Id;
use crate::portfolios::allocation::TargetBody;
use crate::problem::{Problem, ProblemType};
use crate::state::Office;

pub use self::kept::{Kept, rerun};
use self::terms::Wanted;
pub use self::terms::{BacktestTerms, written_into};
pub use self::view::BacktestView;
use self::view::{CarriedView, PaymentView, RebalanceView};

/// Drawdowns that are shown.
const DRAWDOWNS_SHOWN: usize = 10;

/// A backtest of any weights.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestBody {
    /// The target weights, which add up to exactly 1.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 200)]
    allocation: Vec<TargetBody>,
    /// How it is run.
    #[serde(default, deserialize_with = "objects::optional")]
    terms: Option<BacktestTerms>,
}

problems!(BacktestProblems: ANY, GUARDED, COMPUTATION; AssetNamedTwice, WeightsDoNotAddUp);
problems!(PortfolioBacktestProblems: ANY, GUARDED, COMPUTATION; PortfolioUnknown);

/// Backtests any weights.
///
/// Records nothing, so that no Idempotency-Key is needed.
#[utoipa::path(post, path = "/v1/backtests", tag = "computations", operation_id = "computeBacktest",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(MinPositionHeader, PreferHeader), request_body = BacktestBody,
    responses((status = 200, body = BacktestView), (status = 202, body = JobView, headers(("Location" = String))),
        BacktestProblems))]
pub async fn of_weights(
    State(office): State<Office>,
    asking: Asking,
    _: CaughtUp,
    JsonBody(body): JsonBody<BacktestBody>,
) -> Result<Response, Problem> {
    let targets = Targets::in_body(&body.allocation)?;
    let wanted = Wanted::read(body.terms.as_ref(), "/terms")?;
    run(&office, asking, targets, None, wanted).await
}

/// Backtests a portfolio's target weights.
///
/// Records nothing, so that no Idempotency-Key is needed.
#[utoipa::path(post, path = "/v1/portfolios/{id}/backtests", tag = "computations",
    operation_id = "computePortfolioBacktest",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), MinPositionHeader, PreferHeader),
    request_body = BacktestTerms,
    responses((status = 200, body = BacktestView), (status = 202, body = JobView, headers(("Location" = String))),
        PortfolioBacktestProblems))]
pub async fn of_portfolio(
    State(pool): State<PgPool>,
    State(office): State<Office>,
    asking: Asking,
    Id(id): Id<PortfolioId>,
    reach: Reach,
    _: CaughtUp,
    JsonBody(terms): JsonBody<BacktestTerms>,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(Some(&terms), "")?;
    let (targets, version) = Targets::of_portfolio(&pool, reach, id).await?;
    run(&office, asking, targets, Some(version), wanted).await
}

async fn run(
    office: &Office,
    asking: Asking,
    targets: Targets,
    portfolio_version: Option<u64>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let work = move |office: Office, asker: Asker| async move {
        // A portfolio's backtest has the terms themselves for its body.
        let benchmark_at = if portfolio_version.is_some() { "/benchmark" } else { "/terms/benchmark" };
        computed(&office, asker, (targets, portfolio_version), wanted, AsOf::Now, benchmark_at).await
    };
    // At the most 200 assets times the sessions of the market, a few operations each: a job only for who wants one.
    answered(office, asking, false, work).await
}

/// The backtest of these weights, of this version of a portfolio, from the prices that were known then. The benchmark
/// stands at this place of the body.
async fn computed(
    office: &Office,
    asker: Asker,
    (targets, portfolio_version): (Targets, Option<u64>),
    wanted: Wanted,
    as_of: AsOf,
    benchmark_at: &str,
) -> Result<BacktestView, Problem> {
    let held = targets.assets.len();
    let mut assets = targets.assets;
    assets.extend(wanted.benchmark.clone().filter(|benchmark| !assets.contains(benchmark)));
    let place = office.desk.place().await?;
    let place_of = |asset: &AssetId| match &wanted.benchmark {
        Some(benchmark) if benchmark == asset => benchmark_at.to_owned(),
        _ => "/allocation".to_owned(),
    };
    let material = Material::as_of(office, assets, wanted.window, place_of, as_of).await?;
    let weights = targets.weights;
    let answering = move |asker: &Asker| answer(&material, held, weights, portfolio_version, &wanted, asker);
    place.compute_for(asker, answering).await?
}

fn answer(
    material: &Material,
    held: usize,
    weights: Vec<f64>,
    portfolio_version: Option<u64>,
    wanted: &Wanted,
    asker: &Asker,
) -> Result<BacktestView, Problem> {
    let quotes = material.quotes(held)?;
    let contributions = wanted.flows(quotes.dates());
    let params = BacktestParams { policy: wanted.policy, cost_rate: wanted.cost_rate, contributions };
    let allocation = Allocation::Weights(weights);
    let watch = |share| asker.heard(share);
    let outcome = backtest_quotes_watched(&quotes, &allocation, &params, &watch).map_err(|error| refused(&error))?;
    let figure_params = FigureParams { rf_annual: wanted.rf, ..FigureParams::default() };
    let benchmark = wanted.benchmark.as_ref().map(|benchmark| material.series(benchmark)).transpose()?;
    let figures = match &benchmark {
        None => outcome.figures(&figure_params),
        Some(benchmark) => outcome.figures_against(benchmark, &figure_params),
    };
    let fingerprint = fingerprint_quotes(&quotes, &allocation, &params);
    let fingerprint = fingerprint_beside(fingerprint, wanted.rf, benchmark.as_ref());
    let money_weighted = outcome.money_weighted_return();
    let index = outcome.index();
    Ok(BacktestView {
        hypothetical: true,
        assumptions: ASSUMPTIONS,
        definitions: DEFINITIONS,
        portfolio_version,
        window: window_view(&outcome.dates),
        prices_position: material.position(),
        fingerprint: format!("{fingerprint:016x}"),
        coverage: material.coverage(),
        carried: outcome.carried.iter().map(CarriedView::from).collect(),
        final_value: outcome.final_value(),
        total_cost: outcome.total_cost(),
        turnover: outcome.turnover(),
        money_weighted_return: money_weighted.ok(),
        money_weighted_return_reason: money_weighted.err().map(ReasonView::from),
        benchmark: wanted.benchmark.clone(),
        benchmark_window: wanted.benchmark.as_ref().map(|_| sample_view(figures.rests_on(Figure::Beta))),
        figures: of_window(&figures),
        drawdowns: top_drawdowns(&outcome.dates, &index, DRAWDOWNS_SHOWN).into_iter().map(DrawdownView::from).collect(),
        months: monthly_returns(&outcome.dates[1..], &outcome.returns).into_iter().map(YearView::from).collect(),
        rebalances: outcome.rebalances.iter().map(RebalanceView::from).collect(),
        payments: outcome.payments.iter().map(PaymentView::from).collect(),
        final_weights: weight_views(quotes.assets(), &outcome.final_weights),
        dates: outcome.dates,
        equity: outcome.equity,
    })
}

fn refused(error: &BacktestError) -> Problem {
    match error {
        // Nobody reads this: whoever asked has gone.
        BacktestError::Cancelled(_) => Problem::of(ProblemType::TimedOut),
        error => not_computable(error.to_string()),
    }
}
