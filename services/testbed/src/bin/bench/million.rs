//! A large log, written fast: portfolios that are composed once and changed three times.
//!
//! Portfolios are written in blocks: all of a block are composed, then all are changed, and changed again. So no batch
//! of a projection holds two events of one portfolio, which is the dearest order for it.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::ensure;
use async_nats::jetstream::message::PublishMessage;
use events::values::{Actor, AdvisorId, AggregateId, PortfolioId};
use events::{Decider, Kind, Portfolio, Position, Stored, Stream, Subject};
use serde_json::json;
use uuid::Uuid;

use crate::bed::Bed;
use crate::raw::headers;
use crate::report::{Report, per_second};
use crate::wishes::{created, reallocated};

/// Events of one portfolio.
pub const EVENTS_EACH: u64 = 4;
/// Portfolios of one block.
const BLOCK: usize = 5_000;
/// Appends that wait for their acknowledgement.
const IN_FLIGHT_MAX: usize = 2_048;

/// A log that was written.
pub struct LargeLog {
    /// Its portfolios.
    pub aggregates: usize,
    /// Its events.
    pub events: usize,
    /// Where its last event stands.
    pub last: Position,
    /// What every portfolio has become.
    pub state: Portfolio,
}

/// Writes a log of so many portfolios.
pub async fn write(bed: &Bed, aggregates: usize, report: &mut Report) -> anyhow::Result<LargeLog> {
    let journal = bed.journal().await?;
    let context = async_nats::jetstream::new(journal.client().clone());
    let actor = Actor::parse(&format!("admin:{}", Uuid::new_v4()))?;
    let advisor = AdvisorId::new(Uuid::new_v4());
    let history = [created(advisor), reallocated(1), reallocated(2), reallocated(3)];
    let state = history.iter().fold(Portfolio::default(), Portfolio::evolve);
    let began = Instant::now();
    let mut in_flight = VecDeque::with_capacity(IN_FLIGHT_MAX);
    let mut sequence = 0;
    let mut left = aggregates;
    while left > 0 {
        let block = left.min(BLOCK);
        left -= block;
        let subjects: Vec<Subject> = std::iter::repeat_with(|| PortfolioId::new(Uuid::new_v4()))
            .map(|id| Subject::new(Kind::Portfolio, &id.token()))
            .take(block)
            .collect();
        let mut last = vec![0; block];
        for (version, event) in (1..).zip(&history) {
            for (subject, last) in subjects.iter().zip(&mut last) {
                let headers = headers(&actor, event.event_type(), version, *last);
                let message = PublishMessage::build().headers(headers).payload(event.encode().into());
                in_flight.push_back(context.send_publish(subject.as_str().to_owned(), message).await?);
                sequence += 1;
                *last = sequence;
                if in_flight.len() >= IN_FLIGHT_MAX
                    && let Some(oldest) = in_flight.pop_front()
                {
                    oldest.await?;
                }
            }
        }
    }
    for waiting in in_flight {
        waiting.await?;
    }
    let took = began.elapsed();
    let events = history.len() * aggregates;
    let last = journal.last_position(Stream::Advisory).await?;
    ensure!(last.sequence == events as u64, "{events} events were written, and the log ends at {}", last.sequence);
    let rate = per_second(events, took);
    report.title(&format!(
        "a log of {events} events of {aggregates} portfolios, written in {:.0} s ({rate:.0}/s, not synced)",
        took.as_secs_f64()
    ));
    report.keep(json!({"measurement": "log", "events": events, "aggregates": aggregates, "per_second": rate}));
    Ok(LargeLog { aggregates, events, last, state })
}
