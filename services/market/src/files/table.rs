//! The rows of a table, gathered by asset.

use std::collections::BTreeMap;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use events::values::{AssetId, Bar, Currency, PRICE_SCALE_MAX, Payment, SplitRatio};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::columns::{Layout, LongColumns};
use super::gathering::Gathering;
use super::given::Given;
use super::number::{day, decimal, volume};
use super::{FilesError, FilesSettings};
use crate::left_out::{Dropped, LeftOut};
use crate::source::Fetched;
use crate::unit::Unit;

/// Rows of one asset that are gathered before they are given away: no asset has been traded for more days.
const ROWS_MAX: usize = 50_000;
/// Bars of assets whose rows come one by one, as in tables by day, that are gathered before they are given away: some
/// 100 MB.
const BARS_GATHERED_MAX: usize = 1_000_000;

/// Gives away what the table says, asset by asset, for as long as somebody takes it. Rows of no asset are `unclaimed`.
pub fn read(
    bytes: Box<dyn Read>,
    settings: &FilesSettings,
    unclaimed: &mut LeftOut,
    give: impl FnMut(Fetched) -> bool,
) -> Result<(), FilesError> {
    let mut rows = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let layout = Layout::of(rows.byte_headers()?, &settings.mapping, settings.assets.len() == 1)?;
    match layout {
        Layout::Long(columns) => Long::new(&columns, settings, unclaimed, give).read(&mut rows),
        Layout::Wide { date, closes, count } => wide(&mut rows, (date, closes, count), settings, unclaimed, give),
    }
}

/// A long table while it is read.
struct Long<'a, G> {
    columns: &'a LongColumns,
    settings: &'a FilesSettings,
    unclaimed: &'a mut LeftOut,
    give: G,
    /// The asset whose rows are read.
    gathering: Option<Gathering>,
    /// Its rows in a row.
    rows_of_run: usize,
    others: BTreeMap<AssetId, Gathering>,
    /// Bars of the others.
    bars_of_others: usize,
    given: Given,
}

impl<'a, G: FnMut(Fetched) -> bool> Long<'a, G> {
    fn new(columns: &'a LongColumns, settings: &'a FilesSettings, unclaimed: &'a mut LeftOut, give: G) -> Self {
        let gathering = match columns.symbol {
            Some(_) => None,
            None => settings.assets.first().cloned().map(|asset| Gathering::of(asset, settings.basis)),
        };
        let (others, given) = (BTreeMap::new(), Given::default());
        Self { columns, settings, unclaimed, give, gathering, rows_of_run: 0, others, bars_of_others: 0, given }
    }

    fn read(mut self, rows: &mut csv::Reader<Box<dyn Read>>) -> Result<(), FilesError> {
        let mut row = ByteRecord::new();
        let ended = loop {
            match rows.read_byte_record(&mut row) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                // What came before is right all the same.
                Err(error) => break Err(error.into()),
            }
            if !self.row(&row) {
                return Ok(());
            }
        };
        let last = self.gathering.take();
        if last.is_none_or(|last| self.give(last)) {
            self.give_others();
        }
        ended
    }

    /// Takes a row in. Whether anybody takes more.
    fn row(&mut self, row: &ByteRecord) -> bool {
        let line = row.position().map_or(0, csv::Position::line);
        if !self.columns.are_all_in(row.len()) {
            // Even the symbol may be cut.
            let place = || Dropped::at(format!("line {line}"), "the row ends early");
            let last = row.iter().next_back().unwrap_or_default();
            self.unclaimed.add(|| place().saying(&String::from_utf8_lossy(last)));
            return true;
        }
        if let Some(column) = self.columns.symbol {
            let Some(symbol) = row.get(column).map(<[u8]>::trim_ascii).filter(|symbol| !symbol.is_empty()) else {
                self.unclaimed.add(|| Dropped::at(format!("line {line}"), "the row has no symbol"));
                return true;
            };
            let goes_on = self
                .gathering
                .as_ref()
                .is_some_and(|one| one.asset.as_str().as_bytes() == symbol && one.bars() < ROWS_MAX);
            if !goes_on {
                let id = std::str::from_utf8(symbol).ok().and_then(|symbol| AssetId::parse(symbol).ok());
                let Some(id) = id else {
                    let place = || Dropped::at(format!("line {line}"), "the symbol is none");
                    self.unclaimed.add(|| place().saying(&String::from_utf8_lossy(symbol)));
                    return true;
                };
                if !self.turn_to(id) {
                    return false;
                }
            }
        }
        let Some(one) = self.gathering.as_mut() else { return true };
        self.rows_of_run += 1;
        take_row(one, row, self.columns, self.settings, &self.given, line);
        true
    }

    /// Ends the run of an asset's rows and begins another's. Whether anybody takes more.
    fn turn_to(&mut self, asset: AssetId) -> bool {
        if let Some(done) = self.gathering.take() {
            // One row of each asset after another: the table is by day, and more of this one is to come.
            let is_taken = if self.rows_of_run == 1 { self.put(done) } else { self.give(done) };
            if !is_taken {
                return false;
            }
        }
        let is_wanted = self.settings.assets.is_empty() || self.settings.assets.contains(&asset);
        self.gathering = is_wanted.then(|| match self.others.remove(&asset) {
            Some(one) => {
                self.bars_of_others -= one.bars();
                one
            }
            None => {
                let comes_again = self.given.knows(&asset);
                let mut one = Gathering::of(asset, self.settings.basis);
                one.comes_again = comes_again;
                one
            }
        });
        self.rows_of_run = 0;
        true
    }

    /// Keeps what was gathered, or gives everything away where that is too much. Whether anybody takes more.
    fn put(&mut self, one: Gathering) -> bool {
        self.bars_of_others += one.bars();
        self.others.insert(one.asset.clone(), one);
        self.bars_of_others <= BARS_GATHERED_MAX || self.give_others()
    }

    fn give_others(&mut self) -> bool {
        self.bars_of_others = 0;
        std::mem::take(&mut self.others).into_values().all(|one| self.give(one))
    }

    fn give(&mut self, one: Gathering) -> bool {
        let fetched = one.finish();
        if let Ok(quotes) = &fetched.quotes {
            self.given.note(&fetched.asset, &quotes.bars);
        }
        (self.give)(fetched)
    }
}

/// Takes what stands in the row, or notes why not.
fn take_row(
    one: &mut Gathering,
    row: &ByteRecord,
    columns: &LongColumns,
    settings: &FilesSettings,
    given: &Given,
    line: u64,
) {
    let date_text = row.get(columns.date).unwrap_or_default();
    let Some(date) = day(date_text) else {
        one.drop(line, "the day cannot be read", date_text);
        return;
    };
    if !settings.window.contains(date) {
        return;
    }
    if one.comes_again && given.has(&one.asset, date) {
        one.drop(line, "the table spoke of the day before, and of other assets since", date_text);
        return;
    }
    let (unit, currency) = match columns.currency {
        None => (settings.unit, None),
        Some(column) => {
            let text = row.get(column).unwrap_or_default().trim_ascii();
            match std::str::from_utf8(text).ok().and_then(|text| Unit::parse(text).ok()) {
                Some(unit) => (unit, Some(unit.currency())),
                None => {
                    one.drop(line, "the currency is none", text);
                    return;
                }
            }
        }
    };
    one.line(currency, line);
    actions(one, row, columns, (date, unit, currency), line);
    let close_text = row.get(columns.close).unwrap_or_default();
    let prices = [("open", columns.open), ("high", columns.high), ("low", columns.low)];
    if close_text.is_empty() {
        // Nothing was traded, unless something else says so.
        let is_bar = prices
            .iter()
            .any(|(_, column)| column.and_then(|column| row.get(column)).is_some_and(|text| !text.is_empty()));
        if is_bar {
            one.drop(line, "the close is missing", date_text);
        }
        return;
    }
    match price(close_text, unit) {
        Ok(close) => {
            let [open, high, low] = prices.map(|(name, column)| {
                let text = row.get(column?).filter(|text| !text.is_empty())?;
                price(text, unit).map_err(|reason| one.drop_field(line, name, reason, text)).ok()
            });
            let volume_text = columns.volume.and_then(|column| row.get(column)).filter(|text| !text.is_empty());
            let volume = volume_text.and_then(|text| {
                let units = volume(text);
                if units.is_none() {
                    one.drop_field(line, "volume", "it is no number of units", text);
                }
                units
            });
            one.bar(currency, Bar { date, open, high, low, close, volume });
        }
        Err(reason) => one.drop(line, reason, close_text),
    }
}

/// A split and a payment that stand in the row.
fn actions(
    one: &mut Gathering,
    row: &ByteRecord,
    columns: &LongColumns,
    (date, unit, currency): (Date, Unit, Option<Currency>),
    line: u64,
) {
    let text = |column: Option<usize>| column.and_then(|column| row.get(column)).filter(|text| !text.is_empty());
    let (dividend, split) = (text(columns.dividend), text(columns.split));
    let (cash, units) = (dividend.map(decimal), split.map(decimal));
    let is_cash = cash.is_some_and(|cash| cash.is_none_or(|cash| !cash.is_zero()));
    let is_split = units.is_some_and(|units| units.is_none_or(|units| !units.is_zero() && units != Decimal::ONE));
    if !(is_cash || is_split) || one.is_repeated(row) {
        return;
    }
    if is_cash {
        let cash = cash.flatten().and_then(|cash| unit.in_major(cash));
        match cash.and_then(|cash| Payment::try_new(cash.round_dp(PRICE_SCALE_MAX)).ok()) {
            Some(payment) => one.dividend(currency, date, payment),
            None => one.drop_field(line, "dividend", "it is no payment", dividend.unwrap_or_default()),
        }
    }
    if is_split {
        match units.flatten().and_then(|new| SplitRatio::try_new(new, Decimal::ONE).ok()) {
            Some(ratio) => one.split(currency, date, ratio),
            None => one.drop_field(line, "split", "it is no split", split.unwrap_or_default()),
        }
    }
}

fn wide(
    rows: &mut csv::Reader<Box<dyn Read>>,
    (date, closes, count): (usize, Vec<(usize, AssetId)>, usize),
    settings: &FilesSettings,
    unclaimed: &mut LeftOut,
    mut give: impl FnMut(Fetched) -> bool,
) -> Result<(), FilesError> {
    let wanted = closes.into_iter().filter(|(_, id)| settings.assets.is_empty() || settings.assets.contains(id));
    let mut columns: Vec<(usize, Gathering)> =
        wanted.map(|(place, asset)| (place, Gathering::of(asset, settings.basis))).collect();
    let mut row = ByteRecord::new();
    let ended = loop {
        match rows.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
        let line = row.position().map_or(0, csv::Position::line);
        let place = || format!("line {line}");
        if row.len() < count {
            // Its last cell may be cut, and what comes after it is not known.
            unclaimed.add(|| Dropped::at(place(), "the row ends early"));
            continue;
        }
        let date_text = row.get(date).unwrap_or_default();
        let Some(date) = day(date_text) else {
            let dropped = || Dropped::at(place(), "the day cannot be read");
            unclaimed.add(|| dropped().saying(&String::from_utf8_lossy(date_text)));
            continue;
        };
        if !settings.window.contains(date) {
            continue;
        }
        for (place, one) in &mut columns {
            match row.get(*place) {
                None | Some(b"") => {}
                Some(text) => match price(text, settings.unit) {
                    Ok(close) => one.bar(None, Bar::closing(date, close)),
                    Err(reason) => one.drop(line, reason, text),
                },
            }
        }
    };
    for (_, one) in columns {
        if !give(one.finish()) {
            break;
        }
    }
    ended
}

/// The price that the text spells, in the currency, with as many decimal places as are kept.
fn price(text: &[u8], unit: Unit) -> Result<Decimal, &'static str> {
    let price = decimal(text).ok_or("the price cannot be read")?;
    let price = unit.in_major(price).ok_or("the price has too many digits")?;
    if price <= Decimal::ZERO {
        Err("the price is not positive")
    } else if i64::try_from(price.mantissa()).is_err() {
        Err("the price has too many digits")
    } else {
        Ok(price)
    }
}
