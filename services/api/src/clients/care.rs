//! `PUT /v1/clients/{id}/advisor` and `.../standing`: in whose care a client is, and whether in anybody's.

use axum::extract::State;
use events::client::{Client, ClientCommand};
use events::values::{AdvisorId, ClientId, Note};
use journal::{Expect, Journal};
use projections::clients::Standing;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Reach;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId, NotOneOf};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const HAND_OVER: &str = "PUT /v1/clients/{id}/advisor";
const REMOVE: &str = "PUT /v1/clients/{id}/standing";

/// Whose client it will be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The advisor who takes the client over.
    #[schema(format = Uuid)]
    advisor: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "The client moved to Lisbon")]
    reason: String,
}

/// How a client is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveClient {
    /// `removed`: they are advised no more, for ever. What was done stays on record.
    #[schema(example = "removed")]
    standing: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "The contract ended")]
    reason: String,
}

problems!(HandOverProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    ClientUnknown, ClientRemoved, NoSuchAdvisor, AdvisorNotActive);
problems!(RemoveProblems: ANY, GUARDED, COMMAND, CONDITIONAL; ClientUnknown, ClientRemoved);

/// Gives a client into another advisor's care.
///
/// An administrator's doing: an advisor knows of no other.
#[utoipa::path(put, path = "/v1/clients/{id}/advisor", tag = "clients", operation_id = "handClientOver",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = HandOver, responses(ChangedAnswer, HandOverProblems))]
pub async fn hand_over(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    Id(id): Id<ClientId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<HandOver>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let to = faults.value("/advisor", AdvisorId::parse(&body.advisor).ok_or(NotAnId));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(to), Some(reason)) = (to, reason) else { return Err(faults.into_problem()) };
    let command_id = keyed.command(HAND_OVER, &[&id.to_string()]);
    let needed = references.need_advisor(Reach::Everybody, to).await;
    unless_given::<Client>(&journal, &id, command_id, needed).await?;
    let wish = Canonical::of("HandOverClient").with("advisor", &to.to_string());
    let digest = wish.with("reason", reason.as_str()).sha256();
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Client>(&id, &ClientCommand::HandOver { to, reason }, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::ClientUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Removes a client from everybody's list.
#[utoipa::path(put, path = "/v1/clients/{id}/standing", tag = "clients", operation_id = "removeClient",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = RemoveClient, responses(ChangedAnswer, RemoveProblems))]
pub async fn remove(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<ClientId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<RemoveClient>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let standing = faults.value("/standing", NotOneOf::parsed(&body.standing, &[Standing::Removed], Standing::word));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(_), Some(reason)) = (standing, reason) else { return Err(faults.into_problem()) };
    let digest = Canonical::of("RemoveClient").with("reason", reason.as_str()).sha256();
    let command_id = keyed.command(REMOVE, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Client>(&id, &ClientCommand::Remove { reason }, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::ClientUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}
