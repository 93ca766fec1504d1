//! Stored forms of a backtest's events.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::parts::{AllocationV1, CurrencyV1, DateV1, DecimalV1, IdV1, OutOfRange, currency, id};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::backtest::{BacktestEvent, BacktestRun, ShownNumber};
use crate::subject::{Position, Stream};
use crate::values::{
    AdvisorId, AssetId, BacktestTerms, Contributions, DriftRule, Every, Note, PortfolioId, RebalancingRule,
    ResultDigest,
};

const RECORDED_V1: &str = "insights.backtest.recorded.v1";

#[derive(Serialize, Deserialize)]
struct RecordedV1 {
    portfolio: IdV1,
    portfolio_version: u64,
    advisor: IdV1,
    currency: CurrencyV1,
    allocation: AllocationV1,
    terms: TermsV1,
    prices_sequence: u64,
    definitions: String,
    shown: Vec<(String, Option<f64>)>,
    digest: String,
    note: Option<String>,
}

/// How it was run; rule and period in their words.
#[derive(Serialize, Deserialize)]
struct TermsV1 {
    from: Option<DateV1>,
    to: Option<DateV1>,
    rebalancing: String,
    drift: Option<DriftV1>,
    lag_sessions: u32,
    cost_bps: DecimalV1,
    contributions: Option<(DecimalV1, String)>,
    benchmark: Option<String>,
    risk_free_rate: DecimalV1,
}

#[derive(Serialize, Deserialize)]
struct DriftV1 {
    limit: DecimalV1,
    relative: bool,
    cooldown_sessions: u32,
}

impl Stored for BacktestEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Recorded(_) => RECORDED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Recorded(run) => to_bytes(&RecordedV1::from(run.as_ref())),
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        match event_type {
            RECORDED_V1 => {
                let run = BacktestRun::try_from(from_bytes::<RecordedV1>(event_type, bytes)?);
                run.map(|run| Self::Recorded(Box::new(run))).map_err(|what| out_of_range(event_type, what))
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}

impl From<&BacktestRun> for RecordedV1 {
    fn from(run: &BacktestRun) -> Self {
        Self {
            portfolio: run.portfolio.uuid().into_bytes(),
            portfolio_version: run.portfolio_version,
            advisor: run.advisor.uuid().into_bytes(),
            currency: run.currency.bytes(),
            allocation: (&run.allocation).into(),
            terms: (&run.terms).into(),
            prices_sequence: run.prices_position.sequence,
            definitions: run.definitions.clone(),
            shown: run.shown.iter().map(|shown| (shown.name.clone(), shown.value)).collect(),
            digest: run.digest.as_str().to_owned(),
            note: run.note.as_ref().map(|note| note.as_str().to_owned()),
        }
    }
}

impl TryFrom<RecordedV1> for BacktestRun {
    type Error = OutOfRange;

    fn try_from(form: RecordedV1) -> Result<Self, OutOfRange> {
        Ok(Self {
            portfolio: PortfolioId::new(id(form.portfolio)),
            portfolio_version: form.portfolio_version,
            advisor: AdvisorId::new(id(form.advisor)),
            currency: currency(form.currency),
            allocation: form.allocation.try_into()?,
            terms: form.terms.try_into()?,
            prices_position: Position { stream: Stream::Market, sequence: form.prices_sequence },
            definitions: form.definitions,
            shown: form.shown.into_iter().map(|(name, value)| ShownNumber { name, value }).collect(),
            digest: ResultDigest::from_history(form.digest),
            note: form.note.map(Note::from_history),
        })
    }
}

impl From<&BacktestTerms> for TermsV1 {
    fn from(terms: &BacktestTerms) -> Self {
        Self {
            from: terms.from.map(DateV1::from),
            to: terms.to.map(DateV1::from),
            rebalancing: terms.rebalancing.word().to_owned(),
            drift: terms.drift.map(|drift| DriftV1 {
                limit: drift.limit.into(),
                relative: drift.relative,
                cooldown_sessions: drift.cooldown_sessions,
            }),
            lag_sessions: terms.lag_sessions,
            cost_bps: terms.cost_bps.into(),
            contributions: terms.contributions.map(|paid| (paid.amount.into(), paid.every.word().to_owned())),
            benchmark: terms.benchmark.as_ref().map(|asset| asset.as_str().to_owned()),
            risk_free_rate: terms.risk_free_rate.into(),
        }
    }
}

impl TryFrom<TermsV1> for BacktestTerms {
    type Error = OutOfRange;

    fn try_from(form: TermsV1) -> Result<Self, OutOfRange> {
        let drift = |form: DriftV1| {
            let DriftV1 { limit, relative, cooldown_sessions } = form;
            Ok::<_, OutOfRange>(DriftRule { limit: limit.try_into()?, relative, cooldown_sessions })
        };
        let paid = |(amount, every): (DecimalV1, String)| {
            let every = Every::parse(&every).ok_or(OutOfRange("a calendar period"))?;
            Ok::<_, OutOfRange>(Contributions { amount: amount.try_into()?, every })
        };
        Ok(Self {
            from: form.from.map(Date::try_from).transpose()?,
            to: form.to.map(Date::try_from).transpose()?,
            rebalancing: RebalancingRule::parse(&form.rebalancing).ok_or(OutOfRange("a rebalancing rule"))?,
            drift: form.drift.map(drift).transpose()?,
            lag_sessions: form.lag_sessions,
            cost_bps: form.cost_bps.try_into()?,
            contributions: form.contributions.map(paid).transpose()?,
            benchmark: form.benchmark.map(AssetId::from_history),
            risk_free_rate: form.risk_free_rate.try_into()?,
        })
    }
}
