//! `GET /v1/portfolios/{id}/figures`: a portfolio's figures, each with its definition, or why there is none.

use analytics::backtest::ASSUMPTIONS;
use analytics::figures::Episode;
use analytics::{Figure, NoFigure, PortfolioFigures};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::Position;
use events::values::PortfolioId;
use jiff::civil::Date;
use journal::Journal;
use projections::portfolios::PortfolioRow;
use projections::prices::AsOf;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::as_of::as_of;
use crate::described::problems;
use crate::faults::Fault;
use crate::figures::{Asked, Computed, Coverage, DEFINITIONS, NoFigures, Rebalancing, compute};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::numbers::{day, decimal};
use crate::paging::invalid_parameters;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem, ProblemType};
use crate::references::References;
use crate::state::Desk;

/// The window and the conventions that are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FiguresQuery {
    /// The first day; from the first price on where nothing is said.
    #[param(format = Date, example = "2014-01-02")]
    from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[param(format = Date, example = "2023-12-29")]
    to: Option<String>,
    /// The annual risk-free rate as a fraction: `0.02` is 2 %. 0 where nothing is said.
    #[param(pattern = r"^-?[0-9]+(\.[0-9]+)?$", example = "0.02")]
    risk_free_rate: Option<String>,
    /// How the portfolio is brought back to its target weights; monthly where nothing is said.
    rebalancing: Option<Rebalancing>,
    /// What was known of prices then: a position, such as a recommendation's, or a time. Now where nothing is said.
    #[param(example = "market-42")]
    as_of: Option<String>,
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
    /// The deepest fall, where there was one.
    #[schema(required)]
    max_drawdown: Option<DrawdownView>,
    /// How the assets' returns go together.
    correlation: CorrelationView,
    /// What the figures assume.
    assumptions: &'static [&'static str],
}

/// The days that figures rest on.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowView {
    /// The first day, whose close is the base.
    #[schema(required, value_type = Option<String>, format = Date)]
    start: Option<Date>,
    /// The last day.
    #[schema(required, value_type = Option<String>, format = Date)]
    end: Option<Date>,
    /// How many daily returns there are.
    returns: usize,
}

/// One figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FigureView {
    /// Its stable name.
    #[schema(example = "sharpe")]
    id: &'static str,
    /// Its name for people.
    #[schema(example = "Sharpe ratio")]
    name: &'static str,
    /// The number; `null` where there is none.
    #[schema(required)]
    value: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView>,
    /// How to read it: `fraction`, `fraction a year`, `ratio`.
    unit: &'static str,
    /// How it is computed.
    formula: &'static str,
    /// How many returns it rests on.
    n: usize,
}

/// Why there is no number.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonView {
    /// A stable name.
    #[schema(example = "shorter-than-one-year")]
    code: &'static str,
    /// For people.
    detail: String,
}

/// A fall from an earlier high.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrawdownView {
    /// How deep, as a negative fraction of the high.
    depth: f64,
    /// The last day at the high.
    #[schema(value_type = String, format = Date)]
    peak: Date,
    /// The lowest day.
    #[schema(value_type = String, format = Date)]
    valley: Date,
    /// The first day back at the high; `null` where it is not back yet.
    #[schema(required, value_type = Option<String>, format = Date)]
    recovery: Option<Date>,
}

/// Correlations of the assets' daily returns.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrelationView {
    /// The assets of rows and columns.
    assets: Vec<String>,
    /// The rows; `null` where there is none, such as for an asset whose price never moves.
    rows: Vec<Vec<Option<f64>>>,
}

problems!(FiguresProblems: ANY, GUARDED, READ; PortfolioUnknown, LogUnavailable);

/// Shows a portfolio's figures.
///
/// Computed from the prices that are known now, or were known then. A figure that does not exist is `null` with its reason.
#[utoipa::path(get, path = "/v1/portfolios/{id}/figures", tag = "portfolios", operation_id = "getPortfolioFigures",
    params(("id" = String, Path, format = Uuid), FiguresQuery, MinPositionHeader),
    responses((status = 200, body = FiguresView, headers(("ETag" = String))), FiguresProblems))]
pub async fn show(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(references): State<References>,
    State(desk): State<Desk>,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<FiguresQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let as_of = as_of(&journal, query.as_of.as_deref()).await?;
    let asked = Asked { as_of, ..asked(&query)? };
    let row = projections::portfolios::get(&pool, id).await?;
    let row = row.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    let computed = compute(&pool, &references, &desk, row.allocation.clone(), &row.currency, asked).await?;
    let version = row.version;
    Ok(tagged(version, Json(view(row, asked, computed)).into_response()))
}

fn asked(query: &FiguresQuery) -> Result<Asked, Problem> {
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
    if errors.is_empty() {
        Ok(Asked { from, to, risk_free_rate, rebalancing, as_of: AsOf::Now })
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
        window: WindowView {
            start: known.map(|figures| figures.start),
            end: known.map(|figures| figures.end),
            returns: known.map_or(0, |figures| figures.n_returns),
        },
        risk_free_rate: asked.risk_free_rate.normalize(),
        rebalancing: asked.rebalancing,
        prices_position,
        coverage,
        figures: figure_views(&figures),
        max_drawdown: known.and_then(|figures| figures.deepest_drawdown).map(drawdown_view),
        correlation: correlation_view(known),
        assumptions: ASSUMPTIONS,
    }
}

/// Every figure that needs no benchmark: there is none to name yet.
fn figure_views(figures: &Result<PortfolioFigures, NoFigures>) -> Vec<FigureView> {
    let one = |figure: Figure, n, value: Result<f64, ReasonView>| {
        let definition = figure.definition();
        let (value, reason) = match value {
            Ok(value) => (Some(value), None),
            Err(reason) => (None, Some(reason)),
        };
        let (id, name, unit, formula) = (definition.id, definition.name, definition.unit.name(), definition.formula);
        FigureView { id, name, value, reason, unit, formula, n }
    };
    match figures {
        Ok(figures) => {
            let given = figures.figures.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
            let reason = |why: NoFigure| ReasonView { code: why.code(), detail: why.to_string() };
            given.map(|(figure, value)| one(figure, figures.n_returns, value.map_err(reason))).collect()
        }
        Err(why) => {
            let reason = ReasonView { code: why.code(), detail: why.to_string() };
            let without_benchmark = analytics::Figures::of(&[], &[], None, &analytics::FigureParams::default());
            let named = without_benchmark.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
            named.map(|(figure, _)| one(figure, 0, Err(reason.clone()))).collect()
        }
    }
}

fn drawdown_view(fall: Episode) -> DrawdownView {
    DrawdownView { depth: fall.depth, peak: fall.peak, valley: fall.valley, recovery: fall.recovery }
}

fn correlation_view(figures: Option<&PortfolioFigures>) -> CorrelationView {
    figures.map_or_else(
        || CorrelationView { assets: Vec::new(), rows: Vec::new() },
        |figures| CorrelationView {
            assets: figures.correlation.assets().to_vec(),
            rows: figures
                .correlation
                .rows()
                .map(|row| row.iter().map(|cell| cell.as_ref().ok().copied()).collect())
                .collect(),
        },
    )
}

#[cfg(test)]
mod tests {
    use events::values::AssetId;

    use super::{FiguresQuery, asked, figure_views};
    use crate::figures::NoFigures;

    #[test]
    fn a_window_that_cannot_be_is_told_with_all_its_faults() {
        let text = |text: &str| Some(text.to_owned());
        let query = FiguresQuery {
            from: text("2024-02-30"),
            to: text("2024-01-01"),
            risk_free_rate: text("2"),
            rebalancing: None,
            as_of: None,
        };
        let told = format!("{:?}", asked(&query).unwrap_err());
        assert!(told.contains("not-a-day") && told.contains("out-of-range"), "{told}");
        let backwards = FiguresQuery { from: text("2024-01-02"), risk_free_rate: None, ..query };
        assert!(format!("{:?}", asked(&backwards).unwrap_err()).contains("before-from"));
    }

    #[test]
    fn without_prices_every_figure_says_why_it_is_not_there() {
        let none = Err(NoFigures::NoPrices(AssetId::parse("A").unwrap()));
        let views = figure_views(&none);
        assert!(views.iter().any(|view| view.id == "sharpe"));
        assert!(views.iter().all(|view| view.value.is_none() && view.reason.as_ref().unwrap().code == "no-prices"));
    }
}
