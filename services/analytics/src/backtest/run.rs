//! One backtest over a window.

use super::error::{BacktestError, COST_RATE_MAX, DRIFT_MAX, check_range, check_weights, unsound};
use super::marks::{CARRY_SESSIONS_MAX, Marks};
use super::money_weighted::Flow;
use super::outcome::{BacktestOutcome, Carried, Payment, Rebalance};
use super::pay::payments;
use super::policy::{Drift, Policy};
use super::trade::{Traded, rebalance};
use crate::prices::{PriceTable, Quotes};
use crate::watch::{Watch, go_on};

/// Rows valued before the weights are looked at again, when drift may end a stretch at any row.
const ROWS_AT_ONCE: usize = 64;

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

/// A backtest on its way.
pub(super) struct Run<'a> {
    pub(super) marks: Marks<'a>,
    allocation: &'a Allocation,
    pub(super) params: &'a BacktestParams,
    /// Money paid in or out at each row that has any, ascending.
    payments: Vec<(usize, f64)>,
    /// Rows on which the calendar wants a trade, ascending.
    calendar: Vec<usize>,
    pub(super) units: Vec<f64>,
    pub(super) equity: Vec<f64>,
    rebalances: Vec<Rebalance>,
    pub(super) paid: Vec<Payment>,
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
        check_range("cost rate", params.cost_rate, 0.0, COST_RATE_MAX)?;
        if let Some(threshold) = params.policy.threshold {
            check_range("drift threshold", threshold.drift.limit(), 0.0, DRIFT_MAX)?;
        }
        let payments = payments(dates, &params.contributions)?;
        let lag = params.policy.lag_sessions;
        let openings = params.policy.calendar.iter().flat_map(|period| period.openings(dates));
        let calendar = openings.map(|row| row.saturating_add(lag)).filter(|&row| row < dates.len()).collect();
        let (units, equity) = (vec![0.0; assets.len()], vec![0.0; dates.len()]);
        Ok(Run {
            marks,
            allocation,
            params,
            payments,
            calendar,
            units,
            equity,
            rebalances: Vec::new(),
            paid: Vec::new(),
        })
    }

    fn go(mut self, watch: Watch<'_>) -> Result<BacktestOutcome, BacktestError> {
        let last = self.marks.dates.len() - 1;
        let (mut targets, first) = self.rebalance_at(0, 1.0).ok_or(BacktestError::NothingToBuy(self.marks.dates[0]))?;
        self.equity[0] = first.value;
        self.check_rows(0, 0)?;
        let mut flows = vec![Flow { date: self.marks.dates[0], amount: 1.0 }];
        // What is to be paid as soon as it can be traded.
        let mut waiting = 0.0;
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
            if waiting != 0.0 {
                now = row + 1;
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
            let amount = waiting + payments.next_if(|(at, _)| *at == row).map_or(0.0, |(_, amount)| amount);
            let mut settled = amount.abs() <= 0.0;
            if calendar.next_if_eq(&row).is_some() || pending == Some(row) {
                pending = None;
                if let Some((new_targets, traded)) = self.rebalance_at(row, amount) {
                    (targets, last_trade, settled) = (new_targets, row, true);
                    self.equity[row] = traded.value;
                }
            }
            settled = settled || self.pay(row, amount, &targets);
            waiting = if settled { 0.0 } else { amount };
            if settled && amount != 0.0 {
                flows.push(Flow { date: self.marks.dates[row], amount });
            }
            self.check_rows(row, row)?;
        }
        if waiting != 0.0 {
            return Err(BacktestError::PaymentLeft { date: self.marks.dates[last] });
        }
        Ok(self.finish(flows))
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
        if self.units.iter().any(|units| !units.is_finite()) {
            return Err(BacktestError::OutOfRange(self.marks.dates[to]));
        }
        match (from..=to).find(|&row| !(self.equity[row].is_finite() && self.equity[row] > 0.0)) {
            Some(row) => Err(unsound(self.marks.dates[row], self.equity[row])),
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
        // What is taken out is still there before the trade.
        let before: f64 = holdings.iter().sum::<f64>() + cash.max(0.0);
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
            payments: self.paid,
            flows,
            carried,
        }
    }
}
