//! `POST /v1/backtests` and `POST /v1/portfolios/{id}/backtests`: what weights would have been worth.

use analytics::backtest::{
    ASSUMPTIONS, Allocation, BacktestError, BacktestOutcome, BacktestParams, Carried, Drift, Flow, Payment, Period,
    Policy, Threshold, backtest_quotes_watched, fingerprint_quotes,
};
use analytics::figures::{monthly_returns, top_drawdowns};
use analytics::{Figure, FigureParams};
use axum::extract::State;
use axum::response::Response;
use events::Position;
use events::values::{AssetId, PortfolioId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{
    Material, PriceCoverage, Targets, WeightView, Window, bounded, not_computable, number, risk_free_rate,
    weight_views, window,
};
use crate::access::Reach;
use crate::body::JsonBody;
use crate::described::problems;
use crate::desk::Asker;
use crate::faults::Faults;
use crate::figures::views::{
    DrawdownView, FigureView, ReasonView, WindowView, YearView, of_window, sample_view, window_view,
};
use crate::figures::{DEFINITIONS, Rebalancing};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::jobs::{Asking, JobView, PreferHeader, answered};
use crate::objects;
use crate::paths::Id;
use crate::portfolios::allocation::TargetBody;
use crate::problem::{Problem, ProblemType};
use crate::state::Office;

/// Sessions that a decision may wait for its trade, or drift may rest.
const SESSIONS_MAX: usize = 252;
/// Drawdowns that are shown.
const DRAWDOWNS_SHOWN: usize = 10;
/// The highest cost in basis points.
const COST_BPS_MAX: f64 = 1_000.0;
/// A basis point as a fraction.
const BASIS_POINT: f64 = 1e-4;

/// Rebalancing when a weight has drifted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftBody {
    /// How far a weight may be from its target: `"0.05"` is five points.
    #[schema(example = "0.05")]
    limit: String,
    /// Whether the limit is relative to the target weight.
    #[serde(default)]
    relative: bool,
    /// Sessions after a rebalancing in which drift is not looked at.
    #[serde(default)]
    #[schema(maximum = 252)]
    cooldown_sessions: u32,
}

/// Money that is paid in, or taken out, over time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContributionsBody {
    /// How much each time per 1.0 put in at first; negative is taken out.
    #[schema(example = "0.01")]
    amount: String,
    /// On the first session of each of these.
    every: Every,
}

/// A calendar period.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

/// How the backtest is run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestTerms {
    /// The first day; from the first price on where nothing is said.
    #[schema(format = Date)]
    from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[schema(format = Date)]
    to: Option<String>,
    /// When weights are restored by the calendar; monthly where nothing is said.
    rebalancing: Option<Rebalancing>,
    /// Whether they are also restored when they have drifted.
    #[serde(default, deserialize_with = "objects::optional")]
    drift: Option<DriftBody>,
    /// Sessions between the decision and the trade.
    #[schema(maximum = 252)]
    lag_sessions: Option<u32>,
    /// Costs in basis points of the traded value, both ways.
    #[schema(example = "10")]
    cost_bps: Option<String>,
    /// Money that is paid in over time.
    #[serde(default, deserialize_with = "objects::optional")]
    contributions: Option<ContributionsBody>,
    /// An asset to hold it against.
    benchmark: Option<String>,
    /// The annual risk-free rate as a fraction.
    risk_free_rate: Option<String>,
}

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

/// One rebalancing.
#[derive(Debug, Serialize, ToSchema)]
pub struct RebalanceView {
    /// The session at whose close it traded.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// Money that changed hands, both ways, over the value before.
    turnover: f64,
    /// Its cost per 1.0 put in at first.
    cost: f64,
    /// Assets without a price on that session: they were held, and the rest was traded.
    held: Vec<String>,
}

/// A payment that was traded on a day without a rebalancing.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentView {
    /// The session at whose close it traded.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// Money paid in, or taken out when negative, per 1.0 put in at first.
    amount: f64,
    /// Money that changed hands over the value before, what is paid in included.
    turnover: f64,
    /// Its cost per 1.0 put in at first.
    cost: f64,
}

impl From<&Payment> for PaymentView {
    fn from(payment: &Payment) -> Self {
        let Payment { date, amount, turnover, cost } = *payment;
        Self { date, amount, turnover, cost }
    }
}

/// An asset that was valued at an older price for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct CarriedView {
    /// The asset's symbol.
    #[schema(example = "AAPL")]
    asset: String,
    /// On how many sessions.
    sessions: usize,
}

impl From<&Carried> for CarriedView {
    fn from(carried: &Carried) -> Self {
        Self { asset: carried.asset.clone(), sessions: carried.sessions }
    }
}

/// What weights would have been worth. Hypothetical performance: nobody held them.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestView {
    /// Always true.
    hypothetical: bool,
    /// What it assumes.
    assumptions: &'static [&'static str],
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    definitions: &'static str,
    /// The version whose weights were taken, of a portfolio.
    #[serde(skip_serializing_if = "Option::is_none")]
    portfolio_version: Option<u64>,
    /// The days of the backtest.
    window: WindowView,
    /// The last event whose prices are in it.
    #[schema(value_type = String, example = "market-40")]
    prices_position: Position,
    /// Changes with any input: the same fingerprint, the same backtest.
    #[schema(example = "8f14e45fceea167a")]
    fingerprint: String,
    /// What prices there are of each asset.
    coverage: Vec<PriceCoverage>,
    /// Assets that were valued at an older price on some sessions: nobody invents a return for those.
    carried: Vec<CarriedView>,
    /// Value at the last close per 1.0 put in before the first cost.
    final_value: f64,
    /// All costs per 1.0 put in at first, those of payments included.
    total_cost: f64,
    /// All turnovers, both ways, those of payments included; the first purchase counts about one.
    turnover: f64,
    /// The investor's own return a year, payments included; `null` where there is none.
    #[schema(required)]
    money_weighted_return: Option<f64>,
    /// Why there is no such return.
    #[serde(skip_serializing_if = "Option::is_none")]
    money_weighted_return_reason: Option<ReasonView>,
    /// What it is held against.
    #[schema(required, value_type = Option<String>)]
    benchmark: Option<AssetId>,
    /// The days that the figures beside the benchmark rest on, those that both have; none without a benchmark.
    #[schema(required)]
    benchmark_window: Option<WindowView>,
    /// Time-weighted figures; those beside a benchmark where one is named.
    figures: Vec<FigureView>,
    /// The deepest falls, the deepest first.
    drawdowns: Vec<DrawdownView>,
    /// Returns of calendar months and years.
    months: Vec<YearView>,
    /// All rebalancings, the first purchase included.
    rebalances: Vec<RebalanceView>,
    /// Payments that were traded on a day without a rebalancing; the others are traded with it.
    payments: Vec<PaymentView>,
    /// Weights at the last close.
    final_weights: Vec<WeightView>,
    /// The sessions.
    #[schema(value_type = Vec<String>, format = Date)]
    dates: Vec<Date>,
    /// Value at each close per 1.0 put in at first, after costs and contributions.
    equity: Vec<f64>,
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

/// What is computed.
struct Wanted {
    window: Window,
    policy: Policy,
    cost_rate: f64,
    contributions: Option<(f64, Every)>,
    benchmark: Option<AssetId>,
    rf: f64,
}

impl Wanted {
    /// What the terms ask for, which stand at this place of the body.
    fn read(terms: Option<&BacktestTerms>, at: &str) -> Result<Self, Problem> {
        let Some(terms) = terms else {
            let window = Window { from: None, to: None };
            let policy = Policy::MONTHLY;
            return Ok(Self { window, policy, cost_rate: 0.0, contributions: None, benchmark: None, rf: 0.0 });
        };
        let mut faults = Faults::default();
        let window = window(&mut faults, terms.from.as_deref(), terms.to.as_deref());
        let calendar = Policy::from(terms.rebalancing.unwrap_or_default()).calendar;
        let lag_sessions = sessions("lag in sessions", terms.lag_sessions.unwrap_or(0))?;
        let threshold = match &terms.drift {
            None => None,
            Some(drift) => {
                let limit = number(&mut faults, &format!("{at}/drift/limit"), Some(&drift.limit), 0.0, 0.0, 10.0);
                let cooldown_sessions = sessions("cooldown in sessions", drift.cooldown_sessions)?;
                let drift = if drift.relative { Drift::Relative(limit) } else { Drift::Absolute(limit) };
                Some(Threshold { drift, cooldown_sessions })
            }
        };
        let costs = number(&mut faults, &format!("{at}/cost_bps"), terms.cost_bps.as_deref(), 0.0, 0.0, COST_BPS_MAX);
        let contributions = terms.contributions.as_ref().map(|paid| {
            let amount = number(&mut faults, &format!("{at}/contributions/amount"), Some(&paid.amount), 0.0, -1.0, 1e6);
            (amount, paid.every)
        });
        let benchmark = terms.benchmark.as_deref();
        let benchmark = benchmark.and_then(|text| faults.value(&format!("{at}/benchmark"), AssetId::parse(text)));
        let rf = risk_free_rate(&mut faults, terms.risk_free_rate.as_deref());
        if !faults.is_empty() {
            return Err(faults.into_problem());
        }
        let policy = Policy { calendar, threshold, lag_sessions };
        Ok(Self { window, policy, cost_rate: costs * BASIS_POINT, contributions, benchmark, rf })
    }
}

fn sessions(what: &str, asked: u32) -> Result<usize, Problem> {
    let asked = usize::try_from(asked).unwrap_or(usize::MAX);
    bounded(what, asked, SESSIONS_MAX).map(|()| asked)
}

async fn run(
    office: &Office,
    asking: Asking,
    targets: Targets,
    portfolio_version: Option<u64>,
    wanted: Wanted,
) -> Result<Response, Problem> {
    let held = targets.assets.len();
    let mut assets = targets.assets;
    assets.extend(wanted.benchmark.clone().filter(|benchmark| !assets.contains(benchmark)));
    let work = move |office: Office, asker: Asker| async move {
        let place = office.desk.place().await?;
        let place_of = |asset: &AssetId| match &wanted.benchmark {
            Some(benchmark) if benchmark == asset => "/terms/benchmark".to_owned(),
            _ => "/allocation".to_owned(),
        };
        let material = Material::new(&office, assets, wanted.window, place_of).await?;
        let weights = targets.weights;
        let answering = move |asker: &Asker| answer(&material, held, weights, portfolio_version, &wanted, asker);
        place.compute_for(asker, answering).await?
    };
    // At the most 200 assets times the sessions of the market, a few operations each: a job only for who wants one.
    answered(office, asking, false, work).await
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
    let contributions = wanted.contributions.map_or_else(Vec::new, |(amount, every)| {
        openings(every, quotes.dates()).map(|date| Flow { date, amount }).collect()
    });
    let params = BacktestParams { policy: wanted.policy, cost_rate: wanted.cost_rate, contributions };
    let allocation = Allocation::Weights(weights);
    let watch = |share| asker.heard(share);
    let outcome = backtest_quotes_watched(&quotes, &allocation, &params, &watch).map_err(|error| refused(&error))?;
    let figure_params = FigureParams { rf_annual: wanted.rf, ..FigureParams::default() };
    let figures = match &wanted.benchmark {
        None => outcome.figures(&figure_params),
        Some(benchmark) => outcome.figures_against(&material.series(benchmark)?, &figure_params),
    };
    let money_weighted = outcome.money_weighted_return();
    let index = outcome.index();
    Ok(BacktestView {
        hypothetical: true,
        assumptions: ASSUMPTIONS,
        definitions: DEFINITIONS,
        portfolio_version,
        window: window_view(&outcome.dates),
        prices_position: material.position(),
        fingerprint: format!("{:016x}", fingerprint_quotes(&quotes, &allocation, &params)),
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
        rebalances: rebalances(&outcome),
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

fn rebalances(outcome: &BacktestOutcome) -> Vec<RebalanceView> {
    let one = |trade: &analytics::backtest::Rebalance| RebalanceView {
        date: trade.date,
        turnover: trade.turnover,
        cost: trade.cost,
        held: trade.held.clone(),
    };
    outcome.rebalances.iter().map(one).collect()
}

/// The first session of each new period, never the first of all.
fn openings(every: Every, dates: &[Date]) -> impl Iterator<Item = Date> {
    let period = match every {
        Every::Month => Period::Month,
        Every::Quarter => Period::Quarter,
        Every::Year => Period::Year,
    };
    period.openings(dates).map(|row| dates[row])
}
