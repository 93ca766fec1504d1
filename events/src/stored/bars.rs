//! Stored forms of bars. As frozen as the forms of events.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::parts::{DateV1, EPOCH, OutOfRange};
use crate::values::{Bar, Bars};

/// Closes as two columns: steps between days, and steps between prices at one scale.
#[derive(Deserialize)]
pub(super) struct BarsV1 {
    first: DateV1,
    /// Days from each bar to the next.
    day_steps: Vec<u32>,
    scale: u32,
    /// The first price's mantissa, then the difference of each to the one before.
    close_steps: Vec<i128>,
}

impl TryFrom<BarsV1> for Bars {
    type Error = OutOfRange;

    fn try_from(form: BarsV1) -> Result<Self, OutOfRange> {
        let days = days(form.first, &form.day_steps, form.close_steps.len())?;
        let mut mantissa = 0_i128;
        let mut bars = Vec::with_capacity(days.len());
        for (date, step) in days.into_iter().zip(form.close_steps) {
            mantissa = mantissa.checked_add(step).ok_or(PRICE)?;
            bars.push(Bar::closing(date, at_scale(mantissa, form.scale)?));
        }
        Ok(Self::from_history(bars))
    }
}

/// Bars as columns of small numbers, all prices at one scale. A price stands as its distance from a price near it, so
/// that most take two or three bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct BarsV2 {
    first: DateV1,
    /// Days from each bar to the next.
    day_steps: Vec<u32>,
    scale: u32,
    /// Each open less the close before it; the first open less nothing.
    opens: ColumnV2<i128>,
    /// Each close less its day's open; where there is none, less the close before.
    closes: Vec<i128>,
    /// Each high less the greater of its day's open and close.
    highs: ColumnV2<i128>,
    /// The lesser of its day's open and close, less the low.
    lows: ColumnV2<i128>,
    volumes: ColumnV2<u64>,
}

/// A column in which values may be missing.
#[derive(Serialize, Deserialize)]
pub(super) struct ColumnV2<T> {
    presence: PresenceV2,
    /// The values that are there.
    values: Vec<T>,
}

/// Which rows have a value.
#[derive(Serialize, Deserialize)]
enum PresenceV2 {
    All,
    None,
    /// All but these, ascending.
    AllBut(Vec<u32>),
}

impl<T> ColumnV2<T> {
    fn of(column: impl Iterator<Item = Option<T>>) -> Self {
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for (row, value) in (0_u32..).zip(column) {
            match value {
                Some(value) => values.push(value),
                None => missing.push(row),
            }
        }
        let presence = match (values.is_empty(), missing.is_empty()) {
            (_, true) => PresenceV2::All,
            (true, false) => PresenceV2::None,
            (false, false) => PresenceV2::AllBut(missing),
        };
        Self { presence, values }
    }

    fn rows(self, rows: usize) -> Result<Vec<Option<T>>, OutOfRange> {
        let mut missing = match self.presence {
            PresenceV2::All => Vec::new(),
            PresenceV2::None => {
                return if self.values.is_empty() { Ok((0..rows).map(|_| None).collect()) } else { Err(LENGTH) };
            }
            PresenceV2::AllBut(missing) => missing,
        }
        .into_iter()
        .peekable();
        let mut values = self.values.into_iter();
        let mut column = Vec::with_capacity(rows);
        for row in (0_u32..).take(rows) {
            let is_missing = missing.next_if_eq(&row).is_some();
            column.push(if is_missing { None } else { Some(values.next().ok_or(LENGTH)?) });
        }
        if values.next().is_some() || missing.next().is_some() { Err(LENGTH) } else { Ok(column) }
    }
}

impl From<&[Bar]> for BarsV2 {
    fn from(bars: &[Bar]) -> Self {
        let first = bars.first().map_or(EPOCH, |bar| bar.date);
        let day_steps = bars
            .windows(2)
            .map(|pair| u32::try_from((pair[1].date - pair[0].date).get_days()).expect("days of bars ascend"))
            .collect();
        let prices = |bar: &Bar| [Some(bar.close), bar.open, bar.high, bar.low];
        let scale = bars.iter().flat_map(prices).flatten().map(|price| price.normalize().scale()).max().unwrap_or(0);
        let mantissa = |price: Decimal| {
            let price = price.normalize();
            price.mantissa() * 10_i128.pow(scale - price.scale())
        };
        let (mut opens, mut closes) = (Vec::with_capacity(bars.len()), Vec::with_capacity(bars.len()));
        let (mut highs, mut lows) = (Vec::with_capacity(bars.len()), Vec::with_capacity(bars.len()));
        let mut before = 0;
        for bar in bars {
            let (open, close) = (bar.open.map(mantissa), mantissa(bar.close));
            opens.push(open.map(|open| open - before));
            closes.push(close - open.unwrap_or(before));
            highs.push(bar.high.map(|high| mantissa(high) - close.max(open.unwrap_or(close))));
            lows.push(bar.low.map(|low| close.min(open.unwrap_or(close)) - mantissa(low)));
            before = close;
        }
        Self {
            first: first.into(),
            day_steps,
            scale,
            opens: ColumnV2::of(opens.into_iter()),
            closes,
            highs: ColumnV2::of(highs.into_iter()),
            lows: ColumnV2::of(lows.into_iter()),
            volumes: ColumnV2::of(bars.iter().map(|bar| bar.volume)),
        }
    }
}

impl TryFrom<BarsV2> for Vec<Bar> {
    type Error = OutOfRange;

    fn try_from(form: BarsV2) -> Result<Self, OutOfRange> {
        let rows = form.closes.len();
        let days = days(form.first, &form.day_steps, rows)?;
        let (opens, volumes) = (form.opens.rows(rows)?, form.volumes.rows(rows)?);
        let (highs, lows) = (form.highs.rows(rows)?, form.lows.rows(rows)?);
        let price = |mantissa: i128| at_scale(mantissa, form.scale);
        let add = |one: i128, two: i128| one.checked_add(two).ok_or(PRICE);
        let mut before = 0_i128;
        let mut bars = Self::with_capacity(rows);
        for (row, date) in days.into_iter().enumerate() {
            let open = opens[row].map(|step| add(before, step)).transpose()?;
            let close = add(open.unwrap_or(before), form.closes[row])?;
            let (upper, lower) = (close.max(open.unwrap_or(close)), close.min(open.unwrap_or(close)));
            let high = highs[row].map(|step| add(upper, step)).transpose()?;
            let low = lows[row].map(|step| lower.checked_sub(step).ok_or(PRICE)).transpose()?;
            bars.push(Bar {
                date,
                open: open.map(price).transpose()?,
                high: high.map(price).transpose()?,
                low: low.map(price).transpose()?,
                close: price(close)?,
                volume: volumes[row],
            });
            before = close;
        }
        Ok(bars)
    }
}

const PRICE: OutOfRange = OutOfRange("a price");
const LENGTH: OutOfRange = OutOfRange("the length of a column");

fn days(first: DateV1, steps: &[u32], rows: usize) -> Result<Vec<Date>, OutOfRange> {
    if rows != steps.len() + 1 {
        return Err(LENGTH);
    }
    let mut date = Date::try_from(first)?;
    let mut days = Vec::with_capacity(rows);
    days.push(date);
    for &step in steps {
        date = match step {
            // By far the most steps, and the calendar knows a quick way for them.
            1 => date.tomorrow().map_err(|_| OutOfRange("a date"))?,
            step => date.checked_add(i64::from(step).days()).map_err(|_| OutOfRange("a date"))?,
        };
        days.push(date);
    }
    Ok(days)
}

/// The decimal without zeros at its end: at the column's scale, its mantissa may have more digits than a decimal holds.
fn at_scale(mantissa: i128, mut scale: u32) -> Result<Decimal, OutOfRange> {
    if scale <= Decimal::MAX_SCALE
        && let Ok(mut mantissa) = i64::try_from(mantissa)
    {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        return Ok(Decimal::new(mantissa, scale));
    }
    let mut mantissa = mantissa;
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| PRICE)
}

/// The bytes of these bars, for who keeps them elsewhere than in the log.
#[must_use]
pub fn bars_to_bytes(bars: &[Bar]) -> Vec<u8> {
    super::to_bytes(&BarsV2::from(bars))
}

/// The bars that [`bars_to_bytes`] wrote.
///
/// # Errors
/// Where the bytes are not of its form.
pub fn bars_from_bytes(bytes: &[u8]) -> Result<Vec<Bar>, super::DecodeError> {
    const FORM: &str = "bars, version 2";
    let form: BarsV2 = super::from_bytes(FORM, bytes)?;
    form.try_into().map_err(|what| super::out_of_range(FORM, what))
}
