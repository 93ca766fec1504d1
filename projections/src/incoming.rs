//! Events on their way into read models: decoded once, whatever number of read models takes them.

use events::{AnyEvent, Kind};
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
    /// The aggregate's id as it stands in the subject.
    pub token: String,
    /// The event's type and the version of its stored form.
    pub event_type: String,
    /// The event.
    pub event: AnyEvent,
}

/// One event as it came from the log, with what could be made of it.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub recorded: Recorded,
    /// The aggregate's kind; `None` where the subject names none that this build knows.
    pub kind: Option<Kind>,
    /// When its command was given, where it says so.
    pub time: Option<Timestamp>,
    /// The decoded event, or why there is none.
    pub event: Result<Applied, String>,
}

impl Incoming {
    pub fn new(recorded: Recorded) -> Self {
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
                token: token.to_owned(),
                event_type: recorded.event_type().to_owned(),
                event: recorded.decode().map_err(|error| error.to_string())?,
            })
        });
        Self { recorded, kind, time, event }
    }

    pub fn sequence(&self) -> u64 {
        self.recorded.position().sequence
    }
}
