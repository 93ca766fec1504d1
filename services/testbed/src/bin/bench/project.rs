//! (d): the large log into PostgreSQL, through the projector and into empty tables.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use projections::Checkpoints;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::bed::Bed;
use crate::million::{EVENTS_EACH, LargeLog};
use crate::options::Size;
use crate::report::{Report, median, per_second};

/// What it should reach, in events a second.
const RATE: f64 = 60_000.0;
/// A projector that needs longer is not slow but stuck.
const WITHIN: Duration = Duration::from_secs(900);

/// Measures some rounds, each into new tables.
pub async fn measure(bed: &Bed, log: &LargeLog, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let mut rates = Vec::new();
    for round in 0..size.project_rounds() {
        let pool = bed.new_database(&format!("replay_{round}")).await?;
        let journal = bed.journal().await?;
        let stop = CancellationToken::new();
        let reached = Checkpoints::watch(pool.clone());
        let began = Instant::now();
        let following = tokio::spawn(projections::follow::run(journal, pool.clone(), stop.clone()));
        reached.wait_for(log.last, WITHIN).await.context("the projector")?;
        let rate = per_second(log.events, began.elapsed());
        stop.cancel();
        following.await??;
        let (rows, versions): (i64, i64) =
            sqlx::query_as("SELECT count(*), sum(version)::bigint FROM portfolios").fetch_one(&pool).await?;
        pool.close().await;
        let expected = (i64::try_from(log.aggregates)?, i64::try_from(log.events)?);
        ensure!((rows, versions) == expected, "{rows} rows with {versions} versions came of {expected:?}");
        ensure!(log.aggregates as u64 * EVENTS_EACH == log.last.sequence, "the log grew meanwhile");
        report.line(&format!("round {}: {rate:>8.0} events/s", round + 1));
        rates.push(rate);
    }
    let rate = median(rates.clone());
    report.row(
        &format!("median:  {rate:>8.0} events/s"),
        json!({"measurement": "d", "events": log.events, "per_second": rate, "rounds": rates}),
    );
    report.at_least("(d) replay into PostgreSQL, events/s", RATE, rate);
    Ok(())
}
