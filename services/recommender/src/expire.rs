//! The `expire` role: advice whose last day is over ceases to stand.
//!
//! The read model says which advice is overdue, the log decides. Each end is a command of its own, whose id follows from
//! the recommendation: whoever gives it again, after a `kill -9` or beside another process with this role, gets the first
//! answer. Advice that ended otherwise in the meantime stays as it ended.

use std::time::Duration;

use events::Recommendation;
use events::recommendation::{RecommendationCommand, RecommendationRejection};
use events::values::{Actor, CommandId};
use futures::StreamExt;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use journal::{CommandContext, ExecuteError, Expect, Journal, Outcome};
use projections::recommendations::{Overdue, overdue};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Between one look and the next. Days end once a day; this is how long after its last day advice may still stand.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Ends that are recorded at once.
const AT_ONCE: usize = 16;
/// Who acts.
const ACTOR: &str = "role:expire";

/// What one look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Recommendations that expired by it.
    pub expired: usize,
    /// Recommendations that had ended already: the read model was behind, or another process was first.
    pub ended: usize,
    /// Recommendations whose end could not be recorded now; the next look finds them again.
    pub left: usize,
}

/// Looks for overdue advice until it is told to stop. `clock` tells the day.
pub async fn run(journal: Journal, pool: PgPool, clock: fn() -> Timestamp, stop: CancellationToken) {
    loop {
        // A look may be dropped half-way: the next one goes on where the log stands.
        let swept = tokio::select! {
            () = stop.cancelled() => return,
            swept = sweep(&journal, &pool, clock()) => swept,
        };
        match swept {
            Ok(Swept { expired: 0, ended: 0, left: 0 }) => {}
            Ok(Swept { expired, ended, left }) => {
                info!(expired, ended, left, "advice whose last day is over has ended");
            }
            Err(error) => warn!(%error, "overdue advice cannot be looked for now"),
        }
        // What there is to wait for is time itself.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Ends all advice whose last day is over by this time, as far as the read model knows of it.
///
/// # Errors
/// Where the read model cannot be asked. What was recorded until then stays.
pub async fn sweep(journal: &Journal, pool: &PgPool, now: Timestamp) -> Result<Swept, sqlx::Error> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut swept = Swept::default();
    let mut last = None;
    loop {
        let found = overdue(pool, today, last.as_ref()).await?;
        let mut ends = futures::stream::iter(found.clone())
            .map(|one| async move { end(journal, &one, now).await })
            .buffer_unordered(AT_ONCE);
        while let Some(end) = ends.next().await {
            match end {
                End::Expired => swept.expired += 1,
                End::Before => swept.ended += 1,
                End::NotNow => swept.left += 1,
            }
        }
        drop(ends);
        // Rows behind the last one: what cannot be ended now is not met again in this look.
        last = found.into_iter().next_back();
        if last.is_none() {
            return Ok(swept);
        }
    }
}

/// How the end of one recommendation went.
enum End {
    /// It is recorded, just now.
    Expired,
    /// It had ended before.
    Before,
    /// It could not be recorded.
    NotNow,
}

async fn end(journal: &Journal, overdue: &Overdue, now: Timestamp) -> End {
    let context = CommandContext {
        command_id: CommandId::of(&["expire", &overdue.id.to_string()]),
        time: now,
        actor: Actor::parse(ACTOR).expect("the constant names an actor"),
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    let command = RecommendationCommand::Expire { on: now.to_zoned(TimeZone::UTC).date() };
    match journal.execute::<Recommendation>(&overdue.id, &command, &context).await {
        Ok(done) if done.outcome == Outcome::Recorded => End::Expired,
        Ok(_) => End::Before,
        Err(ExecuteError::Rejected(rejection @ RecommendationRejection::StillValid)) => {
            error!(recommendation = %overdue.id, last_day = overdue.last_day, %rejection, "the read model differs from the log");
            End::NotNow
        }
        Err(error) => {
            warn!(recommendation = %overdue.id, %error, "an end could not be recorded; it is tried again");
            End::NotNow
        }
    }
}
