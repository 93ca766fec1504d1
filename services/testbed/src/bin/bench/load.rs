//! Many callers at once, and what they lived to see.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::report::{per_second, percentile};

/// What one caller, or all of them, lived to see.
#[derive(Debug, Default)]
pub struct Tally {
    /// How long each command took.
    pub latencies: Vec<Duration>,
    /// Where the acknowledged events stand.
    pub acknowledged: Vec<u64>,
    /// Answers that should not reach a caller, by status.
    pub refused: BTreeMap<u16, u64>,
}

/// One round of callers.
#[derive(Debug)]
pub struct Round {
    /// How long it took in all.
    pub took: Duration,
    /// What the callers saw; latencies ascend.
    pub tally: Tally,
}

impl Round {
    /// Acknowledged commands in one second.
    pub fn per_second(&self) -> f64 {
        per_second(self.tally.acknowledged.len(), self.took)
    }

    /// The latency that this many of a hundred stay within.
    pub fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.tally.latencies, percent)
    }
}

/// Lets all callers loose and waits for the last.
///
/// # Errors
/// Where a caller could not go on.
pub async fn drive<F>(callers: impl IntoIterator<Item = F>) -> anyhow::Result<Round>
where
    F: Future<Output = anyhow::Result<Tally>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let began = Instant::now();
    for caller in callers {
        running.spawn(caller);
    }
    let mut all = Tally::default();
    while let Some(ended) = running.join_next().await {
        let tally = ended??;
        all.latencies.extend(tally.latencies);
        all.acknowledged.extend(tally.acknowledged);
        for (status, count) in tally.refused {
            *all.refused.entry(status).or_default() += count;
        }
    }
    let took = began.elapsed();
    all.latencies.sort_unstable();
    Ok(Round { took, tally: all })
}
