//! (f): what a process that runs all roles keeps in memory.

use anyhow::{Context, ensure};
use serde_json::json;

use crate::bed::Bed;
use crate::commands::{Callers, prepare};
use crate::options::Size;
use crate::report::Report;
use crate::service::Service;
use crate::truth::Told;
use crate::wishes::Wish;

/// Callers of the load.
const CALLERS: usize = 64;

/// Reads it again after a load. `idle` is what it was before any.
pub async fn measure(bed: &Bed, service: &Service, idle: u64, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let mut told = Told::default();
    let advisor = prepare(service, &mut told).await?;
    let mut callers = Callers::open(service, &advisor, Wish::Create, CALLERS, &mut told).await?;
    let round = callers.round(size.memory_commands()).await?;
    let last = round.tally.acknowledged.iter().max().context("no command was acknowledged")?;
    let wait = format!("insights-min-position: advisory-{last}\r\n");
    let seen = service.connect().await?.ask("GET", "/v1/portfolios?limit=1", &wait, "").await?;
    ensure!(seen.status == 200, "the read models were answered {}: {}", seen.status, seen.body);
    let loaded = service.resident_kib()?;
    let commands = round.tally.acknowledged.len();
    let rows = bed.journal().await?.last_position(events::Stream::Advisory).await?.sequence;
    report.line(&format!("when it is ready: {} MiB", idle / 1_024));
    report.row(
        &format!("after {commands} commands of {CALLERS} callers, {rows} events in the log: {} MiB", loaded / 1_024),
        json!({"measurement": "f", "idle_kib": idle, "loaded_kib": loaded, "commands": commands, "events": rows}),
    );
    Ok(())
}
