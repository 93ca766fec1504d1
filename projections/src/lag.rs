//! How far read models are behind the log, in events and in time.

use events::{Position, Stream};
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, ReadError};
use sqlx::PgPool;

use crate::{checkpoint, model, parked};

/// How far one read model is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Which read model.
    pub read_model: &'static str,
    /// Which stream it follows.
    pub stream: Stream,
    /// Up to where it has come.
    pub position: u64,
    /// Where the log ends.
    pub end: u64,
    /// How many events it has yet to take.
    pub events: u64,
    /// How long the first of them has been waiting. `None` where none waits, or it does not say its time.
    pub age: Option<SignedDuration>,
    /// How many events it has parked.
    pub parked: u64,
}

/// Why nobody knows how far read models are behind.
#[derive(Debug, thiserror::Error)]
pub enum LagError {
    /// PostgreSQL did not answer.
    #[error("checkpoints could not be read")]
    Database(#[from] sqlx::Error),
    /// The log did not answer.
    #[error("the log's end could not be read")]
    Read(#[from] ReadError),
}

/// How far every read model is behind, at this time.
///
/// # Errors
/// Where one of the two servers does not answer.
pub async fn lag(journal: &Journal, pool: &PgPool, now: Timestamp) -> Result<Vec<Lag>, LagError> {
    let names: Vec<&str> = model::checkpoints().map(|(name, _)| name).collect();
    let checkpoints = checkpoint::read(pool, &names).await?;
    let parked = parked::counts(pool).await?;
    let mut lags = Vec::with_capacity(names.len());
    for stream in Stream::ALL {
        let end = journal.last_position(stream).await?.sequence;
        for (read_model, _) in model::checkpoints().filter(|(_, of)| *of == stream) {
            let position = checkpoints.get(read_model).copied().unwrap_or(0);
            let age = if position < end { waiting_since(journal, stream, position, now).await? } else { None };
            lags.push(Lag {
                read_model,
                stream,
                position,
                end,
                events: end.saturating_sub(position),
                age,
                parked: parked.iter().find(|(name, _)| name == read_model).map_or(0, |(_, events)| *events),
            });
        }
    }
    Ok(lags)
}

async fn waiting_since(
    journal: &Journal,
    stream: Stream,
    position: u64,
    now: Timestamp,
) -> Result<Option<SignedDuration>, ReadError> {
    let next = journal.event_at(Position { stream, sequence: position + 1 }).await?;
    Ok(next.and_then(|event| event.metadata().ok()).map(|metadata| now.duration_since(metadata.time)))
}
