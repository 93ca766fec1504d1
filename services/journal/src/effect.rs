//! Effects: work that follows an event and cannot be undone, by durable consumers.
//!
//! The server remembers what was acknowledged. An event may come again at any time, to this process or another, and
//! after a crash new events come before old ones: an effect is idempotent and depends on no order between aggregates.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, Message};
use events::{Kind, Position, Stream};
use futures::{FutureExt, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::connection::Journal;
use crate::recorded::{ReadError, Recorded, Source};

/// A durable consumer and its bounds.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Its name at the server. Processes with the same name share the work.
    pub name: &'static str,
    /// The kinds whose events it gets; all of one stream.
    pub kinds: &'static [Kind],
    /// How long the server waits for a sign of life before it gives an event to somebody else. Extended while a handler
    /// runs.
    pub ack_wait: Duration,
    /// How often an event is given before it is parked. A panic, and a process that ended, count as an attempt.
    pub attempts_max: u32,
    /// How many events may be worked on at once, in one process.
    pub in_flight_max: usize,
}

/// What a handler says of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is seen to.
    Done,
    /// Not now: again after this time, if attempts are left.
    Later {
        /// How long to wait.
        after: Duration,
    },
    /// It will not go better another time: an operator has to look at it.
    Park {
        /// Why.
        reason: String,
    },
}

/// Why an effect cannot run.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// It names no kind, or kinds of both streams.
    #[error("the effect `{0}` must follow kinds of one stream")]
    Kinds(&'static str),
    /// The server cannot give the consumer.
    #[error("the effect `{name}` has no consumer")]
    Consumer {
        /// Which effect.
        name: &'static str,
        /// What the client says.
        #[source]
        source: Source,
    },
}

/// Pauses after the connection failed: the first, and the longest.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long one request for events stays open. A server that was killed forgets it, so it is asked again before long.
const PULL_EXPIRES: Duration = Duration::from_secs(3);
/// How long after that the server may take to say so, before the consumer is opened again.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// Signs of life within the time that the server waits for one: two may get lost.
const SIGNS_PER_WAIT: u32 = 3;
/// Events that may rest until later, or be worked on, over all processes. While so many rest, the effect stands still:
/// far more than a mail server that puts letters off should be able to bring about.
const RESTING_MAX: i64 = 50_000;
/// How long an event rests whose handler panicked.
const REST_AFTER_PANIC: Duration = Duration::from_secs(1);

/// Runs the effect until it is told to stop; then the handlers under way finish. Survives restarts of the server.
///
/// # Errors
/// Only where the effect is wrongly described; a server that is away is waited for.
pub async fn run<F, Fut>(
    journal: &Journal,
    effect: &Effect,
    stop: CancellationToken,
    handle: F,
) -> Result<(), EffectError>
where
    F: Fn(Recorded) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send + 'static,
{
    let stream = match effect.kinds {
        [first, rest @ ..] if rest.iter().all(|kind| kind.stream() == first.stream()) => first.stream(),
        _ => return Err(EffectError::Kinds(effect.name)),
    };
    let handle = Arc::new(handle);
    let handlers = TaskTracker::new();
    let places = Arc::new(Semaphore::new(effect.in_flight_max));
    let mut pause = RETRY_PAUSE;
    while !stop.is_cancelled() {
        match follow(journal, effect, stream, &stop, &handle, &handlers, &places).await {
            Ok(()) => break,
            Err((error, worked)) => {
                pause = if worked { RETRY_PAUSE } else { (pause * 2).min(RETRY_PAUSE_MAX) };
                warn!(effect = effect.name, %error, pause_ms = pause.as_millis(), "the consumer failed; it is opened again");
                let _stopped = tokio::time::timeout(pause, stop.cancelled()).await;
            }
        }
    }
    handlers.close();
    handlers.wait().await;
    Ok(())
}

/// Follows until told to stop, or until the consumer fails: then says whether it had worked.
async fn follow<F, Fut>(
    journal: &Journal,
    effect: &Effect,
    stream: Stream,
    stop: &CancellationToken,
    handle: &Arc<F>,
    handlers: &TaskTracker,
    places: &Arc<Semaphore>,
) -> Result<(), (Source, bool)>
where
    F: Fn(Recorded) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Verdict> + Send + 'static,
{
    let consumer = consumer(journal, effect, stream).await.map_err(|error| (error.into(), false))?;
    let mut worked = false;
    loop {
        // Places first, events second: never more events than can be worked on at once. One that waited here would be
        // given to somebody else when its time is up, and be worked on twice.
        let first = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            place = places.clone().acquire_owned() => place.map_err(|error| (error.into(), worked))?,
        };
        let mut free = vec![first];
        while let Ok(place) = places.clone().try_acquire_owned() {
            free.push(place);
        }
        let pull = consumer.batch().max_messages(free.len()).expires(PULL_EXPIRES).messages();
        let pull = tokio::time::timeout(SILENCE_MAX, pull).await.map_err(|error| (error.into(), worked))?;
        let mut messages = pull.map_err(|error| (error.into(), worked))?;
        let closes = Instant::now() + PULL_EXPIRES + SILENCE_MAX;
        while let Some(place) = free.pop() {
            let message = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                message = tokio::time::timeout_at(closes, messages.next()) => message,
            };
            let message = match message.map_err(|error| (error.into(), worked))? {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err((error, worked)),
                None => break,
            };
            worked = true;
            let (journal, effect, handle) = (journal.clone(), effect.clone(), handle.clone());
            handlers.spawn(async move {
                if let Err(error) = one(&journal, &effect, stream, message, handle.as_ref()).await {
                    // Not acknowledged, so the server gives it again.
                    warn!(effect = effect.name, %error, "an event's outcome could not be told to the server");
                }
                drop(place);
            });
        }
        worked = true;
    }
}

async fn consumer(
    journal: &Journal,
    effect: &Effect,
    stream: Stream,
) -> Result<async_nats::jetstream::consumer::Consumer<pull::Config>, EffectError> {
    let config = pull::Config {
        durable_name: Some(effect.name.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: effect.ack_wait,
        // Attempts are counted here, so that the last one can be parked; the server never drops an event silently.
        max_deliver: -1,
        max_ack_pending: RESTING_MAX,
        filter_subjects: effect.kinds.iter().map(|kind| kind.filter()).collect(),
        ..Default::default()
    };
    let consumer = journal.stream(stream).get_or_create_consumer(effect.name, config).await;
    consumer.map_err(|error| EffectError::Consumer { name: effect.name, source: error.into() })
}

async fn one<F, Fut>(
    journal: &Journal,
    effect: &Effect,
    stream: Stream,
    message: Message,
    handle: &F,
) -> Result<(), Source>
where
    F: Fn(Recorded) -> Fut + Send + Sync,
    Fut: Future<Output = Verdict> + Send,
{
    let info = message.info()?;
    let attempts = u32::try_from(info.delivered).unwrap_or(u32::MAX);
    let position = Position { stream, sequence: info.stream_sequence };
    let recorded = Recorded::new(
        position,
        message.message.subject.clone(),
        message.message.headers.clone(),
        message.message.payload.clone(),
    );
    let verdict = if attempts > effect.attempts_max {
        // Whoever had it last gave no answer at all, and took the process down with it for all we know.
        Verdict::Park { reason: format!("given {} times without an answer to the last", attempts - 1) }
    } else {
        let work = async { handle(recorded.clone()).await };
        let last = attempts == effect.attempts_max;
        match with_signs_of_life(&message, effect.ack_wait, work).await {
            Ok(Verdict::Later { .. }) if last => {
                Verdict::Park { reason: format!("not seen to after {attempts} attempts") }
            }
            Ok(verdict) => verdict,
            Err(Panicked) if last => {
                Verdict::Park { reason: format!("the handler panicked in the last of {attempts} attempts") }
            }
            Err(Panicked) => {
                warn!(effect = effect.name, %position, attempts, "the handler panicked; the event is given again");
                Verdict::Later { after: REST_AFTER_PANIC }
            }
        }
    };
    match verdict {
        Verdict::Done => message.double_ack().await?,
        Verdict::Later { after } => message.ack_with(AckKind::Nak(Some(after))).await?,
        Verdict::Park { reason } => {
            error!(effect = effect.name, %position, reason, attempts, "an event is parked");
            journal.park(effect.name, &recorded, &reason, attempts).await?;
            message.double_ack().await?;
        }
    }
    Ok(())
}

/// The handler ended without a verdict. What it panicked with is in the program's own output.
struct Panicked;

/// The handler's verdict. While it works the server is told so, well within the time that it waits.
async fn with_signs_of_life(
    message: &Message,
    ack_wait: Duration,
    work: impl Future<Output = Verdict>,
) -> Result<Verdict, Panicked> {
    let work = AssertUnwindSafe(work).catch_unwind();
    tokio::pin!(work);
    let mut signs = tokio::time::interval(ack_wait / SIGNS_PER_WAIT);
    signs.tick().await;
    loop {
        tokio::select! {
            verdict = &mut work => return verdict.map_err(|_| Panicked),
            _ = signs.tick() => {
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    info!(%error, "a sign of life could not be sent");
                }
            }
        }
    }
}

/// How far the effect is behind: events not yet given to it, and events given and not yet seen to.
///
/// # Errors
/// Where the server cannot tell.
pub async fn lag(journal: &Journal, effect: &Effect) -> Result<(u64, u64), ReadError> {
    let Some(kind) = effect.kinds.first() else { return Ok((0, 0)) };
    let info = journal.stream(kind.stream()).consumer_info(effect.name).await;
    let info = info.map_err(|error| ReadError::unavailable("a consumer's lag", error))?;
    Ok((info.num_pending, u64::try_from(info.num_ack_pending).unwrap_or(0)))
}
