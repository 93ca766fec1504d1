//! Events on their way into read models: decoded once, whatever number of read models takes them.

use std::sync::Arc;

use events::values::Actor;
use events::{AnyEvent, Kind, Position};
use jiff::Timestamp;
use journal::Recorded;

/// One event as read models take it.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its sequence in its stream, as rows keep it.
    pub sequence: i64,
    /// The sequence of the aggregate's event before it, 0 where it is the first; `None` where it does not say.
    pub previous: Option<i64>,
    /// The aggregate's version after it, as rows keep it.
    pub version: i64,
    /// When its command was given.
    pub time: Timestamp,
    /// Who gave it.
    pub actor: Actor,
    /// The aggregate's id as it stands in the subject.
    pub token: String,
    /// The event's type and the version of its stored form.
    pub event_type: Arc<str>,
    /// The event.
    pub event: AnyEvent,
}

/// One event as it came from the log, with what could be made of it. Its headers and bytes are let go of as soon as they
/// were read: some thousand events wait at a time, and their headers would take most of the memory, and of the time to free it.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// Where it stands.
    pub position: Position,
    /// On which subject.
    pub subject: String,
    /// Its type, as it says.
    pub event_type: Arc<str>,
    /// The W3C trace context that it was recorded in.
    pub trace_parent: Option<String>,
    /// The aggregate's kind; `None` where the subject names none that this build knows.
    pub kind: Option<Kind>,
    /// When its command was given, where it says so.
    pub time: Option<Timestamp>,
    /// The decoded event, or why there is none.
    pub event: Result<Applied, String>,
}

impl Incoming {
    pub fn new(recorded: &Recorded) -> Self {
        let event_type: Arc<str> = recorded.event_type().into();
        let kind = recorded.kind_and_token().ok().map(|(kind, _)| kind);
        let metadata = recorded.metadata();
        let time = metadata.as_ref().ok().map(|metadata| metadata.time);
        let event = metadata.map_err(|error| error.to_string()).and_then(|metadata| {
            let (_, token) = recorded.kind_and_token().map_err(|error| error.to_string())?;
            let bigint = |number: u64| i64::try_from(number).map_err(|_| format!("{number} is out of range"));
            Ok(Applied {
                sequence: bigint(recorded.position().sequence)?,
                previous: recorded.previous_sequence().map(bigint).transpose()?,
                version: bigint(metadata.version)?,
                time: metadata.time,
                actor: metadata.actor,
                token: token.to_owned(),
                event_type: Arc::clone(&event_type),
                event: recorded.decode().map_err(|error| error.to_string())?,
            })
        });
        let (position, subject) = (recorded.position(), recorded.subject().to_owned());
        let trace_parent = recorded.trace_parent().map(str::to_owned);
        Self { position, subject, event_type, trace_parent, kind, time, event }
    }

    pub const fn sequence(&self) -> u64 {
        self.position.sequence
    }
}
