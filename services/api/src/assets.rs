//! `/v1/assets`: what can be held. Recording prices is under `prices.rs`, splits and payments under
//! `actions.rs` and `withdrawals.rs`, reading them under `series.rs`.

mod actions;
mod delisting;
mod editing;
mod interest;
mod prices;
mod quality;
mod rating;
mod search;
mod series;
mod withdrawals;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::asset::{Asset, AssetCommand};
use events::values::{AssetClass, AssetId, Currency, Listing as AssetListing, Name, RiskClass, TimeZoneName};
use events::{Calendar, Stream};
use jiff::Timestamp;
use jiff::civil::Date;
use journal::{Expect, Journal};
use projections::Looked;
use projections::assets::AssetRow;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::as_of::{AsOfQuery, Past, then};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, CreatedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotOneOf};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::paging::{Listing, listing_up_to, order_parameter, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::tagged;
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

pub use actions::{__path_pay, __path_split, pay, split};
pub use delisting::{__path_delist, delist};
pub use editing::{__path_edit, edit};
pub use interest::{
    __path_set_interest, __path_show_interest, InterestView, interest_views, set_interest, show_interest,
};
pub use prices::{__path_correct, __path_record, correct, record};
pub use quality::{__path_quality, quality};
pub use rating::{__path_lookup, __path_rate, lookup, rate};
pub use search::{__path_facets, facets};
pub use series::{__path_series, Format, series};
pub use withdrawals::{__path_withdraw, withdraw};

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
    /// What kind of thing it is: `equity`, `etf`, `mutual_fund`, `index`, `currency`, `crypto`, `future`, `bond`, `cash`
    /// or `commodity`. `cash` is worth 1 in its currency and what it earns (`/interest`): it has no prices, and carries the least
    /// risk.
    #[schema(example = "equity")]
    class: Option<String>,
    /// In which part of the economy it works.
    #[schema(min_length = 1, max_length = 120, example = "Technology")]
    sector: Option<String>,
    /// Where it is traded.
    #[schema(min_length = 1, max_length = 120, example = "NMS")]
    exchange: Option<String>,
    /// The exchange's time zone, as the IANA spells it.
    #[schema(min_length = 1, max_length = 40, example = "America/New_York")]
    time_zone: Option<String>,
    /// On which days it is traded: `weekdays`, `new_york`, `sao_paulo` or `every_day`. Where nothing is said, as its exchange is
    /// (`new_york` of NYSE and NASDAQ, `sao_paulo` of B3), and on weekdays where nothing is known of that.
    #[schema(example = "new_york")]
    calendar: Option<String>,
    /// How much risk it carries: `conservative`, `moderately_conservative`, `moderate`, `moderately_aggressive` or `aggressive`.
    /// It is rated again with `POST /v1/assets/{id}/ratings`.
    #[schema(example = "moderate")]
    risk_class: Option<String>,
}

impl ListAsset {
    fn parse(&self) -> Result<(AssetId, AssetListing), Problem> {
        let mut faults = Faults::default();
        let class = |text: &str| NotOneOf::parsed(text, &AssetClass::ALL, AssetClass::word);
        let calendar = |text: &str| NotOneOf::parsed(text, &Calendar::ALL, Calendar::word);
        let risk_class = |text: &str| NotOneOf::parsed(text, &RiskClass::ALL, RiskClass::word);
        let id = faults.value("/id", AssetId::parse(&self.id));
        let name = faults.value("/name", Name::parse(&self.name));
        let currency = faults.value("/currency", Currency::parse(&self.currency));
        let class = faults.optional("/class", self.class.as_deref(), class);
        let sector = faults.optional("/sector", self.sector.as_deref(), Name::parse);
        let exchange = faults.optional("/exchange", self.exchange.as_deref(), Name::parse);
        let time_zone = faults.optional("/time_zone", self.time_zone.as_deref(), TimeZoneName::parse);
        let calendar = faults.optional("/calendar", self.calendar.as_deref(), calendar);
        let risk_class = faults.optional("/risk_class", self.risk_class.as_deref(), risk_class);
        let what = (class, sector, exchange, time_zone, calendar, risk_class);
        let (Some(id), Some(name), Some(currency)) = (id, name, currency) else { return Err(faults.into_problem()) };
        let (Some(class), Some(sector), Some(exchange), Some(time_zone), Some(calendar), Some(risk_class)) = what
        else {
            return Err(faults.into_problem());
        };
        Ok((id, AssetListing { name, currency, class, sector, exchange, time_zone, calendar, risk_class }))
    }
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
    /// What kind of thing it is, where that was said.
    #[schema(required)]
    class: Option<String>,
    /// In which part of the economy it works, where that was said.
    #[schema(required)]
    sector: Option<String>,
    /// Where it is traded, where that was said.
    #[schema(required)]
    exchange: Option<String>,
    /// The exchange's time zone, where that was said.
    #[schema(required)]
    time_zone: Option<String>,
    /// On which days there is a price to expect, as was said or as its exchange trades: `weekdays`, `new_york`, `sao_paulo` or
    /// `every_day`.
    #[schema(example = "new_york")]
    calendar: &'static str,
    /// The first day without trading, where there is one.
    #[schema(required, value_type = Option<String>, format = Date)]
    delisted_on: Option<Date>,
    /// How much risk it carries; `null` where nobody has rated it, which counts as `aggressive`.
    #[schema(required, example = "moderate")]
    risk_class: Option<String>,
    /// Who gave its last prices.
    #[schema(required)]
    source: Option<String>,
    /// What its prices say, once it has any: `raw`, `split_adjusted` or `adjusted`.
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
        let AssetRow { id, name, currency, class, sector, exchange, time_zone, delisted_on, source, .. } = row;
        let calendar = row.calendar.word();
        let AssetRow { risk_class, basis, first_day, last_day, days, listed_at, version, position, .. } = row;
        Self {
            id,
            name,
            currency,
            class,
            sector,
            exchange,
            time_zone,
            calendar,
            delisted_on,
            risk_class,
            source,
            basis,
            first_day,
            last_day,
            days,
            listed_at,
            version,
            position,
        }
    }
}

/// Which assets are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AssetsQuery {
    /// The order: `created`, which is meant where nothing is said, or `-created`, the newest first.
    sort: Option<String>,
    /// As the list was after this event, such as `market-42`, or at this time, such as `2024-01-31T12:00:00Z`; as it is now
    /// where nothing is said. Pages of the past may be short and still have a `next`.
    #[param(example = "market-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
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

problems!(ListAssetProblems: ANY, GUARDED, COMMAND, KEYED; AssetAlreadyListed, CashIsConservative);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; AssetUnknown);

/// Puts an asset on the list.
///
/// The caller chooses the asset's id, so an Idempotency-Key counts for each asset by itself.
#[utoipa::path(post, path = "/v1/assets", tag = "assets", operation_id = "listAsset",
    security(("bearer" = ["admin"])), params(KeyHeader),
    request_body = ListAsset, responses(CreatedAnswer, ListAssetProblems))]
pub async fn create(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<ListAsset>,
) -> Result<Answer, Problem> {
    let (id, listing) = body.parse()?;
    let currency = listing.currency;
    let mut wish = Canonical::of("ListAsset")
        .with("id", id.as_str())
        .with("name", listing.name.as_str())
        .with("currency", currency.as_str());
    let more = [
        ("class", listing.class.map(AssetClass::word)),
        ("sector", listing.sector.as_ref().map(Name::as_str)),
        ("exchange", listing.exchange.as_ref().map(Name::as_str)),
        ("time_zone", listing.time_zone.as_ref().map(TimeZoneName::as_str)),
        ("calendar", listing.calendar.map(Calendar::word)),
        ("risk_class", listing.risk_class.map(RiskClass::word)),
    ];
    for (field, value) in more.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        wish = wish.with(field, value);
    }
    let digest = wish.sha256();
    let command_id = keyed.command(CREATE, &[id.as_str()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Any, digest);
    let done = journal.execute::<Asset>(&id, &AssetCommand::List(listing), &context).await?;
    references.listed_asset(id.clone(), currency);
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// Lists assets, all or those that are searched for, in the order of their listing or the newest first.
#[utoipa::path(get, path = "/v1/assets", tag = "assets", operation_id = "listAssets",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(AssetsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<AssetView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(past): State<Past>,
    OriginalUri(uri): OriginalUri,
    Parameters(query): Parameters<AssetsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let page = page.in_order(order_parameter(query.sort.as_deref())?);
    let AssetsQuery { as_of, q, class, sector, currency, exchange, .. } = query;
    let search = search::search(q, class, sector, currency, exchange)?;
    if let Some(then) = past.then::<AssetRow>(as_of.as_deref()).await? {
        let now = |page| {
            let pool = pool.clone();
            async move { projections::assets::list(&pool, page).await }
        };
        let (rows, next) =
            past.page::<projections::assets::Changed, _, _>(then, page, now, |row| search.fits(row)).await?;
        return Ok(listing_up_to(&uri, rows.into_iter().map(AssetView::from).collect(), next));
    }
    let Looked { rows, next } = projections::assets::search(&pool, &search, page).await?;
    Ok(listing_up_to(&uri, rows.into_iter().map(AssetView::from).collect(), next))
}

/// Shows an asset.
#[utoipa::path(get, path = "/v1/assets/{id}", tag = "assets", operation_id = "getAsset",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, example = "AAPL"), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = AssetView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    Id(id): Id<AssetId>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = match query.until_in(&journal, Stream::Market).await? {
        Some(until) => then::<Asset, projections::assets::Changed>(&journal, &id, until).await?,
        None => projections::assets::get(&pool, &id).await?,
    };
    let row = row.ok_or_else(|| Problem::of(ProblemType::AssetUnknown))?;
    Ok(tagged(row.version, Json(AssetView::from(row)).into_response()))
}
