//! Trying again what was parked, after a fix.

use journal::{Journal, ReadError};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, query};

use super::{Parking, UNROUTED};
use crate::apply::{begin, is_refused, one_by_one, together};
use crate::checkpoint;
use crate::columns::natural;
use crate::connect::SCHEMA;
use crate::incoming::Incoming;
use crate::model::{self, NoSuchReadModel, ReadModel};
use crate::portfolio_figures;
use events::values::{AggregateId, AssetId};
use events::{Kind, Position, Stream, Subject};

/// What became of parked events that were tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// Events that the read model has taken now.
    pub taken: usize,
    /// Events that stay parked, with a new reason.
    pub parked: usize,
}

/// Why nothing was tried again, or not to its end. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is no such read model.
    #[error(transparent)]
    NoSuchReadModel(#[from] NoSuchReadModel),
    /// The subject is of neither stream.
    #[error("`{0}` is no subject of ours")]
    NotASubject(String),
    /// The log did not give the events.
    #[error("parked events could not be read from the log")]
    Read(#[from] ReadError),
    /// A parked event is not in the log any more.
    #[error("there is no event at {0}")]
    NotInTheLog(Position),
    /// PostgreSQL did not answer.
    #[error("parked events could not be tried again")]
    Database(#[from] sqlx::Error),
}

/// Applies what one read model has parked of one subject, in order, in one transaction. From the first event on that it
/// still does not take, they stay parked.
///
/// # Errors
/// Where nothing has changed.
pub async fn retry(journal: &Journal, pool: &PgPool, read_model: &str, subject: &str) -> Result<Retried, RetryError> {
    if read_model == UNROUTED {
        retry_unrouted(journal, pool, subject).await
    } else {
        retry_into(journal, pool, model::named(read_model)?, subject).await
    }
}

/// As [`retry`], into a read model that need not be one of [`model::ALL`].
///
/// # Errors
/// As [`retry`].
pub async fn retry_into(
    journal: &Journal,
    pool: &PgPool,
    model: &ReadModel,
    subject: &str,
) -> Result<Retried, RetryError> {
    let mut transaction = pool.begin_with(AssertSqlSafe(begin(SCHEMA))).await?;
    // While the checkpoint is held, no projector parks anything behind what is tried again here.
    checkpoint::hold(&mut transaction, &[model.name]).await?;
    let events = take(&mut transaction, journal, model.stream, model.name, subject).await?;
    let events: Vec<&Incoming> = events.iter().collect();
    let mut savepoint = transaction.begin().await?;
    let mut parking = Parking::new(model.name);
    match together(&mut savepoint, model, &events, &mut parking).await {
        Ok(()) => savepoint.commit().await?,
        Err(error) if is_refused(&error) => {
            savepoint.rollback().await?;
            parking = Parking::new(model.name);
            one_by_one(&mut transaction, model, &events, &mut parking).await?;
        }
        Err(error) => return Err(error.into()),
    }
    let parked = parking.len();
    parking.write(&mut transaction).await?;
    if model.stream == Stream::Market
        && let Ok((Kind::Asset, token)) = Subject::parse(subject)
        && let Some(asset) = AssetId::from_token(token)
    {
        // Figures have passed these events, and were computed without them.
        portfolio_figures::mark_stale(&mut transaction, asset.as_str()).await?;
    }
    transaction.commit().await?;
    Ok(Retried { taken: events.len() - parked, parked })
}

/// Lets go of events whose kind this build knows: the read model that came with it has read them from the beginning.
async fn retry_unrouted(journal: &Journal, pool: &PgPool, subject: &str) -> Result<Retried, RetryError> {
    let stream = super::stream_of(UNROUTED, subject).map_err(|_| RetryError::NotASubject(subject.to_owned()))?;
    let mut transaction = pool.begin_with(AssertSqlSafe(begin(SCHEMA))).await?;
    let events = take(&mut transaction, journal, stream, UNROUTED, subject).await?;
    let mut parking = Parking::new(UNROUTED);
    for event in events.iter().filter(|event| event.kind.is_none()) {
        parking.park(event, event.event.as_ref().err().map_or("its kind is not known to this build", String::as_str));
    }
    let parked = parking.len();
    parking.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Retried { taken: events.len() - parked, parked })
}

/// Takes the subject's events out of the parking place, and reads them from the log in their order.
async fn take(
    connection: &mut PgConnection,
    journal: &Journal,
    stream: Stream,
    read_model: &str,
    subject: &str,
) -> Result<Vec<Incoming>, RetryError> {
    let rows =
        query!("DELETE FROM parked WHERE read_model = $1 AND subject = $2 RETURNING position", read_model, subject)
            .fetch_all(connection)
            .await?;
    let mut sequences = rows.iter().map(|row| natural(row.position)).collect::<Result<Vec<u64>, _>>()?;
    sequences.sort_unstable();
    let mut events = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        let position = Position { stream, sequence };
        let recorded = journal.event_at(position).await?.ok_or(RetryError::NotInTheLog(position))?;
        events.push(Incoming::new(&recorded));
    }
    Ok(events)
}
