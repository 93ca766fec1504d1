//! An event as it stands in the log.

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use bytes::Bytes;
use events::metadata::{MetadataError, header};
use events::subject::NotASubject;
use events::{AnyEvent, DecodeError, Kind, Metadata, Position, Stream, Subject};

/// An event as the log gave it: nothing is decoded before somebody asks.
#[derive(Debug, Clone)]
pub struct Recorded {
    position: Position,
    subject: async_nats::Subject,
    headers: Option<HeaderMap>,
    payload: Bytes,
}

impl Recorded {
    pub(crate) const fn new(
        position: Position,
        subject: async_nats::Subject,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Self {
        Self { position, subject, headers, payload }
    }

    /// An event that stands nowhere, for tests of those who read events.
    #[must_use]
    pub fn for_test(position: Position, subject: &str, headers: &[(&str, &str)], payload: &[u8]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Self::new(position, subject.into(), Some(map), Bytes::copy_from_slice(payload))
    }

    /// Where it stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The subject it stands on.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.subject.as_str()
    }

    /// Its type and version; empty where the header is missing.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.header(header::TYPE).unwrap_or_default()
    }

    /// Its bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The W3C trace context that it was recorded in.
    #[must_use]
    pub fn trace_parent(&self) -> Option<&str> {
        self.header(header::TRACE_PARENT)
    }

    /// The sequence of its aggregate's event before it, 0 where it is the first: what its writer expected and the server
    /// checked when it took the event. `None` where it does not say.
    #[must_use]
    pub fn previous_sequence(&self) -> Option<u64> {
        let previous = self.headers.as_ref()?.get(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE)?;
        previous.as_str().parse().ok()
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &'static str) -> Option<&str> {
        let name = async_nats::HeaderName::from_static(name);
        self.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
    }

    /// What stands beside it.
    ///
    /// # Errors
    /// Where a header is missing or cannot be read.
    pub fn metadata(&self) -> Result<Metadata, MetadataError> {
        Metadata::from_headers(|name| self.header(name))
    }

    /// The kind of its aggregate, and the word that the aggregate's id is in subjects.
    ///
    /// # Errors
    /// Where the subject is none of ours.
    pub fn kind_and_token(&self) -> Result<(Kind, &str), NotASubject> {
        Subject::parse(self.subject())
    }

    /// The event itself.
    ///
    /// # Errors
    /// Where the subject is none of ours, or the bytes are no event that this build knows.
    pub fn decode(&self) -> Result<AnyEvent, RecordedError> {
        let (kind, _) = self.kind_and_token()?;
        Ok(AnyEvent::decode(kind, self.event_type(), &self.payload)?)
    }
}

/// Why what stands in the log is no event that this build knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordedError {
    /// Its subject is none of ours.
    #[error(transparent)]
    Subject(#[from] NotASubject),
    /// A header is missing or cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Its bytes are not of its type's form.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// What the client's errors are passed on as.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The server did not answer, or answered that it cannot.
    #[error("the log could not be read: {what}")]
    Unavailable {
        /// What was being done.
        what: &'static str,
        /// What the client says.
        #[source]
        source: Source,
    },
    /// Events are missing between what was read and what came.
    #[error("{} was read up to {after} and then gave {got}", stream.name())]
    Gap {
        /// Which stream.
        stream: Stream,
        /// The last sequence read before.
        after: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A replica gave less than its leader says there is, for as long as the bound allows.
    #[error("`{subject}` was given up to {got}, and its last event stands at {last}")]
    Behind {
        /// Whose history.
        subject: String,
        /// The last sequence given.
        got: u64,
        /// The last sequence there is.
        last: u64,
    },
    /// An event of an aggregate cannot be folded.
    #[error("the event at {position} cannot be read")]
    Event {
        /// Where it stands.
        position: Position,
        /// What is wrong with it.
        #[source]
        source: RecordedError,
    },
}

impl ReadError {
    pub(crate) fn unavailable(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable { what, source: source.into() }
    }
}
