//! Parts that stored forms consist of. As frozen as the forms themselves.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::subject::{Position, Stream};
use crate::values::{
    AdvisedFigure, Allocation, AssetId, Band, Costs, Currency, FiguresSnapshot, Interest, InterestRate, Limit, Limits,
    Name, NoFigureReason, Note, Policy, RebalancingRule, RiskClass, Terms, Weight,
};

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
            cash: BTreeMap::new(),
            missing: BTreeMap::new(),
        })
    }
}

/// Assets that are cash, each with what it earns: from which day on, and how much a year.
#[derive(Serialize, Deserialize)]
pub(super) struct CashV1(Vec<(String, Option<(DateV1, DecimalV1)>)>);

impl From<&FiguresSnapshot> for CashV1 {
    fn from(figures: &FiguresSnapshot) -> Self {
        let earns = |interest: &Interest| (interest.from.into(), interest.rate.value().into());
        let one = |(asset, interest): (&AssetId, &Option<Interest>)| {
            (asset.as_str().to_owned(), interest.as_ref().map(earns))
        };
        Self(figures.cash.iter().map(one).collect())
    }
}

impl TryFrom<CashV1> for BTreeMap<AssetId, Option<Interest>> {
    type Error = OutOfRange;

    fn try_from(form: CashV1) -> Result<Self, OutOfRange> {
        let earns = |(from, rate): (DateV1, DecimalV1)| {
            Ok(Interest { from: from.try_into()?, rate: InterestRate::from_history(rate.try_into()?) })
        };
        let one = |(asset, interest): (String, Option<(DateV1, DecimalV1)>)| {
            Ok((AssetId::from_history(asset), interest.map(earns).transpose()?))
        };
        form.0.into_iter().map(one).collect()
    }
}

/// Figures that are not there, each with the name of the reason and its words.
#[derive(Serialize, Deserialize)]
pub(super) struct MissingV1(Vec<(String, String, String)>);

impl From<&FiguresSnapshot> for MissingV1 {
    fn from(figures: &FiguresSnapshot) -> Self {
        let one = |(figure, why): (&AdvisedFigure, &NoFigureReason)| {
            (figure.word().to_owned(), why.code.as_str().to_owned(), why.detail.as_str().to_owned())
        };
        Self(figures.missing.iter().map(one).collect())
    }
}

impl TryFrom<MissingV1> for BTreeMap<AdvisedFigure, NoFigureReason> {
    type Error = OutOfRange;

    fn try_from(form: MissingV1) -> Result<Self, OutOfRange> {
        let one = |(figure, code, detail): (String, String, String)| {
            let figure = AdvisedFigure::parse(&figure).ok_or(OutOfRange("a figure"))?;
            Ok((figure, NoFigureReason { code: Name::from_history(code), detail: Note::from_history(detail) }))
        };
        form.0.into_iter().map(one).collect()
    }
}

/// Limits in the order of the assets' ids.
#[derive(Serialize, Deserialize)]
pub(super) struct LimitsV1(Vec<LimitV1>);

#[derive(Serialize, Deserialize)]
struct LimitV1 {
    asset: String,
    locked: bool,
    band: Option<(DecimalV1, DecimalV1)>,
}

impl From<&Limits> for LimitsV1 {
    fn from(limits: &Limits) -> Self {
        let form = |(asset, limit): (&AssetId, Limit)| LimitV1 {
            asset: asset.as_str().to_owned(),
            locked: limit.locked,
            band: limit.band.map(|band| (band.min().into(), band.max().into())),
        };
        Self(limits.iter().map(form).collect())
    }
}

impl TryFrom<LimitsV1> for Limits {
    type Error = OutOfRange;

    fn try_from(form: LimitsV1) -> Result<Self, OutOfRange> {
        let limit = |LimitV1 { asset, locked, band }: LimitV1| {
            let band = band.map(|(min, max)| Ok(Band::from_history(min.try_into()?, max.try_into()?))).transpose()?;
            Ok((AssetId::from_history(asset), Limit { locked, band }))
        };
        Ok(Self::new(form.0.into_iter().map(limit).collect::<Result<Vec<_>, OutOfRange>>()?))
    }
}

/// A policy; rule and class in their words.
#[derive(Serialize, Deserialize)]
pub(super) struct PolicyV1 {
    rebalancing: String,
    benchmark: Option<String>,
    risk_class: Option<String>,
}

impl From<&Policy> for PolicyV1 {
    fn from(policy: &Policy) -> Self {
        Self {
            rebalancing: policy.rebalancing.word().to_owned(),
            benchmark: policy.benchmark.as_ref().map(|asset| asset.as_str().to_owned()),
            risk_class: policy.risk_class.map(|class| class.word().to_owned()),
        }
    }
}

impl TryFrom<PolicyV1> for Policy {
    type Error = OutOfRange;

    fn try_from(form: PolicyV1) -> Result<Self, OutOfRange> {
        Ok(Self {
            rebalancing: RebalancingRule::parse(&form.rebalancing).ok_or(OutOfRange("a rebalancing rule"))?,
            benchmark: form.benchmark.map(AssetId::from_history),
            risk_class: form.risk_class.as_deref().map(risk_class).transpose()?,
        })
    }
}

/// The risk class with this word.
pub(super) fn risk_class(word: &str) -> Result<RiskClass, OutOfRange> {
    RiskClass::parse(word).ok_or(OutOfRange("a risk class"))
}

/// What advice comes with; classes in their words.
#[derive(Serialize, Deserialize)]
pub(super) struct TermsV1 {
    risk_class: Option<String>,
    product_classes: Vec<(String, String)>,
    costs: Option<(DecimalV1, DecimalV1)>,
    valid_until: Option<DateV1>,
}

impl From<&Terms> for TermsV1 {
    fn from(terms: &Terms) -> Self {
        let product = |(asset, class): (&AssetId, &RiskClass)| (asset.as_str().to_owned(), class.word().to_owned());
        Self {
            risk_class: terms.risk_class.map(|class| class.word().to_owned()),
            product_classes: terms.product_classes.iter().map(product).collect(),
            costs: terms.costs.map(|costs| (costs.one_off().into(), costs.yearly().into())),
            valid_until: terms.valid_until.map(DateV1::from),
        }
    }
}

impl TryFrom<TermsV1> for Terms {
    type Error = OutOfRange;

    fn try_from(form: TermsV1) -> Result<Self, OutOfRange> {
        let product = |(asset, class): (String, String)| Ok((AssetId::from_history(asset), risk_class(&class)?));
        let costs = |(one_off, yearly): (DecimalV1, DecimalV1)| {
            Ok(Costs::from_history(one_off.try_into()?, yearly.try_into()?))
        };
        Ok(Self {
            risk_class: form.risk_class.as_deref().map(risk_class).transpose()?,
            product_classes: form.product_classes.into_iter().map(product).collect::<Result<_, OutOfRange>>()?,
            costs: form.costs.map(costs).transpose()?,
            valid_until: form.valid_until.map(Date::try_from).transpose()?,
        })
    }
}
