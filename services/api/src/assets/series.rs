//! `GET /v1/assets/{id}/prices`: a price series as JSON, CSV or Arrow, now or as of then, whole or thinned for a chart.

mod arrow;
mod thin;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use events::Position;
use events::values::AssetId;
use jiff::civil::Date;
use journal::Journal;
use projections::prices::{Action, BarRow, histories};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::as_of::as_of;
use crate::commands::INSIGHTS_POSITION;
use crate::described::problems;
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::numbers::day;
use crate::paging::invalid_parameters;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::problem::{FieldError, Problem, ProblemType};

/// Points that a thinned series may have.
const POINTS_MAX: usize = 10_000;

/// Which prices are wanted, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeriesQuery {
    /// The first day; from the first price on where nothing is said.
    #[param(format = Date, example = "2014-01-02")]
    from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[param(format = Date, example = "2023-12-29")]
    to: Option<String>,
    /// What was known then: a position or a time. Now where nothing is said.
    #[param(example = "market-42")]
    as_of: Option<String>,
    /// How many points at the most, chosen so that a chart keeps its shape: 3 to 10000. All where nothing is said.
    #[param(value_type = Option<u32>, minimum = 3, maximum = 10000)]
    points: Option<String>,
    /// How to write it; JSON where nothing is said.
    format: Option<Format>,
}

/// How to write a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// An object with all there is to know.
    #[default]
    Json,
    /// A table with a head.
    Csv,
    /// An Arrow IPC stream, for data frames.
    Arrow,
}

/// Prices of one asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesView {
    /// The asset's symbol.
    #[schema(value_type = String, example = "AAPL")]
    asset: AssetId,
    /// The currency of the prices.
    #[schema(example = "USD")]
    currency: String,
    /// What the prices say: `raw`, `split_adjusted` or `adjusted`; `null` where there are none.
    #[schema(required)]
    basis: Option<String>,
    /// Who gave them.
    #[schema(required)]
    source: Option<String>,
    /// The last event that has a part in them; the same position gives the same prices.
    #[schema(value_type = Option<String>, required, example = "market-42")]
    position: Option<Position>,
    /// How many days there are; more than there are bars where the series was thinned.
    days: usize,
    /// Why the first days have no `adjusted_close`: a payment that is not below the close before it. `null` where all have.
    #[schema(required)]
    not_adjusted_because: Option<String>,
    /// The bars, days ascending.
    bars: Vec<BarView>,
    /// Splits and payments of these days.
    actions: Vec<ActionView>,
}

/// A split or a payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionView {
    /// The first day on the new units, or the ex-date.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// What was done: `split`, `dividend`, `capital_gain`.
    #[schema(example = "dividend")]
    kind: &'static str,
    /// New units of a split, else cash for one unit.
    #[schema(example = "0.25")]
    amount: String,
    /// Old units of a split; `null` for a payment.
    #[schema(required)]
    old_units: Option<String>,
    /// Who said so.
    source: String,
}

impl From<&Action> for ActionView {
    fn from(action: &Action) -> Self {
        let text = |number: rust_decimal::Decimal| number.normalize().to_string();
        Self {
            date: action.day,
            kind: action.kind.word(),
            amount: text(action.amount),
            old_units: action.old_units.map(text),
            source: action.source.clone(),
        }
    }
}

/// What one day's trading came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct BarView {
    /// The day at the exchange.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// The first price.
    #[schema(required)]
    open: Option<String>,
    /// The highest price.
    #[schema(required)]
    high: Option<String>,
    /// The lowest price.
    #[schema(required)]
    low: Option<String>,
    /// The last price.
    #[schema(example = "187.5")]
    close: String,
    /// Units that changed hands.
    #[schema(required)]
    volume: Option<u64>,
    /// The close whose changes are total returns: later payments are taken off the close before each. `null` where the
    /// answer's `not_adjusted_because` says why.
    #[schema(required)]
    adjusted_close: Option<f64>,
    /// The return since the day before with payments reinvested on the ex-date, as a fraction; `null` on the first day.
    #[schema(required)]
    total_return: Option<f64>,
}

impl From<&BarRow> for BarView {
    fn from(row: &BarRow) -> Self {
        let text = |price: rust_decimal::Decimal| price.normalize().to_string();
        Self {
            date: row.bar.date,
            open: row.bar.open.map(text),
            high: row.bar.high.map(text),
            low: row.bar.low.map(text),
            close: text(row.bar.close),
            volume: row.bar.volume,
            adjusted_close: row.adjusted_close,
            total_return: row.total_return,
        }
    }
}

problems!(SeriesProblems: ANY, GUARDED, READ; AssetUnknown, LogUnavailable);

/// Shows an asset's prices.
#[utoipa::path(get, path = "/v1/assets/{id}/prices", tag = "assets", operation_id = "getPrices",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, example = "AAPL"), SeriesQuery, MinPositionHeader),
    responses((status = 200, content((SeriesView = "application/json"), (String = "text/csv"),
        (Vec<u8> = "application/vnd.apache.arrow.stream"))), SeriesProblems))]
pub async fn series(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    Id(id): Id<AssetId>,
    Parameters(query): Parameters<SeriesQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let (window, points) = asked(&query)?;
    let as_of = as_of(&journal, query.as_of.as_deref()).await?;
    let listed = projections::assets::get(&pool, &id).await?;
    let listed = listed.ok_or_else(|| Problem::of(ProblemType::AssetUnknown))?;
    let mut known = histories(&pool, std::slice::from_ref(&id), window.0, window.1, as_of).await?;
    let history = known.remove(&id);
    let (rows, unfit) = match &history {
        Some(history) => history.rows().map_err(|error| {
            tracing::error!(%error, asset = %id, "a series cannot be derived");
            Problem::of(ProblemType::Internal)
        })?,
        None => (Vec::new(), None),
    };
    let days = rows.len();
    let rows = thin::thinned(rows, points);
    let position = history.as_ref().map(|history| history.position);
    let mut response = match query.format.unwrap_or_default() {
        Format::Json => Json(SeriesView {
            asset: id,
            currency: listed.currency,
            basis: history.as_ref().map(|history| history.basis.clone()),
            position,
            days,
            not_adjusted_because: unfit.map(|why| why.to_string()),
            bars: rows.iter().map(BarView::from).collect(),
            actions: history.iter().flat_map(|history| &history.actions).map(ActionView::from).collect(),
            source: history.map(|history| history.source),
        })
        .into_response(),
        Format::Csv => ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv(&rows)).into_response(),
        Format::Arrow => {
            let stream = arrow::stream(&rows).map_err(|error| {
                tracing::error!(%error, asset = %id, "a series cannot be written");
                Problem::of(ProblemType::Internal)
            })?;
            ([(header::CONTENT_TYPE, arrow::CONTENT_TYPE)], stream).into_response()
        }
    };
    if let Some(position) = position.and_then(|position| position.to_string().try_into().ok()) {
        response.headers_mut().insert(INSIGHTS_POSITION, position);
    }
    Ok(response)
}

type Days = (Option<Date>, Option<Date>);

fn asked(query: &SeriesQuery) -> Result<(Days, Option<usize>), Problem> {
    let mut errors = Vec::new();
    let mut read = |name: &str, text: &Option<String>| {
        let day = text.as_deref().map(day).transpose();
        day.unwrap_or_else(|fault| {
            errors.push(FieldError::in_parameter(name, "not-a-day", fault.to_string()));
            None
        })
    };
    let (from, to) = (read("from", &query.from), read("to", &query.to));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        let detail = "the window's last day comes before its first".to_owned();
        errors.push(FieldError::in_parameter("to", "before-from", detail));
    }
    let points = match query.points.as_deref().map(str::parse::<usize>) {
        None => None,
        Some(Ok(points)) if (thin::POINTS_MIN..=POINTS_MAX).contains(&points) => Some(points),
        Some(_) => {
            let detail = format!("points is a number from {} to {POINTS_MAX}", thin::POINTS_MIN);
            errors.push(FieldError::in_parameter("points", "out-of-range", detail));
            None
        }
    };
    if errors.is_empty() { Ok(((from, to), points)) } else { Err(invalid_parameters(errors)) }
}

/// The rows as a table. No cell needs quotes: there are only days and numbers.
fn csv(rows: &[BarRow]) -> String {
    let mut text = String::from("date,open,high,low,close,volume,adjusted_close,total_return\n");
    for row in rows {
        let view = BarView::from(row);
        let optional = [view.open, view.high, view.low].map(Option::unwrap_or_default);
        let [open, high, low] = optional;
        let volume = view.volume.map(|units| units.to_string()).unwrap_or_default();
        let total_return = view.total_return.map(|value| value.to_string()).unwrap_or_default();
        let adjusted = view.adjusted_close.map(|value| value.to_string()).unwrap_or_default();
        let (date, close) = (view.date, view.close);
        text.push_str(&format!("{date},{open},{high},{low},{close},{volume},{adjusted},{total_return}\n"));
    }
    text
}
