//! `/v1/tokens`: what programs call with. Shown once, kept as hashes, scoped, expiring, revocable.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::values::{AdvisorId, Name};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vault::{
    LINE_MAX, Maker, Principal, Role, Scope, TokenMade, TokenRow, TokenStanding, TokenWish, TokensFilter, TokensOf,
    TokensPage, Vault,
};

use crate::access::{Caller, settled};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{IDEMPOTENT_REPLAYED, unless_made};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::idempotency::{KeyHeader, Keyed};
use crate::paging::{Listing, listing_up_to, page, word_parameter};
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const CREATE: &str = "POST /v1/tokens";
/// The words of all roles.
pub const ROLES: [&str; 3] = ["admin", "advisor", "compliance"];
/// Days that a token may be good for.
const DAYS_MAX: u32 = 366;

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for, in words for people.
    #[schema(min_length = 1, max_length = 120, example = "The nightly export")]
    label: String,
    /// What its bearer may do; the caller's own role where nothing is said. Only an `admin` may give away another.
    role: Option<RoleWord>,
    /// Whose clients and portfolios it is about: for an `admin` who makes a token of the role `advisor`.
    #[schema(format = Uuid)]
    advisor: Option<String>,
    /// How much of the role may be used; `write` where nothing is said.
    scope: Option<ScopeWord>,
    /// How many days it is good for; a token that is made with a token ends with that one at the latest.
    #[schema(minimum = 1, maximum = 366, example = 90)]
    valid_days: u32,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleWord {
    /// Looks after advisors, accounts, keys and assets.
    Admin,
    /// Looks after their own clients and portfolios.
    Advisor,
    /// Reads everything.
    Compliance,
}

impl RoleWord {
    /// The role with this advisor, where both go together.
    #[must_use]
    pub const fn with(self, advisor: Option<AdvisorId>) -> Option<Role> {
        match (self, advisor) {
            (Self::Admin, None) => Some(Role::Admin),
            (Self::Advisor, Some(id)) => Some(Role::Advisor(id)),
            (Self::Compliance, None) => Some(Role::Compliance),
            _ => None,
        }
    }
}

/// How much of a role may be used.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeWord {
    /// Only what changes nothing.
    Read,
    /// All of it.
    Write,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub struct TokenMadeView {
    /// The token's id.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// What the bearer presents. Shown in the first answer alone: `null` where the same request is sent again.
    #[schema(required)]
    secret: Option<String>,
    /// From when on it is good no more.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
pub struct TokenView {
    /// The token's id.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// Whose it is; `null` for one beside all accounts.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    account: Option<Uuid>,
    /// What its bearer may do.
    #[schema(example = "advisor")]
    role: &'static str,
    /// Whose clients and portfolios it is about; `null` for other roles than `advisor`.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    advisor: Option<AdvisorId>,
    /// How much of the role may be used: `read` or `write`.
    scope: &'static str,
    /// What it is for.
    label: String,
    /// `active` where who presents it is let in; `ended` where it is revoked or expired, or where its account or a token that
    /// it was made with has ended.
    #[schema(example = "active")]
    standing: &'static str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it is good no more.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was revoked; `null` where it was not.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// Who made it, as the log names them; `null` where an operator did, or where it was not noted.
    #[schema(required, example = "admin:6f1b0c8e-5d0e-4f7a-9a53-1b1d7a0c2e61")]
    made_by: Option<String>,
    /// The token that it was made with, which it ends with; `null` where a log-in or an operator made it.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    made_with: Option<Uuid>,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> Self {
        Self {
            made_with: row.made_with(),
            standing: row.standing.word(),
            id: row.id,
            account: row.account,
            role: row.role.word(),
            advisor: row.role.advisor(),
            scope: row.scope.word(),
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            made_by: row.made_by,
        }
    }
}

/// Which tokens are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokensQuery {
    /// Only those of this role: `admin`, `advisor` or `compliance`.
    role: Option<String>,
    /// Only those of this scope: `read` or `write`.
    scope: Option<String>,
    /// Only those that stand so: `active` or `ended`.
    standing: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(CreateProblems: ANY, GUARDED, BODY, KEYED;
    IdempotencyKeyInvalid, IdempotencyKeyReused, NoSuchAdvisor, AdvisorNotActive, LogUnavailable);
problems!(ListProblems: ANY, GUARDED; InvalidParameter);
problems!(OneProblems: ANY, GUARDED; TokenUnknown);

/// Makes a token and shows its secret, once.
///
/// What is made with a token ends with it: when that one expires, when it is revoked, when its account is closed. What a
/// log-in makes ends with the account that logged in.
#[utoipa::path(post, path = "/v1/tokens", tag = "access", operation_id = "createToken",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(KeyHeader), request_body = CreateToken, responses(
        (status = 201, body = TokenMadeView, headers(("Location" = String), ("Idempotent-Replayed" = Option<String>))),
        CreateProblems))]
pub async fn create(
    State(vault): State<Vault>,
    State(references): State<References>,
    State(clock): State<Clock>,
    caller: Caller,
    keyed: Keyed,
    JsonBody(body): JsonBody<CreateToken>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let label = faults.value("/label", Name::parse(&body.label));
    let advisor = body.advisor.as_deref().map(|text| faults.value("/advisor", AdvisorId::parse(text).ok_or(NotAnId)));
    if !(1..=DAYS_MAX).contains(&body.valid_days) {
        faults.add("/valid_days", "out-of-range", format!("a token is good for 1 to {DAYS_MAX} days"));
    }
    let own = caller.principal.role;
    let role = match (body.role, advisor.flatten()) {
        (None, None) => Some(own),
        (word, advisor) => word.unwrap_or(RoleWord::Advisor).with(advisor.or_else(|| own.advisor())),
    };
    if role.is_none() {
        faults.add("/advisor", "advisor-with-another-role", ADVISOR_FITS.to_owned());
    }
    let (Some(label), Some(role), true) = (label, role, faults.is_empty()) else { return Err(faults.into_problem()) };
    if role != own && own != Role::Admin {
        return Err(Problem::new(ProblemType::Forbidden, "only an admin makes tokens of another role"));
    }
    let id = keyed.command(CREATE, &[]).uuid();
    if let Role::Advisor(advisor) = role {
        let needed = references.need_advisor(caller.reach, advisor).await;
        unless_made(needed, vault.token_was_made(id)).await?;
    }
    let scope = match body.scope {
        Some(ScopeWord::Read) => Scope::Read,
        Some(ScopeWord::Write) | None => Scope::Write,
    };
    let days = body.valid_days.to_string();
    let wish = Canonical::of("CreateToken").with("label", label.as_str()).with("role", role.word());
    let wish = wish.with("advisor", &role.advisor().map(|id| id.to_string()).unwrap_or_default());
    let wish = wish.with("scope", scope.word()).with("valid_days", &days).sha256();
    // Of another role it is nobody's: what an administrator made who had logged in does not end with their account.
    let account = caller.principal.account.filter(|_| role == own);
    let (request, maker) = (Some(wish.as_bytes()), Maker::Principal(&caller.principal));
    let wish = TokenWish { id, account, role, scope, label: label.as_str(), request, maker };
    let valid_for = SignedDuration::from_hours(24 * i64::from(body.valid_days));
    let (secret, expires_at, replayed) = match vault.make_token(&wish, clock.now(), valid_for).await? {
        TokenMade::New(token) => (Some(token.secret), token.expires_at, false),
        TokenMade::Before { expires_at } => (None, expires_at, true),
        TokenMade::Differs => return Err(Problem::of(ProblemType::IdempotencyKeyReused)),
        TokenMade::TooFarDown => {
            let detail = format!("tokens are made with each other {LINE_MAX} times in a row at the most");
            return Err(Problem::new(ProblemType::Forbidden, detail));
        }
    };
    let mut response = (StatusCode::CREATED, Json(TokenMadeView { id, secret, expires_at })).into_response();
    let location = HeaderValue::try_from(format!("/v1/tokens/{id}")).expect("an id is visible ASCII");
    response.headers_mut().insert(header::LOCATION, location);
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What is said where a role and an advisor do not go together.
pub const ADVISOR_FITS: &str = "the role `advisor` needs an advisor, and no other role has one";

/// Lists tokens, those that have ended too: those of the caller's account, for a token beside all accounts itself and those
/// that were made with it, and for `admin` and `compliance` everybody's.
///
/// With a filter a request looks at 1,000 tokens: a page may be short and still have a `next`.
#[utoipa::path(get, path = "/v1/tokens", tag = "access", operation_id = "listTokens",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(TokensQuery),
    responses((status = 200, body = Listing<TokenView>), ListProblems))]
pub async fn list(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    OriginalUri(uri): OriginalUri,
    caller: Caller,
    Parameters(query): Parameters<TokensQuery>,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let filter = TokensFilter {
        role: word_parameter("role", query.role.as_deref(), &ROLES, |role| role)?,
        scope: word_parameter("scope", query.scope.as_deref(), &[Scope::Read, Scope::Write], Scope::word)?,
        standing: word_parameter("standing", query.standing.as_deref(), &TokenStanding::ALL, TokenStanding::word)?,
    };
    let of = seen_by(&caller.principal);
    let TokensPage { tokens, next } = vault.tokens(of, filter, clock.now(), page.after, page.limit).await?;
    Ok(listing_up_to(&uri, tokens.into_iter().map(TokenView::from).collect(), next))
}

/// Shows a token, without its secret.
#[utoipa::path(get, path = "/v1/tokens/{id}", tag = "access", operation_id = "getToken",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = TokenView), OneProblems))]
pub async fn get(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<TokenView>, Problem> {
    let token = vault.token(seen_by(&caller.principal), known(id)?, clock.now()).await?;
    Ok(Json(token.ok_or_else(absent)?.into()))
}

/// Revokes a token: when the answer is there, it is dead in every process, and so is every token that was made with it.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "access", operation_id = "revokeToken",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(("id" = String, Path, format = Uuid)),
    responses((status = 204), OneProblems))]
pub async fn revoke(
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    caller: Caller,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Problem> {
    if !vault.revoke_token_of(within(&caller.principal), known(id)?, clock.now()).await? {
        return Err(absent());
    }
    settled().await;
    Ok(StatusCode::NO_CONTENT)
}

fn known(id: Result<Path<Uuid>, PathRejection>) -> Result<Uuid, Problem> {
    id.map(|Path(id)| id).map_err(|_| absent())
}

fn absent() -> Problem {
    Problem::of(ProblemType::TokenUnknown)
}

/// The tokens that the caller may see: those that they may revoke, and for compliance, which reads everything, all others.
fn seen_by(principal: &Principal) -> TokensOf {
    match principal.role {
        Role::Compliance => TokensOf::All,
        Role::Admin | Role::Advisor(_) => within(principal),
    }
}

/// The tokens that the caller may revoke: whatever a caller makes is among them.
fn within(principal: &Principal) -> TokensOf {
    match (principal.role, principal.account, principal.credential) {
        (Role::Admin, _, _) => TokensOf::All,
        (_, Some(account), _) => TokensOf::Account(account),
        (_, None, vault::Credential::Token(id) | vault::Credential::Session(id)) => TokensOf::Line(id),
    }
}
