//! `GET /v1/portfolios/{id}/figures`: a portfolio's figures, each with its definition, or why there is none.

use analytics::backtest::ASSUMPTIONS;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::Position;
use events::portfolio::Portfolio;
use events::values::{AssetId, PortfolioId};
use journal::Journal;
use projections::portfolios::PortfolioRow;
use projections::prices::AsOf;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::as_of::{as_of, then, until_beside_prices};
use crate::described::problems;
use crate::faults::Fault;
use crate::figures::views::{
    CorrelationView, DrawdownView, FigureView, WindowView, YearView, correlation_view, figure_views, sample_view,
    window_view,
};
use crate::figures::{Asked, Computed, Coverage, DEFINITIONS, Figured, Rebalancing, compute};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::numbers::{day, decimal};
use crate::paging::invalid_parameters;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Office;

/// The window and the conventions that are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FiguresQuery {
    /// The first day; from the first price on where nothing is said.
    #[param(format = Date, example = "2014-01-02")]
    pub(super) from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[param(format = Date, example = "2023-12-29")]
    pub(super) to: Option<String>,
    /// The annual risk-free rate as a fraction: `0.02` is 2 %. 0 where nothing is said.
    #[param(pattern = r"^-?[0-9]+(\.[0-9]+)?$", example = "0.02")]
    pub(super) risk_free_rate: Option<String>,
    /// How the portfolio is brought back to its target weights; monthly where nothing is said.
    pub(super) rebalancing: Option<Rebalancing>,
    /// An asset to hold the portfolio against: figures beside it are there only where one is named.
    #[param(example = "SPY")]
    pub(super) benchmark: Option<String>,
    /// The portfolio as it was and what was known of prices then: an advisory position, such as a recommendation's, or a
    /// time. A market position means the prices alone. Now where nothing is said.
    #[param(example = "market-42")]
    pub(super) as_of: Option<String>,
}

/// A portfolio's figures, with all that they rest on.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiguresView {
    /// The portfolio's id.
    #[schema(value_type = String, format = Uuid)]
    portfolio: PortfolioId,
    /// The version whose target weights were taken.
    portfolio_version: u64,
    /// The portfolio's currency.
    #[schema(example = "USD")]
    currency: String,
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    definitions: &'static str,
    /// The days that the figures rest on.
    window: WindowView,
    /// The annual risk-free rate as a fraction.
    #[schema(value_type = String, example = "0.02")]
    risk_free_rate: Decimal,
    /// How the portfolio is brought back to its target weights.
    rebalancing: Rebalancing,
    /// The last event whose prices are in the figures: the same position gives the same figures.
    #[schema(value_type = String, example = "market-40")]
    prices_position: Position,
    /// What prices there are of each asset.
    coverage: Vec<Coverage>,
    /// The figures, in the order in which they are shown.
    figures: Vec<FigureView>,
    /// What the portfolio is held against.
    #[schema(required, value_type = Option<String>)]
    benchmark: Option<AssetId>,
    /// The days that the figures beside the benchmark rest on, those that both have; none without a benchmark. All other
    /// figures rest on `window`, whatever the portfolio is held against.
    #[schema(required)]
    benchmark_window: Option<WindowView>,
    /// The deepest falls, the deepest first.
    drawdowns: Vec<DrawdownView>,
    /// Returns of calendar months and years, the earliest year first.
    months: Vec<YearView>,
    /// The deepest fall, where there was one.
    #[schema(required)]
    max_drawdown: Option<DrawdownView>,
    /// How the assets' returns go together.
    correlation: CorrelationView,
    /// What the figures assume.
    assumptions: &'static [&'static str],
}

problems!(FiguresProblems: ANY, GUARDED, READ; PortfolioUnknown, NoSuchAssets, LogUnavailable);

/// Shows a portfolio's figures.
///
/// Computed from the prices that are known now, or were known then. A figure that does not exist is `null` with its reason.
#[utoipa::path(get, path = "/v1/portfolios/{id}/figures", tag = "portfolios", operation_id = "getPortfolioFigures",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), FiguresQuery, MinPositionHeader),
    responses((status = 200, body = FiguresView, headers(("ETag" = String))), FiguresProblems))]
pub async fn show(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(office): State<Office>,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<FiguresQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let as_of = as_of(&journal, query.as_of.as_deref()).await?;
    let asked = Asked { as_of, ..asked(&query)? };
    let row = portfolio(&pool, &journal, id, query.as_of.as_deref()).await?;
    let computed = compute(&office, row.allocation.clone(), &row.currency, &asked).await?;
    let version = row.version;
    Ok(tagged(version, Json(view(row, asked, computed)).into_response()))
}

/// The portfolio as it is, or as it was then: advice stands on weights as much as on prices.
pub(super) async fn portfolio(
    pool: &PgPool,
    journal: &Journal,
    id: PortfolioId,
    as_of: Option<&str>,
) -> Result<PortfolioRow, Problem> {
    let row = match until_beside_prices(journal, as_of).await? {
        Some(until) => then::<Portfolio, projections::portfolios::Changed>(journal, &id, until).await?,
        None => projections::portfolios::get(pool, id).await?,
    };
    row.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))
}

pub(super) fn asked(query: &FiguresQuery) -> Result<Asked, Problem> {
    let mut errors = Vec::new();
    let from = parameter(&mut errors, "from", query.from.as_deref().map(day));
    let to = parameter(&mut errors, "to", query.to.as_deref().map(day));
    let risk_free_rate = parameter(&mut errors, "risk_free_rate", query.risk_free_rate.as_deref().map(decimal));
    let risk_free_rate = risk_free_rate.unwrap_or_default();
    if !is_rate(risk_free_rate) {
        let detail = "a risk-free rate is a fraction above -1 and at most 1: 0.02 is 2 %".to_owned();
        errors.push(FieldError::in_parameter("risk_free_rate", "out-of-range", detail));
    }
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        let detail = "the window's last day comes before its first".to_owned();
        errors.push(FieldError::in_parameter("to", "before-from", detail));
    }
    let rebalancing = query.rebalancing.unwrap_or_default();
    let benchmark = parameter(&mut errors, "benchmark", query.benchmark.as_deref().map(AssetId::parse));
    if errors.is_empty() {
        Ok(Asked { from, to, risk_free_rate, rebalancing, benchmark, as_of: AsOf::Now })
    } else {
        Err(invalid_parameters(errors))
    }
}

fn parameter<T, E: Fault>(errors: &mut Vec<FieldError>, name: &str, read: Option<Result<T, E>>) -> Option<T> {
    match read? {
        Ok(value) => Some(value),
        Err(fault) => {
            errors.push(FieldError::in_parameter(name, fault.code(), fault.to_string()));
            None
        }
    }
}

/// Whether the number can be an annual rate, as a fraction.
pub(super) fn is_rate(rate: Decimal) -> bool {
    rate > -Decimal::ONE && rate <= Decimal::ONE
}

fn view(row: PortfolioRow, asked: Asked, computed: Computed) -> FiguresView {
    let Computed { figures, coverage, prices_position } = computed;
    let known = figures.as_ref().ok();
    FiguresView {
        portfolio: row.id,
        portfolio_version: row.version,
        currency: row.currency,
        definitions: DEFINITIONS,
        window: window_view(known.map_or(&[], |figured| figured.dates.as_slice())),
        risk_free_rate: asked.risk_free_rate.normalize(),
        rebalancing: asked.rebalancing,
        prices_position,
        coverage,
        figures: figure_views(&figures),
        benchmark: asked.benchmark,
        benchmark_window: known.and_then(Figured::common).map(|common| sample_view(common.sample())),
        drawdowns: known.into_iter().flat_map(Figured::drawdowns).map(DrawdownView::from).collect(),
        months: known.into_iter().flat_map(Figured::months).map(YearView::from).collect(),
        max_drawdown: known.and_then(|figured| figured.of.deepest_drawdown).map(DrawdownView::from),
        correlation: correlation_view(known),
        assumptions: ASSUMPTIONS,
    }
}

#[cfg(test)]
mod tests {
    use super::{FiguresQuery, asked};

    #[test]
    fn a_window_that_cannot_be_is_told_with_all_its_faults() {
        let text = |text: &str| Some(text.to_owned());
        let query = FiguresQuery {
            from: text("2024-02-30"),
            to: text("2024-01-01"),
            risk_free_rate: text("2"),
            rebalancing: None,
            benchmark: None,
            as_of: None,
        };
        let told = format!("{:?}", asked(&query).unwrap_err());
        assert!(told.contains("not-a-day") && told.contains("out-of-range"), "{told}");
        let backwards = FiguresQuery { from: text("2024-01-02"), risk_free_rate: None, ..query };
        assert!(format!("{:?}", asked(&backwards).unwrap_err()).contains("before-from"));
    }
}
