//! How a portfolio is kept, and whether it is in use: `PUT /v1/portfolios/{id}/policy` and `.../standing`.

use axum::extract::State;
use events::portfolio::{Portfolio, PortfolioCommand};
use events::values::{AssetId, Name, Note, Policy, PortfolioId, RebalancingRule, RiskClass};
use journal::{Expect, Journal};
use projections::portfolios::Standing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::absent_rather_than_stale;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotOneOf};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::models;
use crate::objects;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const SET_POLICY: &str = "PUT /v1/portfolios/{id}/policy";
const CHANGE_STANDING: &str = "PUT /v1/portfolios/{id}/standing";

/// How a portfolio is to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// When it is brought back to its weights: `never`, `monthly`, `quarterly`, `yearly` or `out_of_band`.
    #[schema(example = "quarterly")]
    pub(super) rebalancing: String,
    /// What it is compared with: an asset's symbol.
    #[schema(min_length = 1, max_length = 24, pattern = "^[A-Z0-9^][A-Z0-9.^=&_-]*$", example = "^GSPC")]
    pub(super) benchmark: Option<String>,
    /// How much risk it carries: `conservative`, `moderately_conservative`, `moderate`, `moderately_aggressive` or
    /// `aggressive`, which is what counts where nobody has said.
    #[schema(example = "moderate")]
    pub(super) risk_class: Option<String>,
}

/// How a portfolio is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// When it is brought back to its weights.
    #[schema(example = "quarterly")]
    rebalancing: &'static str,
    /// What it is compared with.
    #[schema(required, value_type = Option<String>, example = "^GSPC")]
    benchmark: Option<AssetId>,
    /// How much risk it carries; `null` where nobody has said.
    #[schema(required, example = "moderate")]
    risk_class: Option<&'static str>,
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        Self {
            rebalancing: policy.rebalancing.word(),
            benchmark: policy.benchmark,
            risk_class: policy.risk_class.map(RiskClass::word),
        }
    }
}

/// A portfolio's new policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPolicy {
    /// How it is to be kept, all of it.
    #[serde(deserialize_with = "objects::one")]
    policy: PolicyBody,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "Quarterly is enough")]
    reason: String,
}

/// Whether a portfolio is to be in use.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePortfolioStanding {
    /// `archived` puts it aside, `active` takes it up again.
    #[schema(example = "archived")]
    standing: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "Replaced by another")]
    reason: String,
}

problems!(PolicyProblems: ANY, GUARDED, COMMAND, CONDITIONAL; PortfolioUnknown, PortfolioArchived, NoSuchAssets);
problems!(StandingProblems: ANY, GUARDED, COMMAND, CONDITIONAL; PortfolioUnknown, NoSuchAdvisor, ModelOfAnotherFirm);

/// Sets how a portfolio is kept.
#[utoipa::path(put, path = "/v1/portfolios/{id}/policy", tag = "portfolios", operation_id = "setPortfolioPolicy",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = SetPolicy, responses(ChangedAnswer, PolicyProblems))]
pub async fn set_policy(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<SetPolicy>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let policy = policy(&mut faults, "/policy", Some(&body.policy));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(policy), Some(reason)) = (policy, reason) else { return Err(faults.into_problem()) };
    if let Some(benchmark) = &policy.benchmark {
        references.need_asset(benchmark, "/policy/benchmark").await?;
    }
    let wish = Canonical::of("SetPortfolioPolicy").with("reason", reason.as_str());
    let digest = written_into(wish, &policy).sha256();
    let command_id = keyed.command(SET_POLICY, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let command = PortfolioCommand::SetPolicy { policy, reason };
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Puts a portfolio aside, or takes it up again.
#[utoipa::path(put, path = "/v1/portfolios/{id}/standing", tag = "portfolios",
    operation_id = "changePortfolioStanding",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = ChangePortfolioStanding, responses(ChangedAnswer, StandingProblems))]
pub async fn change_standing(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<ChangePortfolioStanding>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let standing = faults.value("/standing", NotOneOf::parsed(&body.standing, &Standing::ALL, Standing::word));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(standing), Some(reason)) = (standing, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("ChangePortfolioStanding").with("standing", standing.word());
    let digest = wish.with("reason", reason.as_str()).sha256();
    let command = match standing {
        Standing::Active => PortfolioCommand::Restore { firm: firm_of_advisor(&journal, &id).await?, reason },
        Standing::Archived => PortfolioCommand::Archive { reason },
    };
    let command_id = keyed.command(CHANGE_STANDING, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// For which firm the portfolio's advisor works.
async fn firm_of_advisor(journal: &Journal, id: &PortfolioId) -> Result<Name, Problem> {
    let state = journal.state::<Portfolio>(id).await?.state;
    let is = state.composition().ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    models::firm_of(journal, is.advisor).await?.ok_or_else(|| Problem::of(ProblemType::NoSuchAdvisor))
}

/// The policy in a body at this place, the usual one where there is none; or nothing and the faults noted.
pub(super) fn policy(faults: &mut Faults, pointer: &str, body: Option<&PolicyBody>) -> Option<Policy> {
    let Some(body) = body else { return Some(Policy::default()) };
    let rebalancing = NotOneOf::parsed(&body.rebalancing, &RebalancingRule::ALL, RebalancingRule::word);
    let rebalancing = faults.value(&format!("{pointer}/rebalancing"), rebalancing);
    let benchmark = faults.optional(&format!("{pointer}/benchmark"), body.benchmark.as_deref(), AssetId::parse);
    let class = |text: &str| NotOneOf::parsed(text, &RiskClass::ALL, RiskClass::word);
    let risk_class = faults.optional(&format!("{pointer}/risk_class"), body.risk_class.as_deref(), class);
    Some(Policy { rebalancing: rebalancing?, benchmark: benchmark?, risk_class: risk_class? })
}

pub(super) fn written_into(wish: Canonical, policy: &Policy) -> Canonical {
    wish.with("rebalancing", policy.rebalancing.word())
        .with_optional("benchmark", policy.benchmark.as_ref().map(AssetId::as_str))
        .with_optional("risk_class", policy.risk_class.map(RiskClass::word))
}
