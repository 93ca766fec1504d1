//! `/v1/assets`: what can be held. Their prices are under `prices.rs`.

mod prices;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::asset::{Asset, AssetCommand};
use events::values::{AssetId, Currency, Name};
use jiff::Timestamp;
use jiff::civil::Date;
use journal::{Expect, Journal};
use projections::assets::AssetRow;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, CreatedAnswer, context};
use crate::described::problems;
use crate::faults::Faults;
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::paging::{Listing, listing, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::tagged;
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

pub use prices::{__path_record, record};

const COLLECTION: &str = "/v1/assets";
const CREATE: &str = "POST /v1/assets";

/// An asset to be put on the list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAsset {
    /// The symbol by which the market names it.
    #[schema(min_length = 1, max_length = 24, pattern = "^[A-Z0-9^][A-Z0-9.^=&_-]*$", example = "AAPL")]
    id: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 120, example = "Apple Inc.")]
    name: String,
    /// In which currency it is priced: an ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    currency: String,
}

/// An asset.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetView {
    /// Its symbol.
    #[schema(value_type = String, example = "AAPL")]
    id: AssetId,
    /// What people call it.
    name: String,
    /// In which currency it is priced.
    #[schema(example = "USD")]
    currency: String,
    /// What its prices say, once it has any: `raw` or `adjusted`.
    #[schema(required)]
    basis: Option<String>,
    /// The first day with a price.
    #[schema(required, value_type = Option<String>, format = Date)]
    first_day: Option<Date>,
    /// The last day with a price.
    #[schema(required, value_type = Option<String>, format = Date)]
    last_day: Option<Date>,
    /// How many days have a price.
    days: i64,
    /// When it was listed.
    #[schema(value_type = String, format = DateTime)]
    listed_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "market-1")]
    position: events::Position,
}

impl From<AssetRow> for AssetView {
    fn from(row: AssetRow) -> Self {
        let AssetRow { id, name, currency, basis, first_day, last_day, days, listed_at, version, position, .. } = row;
        Self { id, name, currency, basis, first_day, last_day, days, listed_at, version, position }
    }
}

/// Which assets are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AssetsQuery {
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    cursor: Option<String>,
}

problems!(ListAssetProblems: ANY, GUARDED, COMMAND, KEYED; AssetAlreadyListed);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; AssetUnknown);

/// Puts an asset on the list.
///
/// The caller chooses the asset's id, so an Idempotency-Key counts for each asset by itself.
#[utoipa::path(post, path = "/v1/assets", tag = "assets", operation_id = "listAsset", params(KeyHeader),
    request_body = ListAsset, responses(CreatedAnswer, ListAssetProblems))]
pub async fn create(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<ListAsset>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let id = faults.value("/id", AssetId::parse(&body.id));
    let name = faults.value("/name", Name::parse(&body.name));
    let currency = faults.value("/currency", Currency::parse(&body.currency));
    let (Some(id), Some(name), Some(currency)) = (id, name, currency) else { return Err(faults.into_problem()) };
    let digest = Canonical::of("ListAsset")
        .with("id", id.as_str())
        .with("name", name.as_str())
        .with("currency", currency.as_str())
        .sha256();
    let command_id = keyed.command(CREATE, &[id.as_str()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Any, digest);
    let done = journal.execute::<Asset>(&id, &AssetCommand::List { name, currency }, &context).await?;
    references.listed_asset(id.clone(), currency);
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// Lists assets in the order of their listing.
#[utoipa::path(get, path = "/v1/assets", tag = "assets", operation_id = "listAssets",
    params(AssetsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<AssetView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    OriginalUri(uri): OriginalUri,
    Parameters(query): Parameters<AssetsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let rows = projections::assets::list(&pool, page).await?;
    Ok(listing(&uri, page, rows, |row| row.created_position, AssetView::from))
}

/// Shows an asset.
#[utoipa::path(get, path = "/v1/assets/{id}", tag = "assets", operation_id = "getAsset",
    params(("id" = String, Path, example = "AAPL"), MinPositionHeader),
    responses((status = 200, body = AssetView, headers(("ETag" = String))), GetProblems))]
pub async fn get(State(pool): State<PgPool>, Id(id): Id<AssetId>, _: CaughtUp) -> Result<Response, Problem> {
    let row = projections::assets::get(&pool, &id).await?;
    let row = row.ok_or_else(|| Problem::of(ProblemType::AssetUnknown))?;
    Ok(tagged(row.version, Json(AssetView::from(row)).into_response()))
}
