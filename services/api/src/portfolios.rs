//! `/v1/portfolios`: what advisors compose. What else is done with one is under `portfolios/`, one file for each.

pub(crate) mod allocation;
mod backtests;
mod by_name;
mod copies;
mod events;
mod figures;
mod handing_over;
mod import;
mod keeping;
mod kept_figures;
mod recommend;
mod rolling;
mod subscription;
mod usual_currency;
mod versions;
mod views;

use ::events::portfolio::{Composition, Portfolio, PortfolioCommand};
use ::events::values::{Actor, AdvisorId, AssetId, CommandId, Currency, Name, Note, PortfolioId, Sought};
use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use journal::{Done, Expect, Journal};
use projections::portfolios::{ByName, Filter, PortfolioRow, Standing};
use projections::{Order, Page};
use rust_decimal::Decimal;
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::as_of::{AsOfQuery, Past, Then, then};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::clients::advisor_parameter;
use crate::commands::{Answer, ChangedAnswer, CreatedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed, MaybeKeyed, OptionalKeyHeader};
use crate::models;
use crate::objects;
use crate::paging::{
    Listing, invalid_parameters, listing, listing_by_name, listing_by_name_up_to, listing_up_to, page, page_by_name,
    search_parameter, word_parameter,
};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader, tagged};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

use self::allocation::LimitedTargetBody;
pub use self::allocation::{__path_reallocate, TargetView, reallocate, target_views};
pub use self::backtests::{
    __path_list as __path_list_backtests, __path_record as __path_record_backtest, __path_show as __path_show_backtest,
    list as list_backtests, record as record_backtest, show as show_backtest,
};
pub use self::copies::{__path_copy, copy};
pub use self::events::{__path_history, history};
pub use self::figures::{__path_show as __path_show_figures, show as show_figures};
pub use self::handing_over::{__path_hand_over, hand_over};
pub use self::import::{__path_import, import};
use self::keeping::PolicyBody;
pub use self::keeping::{__path_change_standing, __path_set_policy, change_standing, set_policy};
pub use self::kept_figures::{__path_list as __path_list_figures, list as list_figures};
pub use self::recommend::{__path_recommend, recommend};
pub use self::rolling::{__path_show as __path_show_rolling, show as show_rolling};
pub use self::subscription::{
    __path_change as __path_change_subscription, __path_show as __path_show_subscription,
    change as change_subscription, show as show_subscription,
};
use self::usual_currency::{CurrencyNotSaid, usual_currency};
pub use self::versions::{
    __path_list as __path_versions, __path_show as __path_version, list as versions, show as version,
};
pub use self::views::PortfolioView;

const COLLECTION: &str = "/v1/portfolios";
const CREATE: &str = "POST /v1/portfolios";
const RENAME: &str = "PATCH /v1/portfolios/{id}";

/// A portfolio to be composed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePortfolio {
    /// Who composes it.
    #[schema(format = Uuid)]
    advisor: String,
    /// How the advisor calls it.
    #[schema(min_length = 1, max_length = 120, example = "Growth")]
    name: String,
    /// In which currency it is kept: an ISO 4217 code. The one in which its advisor works, where nothing is said.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    currency: Option<String>,
    /// The target weights, which add up to exactly 1.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 200)]
    allocation: Vec<LimitedTargetBody>,
    /// How it is to be kept; brought back to its weights each month where nothing is said.
    #[serde(default, deserialize_with = "objects::optional")]
    policy: Option<PolicyBody>,
    /// Whether it is a model of the advisor's firm, which portfolios of the firm can follow. It stays one, or none.
    #[serde(default)]
    model: bool,
}

/// A portfolio to be composed, right in itself.
struct NewPortfolio {
    composition: Composition,
    /// The targets in the order of the body, to tell where an asset stands.
    targets: Vec<(AssetId, Decimal)>,
    /// Whether a policy was given.
    has_policy: bool,
    /// Whether the currency was given, not found out.
    has_currency: bool,
}

impl NewPortfolio {
    /// The portfolio that the body asks for.
    fn parse(body: &CreatePortfolio, mut faults: Faults) -> Result<Self, Problem> {
        let advisor = faults.value("/advisor", AdvisorId::parse(&body.advisor).ok_or(NotAnId));
        let name = faults.value("/name", Name::parse(&body.name));
        let currency = match &body.currency {
            Some(currency) => faults.value("/currency", Currency::parse(currency)),
            None => faults.value("/currency", Err(CurrencyNotSaid)),
        };
        let targets = allocation::limited_targets(&mut faults, &body.allocation);
        let limits = allocation::limits(&mut faults, &body.allocation);
        let policy = keeping::policy(&mut faults, "/policy", body.policy.as_ref());
        let (Some(advisor), Some(name), Some(currency), Some(targets), Some(limits), Some(policy)) =
            (advisor, name, currency, targets, limits, policy)
        else {
            return Err(faults.into_problem());
        };
        let allocation = allocation::whole(&targets)?;
        let composition = Composition { limits, policy, ..Composition::new(advisor, name, currency, allocation) };
        Ok(Self { composition, targets, has_policy: body.policy.is_some(), has_currency: true })
    }

    /// Nothing, where its advisor and its assets are there.
    async fn needed(&self, references: &References, reach: Reach) -> Result<(), Problem> {
        references.need_advisor(reach, self.composition.advisor).await?;
        self.need_assets(references).await
    }

    async fn need_assets(&self, references: &References) -> Result<(), Problem> {
        let Composition { allocation, policy, .. } = &self.composition;
        references.need_assets(allocation, |asset| allocation::place_of(&self.targets, asset)).await?;
        match &policy.benchmark {
            Some(benchmark) => references.need_asset(benchmark, "/policy/benchmark").await,
            None => Ok(()),
        }
    }

    fn written_into(&self, wish: Canonical) -> Canonical {
        let Composition { advisor, name, currency, allocation, limits, policy, .. } = &self.composition;
        let currency = self.has_currency.then(|| currency.as_str());
        let wish = wish.with("advisor", &advisor.to_string()).with("name", name.as_str());
        let wish = wish.with_optional("currency", currency);
        let wish = allocation::limits_written_into(allocation::written_into(wish, allocation), limits);
        // Portfolios had no policy once: the usual one is not written.
        if self.has_policy { keeping::written_into(wish, policy) } else { wish }
    }
}

/// A portfolio's new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePortfolio {
    /// The new name.
    #[schema(min_length = 1, max_length = 120, example = "Steady growth")]
    name: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "It holds bonds now")]
    reason: String,
}

/// Which portfolios are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PortfoliosQuery {
    /// Only those of this advisor.
    #[param(format = Uuid)]
    advisor: Option<String>,
    /// Only those that stand so: `active` or `archived`.
    standing: Option<String>,
    /// Only those that follow this model. Not with `search` or the order of names.
    #[param(format = Uuid)]
    model: Option<String>,
    /// Only those whose names begin so, whatever the case and the accents; in the order of their names.
    #[param(min_length = 1, max_length = 120)]
    search: Option<String>,
    /// The order: `created`, which is meant where nothing is said and nothing is searched for, `-created`, the newest first,
    /// or `name`, whatever the case and the accents.
    sort: Option<String>,
    /// As the list was after this event, such as `advisory-42`, or at this time, such as `2024-01-31T12:00:00Z`; as it is now
    /// where nothing is said. Pages of the past may be short and still have a `next`.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[A-Za-z0-9_-]{15,3299}$")]
    cursor: Option<String>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Created(Order),
    Name,
}

impl Sort {
    const ALL: [Self; 3] = [Self::Created(Order::OldestFirst), Self::Created(Order::NewestFirst), Self::Name];

    const fn word(self) -> &'static str {
        match self {
            Self::Created(Order::OldestFirst) => "created",
            Self::Created(Order::NewestFirst) => "-created",
            Self::Name => "name",
        }
    }
}

problems!(CreateProblems: ANY, GUARDED, COMMAND, KEYED;
    NoSuchAdvisor, AdvisorNotActive, NoSuchAssets, AssetNamedTwice, WeightsDoNotAddUp, WeightOutOfBand,
    LimitWithoutPosition, PortfolioAlreadyCreated);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; PortfolioUnknown, LogUnavailable);
problems!(RenameProblems: ANY, GUARDED, COMMAND, CONDITIONAL; PortfolioUnknown, PortfolioArchived);

/// Composes a portfolio.
#[utoipa::path(post, path = "/v1/portfolios", tag = "portfolios", operation_id = "createPortfolio",
    security(("bearer" = ["admin", "advisor"])), params(KeyHeader),
    request_body = CreatePortfolio, responses(CreatedAnswer, CreateProblems))]
pub async fn create(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(mut body): JsonBody<CreatePortfolio>,
) -> Result<Answer, Problem> {
    let command_id = keyed.command(CREATE, &[]);
    let id = PortfolioId::created_by(command_id);
    let has_currency = body.currency.is_some();
    if let (None, Some(advisor)) = (&body.currency, AdvisorId::parse(&body.advisor)) {
        let usual = usual_currency(&journal, &references, keyed.reach, advisor, &id).await?;
        body.currency = usual.map(|currency| currency.to_string());
    }
    let mut new = NewPortfolio { has_currency, ..NewPortfolio::parse(&body, Faults::default())? };
    let needed = references.need_advisor(keyed.reach, new.composition.advisor).await;
    unless_given::<Portfolio>(&journal, &id, command_id, needed).await?;
    new.need_assets(&references).await?;
    if body.model {
        new.composition.model_of = models::firm_of(&journal, new.composition.advisor).await?;
    }
    let wish = new.written_into(Canonical::of("CreatePortfolio"));
    let digest = wish.with_optional("model", body.model.then_some("true")).sha256();
    let done = compose(&journal, &new, command_id, keyed.actor, clock.now(), digest).await?;
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// What came of composing the portfolio, alone or with others of a file.
async fn compose(
    journal: &Journal,
    new: &NewPortfolio,
    command_id: CommandId,
    actor: Actor,
    now: Timestamp,
    digest: String,
) -> Result<Done<Portfolio>, Problem> {
    let context = context(command_id, actor, now, Expect::New, digest);
    let command = PortfolioCommand::Create(Box::new(new.composition.clone()));
    Ok(journal.execute::<Portfolio>(&PortfolioId::created_by(command_id), &command, &context).await?)
}

/// Lists portfolios in the order of their composition, the newest first, or in the order of their names.
#[utoipa::path(get, path = "/v1/portfolios", tag = "portfolios", operation_id = "listPortfolios",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(PortfoliosQuery, MinPositionHeader),
    responses((status = 200, body = Listing<PortfolioView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(past): State<Past>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<PortfoliosQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let advisor = query.advisor.as_deref().map(advisor_parameter).transpose()?;
    let Some(advisor) = reach.narrowed(advisor) else {
        // Nothing of that is theirs to see.
        let none: Vec<PortfolioRow> = Vec::new();
        return Ok(listing(&uri, Page::FIRST, none, |row: &PortfolioRow| row.created_position, PortfolioView::from));
    };
    let standing = word_parameter("standing", query.standing.as_deref(), &Standing::ALL, Standing::word)?;
    let model = query.model.as_deref().map(model_parameter).transpose()?;
    let filter = Filter { advisor, standing, model };
    let search = search_parameter("search", query.search)?;
    let sort = word_parameter("sort", query.sort.as_deref(), &Sort::ALL, Sort::word)?;
    let (limit, cursor) = (query.limit.as_deref(), query.cursor.as_deref());
    let then = past.then::<PortfolioRow>(query.as_of.as_deref()).await?;
    let usual = if search.is_some() { Sort::Name } else { Sort::Created(Order::OldestFirst) };
    match (sort.unwrap_or(usual), search) {
        (Sort::Name, _) | (_, Some(_)) if model.is_some() => {
            let detail = "what follows a model comes in the order of composition, and is not searched".to_owned();
            Err(invalid_parameters(vec![FieldError::in_parameter("model", "not-by-name", detail)]))
        }
        (Sort::Created(_), Some(_)) => {
            let detail = "what is searched for comes in the order of names".to_owned();
            Err(invalid_parameters(vec![FieldError::in_parameter("sort", "not-with-search", detail)]))
        }
        (Sort::Created(order), None) => {
            let page = page(&uri, limit, cursor)?.in_order(order);
            if let Some(then) = then {
                // What was theirs then and is another's now is not told of.
                let theirs = Filter { advisor: reach.narrowed(None).flatten(), ..Filter::default() };
                let now = |page| {
                    let pool = pool.clone();
                    async move { projections::portfolios::list(&pool, theirs, page).await }
                };
                let fits = |row: &PortfolioRow| filter.fits(row);
                let (rows, next) = past.page::<projections::portfolios::Changed, _, _>(then, page, now, fits).await?;
                return Ok(listing_up_to(&uri, rows.into_iter().map(PortfolioView::from).collect(), next));
            }
            let rows = projections::portfolios::list(&pool, filter, page).await?;
            Ok(listing(&uri, page, rows, |row| row.created_position, PortfolioView::from))
        }
        (Sort::Name, search) => {
            let (limit, after) = page_by_name(&uri, limit, cursor)?;
            let after = after.map(|(name, id)| (name, PortfolioId::new(id)));
            let page = ByName { prefix: search.unwrap_or_default(), after, limit };
            if let Some(then) = then {
                let (rows, next) = by_name::then(&pool, &past, then, (filter, reach), page).await?;
                let views = rows.into_iter().map(PortfolioView::from).collect();
                let next = next.map(|(name, id)| (name, id.uuid()));
                return Ok(listing_by_name_up_to(&uri, views, next.as_ref()));
            }
            let rows = projections::portfolios::list_by_name(&pool, filter, &page).await?;
            let place = |row: &PortfolioRow| (Sought::of(&row.name), row.id.uuid());
            Ok(listing_by_name(&uri, limit, rows, place, PortfolioView::from))
        }
    }
}

/// Shows a portfolio.
#[utoipa::path(get, path = "/v1/portfolios/{id}", tag = "portfolios", operation_id = "getPortfolio",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = PortfolioView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = match query.until(&journal).await? {
        Some(until) => then::<Portfolio, projections::portfolios::Changed>(&journal, &id, until).await?,
        None => projections::portfolios::get(&pool, id).await?,
    };
    let row = row.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
    Ok(tagged(row.version, Json(PortfolioView::from(row)).into_response()))
}

/// Renames a portfolio.
#[utoipa::path(patch, path = "/v1/portfolios/{id}", tag = "portfolios", operation_id = "renamePortfolio",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = RenamePortfolio, responses(ChangedAnswer, RenameProblems))]
pub async fn rename(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<RenamePortfolio>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let name = faults.value("/name", Name::parse(&body.name));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(name), Some(reason)) = (name, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("RenamePortfolio").with("name", name.as_str());
    let digest = wish.with("reason", reason.as_str()).sha256();
    // There were names once that changed without a reason.
    let reason = Some(reason);
    let command_id = keyed.command(RENAME, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = journal.execute::<Portfolio>(&id, &PortfolioCommand::Rename { name, reason }, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

fn model_parameter(text: &str) -> Result<PortfolioId, Problem> {
    PortfolioId::parse(text)
        .ok_or_else(|| invalid_parameters(vec![FieldError::in_parameter("model", "not-an-id", NotAnId.to_string())]))
}

/// Nothing, where there is the portfolio, and was then.
///
/// # Errors
/// That there is none, or that PostgreSQL does not answer.
pub async fn need_portfolio(pool: &PgPool, id: PortfolioId, then: Option<Then>) -> Result<(), Problem> {
    let row = projections::portfolios::get(pool, id).await?;
    let is_there = |row: PortfolioRow| then.is_none_or(|then| then.had_begun(row.created_position, row.created_at));
    if row.is_some_and(is_there) { Ok(()) } else { Err(Problem::of(ProblemType::PortfolioUnknown)) }
}

/// Of a portfolio to which nothing ever happened, that there is none.
fn absent_rather_than_stale(problem: Problem) -> Problem {
    problem.or_absent(ProblemType::PortfolioUnknown)
}
