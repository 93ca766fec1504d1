//! `/v1/advisors`: who gives advice. Whether they may is under `advisors/standing.rs`.

mod standing;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::Stream;
use events::advisor::{Advisor, AdvisorCommand, AdvisorDetails, Standing};
use events::values::{AdvisorId, Currency, Firm, Language, Name, Regime};
use jiff::Timestamp;
use journal::{Expect, Journal};
use projections::Looked;
use projections::advisors::{AdvisorRow, Filter};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::as_of::{AsOfQuery, Past, then};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, CreatedAnswer, context, unless_given};
use crate::described::problems;
use crate::faults::{Faults, NotOneOf};
use crate::freshness::{CaughtUp, MIN_POSITION_WAIT, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed, MaybeKeyed, OptionalKeyHeader};
use crate::models::{firm_of, firm_parameter};
use crate::paging::{Listing, listing_up_to, order_parameter, page, search_parameter, word_parameter};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader, tagged};
use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

pub use self::standing::{__path_change_standing, change_standing};

const COLLECTION: &str = "/v1/advisors";
const CREATE: &str = "POST /v1/advisors";
const EDIT: &str = "PUT /v1/advisors/{id}";

/// What the register says of an advisor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterAdvisor {
    /// The advisor's name, as clients read it in letters.
    #[schema(min_length = 1, max_length = 120, example = "Ana Souza")]
    name: String,
    /// The firm that the advisor works for.
    #[schema(min_length = 1, max_length = 120, example = "Souza Investimentos")]
    firm: String,
    /// Under whose rules they work: `cvm_178` (assessor in Brazil), `cvm_19` (consultant in Brazil), `mifid_ii` (European
    /// Union), `us_ria` (United States) or `other`, which is meant where nothing is said.
    #[schema(example = "cvm_178")]
    regime: Option<String>,
    /// Their number in that regime's register; needed unless the regime is `other`.
    #[schema(min_length = 1, max_length = 120, example = "A12345")]
    registration: Option<String>,
    /// In which language their clients are written to: `en`, which is meant where nothing is said, or `pt-BR`.
    #[schema(example = "pt-BR")]
    language: Option<String>,
    /// In which currency they work where nothing else is said: an ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "BRL")]
    currency: Option<String>,
}

/// What the register says of an advisor from now on. What decides on gates and letters has to be said: left out, it would
/// change in silence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAdvisor {
    /// The advisor's name, as clients read it in letters.
    #[schema(min_length = 1, max_length = 120, example = "Ana Souza")]
    name: String,
    /// The firm that the advisor works for.
    #[schema(min_length = 1, max_length = 120, example = "Souza Investimentos")]
    firm: String,
    /// Under whose rules they work: `cvm_178`, `cvm_19`, `mifid_ii`, `us_ria` or `other`.
    #[schema(example = "cvm_178")]
    regime: String,
    /// Their number in that regime's register; needed unless the regime is `other`.
    #[schema(min_length = 1, max_length = 120, example = "A12345")]
    registration: Option<String>,
    /// In which language their clients are written to: `en` or `pt-BR`.
    #[schema(example = "pt-BR")]
    language: String,
    /// In which currency they work where nothing else is said: an ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "BRL")]
    currency: Option<String>,
}

impl From<EditAdvisor> for RegisterAdvisor {
    fn from(EditAdvisor { name, firm, regime, registration, language, currency }: EditAdvisor) -> Self {
        Self { name, firm, regime: Some(regime), registration, language: Some(language), currency }
    }
}

impl RegisterAdvisor {
    fn parse(&self) -> Result<AdvisorDetails, Problem> {
        let mut faults = Faults::default();
        let name = faults.value("/name", Name::parse(&self.name));
        let firm = faults.value("/firm", Name::parse(&self.firm));
        let regime = |text: &str| NotOneOf::parsed(text, &Regime::ALL, Regime::word);
        let regime = faults.optional("/regime", self.regime.as_deref(), regime);
        let registration = faults.optional("/registration", self.registration.as_deref(), Name::parse);
        let language = |text: &str| NotOneOf::parsed(text, &Language::ALL, Language::tag);
        let language = faults.optional("/language", self.language.as_deref(), language);
        let currency = faults.optional("/currency", self.currency.as_deref(), Currency::parse);
        let (Some(name), Some(firm), Some(regime), Some(registration), Some(language), Some(currency)) =
            (name, firm, regime, registration, language, currency)
        else {
            return Err(faults.into_problem());
        };
        let (regime, language) = (regime.unwrap_or_default(), language.unwrap_or_default());
        Ok(AdvisorDetails { name, firm, regime, registration, language, currency })
    }
}

fn written_into(wish: Canonical, details: &AdvisorDetails) -> Canonical {
    // What was not there in the first version of this request is written only where it says something.
    let regime = Some(details.regime).filter(|regime| *regime != Regime::default());
    let language = Some(details.language).filter(|language| *language != Language::default());
    wish.with("name", details.name.as_str())
        .with("firm", details.firm.as_str())
        .with_optional("regime", regime.map(Regime::word))
        .with_optional("registration", details.registration.as_ref().map(Name::as_str))
        .with_optional("language", language.map(Language::tag))
        .with_optional("currency", details.currency.as_ref().map(Currency::as_str))
}

/// An advisor.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdvisorView {
    /// The advisor's id.
    #[schema(value_type = String, format = Uuid)]
    id: AdvisorId,
    /// The advisor's name.
    name: String,
    /// The advisor's firm.
    firm: String,
    /// Under whose rules they work.
    #[schema(example = "cvm_178")]
    regime: &'static str,
    /// Their number in that regime's register.
    #[schema(required)]
    registration: Option<String>,
    /// In which language their clients are written to.
    #[schema(example = "pt-BR")]
    language: &'static str,
    /// In which currency they work where nothing else is said.
    #[schema(required, example = "BRL")]
    currency: Option<String>,
    /// Whether they may give advice: `active`, `suspended` or `removed`.
    #[schema(example = "active")]
    standing: &'static str,
    /// Why they stand so; `null` where nothing ever changed it.
    #[schema(required)]
    standing_reason: Option<String>,
    /// When they were registered.
    #[schema(value_type = String, format = DateTime)]
    registered_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "advisory-1")]
    position: events::Position,
}

impl From<AdvisorRow> for AdvisorView {
    fn from(row: AdvisorRow) -> Self {
        let AdvisorRow { id, details, standing, standing_reason, registered_at, version, position, .. } = row;
        Self {
            id,
            name: details.name.as_str().to_owned(),
            firm: details.firm.as_str().to_owned(),
            regime: details.regime.word(),
            registration: details.registration.map(|number| number.as_str().to_owned()),
            language: details.language.tag(),
            currency: details.currency.map(|currency| currency.to_string()),
            standing: standing.word(),
            standing_reason,
            registered_at,
            version,
            position,
        }
    }
}

/// Which advisors are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AdvisorsQuery {
    /// Only those who stand so: `active`, `suspended` or `removed`.
    standing: Option<String>,
    /// Only those who work under this regime: `cvm_178`, `cvm_19`, `mifid_ii`, `us_ria` or `other`.
    regime: Option<String>,
    /// Only those who work for this firm, whatever its capital letters and white space.
    #[param(min_length = 1, max_length = 120, example = "Casa Verde")]
    firm: Option<String>,
    /// Only those whose name or firm contains this, whatever the case and the accents.
    #[param(min_length = 1, max_length = 120)]
    search: Option<String>,
    /// The order: `created`, which is meant where nothing is said, or `-created`, the newest first.
    sort: Option<String>,
    /// As the list was after this event, such as `advisory-42`, or at this time, such as `2024-01-31T12:00:00Z`; as it is now
    /// where nothing is said. Pages of the past may be short and still have a `next`.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(RegisterProblems: ANY, GUARDED, COMMAND, KEYED; AdvisorAlreadyRegistered, AdvisorRegistrationMissing);
problems!(EditProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    AdvisorUnknown, AdvisorRemoved, AdvisorRegistrationMissing, AdvisorHasModels, ProjectionBehind);
problems!(ListProblems: ANY, GUARDED, READ;);
problems!(GetProblems: ANY, GUARDED, READ; AdvisorUnknown, LogUnavailable);

/// Registers an advisor.
#[utoipa::path(post, path = "/v1/advisors", tag = "advisors", operation_id = "registerAdvisor",
    security(("bearer" = ["admin"])), params(KeyHeader),
    request_body = RegisterAdvisor, responses(CreatedAnswer, RegisterProblems))]
pub async fn register(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    keyed: Keyed,
    JsonBody(body): JsonBody<RegisterAdvisor>,
) -> Result<Answer, Problem> {
    let details = body.parse()?;
    let digest = written_into(Canonical::of("RegisterAdvisor"), &details).sha256();
    let command_id = keyed.command(CREATE, &[]);
    let id = AdvisorId::created_by(command_id);
    let context = context(command_id, keyed.actor, clock.now(), Expect::New, digest);
    let done = journal.execute::<Advisor>(&id, &AdvisorCommand::Register(details), &context).await?;
    references.registered_advisor(id);
    Ok(Answer::created(COLLECTION, id.to_string(), &done))
}

/// Changes what the register says of an advisor, all of it.
///
/// Models of a firm stay with it: who has some that are in use changes to no other firm before these are handed over or
/// archived. Capital letters and white space make no other firm.
#[utoipa::path(put, path = "/v1/advisors/{id}", tag = "advisors", operation_id = "editAdvisor",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = EditAdvisor, responses(ChangedAnswer, EditProblems))]
pub async fn edit(
    State(past): State<Past>,
    State(pool): State<PgPool>,
    State(clock): State<Clock>,
    Id(id): Id<AdvisorId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<EditAdvisor>,
) -> Result<Answer, Problem> {
    let details = RegisterAdvisor::from(body).parse()?;
    let digest = written_into(Canonical::of("EditAdvisor"), &details).sha256();
    let command_id = keyed.command(EDIT, &[&id.to_string()]);
    let needed = leaves_no_models(&past, &pool, id, &details).await;
    unless_given::<Advisor>(&past.journal, &id, command_id, needed).await?;
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let done = past.journal.execute::<Advisor>(&id, &AdvisorCommand::Edit(details), &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AdvisorUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Nothing, where the advisor stays with their firm, or has no model of it that is in use.
async fn leaves_no_models(past: &Past, pool: &PgPool, id: AdvisorId, wished: &AdvisorDetails) -> Result<(), Problem> {
    let Some(firm) = firm_of(&past.journal, id).await? else { return Ok(()) };
    if Firm::named(&firm) == Firm::named(&wished.firm) {
        return Ok(());
    }
    // What they have just composed counts.
    let end = past.journal.last_position(Stream::Advisory).await?;
    past.checkpoints.wait_for(end, MIN_POSITION_WAIT).await?;
    if !projections::portfolios::keeps_models(pool, id, &Firm::named(&firm)).await? {
        return Ok(());
    }
    Err(Problem::new(ProblemType::AdvisorHasModels, format!("models of `{firm}` are advisor {id}'s")))
}

/// Lists advisors in the order of their registration, or the newest first.
#[utoipa::path(get, path = "/v1/advisors", tag = "advisors", operation_id = "listAdvisors",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(AdvisorsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<AdvisorView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(past): State<Past>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<AdvisorsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let page = page.in_order(order_parameter(query.sort.as_deref())?);
    let filter = Filter {
        regime: word_parameter("regime", query.regime.as_deref(), &Regime::ALL, Regime::word)?,
        firm: query.firm.as_deref().map(firm_parameter).transpose()?,
        standing: word_parameter("standing", query.standing.as_deref(), &standing::ALL, Standing::word)?,
        search: search_parameter("search", query.search)?,
        own: match reach {
            Reach::Everybody => None,
            Reach::Only(own) => Some(own),
        },
    };
    if let Some(then) = past.then::<AdvisorRow>(query.as_of.as_deref()).await? {
        let own = filter.own;
        let now = |page| {
            let (pool, filter) = (pool.clone(), Filter { own, ..Filter::default() });
            async move { Ok(projections::advisors::list(&pool, &filter, page).await?.rows) }
        };
        let (rows, next) =
            past.page::<projections::advisors::Changed, _, _>(then, page, now, |row| filter.fits(row)).await?;
        return Ok(listing_up_to(&uri, rows.into_iter().map(AdvisorView::from).collect(), next));
    }
    let Looked { rows, next } = projections::advisors::list(&pool, &filter, page).await?;
    Ok(listing_up_to(&uri, rows.into_iter().map(AdvisorView::from).collect(), next))
}

/// Shows an advisor.
#[utoipa::path(get, path = "/v1/advisors/{id}", tag = "advisors", operation_id = "getAdvisor",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = AdvisorView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    Id(id): Id<AdvisorId>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = row(&pool, &journal, id, &query).await?;
    let row = row.ok_or_else(|| Problem::of(ProblemType::AdvisorUnknown))?;
    Ok(tagged(row.version, Json(AdvisorView::from(row)).into_response()))
}

/// The advisor as they stand, or stood then; `None` where there is none, or was none yet.
///
/// # Errors
/// `invalid-parameter`, or that the log or the read model cannot be read.
pub async fn row(
    pool: &PgPool,
    journal: &Journal,
    id: AdvisorId,
    query: &AsOfQuery,
) -> Result<Option<AdvisorRow>, Problem> {
    Ok(match query.until(journal).await? {
        Some(until) => then::<Advisor, projections::advisors::Changed>(journal, &id, until).await?,
        None => projections::advisors::get(pool, id).await?,
    })
}
