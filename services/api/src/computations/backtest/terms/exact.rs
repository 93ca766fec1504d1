//! Terms exactly as they were asked for: what is kept of them, and back.

use analytics::backtest::{Drift, Policy, Threshold};
use events::values::{AssetId, Contributions, DriftRule, Every as Period, RebalancingRule};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{BASIS_POINT, BacktestTerms, Every, Wanted};
use crate::canonical::Canonical;
use crate::computations::Window;
use crate::figures::Rebalancing;
use crate::numbers::{day, decimal};
use crate::problem::Problem;

impl BacktestTerms {
    /// The terms as they are kept, which stand at this place of the body.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn exact(terms: Option<&Self>, at: &str) -> Result<events::values::BacktestTerms, Problem> {
        // What is no day, number or asset is told here, so that below everything can be read.
        Wanted::read(terms, at)?;
        let mut exact = events::values::BacktestTerms {
            rebalancing: rule(Rebalancing::default()),
            ..events::values::BacktestTerms::default()
        };
        let Some(terms) = terms else { return Ok(exact) };
        let number = |text: &str| decimal(text).unwrap_or_default().normalize();
        let optional = |text: Option<&str>| text.map(number).unwrap_or_default();
        exact.from = terms.from.as_deref().and_then(|text| day(text).ok());
        exact.to = terms.to.as_deref().and_then(|text| day(text).ok());
        exact.rebalancing = rule(terms.rebalancing.unwrap_or_default());
        exact.drift = terms.drift.as_ref().map(|drift| DriftRule {
            limit: number(&drift.limit),
            relative: drift.relative,
            cooldown_sessions: drift.cooldown_sessions,
        });
        exact.lag_sessions = terms.lag_sessions.unwrap_or_default();
        exact.cost_bps = optional(terms.cost_bps.as_deref());
        exact.contributions = terms
            .contributions
            .as_ref()
            .map(|paid| Contributions { amount: number(&paid.amount), every: paid.every.into() });
        exact.benchmark = terms.benchmark.as_deref().and_then(|text| AssetId::parse(text).ok());
        exact.risk_free_rate = optional(terms.risk_free_rate.as_deref());
        Ok(exact)
    }
}

/// The wish with these terms in it.
pub fn written_into(wish: Canonical, terms: &events::values::BacktestTerms) -> Canonical {
    let texts = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    let mut wish = wish
        .with_optional("from", texts(terms.from).as_deref())
        .with_optional("to", texts(terms.to).as_deref())
        .with("rebalancing", terms.rebalancing.word())
        .with("lag_sessions", &terms.lag_sessions.to_string())
        .with("cost_bps", &terms.cost_bps.to_string())
        .with_optional("benchmark", terms.benchmark.as_ref().map(AssetId::as_str))
        .with("risk_free_rate", &terms.risk_free_rate.to_string());
    if let Some(DriftRule { limit, relative, cooldown_sessions }) = terms.drift {
        let words = [limit.to_string(), relative.to_string(), cooldown_sessions.to_string()];
        wish = words.iter().fold(wish, |wish, word| wish.with("drift", word));
    }
    match terms.contributions {
        Some(Contributions { amount, every }) => {
            wish.with("contributions", &amount.to_string()).with("every", every.word())
        }
        None => wish,
    }
}

const fn rule(rebalancing: Rebalancing) -> RebalancingRule {
    match rebalancing {
        Rebalancing::None => RebalancingRule::Never,
        Rebalancing::Monthly => RebalancingRule::Monthly,
        Rebalancing::Quarterly => RebalancingRule::Quarterly,
        Rebalancing::Yearly => RebalancingRule::Yearly,
    }
}

impl From<Every> for Period {
    fn from(every: Every) -> Self {
        match every {
            Every::Month => Self::Month,
            Every::Quarter => Self::Quarter,
            Every::Year => Self::Year,
        }
    }
}

impl Wanted {
    /// What kept terms ask for.
    pub(in crate::computations::backtest) fn of(terms: &events::values::BacktestTerms) -> Self {
        let number = |exact: Decimal| exact.to_f64().unwrap_or(f64::NAN);
        let sessions = |sessions: u32| usize::try_from(sessions).unwrap_or(usize::MAX);
        let calendar = match terms.rebalancing {
            // By drift alone, where there is a limit of drift.
            RebalancingRule::Never | RebalancingRule::OutOfBand => Rebalancing::None,
            RebalancingRule::Monthly => Rebalancing::Monthly,
            RebalancingRule::Quarterly => Rebalancing::Quarterly,
            RebalancingRule::Yearly => Rebalancing::Yearly,
        };
        let threshold = terms.drift.map(|drift| {
            let limit = number(drift.limit);
            let limit = if drift.relative { Drift::Relative(limit) } else { Drift::Absolute(limit) };
            Threshold { drift: limit, cooldown_sessions: sessions(drift.cooldown_sessions) }
        });
        let every = |period: Period| match period {
            Period::Month => Every::Month,
            Period::Quarter => Every::Quarter,
            Period::Year => Every::Year,
        };
        let calendar = Policy::from(calendar).calendar;
        Self {
            window: Window { from: terms.from, to: terms.to },
            policy: Policy { calendar, threshold, lag_sessions: sessions(terms.lag_sessions) },
            cost_rate: number(terms.cost_bps) * BASIS_POINT,
            contributions: terms.contributions.map(|paid| (number(paid.amount), every(paid.every))),
            benchmark: terms.benchmark.clone(),
            rf: number(terms.risk_free_rate),
        }
    }
}
