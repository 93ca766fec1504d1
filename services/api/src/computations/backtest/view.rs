//! What a backtest came to, as it travels.

use analytics::backtest::{Carried, Payment, Rebalance};
use events::Position;
use events::values::AssetId;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{PriceCoverage, WeightView};
use crate::figures::views::{DrawdownView, FigureView, ReasonView, WindowView, YearView};

/// One rebalancing.
#[derive(Debug, Serialize, ToSchema)]
pub struct RebalanceView {
    /// The session at whose close it traded.
    #[schema(value_type = String, format = Date)]
    pub(super) date: Date,
    /// Money that changed hands, both ways, over the value before.
    pub(super) turnover: f64,
    /// Its cost per 1.0 put in at first.
    pub(super) cost: f64,
    /// Assets without a price on that session: they were held, and the rest was traded.
    pub(super) held: Vec<String>,
}

impl From<&Rebalance> for RebalanceView {
    fn from(trade: &Rebalance) -> Self {
        Self { date: trade.date, turnover: trade.turnover, cost: trade.cost, held: trade.held.clone() }
    }
}

/// A payment that was traded on a day without a rebalancing.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentView {
    /// The session at whose close it traded.
    #[schema(value_type = String, format = Date)]
    pub(super) date: Date,
    /// Money paid in, or taken out when negative, per 1.0 put in at first.
    pub(super) amount: f64,
    /// Money that changed hands over the value before, what is paid in included.
    pub(super) turnover: f64,
    /// Its cost per 1.0 put in at first.
    pub(super) cost: f64,
}

impl From<&Payment> for PaymentView {
    fn from(payment: &Payment) -> Self {
        let Payment { date, amount, turnover, cost } = *payment;
        Self { date, amount, turnover, cost }
    }
}

/// An asset that was valued at an older price for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct CarriedView {
    /// The asset's symbol.
    #[schema(example = "AAPL")]
    pub(super) asset: String,
    /// On how many sessions.
    pub(super) sessions: usize,
}

impl From<&Carried> for CarriedView {
    fn from(carried: &Carried) -> Self {
        Self { asset: carried.asset.clone(), sessions: carried.sessions }
    }
}

/// What weights would have been worth. Hypothetical performance: nobody held them.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestView {
    /// Always true.
    pub(super) hypothetical: bool,
    /// What it assumes.
    pub(super) assumptions: &'static [&'static str],
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    pub(super) definitions: &'static str,
    /// The version whose weights were taken, of a portfolio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) portfolio_version: Option<u64>,
    /// The days of the backtest.
    pub(super) window: WindowView,
    /// The last event whose prices are in it.
    #[schema(value_type = String, example = "market-40")]
    pub(super) prices_position: Position,
    /// Changes with any input: the same fingerprint, the same backtest.
    #[schema(example = "8f14e45fceea167a")]
    pub(super) fingerprint: String,
    /// What prices there are of each asset.
    pub(super) coverage: Vec<PriceCoverage>,
    /// Assets that were valued at an older price on some sessions: nobody invents a return for those.
    pub(super) carried: Vec<CarriedView>,
    /// Value at the last close per 1.0 put in before the first cost.
    pub(super) final_value: f64,
    /// All costs per 1.0 put in at first, those of payments included.
    pub(super) total_cost: f64,
    /// All turnovers, both ways, those of payments included; the first purchase counts about one.
    pub(super) turnover: f64,
    /// The investor's own return a year, payments included; `null` where there is none.
    #[schema(required)]
    pub(super) money_weighted_return: Option<f64>,
    /// Why there is no such return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) money_weighted_return_reason: Option<ReasonView>,
    /// What it is held against.
    #[schema(required, value_type = Option<String>)]
    pub(super) benchmark: Option<AssetId>,
    /// The days that the figures beside the benchmark rest on, those that both have; none without a benchmark.
    #[schema(required)]
    pub(super) benchmark_window: Option<WindowView>,
    /// Time-weighted figures; those beside a benchmark where one is named.
    pub(super) figures: Vec<FigureView>,
    /// The deepest falls, the deepest first.
    pub(super) drawdowns: Vec<DrawdownView>,
    /// Returns of calendar months and years.
    pub(super) months: Vec<YearView>,
    /// All rebalancings, the first purchase included.
    pub(super) rebalances: Vec<RebalanceView>,
    /// Payments that were traded on a day without a rebalancing; the others are traded with it.
    pub(super) payments: Vec<PaymentView>,
    /// Weights at the last close.
    pub(super) final_weights: Vec<WeightView>,
    /// The sessions.
    #[schema(value_type = Vec<String>, format = Date)]
    pub(super) dates: Vec<Date>,
    /// Value at each close per 1.0 put in at first, after costs and contributions.
    pub(super) equity: Vec<f64>,
}
