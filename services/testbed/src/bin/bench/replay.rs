//! (c): the large log folded in memory, beside a raw read of it by the same kind of consumer. Beside the rates stands what
//! an event costs in computing time, of the reader and of the nats-server: that bounds the rates.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use events::values::{AggregateId, PortfolioId};
use events::{AnyEvent, Decider, Portfolio, Stream};
use futures::StreamExt;
use journal::Journal;
use serde_json::json;

use crate::bed::Bed;
use crate::cpu;
use crate::million::{EVENTS_EACH, LargeLog};
use crate::options::Size;
use crate::report::{Report, median, per_second};

/// What folding should reach of what reading reaches.
const RATIO: f64 = 0.8;
/// What folding should reach by itself, in events a second.
const RATE: f64 = 250_000.0;
/// Events asked for at a time, by both sides.
const BATCH: usize = 5_000;
/// A log that gives nothing for this long gives nothing any more.
const WAIT: Duration = Duration::from_secs(30);

/// Measures both sides in turns.
pub async fn measure(bed: &Bed, log: &LargeLog, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let (mut raws, mut folds) = (Vec::new(), Vec::new());
    let (mut raw_spent, mut fold_spent) = (Spent::default(), Spent::default());
    for round in 0..size.replay_rounds() {
        let before = Spent::so_far(bed)?;
        raws.push(raw(&bed.journal().await?, log).await.context("a raw read")?);
        let between = Spent::so_far(bed)?;
        folds.push(fold(&bed.journal().await?, log).await.context("a replay")?);
        raw_spent.add(before, between);
        fold_spent.add(between, Spent::so_far(bed)?);
        let line = format!("round {}: raw read {:>8.0}/s   folded {:>8.0}/s", round + 1, raws[round], folds[round]);
        report.line(&line);
    }
    let read = log.events * raws.len();
    let (raw_us, fold_us) = (raw_spent.microseconds_each(read), fold_spent.microseconds_each(read));
    report.line(&format!(
        "computing time of an event, reader + nats-server: raw {:.1}+{:.1} us, folded {:.1}+{:.1} us",
        raw_us[0], raw_us[1], fold_us[0], fold_us[1]
    ));
    let (raw, fold) = (median(raws.clone()), median(folds.clone()));
    let ratio = fold / raw;
    let line = format!("median:  raw read {raw:>8.0}/s   folded {fold:>8.0}/s   ratio {ratio:.2}");
    report.row(
        &line,
        json!({
            "measurement": "c", "events": log.events, "raw_per_second": raw, "folded_per_second": fold,
            "ratio": ratio, "raw_rounds": raws, "folded_rounds": folds,
            "raw_cpu_us": {"reader": raw_us[0], "nats": raw_us[1]},
            "folded_cpu_us": {"reader": fold_us[0], "nats": fold_us[1]},
        }),
    );
    report.at_least("(c) replay in memory / raw read", RATIO, ratio);
    report.at_least("(c) replay in memory, events/s", RATE, fold);
    Ok(())
}

/// Computing time of the reader and of the nats-server.
#[derive(Default, Clone, Copy)]
struct Spent([Duration; 2]);

impl Spent {
    fn so_far(bed: &Bed) -> anyhow::Result<Self> {
        Ok(Self([cpu::time_of(&[std::process::id()])?, cpu::time_of(&bed.nats_processes())?]))
    }

    fn add(&mut self, before: Self, after: Self) {
        for (spent, (before, after)) in self.0.iter_mut().zip(before.0.into_iter().zip(after.0)) {
            *spent += after.saturating_sub(before);
        }
    }

    fn microseconds_each(self, events: usize) -> [f64; 2] {
        self.0.map(|spent| 1e6 / per_second(events, spent))
    }
}

/// Events read in one second, none of them looked at.
async fn raw(journal: &Journal, log: &LargeLog) -> anyhow::Result<f64> {
    let stream = journal.context().get_stream_no_info(Stream::Advisory.name()).await?;
    let config = pull::Config {
        ack_policy: AckPolicy::None,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: WAIT,
        ..Default::default()
    };
    let began = Instant::now();
    let consumer = stream.create_consumer(config).await?;
    let reading = consumer.stream().max_messages_per_batch(BATCH).expires(WAIT).heartbeat(WAIT / 6);
    let mut messages = reading.messages().await?;
    let mut count = 0;
    while count < log.events {
        match tokio::time::timeout(WAIT, messages.next()).await {
            Ok(Some(message)) => drop(message?),
            Ok(None) | Err(_) => bail!("{count} of {} events came", log.events),
        }
        count += 1;
    }
    Ok(per_second(count, began.elapsed()))
}

/// Events read, decoded and folded in one second.
async fn fold(journal: &Journal, log: &LargeLog) -> anyhow::Result<f64> {
    let mut portfolios: HashMap<PortfolioId, (u64, Portfolio)> = HashMap::with_capacity(log.aggregates);
    let began = Instant::now();
    let mut reader = journal.reader(Stream::Advisory, 0).await?;
    let mut count = 0;
    while count < log.events {
        let batch = reader.next(BATCH, WAIT).await?;
        ensure!(!batch.events.is_empty(), "{count} of {} events came", log.events);
        count += batch.events.len();
        for recorded in &batch.events {
            let (_, token) = recorded.kind_and_token()?;
            let id = PortfolioId::from_token(token).with_context(|| format!("`{token}` is no portfolio's id"))?;
            let AnyEvent::Portfolio(event) = recorded.decode()? else {
                bail!("{} is no portfolio's", recorded.position())
            };
            let (version, state) = portfolios.entry(id).or_default();
            *version += 1;
            *state = std::mem::take(state).evolve(&event);
        }
    }
    let rate = per_second(count, began.elapsed());
    ensure!(portfolios.len() == log.aggregates, "{} portfolios came of {}", portfolios.len(), log.aggregates);
    let right = portfolios.values().all(|(version, state)| *version == EVENTS_EACH && *state == log.state);
    ensure!(right, "a portfolio is not what its events say");
    Ok(rate)
}
