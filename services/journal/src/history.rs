//! All events of one aggregate, as the stream's leader knows them.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::RawMessageErrorKind;
use events::metadata::header;
use events::{Position, Stream, Subject};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};

use crate::connection::Journal;
use crate::recorded::{ReadError, Recorded};

/// Reads of a history before a replica that stays behind its leader is given up on.
const READS_MAX: u32 = 5;
/// The pause before a replica that is behind is asked again; it doubles each time.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Events that are asked for one by one, rather than through a reader of their own.
const ONE_BY_ONE_MAX: u64 = 16;
/// Events that one request for a history asks for.
const HISTORY_BATCH: usize = 1_000;
/// How long the server keeps a reader that nobody uses any more and nobody has ended: who asked has hung up.
const READER_IDLE: Duration = Duration::from_secs(2);

/// How long an event may be on its way into the log: longer than a command waits for it.
const ON_ITS_WAY_MAX: SignedDuration = SignedDuration::from_secs(10);
/// Events that are on their way at once, of those that are looked for.
const ON_THEIR_WAY_MAX: usize = 256;

impl Journal {
    /// All events of the aggregate in their order; none where nothing has happened.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub async fn history(&self, subject: &Subject) -> Result<Vec<Recorded>, ReadError> {
        match self.last_event(subject).await? {
            Some(last) => self.history_between(subject, 0, 0, last).await,
            None => Ok(Vec::new()),
        }
    }

    /// The aggregate's events after this version, which stands at this sequence, up to its last one.
    pub(crate) async fn history_between(
        &self,
        subject: &Subject,
        version: u64,
        after: u64,
        last: Recorded,
    ) -> Result<Vec<Recorded>, ReadError> {
        let end = last.header(header::VERSION).and_then(|end| end.parse::<u64>().ok());
        match end.and_then(|end| end.checked_sub(version)) {
            Some(missing @ 1..=ONE_BY_ONE_MAX) => self.one_by_one(subject, after, missing, last).await,
            _ => self.events_between(subject, after, last.position().sequence).await,
        }
    }

    /// So many events after a sequence, of which the last is known, each asked of the leader: no reader has to be made
    /// for them, which costs a cluster more than the events.
    async fn one_by_one(
        &self,
        subject: &Subject,
        mut after: u64,
        missing: u64,
        last: Recorded,
    ) -> Result<Vec<Recorded>, ReadError> {
        let stream = stream_of(subject);
        let mut events = Vec::new();
        for _ in 1..missing {
            let request = self.stream(stream).raw_message_builder().sequence(after + 1);
            let next = request.next_by_subject(subject.as_str()).send().await;
            let next = next.map_err(|error| ReadError::unavailable("an aggregate's next event", error))?;
            after = next.sequence;
            let position = Position { stream, sequence: next.sequence };
            events.push(Recorded::new(position, next.subject, Some(next.headers), next.payload));
        }
        events.push(last);
        Ok(events)
    }

    /// The aggregate's events after one sequence, up to its last event, which stands at the other.
    async fn events_between(&self, subject: &Subject, after: u64, last: u64) -> Result<Vec<Recorded>, ReadError> {
        let mut got = 0;
        for read in 0..READS_MAX {
            if read > 0 {
                // The reader may sit on a replica that has not applied the leader's last writes yet. There is nothing
                // to await there but time.
                tokio::time::sleep(READ_AGAIN_AFTER * 2_u32.pow(read - 1)).await;
            }
            let events = self.read_subject(subject, after, last).await?;
            got = events.last().map_or(0, |event| event.position().sequence);
            if got >= last {
                return Ok(events);
            }
        }
        Err(ReadError::Behind { subject: subject.to_string(), got, last })
    }

    /// The event at a position, where there is one.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub async fn event_at(&self, position: Position) -> Result<Option<Recorded>, ReadError> {
        if position.sequence == 0 {
            return Ok(None);
        }
        match self.stream(position.stream).get_raw_message(position.sequence).await {
            Ok(found) => Ok(Some(Recorded::new(position, found.subject, Some(found.headers), found.payload))),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ReadError::unavailable("an event by its position", error)),
        }
    }

    /// The subject's first event behind this sequence, where there is one.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub async fn next_of(&self, subject: &Subject, after: u64) -> Result<Option<Recorded>, ReadError> {
        let stream = stream_of(subject);
        let from = after.saturating_add(1);
        match self.stream(stream).get_first_raw_message_by_subject(subject.as_str(), from).await {
            Ok(found) => {
                let position = Position { stream, sequence: found.sequence };
                Ok(Some(Recorded::new(position, found.subject, Some(found.headers), found.payload)))
            }
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ReadError::unavailable("an aggregate's next event", error)),
        }
    }

    /// The position of the last event that the stream had at the time, 0 where it had none.
    ///
    /// Found by halves, from as few events as a number has digits in base two, by when the server took each in: that only
    /// grows. An event says itself when it was, by the clock of whoever gave the command, and is taken in a moment later;
    /// those that say that they were not later than the time are counted, as far as they follow each other.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub async fn position_at(&self, stream: Stream, time: Timestamp) -> Result<Position, ReadError> {
        let last = self.last_position(stream).await?;
        let (mut not_later, mut end) = (0, last.sequence);
        // Most of what is asked for has only just been.
        if self.taken_at(last).await?.is_none_or(|(taken, _)| taken <= time) {
            return Ok(last);
        }
        while not_later < end {
            let middle = not_later + (end - not_later).div_ceil(2);
            let taken = self.taken_at(Position { stream, sequence: middle }).await?;
            // What is not there is not held to be later than anything.
            if taken.is_none_or(|(taken, _)| taken <= time) {
                not_later = middle;
            } else {
                end = middle - 1;
            }
        }
        let soon = time.checked_add(ON_ITS_WAY_MAX).unwrap_or(Timestamp::MAX);
        for _ in 0..ON_THEIR_WAY_MAX {
            let next = Position { stream, sequence: not_later + 1 };
            match self.taken_at(next).await? {
                Some((taken, Some(said))) if said <= time && taken <= soon => not_later += 1,
                Some(_) | None => break,
            }
        }
        Ok(Position { stream, sequence: not_later })
    }

    /// When the server took in the event at the position, and when the event says that it was.
    async fn taken_at(&self, position: Position) -> Result<Option<(Timestamp, Option<Timestamp>)>, ReadError> {
        if position.sequence == 0 {
            return Ok(None);
        }
        match self.stream(position.stream).get_raw_message(position.sequence).await {
            Ok(found) => {
                let taken = Timestamp::from_nanosecond(found.time.unix_timestamp_nanos());
                let taken = taken.map_err(|error| ReadError::unavailable("when an event was taken in", error))?;
                let event = Recorded::new(position, found.subject, Some(found.headers), found.payload);
                Ok(Some((taken, event.metadata().ok().map(|metadata| metadata.time))))
            }
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ReadError::unavailable("an event by its position", error)),
        }
    }

    /// The stream's last position, 0 where it is empty.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub async fn last_position(&self, stream: Stream) -> Result<Position, ReadError> {
        let info = self.stream(stream).get_info().await;
        let info = info.map_err(|error| ReadError::unavailable("the last position of a stream", error))?;
        Ok(Position { stream, sequence: info.state.last_sequence })
    }

    /// The subject's last event. Only the leader answers this request, so the answer is never stale.
    pub(crate) async fn last_event(&self, subject: &Subject) -> Result<Option<Recorded>, ReadError> {
        let stream = stream_of(subject);
        match self.stream(stream).get_last_raw_message_by_subject(subject.as_str()).await {
            Ok(found) => {
                let position = Position { stream, sequence: found.sequence };
                Ok(Some(Recorded::new(position, found.subject, Some(found.headers), found.payload)))
            }
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ReadError::unavailable("an aggregate's last event", error)),
        }
    }

    /// The subject's events after one sequence up to another, or fewer where the replica that was asked is behind.
    async fn read_subject(&self, subject: &Subject, after: u64, last: u64) -> Result<Vec<Recorded>, ReadError> {
        let stream = stream_of(subject);
        let failed = |error| ReadError::Unavailable { what: "an aggregate's history", source: error };
        let config = pull::Config {
            deliver_policy: match after {
                0 => DeliverPolicy::All,
                after => DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            },
            ack_policy: AckPolicy::None,
            filter_subject: subject.as_str().to_owned(),
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: READER_IDLE,
            ..Default::default()
        };
        let consumer = self.stream(stream).create_consumer(config).await.map_err(|error| failed(error.into()))?;
        let read = self.read_all(&consumer, stream, last).await;
        // The server keeps so many readers of a stream and no more: left to its idle time, those of a second's histories would
        // stand in the way of the next ones.
        let name = consumer.cached_info().name.clone();
        if let Err(error) = self.stream(stream).delete_consumer(&name).await {
            tracing::debug!(%error, "a reader is left to the server to end");
        }
        read
    }

    /// What the reader reads of the stream, up to this sequence.
    async fn read_all(&self, consumer: &PullConsumer, stream: Stream, last: u64) -> Result<Vec<Recorded>, ReadError> {
        let failed = |error| ReadError::Unavailable { what: "an aggregate's history", source: error };
        let mut events: Vec<Recorded> = Vec::new();
        loop {
            // Without a time to wait, the server gives what it has and then says that it has no more.
            let fetch = consumer.fetch().max_messages(HISTORY_BATCH).messages().await;
            let mut messages = fetch.map_err(|error| failed(error.into()))?;
            let before = events.len();
            let mut complete = false;
            loop {
                // A server that goes away in the middle says nothing: the client would wait for ever.
                let next = tokio::time::timeout(self.0.settings.append_timeout, messages.next()).await;
                let Some(message) = next.map_err(|elapsed| failed(elapsed.into()))? else { break };
                let message = message.map_err(failed)?;
                let sequence = message.info().map_err(failed)?.stream_sequence;
                let message = message.message;
                let position = Position { stream, sequence };
                events.push(Recorded::new(position, message.subject, message.headers, message.payload));
                if sequence >= last {
                    complete = true;
                    break;
                }
            }
            if complete || events.len() == before {
                return Ok(events);
            }
        }
    }
}

fn stream_of(subject: &Subject) -> Stream {
    if subject.as_str().starts_with("insights.market.") { Stream::Market } else { Stream::Advisory }
}
