//! `PUT /v1/recommendations/{id}/override` and `.../standing`: letting refused advice out, and taking advice back.

use axum::extract::State;
use events::recommendation::{Recommendation, RecommendationCommand, Standing};
use events::values::{Note, RecommendationId};
use jiff::tz::TimeZone;
use journal::{Expect, Journal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::circumstances::circumstances;
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

const OVERRIDE: &str = "PUT /v1/recommendations/{id}/override";
const CHANGE: &str = "PUT /v1/recommendations/{id}/standing";
/// How advice can be made to stand by a person.
const ENDS: [Standing; 2] = [Standing::Withdrawn, Standing::Expired];

/// Why refused advice goes out all the same.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideGates {
    /// Why.
    #[schema(
        min_length = 1,
        max_length = 4000,
        example = "The client holds more elsewhere; see the minutes of 4 March"
    )]
    reason: String,
}

/// How advice is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndRecommendation {
    /// `withdrawn` takes it back; `expired` notes that its last day is over.
    #[schema(example = "withdrawn")]
    standing: String,
    /// Why; needed for `withdrawn`.
    #[schema(min_length = 1, max_length = 4000, example = "The issuer was downgraded")]
    reason: Option<String>,
}

problems!(OverrideProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    RecommendationUnknown, RecommendationNotRefused, OverrideNeedsCompliance, OverrideNotAllowed, RecommendationOvertaken,
    ClientRemoved, AdvisorNotActive, PortfolioArchived, AssetsDelisted, RecommendationOver);
problems!(EndProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    RecommendationUnknown, RecommendationNotOpen, RecommendationStillValid);

/// Lets refused advice go out all the same: the letter is written. For compliance only, and not under MiFID II.
///
/// It is decided on how things stand now: the client is still in the care of an advisor who is active, the portfolio is not
/// archived, all that it names is traded, the last day is not over, and no later recommendation of the portfolio has gone out to the client. It takes the
/// place of an earlier one.
#[utoipa::path(put, path = "/v1/recommendations/{id}/override", tag = "recommendations",
    operation_id = "overrideGates", security(("bearer" = ["compliance"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = OverrideGates, responses(ChangedAnswer, OverrideProblems))]
pub async fn let_out(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    Id(id): Id<RecommendationId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<OverrideGates>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let Some(reason) = reason else { return Err(faults.into_problem()) };
    let digest = Canonical::of("OverrideGates").with("reason", reason.as_str()).sha256();
    let command_id = keyed.command(OVERRIDE, &[&id.to_string()]);
    let time = clock.now();
    let now = circumstances(&journal, &references, &id, time).await?;
    // Who decides comes from the token, and the rule is the recommendation's own.
    let command = RecommendationCommand::Override { by: keyed.actor.clone(), reason, now };
    let context = context(command_id, keyed.actor, time, Expect::Version(version), digest);
    let done = journal.execute::<Recommendation>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::RecommendationUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Takes advice back, or notes that its last day is over. A letter that was not sent yet is not sent any more.
#[utoipa::path(put, path = "/v1/recommendations/{id}/standing", tag = "recommendations",
    operation_id = "endRecommendation", security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = EndRecommendation, responses(ChangedAnswer, EndProblems))]
pub async fn change_standing(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<RecommendationId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<EndRecommendation>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    let mut faults = Faults::default();
    let standing = faults.value("/standing", NotOneOf::parsed(&body.standing, &ENDS, Standing::word));
    let reason = faults.optional("/reason", body.reason.as_deref(), Note::parse);
    let (Some(standing), Some(reason)) = (standing, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("EndRecommendation").with("standing", standing.word());
    let digest = wish.with_optional("reason", reason.as_ref().map(Note::as_str)).sha256();
    let command = match (standing, reason) {
        (Standing::Expired, None) => RecommendationCommand::Expire { on: now.to_zoned(TimeZone::UTC).date() },
        (Standing::Expired, Some(_)) => {
            faults.add("/reason", "not-wanted", "a day that is over needs no reason".to_owned());
            return Err(faults.into_problem());
        }
        (_, Some(reason)) => RecommendationCommand::Withdraw { reason },
        (_, None) => {
            faults.add("/reason", "missing-field", "taking advice back needs a reason".to_owned());
            return Err(faults.into_problem());
        }
    };
    let command_id = keyed.command(CHANGE, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, now, Expect::Version(version), digest);
    let done = journal.execute::<Recommendation>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::RecommendationUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}
