//! Sums in eight lanes: as fast as the machine adds, and with less rounding than one running sum.

const LANES: usize = 8;

/// The sum of `f(x)` over all `x`.
pub(crate) fn sum_of(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&x| f(x)).sum::<f64>()
}

/// The sum of `f(x, y)` over the pairs of both slices, which have the same length.
pub(crate) fn sum_of_pairs(left: &[f64], right: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (xs, ys) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = xs.remainder().iter().zip(ys.remainder()).map(|(&x, &y)| f(x, y)).sum::<f64>();
    for (x, y) in xs.zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += f(x[lane], y[lane]);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// The arithmetic mean; of an empty slice it is not a number.
pub(crate) fn mean(values: &[f64]) -> f64 {
    sum_of(values, |x| x) / count(values.len())
}

/// The least and the greatest value; infinities of the wrong sign when empty.
pub(crate) fn extremes(values: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            low[lane] = if chunk[lane] < low[lane] { chunk[lane] } else { low[lane] };
            high[lane] = if chunk[lane] > high[lane] { chunk[lane] } else { high[lane] };
        }
    }
    let low = low.iter().chain(rest).fold(f64::INFINITY, |a, &b| a.min(b));
    let high = high.iter().chain(rest).fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    (low, high)
}

/// A count as a number. Exact up to 2^53, far beyond any window.
pub(crate) fn count(n: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of prices stay far below 2^53")]
    let n = n as f64;
    n
}

/// Prices written with 16 digits give returns that differ in the last two bits; a ratio to that spread prints 7e16.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Whether the values are one value up to rounding.
pub(crate) fn is_constant(values: &[f64]) -> bool {
    let (low, high) = extremes(values);
    high - low <= ROUNDING * (1.0 + low.abs().max(high.abs()))
}

/// Whether a spread or a mean of these returns is no more than their rounding.
pub(crate) fn is_rounding(amount: f64, returns: &[f64]) -> bool {
    let (low, high) = extremes(returns);
    amount <= ROUNDING * (1.0 + low.abs().max(high.abs()))
}

#[cfg(test)]
mod tests {
    use super::{extremes, is_constant, sum_of, sum_of_pairs};

    #[test]
    fn lanes_and_remainder_are_all_counted() {
        let values: Vec<f64> = (1..=19).map(f64::from).collect();
        assert!((sum_of(&values, |x| x) - 190.0).abs() < 1e-12);
        assert!((sum_of_pairs(&values, &values, |x, y| x * y) - 2470.0).abs() < 1e-12);
        assert_eq!(extremes(&values), (1.0, 19.0));
    }

    #[test]
    fn rounding_is_not_variation() {
        assert!(is_constant(&[0.001, 0.001 + 4.0 * f64::EPSILON]));
        assert!(!is_constant(&[0.001, 0.001 + 1e-12]));
    }
}
