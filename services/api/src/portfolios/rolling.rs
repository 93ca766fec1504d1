//! `GET /v1/portfolios/{id}/figures/rolling`: volatility, Sharpe ratio and beta of each full window of so many
//! returns.

use analytics::figures::{Sample, rolling_sharpe, rolling_volatility};
use analytics::{NoFigure, PeriodsPerYear};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::Position;
use events::values::{AssetId, PortfolioId};
use jiff::civil::Date;
use journal::Journal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use super::figures::{FiguresQuery, asked, portfolio};
use crate::as_of::as_of;
use crate::described::problems;
use crate::figures::views::{ReasonView, WindowView, sample_view};
use crate::figures::{Asked, DEFINITIONS, Figured, NoFigures, Rebalancing, compute};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::paging::invalid_parameters;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem};
use crate::state::Office;

/// The shortest window.
const WINDOW_MIN: usize = 2;
/// The longest window: ten years of sessions.
const WINDOW_MAX: usize = 2_520;
/// The window where none is named.
const WINDOW: usize = 126;

/// The window and the conventions that are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RollingQuery {
    /// How many returns one figure rests on, 2 to 2,520; 126 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 2, maximum = 2520, example = 126)]
    window: Option<String>,
    /// The first day; from the first price on where nothing is said.
    #[param(format = Date)]
    from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[param(format = Date)]
    to: Option<String>,
    /// The annual risk-free rate as a fraction.
    #[param(pattern = r"^-?[0-9]+(\.[0-9]+)?$", example = "0.02")]
    risk_free_rate: Option<String>,
    /// How the portfolio is brought back to its target weights; monthly where nothing is said.
    rebalancing: Option<Rebalancing>,
    /// An asset to hold the portfolio against: beta is there only where one is named.
    #[param(example = "SPY")]
    benchmark: Option<String>,
    /// What was known of prices then: a position, such as a recommendation's, or a time. Now where nothing is said.
    #[param(example = "market-42")]
    as_of: Option<String>,
}

/// Beta over a moving window of the sessions that the portfolio and its benchmark both have. Both lists have one entry for
/// each full window.
#[derive(Debug, Serialize, ToSchema)]
pub struct RollingBetaView {
    /// The benchmark's symbol.
    #[schema(value_type = String, example = "SPY")]
    benchmark: AssetId,
    /// Why there is none at all, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView>,
    /// The days that both have.
    common: WindowView,
    /// The day at whose close each window ends.
    #[schema(value_type = Vec<String>, format = Date)]
    dates: Vec<Date>,
    /// `cov(r, b) / var(b)`; `null` where the benchmark does not vary in the window.
    beta: Vec<Option<f64>>,
}

/// Figures over a moving window. Its own lists have one entry for each full window.
#[derive(Debug, Serialize, ToSchema)]
pub struct RollingView {
    /// The portfolio's id.
    #[schema(value_type = String, format = Uuid)]
    portfolio: PortfolioId,
    /// The version whose target weights were taken.
    portfolio_version: u64,
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    definitions: &'static str,
    /// How many returns one figure rests on.
    window: usize,
    /// The last event whose prices are in the figures.
    #[schema(value_type = String, example = "market-40")]
    prices_position: Position,
    /// Why there is none at all, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView>,
    /// The day at whose close each window ends.
    #[schema(value_type = Vec<String>, format = Date)]
    dates: Vec<Date>,
    /// Annual volatility as a fraction; `null` where there is none.
    volatility: Vec<Option<f64>>,
    /// Annual Sharpe ratio; `null` where the window's returns do not vary.
    sharpe: Vec<Option<f64>>,
    /// Beta, where a benchmark is named: over the sessions of both, which may be fewer.
    #[schema(required)]
    beside: Option<RollingBetaView>,
}

problems!(RollingProblems: ANY, GUARDED, READ; PortfolioUnknown, NoSuchAssets, LogUnavailable);

/// Shows a portfolio's figures over a moving window.
#[utoipa::path(get, path = "/v1/portfolios/{id}/figures/rolling", tag = "portfolios",
    operation_id = "getPortfolioRollingFigures", security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), RollingQuery, MinPositionHeader),
    responses((status = 200, body = RollingView, headers(("ETag" = String))), RollingProblems))]
pub async fn show(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(office): State<Office>,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<RollingQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let window = window(query.window.as_deref())?;
    let as_of = as_of(&journal, query.as_of.as_deref()).await?;
    let row = portfolio(&pool, &journal, id, query.as_of.as_deref()).await?;
    let RollingQuery { from, to, risk_free_rate, rebalancing, benchmark, .. } = query;
    let query = FiguresQuery { from, to, risk_free_rate, rebalancing, benchmark, as_of: None };
    let asked = Asked { as_of, ..asked(&query)? };
    let computed = compute(&office, row.allocation, &row.currency, &asked).await?;
    let rf = asked.risk_free_rate.to_f64().unwrap_or_default();
    let (dates, returns) = computed.figures.as_ref().map_or_else(
        |_| Default::default(),
        |figured| (figured.dates.get(window..).unwrap_or_default().to_vec(), figured.returns()),
    );
    let (figures, benchmark) = (computed.figures, asked.benchmark);
    let rolled = office.desk.place().await?.compute(move |_| {
        let year = PeriodsPerYear::SESSIONS;
        let volatility = numbers(rolling_volatility(&returns, window, year));
        let sharpe = numbers(rolling_sharpe(&returns, window, rf, year));
        let beside = benchmark.map(|benchmark| beside(benchmark, figures.as_ref(), window));
        (volatility, sharpe, beside, figures.err())
    });
    let (volatility, sharpe, beside, why) = rolled.await?;
    let reason = why.as_ref().map(ReasonView::from);
    let view = RollingView {
        portfolio: id,
        portfolio_version: row.version,
        definitions: DEFINITIONS,
        window,
        prices_position: computed.prices_position,
        reason,
        dates,
        volatility,
        sharpe,
        beside,
    };
    Ok(tagged(row.version, Json(view).into_response()))
}

/// Beta over each full window of the common sessions, or why there is none.
fn beside(benchmark: AssetId, figures: Result<&Figured, &NoFigures>, window: usize) -> RollingBetaView {
    let common = figures.map(|figured| figured.beside.as_ref().map(Result::as_ref));
    let (rolled, sample, why) = match common {
        Ok(Some(Ok(common))) => (common.rolling_beta(window), common.sample(), None),
        Ok(Some(Err(why))) | Err(why) => (Vec::new(), Sample::default(), Some(why)),
        Ok(None) => (Vec::new(), Sample::default(), None),
    };
    let (dates, beta) = rolled.into_iter().map(|(date, beta)| (date, beta.ok())).unzip();
    RollingBetaView { benchmark, reason: why.map(ReasonView::from), common: sample_view(sample), dates, beta }
}

fn numbers(figures: Vec<Result<f64, NoFigure>>) -> Vec<Option<f64>> {
    figures.into_iter().map(Result::ok).collect()
}

fn window(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(WINDOW) };
    let window = text.parse().ok().filter(|window| (WINDOW_MIN..=WINDOW_MAX).contains(window));
    window.ok_or_else(|| {
        let detail = format!("a window has {WINDOW_MIN} to {WINDOW_MAX} returns");
        invalid_parameters(vec![FieldError::in_parameter("window", "out-of-range", detail)])
    })
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn a_window_is_bounded() {
        assert_eq!((window(None).unwrap(), window(Some("252")).unwrap()), (126, 252));
        for bad in ["1", "2521", "-3", "x", ""] {
            assert!(window(Some(bad)).is_err(), "{bad}");
        }
    }
}
