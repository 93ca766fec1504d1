//! One attempt to append one event.

use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, HeaderName, jetstream};
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
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(context) = trace_parent(&tracing::Span::current()) {
            headers.insert(HeaderName::from_static(header::TRACE_PARENT), context);
        }
        // The literal subject alone is checked: another filter than the subject itself lets writers overwrite each other.
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        headers.insert(NATS_MESSAGE_ID, metadata.event_id.to_string());
        let message = PublishMessage::build().headers(headers).payload(event.encode().into());

        let failed = |error: PublishError| classify(subject, expected, error);
        let waiting = self.0.context.send_publish(subject.as_str().to_owned(), message);
        let answer = async { waiting.await.map_err(failed)?.await.map_err(failed) };
        match tokio::time::timeout(self.0.settings.append_timeout + GRACE, answer).await {
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

#[cfg(test)]
mod tests {
    use async_nats::jetstream;
    use async_nats::jetstream::context::{PublishError, PublishErrorKind};
    use events::{Kind, Subject};

    use super::{AppendError, classify};

    /// What the client makes of this answer of the server's.
    fn answer(status: u64, code: u64) -> PublishError {
        let error = serde_json::json!({ "code": status, "err_code": code, "description": "as the server says" });
        PublishError::with_source(PublishErrorKind::Other, serde_json::from_value::<jetstream::Error>(error).unwrap())
    }

    fn classified(error: PublishError) -> AppendError {
        classify(&Subject::new(Kind::Portfolio, "x"), 7, error)
    }

    #[test]
    fn a_write_that_is_in_flight_is_a_conflict_by_another_name() {
        for conflict in [answer(400, 10_164), PublishError::new(PublishErrorKind::WrongLastSequence)] {
            assert!(matches!(classified(conflict), AppendError::Conflict { expected: 7, .. }));
        }
    }

    #[test]
    fn only_an_answer_that_can_never_change_is_a_refusal() {
        // A message that is too long, a stream that is sealed.
        for (status, code) in [(400, 10_054), (400, 10_109)] {
            assert!(matches!(classified(answer(status, code)), AppendError::Refused { .. }), "{status} {code}");
        }
        // The same event in flight, too many requests, no leader, a store that failed.
        for (status, code) in [(409, 10_158), (429, 10_167), (503, 10_008), (503, 10_077), (500, 10_052)] {
            assert!(matches!(classified(answer(status, code)), AppendError::Unknown { .. }), "{status} {code}");
        }
        for kind in [PublishErrorKind::TimedOut, PublishErrorKind::BrokenPipe, PublishErrorKind::StreamNotFound] {
            assert!(matches!(classified(PublishError::new(kind)), AppendError::Unknown { .. }), "{kind:?}");
        }
    }
}
