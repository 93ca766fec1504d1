//! Payments into a portfolio and out of it, on days on which nothing is rebalanced.

use jiff::civil::Date;

use super::error::{BacktestError, check_range};
use super::money_weighted::Flow;
use super::outcome::Payment;
use super::run::Run;

/// Payments that one backtest takes.
pub const FLOWS_MAX: usize = 10_000;
/// Largest payment of either sign, per 1.0 put in at first.
pub const FLOW_MAX: f64 = 1e6;

impl Run<'_> {
    /// Trades a payment at the close of `row` outside a rebalancing: buys by the targets, or sells the same share of
    /// everything that can be sold. Whether it could be traded.
    pub(super) fn pay(&mut self, row: usize, amount: f64, targets: &[f64]) -> bool {
        let tradable: Vec<usize> = (0..self.units.len()).filter(|&asset| self.marks.has_own(asset, row)).collect();
        let traded =
            if amount > 0.0 { self.buy(row, amount, targets, &tradable) } else { self.sell(row, -amount, &tradable) };
        let Some((notional, before)) = traded else { return false };
        let (date, cost) = (self.marks.dates[row], self.params.cost_rate * notional);
        self.paid.push(Payment { date, amount, turnover: notional / before, cost });
        true
    }

    /// Buys for an amount that pays its own cost. What was traded, and the value before.
    fn buy(&mut self, row: usize, amount: f64, targets: &[f64], tradable: &[usize]) -> Option<(f64, f64)> {
        let share: f64 = tradable.iter().map(|&asset| targets[asset]).sum();
        let gross: f64 = tradable.iter().map(|&asset| targets[asset].abs()).sum();
        if share <= 0.0 {
            return None;
        }
        let before = self.equity[row] + amount;
        let bought = amount / (1.0 + self.params.cost_rate * (gross / share));
        for &asset in tradable {
            self.units[asset] += targets[asset] / share * bought / self.marks.columns[asset][row];
        }
        self.equity[row] += bought;
        Some((bought * (gross / share), before))
    }

    /// Sells so much that the amount is left after cost. What was traded, and the value before.
    fn sell(&mut self, row: usize, amount: f64, tradable: &[usize]) -> Option<(f64, f64)> {
        let holding = |asset: usize| self.units[asset] * self.marks.columns[asset][row];
        let value: f64 = tradable.iter().map(|&asset| holding(asset)).sum();
        let gross: f64 = tradable.iter().map(|&asset| holding(asset).abs()).sum();
        let net = value - self.params.cost_rate * gross;
        let is_held = |asset: usize| self.units[asset] != 0.0 && !tradable.contains(&asset);
        let before = self.equity[row];
        if amount >= net {
            if (0..self.units.len()).any(is_held) {
                return None;
            }
            // All of it goes, and does not suffice.
            (self.equity[row], self.units) = (0.0, vec![0.0; self.units.len()]);
            return Some((gross, before));
        }
        let sold = amount / net;
        tradable.iter().for_each(|&asset| self.units[asset] *= 1.0 - sold);
        self.equity[row] -= sold * value;
        Some((sold * gross, before))
    }
}

/// Payments by the row of their session, several of one session added up. Those on or before the first session, and
/// those after the last, are refused: nobody would see them.
pub(super) fn payments(dates: &[Date], flows: &[Flow]) -> Result<Vec<(usize, f64)>, BacktestError> {
    check_range("number of payments", crate::sums::count(flows.len()), 0.0, crate::sums::count(FLOWS_MAX))?;
    let mut rows = std::collections::BTreeMap::new();
    for flow in flows {
        check_range("payment", flow.amount, -FLOW_MAX, FLOW_MAX)?;
        let row = dates.partition_point(|&date| date < flow.date);
        if row == 0 || row == dates.len() {
            return Err(BacktestError::PaymentOutside { date: flow.date });
        }
        *rows.entry(row).or_insert(0.0) += flow.amount;
    }
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::Flow;
    use crate::backtest::{
        Allocation, BacktestError, BacktestOutcome, BacktestParams, Policy, backtest, backtest_quotes,
    };
    use crate::prices::{PriceTable, Quotes};
    use jiff::civil::{Date, date};

    const COST_RATE: f64 = 0.01;

    fn days(days: impl IntoIterator<Item = i8>) -> Vec<Date> {
        days.into_iter().map(|day| date(2024, 1, day)).collect()
    }

    fn params(flows: &[(i8, f64)]) -> BacktestParams {
        let contributions = flows.iter().map(|&(day, amount)| Flow { date: date(2024, 1, day), amount }).collect();
        BacktestParams { policy: Policy::NONE, cost_rate: COST_RATE, contributions }
    }

    /// Prices that never move: whatever is missing at the end was paid as cost.
    fn still(weights: &[f64], flows: &[(i8, f64)]) -> BacktestOutcome {
        let names = (0..weights.len()).map(|asset| asset.to_string()).collect();
        let table = PriceTable::new(names, days(1..=5), vec![vec![10.0; 5]; weights.len()]).unwrap();
        backtest(&table, &Allocation::Weights(weights.to_vec()), &params(flows)).unwrap()
    }

    #[test]
    fn what_payments_trade_is_counted_and_costs() {
        let outcome = still(&[1.0], &[(3, 0.5)]);
        let (first, more) = (1.0 / 1.01, 0.5 / 1.01);
        assert!((outcome.total_cost() - 0.01 * (first + more)).abs() < 1e-15, "{}", outcome.total_cost());
        assert!((outcome.turnover() - first - more / (first + 0.5)).abs() < 1e-15, "{}", outcome.turnover());
        assert!((outcome.final_value() - first - more).abs() < 1e-15);
        let out = still(&[1.0], &[(3, -0.5)]);
        let sold = 0.5 / 0.99;
        assert!((out.total_cost() - 0.01 * (first + sold)).abs() < 1e-15, "{}", out.total_cost());
        assert!((out.turnover() - first - sold / first).abs() < 1e-15, "{}", out.turnover());
        assert_eq!((out.payments.len(), out.rebalances.len()), (1, 1));
    }

    #[test]
    fn what_was_paid_in_is_there_or_was_paid_as_cost_sold_short_or_not() {
        for weights in [[0.6, 0.4], [1.2, -0.2]] {
            let outcome = still(&weights, &[(2, 0.3), (3, -0.2), (5, 0.1)]);
            assert!((outcome.final_value() + outcome.total_cost() - 1.2).abs() < 1e-14, "{weights:?}");
            assert!((outcome.final_weights[0] - weights[0]).abs() < 1e-14);
        }
    }

    #[test]
    fn a_payment_waits_for_a_session_on_which_it_can_be_traded() {
        let run = |columns: Vec<Vec<Option<f64>>>, weights: [f64; 2], flows: &[(i8, f64)]| {
            let quotes = Quotes::new(vec!["A".into(), "B".into()], days(1..=5), columns).unwrap();
            backtest_quotes(&quotes, &Allocation::Weights(weights.to_vec()), &params(flows))
        };
        let (every, some) = (vec![Some(10.0); 5], vec![Some(10.0), None, None, Some(10.0), Some(10.0)]);
        // All is in what has no price on the second and third.
        let outcome = run(vec![every.clone(), some.clone()], [0.0, 1.0], &[(2, 0.5)]).unwrap();
        assert_eq!(outcome.flows[1], Flow { date: date(2024, 1, 4), amount: 0.5 });
        assert!((outcome.final_value() + outcome.total_cost() - 1.5).abs() < 1e-15);
        assert!(outcome.returns[0].abs() < 1e-15);
        // Half can be sold, which is not enough; nothing is sold short for it.
        let outcome = run(vec![every.clone(), some], [0.5, 0.5], &[(2, -0.6)]).unwrap();
        assert_eq!(outcome.flows[1].date, date(2024, 1, 4));
        assert!(outcome.final_weights.iter().all(|weight| *weight > 0.0));
        let never = vec![Some(10.0), None, None, None, None];
        let refused = run(vec![every, never], [0.0, 1.0], &[(2, 0.5)]);
        assert_eq!(refused, Err(BacktestError::PaymentLeft { date: date(2024, 1, 5) }));
    }

    #[test]
    fn a_payment_has_a_range_and_a_day_within_the_window() {
        let refused = |flow| {
            let table = PriceTable::new(vec!["A".into()], days(1..=5), vec![vec![10.0; 5]]).unwrap();
            backtest(&table, &Allocation::Weights(vec![1.0]), &params(&[flow])).unwrap_err().to_string()
        };
        assert_eq!(refused((3, 1e308)), "the payment is 1e308, which is not between -1000000 and 1000000");
        assert_eq!(refused((3, f64::NAN)), "the payment is not a number, which is not between -1000000 and 1000000");
        assert!(refused((1, 0.1)).contains("2024-01-01 is not after the first session"));
        assert_eq!(refused((3, -1.0)), "nothing is left of the portfolio on 2024-01-03: it is worth 0");
    }
}
