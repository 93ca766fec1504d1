//! `/v1/accounts`: who may log in. Passwords are chosen by whom they belong to, with an invitation.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::values::{AdvisorId, EmailAddress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vault::{Account, AccountChange, AccountChanged, AccountMade, AccountsFilter, NewAccount, Role, Vault};

use crate::access::{Caller, settled};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::clients::advisor_parameter;
use crate::commands::{IDEMPOTENT_REPLAYED, unless_made};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::idempotency::{KeyHeader, Keyed, MaybeKeyed, OptionalKeyHeader};
use crate::paging::{Listing, listing, page, word_parameter};
use crate::parameters::Parameters;
use crate::preconditions::{IfMatch, IfMatchHeader, tagged};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;
use crate::tokens::{ADVISOR_FITS, ROLES, RoleWord};

const CREATE: &str = "POST /v1/accounts";
const CORRECT: &str = "PUT /v1/accounts/{id}";
const INVITE: &str = "PUT /v1/accounts/{id}/invitation";

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// Under which address its owner logs in.
    #[schema(format = "email", max_length = 254, example = "ana@firm.example")]
    email: String,
    /// What its owner may do.
    role: RoleWord,
    /// Whose clients and portfolios it is about: for the role `advisor`, and for it alone.
    #[schema(format = Uuid)]
    advisor: Option<String>,
}

/// What an account is to be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectAccount {
    /// What its owner may do.
    role: RoleWord,
    /// Whose clients and portfolios it is about: for the role `advisor`, and for it alone.
    #[schema(format = Uuid)]
    advisor: Option<String>,
}

/// An account with its invitation.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    /// The account.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// What its owner presents to `POST /v1/passwords`, once and within 72 hours. Shown in the first answer alone: `null`
    /// where the same request is sent again.
    #[schema(required)]
    invitation: Option<String>,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    /// The account's id.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// Under which address its owner logs in.
    email: String,
    /// What its owner may do.
    #[schema(example = "advisor")]
    role: &'static str,
    /// Whose clients and portfolios it is about; `null` for other roles than `advisor`.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    advisor: Option<AdvisorId>,
    /// Whether a password was chosen.
    has_password: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was closed; `null` where it is open.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    /// The version, as in `ETag`.
    version: u64,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let Account { id, email, role, has_password, created_at, closed_at, version, .. } = account;
        Self { id, email, role: role.word(), advisor: role.advisor(), has_password, created_at, closed_at, version }
    }
}

/// Which accounts are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountsQuery {
    /// Only those of this role: `admin`, `advisor` or `compliance`.
    role: Option<String>,
    /// Only those that are about this advisor's clients and portfolios.
    #[param(format = Uuid)]
    advisor: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(CreateProblems: ANY, GUARDED, BODY, KEYED;
    IdempotencyKeyInvalid, IdempotencyKeyReused, EmailTaken, NoSuchAdvisor, AdvisorNotActive, LogUnavailable);
problems!(ListProblems: ANY, GUARDED; InvalidParameter);
problems!(OneProblems: ANY, GUARDED; AccountUnknown);
problems!(CorrectProblems: ANY, GUARDED, BODY, CONDITIONAL;
    IdempotencyKeyInvalid, IdempotencyKeyReused, AccountUnknown, NoSuchAdvisor, AdvisorNotActive);
problems!(InviteProblems: ANY, GUARDED, CONDITIONAL; IdempotencyKeyInvalid, IdempotencyKeyReused, AccountUnknown);

/// Makes an account and invites its owner to choose a password.
#[utoipa::path(post, path = "/v1/accounts", tag = "access", operation_id = "createAccount",
    security(("bearer" = ["admin"])), params(KeyHeader), request_body = CreateAccount, responses(
        (status = 201, body = InvitationView, headers(("Location" = String), ("Idempotent-Replayed" = Option<String>))),
        CreateProblems))]
pub async fn create(
    State(vault): State<Vault>,
    State(references): State<References>,
    State(clock): State<Clock>,
    caller: Caller,
    keyed: Keyed,
    JsonBody(body): JsonBody<CreateAccount>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let email = faults.value("/email", EmailAddress::parse(&body.email));
    let role = role_of(body.role, body.advisor.as_deref(), &mut faults);
    let (Some(email), Some(role), true) = (email, role, faults.is_empty()) else { return Err(faults.into_problem()) };
    let id = keyed.command(CREATE, &[]).uuid();
    if let Some(advisor) = role.advisor() {
        let needed = references.need_advisor(caller.reach, advisor).await;
        unless_made(needed, vault.account_was_made(id)).await?;
    }
    let (invitation, replayed) = match vault.create_account(id, &email, role, clock.now()).await? {
        AccountMade::New(account) => (Some(account.invitation), false),
        AccountMade::Before => (None, true),
        AccountMade::Differs => return Err(Problem::of(ProblemType::IdempotencyKeyReused)),
        AccountMade::EmailTaken => return Err(Problem::of(ProblemType::EmailTaken)),
    };
    let mut response = (StatusCode::CREATED, Json(InvitationView { id, invitation })).into_response();
    let location = HeaderValue::try_from(format!("/v1/accounts/{id}")).expect("an id is visible ASCII");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(marked(replayed, response))
}

/// Lists accounts in the order in which they were made.
#[utoipa::path(get, path = "/v1/accounts", tag = "access", operation_id = "listAccounts",
    security(("bearer" = ["admin", "compliance"])), params(AccountsQuery),
    responses((status = 200, body = Listing<AccountView>), ListProblems))]
pub async fn list(
    State(vault): State<Vault>,
    OriginalUri(uri): OriginalUri,
    Parameters(query): Parameters<AccountsQuery>,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let filter = AccountsFilter {
        role: word_parameter("role", query.role.as_deref(), &ROLES, |role| role)?,
        advisor: query.advisor.as_deref().map(advisor_parameter).transpose()?,
    };
    let rows = vault.accounts(filter, page.after, page.limit).await?;
    Ok(listing(&uri, page, rows, |row| row.place, AccountView::from))
}

/// Shows an account.
#[utoipa::path(get, path = "/v1/accounts/{id}", tag = "access", operation_id = "getAccount",
    security(("bearer" = ["admin", "compliance"])), params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = AccountView, headers(("ETag" = String))), OneProblems))]
pub async fn get(State(vault): State<Vault>, id: Result<Path<Uuid>, PathRejection>) -> Result<Response, Problem> {
    let account = vault.account(known(id)?).await?;
    Ok(shown(account.ok_or_else(absent)?))
}

/// Corrects what an open account's owner may do, or for which advisor.
///
/// Where it was something else, whatever was given under that is dead in every process when the answer is there: its sessions
/// and its tokens, with all that was made with them. Its owner logs in again with the same password.
#[utoipa::path(put, path = "/v1/accounts/{id}", tag = "access", operation_id = "correctAccount",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader), request_body = CorrectAccount,
    responses((status = 200, body = AccountView,
        headers(("ETag" = String), ("Idempotent-Replayed" = Option<String>))), CorrectProblems))]
pub async fn correct(
    State(vault): State<Vault>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: MaybeKeyed,
    id: Result<Path<Uuid>, PathRejection>,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<CorrectAccount>,
) -> Result<Response, Problem> {
    let id = known(id)?;
    let mut faults = Faults::default();
    let role = role_of(body.role, body.advisor.as_deref(), &mut faults);
    let Some(role) = role.filter(|_| faults.is_empty()) else { return Err(faults.into_problem()) };
    let command = keyed.command(CORRECT, &[&id.to_string()]).uuid();
    if let Some(advisor) = role.advisor() {
        let needed = references.need_advisor(keyed.reach, advisor).await;
        unless_made(needed, vault.account_was_changed(command)).await?;
    }
    let wish = Canonical::of("CorrectAccount").with("role", role.word());
    let digest = wish.with_optional("advisor", role.advisor().map(|advisor| advisor.to_string()).as_deref()).sha256();
    let change = AccountChange { command, digest, version: Some(version), now: clock.now() };
    let (account, corrected) = changed(vault.correct_account(id, role, &change).await?)?;
    // Also where nothing was to be corrected: the same wish may have been carried out a moment ago, and not been answered.
    settled().await;
    Ok(marked(corrected.is_none(), shown(account)))
}

/// Closes an account: when the answer is there, its sessions and tokens are dead in every process.
#[utoipa::path(delete, path = "/v1/accounts/{id}", tag = "access", operation_id = "closeAccount",
    security(("bearer" = ["admin"])), params(("id" = String, Path, format = Uuid)),
    responses((status = 204), OneProblems))]
pub async fn close(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Problem> {
    if !vault.close_account(known(id)?, clock.now()).await? {
        return Err(absent());
    }
    settled().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Invites the owner of an open account to choose a password, again or instead of a forgotten one.
///
/// An invitation from before is good no more; the password is, until the new one is chosen.
#[utoipa::path(put, path = "/v1/accounts/{id}/invitation", tag = "access", operation_id = "inviteAgain",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    responses((status = 200, body = InvitationView,
        headers(("ETag" = String), ("Idempotent-Replayed" = Option<String>))), InviteProblems))]
pub async fn invite(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    keyed: MaybeKeyed,
    id: Result<Path<Uuid>, PathRejection>,
    IfMatch(version): IfMatch,
) -> Result<Response, Problem> {
    let id = known(id)?;
    let command = keyed.command(INVITE, &[&id.to_string()]).uuid();
    let digest = Canonical::of("InviteAgain").sha256();
    let change = AccountChange { command, digest, version: Some(version), now: clock.now() };
    let (account, invited) = changed(vault.invite_again(id, &change).await?)?;
    let (replayed, invitation) = (invited.is_none(), invited.map(|NewAccount { invitation, .. }| invitation));
    Ok(marked(replayed, tagged(account.version, Json(InvitationView { id, invitation }).into_response())))
}

/// The account after the change, and what came of that; nothing where this is the first answer again.
fn changed<T>(changed: AccountChanged<T>) -> Result<(Account, Option<T>), Problem> {
    match changed {
        AccountChanged::Done(account, came) => Ok((account, Some(came))),
        AccountChanged::Before(account) => Ok((account, None)),
        AccountChanged::Absent => Err(absent()),
        AccountChanged::Stale(current) => Err(Problem::stale(current)),
        AccountChanged::Differs => Err(Problem::of(ProblemType::IdempotencyKeyReused)),
    }
}

fn shown(account: Account) -> Response {
    tagged(account.version, Json(AccountView::from(account)).into_response())
}

/// The answer, marked where it is the first one again.
fn marked(replayed: bool, mut response: Response) -> Response {
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The role that a body names; what is wrong with it is added to the faults.
fn role_of(role: RoleWord, advisor: Option<&str>, faults: &mut Faults) -> Option<Role> {
    let advisor = advisor.map(|text| faults.value("/advisor", AdvisorId::parse(text).ok_or(NotAnId)));
    let role = role.with(advisor.flatten());
    if role.is_none() {
        faults.add("/advisor", "advisor-with-another-role", ADVISOR_FITS.to_owned());
    }
    role
}

fn known(id: Result<Path<Uuid>, PathRejection>) -> Result<Uuid, Problem> {
    id.map(|Path(id)| id).map_err(|_| absent())
}

fn absent() -> Problem {
    Problem::of(ProblemType::AccountUnknown)
}
