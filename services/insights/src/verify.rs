//! The checker of the log: what must be true of every stream, whatever has failed before.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use events::values::{CommandId, EventId};
use events::{Position, Stream};
use journal::{Journal, ReadError, Recorded};

/// Events that are read at a time.
const BATCH: usize = 5_000;
/// How long the checker waits for an event that the server says is there.
const WAIT: Duration = Duration::from_secs(5);
/// Errors in a row after which the log counts as unreadable.
const READ_ERRORS_MAX: u32 = 5;
/// The pause after one.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Violations that a report spells out; the rest are counted.
const SPELT_OUT_MAX: usize = 100;

/// What a check of one stream found.
#[derive(Debug)]
pub struct LogReport {
    /// Which stream.
    pub stream: Stream,
    /// How many events it has.
    pub events: u64,
    /// How many aggregates they belong to.
    pub aggregates: usize,
    /// What is not as it must be, the first hundred in words.
    pub spelt_out: Vec<Violation>,
    violations: u64,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A position is missing: an event was deleted.
    #[error("nothing stands between {after} and {got}")]
    PositionMissing {
        /// The last sequence before.
        after: u64,
        /// The sequence after.
        got: u64,
    },
    /// An event cannot be read by this build.
    #[error("the event at {position} cannot be read: {reason}")]
    Unreadable {
        /// Where it stands.
        position: Position,
        /// Why.
        reason: String,
    },
    /// An event id stands twice.
    #[error("the event at {position} has an id that stood before")]
    EventTwice {
        /// Where it stands the second time.
        position: Position,
    },
    /// A command became two events.
    #[error("the event at {position} comes of a command that led to an event before")]
    CommandTwice {
        /// Where the second stands.
        position: Position,
    },
    /// An event's id does not follow from its command's.
    #[error("the event at {position} has an id that is not its command's")]
    EventIdForeign {
        /// Where it stands.
        position: Position,
    },
    /// An aggregate's versions are not 1, 2, 3 and so on.
    #[error("the event at {position} is version {version} of `{subject}`, which stood at {before}")]
    VersionOutOfOrder {
        /// Where it stands.
        position: Position,
        /// Whose version.
        subject: String,
        /// Which one.
        version: u64,
        /// The one before.
        before: u64,
    },
    /// A command was acknowledged, and its event is not there.
    #[error("the command {0} was acknowledged and is not in the log")]
    AcknowledgedMissing(CommandId),
}

impl LogReport {
    /// How many things are not as they must be.
    #[must_use]
    pub const fn violations(&self) -> u64 {
        self.violations
    }

    fn add(&mut self, violation: Violation) {
        self.violations += 1;
        if self.spelt_out.len() < SPELT_OUT_MAX {
            self.spelt_out.push(violation);
        }
    }
}

impl fmt::Display for LogReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, events, aggregates, violations, .. } = self;
        write!(f, "{}: {events} events of {aggregates} aggregates, {violations} violations", stream.name())?;
        for violation in &self.spelt_out {
            write!(f, "\n  {violation}")?;
        }
        Ok(())
    }
}

/// What is not as it must be in the stream, read from its first event to its present end. `acknowledged` are commands
/// that somebody was told are recorded there. Memory grows with the log: about 100 bytes an event.
///
/// # Errors
/// Where the log cannot be read.
pub async fn log(journal: &Journal, stream: Stream, acknowledged: &[CommandId]) -> Result<LogReport, ReadError> {
    let mut report = LogReport { stream, events: 0, aggregates: 0, spelt_out: Vec::new(), violations: 0 };
    let mut seen = Seen::default();
    let end = journal.last_position(stream).await?.sequence;
    let mut reader = journal.reader(stream, 0).await?;
    let mut errors = 0;
    while reader.after() < end {
        match reader.next(BATCH, WAIT).await {
            Ok(batch) => {
                errors = 0;
                for recorded in batch.events.iter().filter(|recorded| recorded.position().sequence <= end) {
                    report.events += 1;
                    check(&mut report, &mut seen, recorded);
                }
                if batch.events.is_empty() {
                    missing_at_the_end(journal, Position { stream, sequence: reader.after() + 1 }).await?;
                    report.add(Violation::PositionMissing { after: reader.after(), got: end + 1 });
                    break;
                }
            }
            // A hole is what we are here to find: say so, and look at what stands behind it.
            Err(ReadError::Gap { after, got, .. }) => {
                report.add(Violation::PositionMissing { after, got });
                reader = journal.reader(stream, got - 1).await?;
            }
            // The reader goes on where it was; a cluster that has just lost a member may need a moment.
            Err(error) if errors < READ_ERRORS_MAX => {
                errors += 1;
                tracing::debug!(%error, errors, "the log is read on");
                tokio::time::sleep(READ_AGAIN_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    }
    report.aggregates = seen.versions.len();
    for command in acknowledged.iter().filter(|command| !seen.commands.contains(command)) {
        report.add(Violation::AcknowledgedMissing(*command));
    }
    Ok(report)
}

/// Nothing came, though the stream goes on to here: succeeds where the server says that nothing stands here. Where it
/// does, it is the server that is slow, and that is no violation.
async fn missing_at_the_end(journal: &Journal, position: Position) -> Result<(), ReadError> {
    match journal.event_at(position).await? {
        None => Ok(()),
        Some(_) => {
            let source = format!("nothing came for {WAIT:?}, though there is an event at {position}").into();
            Err(ReadError::Unavailable { what: "the next event", source })
        }
    }
}

#[derive(Default)]
struct Seen {
    events: HashSet<EventId>,
    commands: HashSet<CommandId>,
    versions: HashMap<String, u64>,
}

fn check(report: &mut LogReport, seen: &mut Seen, recorded: &Recorded) {
    let position = recorded.position();
    if let Err(error) = recorded.decode() {
        report.add(Violation::Unreadable { position, reason: error.to_string() });
    }
    let metadata = match recorded.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            report.add(Violation::Unreadable { position, reason: error.to_string() });
            return;
        }
    };
    if !seen.events.insert(metadata.event_id) {
        report.add(Violation::EventTwice { position });
    }
    if !seen.commands.insert(metadata.command_id) {
        report.add(Violation::CommandTwice { position });
    }
    if metadata.event_id != EventId::of(metadata.command_id) {
        report.add(Violation::EventIdForeign { position });
    }
    let subject = recorded.subject().to_owned();
    let before = seen.versions.get(&subject).copied().unwrap_or(0);
    if metadata.version != before + 1 {
        let version = metadata.version;
        report.add(Violation::VersionOutOfOrder { position, subject: subject.clone(), version, before });
    }
    seen.versions.insert(subject, metadata.version);
}
