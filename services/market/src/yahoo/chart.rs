//! Yahoo's answer about one asset, read strictly: what makes no sense is refused or left out, and said to be.

mod form;
#[cfg(test)]
mod tests;

use events::asset::PriceBasis;
use events::values::{
    AssetClass, Bar, Currency, Listing, Name, PRICE_SCALE_MAX, Payment, PaymentKind, SplitRatio, TimeZoneName,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::source::{Dropped, Quotes, SourceError};
use form::{Answer, Column, Meta, Payload, Quote};

/// Seconds of a day, by which questions begin early and end late: the exchange's midnight is not known before its answer.
const DAY_SECONDS: i64 = 86_400;
/// A close so many times the closes on both sides, or so small a part of them, is in another unit.
const UNIT_ERROR: (i64, i64) = (80, 125);

/// What was asked, to compare the answer with.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The symbol.
    pub symbol: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Asked {
    /// The window in Unix seconds, its end excluded, wide enough for every time zone.
    pub(super) fn seconds(&self) -> (i64, i64) {
        let midnight = |day: Date| day.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_second());
        (midnight(self.from) - DAY_SECONDS, midnight(self.to) + 2 * DAY_SECONDS)
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is recorded of it.
    pub quotes: Quotes,
    /// Closes as Yahoo adjusts them for payments, in major units, where it gave them; one a bar. They change with every
    /// payment, so they are derived anew and never recorded.
    pub adjusted_closes: Vec<Option<f64>>,
}

/// What the answer says of what was asked.
///
/// # Errors
/// Where it says nothing, or something else.
pub fn parse(body: &[u8], asked: &Asked) -> Result<Chart, SourceError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| malformed(not_json(body, &error)))?;
    let (result, error) = answer.into_parts().ok_or_else(|| malformed("it is empty"))?;
    if let Some(error) = error {
        return Err(match error.code.as_str() {
            "Not Found" => SourceError::NotFound,
            _ => SourceError::Refused(error.to_string()),
        });
    }
    let payload = result.ok_or_else(|| malformed("it is about nothing"))?;
    read(payload, asked)
}

/// What an error body says.
pub(super) fn error_of(body: &[u8]) -> Option<String> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    answer.into_parts()?.1.map(|error| error.to_string())
}

/// Whether an error body only says that nothing was traded in the window.
pub(super) fn says_no_data(body: &[u8]) -> bool {
    error_of(body).is_some_and(|error| error.contains("Data doesn't exist"))
}

fn malformed(why: impl Into<String>) -> SourceError {
    SourceError::Malformed(why.into())
}

fn not_json(body: &[u8], error: &serde_json::Error) -> String {
    let is_page = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    if is_page { "it is a page for people".to_owned() } else { format!("it is no JSON of a chart: {error}") }
}

fn read(payload: Payload, asked: &Asked) -> Result<Chart, SourceError> {
    let meta = &payload.meta;
    if !meta.symbol.eq_ignore_ascii_case(&asked.symbol) {
        return Err(malformed(format!("it is about `{}`", meta.symbol)));
    }
    if meta.granularity.as_deref().is_some_and(|granularity| granularity != "1d") {
        return Err(SourceError::Refused("it does not give daily bars".to_owned()));
    }
    let zone = TimeZone::get(&meta.time_zone).map_err(|error| malformed(format!("its time zone: {error}")))?;
    let unit = Unit::of(meta)?;
    let mut chart = Chart { quotes: Quotes::none(PriceBasis::SplitAdjusted), adjusted_closes: Vec::new() };
    chart.quotes.listing = Some(listing(meta, unit)?);
    bars(&payload, asked, &zone, unit, &mut chart)?;
    actions(&payload, asked, &zone, unit, &mut chart.quotes);
    Ok(chart)
}

/// The unit that prices are given in.
#[derive(Debug, Clone, Copy)]
struct Unit {
    currency: Currency,
    /// Decimal places between it and the currency: 2 for pence.
    places: u32,
}

impl Unit {
    fn of(meta: &Meta) -> Result<Self, SourceError> {
        let text = meta.currency.as_deref().ok_or_else(|| malformed("it names no currency"))?;
        let (code, places) = match text {
            "GBp" | "GBX" => ("GBP", 2),
            "ZAc" | "ZAC" => ("ZAR", 2),
            "ILA" => ("ILS", 2),
            "USX" => ("USD", 2),
            code => (code, 0),
        };
        let currency = Currency::parse(code).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { currency, places })
    }

    /// The number in major units: the shortest that the source can have meant.
    fn major(self, number: f64) -> Option<Decimal> {
        let shortest = as_single(number).map_or_else(|| number.to_string(), |single| single.to_string());
        let decimal: Decimal = shortest.parse().ok().or_else(|| Decimal::from_scientific(&shortest).ok())?;
        let shifted = decimal.checked_mul(Decimal::new(1, self.places))?;
        let rounded = if shifted.scale() > PRICE_SCALE_MAX { shifted.round_dp(PRICE_SCALE_MAX) } else { shifted };
        Some(rounded.normalize())
    }

    fn price(self, number: Option<f64>) -> Option<Decimal> {
        let price = self.major(number?)?;
        (price > Decimal::ZERO && i64::try_from(price.mantissa()).is_ok()).then_some(price)
    }
}

/// The number as a float of 32 bits, where it was one before it was widened: `127.58000183105469` is `127.58`.
#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "narrowed only where widening gives it back")]
fn as_single(number: f64) -> Option<f32> {
    let single = number as f32;
    (f64::from(single) == number).then_some(single)
}

fn listing(meta: &Meta, unit: Unit) -> Result<Listing, SourceError> {
    let text = |text: &Option<String>| text.as_deref().and_then(|text| Name::parse(text).ok());
    let symbol = || Name::parse(&meta.symbol).ok();
    let name = text(&meta.long_name).or_else(|| text(&meta.short_name)).or_else(symbol);
    Ok(Listing {
        name: name.ok_or_else(|| malformed("it names no asset"))?,
        currency: unit.currency,
        class: meta.instrument.as_deref().and_then(|instrument| match instrument {
            "EQUITY" => Some(AssetClass::Equity),
            "ETF" => Some(AssetClass::Etf),
            "MUTUALFUND" => Some(AssetClass::MutualFund),
            "INDEX" => Some(AssetClass::Index),
            "CURRENCY" => Some(AssetClass::Currency),
            "CRYPTOCURRENCY" => Some(AssetClass::Crypto),
            "FUTURE" => Some(AssetClass::Future),
            _ => None,
        }),
        sector: None,
        exchange: text(&meta.exchange),
        time_zone: TimeZoneName::parse(&meta.time_zone).ok(),
    })
}

fn bars(payload: &Payload, asked: &Asked, zone: &TimeZone, unit: Unit, chart: &mut Chart) -> Result<(), SourceError> {
    let quote = payload.indicators.quote.first().cloned().unwrap_or_default();
    let Some(stamps) = &payload.timestamps else {
        // No bars at all looks like this; bars without days make no sense.
        return if quote.is_empty() { Ok(()) } else { Err(malformed("it has prices and no days")) };
    };
    let columns = quote.columns(stamps.len()).ok_or_else(|| malformed("its columns are not equally long"))?;
    let adjusted =
        payload.indicators.adjusted(stamps.len()).ok_or_else(|| malformed("its columns are not equally long"))?;
    let unfinished = unfinished_day(&payload.meta, zone);
    let mut rows: Vec<(Bar, Option<f64>)> = Vec::with_capacity(stamps.len());
    for (row, stamp) in stamps.iter().enumerate() {
        let Some(date) = local_day(*stamp, zone) else {
            return Err(malformed(format!("{stamp} is no time")));
        };
        match bar(&columns, row, date, unit) {
            _ if date < asked.from || asked.to < date => {}
            // A row for today that goes on changing; the finished one comes tomorrow.
            _ if Some(date) == unfinished => drop(chart, date, "the day is not over"),
            Ok(None) => {}
            Err(reason) => drop(chart, date, reason),
            Ok(Some(bar)) => {
                let adjusted = adjusted.get(row).copied().flatten().and_then(|close| unit.float(close));
                rows.push((bar, adjusted));
            }
        }
    }
    // Stable, so that of two rows for a day the first stays: the later one is the live row.
    rows.sort_by_key(|(bar, _)| bar.date);
    let mut last: Option<Date> = None;
    rows.retain(|(bar, _)| {
        let is_second = last == Some(bar.date);
        last = Some(bar.date);
        if is_second {
            chart.quotes.dropped.push(Dropped { place: bar.date.to_string(), reason: "a second row for the day" });
        }
        !is_second
    });
    for (row, (bar, adjusted)) in rows.iter().enumerate() {
        if in_other_unit(&rows, row) {
            drop(chart, bar.date, "the price is in another unit than those around it");
        } else {
            chart.quotes.bars.push(*bar);
            chart.adjusted_closes.push(*adjusted);
        }
    }
    Ok(())
}

fn drop(chart: &mut Chart, date: Date, reason: &'static str) {
    chart.quotes.dropped.push(Dropped { place: date.to_string(), reason });
}

/// The row's bar; none where nothing was traded; why not, where it makes no sense.
fn bar(columns: &Quote<'_>, row: usize, date: Date, unit: Unit) -> Result<Option<Bar>, &'static str> {
    let at = |column: Column<'_>| column.get(row).copied().flatten();
    let numbers = [at(columns.open), at(columns.high), at(columns.low), at(columns.close), at(columns.volume)];
    // A holiday or a halt comes as a row of nothing, or of noughts.
    if numbers.iter().all(|number| number.is_none_or(|number| number.abs() < f64::MIN_POSITIVE)) {
        return Ok(None);
    }
    let close = at(columns.close).ok_or("the close is missing")?;
    let close = unit.price(Some(close)).ok_or("the close is no price")?;
    let volume = at(columns.volume).and_then(|units| units.to_string().parse::<Decimal>().ok());
    Ok(Some(Bar {
        date,
        open: unit.price(at(columns.open)),
        high: unit.price(at(columns.high)),
        low: unit.price(at(columns.low)),
        close,
        volume: volume.and_then(|units| u64::try_from(units.round()).ok()),
    }))
}

impl Unit {
    /// A number that is not recorded, in major units.
    fn float(self, number: f64) -> Option<f64> {
        number.is_finite().then(|| number / 10_f64.powi(i32::try_from(self.places).unwrap_or(0)))
    }
}

/// Whether the close is about a hundred times the closes on both sides, or a hundredth: pence for pounds.
fn in_other_unit(rows: &[(Bar, Option<f64>)], row: usize) -> bool {
    let (Some(before), Some(after)) = (row.checked_sub(1).and_then(|row| rows.get(row)), rows.get(row + 1)) else {
        return false;
    };
    let close = rows[row].0.close;
    let hundredfold = |great: Decimal, small: Decimal| {
        great.checked_div(small).is_some_and(|times| times > UNIT_ERROR.0.into() && times < UNIT_ERROR.1.into())
    };
    let (before, after) = (before.0.close, after.0.close);
    (hundredfold(close, before) && hundredfold(close, after))
        || (hundredfold(before, close) && hundredfold(after, close))
}

/// Today at the exchange, where trading is not over yet.
fn unfinished_day(meta: &Meta, zone: &TimeZone) -> Option<Date> {
    let (last_trade, end) = (meta.last_trade?, meta.period.as_ref()?.regular.as_ref()?.end);
    let today = local_day(last_trade, zone)?;
    // The period may be tomorrow's when today's is over.
    (last_trade < end && local_day(end - 1, zone) == Some(today)).then_some(today)
}

fn local_day(stamp: i64, zone: &TimeZone) -> Option<Date> {
    Timestamp::from_second(stamp).ok().map(|stamp| zone.to_datetime(stamp).date())
}

fn actions(payload: &Payload, asked: &Asked, zone: &TimeZone, unit: Unit, quotes: &mut Quotes) {
    let Some(events) = &payload.events else { return };
    let within = |date: &Date| asked.from <= *date && *date <= asked.to;
    let mut dropped = |date: Date, reason| quotes.dropped.push(Dropped { place: date.to_string(), reason });
    for split in events.splits.values() {
        let Some(date) = local_day(split.date, zone).filter(within) else { continue };
        let units = |number: f64| Unit { places: 0, ..unit }.major(number);
        match units(split.numerator).zip(units(split.denominator)) {
            Some((new, old)) if new == old => {}
            Some((new, old)) => match SplitRatio::try_new(new, old) {
                Ok(ratio) => quotes.splits.push((date, ratio)),
                Err(_) => dropped(date, "the split is none"),
            },
            None => dropped(date, "the split is none"),
        }
    }
    let gains = events.capital_gains.values().map(|gain| (PaymentKind::CapitalGain, gain));
    for (kind, cash) in events.dividends.values().map(|dividend| (PaymentKind::Dividend, dividend)).chain(gains) {
        let Some(date) = local_day(cash.date, zone).filter(within) else { continue };
        // Where a payment names the major currency itself, it is in it.
        let is_major = cash.currency.as_deref() == Some(unit.currency.as_str());
        let in_unit = if is_major { Unit { places: 0, ..unit } } else { unit };
        match in_unit.major(cash.amount).and_then(|amount| Payment::try_new(amount).ok()) {
            Some(payment) => quotes.payments.push((date, kind, payment)),
            None => dropped(date, "the payment is none"),
        }
    }
    quotes.splits.sort_by_key(|(date, _)| *date);
    quotes.splits.dedup_by_key(|(date, _)| *date);
    quotes.payments.sort_by_key(|(date, kind, _)| (*date, *kind));
    quotes.payments.dedup_by_key(|(date, kind, _)| (*date, *kind));
}
