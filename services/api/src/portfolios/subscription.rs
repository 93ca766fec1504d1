//! `/v1/portfolios/{id}/subscription`: which model a portfolio follows.
//!
//! Nothing is pushed into a portfolio. What a model offers is seen with GET; the advisor takes over the version that they
//! have seen, with a reason, or leaves it.

use axum::Json;
use axum::extract::State;
use events::Advisor;
use events::portfolio::{Composition, ModelVersion, Portfolio, PortfolioCommand};
use events::values::{AdvisorId, Currency, Firm, Name, Note, PortfolioId};
use journal::{Expect, Journal};
use projections::portfolios::{Changed, PortfolioRow, Standing};
use projections::replay::Until;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::absent_rather_than_stale;
use super::allocation::{TargetView, limited_views};
use super::versions::composition_at;
use crate::access::Reach;
use crate::as_of::{AsOfQuery, then};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::models;
use crate::objects;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Clock;

const CHANGE: &str = "PUT /v1/portfolios/{id}/subscription";

/// Which model a portfolio is to follow from now on, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSubscription {
    /// What is taken over at once; `null` to follow no model any more, with the weights as they are.
    #[serde(deserialize_with = "named")]
    #[schema(required)]
    subscription: Option<SubscriptionBody>,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "The client wants what the house recommends")]
    reason: String,
}

/// A version of a model, to be taken over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionBody {
    /// A model of the advisor's firm.
    #[schema(format = Uuid)]
    model: String,
    /// The version that was seen. The model must still have the weights and limits that it had then.
    #[schema(minimum = 1)]
    version: u64,
}

/// Said in any case: what is left out is no wish to follow nothing.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SubscriptionBody>, D::Error> {
    objects::optional(deserializer)
}

/// Whether a portfolio follows a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionStateView {
    /// What it follows; `null` where it follows none.
    #[schema(required)]
    subscription: Option<FollowedView>,
}

/// Which model a portfolio follows, and what the model offers now.
#[derive(Debug, Serialize, ToSchema)]
pub struct FollowedView {
    /// Which model.
    #[schema(value_type = String, format = Uuid)]
    model: PortfolioId,
    /// Which version of it was taken over last.
    version: u64,
    /// What the model is called; `null` where the portfolio's advisor sees it no more, being of another firm than it.
    #[schema(required, example = "House view")]
    name: Option<String>,
    /// `active` or `archived`: an archived model offers nothing. `null` where `name` is.
    #[schema(required, example = "active")]
    standing: Option<&'static str>,
    /// What the model is now and the portfolio is not; `null` where there is no such thing.
    #[schema(required)]
    offered: Option<OfferView>,
}

/// What a model offers.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferView {
    /// Its present version: the one to name in order to take it over.
    version: u64,
    /// Its target weights with their limits.
    allocation: Vec<TargetView>,
}

problems!(ChangeProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    PortfolioUnknown, PortfolioArchived, NoSuchModel, ModelArchived, VersionUnknown, ModelHasChanged, ModelCannotFollow,
    FollowsAnotherModel, ModelVersionEarlier, ModelInOtherCurrency, PositionLocked, WeightOutOfBand, LimitWithoutPosition);
problems!(ShowProblems: ANY, GUARDED; InvalidParameter, PortfolioUnknown, LogUnavailable);

/// Has a portfolio follow a model of its advisor's firm, take over what is new in the model, or follow it no more.
///
/// The model's weights and limits are taken over at once. Until the portfolio follows it no more, they change in this way
/// alone: a model that changes offers what it is now, and changes nobody's portfolio.
#[utoipa::path(put, path = "/v1/portfolios/{id}/subscription", tag = "portfolios", operation_id = "changeSubscription",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = ChangeSubscription, responses(ChangedAnswer, ChangeProblems))]
pub async fn change(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<ChangeSubscription>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let model = body.subscription.as_ref().map(|wished| wished.model.as_str());
    let model = faults.optional("/subscription/model", model, |text| PortfolioId::parse(text).ok_or(NotAnId));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(model), Some(reason)) = (model, reason) else { return Err(faults.into_problem()) };
    let wished = model.zip(body.subscription.map(|wished| wished.version));
    let digest = Canonical::of("ChangeSubscription")
        .with_optional("model", wished.map(|(model, _)| model.to_string()).as_deref())
        .with_optional("version", wished.map(|(_, version)| version.to_string()).as_deref())
        .with("reason", reason.as_str())
        .sha256();
    let command_id = keyed.command(CHANGE, &[&id.to_string()]);
    let command = match wished {
        Some((model, version)) => {
            let then = composition_at(&journal, model, Some(version)).await.map(|(_, is)| is);
            let offered = offered(&journal, id, model, then.as_ref().ok()).await;
            let is_offered = offered.is_ok();
            unless_given::<Portfolio>(&journal, &id, command_id, offered).await?;
            let then = then.map_err(|problem| if is_offered { problem } else { asked_otherwise(problem) })?;
            let (taken, currency) = taken(model, version, then);
            PortfolioCommand::Follow { taken: Box::new(taken), currency, reason }
        }
        None => PortfolioCommand::Unsubscribe { reason },
    };
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Shows which model a portfolio follows, and what the model offers that was not taken over.
#[utoipa::path(get, path = "/v1/portfolios/{id}/subscription", tag = "portfolios", operation_id = "getSubscription",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery),
    responses((status = 200, body = SubscriptionStateView), ShowProblems))]
pub async fn show(
    State(journal): State<Journal>,
    reach: Reach,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<AsOfQuery>,
) -> Result<Json<SubscriptionStateView>, Problem> {
    let until = query.until(&journal).await?.unwrap_or(Until::Version(u64::MAX));
    let is = then::<Portfolio, Changed>(&journal, &id, until).await?;
    let is = is.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    let Some(followed) = is.subscription else { return Ok(Json(SubscriptionStateView { subscription: None })) };
    // What the portfolio's advisor of then was shown then. Whoever has left the firm since reads no more of its models than what
    // they took over while they were there, and whoever was given the portfolio from outside nothing of them.
    let is_let_in = match reach {
        Reach::Everybody => true,
        Reach::Only(advisor) => models::shown_to(&journal, followed.model, advisor).await?.is_some(),
    };
    let model = if is_let_in { then::<Portfolio, Changed>(&journal, &followed.model, until).await? } else { None };
    let model = match model {
        Some(model) if was_shown(&journal, &model, is.advisor, until).await? => Some(model),
        Some(_) | None => None,
    };
    let view = FollowedView {
        model: followed.model,
        version: followed.version,
        name: model.as_ref().map(|model| model.name.clone()),
        standing: model.as_ref().map(|model| model.standing.word()),
        offered: model.and_then(|model| offer(model, &is)),
    };
    Ok(Json(SubscriptionStateView { subscription: Some(view) }))
}

/// Whether the advisor saw the model then: both they and who kept it worked for the firm whose it is.
async fn was_shown(journal: &Journal, model: &PortfolioRow, advisor: AdvisorId, until: Until) -> Result<bool, Problem> {
    let house = model.model_of.as_deref().and_then(|name| Name::parse(name).ok());
    let Some(house) = house.as_ref().map(Firm::named) else { return Ok(false) };
    let worked_there = async |advisor: AdvisorId| {
        let then = then::<Advisor, projections::advisors::Changed>(journal, &advisor, until).await?;
        Ok::<_, Problem>(then.is_some_and(|row| Firm::named(&row.details.firm) == house))
    };
    Ok(worked_there(advisor).await? && (model.advisor == advisor || worked_there(model.advisor).await?))
}

/// What the model is and the portfolio is not.
fn offer(model: PortfolioRow, is: &PortfolioRow) -> Option<OfferView> {
    let is_new = (&model.allocation, &model.limits) != (&is.allocation, &is.limits);
    (is_new && model.standing == Standing::Active)
        .then(|| OfferView { version: model.version, allocation: limited_views(model.allocation, &model.limits) })
}

/// Nothing, where the portfolio's advisor sees this model and it offers what it was `then`; `None` where the model never was
/// at that version, which is the next thing that the caller is told.
///
/// The model may change between this and the append: what is taken over was offered a moment ago, at the latest.
async fn offered(
    journal: &Journal,
    follower: PortfolioId,
    model: PortfolioId,
    then: Option<&Composition>,
) -> Result<(), Problem> {
    let follower = journal.state::<Portfolio>(&follower).await?.state;
    let follower = follower.composition().ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    let Some(model) = models::shown_to(journal, model, follower.advisor).await? else {
        let detail = format!("there is no model {model} of the advisor's firm");
        let error = FieldError::in_body("/subscription/model", "no-such-model", detail);
        return Err(Problem::new(ProblemType::NoSuchModel, error.detail.clone()).with_errors(vec![error]));
    };
    if model.standing == Standing::Archived {
        return Err(Problem::of(ProblemType::ModelArchived));
    }
    if then.is_some_and(|then| differ(then, &model.is)) {
        let detail = format!("the model stands at version {}, with other weights or limits", model.version);
        return Err(Problem::new(ProblemType::ModelHasChanged, detail));
    }
    Ok(())
}

/// What is told where a command was given before, and this asks for a version that there never was: so it asked for another.
/// Of a model that the caller does not see, that is all there is to know.
fn asked_otherwise(problem: Problem) -> Problem {
    match problem.kind() {
        ProblemType::PortfolioUnknown | ProblemType::VersionUnknown => Problem::of(ProblemType::IdempotencyKeyReused),
        _ => problem,
    }
}

/// Whether two portfolios differ in what is taken over from a model.
fn differ(one: &Composition, other: &Composition) -> bool {
    (&one.allocation, &one.limits) != (&other.allocation, &other.limits)
}

fn taken(model: PortfolioId, version: u64, is: Composition) -> (ModelVersion, Currency) {
    let Composition { allocation, limits, currency, .. } = is;
    (ModelVersion { model, version, allocation, limits }, currency)
}
