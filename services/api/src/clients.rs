//! `/v1/clients`: who is advised. Their identity is sealed before it reaches the log, and opened for the reader.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::client::{Client, ClientCommand};
use events::values::{AdvisorId, ClientId, EmailAddress, EventId, Name};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use journal::{Expect, Journal};
use projections::clients::ClientRow;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};
use vault::{Vault, VaultError};

use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, CreatedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::paging::{Listing, invalid_parameters, listing, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const COLLECTION: &str = "/v1/clients";
const CREATE: &str = "POST /v1/clients";
/// Identities of one page that are opened at once.
const OPENED_AT_ONCE: usize = 8;

/// A client to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterClient {
    /// Whose client it is.
    #[schema(format = Uuid)]
    advisor: String,
    /// The client's name.
    #[schema(min_length = 1, max_length = 120, example = "José da Silva")]
    name: String,
    /// The client's e-mail address.
    #[schema(format = "email", max_length = 254, example = "jose@example.com")]
    email: String,
}

/// A client.
#[derive(Serialize, ToSchema)]
pub struct ClientView {
    /// The client's id.
    #[schema(value_type = String, format = Uuid)]
    id: ClientId,
    /// Whose client it is.
    #[schema(value_type = String, format = Uuid)]
    advisor: AdvisorId,
    /// Who it is; `null` where nobody can tell any more.
    #[schema(required)]
    identity: Option<IdentityView>,
    /// Why there is no identity: `erased`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// When they were registered.
    #[schema(value_type = String, format = DateTime)]
    registered_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "advisory-2")]
    position: events::Position,
}

/// Who a client is.
#[derive(Serialize, ToSchema)]
pub struct IdentityView {
    /// The client's name.
    name: String,
    /// The client's e-mail address.
    email: String,
}

/// Which clients are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClientsQuery {
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

problems!(RegisterProblems: ANY, GUARDED, COMMAND, KEYED; ClientAlreadyRegistered, NoSuchAdvisor);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; ClientUnknown);

/// Registers a client.
#[utoipa::path(post, path = "/v1/clients", tag = "clients", operation_id = "registerClient", params(KeyHeader),
    request_body = RegisterClient, responses(CreatedAnswer, RegisterProblems))]
pub async fn register(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<RegisterClient>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let advisor = faults.value("/advisor", AdvisorId::parse(&body.advisor).ok_or(NotAnId));
    let name = faults.value("/name", Name::parse(&body.name));
    let email = faults.value("/email", EmailAddress::parse(&body.email));
    let (Some(advisor), Some(name), Some(email)) = (advisor, name, email) else { return Err(faults.into_problem()) };
    // Before anything is written, the client's data key included.
    references.need_advisor(advisor).await?;
    let command_id = keyed.command(CREATE, &[]);
    let id = ClientId::created_by(command_id);
    let identity = vault.seal_identity(id, EventId::of(command_id), &name, &email).await?;
    let wish = Canonical::of("RegisterClient")
        .with("advisor", &advisor.to_string())
        .with("name", name.as_str())
        .with("email", email.expose());
    // Keyed: a plain hash of a name and an address would let anybody who guesses them know.
    let digest = vault.digest(id, wish.bytes()).await?;
    let context = context(command_id, keyed.actor, clock.now(), Expect::New, digest);
    let done = journal.execute::<Client>(&id, &ClientCommand::Register { advisor, identity }, &context).await?;
    references.registered_client(id, advisor);
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// Lists clients in the order of their registration.
#[utoipa::path(get, path = "/v1/clients", tag = "clients", operation_id = "listClients",
    params(ClientsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<ClientView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(vault): State<Vault>,
    OriginalUri(uri): OriginalUri,
    Parameters(query): Parameters<ClientsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let advisor = query.advisor.as_deref().map(advisor_parameter).transpose()?;
    let rows = projections::clients::list(&pool, advisor, page).await?;
    let places: Vec<u64> = rows.iter().map(|row| row.created_position).collect();
    let opened = futures::stream::iter(rows).map(|row| view(&vault, row)).buffered(OPENED_AT_ONCE);
    let views: Vec<(u64, ClientView)> = places.into_iter().zip(opened.try_collect::<Vec<_>>().await?).collect();
    Ok(listing(&uri, page, views, |(place, _)| *place, |(_, view)| view))
}

/// Shows a client.
#[utoipa::path(get, path = "/v1/clients/{id}", tag = "clients", operation_id = "getClient",
    params(("id" = String, Path, format = Uuid), MinPositionHeader),
    responses((status = 200, body = ClientView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(vault): State<Vault>,
    Id(id): Id<ClientId>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = projections::clients::get(&pool, id).await?;
    let row = row.ok_or_else(|| Problem::of(ProblemType::ClientUnknown))?;
    let version = row.version;
    Ok(tagged(version, Json(view(&vault, row).await?).into_response()))
}

/// The advisor that a query names.
///
/// # Errors
/// `invalid-parameter` where the text is no id.
pub fn advisor_parameter(text: &str) -> Result<AdvisorId, Problem> {
    AdvisorId::parse(text)
        .ok_or_else(|| invalid_parameters(vec![FieldError::in_parameter("advisor", "not-an-id", NotAnId.to_string())]))
}

async fn view(vault: &Vault, row: ClientRow) -> Result<ClientView, Problem> {
    let (identity, reason) = match vault.open_identity(row.id, &row.identity).await {
        Ok(identity) => {
            let (name, email) = (identity.name.as_str().to_owned(), identity.email.expose().to_owned());
            (Some(IdentityView { name, email }), None)
        }
        Err(VaultError::KeyDestroyed { .. }) => (None, Some("erased")),
        Err(error) => return Err(error.into()),
    };
    let ClientRow { id, advisor, registered_at, version, position, .. } = row;
    Ok(ClientView { id, advisor, identity, reason, registered_at, version, position })
}
