//! How fast a table of prices becomes acknowledged events and rows: 500 assets over 20 years, on private servers.
//!
//! `cargo run --release --package testbed --bin market_speed [assets] [years]`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use events::Stream;
use events::asset::PriceBasis;
use events::values::{Actor, Currency, Name};
use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};
use journal::{Journal, JournalSettings};
use market::files::Mapping;
use market::{Files, FilesSettings, LoadOptions, Window, load};
use testbed::{Database, Nats};
use tokio_util::sync::CancellationToken;

const ASSETS: usize = 500;
const YEARS: i64 = 20;
/// How long the read models may take to catch up.
const ROWS_WITHIN: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let assets = arguments.next().map_or(Ok(ASSETS), |text| text.parse()).context("assets")?;
    let years = arguments.next().map_or(Ok(YEARS), |text| text.parse()).context("years")?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("prices.csv");
    let (bars, plain) = write_table(&path, assets, years)?;
    let packed = pack(&path)?;

    let nats = Nats::one().await;
    let client = journal::connect(&nats.operator_urls(), "/insights/provision").await?;
    let context = async_nats::jetstream::new(client);
    journal::topology::provision(&context, 1).await?;
    let journal = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/load")).await?;
    let pool = Database::fresh().await.pool().await;
    let stop = CancellationToken::new();
    let projecting = tokio::spawn(projections::follow::run(journal.clone(), pool.clone(), stop.clone()));

    let settings = FilesSettings {
        path,
        name: Name::parse("a table")?,
        basis: PriceBasis::Raw,
        mapping: Mapping::default(),
        assets: BTreeSet::new(),
        window: Window::default(),
    };
    let options = LoadOptions {
        actor: Actor::parse("operator:bench")?,
        currency: Currency::parse("USD")?,
        overrule: false,
        clock: Timestamp::now,
    };
    let began = Instant::now();
    let report = load(&journal, &mut Files::open(settings), &options, |_| {}).await;
    let acknowledged = began.elapsed();
    let end = journal.last_position(Stream::Market).await?;
    let checkpoints = projections::Checkpoints::watch(pool.clone());
    checkpoints.wait_for(end, ROWS_WITHIN).await?;
    let rows = began.elapsed();
    stop.cancel();
    projecting.await??;
    anyhow::ensure!(report.failed == 0 && report.sum.new_bars == bars, "{report:?}");

    let stream = context.get_stream(Stream::Market.name()).await?.cached_info().state.clone();
    let per_second = |took: Duration| to_float(bars) / took.as_secs_f64();
    println!("{assets} assets over {years} years: {bars} bars in {} events", report.sum.events);
    println!("acknowledged after {acknowledged:.2?}: {:.0} bars/s", per_second(acknowledged));
    println!("in rows after {rows:.2?}: {:.0} bars/s", per_second(rows));
    println!("table {plain} bytes, packed {packed}; stream {} bytes", stream.bytes);
    let per_bar = |bytes: f64| bytes / to_float(bars);
    println!(
        "a bar takes {:.1} bytes in the table, {:.1} packed, {:.1} in the stream",
        per_bar(plain as f64),
        per_bar(packed as f64),
        per_bar(stream.bytes as f64)
    );
    println!("peak memory of this process: {}", peak_memory()?);
    Ok(())
}

/// A count that is shown.
fn to_float(count: usize) -> f64 {
    count as f64
}

/// A table of random walks in cents; how many bars, and how many bytes.
fn write_table(path: &Path, assets: usize, years: i64) -> Result<(usize, u64)> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "symbol,date,open,high,low,close,volume")?;
    let days = weekdays(date(2004, 1, 2), years);
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = |below: u64| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % below
    };
    let mut line = String::new();
    for asset in 0..assets {
        let mut cents = 2_000 + step(20_000);
        for day in &days {
            let (open, room) = (cents, cents / 40 + 2);
            cents = (cents + step(room)).saturating_sub(room / 2).max(100);
            let (high, low) = (open.max(cents) + step(room / 2), open.min(cents) - step(room / 2).min(50));
            let price = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
            line.clear();
            let (open, high, low, close) = (price(open), price(high), price(low), price(cents));
            writeln!(line, "S{asset},{day},{open},{high},{low},{close},{}", 100 * (1_000 + step(90_000)))?;
            file.write_all(line.as_bytes())?;
        }
    }
    file.flush()?;
    Ok((assets * days.len(), std::fs::metadata(path)?.len()))
}

fn weekdays(first: Date, years: i64) -> Vec<Date> {
    let end = first.saturating_add(years.years());
    first
        .series(1.day())
        .take_while(|day| *day < end)
        .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
        .collect()
}

/// The table's size, packed as tables usually are.
fn pack(path: &Path) -> Result<u64> {
    let packed: PathBuf = path.with_extension("csv.gz");
    let mut gzip = flate2::write::GzEncoder::new(std::fs::File::create(&packed)?, flate2::Compression::default());
    std::io::copy(&mut std::fs::File::open(path)?, &mut gzip)?;
    gzip.finish()?;
    Ok(std::fs::metadata(packed)?.len())
}

fn peak_memory() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.map(|line| line.trim().to_owned()).unwrap_or_default())
}
