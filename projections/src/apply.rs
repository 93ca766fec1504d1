//! One batch of events into read models, in one transaction: rows, parked events and checkpoints together.
//!
//! The checkpoints are locked first, and what stands in them decides what of the batch is new. So a batch that comes
//! twice changes nothing the second time, and of two projectors with the same batch one waits and then finds nothing
//! left to do.

use std::collections::HashSet;

use events::Stream;
use journal::Recorded;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::ahead::FoldedAhead;
use crate::checkpoint::{self, Held};
use crate::connect::SCHEMA;
use crate::incoming::{Applied, Incoming};
use crate::model::ReadModel;
use crate::parked::{self, Parking, UNROUTED};

/// Where rows are written and which read models are filled.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// The database.
    pub pool: &'a PgPool,
    /// The schema: [`crate::connect::SCHEMA`] for the live tables.
    pub schema: &'a str,
    /// Read models, all of one stream.
    pub models: &'a [ReadModel],
}

/// Why a batch was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// PostgreSQL did not do it.
    #[error("a batch could not be written")]
    Database(#[from] sqlx::Error),
    /// Events are missing between a read model's checkpoint and the batch, or inside the batch.
    #[error("`{read_model}` stands at {after} of {} and was given {got} next", stream.name())]
    Gap {
        /// Which read model.
        read_model: String,
        /// Of which stream.
        stream: Stream,
        /// The last sequence before the gap.
        after: u64,
        /// The sequence that came after it.
        got: u64,
    },
    /// A read model has no checkpoint: its migration has not run here.
    #[error("`{0}` has no checkpoint")]
    NoCheckpoint(&'static str),
    /// A checkpoint moved while it was held.
    #[error("the checkpoints of {} moved while they were held", stream.name())]
    Fenced {
        /// Of which stream.
        stream: Stream,
    },
}

/// Applies events that follow each other in one stream to its read models. Events at or before a read model's
/// checkpoint are left out for it.
///
/// # Errors
/// Where nothing was applied; the same batch may be tried again.
pub async fn batch(target: &Target<'_>, stream: Stream, events: Vec<Recorded>) -> Result<(), ApplyError> {
    let events: Vec<Incoming> = events.iter().map(Incoming::new).collect();
    ahead(target, stream, &events, FoldedAhead::default()).await
}

/// As [`batch`], for events of which changes were folded ahead.
pub(crate) async fn ahead(
    target: &Target<'_>,
    stream: Stream,
    events: &[Incoming],
    folded: FoldedAhead,
) -> Result<(), ApplyError> {
    match attempt(target, stream, events, Writing::Together, folded).await {
        // One event that the tables cannot hold must not stop the others: find it.
        Err(ApplyError::Database(error)) if is_refused(&error) => {
            attempt(target, stream, events, Writing::OneByOne, FoldedAhead::default()).await
        }
        result => result,
    }
}

/// How the rows of a batch are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    /// Folded in memory, one statement for all.
    Together,
    /// Each event by itself, so that one that PostgreSQL refuses can be parked.
    OneByOne,
}

async fn attempt(
    target: &Target<'_>,
    stream: Stream,
    events: &[Incoming],
    writing: Writing,
    mut folded: FoldedAhead,
) -> Result<(), ApplyError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
    let names: Vec<&str> = target.models.iter().map(|model| model.name).collect();
    contiguous(stream, events, &names)?;
    let mut transaction = target.pool.begin_with(AssertSqlSafe(begin(target.schema))).await?;
    let held = checkpoint::hold(&mut transaction, &names).await?;
    let mut moving = Vec::new();
    for model in target.models {
        let held = held.iter().find(|held| held.read_model == model.name);
        let held = held.ok_or(ApplyError::NoCheckpoint(model.name))?;
        let (after, got) = (held.position, first.sequence());
        if got > after + 1 {
            return Err(ApplyError::Gap { read_model: model.name.to_owned(), stream, after, got });
        }
        if last.sequence() > after {
            match folded.take(model).filter(|_| got == after + 1 && !held.has_parked) {
                Some(folded) => folded(&mut transaction).await?,
                None => write(&mut transaction, model, held, events, writing).await?,
            }
            moving.push(held);
        }
    }
    if moving.is_empty() {
        return Ok(());
    }
    park_unrouted(&mut transaction, &moving, events).await?;
    let to = i64::try_from(last.sequence()).unwrap_or(i64::MAX);
    if checkpoint::advance(&mut transaction, &moving, to).await? != moving.len() as u64 {
        return Err(ApplyError::Fenced { stream });
    }
    if target.schema == SCHEMA {
        // No read model of the stream is behind the batch any more.
        checkpoint::notify(&mut transaction, last.position).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The statement that begins a transaction on these tables. It does not wait for the disk when it commits: rows and
/// checkpoint are lost together if they are, and the log brings both back.
pub(crate) fn begin(schema: &str) -> String {
    format!("BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL search_path = {schema}")
}

fn contiguous(stream: Stream, events: &[Incoming], names: &[&str]) -> Result<(), ApplyError> {
    match events.windows(2).find(|pair| pair[1].sequence() != pair[0].sequence() + 1) {
        None => Ok(()),
        Some(pair) => Err(ApplyError::Gap {
            read_model: names.join(", "),
            stream,
            after: pair[0].sequence(),
            got: pair[1].sequence(),
        }),
    }
}

/// Writes what of the events is new to one read model, and parks what it cannot take.
pub(crate) async fn write(
    connection: &mut PgConnection,
    model: &ReadModel,
    held: &Held,
    events: &[Incoming],
    writing: Writing,
) -> Result<(), ApplyError> {
    let events: Vec<&Incoming> = events
        .iter()
        .filter(|event| event.sequence() > held.position)
        .filter(|event| event.kind.is_some_and(|kind| model.kinds.contains(&kind)))
        .collect();
    let mut parking = Parking::new(model.name);
    if held.has_parked {
        parking.block(parked::subjects(connection, model.name, &events).await?);
    }
    match writing {
        Writing::Together => together(connection, model, &events, &mut parking).await?,
        Writing::OneByOne => one_by_one(connection, model, &events, &mut parking).await?,
    }
    parking.write(connection).await?;
    Ok(())
}

pub(crate) async fn together(
    connection: &mut PgConnection,
    model: &ReadModel,
    events: &[&Incoming],
    parking: &mut Parking,
) -> Result<(), sqlx::Error> {
    let mut events: Vec<&Incoming> = events.to_vec();
    // Each turn parks at least one event, so there are not more turns than events.
    loop {
        let taken = parking.sift(&events);
        let folding: Vec<&Applied> = taken.iter().map(|(_, applied)| *applied).collect();
        match model.fold(&folding) {
            Ok(folded) => return folded(connection).await,
            Err(stumbled) => {
                parking.park(taken[stumbled.index].0, &stumbled.reason);
                events = taken.into_iter().map(|(event, _)| event).collect();
            }
        }
    }
}

pub(crate) async fn one_by_one(
    connection: &mut PgConnection,
    model: &ReadModel,
    events: &[&Incoming],
    parking: &mut Parking,
) -> Result<(), sqlx::Error> {
    for &event in events {
        for (event, applied) in parking.sift(&[event]) {
            match model.fold(&[applied]) {
                Err(stumbled) => parking.park(event, &stumbled.reason),
                Ok(folded) => {
                    let mut savepoint = connection.begin().await?;
                    match folded(&mut savepoint).await {
                        Ok(()) => savepoint.commit().await?,
                        Err(error) if is_refused(&error) => {
                            savepoint.rollback().await?;
                            parking.park(event, &error.to_string());
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
    Ok(())
}

/// Parks events whose subject names no kind that this build knows: no read model would ever see them.
async fn park_unrouted(
    connection: &mut PgConnection,
    moving: &[&Held],
    events: &[Incoming],
) -> Result<(), sqlx::Error> {
    let after = moving.iter().map(|held| held.position).min().unwrap_or(0);
    let mut parking = Parking::new(UNROUTED);
    for event in events.iter().filter(|event| event.kind.is_none() && event.sequence() > after) {
        let reason = event.event.as_ref().err().map_or("its kind is not known to this build", String::as_str);
        parking.park(event, reason);
    }
    parking.write(connection).await
}

/// Whether PostgreSQL refuses the values themselves: then it will refuse them again.
pub(crate) fn is_refused(error: &sqlx::Error) -> bool {
    // 22: data exception, 23: integrity constraint violation, 54: a program limit, such as a value that is too large.
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

/// The subjects of these events, each once.
pub(crate) fn subjects<'a>(events: &[&'a Incoming]) -> Vec<&'a str> {
    let subjects: HashSet<&str> = events.iter().map(|event| event.subject.as_str()).collect();
    subjects.into_iter().collect()
}
