//! The one way to write: history, decide, append with the history's end expected, again on conflict.

use std::time::Duration;

use events::values::{Actor, AggregateId, CommandId, EventId};
use events::{Decider, Metadata, Position, Stored, Subject};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::instrument;

use crate::aggregates::{Entry, Loaded};
use crate::append::AppendError;
use crate::connection::Journal;
use crate::recorded::{ReadError, Recorded};

/// Attempts to append before a command gives up: other processes may write to the same aggregate.
pub const APPEND_ATTEMPTS_MAX: u32 = 32;
/// The first pause after an append without an answer; it doubles up to [`SETTLE_PAUSE_MAX`].
const SETTLE_PAUSE: Duration = Duration::from_millis(50);
const SETTLE_PAUSE_MAX: Duration = Duration::from_millis(800);

/// What a command brings with it from the edge.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// Its id. The same id again is the same command again.
    pub command_id: CommandId,
    /// When it was given.
    pub time: Timestamp,
    /// Who gave it.
    pub actor: Actor,
    /// How the aggregate has to stand.
    pub expect: Expect,
    /// A digest of what was asked.
    pub request_digest: Option<String>,
    /// The event that a consumer acts on.
    pub causation_id: Option<EventId>,
}

/// How an aggregate has to stand for a command to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// However it stands.
    Any,
    /// Surely nothing has happened to it: its id is new. Only saves a look at the log; the log still checks.
    New,
    /// At this version and no other.
    Version(u64),
}

/// How a command went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It became an event.
    Recorded,
    /// It changed nothing.
    Unchanged,
    /// It had become an event before: this is the first answer again.
    Replayed,
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Done<D> {
    /// How it went.
    pub outcome: Outcome,
    /// The aggregate's version after it.
    pub version: u64,
    /// Where the aggregate's last event then stood.
    pub position: Option<Position>,
    /// The aggregate's state then.
    pub state: D,
}

/// An aggregate's state.
#[derive(Debug, Clone)]
pub struct Versioned<D> {
    /// How many events led to it.
    pub version: u64,
    /// Where the last of them stands.
    pub position: Option<Position>,
    /// The state.
    pub state: D,
}

/// Why a command came to nothing, or may have.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + 'static> {
    /// The rules refuse it.
    #[error(transparent)]
    Rejected(R),
    /// The aggregate does not stand at the expected version.
    #[error("the aggregate stands at version {current}")]
    Stale {
        /// The version it stands at.
        current: u64,
    },
    /// A command with this id was given before and asked for something else.
    #[error("the command was given before, with another request")]
    RequestDiffers,
    /// Too many commands wait for this aggregate. Nothing was written.
    #[error("too many commands wait for this aggregate")]
    Busy,
    /// Other processes kept writing to this aggregate. Nothing was written.
    #[error("other writers came first {attempts} times")]
    Conflicts {
        /// How often it was tried.
        attempts: u32,
    },
    /// The append was sent and never answered for: it may be in the log or not. The same command id again will tell.
    #[error("it is not known whether the command was recorded")]
    Unknown(#[source] AppendError),
    /// The log refused the event. Nothing was written.
    #[error("the log refused the event")]
    Refused(#[source] AppendError),
    /// The log could not be read. Nothing was written.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Journal {
    /// What the command comes to: at most one event, recorded exactly once however often the command is given.
    ///
    /// Dropping the future is safe at any point: an append that was under way is found again by its command id.
    ///
    /// # Errors
    /// See [`ExecuteError`]; only `Unknown` leaves it open whether something was written.
    #[instrument(name = "journal.execute", skip_all, fields(kind = D::KIND.token(), aggregate = %id))]
    pub async fn execute<D: Decider>(
        &self,
        id: &D::Id,
        command: &D::Command,
        context: &CommandContext,
    ) -> Result<Done<D>, ExecuteError<D::Rejection>> {
        let deadline = Instant::now() + self.settings.execute_deadline;
        let subject = Subject::new(D::KIND, &id.token());
        let slot = self.aggregates.slot::<D>(&subject);
        let mut place = slot.turn(deadline).await.map_err(|_| ExecuteError::Busy)?;
        let mut unsettled = None;
        for attempt in 0..APPEND_ATTEMPTS_MAX {
            // Taken out while it is worked on: a future dropped half-way leaves the place empty, which is always safe.
            let (loaded, fresh) = match place.take() {
                Some(loaded) => (loaded, false),
                None if context.expect == Expect::New && attempt == 0 => (Loaded::empty(), false),
                None => match self.load::<D>(&subject).await {
                    Ok(loaded) => (loaded, true),
                    Err(error) => match unsettled.take() {
                        None => return Err(error.into()),
                        Some(last) if Instant::now() >= deadline => return Err(ExecuteError::Unknown(last)),
                        Some(last) => {
                            unsettled = Some(last);
                            pause(attempt).await;
                            continue;
                        }
                    },
                },
            };
            if let Some(entry) = loaded.ledger.get(&context.command_id).cloned() {
                *place = Some(loaded);
                if entry.digest.as_deref() != context.request_digest.as_deref() {
                    return Err(ExecuteError::RequestDiffers);
                }
                return self.first_answer(&subject, &entry).await;
            }
            let event = match decide(&loaded, command, context.expect) {
                Ok(Some(event)) => event,
                // What writes nothing is not checked by the log, so it must not rest on a state that may be old.
                _ if !fresh && self.last_sequence(&subject).await? != loaded.last_sequence => continue,
                Ok(None) => {
                    let done = done(&loaded, Outcome::Unchanged);
                    *place = Some(loaded);
                    return Ok(done);
                }
                Err(refused) => {
                    *place = Some(loaded);
                    return Err(refused);
                }
            };
            let metadata = Metadata {
                event_id: EventId::of(context.command_id),
                command_id: context.command_id,
                time: context.time,
                actor: context.actor.clone(),
                source: self.settings.source.clone(),
                version: loaded.version + 1,
                request_digest: context.request_digest.clone(),
                causation_id: context.causation_id,
            };
            match self.append(&subject, &event, &metadata, loaded.last_sequence).await {
                Ok(Some(sequence)) => {
                    let loaded = fold(loaded, &event, &metadata, sequence);
                    let done = done(&loaded, Outcome::Recorded);
                    slot.weigh(&loaded);
                    *place = Some(loaded);
                    return Ok(done);
                }
                // The history has it, and the next round finds it there.
                Ok(None) => {}
                Err(AppendError::Conflict { .. }) => unsettled = None,
                Err(error @ AppendError::Refused { .. }) => return Err(ExecuteError::Refused(error)),
                Err(error @ AppendError::Unknown { .. }) => {
                    if Instant::now() >= deadline {
                        return Err(ExecuteError::Unknown(error));
                    }
                    tracing::debug!(%error, attempt, "an append has no answer; the history will tell");
                    unsettled = Some(error);
                    pause(attempt).await;
                }
            }
        }
        match unsettled {
            Some(error) => Err(ExecuteError::Unknown(error)),
            None => Err(ExecuteError::Conflicts { attempts: APPEND_ATTEMPTS_MAX }),
        }
    }

    /// The aggregate's state as the log has it now.
    ///
    /// # Errors
    /// Where the log cannot be read, or too many wait for this aggregate.
    pub async fn state<D: Decider>(&self, id: &D::Id) -> Result<Versioned<D>, ReadError> {
        let deadline = Instant::now() + self.settings.execute_deadline;
        let subject = Subject::new(D::KIND, &id.token());
        let slot = self.aggregates.slot::<D>(&subject);
        let turn = slot.turn(deadline).await;
        let mut place = turn.map_err(|_| ReadError::unavailable("a state", "too many wait for this aggregate"))?;
        let loaded = match place.take() {
            Some(loaded) if self.last_sequence(&subject).await? == loaded.last_sequence => loaded,
            _ => self.load::<D>(&subject).await?,
        };
        slot.weigh(&loaded);
        let Done { version, position, state, .. } = done(&loaded, Outcome::Unchanged);
        *place = Some(loaded);
        Ok(Versioned { version, position, state })
    }

    async fn load<D: Decider>(&self, subject: &Subject) -> Result<Loaded<D>, ReadError> {
        let mut loaded = Loaded::empty();
        for recorded in self.history(subject).await? {
            loaded = fold_recorded(loaded, &recorded)?;
        }
        Ok(loaded)
    }

    /// The answer that the command had when it was recorded, from the history up to then.
    async fn first_answer<D: Decider>(
        &self,
        subject: &Subject,
        entry: &Entry,
    ) -> Result<Done<D>, ExecuteError<D::Rejection>> {
        let mut loaded = Loaded::<D>::empty();
        for recorded in self.history(subject).await? {
            loaded = fold_recorded(loaded, &recorded)?;
            if loaded.version == entry.version {
                break;
            }
        }
        Ok(done(&loaded, Outcome::Replayed))
    }
}

async fn pause(attempt: u32) {
    tokio::time::sleep((SETTLE_PAUSE * 2_u32.pow(attempt.min(10))).min(SETTLE_PAUSE_MAX)).await;
}

fn decide<D: Decider>(
    loaded: &Loaded<D>,
    command: &D::Command,
    expect: Expect,
) -> Result<Option<D::Event>, ExecuteError<D::Rejection>> {
    match expect {
        Expect::Version(version) if version != loaded.version => Err(ExecuteError::Stale { current: loaded.version }),
        Expect::Version(_) | Expect::Any | Expect::New => loaded.state.decide(command).map_err(ExecuteError::Rejected),
    }
}

fn fold<D: Decider>(loaded: Loaded<D>, event: &D::Event, metadata: &Metadata, sequence: u64) -> Loaded<D> {
    let Loaded { state, version, mut ledger, .. } = loaded;
    let version = version + 1;
    let digest = metadata.request_digest.as_deref().map(Box::from);
    ledger.insert(metadata.command_id, Entry { version, digest });
    Loaded { state: state.evolve(event), version, last_sequence: sequence, ledger }
}

fn fold_recorded<D: Decider>(loaded: Loaded<D>, recorded: &Recorded) -> Result<Loaded<D>, ReadError> {
    let position = recorded.position();
    let unreadable = |source| ReadError::Event { position, source };
    let metadata = recorded.metadata().map_err(|error| unreadable(error.into()))?;
    let event = D::Event::decode(recorded.event_type(), recorded.payload());
    let event = event.map_err(|error| unreadable(error.into()))?;
    Ok(fold(loaded, &event, &metadata, position.sequence))
}

fn done<D: Decider>(loaded: &Loaded<D>, outcome: Outcome) -> Done<D> {
    let position = Position { stream: D::KIND.stream(), sequence: loaded.last_sequence };
    Done {
        outcome,
        version: loaded.version,
        position: (loaded.version > 0).then_some(position),
        state: loaded.state.clone(),
    }
}
