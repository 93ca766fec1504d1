//! `/v1/portfolios/{id}/backtests`: backtests that were recorded, so that what a client was shown can be shown again.
//! Computing one without recording it is under `computations/backtest.rs`.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::backtest::{Backtest, BacktestCommand, BacktestRun};
use events::values::{BacktestId, Note, PortfolioId};
use events::{Position, Stream};
use jiff::Timestamp;
use journal::{Expect, Journal};
use projections::backtests::BacktestRow;
use projections::prices::AsOf;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use super::versions::composition_at;
use super::{COLLECTION, need_portfolio};
use crate::as_of::{AsOfQuery, Past, then};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, CreatedAnswer, context, unless_given};
use crate::computations::backtest::{BacktestTerms, BacktestView, Kept, rerun, written_into};
use crate::described::problems;
use crate::faults::{Fault, Faults};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::objects;
use crate::paging::{Listing, invalid_parameters, listing_up_to, next_place, page};
use crate::parameters::Parameters;
use crate::paths::{BacktestInPath, Id};
use crate::preconditions::tagged;
use crate::problem::{FieldError, Problem, ProblemType};
use crate::snapshots::BacktestRunKept;
use crate::state::{Clock, Office};

const RECORD: &str = "POST /v1/portfolios/{id}/backtests/records";

/// A backtest to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordBacktest {
    /// The version of the portfolio whose weights are taken, as `portfolio_version` of what was shown.
    #[schema(minimum = 1)]
    portfolio_version: u64,
    /// How it is run, as it was for what was shown.
    #[serde(default, deserialize_with = "objects::optional")]
    terms: Option<BacktestTerms>,
    /// The prices that were known at this position, as `prices_position` of what was shown; what is known now where
    /// nothing is said.
    #[schema(example = "market-40")]
    prices_position: Option<String>,
    /// The fingerprint of what was shown: another result than that is not recorded.
    #[schema(example = "8f14e45fceea167a")]
    fingerprint: Option<String>,
    /// What it is made for.
    #[schema(min_length = 1, max_length = 4000, example = "For the talk with the Silvas on 4 March")]
    note: Option<String>,
}

/// A backtest that was recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedBacktestView {
    /// The backtest's id.
    #[schema(value_type = String, format = Uuid)]
    id: BacktestId,
    /// Of which portfolio.
    #[schema(value_type = String, format = Uuid)]
    portfolio: PortfolioId,
    /// All that it follows from, and what was shown.
    #[schema(value_type = BacktestRunKept)]
    run: serde_json::Value,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where its event stands.
    #[schema(value_type = String, example = "advisory-7")]
    position: Position,
}

/// A backtest that was recorded, computed again.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownAgainView {
    /// What was recorded.
    recorded: RecordedBacktestView,
    /// Whether computing it again, from the prices that were known then, gives the same to the last digit.
    still_the_same: bool,
    /// What it comes to now; `null` where it cannot be computed any more.
    #[schema(required)]
    result: Option<BacktestView>,
    /// Why it cannot be computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<BacktestRow> for RecordedBacktestView {
    fn from(row: BacktestRow) -> Self {
        let BacktestRow { id, portfolio, run, recorded_at, version, position, .. } = row;
        Self { id, portfolio, run, recorded_at, version, position }
    }
}

/// Which recorded backtests are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BacktestsQuery {
    /// Those that had been recorded by this event, such as `advisory-42`, or by this time, such as `2024-01-31T12:00:00Z`; all
    /// of them where nothing is said.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(RecordProblems: ANY, GUARDED, COMMAND, KEYED, READ;
    PortfolioUnknown, VersionUnknown, NoSuchAdvisor, AdvisorNotActive, NoSuchAssets, NotComputable, ComputationTooLarge,
    BacktestDiffers, BacktestAlreadyRecorded);
problems!(ListProblems: ANY, GUARDED, READ; InvalidParameter, PortfolioUnknown, LogUnavailable);
problems!(ShowProblems: ANY, GUARDED, READ; PortfolioUnknown, BacktestUnknown, LogUnavailable);

/// Records a backtest of a portfolio, so that what a client was shown can be shown again.
///
/// It is computed again from what was given with `POST /v1/portfolios/{id}/backtests`: the version of the portfolio, the
/// terms and the position of the prices. With the fingerprint of what was shown, nothing else than that is recorded.
#[utoipa::path(post, path = "/v1/portfolios/{id}/backtests/records", tag = "portfolios", operation_id = "recordBacktest",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), KeyHeader, MinPositionHeader),
    request_body = RecordBacktest, responses(CreatedAnswer, RecordProblems))]
pub async fn record(
    State(journal): State<Journal>,
    State(office): State<Office>,
    State(clock): State<Clock>,
    Id(portfolio): Id<PortfolioId>,
    keyed: Keyed,
    _: CaughtUp,
    JsonBody(body): JsonBody<RecordBacktest>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let note = faults.optional("/note", body.note.as_deref(), Note::parse);
    let prices = faults.optional("/prices_position", body.prices_position.as_deref(), market_position);
    let (Some(note), Some(prices)) = (note, prices) else { return Err(faults.into_problem()) };
    let terms = BacktestTerms::exact(body.terms.as_ref(), "/terms")?;
    let command_id = keyed.command(RECORD, &[&portfolio.to_string()]);
    let id = BacktestId::created_by(command_id);
    let wish = Canonical::of("RecordBacktest").with("portfolio_version", &body.portfolio_version.to_string());
    let wish = wish.with_optional("prices_position", body.prices_position.as_deref());
    let wish = wish.with_optional("fingerprint", body.fingerprint.as_deref());
    let digest = written_into(wish, &terms).with_optional("note", note.as_ref().map(Note::as_str)).sha256();
    let run = match journal.state::<Backtest>(&id).await?.state {
        // Given before: its first answer is there, whatever computing it would come to now.
        Backtest::Recorded(run) => run,
        Backtest::Unknown => {
            let (version, is) = composition_at(&journal, portfolio, Some(body.portfolio_version)).await?;
            let needed = office.references.need_advisor(keyed.reach, is.advisor).await;
            unless_given::<Backtest>(&journal, &id, command_id, needed).await?;
            let as_of = match prices {
                Some(asked) => AsOf::Sequence(reached(&journal, asked).await?.sequence),
                None => AsOf::Now,
            };
            let result = rerun(&office, &is.allocation, version, &terms, as_of).await?;
            let kept = Kept::of(&result);
            if body.fingerprint.as_ref().is_some_and(|shown| *shown != kept.fingerprint) {
                let detail = format!("the result has the fingerprint {}, not the one that was shown", kept.fingerprint);
                return Err(Problem::new(ProblemType::BacktestDiffers, detail));
            }
            Box::new(BacktestRun {
                portfolio,
                portfolio_version: version,
                advisor: is.advisor,
                currency: is.currency,
                allocation: is.allocation,
                terms,
                prices_position: kept.prices_position,
                definitions: kept.definitions,
                shown: kept.shown,
                digest: kept.digest,
                note,
            })
        }
    };
    let context = context(command_id, keyed.actor, clock.now(), Expect::New, digest);
    let done = journal.execute::<Backtest>(&id, &BacktestCommand::Record(run), &context).await?;
    Ok(Answer::created(&format!("{COLLECTION}/{portfolio}/backtests"), id.to_string(), &done))
}

/// Lists the recorded backtests of a portfolio, in the order in which they were recorded.
#[utoipa::path(get, path = "/v1/portfolios/{id}/backtests", tag = "portfolios", operation_id = "listBacktests",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), BacktestsQuery, MinPositionHeader),
    responses((status = 200, body = Listing<RecordedBacktestView>), ListProblems))]
pub async fn list(
    State(pool): State<PgPool>,
    State(past): State<Past>,
    OriginalUri(uri): OriginalUri,
    Id(portfolio): Id<PortfolioId>,
    Parameters(query): Parameters<BacktestsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let then = past.then::<BacktestRow>(query.as_of.as_deref()).await?;
    need_portfolio(&pool, portfolio, then).await?;
    let (rows, next) = match then {
        Some(then) => {
            let now = |page| {
                let pool = pool.clone();
                async move { projections::backtests::list(&pool, portfolio, page).await }
            };
            past.page::<projections::backtests::Changed, _, _>(then, page, now, |_| true).await?
        }
        None => {
            let rows = projections::backtests::list(&pool, portfolio, page).await?;
            let next = next_place(page, &rows, |row| row.created_position);
            (rows, next)
        }
    };
    Ok(listing_up_to(&uri, rows.into_iter().map(RecordedBacktestView::from).collect(), next))
}

/// Shows a recorded backtest again: what was shown, and what computing it from the same prices comes to.
#[utoipa::path(get, path = "/v1/portfolios/{id}/backtests/{backtest}", tag = "portfolios", operation_id = "getBacktest",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), ("backtest" = String, Path, format = Uuid), AsOfQuery,
        MinPositionHeader),
    responses((status = 200, body = ShownAgainView, headers(("ETag" = String))), ShowProblems))]
pub async fn show(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    State(office): State<Office>,
    Id(portfolio): Id<PortfolioId>,
    BacktestInPath(id): BacktestInPath,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let row = match query.until(&journal).await? {
        Some(until) => then::<Backtest, projections::backtests::Changed>(&journal, &id, until).await?,
        None => projections::backtests::get(&pool, id).await?,
    };
    // A backtest of another portfolio is not there: whose it is was asked of the one in the path.
    let row = row.filter(|row| row.portfolio == portfolio);
    let row = row.ok_or_else(|| Problem::of(ProblemType::BacktestUnknown))?;
    // The numbers come from the log: a row keeps them as text.
    let Backtest::Recorded(run) = journal.state::<Backtest>(&id).await?.state else {
        return Err(Problem::of(ProblemType::BacktestUnknown));
    };
    let as_of = AsOf::Sequence(run.prices_position.sequence);
    let (result, reason) = match rerun(&office, &run.allocation, run.portfolio_version, &run.terms, as_of).await {
        Ok(result) => (Some(result), None),
        Err(problem) if problem.kind() == ProblemType::NotComputable => (None, Some(problem.detail().to_owned())),
        Err(problem) => return Err(problem),
    };
    let still_the_same = result.as_ref().map(Kept::of).is_some_and(|now| now.is_of(&run));
    let version = row.version;
    let view = ShownAgainView { recorded: row.into(), still_the_same, result, reason };
    Ok(tagged(version, Json(view).into_response()))
}

/// The position, where the log is as far: what is not known yet may be anything.
async fn reached(journal: &Journal, asked: Position) -> Result<Position, Problem> {
    let end = journal.last_position(asked.stream).await?;
    if asked.sequence <= end.sequence {
        return Ok(asked);
    }
    let detail = format!("the log has no {asked} yet; it ends at {end}");
    Err(invalid_parameters(vec![FieldError::in_body("/prices_position", "position-ahead-of-log", detail)]))
}

/// The position of the market's stream that the text spells.
fn market_position(text: &str) -> Result<Position, NotAMarketPosition> {
    text.parse().ok().filter(|position: &Position| position.stream == Stream::Market).ok_or(NotAMarketPosition)
}

/// A text is no position of the market's stream.
#[derive(Debug)]
struct NotAMarketPosition;

impl std::fmt::Display for NotAMarketPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the position of prices looks like `market-42`")
    }
}

impl Fault for NotAMarketPosition {
    fn code(&self) -> &'static str {
        "not-a-position"
    }
}
