//! Value at risk and conditional value at risk of one period's return.

use super::volatility::deviation;
use crate::no_figure::{NoFigure, at_least, finite};
use crate::sums::{count, mean};

/// The returns with their lowest ones in order: what the tail figures at one or several confidences read.
#[derive(Debug, Clone)]
pub struct Tail {
    values: Vec<f64>,
    sorted: usize,
}

impl Tail {
    /// The tail that holds every figure at `confidence` (a fraction above 0.5, such as 0.95) and above.
    ///
    /// # Errors
    /// [`NoFigure::TooFewReturns`] without a return, [`NoFigure::OutOfRange`] for a confidence outside 0 to 1.
    pub fn new(returns: &[f64], confidence: f64) -> Result<Tail, NoFigure> {
        at_least(1, returns.len())?;
        if !(confidence > 0.0 && confidence < 1.0) || returns.iter().any(|r| !r.is_finite()) {
            return Err(NoFigure::OutOfRange);
        }
        let mut values = returns.to_vec();
        // Only the tail is put in order; two more than the quantile needs serve interpolation and the split scenario.
        let sorted = (floor(count(values.len()) * (1.0 - confidence)) + 3).min(values.len());
        if sorted < values.len() {
            values.select_nth_unstable_by(sorted, f64::total_cmp);
        }
        values[..sorted].sort_unstable_by(f64::total_cmp);
        Ok(Tail { values, sorted })
    }

    /// Historical value at risk as a RETURN (negative is a loss): the linearly interpolated (type 7) quantile.
    ///
    /// # Errors
    /// [`NoFigure::OutOfRange`] for a confidence below the tail's own.
    pub fn var(&self, confidence: f64) -> Result<f64, NoFigure> {
        let position = (count(self.values.len()) - 1.0) * (1.0 - confidence);
        let low = floor(position);
        if low + 1 >= self.sorted {
            let last = (low + 1 == self.sorted && self.sorted == self.values.len()).then(|| self.values[low]);
            return last.ok_or(NoFigure::OutOfRange);
        }
        finite(self.values[low] + (position - count(low)) * (self.values[low + 1] - self.values[low]))
    }

    /// Historical conditional value at risk as a return: the mean of the returns at or below [`Tail::var`].
    ///
    /// # Errors
    /// As [`Tail::var`].
    pub fn cvar(&self, confidence: f64) -> Result<f64, NoFigure> {
        let var = self.var(confidence)?;
        let worst = &self.values[..self.sorted];
        let below = &worst[..worst.partition_point(|&r| r <= var)];
        // Equal returns may go on beyond the ordered part.
        let equal = self.values[self.sorted..].iter().filter(|&&r| r <= var).count();
        finite((below.iter().sum::<f64>() + count(equal) * var) / count(below.len() + equal))
    }

    /// Rockafellar-Uryasev conditional value at risk as a POSITIVE loss, with exactly `(1 - confidence)` of the mass:
    /// what an optimiser minimises.
    ///
    /// # Errors
    /// As [`Tail::var`].
    pub fn cvar_rockafellar_uryasev(&self, confidence: f64) -> Result<f64, NoFigure> {
        let mass = count(self.values.len()) * (1.0 - confidence);
        let whole = floor(mass);
        if mass <= 0.0 || whole >= self.sorted {
            return Err(NoFigure::OutOfRange);
        }
        let sum = self.values[..whole].iter().sum::<f64>() + (mass - count(whole)) * self.values[whole];
        finite(-sum / mass)
    }
}

/// Gaussian value at risk as a return: `mean + z(1 - confidence) * std(ddof = 1)`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than two returns.
pub fn var_gaussian(returns: &[f64], confidence: f64) -> Result<f64, NoFigure> {
    let deviation = deviation(returns)?;
    finite(mean(returns) + normal_quantile(1.0 - confidence) * deviation)
}

/// Gaussian conditional value at risk as a return: `mean - std * phi(z) / (1 - confidence)`.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than two returns.
pub fn cvar_gaussian(returns: &[f64], confidence: f64) -> Result<f64, NoFigure> {
    let deviation = deviation(returns)?;
    let alpha = 1.0 - confidence;
    finite(mean(returns) - deviation * normal_density(normal_quantile(alpha)) / alpha)
}

/// The type-7 quantile at `level` (0 to 1) of the returns.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] without a return.
pub fn quantile(returns: &[f64], level: f64) -> Result<f64, NoFigure> {
    at_least(1, returns.len())?;
    if !(0.0..=1.0).contains(&level) {
        return Err(NoFigure::OutOfRange);
    }
    let mut values = returns.to_vec();
    let position = (count(values.len()) - 1.0) * level;
    let low = floor(position).min(values.len() - 1);
    let (_, &mut at, above) = values.select_nth_unstable_by(low, f64::total_cmp);
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    let share = position - count(low);
    finite(if above.is_empty() || share <= 0.0 { at } else { at + share * (next - at) })
}

fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The standard normal quantile: Acklam's rational approximation (2003), polished by Halley's method on `erfc` to full precision.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.383_577_518_672_69e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] =
        [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    const LOW: f64 = 0.02425;
    let horner = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    let mut z = if p < LOW {
        tail(p)
    } else if p > 1.0 - LOW {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    };
    for _ in 0..2 {
        let error = (normal_distribution(z) - p) / normal_density(z);
        z -= error / (1.0 + 0.5 * z * error);
    }
    z
}

/// The standard normal distribution function: a series near zero, a continued fraction in the tails (both converge to
/// the last digit).
fn normal_distribution(z: f64) -> f64 {
    const SERIES_BELOW: f64 = 4.0;
    const TERMS_MAX: u32 = 200;
    if z.abs() < SERIES_BELOW {
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        for _ in 0..TERMS_MAX {
            n += 2.0;
            term *= z * z / n;
            sum += term;
            if term.abs() < 1e-18 {
                break;
            }
        }
        return 0.5 + sum * normal_density(z);
    }
    let x = z.abs();
    let fraction = (1..TERMS_MAX).rev().fold(x, |below, k| x + f64::from(k) / below);
    let tail = normal_density(z) / fraction;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The integer below a position in a window, which is never negative and far below 2^53.
fn floor(position: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positions are between zero and the rows of a window"
    )]
    let whole = position.max(0.0) as usize;
    whole
}

#[cfg(test)]
mod tests {
    use super::{Tail, cvar_gaussian, normal_quantile, quantile, var_gaussian};

    #[test]
    fn type_seven_interpolates_between_neighbours() {
        let returns = [-0.04, -0.02, 0.0, 0.02, 0.04];
        let tail = Tail::new(&returns, 0.9).unwrap();
        assert!((tail.var(0.9).unwrap() + 0.032).abs() < 1e-15);
        assert!((tail.cvar(0.9).unwrap() + 0.04).abs() < 1e-15);
        assert!((tail.cvar_rockafellar_uryasev(0.9).unwrap() - 0.04).abs() < 1e-15);
        assert!((quantile(&returns, 0.9).unwrap() - 0.032).abs() < 1e-15);
    }

    #[test]
    fn one_return_is_its_own_tail() {
        let tail = Tail::new(&[0.01], 0.95).unwrap();
        assert!((tail.var(0.95).unwrap() - 0.01).abs() < 1e-15);
        assert!((tail.cvar(0.95).unwrap() - 0.01).abs() < 1e-15);
    }

    #[test]
    fn the_normal_quantile_has_all_its_digits() {
        for (p, z) in
            [(0.05, -1.6448536269514729), (0.01, -2.3263478740408408), (0.5, 0.0), (1e-9, -5.9978070150076869)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-12, "{p}: {}", normal_quantile(p));
        }
    }

    #[test]
    fn the_gaussian_tail_mean_lies_beyond_its_quantile() {
        let returns = [-0.02, 0.0, 0.01, 0.03];
        assert!(cvar_gaussian(&returns, 0.95).unwrap() < var_gaussian(&returns, 0.95).unwrap());
    }
}
