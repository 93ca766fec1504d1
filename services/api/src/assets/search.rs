//! Searching assets: which, and how many of each class, sector, currency and exchange.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::values::Sought;
use projections::assets::{Facet, Search};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::described::problems;
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::paging::invalid_parameters;
use crate::parameters::Parameters;
use crate::problem::{FieldError, Problem};

/// Characters that a search term may have.
const TERM_CHARS_MAX: usize = 120;

/// Which assets are searched for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FacetsQuery {
    /// What stands in the symbol or the name, whatever the case and the accents.
    q: Option<String>,
    /// The class.
    #[param(example = "equity")]
    class: Option<String>,
    /// The sector.
    sector: Option<String>,
    /// The currency's code.
    #[param(example = "USD")]
    currency: Option<String>,
    /// The exchange.
    exchange: Option<String>,
}

/// The search that these terms make.
///
/// # Errors
/// `invalid-parameter` for a term that is too long.
pub fn search(
    text: Option<String>,
    class: Option<String>,
    sector: Option<String>,
    currency: Option<String>,
    exchange: Option<String>,
) -> Result<Search, Problem> {
    let terms =
        [("q", &text), ("class", &class), ("sector", &sector), ("currency", &currency), ("exchange", &exchange)];
    let too_long = terms.into_iter().filter(|(_, term)| {
        term.as_ref().is_some_and(|term| term.chars().count() > TERM_CHARS_MAX || term.contains('\0'))
    });
    let errors: Vec<FieldError> = too_long
        .map(|(name, _)| {
            let detail = format!("a term has {TERM_CHARS_MAX} characters at the most");
            FieldError::in_parameter(name, "text-too-long", detail)
        })
        .collect();
    if errors.is_empty() {
        // What nothing is left of, be it empty or accents alone, narrows nothing.
        let text = text.map(|text| Sought::of(&text)).filter(|text| !text.is_empty());
        Ok(Search { text, class, sector, currency, exchange })
    } else {
        Err(invalid_parameters(errors))
    }
}

/// How many of the assets that are searched for have which value of a field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetView {
    /// The field: `class`, `sector`, `currency` or `exchange`.
    field: String,
    /// Its value; `null` where the assets do not say.
    #[schema(required)]
    value: Option<String>,
    /// How many assets have it.
    assets: i64,
}

impl From<Facet> for FacetView {
    fn from(facet: Facet) -> Self {
        Self { field: facet.field, value: facet.value, assets: facet.assets }
    }
}

problems!(FacetsProblems: ANY, GUARDED, READ;);

/// Counts assets by class, sector, currency and exchange: the 50 most frequent values of each.
#[utoipa::path(get, path = "/v1/assets/facets", tag = "assets", operation_id = "countAssets",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(FacetsQuery, MinPositionHeader), responses((status = 200, body = Vec<FacetView>), FacetsProblems))]
pub async fn facets(
    State(pool): State<PgPool>,
    Parameters(query): Parameters<FacetsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let FacetsQuery { q, class, sector, currency, exchange } = query;
    let facets = projections::assets::facets(&pool, &search(q, class, sector, currency, exchange)?).await?;
    Ok(Json(facets.into_iter().map(FacetView::from).collect::<Vec<_>>()).into_response())
}
