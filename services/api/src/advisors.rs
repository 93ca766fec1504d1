//! `/v1/advisors`: who gives advice.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::advisor::{Advisor, AdvisorCommand};
use events::values::{AdvisorId, Name};
use jiff::Timestamp;
use journal::{Expect, Journal};
use projections::advisors::AdvisorRow;
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

const COLLECTION: &str = "/v1/advisors";
const CREATE: &str = "POST /v1/advisors";

/// An advisor to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterAdvisor {
    /// The advisor's name, as clients read it in letters.
    #[schema(min_length = 1, max_length = 120, example = "Ana Souza")]
    name: String,
    /// The firm that the advisor works for.
    #[schema(min_length = 1, max_length = 120, example = "Souza Investimentos")]
    firm: String,
}

/// An advisor.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdvisorView {
    /// The advisor's id.
    #[schema(value_type = String, format = Uuid)]
    id: AdvisorId,
    /// The advisor's name.
    name: String,
    /// The advisor's firm.
    firm: String,
    /// When they were registered.
    #[schema(value_type = String, format = DateTime)]
    registered_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "advisory-1")]
    position: events::Position,
}

impl From<AdvisorRow> for AdvisorView {
    fn from(row: AdvisorRow) -> Self {
        let AdvisorRow { id, name, firm, registered_at, version, position, .. } = row;
        Self { id, name, firm, registered_at, version, position }
    }
}

/// Which advisors are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AdvisorsQuery {
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[Q-Za-f][A-Za-z0-9_-]{10}$")]
    cursor: Option<String>,
}

problems!(RegisterProblems: ANY, GUARDED, COMMAND, KEYED; AdvisorAlreadyRegistered);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; AdvisorUnknown);

/// Registers an advisor.
#[utoipa::path(post, path = "/v1/advisors", tag = "advisors", operation_id = "registerAdvisor", params(KeyHeader),
    request_body = RegisterAdvisor, responses(CreatedAnswer, RegisterProblems))]
pub async fn register(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<RegisterAdvisor>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let name = faults.value("/name", Name::parse(&body.name));
    let firm = faults.value("/firm", Name::parse(&body.firm));
    let (Some(name), Some(firm)) = (name, firm) else { return Err(faults.into_problem()) };
    let digest = Canonical::of("RegisterAdvisor").with("name", name.as_str()).with("firm", firm.as_str()).sha256();
    let command_id = keyed.command(CREATE, &[]);
    let id = AdvisorId::created_by(command_id);
    let context = context(command_id, keyed.actor, clock.now(), Expect::New, digest);
    let done = journal.execute::<Advisor>(&id, &AdvisorCommand::Register { name, firm }, &context).await?;
    references.registered_advisor(id);
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// Lists advisors in the order of their registration.
#[utoipa::path(get, path = "/v1/advisors", tag = "advisors", operation_id = "listAdvisors",
    params(AdvisorsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<AdvisorView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    OriginalUri(uri): OriginalUri,
    Parameters(query): Parameters<AdvisorsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let rows = projections::advisors::list(&pool, page).await?;
    Ok(listing(&uri, page, rows, |row| row.created_position, AdvisorView::from))
}

/// Shows an advisor.
#[utoipa::path(get, path = "/v1/advisors/{id}", tag = "advisors", operation_id = "getAdvisor",
    params(("id" = String, Path, format = Uuid), MinPositionHeader),
    responses((status = 200, body = AdvisorView, headers(("ETag" = String))), GetProblems))]
pub async fn get(State(pool): State<PgPool>, Id(id): Id<AdvisorId>, _: CaughtUp) -> Result<Response, Problem> {
    let row = projections::advisors::get(&pool, id).await?;
    let row = row.ok_or_else(|| Problem::of(ProblemType::AdvisorUnknown))?;
    Ok(tagged(row.version, Json(AdvisorView::from(row)).into_response()))
}
