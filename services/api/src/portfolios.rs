//! `/v1/portfolios`: what advisors compose. What else is done with one is under `portfolios/`, one file for each.

pub(crate) mod allocation;
mod events;
mod figures;
mod kept_figures;
mod recommend;
mod rolling;

use ::events::portfolio::{Portfolio, PortfolioCommand};
use ::events::values::{AdvisorId, Currency, Name, PortfolioId};
use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use journal::{Expect, Journal};
use projections::portfolios::PortfolioRow;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::clients::advisor_parameter;
use crate::commands::{Answer, ChangedAnswer, CreatedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed, MaybeKeyed, OptionalKeyHeader};
use crate::objects;
use crate::paging::{Listing, listing, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader, tagged};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

use self::allocation::TargetBody;
pub use self::allocation::{__path_reallocate, TargetView, reallocate, target_views};
pub use self::events::{__path_history, history};
pub use self::figures::{__path_show as __path_show_figures, show as show_figures};
pub use self::kept_figures::{__path_list as __path_list_figures, list as list_figures};
pub use self::recommend::{__path_recommend, recommend};
pub use self::rolling::{__path_show as __path_show_rolling, show as show_rolling};

const COLLECTION: &str = "/v1/portfolios";
const CREATE: &str = "POST /v1/portfolios";
const RENAME: &str = "PATCH /v1/portfolios/{id}";

/// A portfolio to be composed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePortfolio {
    /// Who composes it.
    #[schema(format = Uuid)]
    advisor: String,
    /// How the advisor calls it.
    #[schema(min_length = 1, max_length = 120, example = "Growth")]
    name: String,
    /// In which currency it is kept: an ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    currency: String,
    /// The target weights, which add up to exactly 1.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 200)]
    allocation: Vec<TargetBody>,
}

/// A portfolio's new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePortfolio {
    /// The new name.
    #[schema(min_length = 1, max_length = 120, example = "Steady growth")]
    name: String,
}

/// A portfolio.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortfolioView {
    /// The portfolio's id.
    #[schema(value_type = String, format = Uuid)]
    id: PortfolioId,
    /// Whose it is.
    #[schema(value_type = String, format = Uuid)]
    advisor: AdvisorId,
    /// Its name.
    name: String,
    /// Its currency.
    #[schema(example = "USD")]
    currency: String,
    /// Its target weights, in the order of the assets' ids.
    allocation: Vec<TargetView>,
    /// When it was composed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When anything last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "advisory-3")]
    position: ::events::Position,
}

impl From<PortfolioRow> for PortfolioView {
    fn from(row: PortfolioRow) -> Self {
        let PortfolioRow { id, advisor, name, currency, allocation, created_at, updated_at, version, position, .. } =
            row;
        let allocation = target_views(allocation);
        Self { id, advisor, name, currency, allocation, created_at, updated_at, version, position }
    }
}

/// Which portfolios are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PortfoliosQuery {
    /// Only those of this advisor.
    #[param(format = Uuid)]
    advisor: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[Q-Za-f][A-Za-z0-9_-]{10}$")]
    cursor: Option<String>,
}

problems!(CreateProblems: ANY, GUARDED, COMMAND, KEYED;
    NoSuchAdvisor, AdvisorNotActive, NoSuchAssets, AssetNamedTwice, WeightsDoNotAddUp, PortfolioAlreadyCreated);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; PortfolioUnknown);
problems!(RenameProblems: ANY, GUARDED, COMMAND, CONDITIONAL; PortfolioUnknown);

/// Composes a portfolio.
#[utoipa::path(post, path = "/v1/portfolios", tag = "portfolios", operation_id = "createPortfolio",
    security(("bearer" = ["admin", "advisor"])), params(KeyHeader),
    request_body = CreatePortfolio, responses(CreatedAnswer, CreateProblems))]
pub async fn create(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<CreatePortfolio>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let advisor = faults.value("/advisor", AdvisorId::parse(&body.advisor).ok_or(NotAnId));
    let name = faults.value("/name", Name::parse(&body.name));
    let currency = faults.value("/currency", Currency::parse(&body.currency));
    let targets = allocation::targets(&mut faults, &body.allocation);
    let (Some(advisor), Some(name), Some(currency), Some(targets)) = (advisor, name, currency, targets) else {
        return Err(faults.into_problem());
    };
    let allocation = allocation::whole(&targets)?;
    let command_id = keyed.command(CREATE, &[]);
    let id = PortfolioId::created_by(command_id);
    let needed = references.need_advisor(keyed.reach, advisor).await;
    unless_given::<Portfolio>(&journal, &id, command_id, needed).await?;
    references.need_assets(&allocation, |asset| allocation::place_of(&targets, asset)).await?;
    let wish = Canonical::of("CreatePortfolio")
        .with("advisor", &body.advisor)
        .with("name", name.as_str())
        .with("currency", currency.as_str());
    let digest = allocation::written_into(wish, &allocation).sha256();
    let context = context(command_id, keyed.actor, clock.now(), Expect::New, digest);
    let command = PortfolioCommand::Create { advisor, name, currency, allocation };
    let done = journal.execute::<Portfolio>(&id, &command, &context).await?;
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// Lists portfolios in the order of their composition.
#[utoipa::path(get, path = "/v1/portfolios", tag = "portfolios", operation_id = "listPortfolios",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(PortfoliosQuery, MinPositionHeader),
    responses((status = 200, body = Listing<PortfolioView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<PortfoliosQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let advisor = query.advisor.as_deref().map(advisor_parameter).transpose()?;
    let rows = match reach.narrowed(advisor) {
        Some(advisor) => projections::portfolios::list(&pool, advisor, page).await?,
        None => Vec::new(),
    };
    Ok(listing(&uri, page, rows, |row| row.created_position, PortfolioView::from))
}

/// Shows a portfolio.
#[utoipa::path(get, path = "/v1/portfolios/{id}", tag = "portfolios", operation_id = "getPortfolio",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), MinPositionHeader),
    responses((status = 200, body = PortfolioView, headers(("ETag" = String))), GetProblems))]
pub async fn get(State(pool): State<PgPool>, Id(id): Id<PortfolioId>, _: CaughtUp) -> Result<Response, Problem> {
    let row = projections::portfolios::get(&pool, id).await?;
    let row = row.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    Ok(tagged(row.version, Json(PortfolioView::from(row)).into_response()))
}

/// Renames a portfolio.
#[utoipa::path(patch, path = "/v1/portfolios/{id}", tag = "portfolios", operation_id = "renamePortfolio",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = RenamePortfolio, responses(ChangedAnswer, RenameProblems))]
pub async fn rename(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<RenamePortfolio>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let Some(name) = faults.value("/name", Name::parse(&body.name)) else { return Err(faults.into_problem()) };
    let digest = Canonical::of("RenamePortfolio").with("name", name.as_str()).sha256();
    let command_id = keyed.command(RENAME, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Portfolio>(&id, &PortfolioCommand::Rename { name }, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Of a portfolio to which nothing ever happened, that there is none.
fn absent_rather_than_stale(problem: Problem) -> Problem {
    problem.or_absent(ProblemType::PortfolioUnknown)
}
