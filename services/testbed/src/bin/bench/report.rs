//! The results: a line for each as it comes, the targets at the end, and all of it as JSON.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::options::Size;

/// What was measured so far.
pub struct Report {
    rows: Vec<Value>,
    verdicts: Vec<Verdict>,
    size: Size,
}

/// A target and what came of it.
struct Verdict {
    what: String,
    target: String,
    measured: String,
    met: bool,
}

impl Report {
    /// An empty one.
    pub fn new(size: Size) -> Self {
        Self { rows: Vec::new(), verdicts: Vec::new(), size }
    }

    /// Prints what comes next.
    pub fn title(&self, text: &str) {
        println!("\n{text}");
    }

    /// Prints a line.
    pub fn line(&self, text: &str) {
        println!("  {text}");
    }

    /// Keeps numbers.
    pub fn keep(&mut self, numbers: Value) {
        self.rows.push(numbers);
    }

    /// Prints a line, and keeps its numbers.
    pub fn row(&mut self, line: &str, numbers: Value) {
        self.line(line);
        self.keep(numbers);
    }

    /// Keeps a target that asks for at least so much.
    pub fn at_least(&mut self, what: &str, target: f64, measured: f64) {
        let decimals = if target < 10.0 { 2 } else { 0 };
        self.verdicts.push(Verdict {
            what: what.to_owned(),
            target: format!(">= {target:.decimals$}"),
            measured: format!("{measured:.decimals$}"),
            met: measured >= target,
        });
    }

    /// Keeps a target that asks for none.
    pub fn none(&mut self, what: &str, measured: u64) {
        self.verdicts.push(Verdict {
            what: what.to_owned(),
            target: "0".to_owned(),
            measured: measured.to_string(),
            met: measured == 0,
        });
    }

    /// Prints every target, what was measured, and whether that meets it.
    pub fn print_verdicts(&self) {
        println!("\n{:<58} {:>10} {:>10}", "target", "asked", "measured");
        for Verdict { what, target, measured, met } in &self.verdicts {
            println!("{what:<58} {target:>10} {measured:>10}  {}", if *met { "met" } else { "NOT MET" });
        }
        if self.size == Size::Quick {
            println!("(small counts: these numbers say that it works, not how fast it is)");
        }
    }

    /// Writes everything down.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let targets: Vec<Value> = self
            .verdicts
            .iter()
            .map(|v| json!({"what": v.what, "target": v.target, "measured": v.measured, "met": v.met}))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let all = json!({
            "quick": self.size == Size::Quick,
            "cores": cores,
            "rows": self.rows,
            "targets": targets,
        });
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)
    }
}

/// The middle one of these numbers; the mean of the two in the middle where there is no middle one.
///
/// # Panics
/// If there is none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { f64::midpoint(numbers[middle - 1], numbers[middle]) }
}

/// The latency that this many of a hundred stay within. The latencies ascend.
pub fn percentile(ascending: &[Duration], percent: usize) -> Duration {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied().unwrap_or_default()
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// So many in this time, in one second.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
