//! `/v1/models`: portfolios that are models of their firm. `portfolios/subscription.rs` has who follows them.
//!
//! A model is seen by the advisors of its firm, whoever keeps it, for as long as who keeps it works there. That is seen to:
//! nobody leaves a firm with a model that is in use (`advisors.rs`), and a model is handed over within its firm. Should one
//! have been left behind all the same, administrators and compliance find it under its firm. Which firm a name means tells
//! [`Firm`]: capital letters and white space make no other.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::portfolio::{Composition, Portfolio};
use events::values::{AdvisorId, Firm, Name, PortfolioId};
use events::{Advisor, advisor};
use journal::{Journal, Versioned};
use projections::advisors::of_firm;
use projections::portfolios::{Changed, ModelFilter, PortfolioRow, Standing};
use projections::{Looked, Page};
use serde::Deserialize;
use sqlx::PgPool;
use utoipa::IntoParams;

use crate::access::Reach;
use crate::as_of::{AsOfQuery, Past, then};
use crate::described::problems;
use crate::faults::Fault;
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::paging::{
    Listing, invalid_parameters, listing, listing_up_to, order_parameter, page, search_parameter, word_parameter,
};
use crate::parameters::Parameters;
use crate::paths::{Id, Model};
use crate::portfolios::PortfolioView;
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem, ProblemType};

/// Which models are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ModelsQuery {
    /// Whose models: a firm of the register of advisors, whatever its capital letters and white space. Advisors see those of
    /// their own firm alone, and need not say so; everybody else needs it, and is told of those as well that an advisor has
    /// who left the firm.
    #[param(min_length = 1, max_length = 120, example = "Casa Verde")]
    firm: Option<String>,
    /// Only those that stand so: `active` or `archived`.
    standing: Option<String>,
    /// Only those whose names contain this, whatever the case and the accents.
    #[param(min_length = 1, max_length = 120)]
    search: Option<String>,
    /// The order: `created`, which is meant where nothing is said, or `-created`, the newest first.
    sort: Option<String>,
    /// As the models of now were after this event, such as `advisory-42`, or at this time, such as `2024-01-31T12:00:00Z`; as
    /// they are now where nothing is said. Pages of the past may be short and still have a `next`.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(ListProblems: ANY, GUARDED, READ; LogUnavailable);
problems!(GetProblems: ANY, GUARDED, READ; ModelUnknown, LogUnavailable);

/// Lists the models of a firm, in the order of their composition or the newest first.
///
/// Where nothing is said of how they stand, archived ones are among them.
#[utoipa::path(get, path = "/v1/models", tag = "portfolios", operation_id = "listModels",
    security(("bearer" = ["admin", "advisor", "compliance"])), params(ModelsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<PortfolioView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(past): State<Past>,
    State(journal): State<Journal>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<ModelsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let page = page.in_order(order_parameter(query.sort.as_deref())?);
    let standing = word_parameter("standing", query.standing.as_deref(), &Standing::ALL, Standing::word)?;
    let search = search_parameter("search", query.search)?;
    let asked = query.firm.as_deref().map(firm_parameter).transpose()?;
    let firm = match (reach, asked) {
        // Asking for another firm's finds what there is to see: nothing.
        (Reach::Only(own), asked) => {
            let own = firm_of(&journal, own).await?.as_ref().map(Firm::named);
            own.filter(|firm| asked.is_none_or(|asked| asked == *firm))
        }
        (Reach::Everybody, Some(asked)) => Some(asked),
        (Reach::Everybody, None) => {
            let detail = "whose models are wanted: name a firm".to_owned();
            return Err(invalid_parameters(vec![FieldError::in_parameter("firm", "missing-parameter", detail)]));
        }
    };
    let then = past.then::<PortfolioRow>(query.as_of.as_deref()).await?;
    let Some(firm) = firm else {
        let none: Vec<PortfolioRow> = Vec::new();
        return Ok(listing(&uri, page, none, |row: &PortfolioRow| row.created_position, PortfolioView::from));
    };
    let filter = ModelFilter { firm, left_behind: reach == Reach::Everybody, standing, search };
    if let Some(then) = then {
        // Which firm's a model is never changes; who sees it is asked of now.
        let now = |page| {
            let (pool, filter) = (pool.clone(), filter.clone());
            async move { some(&pool, filter, page).await }
        };
        let (rows, next) = past.page_of_seen::<Changed, _, _>(then, page, now, |row| filter.fits(row)).await?;
        return Ok(listing_up_to(&uri, rows.into_iter().map(PortfolioView::from).collect(), next));
    }
    let Looked { rows, next } = projections::portfolios::models(&pool, &filter, page).await?;
    Ok(listing_up_to(&uri, rows.into_iter().map(PortfolioView::from).collect(), next))
}

/// The places of a page of the firm's models, each with the model, where the caller sees it.
async fn some(pool: &PgPool, filter: ModelFilter, page: Page) -> Result<Vec<(u64, Option<PortfolioRow>)>, sqlx::Error> {
    let of_the_firm = ModelFilter { left_behind: true, standing: None, search: None, ..filter.clone() };
    let rows = projections::portfolios::models(pool, &of_the_firm, page).await?.rows;
    let advisors = rows.iter().map(|row| row.advisor).collect();
    let there = if filter.left_behind { None } else { Some(of_firm(pool, &filter.firm, &advisors).await?) };
    let is_seen = |row: &PortfolioRow| there.as_ref().is_none_or(|there| there.contains(&row.advisor));
    Ok(rows.into_iter().map(|row| (row.created_position, Some(row).filter(is_seen))).collect())
}

/// Shows a model.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "portfolios", operation_id = "getModel",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = PortfolioView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    Id(Model(id)): Id<Model>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = match query.until(&journal).await? {
        Some(until) => then::<Portfolio, Changed>(&journal, &id, until).await?,
        None => projections::portfolios::get(&pool, id).await?,
    };
    // Those who reach everything were not asked whether this is a model.
    let row = row.filter(|row| row.model_of.is_some()).ok_or_else(|| Problem::of(ProblemType::ModelUnknown))?;
    Ok(tagged(row.version, Json(PortfolioView::from(row)).into_response()))
}

/// The firm that the advisor works for; `None` where nobody is registered under this id.
///
/// # Errors
/// That the log cannot be read.
pub async fn firm_of(journal: &Journal, id: AdvisorId) -> Result<Option<Name>, Problem> {
    Ok(match journal.state::<Advisor>(&id).await?.state {
        Advisor::Registered { details: advisor::AdvisorDetails { firm, .. }, .. } => Some(firm),
        Advisor::Unknown => None,
    })
}

/// A model as it is now.
pub struct Offering {
    /// Its version.
    pub version: u64,
    /// What it is.
    pub is: Composition,
    /// Whether it is in use.
    pub standing: Standing,
}

/// The model, where this advisor sees it: where both they and who keeps it work for the firm that it was composed for.
///
/// # Errors
/// That the log cannot be read.
pub async fn shown_to(journal: &Journal, model: PortfolioId, advisor: AdvisorId) -> Result<Option<Offering>, Problem> {
    let Versioned { version, state, .. } = journal.state::<Portfolio>(&model).await?;
    let (is, standing) = match state {
        Portfolio::Active(is) => (*is, Standing::Active),
        Portfolio::Archived(is) => (*is, Standing::Archived),
        Portfolio::Unknown => return Ok(None),
    };
    let Some(house) = is.model_of.as_ref().map(Firm::named) else { return Ok(None) };
    let works_there = async |advisor| {
        Ok::<_, Problem>(firm_of(journal, advisor).await?.is_some_and(|firm| Firm::named(&firm) == house))
    };
    let is_shown = works_there(advisor).await? && (is.advisor == advisor || works_there(is.advisor).await?);
    Ok(is_shown.then_some(Offering { version, is, standing }))
}

/// The firm that a query names.
///
/// # Errors
/// `invalid-parameter` where no firm can be called so.
pub fn firm_parameter(text: &str) -> Result<Firm, Problem> {
    Name::parse(text)
        .map(|name| Firm::named(&name))
        .map_err(|fault| invalid_parameters(vec![FieldError::in_parameter("firm", fault.code(), fault.to_string())]))
}
