//! An aggregate's state: folded from its history, or caught up from what is known of it.

use events::values::{AggregateId, CommandId};
use events::{Decider, Metadata, Position, Stored, Subject};
use tokio::time::Instant;

use crate::aggregates::{Entry, Loaded};
use crate::connection::Journal;
use crate::execute::{Done, Outcome};
use crate::recorded::{ReadError, Recorded};

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

impl Journal {
    /// The aggregate's state as the log has it now.
    ///
    /// # Errors
    /// Where the log cannot be read, or too many wait for this aggregate.
    pub async fn state<D: Decider>(&self, id: &D::Id) -> Result<Versioned<D>, ReadError> {
        self.look(id, versioned).await
    }

    /// The aggregate's state as it was when this was its stream's last position.
    ///
    /// # Errors
    /// Where the log cannot be read, or too many wait for this aggregate.
    pub async fn state_at<D: Decider>(&self, id: &D::Id, last: Position) -> Result<Versioned<D>, ReadError> {
        let now = self.state::<D>(id).await?;
        if now.position.is_none_or(|position| position.sequence <= last.sequence) {
            return Ok(now);
        }
        let deadline = Instant::now() + self.0.settings.execute_deadline;
        let history = within(deadline, self.history(&Subject::new(D::KIND, &id.token()))).await?;
        let mut then = history.iter().take_while(|recorded| recorded.position().sequence <= last.sequence);
        Ok(versioned(&then.try_fold(Loaded::empty(), fold_recorded)?))
    }

    /// Whether this command became an event of the aggregate before: then it has its first answer, whatever would be said
    /// of it now.
    ///
    /// # Errors
    /// Where the log cannot be read, or too many wait for this aggregate.
    pub async fn was_given<D: Decider>(&self, id: &D::Id, command: CommandId) -> Result<bool, ReadError> {
        self.look::<D, _>(id, |loaded| loaded.ledger.contains_key(&command)).await
    }

    /// What is seen of the aggregate as the log has it now.
    async fn look<D: Decider, T>(&self, id: &D::Id, see: impl FnOnce(&Loaded<D>) -> T) -> Result<T, ReadError> {
        let deadline = Instant::now() + self.0.settings.execute_deadline;
        let subject = Subject::new(D::KIND, &id.token());
        let slot = self.0.aggregates.slot::<D>(&subject);
        let turn = slot.turn(deadline).await;
        let mut place = turn.map_err(|_| ReadError::unavailable("a state", "too many wait for this aggregate"))?;
        let known = place.take();
        // Boxed: whoever may have to look carries the question's state along, asked or not.
        let loaded = Box::pin(self.catch_up::<D>(&subject, known, deadline)).await?;
        let seen = see(&loaded);
        self.0.aggregates.keep(&subject, &slot, &mut place, loaded);
        Ok(seen)
    }

    /// The aggregate as the stream's leader has it, from what is known of it. History is only ever added to, so what
    /// was known stays true and only the rest is read.
    pub(crate) async fn catch_up<D: Decider>(
        &self,
        subject: &Subject,
        known: Option<Loaded<D>>,
        deadline: Instant,
    ) -> Result<Loaded<D>, ReadError> {
        let read = async {
            let known = known.unwrap_or_else(Loaded::empty);
            let last = self.last_event(subject).await?;
            let end = last.as_ref().map_or(0, |last| last.position().sequence);
            if end < known.last_sequence {
                // A leader that does not know yet that it leads no more, or a log that was put back from a copy. What
                // was known is forgotten with this error, so the next one who asks takes the log's word.
                return Err(ReadError::Behind { subject: subject.to_string(), got: end, last: known.last_sequence });
            }
            let Some(last) = last.filter(|_| end > known.last_sequence) else { return Ok(known) };
            let rest = self.history_between(subject, known.version, known.last_sequence, last).await?;
            rest.iter().try_fold(known, fold_recorded)
        };
        within(deadline, read).await
    }

    /// The answer that the command had when it led to this version, from the history up to then.
    pub(crate) async fn first_answer<D: Decider>(
        &self,
        subject: &Subject,
        version: u64,
        now: &Loaded<D>,
        deadline: Instant,
    ) -> Result<Done<D>, ReadError> {
        if now.version == version {
            return Ok(done(now, Outcome::Replayed));
        }
        let mut loaded = Loaded::<D>::empty();
        for recorded in within(deadline, self.history(subject)).await? {
            loaded = fold_recorded(loaded, &recorded)?;
            if loaded.version == version {
                break;
            }
        }
        Ok(done(&loaded, Outcome::Replayed))
    }
}

async fn within<T>(deadline: Instant, read: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
    let read = tokio::time::timeout_at(deadline, read).await;
    read.unwrap_or_else(|elapsed| Err(ReadError::unavailable("a history before the deadline", elapsed)))
}

pub(crate) fn fold<D: Decider>(loaded: Loaded<D>, event: &D::Event, metadata: &Metadata, sequence: u64) -> Loaded<D> {
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

fn versioned<D: Decider>(loaded: &Loaded<D>) -> Versioned<D> {
    let Done { version, position, state, .. } = done(loaded, Outcome::Unchanged);
    Versioned { version, position, state }
}

pub(crate) fn done<D: Decider>(loaded: &Loaded<D>, outcome: Outcome) -> Done<D> {
    let position = Position { stream: D::KIND.stream(), sequence: loaded.last_sequence };
    Done {
        outcome,
        version: loaded.version,
        position: (loaded.version > 0).then_some(position),
        state: loaded.state.clone(),
    }
}
