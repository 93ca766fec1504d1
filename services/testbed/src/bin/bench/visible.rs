//! (e): from a command to its row in the read model: a POST, then a GET that waits for the POST's position.

use std::time::Instant;

use anyhow::{Context, ensure};
use events::Stream;
use serde_json::json;
use uuid::Uuid;

use crate::bed::Bed;
use crate::commands::{p50_p99, prepare};
use crate::options::Size;
use crate::report::Report;
use crate::service::Service;
use crate::truth::Told;
use crate::wishes::create_body;

/// Measures one caller who reads what it wrote.
pub async fn measure(bed: &Bed, service: &Service, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let mut told = Told::default();
    let advisor = prepare(service, &mut told).await?;
    let body = create_body(&advisor);
    let mut connection = service.connect().await?;
    let (mut commands, mut delays) = (Vec::new(), Vec::new());
    for _ in 0..size.visible_commands() {
        let key = format!("idempotency-key: {}\r\n", Uuid::new_v4());
        let began = Instant::now();
        let made = connection.ask("POST", "/v1/portfolios", &key, &body).await?;
        commands.push(began.elapsed());
        ensure!(made.status == 201, "a portfolio was answered {}: {}", made.status, made.body);
        let sequence = made.sequence.context("a command without a position")?;
        let path = made.location.context("a new portfolio without a place")?;
        let wait = format!("insights-min-position: advisory-{sequence}\r\n");
        let seen = connection.ask("GET", &path, &wait, "").await?;
        delays.push(began.elapsed());
        ensure!(seen.status == 200 && seen.version == 1, "{path} was answered {}: {}", seen.status, seen.body);
        told.of(Stream::Advisory).push(sequence);
    }
    told.check(&bed.journal().await?).await?;
    commands.sort_unstable();
    delays.sort_unstable();
    let ((command_p50, command_p99), (visible_p50, visible_p99)) = (p50_p99(&commands), p50_p99(&delays));
    report.row(
        &format!("the command is answered   p50 {command_p50:>6.2} ms   p99 {command_p99:>6.2} ms"),
        json!({"measurement": "e", "until": "answered", "p50_ms": command_p50, "p99_ms": command_p99}),
    );
    report.row(
        &format!("and seen in the row       p50 {visible_p50:>6.2} ms   p99 {visible_p99:>6.2} ms"),
        json!({"measurement": "e", "until": "seen", "p50_ms": visible_p50, "p99_ms": visible_p99}),
    );
    Ok(())
}
