//! Prices of one asset over a run of days.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::{TimeZone, offset};
use rust_decimal::Decimal;
use serde::Serialize;

/// Bars that one event may carry: 39 years of trading days, about 150 KB in the log.
pub const BARS_MAX: usize = 10_000;
/// Decimal places that a price may have.
pub const PRICE_SCALE_MAX: u32 = 12;
/// The first day of which a price is believed: the oldest exchange opened in that year.
pub const FIRST_PRICE_DAY: Date = date(1602, 1, 1);

/// The last day of which there can be a price at this moment: what it is where the day begins first, 14 hours ahead of UTC.
#[must_use]
pub fn last_price_day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::fixed(offset(14))).date()
}

/// What one day's trading came to, in the asset's currency.
///
/// Only the close is always known: many sources give no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The day, in the exchange's time zone.
    pub date: Date,
    /// The first price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<Decimal>,
    /// The highest price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<Decimal>,
    /// The lowest price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<Decimal>,
    /// The last price.
    pub close: Decimal,
    /// Units that changed hands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<u64>,
}

impl Bar {
    /// A day of which only the close is known.
    #[must_use]
    pub const fn closing(date: Date, close: Decimal) -> Self {
        Self { date, open: None, high: None, low: None, close, volume: None }
    }

    /// This bar with whatever the later one knows; what only this one knows stays.
    #[must_use]
    pub fn updated_by(&self, later: &Self) -> Self {
        Self {
            date: self.date,
            open: later.open.or(self.open),
            high: later.high.or(self.high),
            low: later.low.or(self.low),
            close: later.close,
            volume: later.volume.or(self.volume),
        }
    }

    /// The first value that both know and know differently: this bar's and the other's.
    #[must_use]
    pub fn contradiction(&self, other: &Self) -> Option<(Decimal, Decimal)> {
        let differ = |one: Option<Decimal>, two: Option<Decimal>| one.zip(two).filter(|(one, two)| one != two);
        differ(Some(self.close), Some(other.close))
            .or_else(|| differ(self.open, other.open))
            .or_else(|| differ(self.high, other.high))
            .or_else(|| differ(self.low, other.low))
            .or_else(|| differ(self.volume.map(Decimal::from), other.volume.map(Decimal::from)))
    }

    fn prices(&self) -> impl Iterator<Item = Decimal> {
        [Some(self.close), self.open, self.high, self.low].into_iter().flatten()
    }
}

/// Bars by day.
///
/// Invariant: 1 to [`BARS_MAX`] bars, days strictly ascending and none before [`FIRST_PRICE_DAY`], prices positive with at most [`PRICE_SCALE_MAX`]
/// decimal places and a mantissa of 63 bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bars(Vec<Bar>);

impl Bars {
    /// Bars of which only the closes are known.
    ///
    /// # Errors
    /// The first bar that breaks the invariant.
    pub fn try_new(closes: Vec<(Date, Decimal)>) -> Result<Self, BarsError> {
        Self::of(closes.into_iter().map(|(date, close)| Bar::closing(date, close)).collect())
    }

    /// These bars.
    ///
    /// # Errors
    /// The first bar that breaks the invariant.
    pub fn of(bars: Vec<Bar>) -> Result<Self, BarsError> {
        if bars.is_empty() {
            return Err(BarsError::Empty);
        }
        if bars.len() > BARS_MAX {
            return Err(BarsError::TooMany(bars.len()));
        }
        let mut before: Option<Date> = None;
        for bar in &bars {
            let date = bar.date;
            if let Some(before) = before.filter(|&before| before >= date) {
                return Err(BarsError::NotAscending { before, date });
            }
            if date < FIRST_PRICE_DAY {
                return Err(BarsError::TooEarly(date));
            }
            for price in bar.prices() {
                if price <= Decimal::ZERO {
                    return Err(BarsError::NotPositive { date, close: price });
                }
                if price.scale() > PRICE_SCALE_MAX || i64::try_from(price.mantissa()).is_err() {
                    return Err(BarsError::TooFine { date, close: price });
                }
            }
            before = Some(date);
        }
        Ok(Self(bars))
    }

    /// The bars, where all of them can have been seen by now.
    ///
    /// # Errors
    /// The first day that has not come.
    pub fn seen_by(self, now: Timestamp) -> Result<Self, BarsError> {
        let last = last_price_day(now);
        match self.0.iter().find(|bar| bar.date > last) {
            Some(bar) => Err(BarsError::NotYet { date: bar.date, last }),
            None => Ok(self),
        }
    }

    /// The bars, ascending by day.
    #[must_use]
    pub fn as_slice(&self) -> &[Bar] {
        &self.0
    }

    pub(crate) const fn from_history(bars: Vec<Bar>) -> Self {
        Self(bars)
    }
}

/// Everything that is known of an asset's prices: one bar a day, each updated by whatever became known later.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownBars(Vec<Bar>);

impl KnownBars {
    /// The bars, ascending by day.
    #[must_use]
    pub fn as_slice(&self) -> &[Bar] {
        &self.0
    }

    /// The bar of the day.
    #[must_use]
    pub fn get(&self, date: Date) -> Option<&Bar> {
        self.0.binary_search_by_key(&date, |bar| bar.date).ok().map(|row| &self.0[row])
    }

    /// The last bar of a day before this one.
    #[must_use]
    pub fn before(&self, date: Date) -> Option<&Bar> {
        let later = self.0.partition_point(|bar| bar.date < date);
        self.0[..later].last()
    }

    /// The first bar of a day after this one.
    #[must_use]
    pub fn after(&self, date: Date) -> Option<&Bar> {
        self.0.get(self.0.partition_point(|bar| bar.date <= date))
    }

    /// Takes in what became known later. The bars ascend by day.
    pub fn update(&mut self, later: &[Bar]) {
        let (Some(first), last) = (later.first(), self.0.last()) else { return };
        if last.is_none_or(|last| last.date < first.date) {
            self.0.extend_from_slice(later);
            return;
        }
        let mut merged = Vec::with_capacity(self.0.len() + later.len());
        let (mut known, mut later) = (self.0.iter().peekable(), later.iter().peekable());
        loop {
            match (known.peek(), later.peek()) {
                (Some(one), Some(two)) if one.date == two.date => {
                    merged.push(one.updated_by(two));
                    known.next();
                    later.next();
                }
                (Some(one), Some(two)) if one.date < two.date => merged.extend(known.next()),
                (Some(_), None) => merged.extend(known.next()),
                (_, Some(_)) => merged.extend(later.next()),
                (None, None) => break,
            }
        }
        self.0 = merged;
    }
}

/// Why prices are no bars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarsError {
    /// None at all.
    #[error("there is no price")]
    Empty,
    /// More than the bound.
    #[error("{0} prices are more than {BARS_MAX}")]
    TooMany(usize),
    /// Days out of order or named twice.
    #[error("{date} does not come after {before}")]
    NotAscending {
        /// The day before it in the list.
        before: Date,
        /// The day that should come later.
        date: Date,
    },
    /// Of a day before there were exchanges.
    #[error("{0} is before {FIRST_PRICE_DAY}, the first day of which a price is believed")]
    TooEarly(Date),
    /// Of a day that has not come.
    #[error("{date} has not come: it is {last} at the latest anywhere")]
    NotYet {
        /// The day.
        date: Date,
        /// The last day of which there can be a price.
        last: Date,
    },
    /// Zero or less.
    #[error("the price {close} of {date} is not positive")]
    NotPositive {
        /// The day.
        date: Date,
        /// The price.
        close: Decimal,
    },
    /// More digits than are kept.
    #[error("the price {close} of {date} has more digits than are kept")]
    TooFine {
        /// The day.
        date: Date,
        /// The price.
        close: Decimal,
    },
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Bar, Bars, BarsError, KnownBars};

    #[test]
    fn a_price_is_of_a_day_that_has_come_and_on_which_there_were_exchanges() {
        let of = |day| Bars::of(vec![Bar::closing(date(1602, 1, 1), 1.into()), Bar::closing(day, 2.into())]);
        // Ten in the morning in UTC: on Kiritimati it is the 24th already.
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let last = date(2026, 11, 24);
        assert!(of(last).unwrap().seen_by(now).is_ok());
        let tomorrow = date(2026, 11, 25);
        assert_eq!(of(tomorrow).unwrap().seen_by(now), Err(BarsError::NotYet { date: tomorrow, last }));
        let early = date(1601, 12, 31);
        assert_eq!(Bars::of(vec![Bar::closing(early, 1.into())]), Err(BarsError::TooEarly(early)));
    }

    #[test]
    fn later_knowledge_adds_days_and_fields_and_replaces_what_differs() {
        let close = |day, close: i64| Bar::closing(date(2024, 1, day), close.into());
        let mut known = KnownBars::default();
        known.update(&[close(2, 10), close(4, 12)]);
        known.update(&[close(1, 9), Bar { volume: Some(7), ..close(2, 10) }, close(3, 11), close(5, 13)]);
        known.update(&[close(2, 20)]);
        let days: Vec<_> = known.as_slice().iter().map(|bar| (bar.date.day(), bar.close, bar.volume)).collect();
        let expected = [(1, 9, None), (2, 20, Some(7)), (3, 11, None), (4, 12, None), (5, 13, None)];
        assert_eq!(days, expected.map(|(day, close, volume)| (day, close.into(), volume)));
        assert_eq!(known.get(date(2024, 1, 2)).and_then(|bar| bar.volume), Some(7));
        assert_eq!(known.get(date(2024, 1, 6)), None);
        let before = |month, day| known.before(date(2024, month, day)).map(|bar| bar.date.day());
        assert_eq!((before(1, 1), before(1, 3), before(2, 1)), (None, Some(2), Some(5)));
        let after = |month, day| known.after(date(2024, month, day)).map(|bar| bar.date.day());
        assert_eq!((after(1, 1), after(1, 5), after(1, 4)), (Some(2), None, Some(5)));
    }
}
