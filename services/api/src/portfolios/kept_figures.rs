//! `GET /v1/figures`: the figures of many portfolios at once, as they are kept current.

mod then;

use analytics::Figure;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use events::Position;
use events::values::{AdvisorId, PortfolioId};
use projections::figures::DEFINITIONS;
use projections::portfolio_figures::{FiguresRow, KeptFigures};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::as_of::Past;
use crate::clients::advisor_parameter;
use crate::described::problems;
use crate::figures::Rebalancing;
use crate::figures::views::{ReasonView, WindowView};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::paging::{Listing, listing, listing_up_to, order_parameter, page};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::state::Office;

/// Whose figures are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KeptFiguresQuery {
    /// Only those of this advisor's portfolios.
    #[param(format = Uuid)]
    advisor: Option<String>,
    /// The order: `created`, which is meant where nothing is said, or `-created`, the newest first.
    sort: Option<String>,
    /// The portfolios as they were and what was known of prices then: an advisory position, such as a recommendation's, or
    /// a time. A market position means the prices alone. Now where nothing is said. Pages of the past may be short and
    /// still have a `next`.
    #[param(example = "2024-01-31T12:00:00Z", max_length = 64)]
    as_of: Option<String>,
    /// How many portfolios at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

/// A portfolio's figures as they are kept current: over all its prices, rebalanced monthly, without a risk-free rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptFiguresView {
    /// The portfolio's id.
    #[schema(value_type = String, format = Uuid)]
    portfolio: PortfolioId,
    /// Whose it is.
    #[schema(value_type = String, format = Uuid)]
    advisor: AdvisorId,
    /// The version whose target weights were taken.
    portfolio_version: u64,
    /// The portfolio's currency.
    #[schema(example = "USD")]
    currency: String,
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    definitions: String,
    /// The days that the figures rest on.
    window: WindowView,
    /// The annual risk-free rate as a fraction.
    #[schema(value_type = String, example = "0")]
    risk_free_rate: Decimal,
    /// How the portfolio is brought back to its target weights.
    rebalancing: Rebalancing,
    /// The last event whose prices are in the figures; `null` where they have yet to be computed.
    #[schema(required, value_type = Option<String>, example = "market-40")]
    prices_position: Option<Position>,
    /// Why there are no figures at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView>,
    /// The figures, in the order in which they are shown; none where `reason` says why.
    figures: Vec<FigureValueView>,
}

/// One figure; its name and definition stand in the portfolio's own figures.
#[derive(Debug, Serialize, ToSchema)]
pub struct FigureValueView {
    /// Its stable name.
    #[schema(example = "sharpe")]
    id: &'static str,
    /// The number; `null` where there is none.
    #[schema(required)]
    value: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView>,
}

problems!(ListProblems: ANY, GUARDED, READ;);

/// Lists the figures of portfolios, in the order of their composition or the newest first.
///
/// They are computed when weights or prices change, not when they are asked for: each says of which version and of which
/// prices it is, and may be a moment behind them. With `as_of` they are computed anew from the weights and the prices of
/// then, for as many portfolios as have 1,000 weights together.
#[utoipa::path(get, path = "/v1/figures", tag = "portfolios", operation_id = "listFigures",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(KeptFiguresQuery, MinPositionHeader),
    responses((status = 200, body = Listing<KeptFiguresView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(past): State<Past>,
    State(office): State<Office>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<KeptFiguresQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let page = page.in_order(order_parameter(query.sort.as_deref())?);
    let advisor = query.advisor.as_deref().map(advisor_parameter).transpose()?;
    let Some(advisor) = reach.narrowed(advisor) else {
        return Ok(listing_up_to(&uri, Vec::<KeptFiguresView>::new(), None));
    };
    if let Some(text) = query.as_of.as_deref() {
        let (rows, next) = then::list(&pool, &past, &office, text, (advisor, reach), page).await?;
        return Ok(listing_up_to(&uri, rows.into_iter().map(KeptFiguresView::from).collect(), next));
    }
    let rows = projections::portfolio_figures::list(&pool, advisor, page).await?;
    Ok(listing(&uri, page, rows, |row| row.created_position, KeptFiguresView::from))
}

impl From<FiguresRow> for KeptFiguresView {
    fn from(row: FiguresRow) -> Self {
        let FiguresRow { portfolio, advisor, currency, version, kept, .. } = row;
        let yet_to_come = || ReasonView { code: "not-yet-computed".into(), detail: "they are being computed".into() };
        let (definitions, prices_position, window, reason, figures) = match kept {
            None => (DEFINITIONS.to_owned(), None, (None, 0), Some(yet_to_come()), Vec::new()),
            Some(kept) => {
                let figures = values(&kept);
                let KeptFigures { definitions, prices_position, window, returns, no_figures, .. } = kept;
                let reason = no_figures.map(|(code, detail)| ReasonView { code: code.into(), detail });
                (definitions, Some(prices_position), (window, returns), reason, figures)
            }
        };
        let (days, returns) = window;
        Self {
            portfolio,
            advisor,
            portfolio_version: version,
            currency,
            definitions,
            window: WindowView {
                start: days.map(|(start, _)| start),
                end: days.map(|(_, end)| end),
                returns: usize::try_from(returns).unwrap_or(usize::MAX),
            },
            risk_free_rate: Decimal::ZERO,
            rebalancing: Rebalancing::default(),
            prices_position,
            reason,
            figures,
        }
    }
}

/// The figures that were kept, in the order in which they are shown.
fn values(kept: &KeptFigures) -> Vec<FigureValueView> {
    let known = Figure::ALL.iter().map(|figure| figure.definition().id);
    let one = |id: &'static str| {
        let value = kept.figures.get(id)?;
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let reason = value.is_object().then(|| ReasonView { code: word("code").into(), detail: word("detail") });
        Some(FigureValueView { id, value: value.as_f64(), reason })
    };
    known.filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use events::{Position, Stream};
    use projections::portfolio_figures::KeptFigures;
    use serde_json::json;

    use super::values;

    #[test]
    fn kept_figures_come_in_their_order_with_their_reasons() {
        let figures =
            json!({"sharpe": 0.5, "cagr": {"code": "shorter-than-one-year", "detail": "the window is"}, "x": 1});
        let kept = KeptFigures {
            definitions: "figures-1".to_owned(),
            prices_position: Position { stream: Stream::Market, sequence: 1 },
            window: None,
            returns: 2,
            figures: figures.as_object().unwrap().clone(),
            no_figures: None,
        };
        let told = serde_json::to_value(values(&kept)).unwrap();
        let cagr = json!({"id": "cagr", "value": null, "reason": {"code": "shorter-than-one-year", "detail": "the window is"}});
        assert_eq!(told, json!([cagr, {"id": "sharpe", "value": 0.5}]));
    }
}
