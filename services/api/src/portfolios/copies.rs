//! `POST /v1/portfolios/{id}/copies`: a new portfolio like this one, or like an earlier version of it.

use axum::extract::State;
use events::portfolio::{Composition, Origin, Portfolio, PortfolioCommand};
use events::values::{AdvisorId, Name, PortfolioId};
use journal::{Expect, Journal};
use serde::Deserialize;
use utoipa::ToSchema;

use super::COLLECTION;
use super::versions::composition_at;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, CreatedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::idempotency::{KeyHeader, Keyed};
use crate::paths::Id;
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const COPY: &str = "POST /v1/portfolios/{id}/copies";

/// What is to be different in the copy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyPortfolio {
    /// How the copy is called.
    #[schema(min_length = 1, max_length = 120, example = "Growth for the Silvas")]
    name: String,
    /// Whose it is; its original's advisor where nothing is said.
    #[schema(format = Uuid)]
    advisor: Option<String>,
    /// Which version of the original; the present one where nothing is said.
    #[schema(minimum = 1)]
    version: Option<u64>,
}

problems!(CopyProblems: ANY, GUARDED, COMMAND, KEYED;
    PortfolioUnknown, VersionUnknown, NoSuchAdvisor, AdvisorNotActive, PortfolioAlreadyCreated);

/// Copies a portfolio: its currency, allocation, limits and policy.
///
/// Changes of the original do not reach the copy; the copy remembers which version it was made from. It is no model, and
/// follows none.
#[utoipa::path(post, path = "/v1/portfolios/{id}/copies", tag = "portfolios", operation_id = "copyPortfolio",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), KeyHeader),
    request_body = CopyPortfolio, responses(CreatedAnswer, CopyProblems))]
pub async fn copy(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    Id(original): Id<PortfolioId>,
    keyed: Keyed,
    JsonBody(body): JsonBody<CopyPortfolio>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let name = faults.value("/name", Name::parse(&body.name));
    let advisor = |text: &str| AdvisorId::parse(text).ok_or(NotAnId);
    let advisor = faults.optional("/advisor", body.advisor.as_deref(), advisor);
    let (Some(name), Some(advisor)) = (name, advisor) else { return Err(faults.into_problem()) };
    let command_id = keyed.command(COPY, &[&original.to_string()]);
    let id = PortfolioId::created_by(command_id);
    let (version, is) = composition_at(&journal, original, body.version).await?;
    let advisor = advisor.unwrap_or(is.advisor);
    let needed = references.need_advisor(keyed.reach, advisor).await;
    unless_given::<Portfolio>(&journal, &id, command_id, needed).await?;
    let digest = Canonical::of("CopyPortfolio")
        .with("name", name.as_str())
        .with_optional("advisor", body.advisor.as_deref())
        .with_optional("version", body.version.map(|version| version.to_string()).as_deref())
        .sha256();
    let context = context(command_id, keyed.actor, clock.now(), Expect::New, digest);
    let origin = Some(Origin { portfolio: original, version });
    let command = PortfolioCommand::Create(Box::new(Composition {
        advisor,
        name,
        origin,
        model_of: None,
        subscription: None,
        ..is
    }));
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::PortfolioUnknown))?;
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}
