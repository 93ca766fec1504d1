//! A read model filled anew from the log, beside the live one, and put in its place.
//!
//! The new tables stand in a schema of their own, made by the same migrations. Until the swap nobody sees them; a
//! rebuild that was broken off leaves the live tables as they are, and the next one clears what is left of it.
//! Read models have no effects outside PostgreSQL, so a rebuild sends nothing to anybody.

use journal::{Journal, ReadError};
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool, query_scalar};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::ahead::Ahead;
use crate::apply::{self, ApplyError, Target};
use crate::checkpoint;
use crate::connect::{SCHEMA, migrate_schema};
use crate::follow;
use crate::incoming::Incoming;
use crate::model::{self, NoSuchReadModel, ReadModel, Table};
use crate::{analyze, portfolio_figures};

/// Attempts to put the new tables in place.
pub(crate) const SWAP_ATTEMPTS_MAX: u32 = 10;
/// Events that may be missing when the live read model is held up for the swap: well under a second's work.
pub(crate) const SWAP_EVENTS_MAX: u64 = 10_000;
/// How long the swap waits for queries on the old tables to end, in PostgreSQL's spelling.
const SWAP_LOCK_TIMEOUT: &str = "2s";
/// Decoded batches that wait while the one before is written.
const DECODED_BATCHES_MAX: usize = 2;

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Up to where the log has been replayed.
    pub done: u64,
    /// Where the log ended when that was last looked at.
    pub total: u64,
}

/// Why a read model was not rebuilt. The live tables are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is no such read model.
    #[error(transparent)]
    NoSuchReadModel(#[from] NoSuchReadModel),
    /// Somebody else is rebuilding it.
    #[error("`{0}` is being rebuilt already")]
    Running(&'static str),
    /// The new tables could not be made.
    #[error("new tables could not be made")]
    Migrate(#[from] MigrateError),
    /// The log could not be read to its end.
    #[error("the log could not be replayed")]
    Read(#[from] ReadError),
    /// Events could not be applied to the new tables.
    #[error("the log could not be replayed")]
    Apply(#[from] ApplyError),
    /// Figures could not be computed for the new tables.
    #[error("figures could not be computed anew")]
    Analyze(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// PostgreSQL did not do it.
    #[error("new tables could not be put in place")]
    Database(#[from] sqlx::Error),
    /// The new tables never came close enough to the live ones, or queries held on to the old ones.
    #[error("the new tables of `{read_model}` could not be put in place in {SWAP_ATTEMPTS_MAX} attempts")]
    NeverSwapped {
        /// Of which read model.
        read_model: &'static str,
    },
}

/// Fills a read model anew and puts it in the place of the live one, which is followed all the while.
///
/// # Errors
/// Where the live tables are as they were.
pub async fn run(
    journal: &Journal,
    pool: &PgPool,
    read_model: &str,
    progress: impl FnMut(Progress),
) -> Result<(), RebuildError> {
    match model::named(read_model)? {
        figures if figures.name == portfolio_figures::NAME => analyze::rebuild::run(journal, pool, progress).await,
        model => run_model(journal, pool, model, progress).await,
    }
}

/// As [`run`], for a read model that need not be one of [`model::ALL`].
///
/// # Errors
/// As [`run`].
pub async fn run_model(
    journal: &Journal,
    pool: &PgPool,
    model: &ReadModel,
    mut progress: impl FnMut(Progress),
) -> Result<(), RebuildError> {
    let schema = format!("rebuild_{}", model.name);
    let mut connection = prepare(pool, model.name, &schema).await?;
    let mut replay = Replay::begin(journal, pool, model, &schema);
    let mut total = journal.last_position(model.stream).await?.sequence;
    for _ in 0..SWAP_ATTEMPTS_MAX {
        while replay.done < total {
            replay.step().await?;
            progress(Progress { done: replay.done, total: total.max(replay.done) });
        }
        match swap(&mut connection, model, &schema, &mut replay).await {
            Ok(true) => {
                progress(Progress { done: replay.done, total: replay.done });
                connection.close().await?;
                return Ok(());
            }
            Ok(false) => {}
            Err(RebuildError::Database(error)) if is_lock_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        total = journal.last_position(model.stream).await?.sequence;
    }
    Err(RebuildError::NeverSwapped { read_model: model.name })
}

/// Makes new tables in a schema of their own. The connection that comes back holds the lock that keeps a second rebuild
/// out; PostgreSQL lets it go however we end.
pub(crate) async fn prepare(
    pool: &PgPool,
    read_model: &'static str,
    schema: &str,
) -> Result<PgConnection, RebuildError> {
    let mut connection = pool.acquire().await?.detach();
    let alone = query_scalar::<_, bool>("SELECT pg_try_advisory_lock(hashtext($1))").bind(schema);
    if !alone.fetch_one(&mut connection).await? {
        return Err(RebuildError::Running(read_model));
    }
    connection.execute(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))).await?;
    migrate_schema(&mut connection, schema).await?;
    Ok(connection)
}

/// The log, replayed into new tables.
struct Replay<'a> {
    pool: &'a PgPool,
    model: &'a ReadModel,
    schema: &'a str,
    done: u64,
    batches: mpsc::Receiver<Ahead>,
    reader: AbortOnDropHandle<Result<(), ReadError>>,
}

impl<'a> Replay<'a> {
    fn begin(journal: &Journal, pool: &'a PgPool, model: &'a ReadModel, schema: &'a str) -> Self {
        let (send, batches) = mpsc::channel(DECODED_BATCHES_MAX);
        let reader = tokio::spawn(follow::read_ahead(journal.clone(), model.stream, 0, vec![*model], send));
        Self { pool, model, schema, done: 0, batches, reader: AbortOnDropHandle::new(reader) }
    }

    /// Applies the next batch; waits for it where there is none yet.
    async fn step(&mut self) -> Result<(), RebuildError> {
        let Some(batch) = self.batches.recv().await else {
            return match (&mut self.reader).await {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) | Err(_) => Err(ApplyError::Gap {
                    read_model: self.model.name.to_owned(),
                    stream: self.model.stream,
                    after: self.done,
                    got: self.done,
                }
                .into()),
            };
        };
        let target = Target { pool: self.pool, schema: self.schema, models: std::slice::from_ref(self.model) };
        let Ahead { events, folded } = batch;
        apply::ahead(&target, self.model.stream, &events, folded).await?;
        self.done = events.last().map_or(self.done, Incoming::sequence);
        Ok(())
    }
}

/// Puts the new tables in place, where they can be brought as far as the live ones; else changes nothing.
async fn swap(
    connection: &mut PgConnection,
    model: &ReadModel,
    schema: &str,
    replay: &mut Replay<'_>,
) -> Result<bool, RebuildError> {
    let mut transaction = connection.begin_with(AssertSqlSafe(begin_swap())).await?;
    // From here on the live read model stands still, and the log has all that it has taken.
    let held = checkpoint::hold(&mut transaction, &[model.name]).await?;
    let live = held.first().ok_or(ApplyError::NoCheckpoint(model.name))?;
    if live.position.saturating_sub(replay.done) > SWAP_EVENTS_MAX {
        return Ok(false);
    }
    while replay.done < live.position {
        replay.step().await?;
    }
    put_in_place(&mut transaction, schema, model.tables, &[model.name]).await?;
    transaction.commit().await?;
    Ok(true)
}

/// The statement that begins a transaction in which tables are put in place.
pub(crate) fn begin_swap() -> String {
    format!("BEGIN; SET LOCAL search_path TO {SCHEMA}; SET LOCAL lock_timeout = '{SWAP_LOCK_TIMEOUT}'")
}

/// Puts new tables in the place of the live ones, with their checkpoints and what they have parked; nothing is left of
/// their schema.
pub(crate) async fn put_in_place(
    connection: &mut PgConnection,
    schema: &str,
    tables: &[Table],
    checkpoints: &[&str],
) -> Result<(), sqlx::Error> {
    for table in tables {
        let name = table.name;
        let sql = format!("DROP TABLE IF EXISTS {SCHEMA}.{name}; ALTER TABLE {schema}.{name} SET SCHEMA {SCHEMA}");
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    for name in checkpoints {
        let sql = format!(
            "DELETE FROM {SCHEMA}.parked WHERE read_model = '{name}';
             INSERT INTO {SCHEMA}.parked SELECT * FROM {schema}.parked WHERE read_model = '{name}';
             UPDATE {SCHEMA}.checkpoints live SET position = new.position
             FROM {schema}.checkpoints new WHERE new.read_model = live.read_model AND live.read_model = '{name}'"
        );
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    connection.execute(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).await?;
    Ok(())
}

pub(crate) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03")
}
