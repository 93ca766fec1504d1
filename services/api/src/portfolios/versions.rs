//! `/v1/portfolios/{id}/versions`: every version that a portfolio has had, replayed from the log.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use events::portfolio::{Composition, PortfolioEvent};
use events::values::{Actor, AggregateId, PortfolioId};
use events::{AnyEvent, Decider, Kind, Portfolio, Position, Stored, Subject};
use jiff::Timestamp;
use journal::{Journal, Recorded};
use projections::replay::Until;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PortfolioView;
use crate::access::Reach;
use crate::as_of::{AsOfQuery, happened, then, until};
use crate::described::problems;
use crate::paging::{Listing, listing, page};
use crate::parameters::Parameters;
use crate::paths::{Id, VersionInPath};
use crate::preconditions::tagged;
use crate::problem::{Problem, ProblemType};

/// What made a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// The version, as in `ETag` and in the path.
    version: u64,
    /// What happened: the type of the event.
    #[serde(rename = "type")]
    #[schema(example = "insights.portfolio.reallocated.v2")]
    kind: String,
    /// Why, where it was said.
    #[schema(required)]
    reason: Option<String>,
    /// Who did it.
    #[schema(value_type = String, example = "advisor:132e374d-2bfb-5564-814d-e201e6e41209")]
    actor: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Where the event stands.
    #[schema(value_type = String, example = "advisory-3")]
    position: Position,
}

/// Which versions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionsQuery {
    /// Those that there were after this event, such as `advisory-42`, or at this time, such as `2024-01-31T12:00:00Z`; all of
    /// them where nothing is said.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(ListProblems: ANY, GUARDED; InvalidParameter, PortfolioUnknown, LogUnavailable);
problems!(ShowProblems: ANY, GUARDED; InvalidParameter, PortfolioUnknown, VersionUnknown, LogUnavailable);

/// Lists the versions of a portfolio, each with what made it and why.
#[utoipa::path(get, path = "/v1/portfolios/{id}/versions", tag = "portfolios", operation_id = "listPortfolioVersions",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), VersionsQuery),
    responses((status = 200, body = Listing<VersionView>), ListProblems))]
pub async fn list(
    State(journal): State<Journal>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<VersionsQuery>,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let until = until(&journal, query.as_of.as_deref()).await?;
    let events = happened(history(&journal, id).await?, until);
    if events.is_empty() {
        return Err(Problem::of(ProblemType::PortfolioUnknown));
    }
    let behind = |event: &Recorded| page.after.is_none_or(|after| event.position().sequence > after);
    let wanted = events.iter().filter(|event| behind(event));
    let wanted = wanted.take(usize::try_from(page.limit).unwrap_or(usize::MAX)).map(|event| view(event, reach));
    let wanted = wanted.collect::<Result<Vec<_>, Problem>>()?;
    Ok(listing(&uri, page, wanted, |view| view.position.sequence, |view| view))
}

/// Shows a version of a portfolio as it was. With `as_of`, only where it had that version by then.
#[utoipa::path(get, path = "/v1/portfolios/{id}/versions/{version}", tag = "portfolios",
    operation_id = "getPortfolioVersion",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), ("version" = u64, Path, minimum = 1), AsOfQuery),
    responses((status = 200, body = PortfolioView, headers(("ETag" = String))), ShowProblems))]
pub async fn show(
    State(journal): State<Journal>,
    Id(id): Id<PortfolioId>,
    VersionInPath(version): VersionInPath,
    Parameters(query): Parameters<AsOfQuery>,
) -> Result<Response, Problem> {
    if let Some(until) = query.until(&journal).await? {
        let events = happened(history(&journal, id).await?, Some(until));
        if events.is_empty() {
            return Err(Problem::of(ProblemType::PortfolioUnknown));
        }
        // Versions count the events, from 1.
        if u64::try_from(events.len()).is_ok_and(|versions| version > versions) {
            return Err(Problem::of(ProblemType::VersionUnknown));
        }
    }
    let row = then::<Portfolio, projections::portfolios::Changed>(&journal, &id, Until::Version(version)).await?;
    match row {
        Some(row) if row.version == version => Ok(tagged(version, Json(PortfolioView::from(row)).into_response())),
        Some(_) => Err(Problem::of(ProblemType::VersionUnknown)),
        None if journal.state::<Portfolio>(&id).await?.version > 0 => Err(Problem::of(ProblemType::VersionUnknown)),
        None => Err(Problem::of(ProblemType::PortfolioUnknown)),
    }
}

/// What a portfolio was at this version, or is now, and the version; whose it is now in any case.
///
/// # Errors
/// `portfolio-unknown`, `version-unknown`, or that the log cannot be read.
pub(super) async fn composition_at(
    journal: &Journal,
    id: PortfolioId,
    version: Option<u64>,
) -> Result<(u64, Composition), Problem> {
    let Some(version) = version else {
        let now = journal.state::<Portfolio>(&id).await?;
        let is = now.state.composition().ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
        return Ok((now.version, is.clone()));
    };
    let events = history(journal, id).await?;
    let (mut now, mut then) = (Portfolio::default(), None);
    for recorded in &events {
        let event = PortfolioEvent::decode(recorded.event_type(), recorded.payload());
        now = now.evolve(&event.map_err(|_| unreadable(recorded))?);
        if recorded.metadata().map_err(|_| unreadable(recorded))?.version == version {
            then = now.composition().cloned();
        }
    }
    let is = then.zip(now.composition()).ok_or_else(|| Problem::of(ProblemType::VersionUnknown))?;
    let (then, Composition { advisor, .. }) = is;
    Ok((version, Composition { advisor: *advisor, ..then }))
}

async fn history(journal: &Journal, id: PortfolioId) -> Result<Vec<Recorded>, Problem> {
    let events = journal.history(&Subject::new(Kind::Portfolio, &id.token())).await?;
    if events.is_empty() { Err(Problem::of(ProblemType::PortfolioUnknown)) } else { Ok(events) }
}

fn unreadable(recorded: &Recorded) -> Problem {
    tracing::error!(position = %recorded.position(), "an event of a portfolio cannot be read");
    Problem::of(ProblemType::Internal)
}

fn view(recorded: &Recorded, reach: Reach) -> Result<VersionView, Problem> {
    let metadata = recorded.metadata().map_err(|_| unreadable(recorded))?;
    let AnyEvent::Portfolio(event) = recorded.decode().map_err(|_| unreadable(recorded))? else {
        return Err(unreadable(recorded));
    };
    let reason = match event {
        PortfolioEvent::Created(_) => None,
        PortfolioEvent::Renamed { reason, .. } => reason,
        PortfolioEvent::Reallocated { reason, .. }
        | PortfolioEvent::PolicySet { reason, .. }
        | PortfolioEvent::HandedOver { reason, .. }
        | PortfolioEvent::Subscribed { reason, .. }
        | PortfolioEvent::TakenOver { reason, .. }
        | PortfolioEvent::Unsubscribed { reason }
        | PortfolioEvent::Archived { reason }
        | PortfolioEvent::Restored { reason } => Some(reason),
        // Words for the clients of who recommended it.
        PortfolioEvent::Recommended { rationale, advisor, .. } => reach.covers(advisor).then_some(rationale),
    };
    Ok(VersionView {
        version: metadata.version,
        kind: recorded.event_type().to_owned(),
        reason: reason.map(|reason| reason.as_str().to_owned()),
        actor: metadata.actor,
        at: metadata.time,
        position: recorded.position(),
    })
}
