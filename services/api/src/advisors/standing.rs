//! `PUT /v1/advisors/{id}/standing`: whether an advisor may give advice.

use axum::extract::State;
use events::advisor::{Advisor, AdvisorCommand, Standing};
use events::values::{AdvisorId, Note};
use journal::{Expect, Journal};
use serde::Deserialize;
use utoipa::ToSchema;
use vault::Vault;

use crate::access::settled;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotOneOf};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const CHANGE: &str = "PUT /v1/advisors/{id}/standing";
/// Every standing.
pub(super) const ALL: [Standing; 3] = [Standing::Active, Standing::Suspended, Standing::Removed];

/// How an advisor is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStanding {
    /// `suspended` lets them give no advice for now, `active` lets them again, `removed` is for ever: what they did stays
    /// on record.
    #[schema(example = "suspended")]
    standing: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "The registration lapsed")]
    reason: String,
}

problems!(StandingProblems: ANY, GUARDED, COMMAND, CONDITIONAL; AdvisorUnknown, AdvisorRemoved);

/// Suspends, reinstates or removes an advisor.
///
/// When the answer is there, nobody acts by the sessions and tokens of an advisor who is not active.
#[utoipa::path(put, path = "/v1/advisors/{id}/standing", tag = "advisors", operation_id = "changeAdvisorStanding",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = ChangeStanding, responses(ChangedAnswer, StandingProblems))]
#[expect(clippy::too_many_arguments, reason = "each handler names what it works with")]
pub async fn change_standing(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(vault): State<Vault>,
    State(clock): State<Clock>,
    Id(id): Id<AdvisorId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<ChangeStanding>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let standing = faults.value("/standing", NotOneOf::parsed(&body.standing, &ALL, Standing::word));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(standing), Some(reason)) = (standing, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("ChangeAdvisorStanding").with("standing", standing.word());
    let digest = wish.with("reason", reason.as_str()).sha256();
    let command = match standing {
        Standing::Active => AdvisorCommand::Reinstate { reason },
        Standing::Suspended => AdvisorCommand::Suspend { reason },
        Standing::Removed => AdvisorCommand::Remove { reason },
    };
    let command_id = keyed.command(CHANGE, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Advisor>(&id, &command, &context).await;
    // Whatever came of it: what was remembered of the advisor may not be so any more.
    references.forget_advisor(id);
    // Nobody acts as an advisor who may not: whoever remembers them asks again.
    vault.begin_epoch().await?;
    settled().await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AdvisorUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}
