//! Parts that stored forms consist of. As frozen as the forms themselves.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::subject::{Position, Stream};
use crate::values::{Allocation, AssetId, Currency, FiguresSnapshot, Weight};

/// A stored value that the domain cannot hold, by name.
#[derive(Debug)]
pub(super) struct OutOfRange(pub &'static str);

/// A UUID as its 16 bytes.
pub(super) type IdV1 = [u8; 16];

pub(super) const fn id(bytes: IdV1) -> Uuid {
    Uuid::from_bytes(bytes)
}

/// A decimal as mantissa and scale.
#[derive(Serialize, Deserialize)]
pub(super) struct DecimalV1 {
    mantissa: i128,
    scale: u32,
}

impl From<Decimal> for DecimalV1 {
    fn from(value: Decimal) -> Self {
        Self { mantissa: value.mantissa(), scale: value.scale() }
    }
}

impl TryFrom<DecimalV1> for Decimal {
    type Error = OutOfRange;

    fn try_from(form: DecimalV1) -> Result<Self, OutOfRange> {
        Self::try_from_i128_with_scale(form.mantissa, form.scale).map_err(|_| OutOfRange("a decimal"))
    }
}

/// Days since 1970-01-01.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(super) struct DateV1(i32);

pub(super) const EPOCH: Date = jiff::civil::date(1970, 1, 1);

impl From<Date> for DateV1 {
    fn from(date: Date) -> Self {
        Self((date - EPOCH).get_days())
    }
}

impl TryFrom<DateV1> for Date {
    type Error = OutOfRange;

    fn try_from(form: DateV1) -> Result<Self, OutOfRange> {
        let span = jiff::Span::new().try_days(form.0).map_err(|_| OutOfRange("a date"))?;
        EPOCH.checked_add(span).map_err(|_| OutOfRange("a date"))
    }
}

/// A currency's code.
pub(super) type CurrencyV1 = [u8; 3];

pub(super) const fn currency(code: CurrencyV1) -> Currency {
    Currency::from_history(code)
}

/// Targets in the order of the assets' ids.
#[derive(Serialize, Deserialize)]
pub(super) struct AllocationV1(Vec<(String, DecimalV1)>);

impl From<&Allocation> for AllocationV1 {
    fn from(allocation: &Allocation) -> Self {
        Self(allocation.iter().map(|(asset, weight)| (asset.as_str().to_owned(), weight.value().into())).collect())
    }
}

impl TryFrom<AllocationV1> for Allocation {
    type Error = OutOfRange;

    fn try_from(form: AllocationV1) -> Result<Self, OutOfRange> {
        let target = |(asset, weight): (String, DecimalV1)| {
            Ok((AssetId::from_history(asset), Weight::from_history(weight.try_into()?)))
        };
        Ok(Self::from_history(form.0.into_iter().map(target).collect::<Result<Vec<_>, OutOfRange>>()?))
    }
}

/// Figures as they were shown.
#[derive(Serialize, Deserialize)]
pub(super) struct FiguresV1 {
    definitions: String,
    start: DateV1,
    end: DateV1,
    returns: u32,
    risk_free_rate: f64,
    cumulative: Option<f64>,
    cagr: Option<f64>,
    volatility: Option<f64>,
    sharpe: Option<f64>,
    max_drawdown: Option<f64>,
    drawdown_peak: Option<DateV1>,
    drawdown_valley: Option<DateV1>,
    prices_sequence: u64,
}

impl From<&FiguresSnapshot> for FiguresV1 {
    fn from(figures: &FiguresSnapshot) -> Self {
        Self {
            definitions: figures.definitions.clone(),
            start: figures.start.into(),
            end: figures.end.into(),
            returns: figures.returns,
            risk_free_rate: figures.risk_free_rate,
            cumulative: figures.cumulative,
            cagr: figures.cagr,
            volatility: figures.volatility,
            sharpe: figures.sharpe,
            max_drawdown: figures.max_drawdown,
            drawdown_peak: figures.drawdown_peak.map(DateV1::from),
            drawdown_valley: figures.drawdown_valley.map(DateV1::from),
            prices_sequence: figures.prices_position.sequence,
        }
    }
}

impl TryFrom<FiguresV1> for FiguresSnapshot {
    type Error = OutOfRange;

    fn try_from(form: FiguresV1) -> Result<Self, OutOfRange> {
        Ok(Self {
            definitions: form.definitions,
            start: form.start.try_into()?,
            end: form.end.try_into()?,
            returns: form.returns,
            risk_free_rate: form.risk_free_rate,
            cumulative: form.cumulative,
            cagr: form.cagr,
            volatility: form.volatility,
            sharpe: form.sharpe,
            max_drawdown: form.max_drawdown,
            drawdown_peak: form.drawdown_peak.map(Date::try_from).transpose()?,
            drawdown_valley: form.drawdown_valley.map(Date::try_from).transpose()?,
            prices_position: Position { stream: Stream::Market, sequence: form.prices_sequence },
        })
    }
}
