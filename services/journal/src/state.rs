//! An aggregate's state: folded from its history, or caught up from what is known of it.

use events::metadata::header;
use events::values::AggregateId;
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
        let deadline = Instant::now() + self.settings.execute_deadline;
        let subject = Subject::new(D::KIND, &id.token());
        let slot = self.aggregates.slot::<D>(&subject);
        let turn = slot.turn(deadline).await;
        let mut place = turn.map_err(|_| ReadError::unavailable("a state", "too many wait for this aggregate"))?;
        let known = place.take();
        let loaded = self.catch_up::<D>(&subject, known, deadline).await?;
        let Done { version, position, state, .. } = done(&loaded, Outcome::Unchanged);
        self.aggregates.keep(&subject, &slot, &mut place, loaded);
        Ok(Versioned { version, position, state })
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
            let Some(last) = self.last_event(subject).await? else { return Ok(Loaded::empty()) };
            let end = last.position().sequence;
            let known = match known {
                Some(known) if known.last_sequence == end => return Ok(known),
                Some(known) if known.last_sequence < end => known,
                // Only a log that was put back from a copy ends before what was known of it.
                Some(_) | None => Loaded::empty(),
            };
            let version = last.header(header::VERSION).and_then(|version| version.parse().ok());
            if version == Some(known.version + 1) {
                return fold_recorded(known, &last);
            }
            let rest = self.events_between(subject, known.last_sequence, end).await?;
            rest.iter().try_fold(known, fold_recorded)
        };
        within(deadline, read).await
    }

    /// The answer that the command had when it was recorded, from the history up to then.
    pub(crate) async fn first_answer<D: Decider>(
        &self,
        subject: &Subject,
        entry: &Entry,
        deadline: Instant,
    ) -> Result<Done<D>, ReadError> {
        let mut loaded = Loaded::<D>::empty();
        for recorded in within(deadline, self.history(subject)).await? {
            loaded = fold_recorded(loaded, &recorded)?;
            if loaded.version == entry.version {
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

pub(crate) fn done<D: Decider>(loaded: &Loaded<D>, outcome: Outcome) -> Done<D> {
    let position = Position { stream: D::KIND.stream(), sequence: loaded.last_sequence };
    Done {
        outcome,
        version: loaded.version,
        position: (loaded.version > 0).then_some(position),
        state: loaded.state.clone(),
    }
}
