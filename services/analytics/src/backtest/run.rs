//! One backtest over a window.

use jiff::civil::Date;

use super::marks::{CARRY_SESSIONS_MAX, Marks};
use super::money_weighted::Flow;
use super::outcome::{BacktestOutcome, Carried, Rebalance};
use super::policy::{Drift, Policy};
use super::trade::{Traded, rebalance};
use crate::prices::{PriceTable, Quotes};
use crate::watch::{Watch, go_on};

/// Highest cost rate: a tenth of what is traded.
pub const COST_RATE_MAX: f64 = 0.1;
/// Payments that one backtest takes.
pub const FLOWS_MAX: usize = 10_000;
/// How far the sum of weights may be from one.
const WEIGHTS_TOLERANCE: f64 = 1e-9;
/// Rows valued before the weights are looked at again, when drift may end a stretch at any row.
const ROWS_AT_ONCE: usize = 64;
/// Largest weight of either sign.
const WEIGHT_MAX: f64 = 10.0;

/// What the portfolio should hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Allocation {
    /// A weight for each asset, adding up to one.
    Weights(Vec<f64>),
    /// Equal weights of the assets that have had a price; an asset joins at the first rebalancing on which it has one.
    EqualAmongListed,
}

/// How a backtest is run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BacktestParams {
    /// When to rebalance.
    pub policy: Policy,
    /// Cost as a fraction of what is traded: 0.001 is ten basis points.
    pub cost_rate: f64,
    /// Money paid in or taken out after the first day, per 1.0 put in at first.
    pub contributions: Vec<Flow>,
}

/// Why there is no backtest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// Not one weight for each asset.
    #[error("{weights} weights for {assets} assets")]
    LengthsDiffer {
        /// Weights given.
        weights: usize,
        /// Assets of the prices.
        assets: usize,
    },
    /// The weights do not add up to one.
    #[error("weights add up to {0}, not to 1")]
    WeightsDoNotAddUp(f64),
    /// A parameter is outside its range.
    #[error("{name} is {value}, which is outside its range")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An asset with a weight has no price on the first session.
    #[error("{asset} has no price on the first session {date}")]
    NotListed {
        /// The asset.
        asset: String,
        /// The first session.
        date: Date,
    },
    /// No asset could be bought on the first session.
    #[error("nothing can be bought on {0}")]
    NothingToBuy(Date),
    /// An asset that is held has had no price for too long.
    #[error("{asset} has had no price for {sessions} sessions on {date}")]
    PriceGap {
        /// The asset.
        asset: String,
        /// First session that is too late.
        date: Date,
        /// Sessions without a price.
        sessions: usize,
    },
    /// Whoever watched wanted no more.
    #[error("cancelled on {0}")]
    Cancelled(Date),
    /// Nothing is left, or the value left the range of numbers.
    #[error("the portfolio is worth {value} on {date}")]
    Ruined {
        /// The session.
        date: Date,
        /// The value.
        value: f64,
    },
}

/// The backtest of an allocation on complete prices.
///
/// # Errors
/// [`BacktestError`] for weights or parameters outside their ranges, or a portfolio that loses everything.
pub fn backtest(
    prices: &PriceTable,
    allocation: &Allocation,
    params: &BacktestParams,
) -> Result<BacktestOutcome, BacktestError> {
    backtest_watched(prices, allocation, params, &go_on)
}

/// The backtest of an allocation on prices with gaps and different starts.
///
/// # Errors
/// As [`backtest`]; also when an asset that is held has no price for too long.
pub fn backtest_quotes(
    quotes: &Quotes,
    allocation: &Allocation,
    params: &BacktestParams,
) -> Result<BacktestOutcome, BacktestError> {
    backtest_quotes_watched(quotes, allocation, params, &go_on)
}

/// As [`backtest`], watched.
///
/// # Errors
/// As [`backtest`]; [`BacktestError::Cancelled`].
pub fn backtest_watched(
    prices: &PriceTable,
    allocation: &Allocation,
    params: &BacktestParams,
    watch: Watch<'_>,
) -> Result<BacktestOutcome, BacktestError> {
    Run::new(Marks::of_table(prices), allocation, params)?.go(watch)
}

/// As [`backtest_quotes`], watched.
///
/// # Errors
/// As [`backtest_quotes`]; [`BacktestError::Cancelled`].
pub fn backtest_quotes_watched(
    quotes: &Quotes,
    allocation: &Allocation,
    params: &BacktestParams,
    watch: Watch<'_>,
) -> Result<BacktestOutcome, BacktestError> {
    Run::new(Marks::of_quotes(quotes), allocation, params)?.go(watch)
}

/// Weights that a portfolio may have.
pub(crate) fn check_weights(weights: &[f64], assets: usize) -> Result<(), BacktestError> {
    if weights.len() != assets {
        return Err(BacktestError::LengthsDiffer { weights: weights.len(), assets });
    }
    if let Some(&value) = weights.iter().find(|weight| !weight.is_finite() || weight.abs() > WEIGHT_MAX) {
        return Err(BacktestError::Parameter { name: "weight", value });
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > WEIGHTS_TOLERANCE { Err(BacktestError::WeightsDoNotAddUp(sum)) } else { Ok(()) }
}

struct Run<'a> {
    marks: Marks<'a>,
    allocation: &'a Allocation,
    params: &'a BacktestParams,
    /// Money paid in or out at each row that has any, ascending.
    payments: Vec<(usize, f64)>,
    /// Rows on which the calendar wants a trade, ascending.
    calendar: Vec<usize>,
    units: Vec<f64>,
    equity: Vec<f64>,
    rebalances: Vec<Rebalance>,
}

impl<'a> Run<'a> {
    fn new(marks: Marks<'a>, allocation: &'a Allocation, params: &'a BacktestParams) -> Result<Run<'a>, BacktestError> {
        let (dates, assets) = (marks.dates, marks.assets);
        if let Allocation::Weights(weights) = allocation {
            check_weights(weights, assets.len())?;
            if let Some(asset) = (0..assets.len()).find(|&asset| weights[asset] != 0.0 && !marks.has_own(asset, 0)) {
                return Err(BacktestError::NotListed { asset: assets[asset].clone(), date: dates[0] });
            }
        }
        check_range("cost rate", params.cost_rate, COST_RATE_MAX)?;
        if let Some(threshold) = params.policy.threshold {
            check_range("drift threshold", threshold.drift.limit(), f64::MAX)?;
        }
        check_range(
            "number of contributions",
            crate::sums::count(params.contributions.len()),
            crate::sums::count(FLOWS_MAX),
        )?;
        let payments = payments(dates, &params.contributions)?;
        let lag = params.policy.lag_sessions;
        let openings = params.policy.calendar.iter().flat_map(|period| period.openings(dates));
        let calendar = openings.map(|row| row.saturating_add(lag)).filter(|&row| row < dates.len()).collect();
        let (units, equity) = (vec![0.0; assets.len()], vec![0.0; dates.len()]);
        Ok(Run { marks, allocation, params, payments, calendar, units, equity, rebalances: Vec::new() })
    }

    fn go(mut self, watch: Watch<'_>) -> Result<BacktestOutcome, BacktestError> {
        let last = self.marks.dates.len() - 1;
        let (mut targets, first) = self.rebalance_at(0, 1.0).ok_or(BacktestError::NothingToBuy(self.marks.dates[0]))?;
        self.equity[0] = first.value;
        self.check_rows(0, 0)?;
        let mut paid = vec![Flow { date: self.marks.dates[0], amount: 1.0 }];
        let (mut row, mut last_trade) = (0, 0);
        // The row of a trade that drift has decided and that is not done yet.
        let mut pending = None;
        let (mut calendar, mut payments) =
            (self.calendar.clone().into_iter().peekable(), self.payments.clone().into_iter().peekable());
        while row < last {
            if watch(crate::sums::count(row) / crate::sums::count(last)).is_break() {
                return Err(BacktestError::Cancelled(self.marks.dates[row]));
            }
            let planned =
                [calendar.peek().copied(), payments.peek().map(|(at, _)| *at), pending].into_iter().flatten().min();
            let mut now = planned.unwrap_or(last).min(last);
            if self.params.policy.threshold.is_some() {
                now = now.min(row + ROWS_AT_ONCE);
            }
            self.value_rows(row + 1, now);
            if pending.is_none()
                && let Some(decided) = self.drifted(row + 1, now, last_trade, &targets)
            {
                let due = decided.saturating_add(self.params.policy.lag_sessions);
                pending = Some(due);
                now = now.min(due);
            }
            self.check_rows(row + 1, now)?;
            row = now;
            let mut amount = payments.next_if(|(at, _)| *at == row).map_or(0.0, |(_, amount)| amount);
            if amount != 0.0 {
                paid.push(Flow { date: self.marks.dates[row], amount });
            }
            if calendar.next_if_eq(&row).is_some() || pending == Some(row) {
                pending = None;
                if let Some((new_targets, traded)) = self.rebalance_at(row, amount) {
                    (targets, last_trade, amount) = (new_targets, row, 0.0);
                    self.equity[row] = traded.value;
                }
            }
            if amount != 0.0 {
                self.pay(row, amount, &targets);
            }
            self.check_rows(row, row)?;
        }
        Ok(self.finish(paid))
    }

    /// Equity of the rows `from..=to` with today's units.
    fn value_rows(&mut self, from: usize, to: usize) {
        let equity = &mut self.equity[from..=to];
        equity.fill(0.0);
        for (asset, &units) in self.units.iter().enumerate().filter(|(_, units)| **units != 0.0) {
            for (value, mark) in equity.iter_mut().zip(&self.marks.columns[asset][from..=to]) {
                *value += units * mark;
            }
        }
    }

    fn check_rows(&self, from: usize, to: usize) -> Result<(), BacktestError> {
        for (asset, _) in self.units.iter().enumerate().filter(|(_, units)| **units != 0.0) {
            if let Some(stale) = self.marks.stale_from[asset].filter(|stale| *stale <= to) {
                let (asset, date) = (self.marks.assets[asset].clone(), self.marks.dates[stale]);
                return Err(BacktestError::PriceGap { asset, date, sessions: CARRY_SESSIONS_MAX + 1 });
            }
        }
        if let Some(&units) = self.units.iter().find(|units| !units.is_finite()) {
            return Err(BacktestError::Ruined { date: self.marks.dates[to], value: units });
        }
        match (from..=to).find(|&row| !(self.equity[row].is_finite() && self.equity[row] > 0.0)) {
            Some(row) => Err(BacktestError::Ruined { date: self.marks.dates[row], value: self.equity[row] }),
            None => Ok(()),
        }
    }

    /// The first row of `from..=to` at whose close a weight is too far from its target.
    fn drifted(&self, from: usize, to: usize, last_trade: usize, targets: &[f64]) -> Option<usize> {
        let threshold = self.params.policy.threshold?;
        let from = from.max(last_trade.saturating_add(threshold.cooldown_sessions).saturating_add(1));
        (from..=to).find(|&row| self.is_off(row, targets, threshold.drift))
    }

    fn is_off(&self, row: usize, targets: &[f64], drift: Drift) -> bool {
        let weight = |asset: usize| self.units[asset] * self.marks.columns[asset][row] / self.equity[row];
        (0..targets.len()).any(|asset| drift.exceeded(weight(asset), targets[asset]))
    }

    /// Trades to the targets at the close of `row`, `cash` added; the targets and what was done.
    fn rebalance_at(&mut self, row: usize, cash: f64) -> Option<(Vec<f64>, Traded)> {
        let n = self.units.len();
        let tradable: Vec<bool> = (0..n).map(|asset| self.marks.has_own(asset, row)).collect();
        let targets = match self.allocation {
            Allocation::Weights(weights) => weights.clone(),
            Allocation::EqualAmongListed => {
                let listed = |asset: usize| self.marks.columns[asset][row] > 0.0;
                let share = 1.0 / crate::sums::count((0..n).filter(|&asset| listed(asset)).count().max(1));
                (0..n).map(|asset| if listed(asset) { share } else { 0.0 }).collect()
            }
        };
        let mut holdings: Vec<f64> = (0..n).map(|asset| self.units[asset] * self.marks.columns[asset][row]).collect();
        let before: f64 = holdings.iter().sum::<f64>() + cash;
        let traded = rebalance(&mut holdings, &targets, &tradable, cash, self.params.cost_rate)?;
        for asset in (0..n).filter(|&asset| tradable[asset]) {
            self.units[asset] = holdings[asset] / self.marks.columns[asset][row];
        }
        let held = (0..n).filter(|&asset| !tradable[asset] && targets[asset] != 0.0);
        self.rebalances.push(Rebalance {
            date: self.marks.dates[row],
            turnover: traded.notional / before,
            cost: traded.cost,
            held: held.map(|asset| self.marks.assets[asset].clone()).collect(),
        });
        Some((targets, traded))
    }

    /// Buys by the targets, or sells a share of everything, at the close of `row` outside a rebalancing.
    fn pay(&mut self, row: usize, amount: f64, targets: &[f64]) {
        let rate = self.params.cost_rate;
        let share: f64 =
            targets.iter().enumerate().filter(|(asset, _)| self.marks.has_own(*asset, row)).map(|(_, w)| w.abs()).sum();
        let value = self.equity[row];
        if amount > 0.0 && share > 0.0 {
            let bought = amount / (1.0 + rate);
            for asset in (0..self.units.len()).filter(|&asset| self.marks.has_own(asset, row)) {
                self.units[asset] += targets[asset] / share * bought / self.marks.columns[asset][row];
            }
            self.equity[row] += bought;
        } else {
            let sold = (-amount / (1.0 - rate) / value).min(1.0);
            self.units.iter_mut().for_each(|units| *units *= 1.0 - sold);
            self.equity[row] = value * (1.0 - sold);
        }
    }

    fn finish(self, flows: Vec<Flow>) -> BacktestOutcome {
        let rows = self.equity.len();
        let mut paid = flows[1..].iter().peekable();
        let returns = (1..rows).map(|row| {
            let amount = paid.next_if(|flow| flow.date == self.marks.dates[row]).map_or(0.0, |flow| flow.amount);
            (self.equity[row] - amount) / self.equity[row - 1] - 1.0
        });
        let returns = returns.collect();
        let last = rows - 1;
        let final_weights = (0..self.units.len())
            .map(|asset| self.units[asset] * self.marks.columns[asset][last] / self.equity[last])
            .collect();
        let carried = self.marks.own.iter().enumerate().filter_map(|(asset, own)| {
            let column = &self.marks.columns[asset];
            let sessions = own.as_ref()?.iter().zip(column.iter()).filter(|(own, mark)| !**own && **mark > 0.0).count();
            (sessions > 0).then(|| Carried { asset: self.marks.assets[asset].clone(), sessions })
        });
        let carried = carried.collect();
        BacktestOutcome {
            dates: self.marks.dates.to_vec(),
            equity: self.equity,
            returns,
            rebalances: self.rebalances,
            final_weights,
            flows,
            carried,
        }
    }
}

pub(super) fn check_range(name: &'static str, value: f64, most: f64) -> Result<(), BacktestError> {
    if (0.0..=most).contains(&value) { Ok(()) } else { Err(BacktestError::Parameter { name, value }) }
}

/// Payments by the row of their session, several of one session added up. Those on or before the first session, and
/// those after the last, are refused: nobody would see them.
fn payments(dates: &[Date], flows: &[Flow]) -> Result<Vec<(usize, f64)>, BacktestError> {
    let mut rows = std::collections::BTreeMap::new();
    for flow in flows {
        let row = dates.partition_point(|&date| date < flow.date);
        if !flow.amount.is_finite() || row == 0 || row == dates.len() {
            return Err(BacktestError::Parameter { name: "contribution", value: flow.amount });
        }
        *rows.entry(row).or_insert(0.0) += flow.amount;
    }
    Ok(rows.into_iter().collect())
}
