//! `GET /v1/portfolios/{id}/events`: what happened to a portfolio, replayed from the log.

use axum::extract::OriginalUri;
use axum::extract::State;
use axum::response::Response;
use events::values::{AggregateId, PortfolioId};
use events::{Kind, Metadata, Position, Subject};
use journal::{Journal, Recorded};
use projections::Page;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::access::Reach;
use crate::as_of::{happened, until};
use crate::described::problems;
use crate::events::{advice_of, withhold};
use crate::paging::{Listing, listing, page};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::problem::{Problem, ProblemType};

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Where it stands in the log.
    #[schema(value_type = String, example = "advisory-3")]
    position: Position,
    /// Its type and the version of its stored form.
    #[serde(rename = "type")]
    #[schema(example = "insights.portfolio.created.v3")]
    kind: String,
    /// What stands beside it: who, when, by which command. `null` where it cannot be read.
    #[schema(required, value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// The trace in which it was recorded, where there was one.
    #[schema(required, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    /// The event itself. `null` where this build does not know its type. To whom it was recommended, and in what words, is
    /// `null` for another advisor than who did.
    #[schema(required, value_type = Option<Object>)]
    data: Option<Value>,
    /// Why there is no metadata or no data, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl EventView {
    fn of(recorded: &Recorded, reach: Reach) -> Self {
        let (metadata, no_metadata) = apart(recorded.metadata());
        let (event, no_event) = apart(recorded.decode());
        let (mut data, unwritten) = match &event {
            Some(event) => apart(serde_json::to_value(event)),
            None => (None, None),
        };
        let is_of_another = event.as_ref().and_then(advice_of).is_some_and(|by| !reach.covers(by));
        let withheld = if is_of_another { withhold(&mut data) } else { None };
        let no_data = no_event.or(unwritten).or(withheld);
        let trace_id = recorded.trace_parent().and_then(|parent| parent.split('-').nth(1)).map(str::to_owned);
        Self {
            position: recorded.position(),
            kind: recorded.event_type().to_owned(),
            metadata,
            trace_id,
            data,
            reason: no_metadata.or(no_data),
        }
    }
}

fn apart<T, E: std::fmt::Display>(result: Result<T, E>) -> (Option<T>, Option<String>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error.to_string())),
    }
}

/// Which events are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// What had happened by this event, such as `advisory-42`, or by this time, such as `2024-01-31T12:00:00Z`; all of it
    /// where nothing is said.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
    /// How many at the most; 50 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

problems!(HistoryProblems: ANY, GUARDED; InvalidParameter, PortfolioUnknown, LogUnavailable);

/// Lists what happened to a portfolio, from the first event on.
///
/// Read from the log, not from a read model: always up to date.
#[utoipa::path(get, path = "/v1/portfolios/{id}/events", tag = "portfolios", operation_id = "listPortfolioEvents",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid), EventsQuery),
    responses((status = 200, body = Listing<EventView>), HistoryProblems))]
pub async fn history(
    State(journal): State<Journal>,
    OriginalUri(uri): OriginalUri,
    reach: Reach,
    Id(id): Id<PortfolioId>,
    Parameters(query): Parameters<EventsQuery>,
) -> Result<Response, Problem> {
    let page = page(&uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let until = until(&journal, query.as_of.as_deref()).await?;
    let events = happened(journal.history(&Subject::new(Kind::Portfolio, &id.token())).await?, until);
    if events.is_empty() {
        return Err(Problem::of(ProblemType::PortfolioUnknown));
    }
    let wanted = events.into_iter().filter(|event| is_after(event, page));
    let wanted = wanted.take(usize::try_from(page.limit).unwrap_or(usize::MAX)).collect();
    Ok(listing(&uri, page, wanted, |event: &Recorded| event.position().sequence, |event| EventView::of(&event, reach)))
}

fn is_after(event: &Recorded, page: Page) -> bool {
    page.after.is_none_or(|after| event.position().sequence > after)
}
