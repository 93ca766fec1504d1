//! How a backtest is run, as it stands in a body.

mod exact;

use analytics::backtest::{Flow, Period, Policy};
use events::values::AssetId;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Window;
use crate::figures::Rebalancing;
use crate::objects;
use crate::problem::Problem;

pub use self::exact::written_into;

/// A basis point as a fraction.
const BASIS_POINT: f64 = 1e-4;

/// Rebalancing when a weight has drifted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DriftBody {
    /// How far a weight may be from its target: `"0.05"` is five points.
    #[schema(example = "0.05")]
    limit: String,
    /// Whether the limit is relative to the target weight.
    #[serde(default)]
    relative: bool,
    /// Sessions after a rebalancing in which drift is not looked at.
    #[serde(default)]
    #[schema(maximum = 252)]
    cooldown_sessions: u32,
}

/// Money that is paid in, or taken out, over time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContributionsBody {
    /// How much each time per 1.0 put in at first; negative is taken out.
    #[schema(example = "0.01")]
    amount: String,
    /// On the first session of each of these.
    every: Every,
}

/// A calendar period.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

/// How the backtest is run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestTerms {
    /// The first day; from the first price on where nothing is said.
    #[schema(format = Date)]
    from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[schema(format = Date)]
    to: Option<String>,
    /// When weights are restored by the calendar; monthly where nothing is said.
    rebalancing: Option<Rebalancing>,
    /// Whether they are also restored when they have drifted.
    #[serde(default, deserialize_with = "objects::optional")]
    drift: Option<DriftBody>,
    /// Sessions between the decision and the trade.
    #[schema(maximum = 252)]
    lag_sessions: Option<u32>,
    /// Costs in basis points of the traded value, both ways.
    #[schema(example = "10")]
    cost_bps: Option<String>,
    /// Money that is paid in over time.
    #[serde(default, deserialize_with = "objects::optional")]
    contributions: Option<ContributionsBody>,
    /// An asset to hold it against.
    benchmark: Option<String>,
    /// The annual risk-free rate as a fraction.
    risk_free_rate: Option<String>,
}

/// What is computed.
pub(super) struct Wanted {
    pub(super) window: Window,
    pub(super) policy: Policy,
    pub(super) cost_rate: f64,
    contributions: Option<(f64, Every)>,
    pub(super) benchmark: Option<AssetId>,
    pub(super) rf: f64,
}

impl Wanted {
    /// What the terms ask for, which stand at this place of the body.
    pub(super) fn read(terms: Option<&BacktestTerms>, at: &str) -> Result<Self, Problem> {
        BacktestTerms::exact(terms, at).map(|exact| Self::of(&exact))
    }

    /// Payments on the first session of each new period, never the first of all.
    pub(super) fn flows(&self, dates: &[Date]) -> Vec<Flow> {
        let Some((amount, every)) = self.contributions else { return Vec::new() };
        let period = match every {
            Every::Month => Period::Month,
            Every::Quarter => Period::Quarter,
            Every::Year => Period::Year,
        };
        period.openings(dates).map(|row| Flow { date: dates[row], amount }).collect()
    }
}
