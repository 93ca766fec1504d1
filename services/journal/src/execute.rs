//! The one way to write: history, decide, append with the history's end expected, again on conflict.

use std::time::Duration;

use events::values::{Actor, AggregateId, CommandId, EventId};
use events::{Decider, Metadata, Position, Subject};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::instrument;

use crate::aggregates::Loaded;
use crate::append::AppendError;
use crate::connection::Journal;
use crate::recorded::ReadError;
use crate::state::{done, fold};

/// Attempts to append before a command gives up, if its deadline does not come first. Whoever shares an aggregate with a
/// busier process may lose many times: that one knows the newest state at once, and we have to read it.
pub const APPEND_ATTEMPTS_MAX: u32 = 1_000;
/// The first pause after an append without an answer; it doubles up to [`SETTLE_PAUSE_MAX`].
const SETTLE_PAUSE: Duration = Duration::from_millis(50);
const SETTLE_PAUSE_MAX: Duration = Duration::from_millis(800);
/// The first pause while another write to the aggregate is in flight; it doubles up to [`IN_FLIGHT_PAUSE_MAX`].
const IN_FLIGHT_PAUSE: Duration = Duration::from_millis(1);
const IN_FLIGHT_PAUSE_MAX: Duration = Duration::from_millis(200);

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
    /// It changed nothing and left nothing in the log.
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
    /// The append was sent and never answered for, or the answer it had cannot be read: it may be in the log or not. The
    /// same command id again will tell.
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
    /// Dropping the future is safe at any point: an append that was under way is found again by its command id. The
    /// answer comes within the deadline of the settings; only an append or a read that began before it may end after it.
    ///
    /// # Errors
    /// See [`ExecuteError`]; only `Unknown` leaves it open whether something was written.
    // What is seldom needed is boxed: what is left of the future is small, and moved often.
    #[instrument(name = "journal.execute", skip_all, fields(kind = D::KIND.token(), aggregate = %id))]
    pub async fn execute<D: Decider>(
        &self,
        id: &D::Id,
        command: &D::Command,
        context: &CommandContext,
    ) -> Result<Done<D>, ExecuteError<D::Rejection>> {
        let deadline = Instant::now() + self.0.settings.execute_deadline;
        let subject = Subject::new(D::KIND, &id.token());
        let slot = self.0.aggregates.slot::<D>(&subject);
        let mut place = slot.turn(deadline).await.map_err(|_| ExecuteError::Busy)?;
        let mut attempts = Attempts { made: 0, unsettled: None, conflict: None, deadline };
        // Taken out while it is worked on: a future dropped half-way leaves the place empty, which is always safe.
        let mut view = match place.take() {
            Some(loaded) => View::MayBeOld(loaded),
            None if context.expect == Expect::New => View::MayBeOld(Loaded::empty()),
            None => View::Behind(None),
        };
        loop {
            let (loaded, fresh) = match view {
                View::MayBeOld(loaded) => (loaded, false),
                View::Behind(behind) => match Box::pin(self.catch_up::<D>(&subject, behind, deadline)).await {
                    Ok(loaded) => (loaded, true),
                    Err(error) => {
                        attempts.after_unread(error).await?;
                        view = View::Behind(None);
                        continue;
                    }
                },
            };
            if let Some(entry) = loaded.ledger.get(&context.command_id) {
                if entry.digest.as_deref() != context.request_digest.as_deref() {
                    self.0.aggregates.keep(&subject, &slot, &mut place, loaded);
                    return Err(ExecuteError::RequestDiffers);
                }
                let first = Box::pin(self.first_answer(&subject, entry.version, &loaded, deadline)).await;
                self.0.aggregates.keep(&subject, &slot, &mut place, loaded);
                // It is in the log: an error that says "nothing was written" would be a lie.
                return first.map_err(|error| ExecuteError::Unknown(AppendError::unknown(&subject, error)));
            }
            if fresh {
                attempts.after_read(loaded.last_sequence).await;
            }
            let event = match decide(&loaded, command, context) {
                Ok(Some(event)) => event,
                // What writes nothing is not checked by the log, so it must not rest on a state that may be old.
                _ if !fresh => {
                    view = View::Behind(Some(loaded));
                    continue;
                }
                Ok(None) => {
                    let done = done(&loaded, Outcome::Unchanged);
                    self.0.aggregates.keep(&subject, &slot, &mut place, loaded);
                    return Ok(done);
                }
                Err(refused) => {
                    self.0.aggregates.keep(&subject, &slot, &mut place, loaded);
                    return Err(refused);
                }
            };
            let metadata = Metadata {
                event_id: EventId::of(context.command_id),
                command_id: context.command_id,
                time: context.time,
                actor: context.actor.clone(),
                source: self.0.settings.source.clone(),
                version: loaded.version + 1,
                request_digest: context.request_digest.clone(),
                causation_id: context.causation_id,
            };
            let expected = loaded.last_sequence;
            if attempts.made == 0 {
                slot.rivals.gap().await;
            }
            match self.append(&subject, &event, &metadata, expected).await {
                Ok(Some(sequence)) => {
                    slot.rivals.we_wrote();
                    let loaded = fold(loaded, &event, &metadata, sequence);
                    let done = done(&loaded, Outcome::Recorded);
                    self.0.aggregates.keep(&subject, &slot, &mut place, loaded);
                    return Ok(done);
                }
                // The history has it, and the next round finds it there.
                Ok(None) => attempts.after_conflict(expected).await?,
                Err(AppendError::Conflict { .. }) => {
                    slot.rivals.they_wrote();
                    attempts.after_conflict(expected).await?;
                }
                Err(error @ AppendError::Unknown { .. }) => attempts.after_unknown(expected, error).await?,
                Err(error @ AppendError::Refused { .. }) => return Err(attempts.refused(error)),
            }
            view = View::Behind(Some(loaded));
        }
    }
}

/// What is known of an aggregate while a command is worked on.
enum View<D> {
    /// As this process last saw it. An append on it is checked by the log.
    MayBeOld(Loaded<D>),
    /// Something is missing, or may be: the log has to be asked.
    Behind(Option<Loaded<D>>),
}

/// The attempts of one command and what is open about them.
struct Attempts {
    made: u32,
    /// The last append without an answer, and the furthest sequence at which one expected the aggregate.
    unsettled: Option<(u64, AppendError)>,
    /// The sequence at which the last append came into conflict.
    conflict: Option<u64>,
    deadline: Instant,
}

impl Attempts {
    /// Takes note that the aggregate now stands at this sequence and the command is not in its history. An append that
    /// expected an earlier one can never be taken any more.
    async fn after_read(&mut self, last_sequence: u64) {
        self.unsettled.take_if(|(expected, _)| *expected < last_sequence);
        if self.conflict.take() == Some(last_sequence) {
            // Nobody came first, so somebody's write is in flight, and until it is through there is no other.
            tokio::time::sleep(growing(IN_FLIGHT_PAUSE, self.made, IN_FLIGHT_PAUSE_MAX)).await;
        }
    }

    /// Another writer came first. To be as quick as that one, the next attempt follows at once.
    async fn after_conflict<R: std::error::Error + 'static>(&mut self, expected: u64) -> Result<(), ExecuteError<R>> {
        self.conflict = Some(expected);
        self.next(Duration::ZERO).await
    }

    /// No answer: the history will tell, perhaps after a while.
    async fn after_unknown<R: std::error::Error + 'static>(
        &mut self,
        expected: u64,
        error: AppendError,
    ) -> Result<(), ExecuteError<R>> {
        tracing::debug!(%error, attempt = self.made, "an append has no answer; the history will tell");
        let before = self.unsettled.as_ref().map_or(0, |(before, _)| *before);
        self.unsettled = Some((expected.max(before), error));
        self.next(growing(SETTLE_PAUSE, self.made, SETTLE_PAUSE_MAX)).await
    }

    /// The history cannot be read. Where nothing is open that is the answer.
    async fn after_unread<R: std::error::Error + 'static>(&mut self, error: ReadError) -> Result<(), ExecuteError<R>> {
        if self.unsettled.is_none() {
            return Err(ExecuteError::Read(error));
        }
        tracing::debug!(%error, attempt = self.made, "the history cannot tell yet what became of an append");
        self.next(growing(SETTLE_PAUSE, self.made, SETTLE_PAUSE_MAX)).await
    }

    async fn next<R: std::error::Error + 'static>(&mut self, pause: Duration) -> Result<(), ExecuteError<R>> {
        self.made += 1;
        let next = Instant::now() + pause;
        if self.made < APPEND_ATTEMPTS_MAX && next < self.deadline {
            if !pause.is_zero() {
                tokio::time::sleep_until(next).await;
            }
            return Ok(());
        }
        Err(match self.unsettled.take() {
            Some((_, error)) => ExecuteError::Unknown(error),
            None => ExecuteError::Conflicts { attempts: self.made },
        })
    }

    /// The log will not take the event. An earlier attempt without an answer may have brought it there all the same.
    fn refused<R: std::error::Error + 'static>(&mut self, error: AppendError) -> ExecuteError<R> {
        match self.unsettled.take() {
            Some((_, unsettled)) => ExecuteError::Unknown(unsettled),
            None => ExecuteError::Refused(error),
        }
    }
}

/// The pause after that many others: doubled each time, within a bound.
fn growing(first: Duration, before: u32, longest: Duration) -> Duration {
    (first * 2_u32.pow(before.min(10))).min(longest)
}

fn decide<D: Decider>(
    loaded: &Loaded<D>,
    command: &D::Command,
    context: &CommandContext,
) -> Result<Option<D::Event>, ExecuteError<D::Rejection>> {
    match context.expect {
        Expect::Version(version) if version != loaded.version => Err(ExecuteError::Stale { current: loaded.version }),
        Expect::Version(_) | Expect::Any | Expect::New => {
            let event = loaded.state.decide(command).map_err(ExecuteError::Rejected)?;
            // Given again after somebody else's command, it would find something to change. So that it has its first answer
            // for ever, the log has to know it. Who names a version is stale then, and who names no request is no caller.
            let is_to_last = context.expect == Expect::Any && context.request_digest.is_some();
            Ok(event.or_else(|| if is_to_last { D::confirm(command) } else { None }))
        }
    }
}
