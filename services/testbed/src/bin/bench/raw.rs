//! The other side of the comparison: appends through the client library with the same headers, the same bytes and the
//! same concurrency control, and nothing of ours around them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, HeaderName, jetstream};
use bytes::Bytes;
use events::metadata::header;
use events::values::{Actor, AdvisorId, AggregateId, AssetId, CommandId, EventId, PortfolioId};
use events::{Kind, Metadata, Stored, Subject};
use jiff::Timestamp;
use journal::Journal;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::load::{Round, Tally, drive};
use crate::wishes::{SHARED, Wish, created, listed, priced, reallocated};

/// As long as a digest of a request.
const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// As long as a trace context.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
/// A machine that is slow for this long is not slow but stuck.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(60);

/// Attempts of one append that follow each other at once.
const ATTEMPTS_AT_ONCE: u32 = 8;
/// Attempts of one append. All pauses together are as long as [`ACKNOWLEDGED_WITHIN`] at most.
const ATTEMPTS_MAX: u32 = 256;
/// The pause before each later attempt.
const IN_FLIGHT_PAUSE: Duration = Duration::from_millis(2);
/// The server's answer that a write to the subject is in flight.
const STREAM_WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10_164;

/// Appends to the log.
#[derive(Clone)]
pub struct Appender {
    context: jetstream::Context,
    actor: Actor,
    advisor: AdvisorId,
}

/// An aggregate as those who share it know it.
struct Aggregate {
    subject: Subject,
    version: u64,
    last: u64,
}

/// The callers of one comparison, with what they change.
pub struct Callers {
    appender: Appender,
    wish: Wish,
    aggregates: Vec<Arc<Mutex<Aggregate>>>,
    callers: usize,
}

impl Appender {
    /// One with a connection of its own.
    pub fn new(journal: &Journal) -> anyhow::Result<Self> {
        let mut context = jetstream::context::ContextBuilder::new()
            .timeout(ACKNOWLEDGED_WITHIN)
            .ack_timeout(ACKNOWLEDGED_WITHIN)
            .build(journal.client().clone());
        context.set_timeout(ACKNOWLEDGED_WITHIN);
        let actor = Actor::parse(&format!("admin:{}", Uuid::new_v4()))?;
        Ok(Self { context, actor, advisor: AdvisorId::new(Uuid::new_v4()) })
    }

    /// The sequence at which the event stands.
    async fn append<E: Stored>(&self, subject: &Subject, event: &E, version: u64, last: u64) -> anyhow::Result<u64> {
        let headers = headers(&self.actor, event.event_type(), version, last);
        let payload = Bytes::from(event.encode());
        for attempt in 1..ATTEMPTS_MAX {
            match self.attempt(subject, headers.clone(), payload.clone()).await {
                // Nobody else writes here: three servers say so for a moment after a write that they acknowledged, and
                // nothing tells when that is over. Under load it outlasts many attempts.
                Err(error) if is_conflict(&error) => {
                    if attempt >= ATTEMPTS_AT_ONCE {
                        tokio::time::sleep(IN_FLIGHT_PAUSE).await;
                    }
                }
                settled => return settled.with_context(|| format!("appending to {subject}")),
            }
        }
        Ok(self.attempt(subject, headers, payload).await?)
    }

    async fn attempt(&self, subject: &Subject, headers: HeaderMap, payload: Bytes) -> Result<u64, PublishError> {
        let message = PublishMessage::build().headers(headers).payload(payload);
        Ok(self.context.send_publish(subject.as_str().to_owned(), message).await?.await?.sequence)
    }
}

/// The headers of an event of ours.
pub fn headers(actor: &Actor, event_type: &str, version: u64, last: u64) -> HeaderMap {
    let command_id = CommandId::new(Uuid::new_v4());
    let event_id = EventId::of(command_id);
    let metadata = Metadata {
        event_id,
        command_id,
        time: Timestamp::now(),
        actor: actor.clone(),
        source: "/insights/api".to_owned(),
        version,
        request_digest: Some(DIGEST.to_owned()),
        causation_id: None,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in metadata.to_headers(event_type) {
        headers.insert(HeaderName::from_static(name), value);
    }
    headers.insert(HeaderName::from_static(header::TRACE_PARENT), TRACE);
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, last.to_string());
    headers.insert(NATS_MESSAGE_ID, event_id.to_string());
    headers
}

/// Whether another event is said to have come first.
fn is_conflict(error: &PublishError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<jetstream::Error>());
    error.kind() == PublishErrorKind::WrongLastSequence
        || source.is_some_and(|source| source.error_code().0 == STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
}

impl Callers {
    /// So many callers, and what they change: the same for all rounds. What was acknowledged meanwhile is added.
    pub async fn new(appender: &Appender, wish: Wish, callers: usize, told: &mut Vec<u64>) -> anyhow::Result<Self> {
        let count = match wish {
            Wish::Create => 0,
            Wish::ChangeOwn => callers,
            Wish::ChangeShared | Wish::PriceShared => SHARED,
        };
        let mut aggregates = Vec::with_capacity(count);
        for index in 0..count {
            let (subject, last) = if wish == Wish::PriceShared {
                let asset = AssetId::parse(&format!(
                    "RAW{index}-{}",
                    &Uuid::new_v4().simple().to_string()[..8].to_uppercase()
                ))?;
                let subject = Subject::new(Kind::Asset, &asset.token());
                let last = appender.append(&subject, &listed(asset.as_str()), 1, 0).await?;
                (subject, last)
            } else {
                let subject = Subject::new(Kind::Portfolio, &PortfolioId::new(Uuid::new_v4()).token());
                let last = appender.append(&subject, &created(appender.advisor), 1, 0).await?;
                (subject, last)
            };
            told.push(last);
            aggregates.push(Arc::new(Mutex::new(Aggregate { subject, version: 1, last })));
        }
        Ok(Self { appender: appender.clone(), wish, aggregates, callers })
    }

    /// One round, in which each caller gives so many commands.
    pub async fn round(&self, each: usize) -> anyhow::Result<Round> {
        drive((0..self.callers).map(|caller| {
            let aggregate = self.aggregates.get(caller % self.aggregates.len().max(1)).cloned();
            call(self.appender.clone(), self.wish, aggregate, each)
        }))
        .await
    }
}

async fn call(
    appender: Appender,
    wish: Wish,
    aggregate: Option<Arc<Mutex<Aggregate>>>,
    each: usize,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for _ in 0..each {
        let began = Instant::now();
        let sequence = match &aggregate {
            None => {
                let subject = Subject::new(Kind::Portfolio, &PortfolioId::new(Uuid::new_v4()).token());
                appender.append(&subject, &created(appender.advisor), 1, 0).await?
            }
            Some(aggregate) => {
                let mut aggregate = aggregate.lock().await;
                let Aggregate { subject, version, last } = &mut *aggregate;
                let sequence = if wish == Wish::PriceShared {
                    appender.append(subject, &priced(*version), *version + 1, *last).await?
                } else {
                    appender.append(subject, &reallocated(*version), *version + 1, *last).await?
                };
                (*version, *last) = (*version + 1, sequence);
                sequence
            }
        };
        tally.latencies.push(began.elapsed());
        tally.acknowledged.push(sequence);
    }
    Ok(tally)
}
