//! `PUT /v1/portfolios/{id}/advisor`: whose a portfolio is.

use axum::extract::State;
use events::portfolio::{Portfolio, PortfolioCommand};
use events::values::{AdvisorId, Note, PortfolioId};
use journal::{Expect, Journal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::absent_rather_than_stale;
use crate::access::Reach;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::models;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const HAND_OVER: &str = "PUT /v1/portfolios/{id}/advisor";

/// Whose portfolio it will be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandPortfolioOver {
    /// The advisor who takes the portfolio over; a model's works for its firm.
    #[schema(format = Uuid)]
    advisor: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "Ana Souza retires")]
    reason: String,
}

problems!(HandOverProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    PortfolioUnknown, NoSuchAdvisor, AdvisorNotActive, ModelOfAnotherFirm);

/// Gives a portfolio, in use or archived, to another advisor, with all its past. A model stays in its firm.
///
/// Recorded backtests and kept figures are the portfolio's and follow it. What was recommended stays with whoever recommended
/// it. What it follows it goes on following; to an advisor of another firm the model tells nothing.
/// An administrator's doing: an advisor knows of no other.
#[utoipa::path(put, path = "/v1/portfolios/{id}/advisor", tag = "portfolios", operation_id = "handPortfolioOver",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = HandPortfolioOver, responses(ChangedAnswer, HandOverProblems))]
pub async fn hand_over(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<HandPortfolioOver>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let to = faults.value("/advisor", AdvisorId::parse(&body.advisor).ok_or(NotAnId));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(to), Some(reason)) = (to, reason) else { return Err(faults.into_problem()) };
    let command_id = keyed.command(HAND_OVER, &[&id.to_string()]);
    let needed = references.need_advisor(Reach::Everybody, to).await;
    unless_given::<Portfolio>(&journal, &id, command_id, needed).await?;
    // The command was given before with an advisor who is registered: this asks for something else.
    let firm = models::firm_of(&journal, to).await?.ok_or_else(|| Problem::of(ProblemType::IdempotencyKeyReused))?;
    let wish = Canonical::of("HandOverPortfolio").with("advisor", &to.to_string());
    let digest = wish.with("reason", reason.as_str()).sha256();
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Portfolio>(&id, &PortfolioCommand::HandOver { to, firm, reason }, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}
