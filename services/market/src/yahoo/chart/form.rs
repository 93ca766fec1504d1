//! The JSON of an answer, as far as it is read.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An answer: errors of older interfaces stand under another key.
#[derive(Debug, Deserialize)]
pub struct Answer {
    chart: Option<Body>,
    finance: Option<Body>,
}

#[derive(Debug, Deserialize)]
struct Body {
    result: Option<Vec<Option<Payload>>>,
    error: Option<Error>,
}

/// What Yahoo says is wrong.
#[derive(Debug, Deserialize)]
pub struct Error {
    pub code: String,
    #[serde(default)]
    description: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description.as_deref().unwrap_or("without a word"))
    }
}

type Parts = (Option<Payload>, Option<Error>);

impl Answer {
    /// Results and error, whichever there is; none where there is neither.
    pub fn into_parts(self) -> Option<Parts> {
        let body = self.chart.or(self.finance)?;
        Some((body.result.into_iter().flatten().flatten().next(), body.error))
    }
}

#[derive(Debug, Deserialize)]
pub struct Payload {
    pub meta: Meta,
    #[serde(rename = "timestamp")]
    pub timestamps: Option<Vec<Option<i64>>>,
    #[serde(default)]
    pub events: Events,
    #[serde(default)]
    pub indicators: Indicators,
}

#[derive(Debug, Deserialize)]
pub struct Meta {
    pub symbol: String,
    pub currency: Option<String>,
    #[serde(rename = "exchangeTimezoneName")]
    pub time_zone: String,
    #[serde(rename = "exchangeName")]
    pub exchange: Option<String>,
    #[serde(rename = "instrumentType")]
    pub instrument: Option<String>,
    #[serde(rename = "longName")]
    pub long_name: Option<String>,
    #[serde(rename = "shortName")]
    pub short_name: Option<String>,
    #[serde(rename = "regularMarketTime")]
    pub last_trade: Option<i64>,
    #[serde(rename = "currentTradingPeriod")]
    pub period: Option<Periods>,
    #[serde(rename = "dataGranularity")]
    pub granularity: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Periods {
    pub regular: Option<Period>,
}

#[derive(Debug, Deserialize)]
pub struct Period {
    pub end: i64,
}

#[derive(Debug, Deserialize, Default)]
pub struct Indicators {
    #[serde(default)]
    pub quote: Vec<RawQuote>,
    #[serde(default, rename = "adjclose")]
    adjusted: Vec<RawAdjusted>,
}

impl Indicators {
    /// Adjusted closes, one a row; none at all where there are none; nothing where there are not so many.
    pub fn adjusted(&self, rows: usize) -> Option<&[Option<f64>]> {
        match self.adjusted.first().and_then(|adjusted| adjusted.closes.as_ref()) {
            None => Some(&[]),
            Some(Numbers(closes)) => (closes.len() == rows).then_some(closes.as_slice()),
        }
    }
}

#[derive(Debug, Deserialize, Default)]
struct RawAdjusted {
    #[serde(rename = "adjclose")]
    closes: Option<Numbers>,
}

#[derive(Debug, Clone, Deserialize, Default)]
pub struct RawQuote {
    open: Option<Numbers>,
    high: Option<Numbers>,
    low: Option<Numbers>,
    close: Option<Numbers>,
    volume: Option<Numbers>,
}

pub type Column<'a> = &'a [Option<f64>];

/// Columns of one length; a column that is not there is empty.
pub struct Quote<'a> {
    pub open: Column<'a>,
    pub high: Column<'a>,
    pub low: Column<'a>,
    pub close: Column<'a>,
    pub volume: Column<'a>,
}

impl RawQuote {
    pub fn is_empty(&self) -> bool {
        let columns = [&self.open, &self.high, &self.low, &self.close, &self.volume];
        columns.into_iter().flatten().all(|Numbers(column)| column.iter().all(Option::is_none))
    }

    /// The columns, where each that is there has so many rows.
    pub fn columns(&self, rows: usize) -> Option<Quote<'_>> {
        fn column(numbers: Option<&Numbers>, rows: usize) -> Option<Column<'_>> {
            match numbers {
                None => Some(&[]),
                Some(Numbers(column)) => (column.len() == rows).then_some(column.as_slice()),
            }
        }
        Some(Quote {
            open: column(self.open.as_ref(), rows)?,
            high: column(self.high.as_ref(), rows)?,
            low: column(self.low.as_ref(), rows)?,
            close: column(self.close.as_ref(), rows)?,
            volume: column(self.volume.as_ref(), rows)?,
        })
    }
}

/// Numbers, of which any may be missing; words such as "Infinity" stand for missing ones.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Vec<Option<f64>>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Cell {
            Number(f64),
            Other(serde::de::IgnoredAny),
        }
        let cells = Vec::<Cell>::deserialize(deserializer)?;
        let number = |cell| match cell {
            Cell::Number(number) if number.is_finite() => Some(number),
            Cell::Number(_) | Cell::Other(_) => None,
        };
        Ok(Self(cells.into_iter().map(number).collect()))
    }
}

/// Splits and payments. Each is read on its own, so that a broken one costs neither the others nor the prices.
#[derive(Debug, Default)]
pub struct Events {
    pub dividends: Vec<Said>,
    pub splits: Vec<Said>,
    pub capital_gains: Vec<Said>,
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said = Value::deserialize(deserializer)?;
        let of = |name: &str| match said.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(events)) => events.iter().map(|(stamp, event)| Said::of(Some(stamp), event)).collect(),
            Some(Value::Array(events)) => events.iter().map(|event| Said::of(None, event)).collect(),
            Some(other) => vec![Said::of(None, other)],
        };
        Ok(Self { dividends: of("dividends"), splits: of("splits"), capital_gains: of("capitalGains") })
    }
}

/// What is said of one split or payment.
#[derive(Debug)]
pub struct Said {
    /// Its time, by its own word or by the name that it stands under.
    pub stamp: Option<i64>,
    event: Value,
}

impl Said {
    fn of(stamp: Option<&String>, event: &Value) -> Self {
        let own = event.get("date").and_then(Value::as_i64);
        Self { stamp: own.or_else(|| stamp?.parse().ok()), event: event.clone() }
    }

    /// The number under this name, if it is one.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.event.get(name).and_then(Value::as_f64).filter(|number| number.is_finite())
    }

    /// The text under this name, if there is any.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.event.get(name).and_then(Value::as_str)
    }

    /// All of it, as it stands there.
    pub fn told(&self) -> String {
        self.event.to_string()
    }
}
