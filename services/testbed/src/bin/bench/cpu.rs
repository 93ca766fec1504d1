//! What processes take of the machine. A busy neighbour spoils times, and this far less.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

/// Ticks of the system's clock in one second: fixed on every Linux that we run on.
const TICKS_PER_SECOND: u64 = 100;
/// Where a process's line of numbers has its user time, counted behind the name.
const USER_TIME: usize = 11;

/// The time that these processes have computed so far, in their own code and in the system's.
pub fn time_of(processes: &[u32]) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for process in processes {
        ticks += ticks_of(Path::new(&format!("/proc/{process}/stat")))?;
    }
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn ticks_of(path: &Path) -> anyhow::Result<u64> {
    let line = std::fs::read_to_string(path)?;
    // The name stands in parentheses and may hold anything.
    let (_, numbers) = line.rsplit_once(')').context("a process without a name")?;
    let mut numbers = numbers.split_whitespace().skip(USER_TIME);
    let mut next = || numbers.next().and_then(|ticks| ticks.parse::<u64>().ok()).context("a process without times");
    Ok(next()? + next()?)
}
