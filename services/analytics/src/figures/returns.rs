//! Returns of a price series.

/// Simple returns `P_t / P_(t-1) - 1`, one fewer than the prices.
pub fn simple_returns(prices: &[f64]) -> Vec<f64> {
    prices.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

/// Logarithmic returns `ln(P_t / P_(t-1))`, one fewer than the prices. Used only where a figure says so.
pub fn log_returns(prices: &[f64]) -> Vec<f64> {
    prices.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
}

/// Returns in the investor's currency of an asset quoted in another: `(1 + r)(1 + r_fx) - 1`, fixings of the same dates.
///
/// Both slices have one entry per session; the shorter one ends the answer.
pub fn returns_in_currency(local: &[f64], exchange: &[f64]) -> Vec<f64> {
    local.iter().zip(exchange).map(|(r, fx)| (1.0 + r) * (1.0 + fx) - 1.0).collect()
}

/// Returns of a portfolio that is brought back to its weights at every close, without cost: the weighted returns of its
/// assets. A different portfolio from one that rebalances monthly or never; a backtest is not this.
///
/// `prices` holds a column for each asset, all of the same dates.
pub fn constant_mix_returns(prices: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let rows = prices.iter().map(Vec::len).min().unwrap_or(0).saturating_sub(1);
    let mut returns = vec![0.0; rows];
    for (column, weight) in prices.iter().zip(weights) {
        for ((r, now), before) in returns.iter_mut().zip(&column[1..]).zip(column) {
            *r += weight * (now / before - 1.0);
        }
    }
    returns
}

#[cfg(test)]
mod tests {
    use super::{constant_mix_returns, log_returns, returns_in_currency, simple_returns};

    #[test]
    fn a_rise_of_ten_percent_is_a_tenth() {
        assert!((simple_returns(&[100.0, 110.0])[0] - 0.1).abs() < 1e-15);
        assert!((log_returns(&[100.0, 110.0])[0] - 1.1_f64.ln()).abs() < 1e-15);
        assert!(simple_returns(&[100.0]).is_empty());
    }

    #[test]
    fn a_gain_abroad_may_be_lost_in_exchange() {
        assert!((returns_in_currency(&[0.1], &[-0.1])[0] + 0.01).abs() < 1e-15);
    }

    #[test]
    fn a_constant_mix_earns_the_weighted_return_each_day() {
        let returns = constant_mix_returns(&[vec![1.0, 2.0, 2.0], vec![4.0, 4.0, 2.0]], &[0.5, 0.5]);
        assert!((returns[0] - 0.5).abs() < 1e-15 && (returns[1] + 0.25).abs() < 1e-15);
        assert!(constant_mix_returns(&[], &[]).is_empty());
    }
}
