//! Rows as they were: what a read model says of an aggregate after some of its history, folded anew.
//!
//! The same folds that fill the tables make these rows, so that they cannot tell another story.

use events::Position;
use jiff::Timestamp;
use journal::Recorded;

use crate::incoming::Incoming;
use crate::model::{Changes, FoldError};

/// Changes from which rows can be made without a table, where the whole history was folded.
pub trait Replays: Changes {
    /// A row as queries give it.
    type Row;

    /// The rows of the aggregates that came to be.
    ///
    /// # Errors
    /// Where a number is out of the range of its column.
    fn rows(self) -> Result<Vec<Self::Row>, sqlx::Error>;
}

/// Up to where history counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Up to and with this position of the stream.
    Position(Position),
    /// Up to and with this version of the aggregate.
    Version(u64),
    /// Up to and with this time, by what events say of themselves. They count up to the first one that was later: the log's
    /// order is what counts.
    Time {
        /// The time.
        time: Timestamp,
        /// The last position that the log may have had at that time: what says that it was earlier and was recorded behind it
        /// was not known then.
        begun: u64,
    },
}

/// Why a row could not be made from history.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An event cannot be read by this build.
    #[error("the event at {position} cannot be replayed: {reason}")]
    Unreadable {
        /// Where it stands.
        position: Position,
        /// Why.
        reason: String,
    },
    /// An event cannot be folded.
    #[error("an event cannot be replayed")]
    Fold(#[from] FoldError),
    /// A row cannot hold what history says.
    #[error("a row cannot hold what history says")]
    Row(#[from] sqlx::Error),
}

/// The row that an aggregate's history led to by then; `None` where it had none yet.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay<C: Replays>(history: Vec<Recorded>, until: Until) -> Result<Option<C::Row>, ReplayError> {
    let mut changes = C::default();
    for recorded in history {
        let position = recorded.position();
        let incoming = Incoming::new(&recorded);
        let applied = incoming.event.map_err(|reason| ReplayError::Unreadable { position, reason })?;
        let counts = match until {
            Until::Position(last) => position.sequence <= last.sequence,
            Until::Version(last) => u64::try_from(applied.version).is_ok_and(|version| version <= last),
            Until::Time { time, begun } => applied.time <= time && position.sequence <= begun,
        };
        if !counts {
            break;
        }
        changes.fold(&applied)?;
    }
    Ok(changes.rows()?.pop())
}
