//! Figures computed anew from the log, beside the live ones, and put in their place.
//!
//! A row follows from the log up to both checkpoints and from nothing else, so prices are replayed first: then each
//! portfolio is computed once or so, however often it and its prices have changed.

use std::sync::Arc;

use events::Stream;
use journal::Journal;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, PgPool};

use super::inputs::Inputs;
use super::memory::Memory;
use super::{Analyst, Reached, held};
use crate::follow::Broken;
use crate::model::ANALYZED;
use crate::portfolio_figures::{NAME, PRICES};
use crate::rebuild::{
    Progress, RebuildError, SWAP_ATTEMPTS_MAX, SWAP_EVENTS_MAX, begin_swap, is_lock_timeout, prepare, put_in_place,
};

/// Computes all figures anew, while the live ones are kept.
///
/// # Errors
/// Where the live tables are as they were.
pub async fn run(journal: &Journal, pool: &PgPool, mut progress: impl FnMut(Progress)) -> Result<(), RebuildError> {
    let schema = format!("rebuild_{NAME}");
    let mut connection = prepare(pool, NAME, &schema).await?;
    let analyst = Analyst { schema: Arc::from(schema.as_str()), ..Analyst::new(journal.clone(), pool.clone()) };
    let reached = Reached::default();
    let mut replay = Replay { analyst, inputs: Inputs::open(journal, reached), memory: Memory::new(0), reached };
    for _ in 0..SWAP_ATTEMPTS_MAX {
        let end = Reached {
            advisory: journal.last_position(Stream::Advisory).await?.sequence,
            market: journal.last_position(Stream::Market).await?.sequence,
        };
        replay.come_to(end, &mut progress).await?;
        match swap(&mut connection, &schema, &mut replay).await {
            Ok(true) => {
                progress(replay.progress(replay.reached));
                connection.close().await?;
                return Ok(());
            }
            Ok(false) => {}
            Err(RebuildError::Database(error)) if is_lock_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(RebuildError::NeverSwapped { read_model: NAME })
}

struct Replay {
    analyst: Analyst,
    inputs: Inputs,
    memory: Memory,
    reached: Reached,
}

impl Replay {
    /// Comes as far in both streams, or a little further.
    async fn come_to(&mut self, end: Reached, progress: &mut impl FnMut(Progress)) -> Result<(), RebuildError> {
        while self.reached.market < end.market || self.reached.advisory < end.advisory {
            self.step(end).await.map_err(|broken| RebuildError::Analyze(Box::new(broken)))?;
            progress(self.progress(end));
        }
        Ok(())
    }

    async fn step(&mut self, end: Reached) -> Result<(), Broken> {
        let behind = self.reached.market < end.market;
        let input = if behind { self.inputs.market().await? } else { self.inputs.advisory().await? };
        self.analyst.step(&mut self.memory, &mut self.reached, &input).await
    }

    fn progress(&self, end: Reached) -> Progress {
        let done = self.reached.advisory + self.reached.market;
        Progress { done, total: done.max(end.advisory + end.market) }
    }
}

/// Puts the new tables in place, where they can be brought as far as the live ones; else changes nothing.
async fn swap(connection: &mut PgConnection, schema: &str, replay: &mut Replay) -> Result<bool, RebuildError> {
    let mut transaction = connection.begin_with(AssertSqlSafe(begin_swap())).await?;
    // From here on the live figures stand still, and the log has all that they have taken.
    let (advisory, market) = held(&mut transaction).await.map_err(|broken| RebuildError::Analyze(Box::new(broken)))?;
    let live = Reached { advisory: advisory.position, market: market.position };
    let missing =
        live.advisory.saturating_sub(replay.reached.advisory) + live.market.saturating_sub(replay.reached.market);
    if missing > SWAP_EVENTS_MAX {
        return Ok(false);
    }
    replay.come_to(live, &mut |_| {}).await?;
    put_in_place(&mut transaction, schema, ANALYZED.tables, &[NAME, PRICES]).await?;
    transaction.commit().await?;
    Ok(true)
}
