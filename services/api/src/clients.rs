//! `/v1/clients`: who is advised. Their identity is sealed before it reaches the log, and opened for the reader. In whose
//! care they are is under `clients/care.rs`, which risk fits them under `clients/suitability.rs`.

mod care;
mod import;
mod reads;
mod search;
mod suitability;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::client::{Client, ClientCommand};
use events::values::{Actor, AdvisorId, ClientId, CommandId, EmailAddress, EventId, Name};
use jiff::Timestamp;
use journal::{Done, Expect, Journal};
use projections::clients::{ClientRow, Filter, Standing};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};
use vault::{Identity, Vault};

use crate::access::Caller;
use crate::as_of::{AsOfQuery, Past, then};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, CreatedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed, MaybeKeyed, OptionalKeyHeader};
use crate::identities::Identities;
use crate::paging::{
    Listing, invalid_parameters, listing_up_to, order_parameter, page, search_parameter, word_parameter,
};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader, tagged};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

pub use self::care::{__path_hand_over, __path_remove, hand_over, remove};
pub use self::import::{__path_import, import};
pub use self::reads::{__path_list as __path_reads, list as reads};
use self::search::List;
pub use self::suitability::{
    __path_assess, __path_show as __path_suitability, AnswersBody, assess, show as suitability,
};

const COLLECTION: &str = "/v1/clients";
const CREATE: &str = "POST /v1/clients";
const EDIT: &str = "PUT /v1/clients/{id}";
// The operations by which clients' identities are read, as the document names them.
const LIST: &str = "listClients";
const GET: &str = "getClient";

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

/// A client to be registered, right in itself.
struct NewClient {
    advisor: AdvisorId,
    name: Name,
    email: EmailAddress,
}

impl RegisterClient {
    fn parse(&self) -> Result<NewClient, Problem> {
        let mut faults = Faults::default();
        let advisor = faults.value("/advisor", AdvisorId::parse(&self.advisor).ok_or(NotAnId));
        let name = faults.value("/name", Name::parse(&self.name));
        let email = faults.value("/email", EmailAddress::parse(&self.email));
        let (Some(advisor), Some(name), Some(email)) = (advisor, name, email) else {
            return Err(faults.into_problem());
        };
        Ok(NewClient { advisor, name, email })
    }
}

impl NewClient {
    fn written_into(&self, wish: Canonical) -> Canonical {
        wish.with("advisor", &self.advisor.to_string())
            .with("name", self.name.as_str())
            .with("email", self.email.expose())
    }
}

/// A client's name and address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditClient {
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
    /// Whether they are advised: `active` or `removed`.
    #[schema(example = "active")]
    standing: &'static str,
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
    /// Only those who stand so: `active` or `removed`.
    standing: Option<String>,
    /// Only those whose name or address contains this, whatever the case and the accents. Both are sealed, so clients are opened
    /// one after the other: a request opens 1,000, or 100 of the past, and a page may be short and still have a `next`.
    #[param(min_length = 1, max_length = 120)]
    search: Option<String>,
    /// The order: `created`, which is meant where nothing is said, or `-created`, the newest first.
    sort: Option<String>,
    /// As the list was after this event, such as `advisory-42`, or at this time, such as `2024-01-31T12:00:00Z`; as it is now
    /// where nothing is said. Pages of the past may be short and still have a `next`.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(RegisterProblems: ANY, GUARDED, COMMAND, KEYED; ClientAlreadyRegistered, NoSuchAdvisor, AdvisorNotActive);
problems!(EditProblems: ANY, GUARDED, COMMAND, CONDITIONAL; ClientUnknown, ClientRemoved);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; ClientUnknown, LogUnavailable);

/// Registers a client.
#[utoipa::path(post, path = "/v1/clients", tag = "clients", operation_id = "registerClient",
    security(("bearer" = ["admin", "advisor"])), params(KeyHeader),
    request_body = RegisterClient, responses(CreatedAnswer, RegisterProblems))]
pub async fn register(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<RegisterClient>,
) -> Result<Answer, Problem> {
    let new = body.parse()?;
    let command_id = keyed.command(CREATE, &[]);
    let id = ClientId::created_by(command_id);
    // Before anything is written, the client's data key included.
    let needed = references.need_advisor(keyed.reach, new.advisor).await;
    unless_given::<Client>(&journal, &id, command_id, needed).await?;
    let done = put_on_list(&journal, &vault, &new, command_id, keyed.actor, clock.now(), None).await?;
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// What came of registering the client, alone or with others of a file.
async fn put_on_list(
    journal: &Journal,
    vault: &Vault,
    new: &NewClient,
    command_id: CommandId,
    actor: Actor,
    now: Timestamp,
    file: Option<&str>,
) -> Result<Done<Client>, Problem> {
    let id = ClientId::created_by(command_id);
    let identity = vault.seal_identity(id, EventId::of(command_id), &new.name, &new.email).await?;
    let wish = new.written_into(Canonical::of("RegisterClient")).with_optional("file", file);
    // Keyed: a plain hash of a name and an address would let anybody who guesses them know.
    let digest = vault.digest(id, wish.bytes()).await?;
    let context = context(command_id, actor, now, Expect::New, digest);
    let command = ClientCommand::Register { advisor: new.advisor, identity };
    Ok(journal.execute::<Client>(&id, &command, &context).await?)
}

/// Takes down a client's other name or address.
#[utoipa::path(put, path = "/v1/clients/{id}", tag = "clients", operation_id = "editClient",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = EditClient, responses(ChangedAnswer, EditProblems))]
pub async fn edit(
    State(journal): State<Journal>,
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    Id(id): Id<ClientId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<EditClient>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let name = faults.value("/name", Name::parse(&body.name));
    let email = faults.value("/email", EmailAddress::parse(&body.email));
    let (Some(name), Some(email)) = (name, email) else { return Err(faults.into_problem()) };
    // Before a data key is made for nobody.
    if journal.state::<Client>(&id).await?.version == 0 {
        return Err(Problem::of(ProblemType::ClientUnknown));
    }
    let command_id = keyed.command(EDIT, &[&id.to_string()]);
    let identity = vault.seal_identity(id, EventId::of(command_id), &name, &email).await?;
    let wish = Canonical::of("EditClient").with("name", name.as_str()).with("email", email.expose());
    let digest = vault.digest(id, wish.bytes()).await?;
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Client>(&id, &ClientCommand::ChangeIdentity { identity }, &context).await?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Lists clients in the order of their registration, or the newest first.
#[utoipa::path(get, path = "/v1/clients", tag = "clients", operation_id = "listClients",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(ClientsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<ClientView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(identities): State<Identities>,
    State(past): State<Past>,
    OriginalUri(uri): OriginalUri,
    caller: Caller,
    Parameters(query): Parameters<ClientsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let page = page.in_order(order_parameter(query.sort.as_deref())?);
    let advisor = query.advisor.as_deref().map(advisor_parameter).transpose()?;
    let all = [Standing::Active, Standing::Removed];
    let standing = word_parameter("standing", query.standing.as_deref(), &all, Standing::word)?;
    let Some(advisor) = caller.reach.narrowed(advisor) else {
        return Ok(listing_up_to(&uri, Vec::<ClientView>::new(), None));
    };
    let search = search_parameter("search", query.search)?;
    let list = List {
        pool: &pool,
        past: &past,
        then: past.then::<ClientRow>(query.as_of.as_deref()).await?,
        filter: Filter { advisor, standing },
        within: Filter { advisor: caller.reach.narrowed(None).flatten(), standing: None },
    };
    let (rows, next) = match search {
        Some(sought) => list.page_containing(&sought, &identities, page).await?,
        None => list.page(page).await?,
    };
    let opened = identities.opened(&caller, LIST, search::sealed(&rows)).await?;
    let views = rows.into_iter().zip(opened).map(|(row, identity)| view(&row, identity)).collect::<Vec<_>>();
    Ok(listing_up_to(&uri, views, next))
}

/// Shows a client.
#[utoipa::path(get, path = "/v1/clients/{id}", tag = "clients", operation_id = "getClient",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = ClientView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(identities): State<Identities>,
    caller: Caller,
    Id(id): Id<ClientId>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = row(&pool, &journal, id, &query).await?;
    let opened = identities.opened(&caller, GET, vec![(row.id, row.identity.clone())]).await?;
    let version = row.version;
    Ok(tagged(version, Json(view(&row, opened.into_iter().next().flatten())).into_response()))
}

/// The client as they are, or as they were.
async fn row(pool: &PgPool, journal: &Journal, id: ClientId, query: &AsOfQuery) -> Result<ClientRow, Problem> {
    let row = match query.until(journal).await? {
        Some(until) => then::<Client, projections::clients::Changed>(journal, &id, until).await?,
        None => projections::clients::get(pool, id).await?,
    };
    row.ok_or_else(|| Problem::of(ProblemType::ClientUnknown))
}

/// The advisor that a query names.
///
/// # Errors
/// `invalid-parameter` where the text is no id.
pub fn advisor_parameter(text: &str) -> Result<AdvisorId, Problem> {
    AdvisorId::parse(text)
        .ok_or_else(|| invalid_parameters(vec![FieldError::in_parameter("advisor", "not-an-id", NotAnId.to_string())]))
}

fn view(row: &ClientRow, identity: Option<Identity>) -> ClientView {
    let reason = identity.is_none().then_some("erased");
    let identity = identity.map(|identity| IdentityView {
        name: identity.name.as_str().to_owned(),
        email: identity.email.expose().to_owned(),
    });
    let ClientRow { id, advisor, standing, registered_at, version, position, .. } = *row;
    ClientView { id, advisor, identity, reason, standing: standing.word(), registered_at, version, position }
}
