//! A whole stream in order, from any position: for projections, replays and auditors.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use events::{Position, Stream};
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use crate::connection::Journal;
use crate::recorded::{ReadError, Recorded};

/// Events that the server is asked for at a time.
const PULL_BATCH: usize = 5_000;
/// How long one request to the server stays open.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// How often the server says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a reader is quiet before it asks where the stream ends. What the server sent into a connection that was cut
/// is gone, and neither of the two would notice before the next event.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// How long the server keeps a reader that asks for nothing.
const READER_IDLE: Duration = Duration::from_secs(60);

/// A reader of one stream. The server keeps nothing for it that matters: it can be made again from any position.
pub struct Reader {
    journal: Journal,
    stream: Stream,
    after: u64,
    /// Events behind the last one given, as the server last said.
    pending: u64,
    /// When something last came, or the server last said that there is nothing.
    quiet_since: Instant,
    messages: Option<pull::Stream>,
}

/// Some events in a row.
#[derive(Debug)]
pub struct Batch {
    /// The events, in order, with none left out.
    pub events: Vec<Recorded>,
    /// Whether the server had nothing behind the last of them, when it last said something. A silent server never makes
    /// a reader believe that it has caught up.
    pub caught_up: bool,
}

impl Journal {
    /// A reader of the stream's events after this sequence; 0 reads from the beginning.
    ///
    /// # Errors
    /// Where the server cannot give one.
    pub async fn reader(&self, stream: Stream, after_sequence: u64) -> Result<Reader, ReadError> {
        let (journal, quiet_since) = (self.clone(), Instant::now());
        let mut reader = Reader { journal, stream, after: after_sequence, pending: 0, quiet_since, messages: None };
        reader.open().await?;
        Ok(reader)
    }
}

impl Reader {
    /// The sequence of the last event given, or where the reader began.
    #[must_use]
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// Up to `max` events in a row; waits for the first one at most `wait`, and for no other. Empty where nothing new
    /// came.
    ///
    /// After an error the next call goes on behind the last event that was given. A server that says nothing at all is
    /// an error after a while, not an empty batch for ever.
    ///
    /// # Errors
    /// Where the server cannot be read from, or left out an event.
    pub async fn next(&mut self, max: usize, wait: Duration) -> Result<Batch, ReadError> {
        let batch = self.fill(max, wait).await;
        if batch.is_err() {
            self.messages = None;
        }
        batch
    }

    async fn fill(&mut self, max: usize, wait: Duration) -> Result<Batch, ReadError> {
        if self.messages.is_none() {
            self.open().await?;
        }
        let mut batch = Batch { events: Vec::new(), caught_up: false };
        let Some(messages) = self.messages.as_mut() else { return Ok(batch) };
        let mut next = match tokio::time::timeout(wait, messages.next()).await {
            Ok(first) => first,
            Err(_elapsed) => {
                if self.quiet_since.elapsed() >= QUIET_MAX {
                    self.look_for_the_end().await?;
                }
                return Ok(Batch { caught_up: self.pending == 0, ..batch });
            }
        };
        loop {
            match self.take(next) {
                Ok(recorded) => batch.events.push(recorded),
                // What was taken from the server is given first. The next call begins behind it, and meets the error.
                Err(_) if !batch.events.is_empty() => {
                    self.messages = None;
                    return Ok(batch);
                }
                Err(error) => return Err(error),
            }
            let more = match self.messages.as_mut() {
                Some(messages) if batch.events.len() < max => messages.next().now_or_never(),
                Some(_) | None => None,
            };
            next = match more {
                Some(next) => next,
                None => {
                    self.quiet_since = Instant::now();
                    return Ok(Batch { caught_up: self.pending == 0, ..batch });
                }
            };
        }
    }

    /// The next event in the row.
    fn take(&mut self, next: Option<Result<Message, pull::MessagesError>>) -> Result<Recorded, ReadError> {
        let message = match next {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(ReadError::unavailable("the next event", error)),
            None => return Err(ReadError::unavailable("the next event", "the server ended the reader")),
        };
        let info = message.info().map_err(|error| ReadError::unavailable("an event's place", error))?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        // The stream deletes nothing, so its sequences have no holes: a hole is an event that got lost on the way.
        if sequence != self.after + 1 {
            return Err(ReadError::Gap { stream: self.stream, after: self.after, got: sequence });
        }
        (self.after, self.pending) = (sequence, pending);
        let message = message.message;
        let position = Position { stream: self.stream, sequence };
        Ok(Recorded::new(position, message.subject, message.headers, message.payload))
    }

    /// Asks where the stream ends. Where that is further on, what is missing is asked for again.
    async fn look_for_the_end(&mut self) -> Result<(), ReadError> {
        let end = self.journal.last_position(self.stream).await?;
        self.pending = end.sequence.saturating_sub(self.after);
        self.quiet_since = Instant::now();
        if self.pending > 0 {
            self.messages = None;
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<(), ReadError> {
        let config = pull::Config {
            deliver_policy: match self.after {
                0 => DeliverPolicy::All,
                after => DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: READER_IDLE,
            ..Default::default()
        };
        let consumer = self.journal.stream(self.stream).create_consumer(config).await;
        let consumer = consumer.map_err(|error| ReadError::unavailable("a reader", error))?;
        self.pending = consumer.cached_info().num_pending;
        self.quiet_since = Instant::now();
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_BATCH)
            .expires(PULL_EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await;
        self.messages = Some(messages.map_err(|error| ReadError::unavailable("a reader", error))?);
        Ok(())
    }
}
