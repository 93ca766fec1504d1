//! `/v1/sessions`: logging in and out, who is logged in, and where else; `/v1/passwords`: choosing a password by an invitation.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::values::{AdvisorId, EmailAddress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use vault::{Credential, OpenSession, Principal, Taken, Vault};

use crate::access::{Caller, Door, Peer, csrf_of, csrf_token, forgotten, remembered, settled};
use crate::body::JsonBody;
use crate::described::problems;
use crate::faults::Faults;
use crate::paging::Listing;
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The account's address.
    #[schema(format = "email", max_length = 254, example = "ana@firm.example")]
    email: String,
    /// The account's password.
    #[schema(format = "password", max_length = 128)]
    password: String,
}

/// A password to be chosen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoosePassword {
    /// The invitation, or the one-time set-up token.
    #[schema(example = "insi_...")]
    invitation: String,
    /// Under which address to log in: for the set-up token, which comes before any account.
    #[schema(format = "email", max_length = 254, example = "admin@firm.example")]
    email: Option<String>,
    /// The password.
    #[schema(format = "password", min_length = 12, max_length = 128)]
    password: String,
}

/// Whose password was chosen.
#[derive(Serialize, ToSchema)]
pub struct PasswordChosen {
    /// The account, which can be logged in to from now on.
    #[schema(value_type = String, format = Uuid)]
    account: Uuid,
}

/// Who calls, and until when they may.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// What they may do: `admin`, `advisor` or `compliance`.
    #[schema(example = "advisor")]
    role: &'static str,
    /// Whose clients and portfolios it is about; `null` for other roles than `advisor`.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    advisor: Option<AdvisorId>,
    /// The account; `null` for a token beside all accounts.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    account: Option<Uuid>,
    /// How the log names them.
    #[schema(example = "advisor:6f1b0c8e-5d0e-4f7a-9a53-1b1d7a0c2e61")]
    actor: String,
    /// `session` or `token`.
    credential: &'static str,
    /// How much of the role may be used: `read` or `write`.
    scope: &'static str,
    /// From when on it is good no more.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What a page sends as `Insights-CSRF` with every change; `null` for a token, which needs none.
    #[schema(required)]
    csrf_token: Option<String>,
}

impl SessionView {
    fn of(principal: &Principal, csrf_token: Option<String>) -> Self {
        Self {
            role: principal.role.word(),
            advisor: principal.role.advisor(),
            account: principal.account,
            actor: principal.actor.as_str().to_owned(),
            credential: match principal.credential {
                Credential::Session(_) => "session",
                Credential::Token(_) => "token",
            },
            scope: principal.scope.word(),
            expires_at: principal.expires_at,
            csrf_token,
        }
    }
}

/// A log-in that is open.
#[derive(Serialize, ToSchema)]
pub struct OpenSessionView {
    /// The session's id, which is no secret.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it is good no more.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one of this very request.
    current: bool,
}

impl OpenSessionView {
    fn of(session: OpenSession, presented: Credential) -> Self {
        let OpenSession { id, created_at, expires_at } = session;
        Self { id, created_at, expires_at, current: presented == Credential::Session(id) }
    }
}

problems!(LogInProblems: ANY, BODY; LoginRefused, LoginLocked, TooManyRequests, DatabaseUnavailable);
problems!(ChooseProblems: ANY, BODY; InvitationUnknown, EmailTaken, TooManyRequests, DatabaseUnavailable);
problems!(CurrentProblems: ANY, GUARDED;);
problems!(LogOutProblems: ANY, GUARDED;);
problems!(ListProblems: ANY, GUARDED;);
problems!(EndProblems: ANY, GUARDED; SessionUnknown);

/// Logs in.
///
/// The answer sets the session's cookie, which scripts cannot read, and tells the word that every change must repeat.
/// Whatever is wrong, the refusal is the same and takes the same time. Failures in a row lock the address for longer and
/// longer, whether anybody has it or not.
#[utoipa::path(post, path = "/v1/sessions", tag = "access", operation_id = "logIn", security(()),
    request_body = LogIn, responses(
        (status = 201, body = SessionView, headers(("Set-Cookie" = String), ("Location" = String))), LogInProblems))]
pub async fn log_in(
    State(door): State<Door>,
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    peer: Peer,
    JsonBody(body): JsonBody<LogIn>,
) -> Result<Response, Problem> {
    door.knock(peer)?;
    let now = clock.now();
    let account = door.log_in(&body.email, body.password, now).await?;
    let session = vault.open_session(account, now).await?;
    // Closed in between: then there is nobody to let in.
    let principal = vault.authenticate_session(&session.secret, now).await?;
    let principal = principal.ok_or_else(|| Problem::of(ProblemType::LoginRefused))?;
    let view = SessionView::of(&principal, Some(csrf_token(&session.secret)));
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, remembered(&session, now));
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/v1/sessions/current"));
    Ok(response)
}

/// Shows who calls: by the session or the token of this very request.
#[utoipa::path(get, path = "/v1/sessions/current", tag = "access", operation_id = "getCurrentSession",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    responses((status = 200, body = SessionView), CurrentProblems))]
pub async fn current(caller: Caller, headers: HeaderMap) -> Json<SessionView> {
    let csrf = match caller.principal.credential {
        Credential::Session(_) => csrf_of(&headers),
        Credential::Token(_) => None,
    };
    Json(SessionView::of(&caller.principal, csrf))
}

/// Logs out: when the answer is there, the session is dead in every process.
///
/// A token has no session to end; it is revoked with `DELETE /v1/tokens/{id}`.
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "access", operation_id = "logOut",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    responses((status = 204, headers(("Set-Cookie" = String))), LogOutProblems))]
pub async fn log_out(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    caller: Caller,
) -> Result<Response, Problem> {
    let Credential::Session(id) = caller.principal.credential else {
        return Err(Problem::new(ProblemType::Forbidden, "a token has no session to end"));
    };
    vault.end_session(id, clock.now()).await?;
    settled().await;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, forgotten())]).into_response())
}

/// Lists where the caller is logged in: the open sessions of their own account, the oldest first.
///
/// There are ten at the most (an eleventh log-in ends the oldest), so all stand on one page. A token beside all accounts has
/// none.
#[utoipa::path(get, path = "/v1/sessions", tag = "access", operation_id = "listSessions",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    responses((status = 200, body = Listing<OpenSessionView>), ListProblems))]
pub async fn list(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    caller: Caller,
) -> Result<Json<Listing<OpenSessionView>>, Problem> {
    let open = match caller.principal.account {
        Some(account) => vault.open_sessions(account, clock.now()).await?,
        None => Vec::new(),
    };
    let presented = caller.principal.credential;
    let items = open.into_iter().map(|session| OpenSessionView::of(session, presented)).collect();
    Ok(Json(Listing { items, next: None }))
}

/// Ends a session of the caller's own account, such as one on a machine that was left behind: when the answer is there, it is
/// dead in every process.
///
/// What others have opened ends with their account: `DELETE /v1/accounts/{id}`.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "access", operation_id = "endSession",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(("id" = String, Path, format = Uuid)),
    responses((status = 204, headers(("Set-Cookie" = Option<String>))), EndProblems))]
pub async fn end(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Problem> {
    let absent = || Problem::of(ProblemType::SessionUnknown);
    let Path(id) = id.map_err(|_| absent())?;
    let account = caller.principal.account.ok_or_else(absent)?;
    if !vault.end_session_of(account, id, clock.now()).await? {
        return Err(absent());
    }
    settled().await;
    if caller.principal.credential == Credential::Session(id) {
        return Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, forgotten())]).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Chooses the password of the account that an invitation is for; earlier sessions end.
///
/// The set-up token makes the first administrator's account besides, under the address that the body names.
#[utoipa::path(post, path = "/v1/passwords", tag = "access", operation_id = "choosePassword", security(()),
    request_body = ChoosePassword, responses((status = 200, body = PasswordChosen), ChooseProblems))]
pub async fn choose_password(
    State(door): State<Door>,
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    peer: Peer,
    JsonBody(body): JsonBody<ChoosePassword>,
) -> Result<Json<PasswordChosen>, Problem> {
    door.knock(peer)?;
    let mut faults = Faults::default();
    let email = body.email.as_deref().and_then(|text| faults.value("/email", EmailAddress::parse(text)));
    let hash = faults.value("/password", door.choose(body.password).await?);
    let Some(hash) = hash.filter(|_| faults.is_empty()) else { return Err(faults.into_problem()) };
    match vault.take_invitation(&body.invitation, email.as_ref(), &hash, clock.now()).await? {
        Taken::Chosen(account) => {
            settled().await;
            Ok(Json(PasswordChosen { account }))
        }
        Taken::NeedsEmail => {
            let detail = "the set-up token needs an address to log in under".to_owned();
            faults.add("/email", "missing", detail);
            Err(faults.into_problem())
        }
        Taken::EmailTaken => Err(Problem::of(ProblemType::EmailTaken)),
        Taken::Unknown => Err(Problem::of(ProblemType::InvitationUnknown)),
    }
}
