//! Yahoo's answer about one asset, read strictly: what makes no sense is refused or left out, and said to be.

mod form;
#[cfg(test)]
mod tests;

use events::asset::PriceBasis;
use events::values::{AssetClass, Bar, Listing, Name, Payment, PaymentKind, SplitRatio, TimeZoneName};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::left_out::Dropped;
use crate::settled::settled;
use crate::source::{Quotes, SourceError};
use crate::unit::Unit;
use form::{Answer, Column, Meta, Payload, Quote, Said};

/// Seconds of a day, by which questions begin early and end late: the exchange's midnight is not known before its answer.
const DAY_SECONDS: i64 = 86_400;
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
    let answer: Answer = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
    let (result, error) = answer.into_parts().ok_or_else(|| malformed("it is empty"))?;
    if let Some(error) = error {
        return Err(match error.code.as_str() {
            "Not Found" => SourceError::NotFound,
            _ => SourceError::Refused(error.to_string()),
        });
    }
    let payload = result.ok_or_else(|| malformed("it is about nothing"))?;
    read(&payload, asked)
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

/// A page for people says that the service is down; what else is no chart is about this asset alone.
fn not_json(body: &[u8], error: &serde_json::Error) -> SourceError {
    let is_page = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
    if is_page {
        SourceError::Unavailable("it answers with a page for people".to_owned())
    } else {
        malformed(format!("it is no JSON of a chart: {error}"))
    }
}

fn read(payload: &Payload, asked: &Asked) -> Result<Chart, SourceError> {
    let meta = &payload.meta;
    if !meta.symbol.eq_ignore_ascii_case(&asked.symbol) {
        return Err(malformed(format!("it is about `{}`", meta.symbol)));
    }
    if meta.granularity.as_deref().is_some_and(|granularity| granularity != "1d") {
        return Err(SourceError::Refused("it does not give daily bars".to_owned()));
    }
    let zone = TimeZone::get(&meta.time_zone).map_err(|error| malformed(format!("its time zone: {error}")))?;
    let currency = meta.currency.as_deref().ok_or_else(|| malformed("it names no currency"))?;
    let unit = Unit::parse(currency).map_err(|error| malformed(error.to_string()))?;
    let mut chart = Chart { quotes: Quotes::none(PriceBasis::SplitAdjusted), adjusted_closes: Vec::new() };
    chart.quotes.listing = Some(listing(meta, unit)?);
    bars(payload, asked, &zone, unit, &mut chart)?;
    actions(payload, asked, &zone, unit, &mut chart.quotes);
    chart.quotes = settled(chart.quotes);
    Ok(chart)
}

/// The number in major units: the shortest that the source can have meant.
fn major(number: f64, unit: Unit) -> Option<Decimal> {
    let shortest = as_single(number).map_or_else(|| number.to_string(), |single| single.to_string());
    let decimal: Decimal = shortest.parse().ok().or_else(|| Decimal::from_scientific(&shortest).ok())?;
    Some(unit.in_major(decimal)?.normalize())
}

fn price(number: f64, unit: Unit) -> Option<Decimal> {
    let price = major(number, unit)?;
    (price > Decimal::ZERO && i64::try_from(price.mantissa()).is_ok()).then_some(price)
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
        currency: unit.currency(),
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
        calendar: None,
        risk_class: None,
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
        let Some(date) = stamp.and_then(|stamp| local_day(stamp, zone)) else {
            chart.quotes.dropped.add(|| Dropped::at(format!("row {}", row + 1), "its time is none"));
            continue;
        };
        if date < asked.from || asked.to < date {
            continue;
        }
        // A row for today that goes on changing; the finished one comes tomorrow.
        if Some(date) == unfinished {
            chart.quotes.dropped.add(|| Dropped::at(date, "the day is not over"));
            continue;
        }
        if let Some(bar) = bar(&columns, row, date, unit, &mut chart.quotes) {
            let adjusted = adjusted.get(row).copied().flatten().and_then(|close| unit.float_in_major(close));
            rows.push((bar, adjusted));
        }
    }
    // Stable, so that of two rows for a day the first stays: the later one is the live row.
    rows.sort_by_key(|(bar, _)| bar.date);
    for (bar, adjusted) in rows {
        if chart.quotes.bars.last().is_some_and(|last| last.date == bar.date) {
            chart.quotes.dropped.add(|| Dropped::at(bar.date, "a second row for the day"));
        } else {
            chart.quotes.bars.push(bar);
            chart.adjusted_closes.push(adjusted);
        }
    }
    Ok(())
}

/// The row's bar; none where nothing was traded, or where it makes no sense, which is told.
fn bar(columns: &Quote<'_>, row: usize, date: Date, unit: Unit, quotes: &mut Quotes) -> Option<Bar> {
    let at = |column: Column<'_>| column.get(row).copied().flatten();
    let numbers = [at(columns.open), at(columns.high), at(columns.low), at(columns.close), at(columns.volume)];
    // A holiday or a halt comes as a row of nothing, or of noughts.
    if numbers.iter().all(|number| number.is_none_or(|number| number.abs() < f64::MIN_POSITIVE)) {
        return None;
    }
    let Some(close) = at(columns.close) else {
        quotes.dropped.add(|| Dropped::at(date, "the close is missing"));
        return None;
    };
    let Some(close) = price(close, unit) else {
        quotes.dropped.add(|| Dropped::at(date, "the close is no price").saying(&close.to_string()));
        return None;
    };
    let mut field = |name: &str, column: Column<'_>| {
        let number = at(column)?;
        let price = price(number, unit);
        if price.is_none() {
            let none = || Dropped::at(format!("{date} {name}"), "it is no price");
            quotes.dropped.add(|| none().saying(&number.to_string()));
        }
        price
    };
    let (open, high, low) = (field("open", columns.open), field("high", columns.high), field("low", columns.low));
    let volume = at(columns.volume).and_then(|number| {
        let units: Option<u64> =
            number.to_string().parse::<Decimal>().ok().and_then(|units| units.round().try_into().ok());
        if units.is_none() {
            let none = || Dropped::at(format!("{date} volume"), "it is no number of units");
            quotes.dropped.add(|| none().saying(&number.to_string()));
        }
        units
    });
    Some(Bar { date, open, high, low, close, volume })
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
    let events = &payload.events;
    let day = |said: &Said| said.stamp.and_then(|stamp| local_day(stamp, zone));
    let is_wanted = |date: Option<Date>| date.is_none_or(|date| asked.from <= date && date <= asked.to);
    let of_day = |date: Option<Date>, noun: &str| date.map_or(noun.to_owned(), |date| format!("{date} {noun}"));
    for said in events.splits.iter().filter(|said| is_wanted(day(said))) {
        let units = |name| said.number(name).and_then(|number| major(number, Unit::major(unit.currency())));
        let (new, old) = (units("numerator"), units("denominator"));
        if new.is_some_and(|new| new > Decimal::ZERO) && new == old {
            // Nothing was split, and nothing is wrong.
            continue;
        }
        let ratio = new.zip(old).and_then(|(new, old)| SplitRatio::try_new(new, old).ok());
        match day(said).zip(ratio) {
            Some(split) => quotes.splits.push(split),
            None => {
                let place = of_day(day(said), "split");
                quotes.dropped.add(|| Dropped::at(place, "the split is none").saying(&said.told()));
            }
        }
    }
    let gains = events.capital_gains.iter().map(|gain| (PaymentKind::CapitalGain, gain));
    for (kind, said) in events.dividends.iter().map(|dividend| (PaymentKind::Dividend, dividend)).chain(gains) {
        let date = day(said);
        if !is_wanted(date) {
            continue;
        }
        match date.ok_or("it has no day").and_then(|date| Ok((date, payment(said, unit)?))) {
            Ok((date, payment)) => quotes.payments.push((date, kind, payment)),
            Err(why) => quotes.dropped.add(|| Dropped::at(of_day(date, "payment"), why).saying(&said.told())),
        }
    }
}

/// The payment, in the unit of the prices unless it names one of its own.
fn payment(said: &Said, unit: Unit) -> Result<Payment, &'static str> {
    let own = said.text("currency").map_or(Ok(unit), Unit::parse).map_err(|_| "its currency is none")?;
    if own.currency() != unit.currency() {
        return Err("it is in another currency than the prices");
    }
    let amount = said.number("amount").and_then(|amount| major(amount, own));
    amount.and_then(|amount| Payment::try_new(amount).ok()).ok_or("the payment is none")
}
