//! `/v1/recommendations`: what was recommended to whom, and how its letter stands. Made by
//! `POST /v1/portfolios/{id}/recommendations`. Letting refused advice out and taking advice back is under
//! `recommendations/ends.rs`.

mod circumstances;
mod ends;
mod gates;

use axum::Json;
use axum::extract::{FromRef, OriginalUri, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use events::recommendation::Standing;
use events::values::{AdvisorId, ClientId, PortfolioId, RecommendationId};
use events::{Position, Recommendation};
use jiff::Timestamp;
use journal::Journal;
use projections::Looked;
use projections::recommendations::{Filter, Overridden, RecommendationRow};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::as_of::{AsOfQuery, Past, Then, then};
use crate::described::problems;
use crate::faults::{Fault, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::paging::{Listing, invalid_parameters, listing_up_to, order_parameter, page, word_parameter};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::portfolios::{TargetView, need_portfolio, target_views};
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem, ProblemType};
use crate::references::References;
use crate::snapshots::{AdvisedFigures, AdvisedTerms};
use crate::state::Parts;

use self::gates::{GateView, gates};

pub use self::ends::{__path_change_standing, __path_let_out, change_standing, let_out};

/// A recommendation to one client.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecommendationView {
    /// The recommendation's id.
    #[schema(value_type = String, format = Uuid)]
    id: RecommendationId,
    /// Which portfolio was recommended.
    #[schema(value_type = String, format = Uuid)]
    portfolio: PortfolioId,
    /// Which version of it: the one that its recommending made.
    portfolio_version: u64,
    /// What the portfolio was called then.
    portfolio_name: String,
    /// To whom.
    #[schema(value_type = String, format = Uuid)]
    client: ClientId,
    /// By whom.
    #[schema(value_type = String, format = Uuid)]
    advisor: AdvisorId,
    /// The portfolio's currency.
    #[schema(example = "USD")]
    currency: String,
    /// The target weights then.
    allocation: Vec<TargetView>,
    /// Why, in words for the client.
    rationale: String,
    /// The figures then. A figure that could not be given is `null`.
    #[schema(value_type = AdvisedFigures)]
    figures: serde_json::Value,
    /// What else it comes with.
    #[schema(value_type = AdvisedTerms)]
    terms: serde_json::Value,
    /// How the advice stands: `open`, `refused`, `withdrawn`, `superseded` or `expired`. Refused advice is `superseded`, too,
    /// once later advice on the portfolio has gone out to the client.
    #[schema(example = "open")]
    standing: String,
    /// Why compliance let it go out, or why it was taken back: what was said last.
    #[schema(required)]
    standing_reason: Option<String>,
    /// The gates that stayed shut when it was to be made; none where all were open.
    gates: Vec<GateView>,
    /// That compliance let it through the gates that had stayed shut, whatever has become of it since; `null` where nobody did.
    #[serde(rename = "override")]
    #[schema(required)]
    overridden: Option<OverrideView>,
    /// The recommendation that took its place, or went out after it while it was refused.
    #[schema(required, value_type = Option<String>, format = Uuid)]
    superseded_by: Option<RecommendationId>,
    /// How the letter stands.
    letter: LetterView,
    /// When it was recommended.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "advisory-5")]
    position: Position,
}

/// That refused advice was let out.
#[derive(Debug, Serialize, ToSchema)]
pub struct OverrideView {
    /// Why.
    #[schema(example = "The client holds more elsewhere; see the minutes of 4 March")]
    reason: String,
    /// Who did it, as `actor` in events.
    #[schema(example = "compliance:6f1b0c8e-5d0e-4f7a-9a53-1b1d7a0c2e61")]
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<Overridden> for OverrideView {
    fn from(Overridden { reason, by, at }: Overridden) -> Self {
        Self { reason, by, at }
    }
}

/// How a letter stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct LetterView {
    /// `due`, `claimed`, `sent`, `failed` or `outcome unknown`; `none` where nobody is written to, because the advice was
    /// refused or ceased to stand before its letter had left.
    #[schema(example = "sent")]
    state: String,
    /// Attempts to send it.
    attempts: u32,
    /// When the mail server took it.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    emailed_at: Option<Timestamp>,
}

impl From<RecommendationRow> for RecommendationView {
    fn from(row: RecommendationRow) -> Self {
        Self {
            id: row.id,
            portfolio: row.portfolio,
            portfolio_version: row.portfolio_version,
            portfolio_name: row.portfolio_name,
            client: row.client,
            advisor: row.advisor,
            currency: row.currency,
            allocation: target_views(row.allocation),
            rationale: row.rationale,
            figures: row.figures,
            terms: row.terms,
            standing: row.standing,
            standing_reason: row.standing_reason,
            gates: gates(row.gates),
            overridden: row.overridden.map(OverrideView::from),
            superseded_by: row.superseded_by,
            letter: LetterView { state: row.letter, attempts: row.attempts, emailed_at: row.emailed_at },
            made_at: row.made_at,
            version: row.version,
            position: row.position,
        }
    }
}

/// Which recommendations are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecommendationsQuery {
    /// Only those by this advisor.
    #[param(format = Uuid)]
    advisor: Option<String>,
    /// Only those of this portfolio.
    #[param(format = Uuid)]
    portfolio: Option<String>,
    /// Only those to this client: an advisor who has the client now is shown those of who had them before, too.
    #[param(format = Uuid)]
    client: Option<String>,
    /// Only those that stand so: `open`, `refused`, `withdrawn`, `superseded` or `expired`. Advice whose last day is over
    /// stands as `open` until that is noted, within a minute of the day's end.
    standing: Option<String>,
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

/// Which recommendations of a portfolio are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfPortfolioQuery {
    /// Only those by this advisor.
    #[param(format = Uuid)]
    advisor: Option<String>,
    /// Only those to this client: an advisor who has the client now is shown those of who had them before, too.
    #[param(format = Uuid)]
    client: Option<String>,
    /// Only those that stand so: `open`, `refused`, `withdrawn`, `superseded` or `expired`.
    standing: Option<String>,
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

problems!(ListProblems: ANY, GUARDED, READ;);
problems!(OfPortfolioProblems: ANY, GUARDED, READ; PortfolioUnknown);
problems!(GetProblems: ANY, GUARDED, READ; RecommendationUnknown, LogUnavailable);

/// Lists recommendations in the order in which they were made, or the newest first.
#[utoipa::path(get, path = "/v1/recommendations", tag = "recommendations", operation_id = "listRecommendations",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(RecommendationsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<RecommendationView>), ListProblems))]
pub async fn list(
    State(shelves): State<Shelves>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Parameters(query): Parameters<RecommendationsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let then = shelves.past.then::<RecommendationRow>(query.as_of.as_deref()).await?;
    shelves.listed(&uri, reach, &query, then).await
}

/// Lists what was recommended of a portfolio, in the order in which it was, or the newest first.
#[utoipa::path(get, path = "/v1/portfolios/{id}/recommendations", tag = "portfolios",
    operation_id = "listPortfolioRecommendations",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), OfPortfolioQuery, MinPositionHeader),
    responses((status = 200, body = Listing<RecommendationView>), OfPortfolioProblems))]
pub async fn of_portfolio(
    State(shelves): State<Shelves>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Id(portfolio): Id<PortfolioId>,
    Parameters(query): Parameters<OfPortfolioQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let OfPortfolioQuery { advisor, client, standing, sort, as_of, limit, cursor } = query;
    let then = shelves.past.then::<RecommendationRow>(as_of.as_deref()).await?;
    need_portfolio(&shelves.pool, portfolio, then).await?;
    let portfolio = Some(portfolio.to_string());
    let query = RecommendationsQuery { advisor, portfolio, client, standing, sort, as_of, limit, cursor };
    shelves.listed(&uri, reach, &query, then).await
}

/// Where recommendations are looked for.
#[derive(Clone)]
pub struct Shelves {
    pool: PgPool,
    past: Past,
    references: References,
}

impl FromRef<Parts> for Shelves {
    fn from_ref(parts: &Parts) -> Self {
        Self { pool: PgPool::from_ref(parts), past: Past::from_ref(parts), references: References::from_ref(parts) }
    }
}

impl Shelves {
    /// A page of those that are wanted and within the caller's reach, as they are or as they were.
    async fn listed(
        &self,
        uri: &Uri,
        reach: Reach,
        query: &RecommendationsQuery,
        then: Option<Then>,
    ) -> Result<Response, Problem> {
        let page = page(uri, query.limit.as_deref(), query.cursor.as_deref())?;
        let page = page.in_order(order_parameter(query.sort.as_deref())?);
        let Some(filter) = self.filter(query, reach).await? else {
            // Nothing of that is theirs to see.
            return Ok(listing_up_to(uri, Vec::<RecommendationView>::new(), None));
        };
        if let Some(then) = then {
            // All else that is asked for never changes. Of one client's, no index knows the portfolio.
            let portfolio = filter.portfolio.filter(|_| filter.client.is_none());
            let within = Filter { standing: None, portfolio, ..filter };
            let now = |page| {
                let pool = self.pool.clone();
                async move { Ok(projections::recommendations::list(&pool, within, page).await?.rows) }
            };
            let fits = |row: &RecommendationRow| filter.fits(row);
            let (rows, next) =
                self.past.page::<projections::recommendations::Changed, _, _>(then, page, now, fits).await?;
            return Ok(listing_up_to(uri, rows.into_iter().map(RecommendationView::from).collect(), next));
        }
        let Looked { rows, next } = projections::recommendations::list(&self.pool, filter, page).await?;
        Ok(listing_up_to(uri, rows.into_iter().map(RecommendationView::from).collect(), next))
    }

    /// Which are wanted; `None` where none of them are within the caller's reach.
    async fn filter(&self, query: &RecommendationsQuery, reach: Reach) -> Result<Option<Filter>, Problem> {
        let wanted = wanted(query)?;
        let reach = match (reach, wanted.client) {
            // Whoever advises a client knows what the client was advised before, by whomever.
            (Reach::Only(own), Some(client)) if self.references.owns_client(&client, own).await? => Reach::Everybody,
            (reach, _) => reach,
        };
        Ok(reach.narrowed(wanted.advisor).map(|advisor| Filter { advisor, ..wanted }))
    }
}

/// Shows a recommendation.
#[utoipa::path(get, path = "/v1/recommendations/{id}", tag = "recommendations", operation_id = "getRecommendation",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = RecommendationView, headers(("ETag" = String))), GetProblems))]
pub async fn get(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    // Before it is asked whose it is: the read model tells.
    _: CaughtUp,
    Id(id): Id<RecommendationId>,
    Parameters(query): Parameters<AsOfQuery>,
) -> Result<Response, Problem> {
    let row = match query.until(&journal).await? {
        Some(until) => then::<Recommendation, projections::recommendations::Changed>(&journal, &id, until).await?,
        None => projections::recommendations::get(&pool, id).await?,
    };
    let row = row.ok_or_else(|| Problem::of(ProblemType::RecommendationUnknown))?;
    Ok(tagged(row.version, Json(RecommendationView::from(row)).into_response()))
}

/// Which are wanted.
fn wanted(query: &RecommendationsQuery) -> Result<Filter, Problem> {
    let standing = word_parameter("standing", query.standing.as_deref(), &Standing::ALL, Standing::word)?;
    let mut errors = Vec::new();
    let mut read = |name: &str, known: bool| {
        if !known {
            errors.push(FieldError::in_parameter(name, NotAnId.code(), NotAnId.to_string()));
        }
    };
    let advisor = query.advisor.as_deref().map(AdvisorId::parse);
    read("advisor", advisor != Some(None));
    let portfolio = query.portfolio.as_deref().map(PortfolioId::parse);
    read("portfolio", portfolio != Some(None));
    let client = query.client.as_deref().map(ClientId::parse);
    read("client", client != Some(None));
    if !errors.is_empty() {
        return Err(invalid_parameters(errors));
    }
    Ok(Filter { advisor: advisor.flatten(), portfolio: portfolio.flatten(), client: client.flatten(), standing })
}
