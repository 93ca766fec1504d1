//! `GET /v1/events`: what happened, in the order of the log: in pages, or as it happens.

mod live;
mod market;
mod socket;
mod views;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use events::values::AssetId;
use events::{Kind, Position, Stream};
use jiff::{SignedDuration, Timestamp};
use journal::Journal;
use projections::Order;
use projections::happenings::{Filter, Stretch};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::access::Caller;
use crate::described::problems;
use crate::faults::{Fault, NotAnId};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::paging::{Listing, invalid_parameters, listing_up_to, page, word_parameter};
use crate::parameters::Parameters;
use crate::problem::{FieldError, Problem};

pub use self::live::Audience;
use self::live::LastEventIdHeader;
pub use self::socket::{__path_watch, MessageView, watch};
use self::views::{FactView, Wanted};
pub use self::views::{Facts, LIST, advice_of, withhold};

/// Characters that the name of a type may have.
const TYPE_CHARS_MAX: usize = 80;

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Of which stream, each with an order of its own: `advisory`, which is meant where nothing is said, or `market`: what
    /// happened to assets, their prices included. It is told in pages alone.
    stream: Option<String>,
    /// Only what happened to an `advisor`, a `client`, a `portfolio`, a `recommendation` or a `backtest`. All that happens in
    /// the stream `market` happens to an `asset`.
    kind: Option<String>,
    /// Only what happened to the one with this id; of an asset its symbol.
    #[param(min_length = 1, max_length = 36, example = "1de44776-fcf6-5175-b615-e6829eedd301")]
    id: Option<String>,
    /// Only events of this type, without its name space and the version of its form.
    #[serde(rename = "type")]
    #[param(rename = "type", min_length = 1, max_length = 80, example = "portfolio.created")]
    fact: Option<String>,
    /// Only from this position or this time on.
    #[param(example = "advisory-42", max_length = 64)]
    from: Option<String>,
    /// Only up to and with this position or this time. Not for what is sent as it happens.
    #[param(example = "2024-01-31T12:00:00Z", max_length = 64)]
    until: Option<String>,
    /// The order: `position`, which is meant where nothing is said, or `-position`, the newest first. Of the stream `market` and
    /// of what is sent as it happens only the first.
    sort: Option<String>,
    /// How many at the most; 50 where nothing is said. Not for what is sent as it happens.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Where to go on: what `next` said. Not for what is sent as it happens.
    #[param(pattern = "^A[w-z0-9_-][A-Za-z0-9_-]{14}$")]
    cursor: Option<String>,
}

impl EventsQuery {
    /// The direction that is asked for.
    fn order(&self) -> Result<Order, Problem> {
        let word = |order| match order {
            Order::OldestFirst => "position",
            Order::NewestFirst => "-position",
        };
        let order = word_parameter("sort", self.sort.as_deref(), &[Order::OldestFirst, Order::NewestFirst], word)?;
        Ok(order.unwrap_or_default())
    }
}

problems!(ListProblems: ANY, GUARDED, READ;);

/// Tells what happened, in the order of the log or the newest first.
///
/// Events are CloudEvents in their JSON form. Advisors are told of themselves and of what is theirs now; what happened to a
/// client before they came into an advisor's care is told to the advisor who has them. A page may have fewer events than
/// `limit`, or none, and still a `next`: one request looks at 10,000 events at the most, and at 1,000 in the stream `market`,
/// of which a page tells 128 KiB as they stand in the log.
///
/// With `Accept: text/event-stream` events are sent as they happen, and first those from `from` or behind `Last-Event-ID`
/// on; only new ones where neither is given. Each is a message whose `id` is its position. Between them comes a message
/// without data every five seconds, which says up to where there was nothing to tell. The stream ends with the caller's
/// access, and where the service stops: go on with `Last-Event-ID`, and nothing is missed or told twice.
#[utoipa::path(get, path = "/v1/events", tag = "operation", operation_id = "listEvents",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(EventsQuery, LastEventIdHeader, MinPositionHeader),
    responses((status = 200, description = "A page, or a stream of events as they happen.",
        content((Listing<FactView> = "application/json"), (String = "text/event-stream"))), ListProblems))]
pub async fn list(
    State(facts): State<Facts>,
    State(audience): State<Audience>,
    OriginalUri(uri): OriginalUri,
    caller: Caller,
    headers: HeaderMap,
    Parameters(query): Parameters<EventsQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let stream = word_parameter("stream", query.stream.as_deref(), &Stream::ALL, Stream::token)?;
    let stream = stream.unwrap_or(Stream::Advisory);
    let kind = word_parameter("kind", query.kind.as_deref(), &kinds(stream), Kind::token)?;
    let fact = fact(&query)?;
    let from = match query.from.as_deref() {
        Some(text) => Some(before(&facts.journal, stream, text).await?),
        None => None,
    };
    if stream == Stream::Market {
        if live::is_asked_for(&headers) {
            let detail = "events of the stream market are told in pages".to_owned();
            return Err(invalid_parameters(vec![FieldError::in_parameter("stream", "only-in-pages", detail)]));
        }
        if query.order()? == Order::NewestFirst {
            let detail = "events of the stream market are told in the order of the log".to_owned();
            return Err(invalid_parameters(vec![FieldError::in_parameter("sort", "only-oldest-first", detail)]));
        }
        let asset = query.id.as_deref().map(AssetId::parse).transpose();
        let asset = asset.map_err(|fault| {
            invalid_parameters(vec![FieldError::in_parameter("id", fault.code(), fault.to_string())])
        })?;
        let stretch = stretch(&facts.journal, &uri, stream, &query, from).await?;
        let (views, next) = market::read(&facts.journal, &market::Wanted { asset, fact }, stretch).await?;
        return Ok(listing_up_to(&uri, views, next));
    }
    let Some(wanted) = wanted(&query, kind, fact, &caller)? else {
        return Ok(listing_up_to(&uri, Vec::<FactView>::new(), None));
    };
    if live::is_asked_for(&headers) {
        let only_in_pages = [("until", query.until.is_some()), ("limit", query.limit.is_some())];
        let only_in_pages =
            only_in_pages.into_iter().chain([("cursor", query.cursor.is_some()), ("sort", query.sort.is_some())]);
        let given: Vec<FieldError> = only_in_pages
            .filter(|(_, is_given)| *is_given)
            .map(|(name, _)| FieldError::in_parameter(name, "only-in-pages", format!("a stream has no {name}")))
            .collect();
        if !given.is_empty() {
            return Err(invalid_parameters(given));
        }
        return audience.admit(facts, caller, headers, wanted, from).await;
    }
    let stretch = stretch(&facts.journal, &uri, stream, &query, from).await?;
    let (views, next) = facts.read(&caller, &wanted, stretch).await?;
    Ok(listing_up_to(&uri, views, next))
}

/// Of which kinds is what something happens to in the stream.
fn kinds(stream: Stream) -> Vec<Kind> {
    Kind::ALL.into_iter().filter(|kind| kind.stream() == stream).collect()
}

/// Between which places of the stream to look, and for how many.
async fn stretch(
    journal: &Journal,
    uri: &Uri,
    stream: Stream,
    query: &EventsQuery,
    from: Option<u64>,
) -> Result<Stretch, Problem> {
    let page = page(uri, query.limit.as_deref(), query.cursor.as_deref())?;
    let until = match query.until.as_deref() {
        Some(text) => up_to(journal, stream, text).await?,
        None => u64::MAX,
    };
    let (limit, order) = (page.limit, query.order()?);
    // Where nothing says where to begin, the log's beginning or its end does.
    Ok(match order {
        Order::OldestFirst => Stretch { after: page.after.max(from).unwrap_or(0), until, limit, order },
        Order::NewestFirst => {
            let before = page.after.map_or(u64::MAX, |after| after.saturating_sub(1));
            Stretch { after: from.unwrap_or(0), until: until.min(before), limit, order }
        }
    })
}

/// The type that is wanted, where one is named.
fn fact(query: &EventsQuery) -> Result<Option<String>, Problem> {
    let is_type = |text: &String| {
        (1..=TYPE_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'))
    };
    if query.fact.as_ref().is_some_and(|fact| !is_type(fact)) {
        let detail = "a type is two words with a dot between them, such as portfolio.created".to_owned();
        return Err(invalid_parameters(vec![FieldError::in_parameter("type", "not-a-type", detail)]));
    }
    Ok(query.fact.clone())
}

/// What is looked for; `None` where nothing that fits is within the caller's reach.
fn wanted(
    query: &EventsQuery,
    kind: Option<Kind>,
    fact: Option<String>,
    caller: &Caller,
) -> Result<Option<Wanted>, Problem> {
    let id = |text: &str| Uuid::try_parse(text).ok().filter(|id| id.to_string() == text);
    let aggregate = match query.id.as_deref().map(id) {
        Some(None) => {
            let error = FieldError::in_parameter("id", NotAnId.code(), NotAnId.to_string());
            return Err(invalid_parameters(vec![error]));
        }
        found => found.flatten(),
    };
    let wanted = |advisor| Wanted { filter: Filter { advisor, kind, fact }, aggregate };
    Ok(caller.reach.narrowed(None).map(wanted))
}

/// Behind which sequence events from this position or time on begin.
async fn before(journal: &Journal, stream: Stream, text: &str) -> Result<u64, Problem> {
    match place("from", stream, text)? {
        Place::Sequence(sequence) => Ok(sequence.saturating_sub(1)),
        Place::Time(time) => {
            // Events at that very time belong to it.
            let just_before = time.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
            Ok(journal.position_at(stream, just_before).await?.sequence)
        }
    }
}

/// The sequence of the last event up to this position or time.
async fn up_to(journal: &Journal, stream: Stream, text: &str) -> Result<u64, Problem> {
    match place("until", stream, text)? {
        Place::Sequence(sequence) => Ok(sequence),
        Place::Time(time) => Ok(journal.position_at(stream, time).await?.sequence),
    }
}

/// A place in the stream.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Sequence(u64),
    Time(Timestamp),
}

fn place(parameter: &str, stream: Stream, text: &str) -> Result<Place, Problem> {
    if let Some(position) = text.parse::<Position>().ok().filter(|position| position.stream == stream) {
        return Ok(Place::Sequence(position.sequence));
    }
    text.parse().map(Place::Time).map_err(|_| {
        let position = Position { stream, sequence: 42 };
        let detail = format!("{parameter} is a position such as {position}, or a time such as 2024-01-31T12:00:00Z");
        invalid_parameters(vec![FieldError::in_parameter(parameter, "not-a-place", detail)])
    })
}

#[cfg(test)]
mod tests {
    use events::Stream;

    use super::{Place, place};

    #[test]
    fn a_place_is_a_position_of_the_stream_or_a_time() {
        let advisory = |text| place("from", Stream::Advisory, text);
        assert_eq!(advisory("advisory-42").unwrap(), Place::Sequence(42));
        assert!(matches!(advisory("2024-01-31T12:00:00Z").unwrap(), Place::Time(_)));
        for other in ["42", "market-42", "advisory--1", "2024-01-31", ""] {
            assert!(advisory(other).is_err(), "{other}");
        }
        assert_eq!(place("until", Stream::Market, "market-7").unwrap(), Place::Sequence(7));
        assert!(place("until", Stream::Market, "advisory-7").is_err());
    }
}
