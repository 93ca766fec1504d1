//! `/v1/portfolios/{id}/subscription` and `/v1/models`: portfolios that follow their firm's models.
//!
//! Nothing is pushed into a portfolio. A model that has changed is seen by `GET .../subscription`; the advisor takes over the
//! version that they have seen, with a reason, or leaves it.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::portfolio::{Composition, ModelVersion, Portfolio, PortfolioCommand};
use events::values::{AdvisorId, Name, Note, PortfolioId};
use events::{Advisor, advisor};
use journal::{Expect, Journal};
use projections::portfolios::PortfolioRow;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use super::allocation::limited_views;
use super::versions::composition_at;
use super::{PortfolioView, TargetView, absent_rather_than_stale};
use crate::access::Reach;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::paging::{Listing, invalid_parameters, listing, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Clock;

const SUBSCRIBE: &str = "PUT /v1/portfolios/{id}/subscription";
const TAKE_OVER: &str = "PUT /v1/portfolios/{id}/subscription/version";

/// Which model a portfolio is to follow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// A model of the advisor's firm, whose weights and limits are taken over at once; `null` to follow none any more.
    // Named in any case: what is left out is no wish to end a subscription.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, format = Uuid)]
    model: Option<String>,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "The client wants what the house recommends")]
    reason: String,
}

/// Which version of the model is taken over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOver {
    /// The version that was seen, as `offered.version` of `GET .../subscription`.
    #[schema(minimum = 1)]
    version: u64,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "Less in one sector, as the house thinks now")]
    reason: String,
}

/// Which model a portfolio follows, and what the model offers now.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionStateView {
    /// Which model.
    #[schema(value_type = String, format = Uuid)]
    model: PortfolioId,
    /// What the model is called.
    model_name: String,
    /// `active` or `archived`: an archived model offers nothing new, and its followers keep what they have.
    #[schema(example = "active")]
    model_standing: &'static str,
    /// The version that was taken over last.
    taken_version: u64,
    /// Weights and limits of the model that are not taken over yet; `null` where there are none.
    #[schema(required)]
    offered: Option<OfferView>,
}

/// What a model offers.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferView {
    /// Its present version: what `PUT .../subscription/version` names.
    version: u64,
    /// Its target weights with their limits.
    allocation: Vec<TargetView>,
}

/// Which models are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ModelsQuery {
    /// Whose models; the caller's own firm where an advisor asks. Needed of everybody else.
    #[param(min_length = 1, max_length = 120, example = "Casa Verde")]
    firm: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[Q-Za-f][A-Za-z0-9_-]{10}$")]
    cursor: Option<String>,
}

problems!(SubscribeProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    PortfolioUnknown, PortfolioArchived, NoSuchModel, ModelArchived, ModelCannotSubscribe, AlreadySubscribed,
    ModelInOtherCurrency, PositionLocked, WeightOutOfBand, LimitWithoutPosition);
problems!(TakeOverProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    PortfolioUnknown, PortfolioArchived, NotSubscribed, VersionUnknown, ModelVersionNotLater, ModelArchived,
    WeightOutOfBand, LimitWithoutPosition);
problems!(ShowProblems: ANY, GUARDED; PortfolioUnknown, NotSubscribed, LogUnavailable);
problems!(ListProblems: ANY, GUARDED, READ; LogUnavailable);

/// Subscribes a portfolio to a model of its advisor's firm, or ends its subscription.
///
/// The model's weights and limits are taken over at once. From then on they change only with the model: by taking over a
/// later version of it. A portfolio that follows no model any more keeps its weights.
#[utoipa::path(put, path = "/v1/portfolios/{id}/subscription", tag = "portfolios", operation_id = "subscribePortfolio",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = Subscribe, responses(ChangedAnswer, SubscribeProblems))]
pub async fn subscribe(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<Subscribe>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let model = |text: &str| PortfolioId::parse(text).ok_or(NotAnId);
    let model = faults.optional("/model", body.model.as_deref(), model);
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(model), Some(reason)) = (model, reason) else { return Err(faults.into_problem()) };
    let digest = Canonical::of("SubscribePortfolio")
        .with_optional("model", body.model.as_deref())
        .with("reason", reason.as_str())
        .sha256();
    let command = match model {
        Some(model) => {
            let portfolio = journal.state::<Portfolio>(&id).await?.state;
            let owner = portfolio.composition().map(|is| is.advisor);
            let owner = owner.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
            let firm = firm_of(&journal, owner).await?;
            let (taken, currency) = offered_to(&journal, model, firm.as_ref()).await?;
            PortfolioCommand::Subscribe { taken: Box::new(taken), currency, reason }
        }
        None => PortfolioCommand::Unsubscribe { reason },
    };
    let command_id = keyed.command(SUBSCRIBE, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Takes over a later version of the model that the portfolio follows.
#[utoipa::path(put, path = "/v1/portfolios/{id}/subscription/version", tag = "portfolios",
    operation_id = "takeOverModelVersion", security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = TakeOver, responses(ChangedAnswer, TakeOverProblems))]
pub async fn take_over(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<TakeOver>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let Some(reason) = reason else { return Err(faults.into_problem()) };
    let digest = Canonical::of("TakeOverModelVersion")
        .with("version", &body.version.to_string())
        .with("reason", reason.as_str())
        .sha256();
    let portfolio = journal.state::<Portfolio>(&id).await?.state;
    let is = portfolio.composition().ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    let followed = is.subscription.ok_or_else(|| Problem::of(ProblemType::NotSubscribed))?;
    let model = journal.state::<Portfolio>(&followed.model).await?.state;
    if matches!(model, Portfolio::Archived(_)) {
        return Err(Problem::of(ProblemType::ModelArchived));
    }
    let (taken_version, is) = composition_at(&journal, followed.model, Some(body.version)).await?;
    let taken = Box::new(model_version(followed.model, taken_version, &is));
    let command_id = keyed.command(TAKE_OVER, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let command = PortfolioCommand::TakeOver { taken, reason };
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Shows which model a portfolio follows, and what the model offers that was not taken over yet.
#[utoipa::path(get, path = "/v1/portfolios/{id}/subscription", tag = "portfolios", operation_id = "getSubscription",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = SubscriptionStateView), ShowProblems))]
pub async fn show(State(journal): State<Journal>, Id(id): Id<PortfolioId>) -> Result<Response, Problem> {
    let portfolio = journal.state::<Portfolio>(&id).await?.state;
    let is = portfolio.composition().ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    let followed = is.subscription.ok_or_else(|| Problem::of(ProblemType::NotSubscribed))?;
    let model = journal.state::<Portfolio>(&followed.model).await?;
    let composition = model.state.composition().ok_or_else(|| Problem::of(ProblemType::NotSubscribed))?;
    let is_archived = matches!(model.state, Portfolio::Archived(_));
    let is_other = (&composition.allocation, &composition.limits) != (&is.allocation, &is.limits);
    let offered = (is_other && !is_archived).then(|| {
        let targets = composition.allocation.iter().map(|(asset, weight)| (asset.clone(), weight.value())).collect();
        let limits = serde_json::to_value(&composition.limits).unwrap_or_default();
        OfferView { version: model.version, allocation: limited_views(targets, &limits) }
    });
    let view = SubscriptionStateView {
        model: followed.model,
        model_name: composition.name.to_string(),
        model_standing: if is_archived { "archived" } else { "active" },
        taken_version: followed.version,
        offered,
    };
    Ok(Json(view).into_response())
}

/// Lists the models of a firm, in the order of their composition. An advisor sees those of their own firm, whoever composed
/// them.
#[utoipa::path(get, path = "/v1/models", tag = "portfolios", operation_id = "listModels",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(ModelsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<PortfolioView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<ModelsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(query.limit.as_deref(), query.cursor.as_deref())?;
    let firm = match (reach, query.firm.as_deref()) {
        (Reach::Only(own), asked) => {
            let firm = firm_of(&journal, own).await?;
            // Asking for another firm's finds what there is to see: nothing.
            firm.filter(|firm| asked.is_none_or(|asked| asked == firm.as_str())).map(|firm| firm.to_string())
        }
        (Reach::Everybody, Some(asked)) => Some(asked.to_owned()),
        (Reach::Everybody, None) => {
            let detail = "whose models are wanted: name a firm".to_owned();
            return Err(invalid_parameters(vec![FieldError::in_parameter("firm", "missing-parameter", detail)]));
        }
    };
    let rows: Vec<PortfolioRow> = match firm {
        Some(firm) => projections::portfolios::models(&pool, &firm, page).await?,
        None => Vec::new(),
    };
    Ok(listing(&uri, page, rows, |row| row.created_position, PortfolioView::from))
}

/// The firm that the advisor works for; nothing where nobody is registered under this id.
pub(super) async fn firm_of(journal: &Journal, id: AdvisorId) -> Result<Option<Name>, Problem> {
    Ok(match journal.state::<Advisor>(&id).await?.state {
        Advisor::Registered { details: advisor::AdvisorDetails { firm, .. }, .. } => Some(firm),
        Advisor::Unknown => None,
    })
}

/// What this model offers to whoever works for this firm, and its currency. Of another firm's model, that there is none.
async fn offered_to(
    journal: &Journal,
    model: PortfolioId,
    firm: Option<&Name>,
) -> Result<(ModelVersion, events::values::Currency), Problem> {
    let known = journal.state::<Portfolio>(&model).await?;
    let is = known.state.composition().filter(|is| is.model_of.is_some() && is.model_of.as_ref() == firm);
    let Some(is) = is else {
        let error = FieldError::in_body("/model", "no-such-model", format!("there is no model {model} of this firm"));
        return Err(Problem::new(ProblemType::NoSuchModel, error.detail.clone()).with_errors(vec![error]));
    };
    if matches!(known.state, Portfolio::Archived(_)) {
        return Err(Problem::of(ProblemType::ModelArchived));
    }
    Ok((model_version(model, known.version, is), is.currency))
}

fn model_version(model: PortfolioId, version: u64, is: &Composition) -> ModelVersion {
    ModelVersion { model, version, allocation: is.allocation.clone(), limits: is.limits.clone() }
}
