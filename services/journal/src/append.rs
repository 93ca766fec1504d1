//! One attempt to append one event.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use events::metadata::header;
use events::{Metadata, Stored, Subject};

use crate::connection::Journal;
use crate::recorded::Source;
use crate::trace::trace_parent;

/// The server's answer that a write to the subject is in flight, which is a conflict by another name.
const STREAM_WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10_164;
/// The server's answers to a request that can never be right.
const REFUSED: std::ops::RangeInclusive<usize> = 400..=499;
/// Among these, two that only say "not now": an append with this event's id is in flight, and may yet be stored; the
/// server has too much to do.
const NOT_NOW: [usize; 2] = [409, 429];

const EXPECTED_LAST: &str = "Nats-Expected-Last-Subject-Sequence";
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Why an event was not appended, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The aggregate has moved on since the expected sequence. Nothing was written.
    #[error("`{subject}` has moved on since {expected}")]
    Conflict {
        /// Which aggregate.
        subject: String,
        /// The sequence it was expected to stand at.
        expected: u64,
    },
    /// No answer: the event may be in the log or not. Only the history can tell.
    #[error("no answer to an append to `{subject}`")]
    Unknown {
        /// Which aggregate.
        subject: String,
        /// What the client says.
        #[source]
        source: Source,
    },
    /// The server refused. Nothing was written.
    #[error("an append to `{subject}` was refused")]
    Refused {
        /// Which aggregate.
        subject: String,
        /// What the server says.
        #[source]
        source: Source,
    },
}

impl Journal {
    /// The sequence at which the event now stands; `None` where the server had taken it before, and the history tells
    /// where. `expected` is the sequence of the aggregate's last event, 0 where there is none.
    pub(crate) async fn append<E: Stored>(
        &self,
        subject: &Subject,
        event: &E,
        metadata: &Metadata,
        expected: u64,
    ) -> Result<Option<u64>, AppendError> {
        let mut headers = HeaderMap::new();
        for (name, value) in metadata.to_headers(event.event_type()) {
            headers.insert(name, value);
        }
        if let Some(context) = trace_parent(&tracing::Span::current()) {
            headers.insert(header::TRACE_PARENT, context);
        }
        // The literal subject alone is checked: another filter than the subject itself lets writers overwrite each other.
        headers.insert(EXPECTED_LAST, expected.to_string());
        headers.insert(MESSAGE_ID, metadata.event_id.to_string());
        let message = PublishMessage::build().headers(headers).payload(event.encode().into());

        let failed = |error: PublishError| classify(subject, expected, error);
        let waiting = self.context.send_publish(subject.as_str().to_owned(), message);
        let answer = async { waiting.await.map_err(failed)?.await.map_err(failed) };
        match tokio::time::timeout(self.settings.append_timeout + GRACE, answer).await {
            Ok(answer) => answer.map(|ack| (!ack.duplicate).then_some(ack.sequence)),
            Err(elapsed) => Err(AppendError::unknown(subject, elapsed)),
        }
    }
}

impl AppendError {
    pub(crate) fn unknown(subject: &Subject, source: impl Into<Source>) -> Self {
        Self::Unknown { subject: subject.to_string(), source: source.into() }
    }
}

/// The client's own time-out comes first; this one only bounds what the client does not.
const GRACE: Duration = Duration::from_millis(200);

fn classify(subject: &Subject, expected: u64, error: PublishError) -> AppendError {
    let code = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .map(|error| (error.code(), error.error_code().0));
    let subject = subject.to_string();
    match (error.kind(), code) {
        (PublishErrorKind::WrongLastSequence, _) | (_, Some((_, STREAM_WRONG_LAST_SEQUENCE_CONSTANT))) => {
            AppendError::Conflict { subject, expected }
        }
        // An error of the server's own (5xx) does not say whether the event was stored before it occurred.
        (PublishErrorKind::Other, Some((status, _))) if REFUSED.contains(&status) && !NOT_NOW.contains(&status) => {
            AppendError::Refused { subject, source: error.into() }
        }
        (PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::WrongLastMessageId, _) => {
            AppendError::Refused { subject, source: error.into() }
        }
        (
            PublishErrorKind::StreamNotFound
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::Other,
            _,
        ) => AppendError::Unknown { subject, source: error.into() },
    }
}
