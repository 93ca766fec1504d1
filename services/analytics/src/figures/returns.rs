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

#[cfg(test)]
mod tests {
    use super::{log_returns, returns_in_currency, simple_returns};

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
}
