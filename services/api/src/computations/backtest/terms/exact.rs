//! Terms exactly as they were asked for: what is kept of them, and back.

use analytics::backtest::{Drift, Policy, Threshold};
use events::values::{AssetId, Contributions, DriftRule, Every as Period, RebalancingRule};
use rust_decimal::Decimal;

use super::{BASIS_POINT, BacktestTerms, Every, Wanted};
use crate::canonical::Canonical;
use crate::computations::{RISK_FREE_RATES, Window, bounded, exact as number_as_spelt, float, window};
use crate::faults::Faults;
use crate::figures::Rebalancing;
use crate::problem::Problem;

/// Sessions that a decision may wait for its trade, or drift may rest.
const SESSIONS_MAX: usize = 252;
/// The least and the highest limit of drift, as a fraction of the value or of the target.
const DRIFTS: (f64, f64) = (0.0, 10.0);
/// The least and the highest cost, in basis points of the traded value.
const COSTS_BPS: (f64, f64) = (0.0, 1_000.0);
/// The least and the highest payment, per 1.0 put in at first.
const AMOUNTS: (f64, f64) = (-1.0, 1e6);

impl BacktestTerms {
    /// The terms, which stand at this place of the body, as they are kept: nothing is rounded.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn exact(terms: Option<&Self>, at: &str) -> Result<events::values::BacktestTerms, Problem> {
        let mut exact = events::values::BacktestTerms {
            rebalancing: rule(Rebalancing::default()),
            ..events::values::BacktestTerms::default()
        };
        let Some(terms) = terms else { return Ok(exact) };
        let mut faults = Faults::default();
        let window = window(&mut faults, at, terms.from.as_deref(), terms.to.as_deref());
        (exact.from, exact.to) = (window.from, window.to);
        exact.rebalancing = terms.rebalancing.map_or(exact.rebalancing, rule);
        exact.lag_sessions = sessions("lag in sessions", terms.lag_sessions.unwrap_or(0))?;
        if let Some(drift) = &terms.drift {
            let cooldown_sessions = sessions("cooldown in sessions", drift.cooldown_sessions)?;
            let limit = read(&mut faults, &format!("{at}/drift/limit"), Some(&drift.limit), DRIFTS);
            exact.drift = Some(DriftRule { limit, relative: drift.relative, cooldown_sessions });
        }
        exact.cost_bps = read(&mut faults, &format!("{at}/cost_bps"), terms.cost_bps.as_deref(), COSTS_BPS);
        exact.contributions = terms.contributions.as_ref().map(|paid| {
            let amount = read(&mut faults, &format!("{at}/contributions/amount"), Some(&paid.amount), AMOUNTS);
            Contributions { amount, every: paid.every.into() }
        });
        let benchmark = terms.benchmark.as_deref();
        exact.benchmark = benchmark.and_then(|text| faults.value(&format!("{at}/benchmark"), AssetId::parse(text)));
        let rate = terms.risk_free_rate.as_deref();
        exact.risk_free_rate = read(&mut faults, &format!("{at}/risk_free_rate"), rate, RISK_FREE_RATES);
        if faults.is_empty() { Ok(exact) } else { Err(faults.into_problem()) }
    }
}

/// The exact number, in the one spelling that is kept; zero where there is none, and where a fault is noted.
fn read(faults: &mut Faults, pointer: &str, text: Option<&str>, (least, most): (f64, f64)) -> Decimal {
    let read = text.and_then(|text| number_as_spelt(faults, pointer, text, least, most));
    read.map_or(Decimal::ZERO, |number| number.normalize())
}

fn sessions(what: &str, asked: u32) -> Result<u32, Problem> {
    bounded(what, usize::try_from(asked).unwrap_or(usize::MAX), SESSIONS_MAX).map(|()| asked)
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
        let sessions = |sessions: u32| usize::try_from(sessions).unwrap_or(usize::MAX);
        let calendar = match terms.rebalancing {
            // By drift alone, where there is a limit of drift.
            RebalancingRule::Never | RebalancingRule::OutOfBand => Rebalancing::None,
            RebalancingRule::Monthly => Rebalancing::Monthly,
            RebalancingRule::Quarterly => Rebalancing::Quarterly,
            RebalancingRule::Yearly => Rebalancing::Yearly,
        };
        let threshold = terms.drift.map(|drift| {
            let limit = float(drift.limit);
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
            cost_rate: float(terms.cost_bps) * BASIS_POINT,
            contributions: terms.contributions.map(|paid| (float(paid.amount), every(paid.every))),
            benchmark: terms.benchmark.clone(),
            rf: float(terms.risk_free_rate),
        }
    }
}
