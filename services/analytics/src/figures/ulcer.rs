//! Ulcer index: root mean square of the falls (Martin 1987).

use super::drawdown::underwater;
use crate::no_figure::{NoFigure, at_least, finite};
use crate::sums::{count, sum_of};

/// `sqrt(sum(fall^2) / (n - 1))` as a fraction, `n` the number of returns (QuantStats divides by `n - 1`; Martin by `n`).
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than three values.
pub fn ulcer_index(values: &[f64]) -> Result<f64, NoFigure> {
    let n = values.len().saturating_sub(1);
    at_least(2, n)?;
    finite((sum_of(&underwater(values), |fall| fall * fall) / (count(n) - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::ulcer_index;

    #[test]
    fn one_fall_by_a_tenth_in_two_days() {
        assert!((ulcer_index(&[1.0, 0.9, 1.0]).unwrap() - 0.1).abs() < 1e-15);
    }
}
