//! The rows of a table, gathered by asset.

use std::collections::BTreeMap;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use events::values::{AssetId, Bar, PRICE_SCALE_MAX, Payment, PaymentKind, SplitRatio};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::columns::{Layout, LongColumns};
use super::number::{day, decimal, volume};
use super::{FilesError, FilesSettings};
use crate::source::{Dropped, Fetched, Quotes};

/// Rows of one asset that are gathered before they are given away: no asset has been traded for more days.
const ROWS_MAX: usize = 50_000;
/// Bars of assets whose rows come one by one, as in tables by day, that are gathered before they are given away: some
/// 100 MB.
const BARS_GATHERED_MAX: usize = 1_000_000;
/// Rows that were not taken of which is told where they stand; of more only that there were more.
const DROPPED_TOLD_MAX: usize = 1_000;

/// Gives away what the table says, asset by asset, for as long as somebody takes it.
pub fn read(
    bytes: Box<dyn Read>,
    settings: &FilesSettings,
    mut give: impl FnMut(Fetched) -> bool,
) -> Result<(), FilesError> {
    let mut rows = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let layout = Layout::of(rows.byte_headers()?, &settings.mapping, settings.assets.len() == 1)?;
    match layout {
        Layout::Long(columns) => long(&mut rows, &columns, settings, &mut give),
        Layout::Wide { date, closes } => wide(&mut rows, date, closes, settings, &mut give),
    }
}

/// One asset's rows while they are gathered.
struct Gathering {
    asset: AssetId,
    quotes: Quotes,
}

impl Gathering {
    const fn of(asset: AssetId, settings: &FilesSettings) -> Self {
        Self { asset, quotes: Quotes::none(settings.basis) }
    }

    fn drop(&mut self, line: u64, reason: &'static str) {
        if self.quotes.dropped.len() < DROPPED_TOLD_MAX {
            self.quotes.dropped.push(Dropped { place: format!("line {line}"), reason });
        }
    }

    /// What was gathered, in order: rows of one day that differ are not taken.
    fn finish(mut self) -> Fetched {
        let bars = &mut self.quotes.bars;
        if !bars.is_sorted_by(|one, two| one.date < two.date) {
            bars.sort_by_key(|bar| bar.date);
            let mut kept: Vec<Bar> = Vec::with_capacity(bars.len());
            let mut contradicted: Vec<Date> = Vec::new();
            for bar in bars.drain(..) {
                match kept.last().filter(|last| last.date == bar.date) {
                    None => kept.push(bar),
                    Some(last) if *last == bar => {}
                    Some(_) => contradicted.push(bar.date),
                }
            }
            kept.retain(|bar| !contradicted.contains(&bar.date));
            contradicted.dedup();
            let told = contradicted.into_iter();
            self.quotes
                .dropped
                .extend(told.map(|day| Dropped { place: day.to_string(), reason: "the day has several prices" }));
            self.quotes.bars = kept;
        }
        Fetched { asset: self.asset, quotes: Ok(self.quotes) }
    }
}

fn long(
    rows: &mut csv::Reader<Box<dyn Read>>,
    columns: &LongColumns,
    settings: &FilesSettings,
    give: &mut impl FnMut(Fetched) -> bool,
) -> Result<(), FilesError> {
    let mut row = ByteRecord::new();
    let mut gathering = match columns.symbol {
        Some(_) => None,
        None => settings.assets.first().cloned().map(|asset| Gathering::of(asset, settings)),
    };
    let mut others = Others::default();
    let mut rows_of_run = 0_usize;
    while rows.read_byte_record(&mut row)? {
        let line = row.position().map_or(0, csv::Position::line);
        if let Some(symbol) = columns.symbol.and_then(|symbol| row.get(symbol)) {
            let goes_on = gathering
                .as_ref()
                .is_some_and(|one| one.asset.as_str().as_bytes() == symbol && one.quotes.bars.len() < ROWS_MAX);
            if !goes_on {
                if let Some(done) = gathering.take() {
                    // One row of each asset after another: the table is by day, and more of this one is to come.
                    let given = if rows_of_run == 1 { others.put(done, give) } else { give(done.finish()) };
                    if !given {
                        return Ok(());
                    }
                }
                let id = std::str::from_utf8(symbol).ok().and_then(|symbol| AssetId::parse(symbol.trim()).ok());
                let wanted = id.filter(|id| settings.assets.is_empty() || settings.assets.contains(id));
                gathering = wanted.map(|asset| others.take(&asset).unwrap_or_else(|| Gathering::of(asset, settings)));
                rows_of_run = 0;
            }
        }
        let Some(one) = gathering.as_mut() else { continue };
        rows_of_run += 1;
        take_row(one, &row, columns, settings, line);
    }
    if gathering.is_none_or(|last| give(last.finish())) {
        others.give_away(give);
    }
    Ok(())
}

/// Assets that are gathered while others have their rows.
#[derive(Default)]
struct Others {
    gathered: BTreeMap<AssetId, Gathering>,
    bars: usize,
}

impl Others {
    /// Keeps what was gathered, or gives everything away where that is too much. Whether anybody takes it still.
    fn put(&mut self, one: Gathering, give: &mut impl FnMut(Fetched) -> bool) -> bool {
        self.bars += one.quotes.bars.len();
        self.gathered.insert(one.asset.clone(), one);
        self.bars <= BARS_GATHERED_MAX || self.give_away(give)
    }

    fn take(&mut self, asset: &AssetId) -> Option<Gathering> {
        let one = self.gathered.remove(asset)?;
        self.bars -= one.quotes.bars.len();
        Some(one)
    }

    fn give_away(&mut self, give: &mut impl FnMut(Fetched) -> bool) -> bool {
        self.bars = 0;
        std::mem::take(&mut self.gathered).into_values().all(|one| give(one.finish()))
    }
}

/// Takes what stands in the row, or notes why not.
fn take_row(one: &mut Gathering, row: &ByteRecord, columns: &LongColumns, settings: &FilesSettings, line: u64) {
    let Some(date) = row.get(columns.date).and_then(day) else {
        one.drop(line, "the day cannot be read");
        return;
    };
    if !settings.window.contains(date) {
        return;
    }
    actions(one, row, columns, date, line);
    let close = row.get(columns.close).unwrap_or_default();
    if close.is_empty() {
        return;
    }
    match price(close) {
        Ok(close) => {
            let more = |column: Option<usize>| column.and_then(|column| price(row.get(column)?).ok());
            one.quotes.bars.push(Bar {
                date,
                open: more(columns.open),
                high: more(columns.high),
                low: more(columns.low),
                close,
                volume: columns.volume.and_then(|column| volume(row.get(column)?)),
            });
        }
        Err(reason) => one.drop(line, reason),
    }
}

/// A split and a payment that stand in the row.
fn actions(one: &mut Gathering, row: &ByteRecord, columns: &LongColumns, date: Date, line: u64) {
    let amount = |column: Option<usize>| {
        let text = column.and_then(|column| row.get(column)).filter(|text| !text.is_empty())?;
        Some(decimal(text))
    };
    match amount(columns.dividend) {
        None => {}
        Some(Some(cash)) if cash.is_zero() => {}
        Some(cash) => match cash.and_then(|cash| Payment::try_new(cash.round_dp(PRICE_SCALE_MAX)).ok()) {
            Some(payment) => one.quotes.payments.push((date, PaymentKind::Dividend, payment)),
            None => one.drop(line, "the dividend cannot be read"),
        },
    }
    match amount(columns.split) {
        None => {}
        Some(Some(units)) if units.is_zero() || units == Decimal::ONE => {}
        Some(units) => match units.and_then(|new| SplitRatio::try_new(new, Decimal::ONE).ok()) {
            Some(ratio) => one.quotes.splits.push((date, ratio)),
            None => one.drop(line, "the split cannot be read"),
        },
    }
}

fn wide(
    rows: &mut csv::Reader<Box<dyn Read>>,
    date: usize,
    closes: Vec<(usize, AssetId)>,
    settings: &FilesSettings,
    give: &mut impl FnMut(Fetched) -> bool,
) -> Result<(), FilesError> {
    let wanted = closes.into_iter().filter(|(_, id)| settings.assets.is_empty() || settings.assets.contains(id));
    let mut columns: Vec<(usize, Gathering)> =
        wanted.map(|(place, asset)| (place, Gathering::of(asset, settings))).collect();
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row)? {
        let line = row.position().map_or(0, csv::Position::line);
        let Some(date) = row.get(date).and_then(day) else {
            if let Some((_, first)) = columns.first_mut() {
                first.drop(line, "the day cannot be read");
            }
            continue;
        };
        if !settings.window.contains(date) {
            continue;
        }
        for (place, one) in &mut columns {
            match row.get(*place) {
                None | Some(b"") => {}
                Some(text) => match price(text) {
                    Ok(close) => one.quotes.bars.push(Bar::closing(date, close)),
                    Err(reason) => one.drop(line, reason),
                },
            }
        }
    }
    for (_, one) in columns {
        if !give(one.finish()) {
            break;
        }
    }
    Ok(())
}

/// The price that the text spells, with as many decimal places as are kept.
fn price(text: &[u8]) -> Result<Decimal, &'static str> {
    let price = decimal(text).ok_or("the price cannot be read")?;
    let price = if price.scale() > PRICE_SCALE_MAX { price.round_dp(PRICE_SCALE_MAX).normalize() } else { price };
    if price <= Decimal::ZERO {
        Err("the price is not positive")
    } else if i64::try_from(price.mantissa()).is_err() {
        Err("the price has too many digits")
    } else {
        Ok(price)
    }
}
