//! Events as they happen, each under its position, for as long as the caller may read them: as server-sent events, or over
//! a WebSocket (`socket.rs`).
//!
//! A subscriber is a page that never ends: it looks for what stands behind the last place it has looked at, whenever the
//! read models have come further. So it can begin again anywhere, and what it is told and what it is not is the same as
//! in pages.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Method, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use events::values::Actor;
use events::{Position, Stream};
use projections::happenings::Stretch;
use projections::{Checkpoints, Order, PAGE_ROWS_MAX};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::views::{FactView, Facts, Wanted};
use crate::access::{Caller, Callers};
use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem, ProblemType};

/// The header that says behind which event to go on.
const LAST_EVENT_ID: &str = "last-event-id";
/// The media type that asks for events as they happen.
const EVENT_STREAM: &str = "text/event-stream";
/// Subscribers of one process, and of one caller.
const SUBSCRIBERS_MAX: usize = 256;
const SUBSCRIBERS_OF_ONE_MAX: usize = 8;
/// How long nothing is sent at the most. So soon a connection is ended whose caller has lost access, too.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a subscriber that has seen everything waits before it looks again, however fast the log grows.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// After which time a browser that was cut off comes back.
const COME_BACK_AFTER: Duration = Duration::from_secs(2);

/// Whether these headers ask for events as they happen.
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| {
        // What follows a range's semicolon says how much it is liked.
        let mut ranges = value.split(',').map(|range| range.split_once(';').map_or(range, |(range, _)| range).trim());
        ranges.any(|range| range.eq_ignore_ascii_case(EVENT_STREAM))
    })
}

/// How the header is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read below")]
pub struct LastEventIdHeader {
    /// The `id` of the last message that was received, to go on behind it. Only for what is sent as it happens.
    #[param(
        rename = "Last-Event-ID",
        value_type = String,
        required = false,
        example = "advisory-1",
        pattern = "^advisory-[0-9]{1,18}$"
    )]
    last_event_id: (),
}

/// Those who are told of events as they happen.
#[derive(Clone)]
pub struct Audience {
    callers: Callers,
    checkpoints: Checkpoints,
    places: Places,
    stop: CancellationToken,
}

impl Audience {
    /// Nobody yet. Whoever comes stays for as long as their credentials are good, and no longer than the service runs.
    pub fn new(callers: Callers, checkpoints: Checkpoints, stop: CancellationToken) -> Self {
        Self { callers, checkpoints, places: Places::default(), stop }
    }

    /// The endless answer to this caller, who wants what fits from behind this sequence on.
    ///
    /// # Errors
    /// As [`Audience::place`], and `invalid-parameter`.
    pub(super) async fn admit(
        &self,
        facts: Facts,
        caller: Caller,
        headers: HeaderMap,
        wanted: Wanted,
        from: Option<u64>,
    ) -> Result<Response, Problem> {
        // A browser that comes back sends its first address again: where it was counts.
        let after = last_event_id(&headers)?.or(from);
        let subscriber = self.place(facts, caller, headers, wanted, after, LAST_EVENT_ID).await?;
        let messages = futures::stream::unfold(subscriber, Subscriber::next);
        // Proxies that collect answers would keep a live one for themselves.
        Ok(([("x-accel-buffering", "no")], Sse::new(messages)).into_response())
    }

    /// A place for this caller, who wants what fits from behind this sequence on, or what is new; `parameter` is what named
    /// the sequence.
    ///
    /// # Errors
    /// `busy` where there are too many already; `invalid-parameter` where the log does not reach there; or that the log does
    /// not answer.
    pub(super) async fn place(
        &self,
        facts: Facts,
        caller: Caller,
        headers: HeaderMap,
        wanted: Wanted,
        after: Option<u64>,
        parameter: &str,
    ) -> Result<Subscriber, Problem> {
        let end = facts.journal.last_position(Stream::Advisory).await?;
        let after = after.unwrap_or(end.sequence);
        if after > end.sequence {
            let detail = format!("the log ends at {end}");
            return Err(invalid_parameters(vec![FieldError::in_parameter(parameter, "position-ahead-of-log", detail)]));
        }
        Ok(Subscriber {
            _place: self.places.take(&caller.principal.caller)?,
            audience: self.clone(),
            facts,
            caller,
            headers,
            wanted,
            after,
            waiting: VecDeque::new(),
            greeted: false,
            spoke_at: Instant::now(),
            saw_all_at: None,
        })
    }
}

/// The sequence behind which the caller wants to go on.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match value.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(Position { stream: Stream::Advisory, sequence }) if values.next().is_none() => Ok(Some(sequence)),
        _ => {
            let detail = "Last-Event-ID is the id of a message, such as advisory-42".to_owned();
            Err(invalid_parameters(vec![FieldError::in_parameter(LAST_EVENT_ID, "not-a-position", detail)]))
        }
    }
}

/// What a subscriber is told.
#[derive(Debug)]
pub(super) enum Said {
    /// What stands behind this place follows.
    Welcome(Position),
    /// Up to here there was nothing to tell.
    Nothing(Position),
    /// This happened.
    Fact(Box<FactView>),
}

/// One who is told of events.
pub(super) struct Subscriber {
    audience: Audience,
    facts: Facts,
    caller: Caller,
    /// The credentials that they came with.
    headers: HeaderMap,
    wanted: Wanted,
    /// Up to where was looked. What waits to be sent stands before it.
    after: u64,
    waiting: VecDeque<FactView>,
    greeted: bool,
    spoke_at: Instant,
    /// When there was last nothing more to look for.
    saw_all_at: Option<Instant>,
    _place: Place,
}

impl Subscriber {
    /// The next message; none where the stream ends.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let event = written(&self.said().await?)?;
        Some((Ok(event), self))
    }

    /// What is to be told next; none where there is nothing more to be told, ever. May be dropped at any point: nothing is
    /// told twice by that, and nothing left out.
    pub(super) async fn said(&mut self) -> Option<Said> {
        let said = self.told().await?;
        self.spoke_at = Instant::now();
        Some(said)
    }

    async fn told(&mut self) -> Option<Said> {
        let here = |sequence| Position { stream: Stream::Advisory, sequence };
        if !self.greeted {
            self.greeted = true;
            return Some(Said::Welcome(here(self.after)));
        }
        loop {
            // Asked before each message: what was revoked is not told another word.
            if self.audience.stop.is_cancelled() || !self.is_let_in().await {
                return None;
            }
            if let Some(fact) = self.waiting.pop_front() {
                return Some(Said::Fact(Box::new(fact)));
            }
            let quiet = self.spoke_at.elapsed();
            if quiet >= HEARTBEAT {
                return Some(Said::Nothing(here(self.after)));
            }
            let reached = self.audience.checkpoints.reached(Stream::Advisory).sequence;
            if self.after >= reached {
                self.wait(HEARTBEAT.saturating_sub(quiet)).await;
            } else if let Err(problem) = self.look(reached).await {
                // The caller comes back, to this process or another.
                tracing::warn!(?problem, "a stream of events was broken off");
                return None;
            }
        }
    }

    /// Whether the credentials are as good as they were.
    async fn is_let_in(&self) -> bool {
        let principal = self.audience.callers.principal(&Method::GET, &self.headers).await;
        principal.is_ok_and(|now| now.role == self.caller.principal.role && now.actor == self.caller.actor)
    }

    /// Waits until there may be more to tell.
    async fn wait(&self, at_most: Duration) {
        let next = Position { stream: Stream::Advisory, sequence: self.after + 1 };
        let more = async {
            if let Some(at) = self.saw_all_at {
                tokio::time::sleep_until(at + LOOK_AGAIN_AFTER).await;
            }
            // That nothing came is no error: the caller is told so.
            self.audience.checkpoints.wait_for(next, at_most).await.is_ok()
        };
        tokio::select! {
            () = self.audience.stop.cancelled() => {}
            _ = more => {}
        }
    }

    /// Looks for what stands behind the last place and up to this one.
    async fn look(&mut self, until: u64) -> Result<(), Problem> {
        let stretch = Stretch { after: self.after, until, limit: PAGE_ROWS_MAX, order: Order::OldestFirst };
        let (views, next) = self.facts.read(&self.caller, &self.wanted, stretch).await?;
        self.waiting.extend(views);
        self.after = next.unwrap_or(until);
        self.saw_all_at = next.is_none().then(Instant::now);
        Ok(())
    }
}

/// What was said as a server-sent event.
fn written(said: &Said) -> Option<Event> {
    match said {
        Said::Welcome(_) => Some(Event::default().retry(COME_BACK_AFTER).comment("events follow")),
        Said::Nothing(position) => Some(Event::default().id(position.to_string()).comment("nothing to tell")),
        Said::Fact(fact) => match serde_json::to_string(fact) {
            Ok(text) => Some(Event::default().id(fact.position.to_string()).data(text)),
            Err(error) => {
                tracing::error!(%error, position = %fact.position, "an event cannot be told");
                None
            }
        },
    }
}

/// Who has how many places.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<HashMap<Actor, usize>>>);

/// A place that is given back when it is dropped.
struct Place {
    places: Places,
    actor: Actor,
}

impl Places {
    fn take(&self, actor: &Actor) -> Result<Place, Problem> {
        let mut taken = self.lock();
        let of_one = taken.get(actor).copied().unwrap_or_default();
        if of_one >= SUBSCRIBERS_OF_ONE_MAX || taken.values().sum::<usize>() >= SUBSCRIBERS_MAX {
            return Err(Problem::of(ProblemType::Busy));
        }
        taken.insert(actor.clone(), of_one + 1);
        Ok(Place { places: self.clone(), actor: actor.clone() })
    }

    /// Counts that a panic cannot leave half-written: each change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, HashMap<Actor, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        match taken.get_mut(&self.actor) {
            Some(places) if *places > 1 => *places -= 1,
            Some(_) | None => {
                taken.remove(&self.actor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use events::values::Actor;

    use super::{LAST_EVENT_ID, Places, SUBSCRIBERS_OF_ONE_MAX, is_asked_for, last_event_id};

    fn accept(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))])
    }

    #[test]
    fn events_as_they_happen_are_for_who_asks_for_them() {
        for asked in ["text/event-stream", "application/json, Text/Event-Stream;q=0.5"] {
            assert!(is_asked_for(&accept(asked)), "{asked}");
        }
        for other in ["*/*", "text/*", "application/json", "text/event-streams"] {
            assert!(!is_asked_for(&accept(other)), "{other}");
        }
        assert!(!is_asked_for(&HeaderMap::new()));
    }

    #[test]
    fn the_last_event_is_named_once_by_its_position() {
        let with = |values: &[&'static str]| -> HeaderMap {
            let name = axum::http::HeaderName::from_static(LAST_EVENT_ID);
            values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        assert_eq!(last_event_id(&with(&[])).unwrap(), None);
        assert_eq!(last_event_id(&with(&["advisory-7"])).unwrap(), Some(7));
        for bad in [&["7"][..], &["market-7"], &[""], &["advisory-7", "advisory-8"]] {
            assert!(last_event_id(&with(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let (places, ana) = (Places::default(), Actor::parse("advisor:ana").unwrap());
        let mut taken: Vec<_> = (0..SUBSCRIBERS_OF_ONE_MAX).map(|_| places.take(&ana).unwrap()).collect();
        assert!(places.take(&ana).is_err());
        assert!(places.take(&Actor::parse("advisor:rui").unwrap()).is_ok());
        taken.pop();
        assert!(places.take(&ana).is_ok());
        taken.clear();
        assert!(places.lock().is_empty());
    }
}
