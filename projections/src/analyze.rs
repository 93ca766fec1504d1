//! The `analyze` role: keeps the figures of every portfolio current, by [`crate::figures::Terms::default`].
//!
//! It reads both streams, so the read model has two checkpoints. A batch of either says which portfolios are due: those
//! whose weights are others now, and those that hold an asset about which something was said. They are computed from the
//! prices that were known at the market checkpoint, and written in the transaction that moves both checkpoints. So a row
//! says nothing but what the log says up to both, whatever way it came about: a replay brings back the same.
//!
//! Both checkpoints are locked first, and what stands in them decides what is new: the fence between two analysts.
//! Prices come from the read model `prices`, as of a position; where it is not as far, this one waits for it.

mod inputs;
mod memory;
pub mod rebuild;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use events::values::AssetId;
use events::{Position, Stream};
use futures::{StreamExt, TryStreamExt};
use journal::Journal;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::apply::{self, ApplyError, Writing, begin, is_refused};
use crate::checkpoint::{self, Checkpoints, Held};
use crate::connect::SCHEMA;
use crate::follow::{self, APPLY_TIMEOUT, Broken, FollowError, LOOK_AGAIN_AFTER};
use crate::incoming::Incoming;
use crate::model::ANALYZED;
use crate::portfolio_figures::{self, Due, Written};

use inputs::{Input, Inputs};
use memory::Memory;

/// How long a batch waits for the prices that it speaks of, before that is said aloud.
const PRICES_WAIT: Duration = Duration::from_secs(30);
/// Portfolios whose prices are in memory at once: with 200 assets each they are some 300 MB.
const PORTFOLIOS_AT_ONCE: usize = 16;

/// Up to where both streams have been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// The sequence in the advisory stream.
    pub advisory: u64,
    /// The sequence in the market stream.
    pub market: u64,
}

/// Keeps figures current. Cheap to clone.
#[derive(Clone)]
pub struct Analyst {
    journal: Journal,
    pool: PgPool,
    checkpoints: Checkpoints,
    schema: Arc<str>,
    computations: Arc<AtomicU64>,
}

/// Keeps the figures of every portfolio current until it is told to stop. Outlives restarts of NATS and PostgreSQL.
///
/// # Errors
/// Where the log does not fit the figures; only an operator can mend that.
pub async fn run(journal: Journal, pool: PgPool, stop: CancellationToken) -> Result<(), FollowError> {
    Analyst::new(journal, pool).run(stop).await
}

impl Analyst {
    /// An analyst of this log. Starts the task that watches how far prices are.
    #[must_use]
    pub fn new(journal: Journal, pool: PgPool) -> Self {
        let checkpoints = Checkpoints::watch(pool.clone());
        Self { journal, pool, checkpoints, schema: Arc::from(SCHEMA), computations: Arc::default() }
    }

    /// As [`run`].
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(&self, stop: CancellationToken) -> Result<(), FollowError> {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = self.follow() => ended.map(|_| ()),
        }
    }

    /// Follows both streams, and begins anew from the checkpoints whenever that is broken off.
    async fn follow(&self) -> Result<Infallible, FollowError> {
        let mut breaks = follow::Breaks::new(portfolio_figures::NAME);
        loop {
            let mut applied = false;
            let Err(broken) = self.session(&mut applied).await;
            breaks.wait_after(broken, applied).await?;
        }
    }

    /// How many portfolios' figures it has computed so far.
    #[must_use]
    pub fn computations(&self) -> u64 {
        self.computations.load(Ordering::Relaxed)
    }

    async fn session(&self, applied: &mut bool) -> Result<Infallible, Broken> {
        let mut reached = self.reached().await?;
        follow::not_beyond(&self.journal, Stream::Advisory, reached.advisory).await?;
        follow::not_beyond(&self.journal, Stream::Market, reached.market).await?;
        let mut inputs = Inputs::open(&self.journal, reached);
        let mut memory = Memory::new(reached.market);
        // First all prices that there are: on some of them, figures would be computed for nothing.
        let end = self.journal.last_position(Stream::Market).await?.sequence;
        while reached.market < end {
            let input = inputs.market().await?;
            self.step(&mut memory, &mut reached, &input).await?;
            *applied = true;
        }
        loop {
            // Nobody tells of tables that begin anew, nor of what a retry of parked events has left to compute.
            let input = inputs.next(LOOK_AGAIN_AFTER).await?;
            if matches!(input, Input::Nothing) {
                let now = self.reached().await?;
                for (checkpoint, after) in [(now.advisory, reached.advisory), (now.market, reached.market)] {
                    if checkpoint < after {
                        return Err(Broken::MovedBack { checkpoint, after });
                    }
                }
            }
            self.step(&mut memory, &mut reached, &input).await?;
            *applied = true;
        }
    }

    /// Up to where the figures are, in the live tables.
    ///
    /// # Errors
    /// Where PostgreSQL does not answer, or has no such tables.
    async fn reached(&self) -> Result<Reached, Broken> {
        let checkpoints = checkpoint::read(&self.pool, &[portfolio_figures::NAME, portfolio_figures::PRICES]).await?;
        let at = |name| checkpoints.get(name).copied().ok_or(ApplyError::NoCheckpoint(name));
        Ok(Reached { advisory: at(portfolio_figures::NAME)?, market: at(portfolio_figures::PRICES)? })
    }

    /// Takes one batch of one of the streams, or only what was left to compute.
    async fn step(&self, memory: &mut Memory, reached: &mut Reached, input: &Input) -> Result<(), Broken> {
        if let Input::Market(touched) = input {
            memory.forget(touched).await;
        }
        let sequence = if let Input::Market(touched) = input { touched.last } else { reached.market };
        self.checkpoints.wait_for(Position { stream: Stream::Market, sequence }, PRICES_WAIT).await?;
        let advisory = if let Input::Advisory(events) = input { events.as_slice() } else { &[] };
        let _spans = follow::spans(
            advisory,
            |event| tracing::info_span!("analyze", position = %event.position, event_type = &*event.event_type),
        );
        match self.attempt(memory, input, Writing::Together).await {
            // One event that the tables cannot hold must not stop the others: find it.
            Err(Broken::Apply(ApplyError::Database(error)) | Broken::Database(error)) if is_refused(&error) => {
                self.attempt(memory, input, Writing::OneByOne).await?;
            }
            result => result?,
        }
        match input {
            Input::Advisory(events) => reached.advisory = events.last().map_or(reached.advisory, Incoming::sequence),
            Input::Market(touched) => reached.market = touched.last,
            Input::Nothing => {}
        }
        Ok(())
    }

    async fn attempt(&self, memory: &mut Memory, input: &Input, writing: Writing) -> Result<(), Broken> {
        let mut transaction = self.pool.begin_with(AssertSqlSafe(begin(&self.schema))).await?;
        let (advisory, market) = held(&mut transaction).await?;
        let mut moves = Vec::new();
        let mut touched = &BTreeSet::new();
        let mut known = market.position;
        match input {
            Input::Advisory(events) => {
                if let Some(last) = new(&advisory, Stream::Advisory, events.first(), events.last())? {
                    apply::write(&mut transaction, &ANALYZED, &advisory, events, writing).await?;
                    moves.push((&advisory, last));
                }
            }
            Input::Market(news) => {
                contiguous(&market, Stream::Market, news.first)?;
                if news.last > market.position {
                    (touched, known) = (&news.assets, news.last);
                    moves.push((&market, news.last));
                }
            }
            Input::Nothing => {}
        }
        let due = portfolio_figures::due(&mut transaction, touched).await?;
        if due.is_empty() && moves.is_empty() {
            return Ok(());
        }
        if matches!(input, Input::Nothing) {
            // What was left to compute was left because prices that had been passed are others now.
            memory.clear();
        }
        memory.know(known);
        let prices = self.checkpoints.reached(Stream::Market);
        if prices.sequence < known && !due.is_empty() {
            let needed = Position { stream: Stream::Market, sequence: known };
            return Err(checkpoint::Behind { needed, reached: prices }.into());
        }
        for ids in due.chunks(PORTFOLIOS_AT_ONCE) {
            let some = tokio::time::timeout(APPLY_TIMEOUT, self.compute(&mut transaction, memory, ids));
            some.await.map_err(|_elapsed| Broken::TimedOut)??;
        }
        for (held, to) in moves {
            let to = i64::try_from(to).unwrap_or(i64::MAX);
            if checkpoint::advance(&mut transaction, &[held], to).await? != 1 {
                return Err(ApplyError::Fenced { stream: Stream::Advisory }.into());
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Computes the figures of these portfolios, and writes them.
    async fn compute(&self, connection: &mut PgConnection, memory: &Memory, ids: &[Uuid]) -> Result<(), Broken> {
        let due = portfolio_figures::materials(connection, ids).await?;
        let assets: BTreeSet<AssetId> =
            due.iter().flat_map(|due| due.targets.iter().map(|(asset, _)| asset.clone())).collect();
        let material = Arc::new(memory.material(&self.pool, assets).await?);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let computed = futures::stream::iter(due).map(|due| {
            let material = Arc::clone(&material);
            self.computations.fetch_add(1, Ordering::Relaxed);
            async move {
                let portfolio = due.portfolio;
                match tokio::task::spawn_blocking(move || one(&due, &material)).await {
                    Ok(written) => Ok(written),
                    Err(error) if error.is_panic() => {
                        tracing::error!(%portfolio, %error, "figures were not computed");
                        Ok(Written::panicked(portfolio))
                    }
                    // The process is about to end.
                    Err(_cancelled) => Err(Broken::ReaderEnded),
                }
            }
        });
        let written: Vec<Written> = computed.buffer_unordered(cores).try_collect().await?;
        portfolio_figures::write(connection, &written).await?;
        Ok(())
    }
}

fn one(due: &Due, material: &memory::Material) -> Written {
    let kept = portfolio_figures::kept(&due.targets, &due.currency, &material.currencies, &material.prices);
    Written::new(due.portfolio, kept)
}

/// Both checkpoints, locked until the transaction ends.
async fn held(connection: &mut PgConnection) -> Result<(Held, Held), Broken> {
    let names = [portfolio_figures::NAME, portfolio_figures::PRICES];
    let mut held = checkpoint::hold(connection, &names).await?.into_iter();
    let mut next =
        |name| held.next().filter(|held: &Held| held.read_model == name).ok_or(ApplyError::NoCheckpoint(name));
    Ok((next(names[0])?, next(names[1])?))
}

/// The sequence of the last event, where any is new to the checkpoint.
fn new(held: &Held, stream: Stream, first: Option<&Incoming>, last: Option<&Incoming>) -> Result<Option<u64>, Broken> {
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
    contiguous(held, stream, first.sequence())?;
    Ok(Some(last.sequence()).filter(|last| *last > held.position))
}

fn contiguous(held: &Held, stream: Stream, first: u64) -> Result<(), Broken> {
    let after = held.position;
    if first > after + 1 {
        return Err(ApplyError::Gap { read_model: held.read_model.clone(), stream, after, got: first }.into());
    }
    Ok(())
}
