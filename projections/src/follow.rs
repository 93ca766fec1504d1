//! The `project` role: follows both streams and applies what comes, without end.
//!
//! A task reads, decodes and, in a replay, folds the next events while the transaction of those before runs. Any number of such projectors
//! may run at once: the checkpoints in PostgreSQL are the fence between them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::Stream;
use futures::future::try_join_all;
use journal::{Journal, ReadError, Reader, follow_trace};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::ahead::Ahead;
use crate::apply::{self, ApplyError, Target};
use crate::checkpoint::{self, Behind};
use crate::connect::SCHEMA;
use crate::incoming::Incoming;
use crate::model::{self, ReadModel};

/// Batches that wait, decoded, while the one before is written. What waits goes into one transaction: the further
/// behind, the larger it is, and the fewer rows are written twice.
pub(crate) const DECODED_BATCHES_MAX: usize = 2;
/// How long a read waits for the first event. It only bounds how long a lost connection goes unnoticed.
const READ_WAIT: Duration = Duration::from_secs(30);
/// How often the checkpoints are looked at while no event comes: tables that were dropped and made again begin at 0.
pub(crate) const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long one batch may take to be written, before the connection counts as lost.
pub(crate) const APPLY_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after the first failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Batches up to this size show each event in its own trace; larger ones are replays, which nobody traces.
const TRACED_EVENTS_MAX: usize = 64;

/// Why read models are followed no longer. Nothing of it mends itself.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Events are missing in the log.
    #[error("{} gives {got} after {after}: events are missing in the log", stream.name())]
    Gap {
        /// Of which stream.
        stream: Stream,
        /// The last sequence before the gap.
        after: u64,
        /// The sequence after it.
        got: u64,
    },
    /// Read models stand beyond the log's end: it was restored from an older state, or is another log.
    #[error("{} ends at {end}, and read models stand at {checkpoint}", stream.name())]
    BeyondTheEnd {
        /// Of which stream.
        stream: Stream,
        /// Where the log ends.
        end: u64,
        /// Where a read model stands.
        checkpoint: u64,
    },
}

/// Keeps every read model up to date until it is told to stop. Outlives restarts of NATS and PostgreSQL.
///
/// # Errors
/// Where the log does not fit the read models; only an operator can mend that.
pub async fn run(journal: Journal, pool: PgPool, stop: CancellationToken) -> Result<(), FollowError> {
    run_models(journal, pool, &model::ALL, stop).await
}

/// As [`run`], for these read models.
///
/// # Errors
/// As [`run`].
pub async fn run_models(
    journal: Journal,
    pool: PgPool,
    models: &[ReadModel],
    stop: CancellationToken,
) -> Result<(), FollowError> {
    let followed = Stream::ALL.map(|stream| {
        let models = models.iter().filter(|model| model.stream == stream).copied().collect();
        Follower { journal: journal.clone(), pool: pool.clone(), stream, models }
    });
    let running = try_join_all(followed.iter().filter(|follower| !follower.models.is_empty()).map(Follower::run));
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        ended = running => ended.map(|_| ()),
    }
}

/// Follows one stream.
struct Follower {
    journal: Journal,
    pool: PgPool,
    stream: Stream,
    models: Vec<ReadModel>,
}

/// Why following was broken off; most of it mends itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Final(#[from] FollowError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("PostgreSQL did not do it")]
    Database(#[from] sqlx::Error),
    #[error("prices could not be loaded")]
    Prices(#[from] Arc<sqlx::Error>),
    #[error(transparent)]
    Behind(#[from] Behind),
    #[error("read models stand at {checkpoint} now, before {after}")]
    MovedBack { checkpoint: u64, after: u64 },
    #[error("a batch was not written within {} s", APPLY_TIMEOUT.as_secs())]
    TimedOut,
    #[error("the reader ended")]
    ReaderEnded,
}

impl Broken {
    /// The gap in the log that it speaks of, if it does.
    const fn gap(&self) -> Option<(Stream, u64, u64)> {
        match self {
            Self::Read(ReadError::Gap { stream, after, got })
            | Self::Apply(ApplyError::Gap { stream, after, got, .. }) => Some((*stream, *after, *got)),
            _ => None,
        }
    }
}

/// What was broken off, and how long to wait before it begins anew from the checkpoints.
pub(crate) struct Breaks {
    what: &'static str,
    pause: Duration,
    gap_before: Option<(Stream, u64, u64)>,
}

impl Breaks {
    /// Nothing was broken off yet.
    pub const fn new(what: &'static str) -> Self {
        Self { what, pause: PAUSE_MIN, gap_before: None }
    }

    /// Waits for as long as it makes sense after this break. `applied` says whether anything was done before it.
    ///
    /// # Errors
    /// Where nothing mends itself.
    pub async fn wait_after(&mut self, broken: Broken, applied: bool) -> Result<(), FollowError> {
        if applied {
            self.pause = PAUSE_MIN;
        }
        // A gap may be no more than tables that were dropped or put in place meanwhile. One that is found twice is in
        // the log.
        let gap = broken.gap();
        if let Some((stream, after, got)) = gap.filter(|_| gap == self.gap_before) {
            return Err(FollowError::Gap { stream, after, got });
        }
        self.gap_before = gap;
        if let Broken::Final(error) = broken {
            return Err(error);
        }
        tracing::warn!(self.what, error = &broken as &dyn std::error::Error, "read models are followed anew");
        // What there is to wait for is a server that answers again, and it tells nobody.
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Ok(())
    }
}

impl Follower {
    /// Follows, and begins anew from the checkpoints whenever that is broken off.
    async fn run(&self) -> Result<Infallible, FollowError> {
        let mut breaks = Breaks::new(self.stream.name());
        loop {
            let mut applied = false;
            let Err(broken) = self.session(&mut applied).await;
            breaks.wait_after(broken, applied).await?;
        }
    }

    /// Follows from the checkpoints on, until that is broken off.
    async fn session(&self, applied: &mut bool) -> Result<Infallible, Broken> {
        let mut after = self.checkpoint().await?;
        let (send, mut batches) = mpsc::channel(DECODED_BATCHES_MAX);
        let reading = read_ahead(self.journal.clone(), self.stream, after, self.models.clone(), send);
        let reader = AbortOnDropHandle::new(tokio::spawn(reading));
        let target = Target { pool: &self.pool, schema: SCHEMA, models: &self.models };
        let mut kept: Option<Ahead> = None;
        loop {
            let next = async { if kept.is_some() { kept.take() } else { batches.recv().await } };
            let mut batch = match tokio::time::timeout(LOOK_AGAIN_AFTER, next).await {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(_elapsed) => match self.checkpoint().await? {
                    checkpoint if checkpoint < after => return Err(Broken::MovedBack { checkpoint, after }),
                    _ => continue,
                },
            };
            // What has come meanwhile goes into the same transaction; the channel bounds it.
            for _ in 0..batches.len() {
                let Ok(meanwhile) = batches.try_recv() else { break };
                if let Err(folded) = batch.and(meanwhile) {
                    kept = Some(folded);
                    break;
                }
            }
            let Ahead { events, folded } = batch;
            let spans = spans(
                &events,
                |event| tracing::info_span!("project", position = %event.position, event_type = &*event.event_type),
            );
            let applying = tokio::time::timeout(APPLY_TIMEOUT, apply::ahead(&target, self.stream, &events, folded));
            applying.await.map_err(|_elapsed| Broken::TimedOut)??;
            drop(spans);
            after = events.last().map_or(after, Incoming::sequence);
            *applied = true;
        }
        match reader.await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(())) | Err(_) => Err(Broken::ReaderEnded),
        }
    }

    /// Where to read on: behind the read model that has come least far.
    async fn checkpoint(&self) -> Result<u64, Broken> {
        let names: Vec<&str> = self.models.iter().map(|model| model.name).collect();
        let checkpoints = checkpoint::read(&self.pool, &names).await?;
        for model in &self.models {
            if !checkpoints.contains_key(model.name) {
                return Err(ApplyError::NoCheckpoint(model.name).into());
            }
        }
        let furthest = checkpoints.values().max().copied().unwrap_or(0);
        not_beyond(&self.journal, self.stream, furthest).await?;
        Ok(checkpoints.values().min().copied().unwrap_or(0))
    }
}

/// Nothing, where the log goes as far as this checkpoint.
pub(crate) async fn not_beyond(journal: &Journal, stream: Stream, checkpoint: u64) -> Result<(), Broken> {
    let end = journal.last_position(stream).await?.sequence;
    if checkpoint > end { Err(FollowError::BeyondTheEnd { stream, end, checkpoint }.into()) } else { Ok(()) }
}

/// Events that are read at a time. A market event may carry 10,000 prices, an advisory event a few weights.
pub(crate) const fn batch_events_max(stream: Stream) -> usize {
    match stream {
        Stream::Advisory => 4_000,
        Stream::Market => 100,
    }
}

/// Events that one batch has at the most that was folded ahead.
const fn folded_events_max(stream: Stream) -> usize {
    3 * batch_events_max(stream)
}

/// Reads and decodes the stream from there on, for as long as somebody takes what it gives.
pub(crate) async fn read(
    journal: Journal,
    stream: Stream,
    after: u64,
    send: mpsc::Sender<Vec<Incoming>>,
) -> Result<(), ReadError> {
    let mut reader = journal.reader(stream, after).await?;
    loop {
        let (events, _) = next(&mut reader, stream).await?;
        if !events.is_empty() && send.send(events).await.is_err() {
            return Ok(());
        }
    }
}

/// As [`read`], and folds for these read models what it gives while the log has more.
pub(crate) async fn read_ahead(
    journal: Journal,
    stream: Stream,
    after: u64,
    models: Vec<ReadModel>,
    send: mpsc::Sender<Ahead>,
) -> Result<(), ReadError> {
    let mut reader = journal.reader(stream, after).await?;
    loop {
        let (mut events, mut caught_up) = next(&mut reader, stream).await?;
        if events.is_empty() {
            continue;
        }
        let place = loop {
            match send.try_reserve() {
                Ok(place) => break place,
                Err(TrySendError::Closed(())) => return Ok(()),
                // Those before are still waiting: the further behind, the larger a batch is, and the fewer rows are
                // written twice.
                Err(TrySendError::Full(())) if !caught_up && events.len() < folded_events_max(stream) => {
                    let (more, end) = next(&mut reader, stream).await?;
                    events.extend(more);
                    caught_up = end;
                }
                Err(TrySendError::Full(())) => match send.reserve().await {
                    Ok(place) => break place,
                    Err(_closed) => return Ok(()),
                },
            }
        };
        // Where nothing waits behind them, whoever writes them puts them together with what comes meanwhile.
        place.send(if caught_up { Ahead::plain(events) } else { Ahead::folded(events, &models) });
    }
}

/// The next events, decoded, and whether the log has no more.
async fn next(reader: &mut Reader, stream: Stream) -> Result<(Vec<Incoming>, bool), ReadError> {
    let mut events = Vec::new();
    loop {
        let batch = reader.next(batch_events_max(stream) - events.len(), READ_WAIT).await?;
        events.extend(batch.events.iter().map(Incoming::new));
        // More is on its way as long as the server has more: one large transaction costs less than many small
        // ones. Where it has no more, nobody waits.
        if batch.caught_up || events.len() >= batch_events_max(stream) {
            return Ok((events, batch.caught_up));
        }
    }
}

/// A span in the trace of each event that has one, for as long as they are held.
pub(crate) fn spans(batch: &[Incoming], span: impl Fn(&Incoming) -> tracing::Span) -> Vec<tracing::Span> {
    if batch.len() > TRACED_EVENTS_MAX {
        return Vec::new();
    }
    let traced = batch.iter().filter_map(|event| Some((event, event.trace_parent.as_deref()?)));
    traced
        .map(|(event, context)| {
            let span = span(event);
            follow_trace(context, &span);
            span
        })
        .collect()
}
