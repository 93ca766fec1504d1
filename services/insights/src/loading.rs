//! `insights load`: prices from Yahoo or from a table into the log, once or day by day.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use events::asset::PriceBasis;
use events::values::{Actor, AssetId, Currency, Name};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use market::files::Mapping;
use market::load::LoadError;
use market::{
    Files, FilesSettings, FreshSettings, LeftOut, LoadOptions, Progress, Report, Source, SourceError, Unit, Window,
    Yahoo, YahooSettings,
};
use tokio_util::sync::CancellationToken;

use crate::roles::{self, Role};
use crate::settings::{Settings, Switch};

/// Rows that were not taken of which each is shown.
const DROPPED_SHOWN_MAX: usize = 10;
/// Days before the last known price that are asked for again every day.
const OVERLAP_DAYS: i64 = 10;

/// What to load, and from where.
#[derive(Debug, Args)]
pub struct Options {
    /// Keep the assets that `load_assets` names fresh, each evening of their exchange, until stopped
    #[arg(long, conflicts_with_all = ["source", "file", "assets"])]
    keep_fresh: bool,
    /// Where prices come from
    #[arg(long, value_enum, required_unless_present = "keep_fresh")]
    source: Option<SourceKind>,
    /// The table, for `csv`; `-` is standard input
    #[arg(long, default_value = "-")]
    file: PathBuf,
    /// The assets, separated by commas; a table's are all loaded where none is named
    #[arg(long, value_delimiter = ',', value_parser = asset)]
    assets: Vec<AssetId>,
    /// The first day
    #[arg(long)]
    from: Option<Date>,
    /// The last day
    #[arg(long)]
    to: Option<Date>,
    /// What a table's prices say
    #[arg(long, value_enum, default_value_t = Basis::Raw)]
    basis: Basis,
    /// What a table calls its columns, where not as usual: `close=Adj Close`
    #[arg(long, value_name = "FIELD=COLUMN")]
    column: Vec<String>,
    /// Who gave the table
    #[arg(long, default_value = "a file", value_parser = name)]
    name: Name,
    /// The currency of a table's prices where no column says, or its hundredth, such as `GBp`
    #[arg(long, default_value = "USD", value_parser = unit)]
    currency: Unit,
    /// Correct prices that another source gave, too
    #[arg(long)]
    overrule: bool,
    /// Take prices that are a hundred times those before, or a hundredth, for what they are
    #[arg(long)]
    unit_confirmed: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceKind {
    Yahoo,
    Csv,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Basis {
    Raw,
    SplitAdjusted,
    Adjusted,
}

fn asset(text: &str) -> Result<AssetId, String> {
    AssetId::parse(text).map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(|error| error.to_string())
}

fn unit(text: &str) -> Result<Unit, String> {
    Unit::parse(text).map_err(|error| error.to_string())
}

impl Options {
    /// Whether this is a role, not a command.
    #[must_use]
    pub const fn is_role(&self) -> bool {
        self.keep_fresh
    }
}

/// Loads once, or keeps fresh.
///
/// # Errors
/// Where a source or the log cannot be reached, or an asset could not be loaded.
pub async fn run(settings: &Settings, options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(kind) = options.source else { return roles::run(settings, &[Role::Load], stop).await };
    let window = Window { from: options.from, to: options.to };
    if let Some((from, to)) = options.from.zip(options.to).filter(|(from, to)| to < from) {
        bail!("--to {to} is before --from {from}");
    }
    match kind {
        SourceKind::Yahoo => {
            if options.assets.is_empty() {
                bail!("Yahoo is asked about assets: name them with --assets");
            }
            let source = Yahoo::new(yahoo(settings), options.assets.clone(), window)?;
            once(settings, source, &options, stop).await.map(|_source| ())
        }
        SourceKind::Csv => {
            let files = FilesSettings {
                path: options.file.clone(),
                name: options.name.clone(),
                basis: match options.basis {
                    Basis::Raw => PriceBasis::Raw,
                    Basis::SplitAdjusted => PriceBasis::SplitAdjusted,
                    Basis::Adjusted => PriceBasis::Adjusted,
                },
                unit: options.currency,
                mapping: Mapping::parse(options.column.iter().map(String::as_str))?,
                assets: options.assets.iter().cloned().collect::<BTreeSet<_>>(),
                window,
            };
            let mut source = once(settings, Files::open(files), &options, stop).await?;
            match source.ended_by() {
                Some(error) => Err(error).context("the table was not read to its end; what came before it is loaded"),
                None => Ok(()),
            }
        }
    }
}

async fn once<S: Source>(
    settings: &Settings,
    mut source: S,
    options: &Options,
    stop: CancellationToken,
) -> anyhow::Result<S> {
    let journal = roles::journal(settings, "load").await?;
    let load = LoadOptions {
        actor: Actor::parse("operator:load")?,
        currency: options.currency.currency(),
        overrule: options.overrule,
        unit_confirmed: options.unit_confirmed,
        clock: Timestamp::now,
    };
    let bar = match source.assets() {
        Some(assets) => ProgressBar::new(u64::try_from(assets)?)
            .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} assets, {eta} left  {msg}")?),
        None => ProgressBar::no_length()
            .with_style(ProgressStyle::with_template("{spinner} {pos} assets, {elapsed}  {msg}")?),
    };
    let began = Instant::now();
    let mut come_again = None;
    let mut unheard: BTreeSet<AssetId> = options.assets.iter().cloned().collect();
    let loading = market::load(&journal, &mut source, &load, |progress| {
        unheard.remove(&progress.last.asset);
        if let Err(LoadError::Source(SourceError::ComeAgain { at })) = &progress.last.result {
            // Told once, at the end: it holds for all that are left.
            come_again = Some(*at);
            bar.inc(1);
        } else {
            show(&bar, &progress);
        }
    });
    let report = tokio::select! {
        report = loading => report,
        () = stop.cancelled() => {
            bar.abandon();
            bail!("stopped; what was loaded stays loaded, and the same command goes on from there");
        }
    };
    bar.finish_and_clear();
    tell(&report.unclaimed, |dropped| eprintln!("{dropped}"));
    for asset in &unheard {
        eprintln!("{asset}: the source said nothing of it");
    }
    say(&report, began);
    if let Some(at) = come_again {
        bail!("the source wants to be left alone until {at}; the same command goes on from there then");
    }
    if report.failed > 0 {
        bail!("{} of {} assets could not be loaded", report.failed, report.assets);
    }
    if !unheard.is_empty() {
        bail!("the source said nothing of {} assets that were asked for", unheard.len());
    }
    Ok(source)
}

fn show(bar: &ProgressBar, progress: &Progress<'_>) {
    bar.inc(1);
    let asset = &progress.last.asset;
    match &progress.last.result {
        Ok(recorded) => {
            if let Some(since) = recorded.kept_since {
                bar.suspend(|| eprintln!("{asset}: the source did not answer; this is what it said at {since}"));
            }
            if recorded.contradicted > 0 {
                let days = recorded.contradicted;
                bar.suspend(|| {
                    eprintln!("{asset}: {days} values differ from what another source gave; --overrule corrects them");
                });
            }
            bar.suspend(|| tell(&recorded.dropped, |dropped| eprintln!("{asset}: {dropped}")));
        }
        Err(error) => {
            let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
            let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
            bar.suspend(|| eprintln!("{asset}: {text}"));
        }
    }
}

/// Tells the first of what was left out, and how much more there was.
fn tell(left_out: &LeftOut, line: impl Fn(&dyn std::fmt::Display)) {
    for dropped in left_out.told().iter().take(DROPPED_SHOWN_MAX) {
        line(dropped);
    }
    if left_out.count() > DROPPED_SHOWN_MAX {
        line(&format_args!("{} more are left out", left_out.count() - DROPPED_SHOWN_MAX));
    }
}

fn say(report: &Report, began: Instant) {
    let (sum, took) = (&report.sum, began.elapsed());
    let count = |number: usize| HumanCount(u64::try_from(number).unwrap_or(u64::MAX));
    println!(
        "{} assets in {}: {} bars read, {} new, {} corrected, {} left as they were, {} rows and values left out; {} splits and payments; {} events",
        count(report.assets),
        HumanDuration(took),
        count(sum.given),
        count(sum.new_bars),
        count(sum.corrected),
        count(sum.contradicted),
        count(sum.dropped.count() + report.unclaimed.count()),
        count(sum.actions),
        count(sum.events),
    );
}

fn yahoo(settings: &Settings) -> YahooSettings {
    YahooSettings {
        base_url: settings.yahoo_url.clone(),
        crumb: settings.yahoo_crumb == Switch::On,
        cache: Some(settings.yahoo_cache.clone()),
        ..YahooSettings::default()
    }
}

/// What the `load` role keeps fresh.
///
/// # Errors
/// Where the settings name no asset, or no time of day.
pub fn fresh(settings: &Settings) -> anyhow::Result<FreshSettings> {
    let named = settings.load_assets.split(',').map(str::trim).filter(|one| !one.is_empty());
    let assets = named.map(AssetId::parse).collect::<Result<Vec<_>, _>>().context("load_assets")?;
    if assets.is_empty() {
        bail!("no assets to keep fresh: set INSIGHTS_LOAD_ASSETS");
    }
    let at: Time = settings.load_at.parse().context("load_at is a time of day, such as 19:00")?;
    Ok(FreshSettings {
        assets,
        at,
        overlap_days: OVERLAP_DAYS,
        yahoo: YahooSettings { cache_valid_for: Duration::ZERO, ..yahoo(settings) },
        options: LoadOptions {
            actor: Actor::parse("role:load")?,
            currency: Currency::parse("USD")?,
            overrule: false,
            unit_confirmed: false,
            clock: Timestamp::now,
        },
    })
}
