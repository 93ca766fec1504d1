//! How fast a table of prices becomes acknowledged events and rows: 500 assets over 20 years, on private servers.
//!
//! `./x bench market [assets] [years]`
//!
//! Times depend on who else uses the machine, computing times far less: both are printed.

#[path = "bench/cpu.rs"]
mod cpu;

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
use market::{Files, FilesSettings, LoadOptions, Unit, Window, load};
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
        unit: Unit::major(Currency::parse("USD")?),
        mapping: Mapping::default(),
        assets: BTreeSet::new(),
        window: Window::default(),
    };
    let options = LoadOptions {
        actor: Actor::parse("operator:bench")?,
        currency: Currency::parse("USD")?,
        overrule: false,
        unit_confirmed: false,
        clock: Timestamp::now,
    };
    // What making the table took of memory does not count.
    std::fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be set back")?;
    let memory_before = memory("VmRSS:")?;
    let this = std::process::id();
    let server = nats.nodes().first().and_then(|node| node.process_id()).context("no nats-server")?;
    let computed_before = (cpu::time_of(&[this])?, cpu::time_of(&[server])?);
    let began = Instant::now();
    let report = load(&journal, &mut Files::open(settings), &options, |_| {}).await;
    let acknowledged = began.elapsed();
    let end = journal.last_position(Stream::Market).await?;
    let checkpoints = projections::Checkpoints::watch(pool.clone());
    checkpoints.wait_for(end, ROWS_WITHIN).await?;
    let rows = began.elapsed();
    let computed = (cpu::time_of(&[this])? - computed_before.0, cpu::time_of(&[server])? - computed_before.1);
    stop.cancel();
    projecting.await??;
    anyhow::ensure!(report.failed == 0 && report.sum.new_bars == bars, "{report:?}");

    let stream = context.get_stream(Stream::Market.name()).await?.cached_info().state.clone();
    let per_second = |took: Duration| to_float(bars) / took.as_secs_f64();
    println!("{assets} assets over {years} years: {bars} bars in {} events", report.sum.events);
    println!("acknowledged after {acknowledged:.2?}: {:.0} bars/s", per_second(acknowledged));
    println!("in rows after {rows:.2?}: {:.0} bars/s", per_second(rows));
    let nanoseconds = |took: Duration| took.as_secs_f64() * 1e9 / to_float(bars);
    println!(
        "computing time a bar: {:.0} ns here (reading, deciding, encoding, read models), {:.0} ns in nats-server",
        nanoseconds(computed.0),
        nanoseconds(computed.1)
    );
    println!("memory of this process: {memory_before} before the load, {} at its peak", memory("VmHWM:")?);
    let table_rows: i64 =
        sqlx::query_scalar("SELECT pg_total_relation_size('read.price_chunks')").fetch_one(&pool).await?;
    let on_disk = bytes_below(&nats.nodes()[0].store())?;
    let sizes = [
        ("table", plain),
        ("table, gzipped", packed),
        ("events in the stream", stream.bytes),
        ("stream on disk", on_disk),
        ("rows in PostgreSQL", u64::try_from(table_rows)?),
    ];
    for (what, bytes) in sizes {
        let share = bytes as f64 / packed as f64;
        println!(
            "{what:22} {bytes:>12} bytes, {:5.1} a bar, {share:5.2} of the gzipped table",
            bytes as f64 / to_float(bars)
        );
    }
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

/// What the system says of this process's memory under this name.
fn memory(name: &str) -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such memory")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(format!("{} MiB", kib / 1_024))
}

/// Bytes of all files below the folder, as the disk has them.
fn bytes_below(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;

    const BLOCK_BYTES: u64 = 512;
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let (path, metadata) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        bytes += if metadata.is_dir() { bytes_below(&path)? } else { metadata.blocks() * BLOCK_BYTES };
    }
    Ok(bytes)
}
