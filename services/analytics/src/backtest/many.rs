//! Many weights on the same prices at once: what a search over portfolios needs.
//!
//! Between two rebalancings the values of all portfolios are one matrix product; at one, the cost equation of all is
//! solved together. The arithmetic is that of a single backtest, its rounding is not.

use super::error::{BacktestError, COST_RATE_MAX, check_range, check_weights, unsound};
use super::policy::Policy;
use crate::prices::PriceTable;

/// Portfolios times sessions that one call may value: half a gigabyte.
pub const VALUES_MAX: usize = 64 << 20;
/// Portfolios whose holdings stay in the nearest cache together.
const PORTFOLIOS_AT_ONCE: usize = 256;
/// Steps of the cost equation, as in a single rebalancing.
const STEPS_MAX: usize = 64;

/// Values of many portfolios on the same sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct ManyEquities {
    portfolios: usize,
    /// For each session the values of all portfolios.
    values: Vec<f64>,
}

impl ManyEquities {
    /// Values of one portfolio on all sessions, per 1.0 put in at first, after costs.
    pub fn of(&self, portfolio: usize) -> Vec<f64> {
        self.values.iter().skip(portfolio).step_by(self.portfolios).copied().collect()
    }

    /// Values of all portfolios at the close of one session.
    pub fn on(&self, session: usize) -> &[f64] {
        &self.values[session * self.portfolios..(session + 1) * self.portfolios]
    }

    /// Values of all portfolios at the last close.
    pub fn last(&self) -> &[f64] {
        &self.values[self.values.len() - self.portfolios..]
    }
}

/// The values of every one of `weights` under a calendar policy (or none), with costs.
///
/// # Errors
/// [`BacktestError`] for weights or parameters outside their ranges, a threshold or lag in the policy (those differ from
/// portfolio to portfolio: run them one by one), or a portfolio that loses everything.
pub fn backtest_many(
    prices: &PriceTable,
    weights: &[Vec<f64>],
    policy: Policy,
    cost_rate: f64,
) -> Result<ManyEquities, BacktestError> {
    let (dates, n, k) = (prices.dates(), prices.assets().len(), weights.len());
    weights.iter().try_for_each(|weights| check_weights(weights, n))?;
    check_range("cost rate", cost_rate, 0.0, COST_RATE_MAX)?;
    if policy.threshold.is_some() || policy.lag_sessions > 0 {
        return Err(BacktestError::NotOfMany);
    }
    let cells = k.saturating_mul(dates.len());
    check_range("number of values", crate::sums::count(cells), 0.0, crate::sums::count(VALUES_MAX))?;
    let mut trades: Vec<usize> = std::iter::once(0).collect();
    trades.extend(policy.calendar.iter().flat_map(|period| period.openings(dates)));
    let closes = by_session(prices);
    let mut values = vec![0.0; cells];
    for (block, weights) in weights.chunks(PORTFOLIOS_AT_ONCE).enumerate() {
        let mut book = Book::new(n, &closes, weights);
        let at = block * PORTFOLIOS_AT_ONCE;
        for (place, &from) in trades.iter().enumerate() {
            let to = trades.get(place + 1).copied().unwrap_or(dates.len());
            book.rebalance(from, cost_rate);
            let rows = &mut values[from * k..to * k];
            book.value(from, rows, k, at);
            let of_block = rows.chunks_exact(k).map(|row| &row[at..at + weights.len()]);
            if let Some((row, values)) = of_block.enumerate().find(|(_, values)| !all_sound(values))
                && let Some(&value) = values.iter().find(|&&value| !is_sound(value))
            {
                return Err(unsound(dates[from + row], value));
            }
            // The close that trades next is valued with the old units.
            book.value_close(to.min(dates.len() - 1));
        }
    }
    Ok(ManyEquities { portfolios: k, values })
}

fn is_sound(value: f64) -> bool {
    value > 0.0 && value < f64::INFINITY
}

fn all_sound(values: &[f64]) -> bool {
    values.iter().fold(true, |sound, &value| sound & is_sound(value))
}

/// Closes, a row of all assets for each session.
fn by_session(prices: &PriceTable) -> Vec<f64> {
    let n = prices.assets().len();
    let mut closes = vec![0.0; n * prices.dates().len()];
    for (asset, column) in prices.columns().iter().enumerate() {
        closes.iter_mut().skip(asset).step_by(n).zip(column).for_each(|(cell, close)| *cell = *close);
    }
    closes
}

/// Holdings of some portfolios; every block has a row for each asset and a column for each portfolio.
struct Book<'a> {
    n: usize,
    k: usize,
    /// Closes, a row of all assets for each session.
    closes: &'a [f64],
    weights: Vec<f64>,
    units: Vec<f64>,
    holdings: Vec<f64>,
    before: Vec<f64>,
    after: Vec<f64>,
    notional: Vec<f64>,
    slope: Vec<f64>,
}

impl<'a> Book<'a> {
    fn new(n: usize, closes: &'a [f64], weights: &[Vec<f64>]) -> Book<'a> {
        let k = weights.len();
        let by_asset = (0..n).flat_map(|asset| weights.iter().map(move |weights| weights[asset])).collect();
        let block = || vec![0.0; n * k];
        let line = || vec![0.0; k];
        let (units, holdings) = (block(), block());
        Book {
            n,
            k,
            closes,
            weights: by_asset,
            units,
            holdings,
            before: vec![1.0; k],
            after: line(),
            notional: line(),
            slope: line(),
        }
    }

    /// Makes all weights exact after costs at the close of `row`.
    fn rebalance(&mut self, row: usize, cost_rate: f64) {
        self.after.copy_from_slice(&self.before);
        for _ in 0..STEPS_MAX {
            if cost_rate <= 0.0 || !self.step(cost_rate) {
                break;
            }
        }
        for asset in 0..self.n {
            let block = asset * self.k..(asset + 1) * self.k;
            let close = self.closes[row * self.n + asset];
            let (units, weights) = (&mut self.units[block.clone()], &self.weights[block]);
            for ((units, weight), after) in units.iter_mut().zip(weights).zip(&self.after) {
                *units = weight * after / close;
            }
        }
    }

    /// One step of Newton's method for every portfolio; whether any of them still moved.
    fn step(&mut self, cost_rate: f64) -> bool {
        self.notional.fill(0.0);
        self.slope.fill(0.0);
        for (weights, holdings) in self.weights.chunks_exact(self.k).zip(self.holdings.chunks_exact(self.k)) {
            let sums = self.notional.iter_mut().zip(&mut self.slope).zip(&self.after);
            for (((notional, slope), after), (weight, holding)) in sums.zip(weights.iter().zip(holdings)) {
                let change = weight * after - holding;
                *notional += change.abs();
                *slope += weight.copysign(weight * change);
            }
        }
        let mut moved = false;
        let values = self.after.iter_mut().zip(&self.before);
        for ((after, before), (notional, slope)) in values.zip(self.notional.iter().zip(&self.slope)) {
            let next = *after - (*after - before + cost_rate * notional) / (1.0 + cost_rate * slope);
            moved |= (next - *after).abs() > f64::EPSILON * before.abs();
            *after = next;
        }
        moved
    }

    /// Values of the sessions from `from` on, as many as `values` has rows of `width`, in the columns from `at` on.
    fn value(&self, from: usize, values: &mut [f64], width: usize, at: usize) {
        let rows = values.len() / width;
        let closes = &self.closes[from * self.n..(from + rows) * self.n];
        let product = faer::MatMut::from_column_major_slice_mut(values, width, rows);
        faer::linalg::matmul::matmul(
            product.subrows_mut(at, self.k),
            faer::Accum::Replace,
            faer::MatRef::from_column_major_slice(&self.units, self.k, self.n),
            faer::MatRef::from_column_major_slice(closes, self.n, rows),
            1.0,
            faer::Par::Seq,
        );
    }

    /// Holdings and values at the close of `row`, before any trade.
    fn value_close(&mut self, row: usize) {
        self.before.fill(0.0);
        for asset in 0..self.n {
            let block = asset * self.k..(asset + 1) * self.k;
            let close = self.closes[row * self.n + asset];
            let (units, holdings) = (&self.units[block.clone()], &mut self.holdings[block]);
            for ((holding, units), before) in holdings.iter_mut().zip(units).zip(&mut self.before) {
                *holding = units * close;
                *before += *holding;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::backtest_many;
    use crate::backtest::{Allocation, BacktestParams, Policy, backtest};
    use crate::prices::PriceTable;
    use jiff::civil::date;

    #[test]
    fn many_agree_with_one_by_one() {
        let first = date(2024, 1, 15);
        let dates: Vec<_> = (0..60).map(|day| first + jiff::Span::new().days(day)).collect();
        let wave = |speed: f64| (0..60).map(|day| 10.0 + (speed * f64::from(day)).sin()).collect::<Vec<f64>>();
        let table =
            PriceTable::new(["A", "B", "C"].map(String::from).to_vec(), dates, vec![wave(0.3), wave(0.7), wave(1.1)]);
        let table = table.unwrap();
        let weights = [vec![0.5, 0.3, 0.2], vec![1.2, -0.2, 0.0], vec![0.0, 0.0, 1.0]];
        let many = backtest_many(&table, &weights, Policy::MONTHLY, 0.002).unwrap();
        for (portfolio, weights) in weights.iter().enumerate() {
            let params = BacktestParams { policy: Policy::MONTHLY, cost_rate: 0.002, contributions: vec![] };
            let one = backtest(&table, &Allocation::Weights(weights.clone()), &params).unwrap();
            let agree = many.of(portfolio).iter().zip(&one.equity).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(agree, "{weights:?}");
            assert!((many.last()[portfolio] - one.final_value()).abs() < 1e-12);
        }
        assert_eq!(many.on(0).len(), 3);
    }
}
