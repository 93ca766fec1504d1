//! Covariance drawn towards a multiple of the identity, which costs a little bias and wins much stability.

use super::covariance::{Covariance, MomentsError};
use super::sample::{Deviations, sample_covariance};
use crate::periods::PeriodsPerYear;
use crate::sums::{count, sum_of};

/// A shrunk covariance and how far it was drawn to its target (0 to 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// The annual covariance.
    pub covariance: Covariance,
    /// The share of the target.
    pub shrinkage: f64,
}

/// Ledoit and Wolf 2004, "A well-conditioned estimator": target mean variance times identity, all moments with `1/n`, as
/// scikit-learn; annual.
///
/// # Errors
/// As [`sample_covariance`].
pub fn ledoit_wolf(returns: &[Vec<f64>], periods: PeriodsPerYear) -> Result<Shrunk, MomentsError> {
    let deviations = Deviations::from_mean(returns, 2)?;
    let (n, p) = (count(deviations.rows), count(deviations.assets));
    let covariance = deviations.products(1.0 / n)?;
    // The sum over all pairs of sum_t(d_it^2 d_jt^2) is the sum over t of (sum_i d_it^2)^2.
    let mut lengths = vec![0.0; deviations.rows];
    for column in deviations.columns.chunks_exact(deviations.rows) {
        lengths.iter_mut().zip(column).for_each(|(length, d)| *length += d * d);
    }
    let (fourth, squares, mean_variance) =
        (sum_of(&lengths, |x| x * x), squares(&covariance), covariance.mean_variance());
    let beta = (fourth / n - squares) / (p * n);
    let delta = (squares - p * mean_variance * mean_variance) / p;
    let beta = beta.min(delta);
    let shrinkage = if beta <= 0.0 || delta <= 0.0 { 0.0 } else { beta / delta };
    shrink(&covariance, shrinkage, periods)
}

/// Chen, Wiesel, Eldar and Hero 2010, oracle approximating shrinkage, in scikit-learn's form (all moments with `1/n`); annual.
///
/// # Errors
/// As [`sample_covariance`].
pub fn oracle_approximating(returns: &[Vec<f64>], periods: PeriodsPerYear) -> Result<Shrunk, MomentsError> {
    let deviations = Deviations::from_mean(returns, 2)?;
    let (n, p) = (count(deviations.rows), count(deviations.assets));
    let covariance = deviations.products(1.0 / n)?;
    let (mean_square, mean_variance) = (squares(&covariance) / (p * p), covariance.mean_variance());
    let denominator = (n + 1.0) * (mean_square - mean_variance * mean_variance / p);
    let shrinkage = (mean_square + mean_variance * mean_variance) / denominator;
    let shrinkage = if denominator > 0.0 && shrinkage < 1.0 { shrinkage } else { 1.0 };
    shrink(&covariance, shrinkage, periods)
}

/// The sample covariance drawn to mean variance times identity by a given share; annual.
///
/// # Errors
/// As [`sample_covariance`]; [`MomentsError::Parameter`] for a share outside 0 to 1.
pub fn shrunk_by(returns: &[Vec<f64>], shrinkage: f64, periods: PeriodsPerYear) -> Result<Shrunk, MomentsError> {
    if !(0.0..=1.0).contains(&shrinkage) {
        return Err(MomentsError::Parameter { name: "shrinkage", value: shrinkage });
    }
    let year = PeriodsPerYear::new(1.0).expect("one is a number of periods");
    shrink(&sample_covariance(returns, year)?, shrinkage, periods)
}

fn squares(covariance: &Covariance) -> f64 {
    covariance.rows().map(|row| sum_of(row, |s| s * s)).sum()
}

fn shrink(covariance: &Covariance, shrinkage: f64, periods: PeriodsPerYear) -> Result<Shrunk, MomentsError> {
    if !shrinkage.is_finite() {
        return Err(MomentsError::Parameter { name: "shrinkage", value: shrinkage });
    }
    let scale = (1.0 - shrinkage) * periods.get();
    let target = shrinkage * covariance.mean_variance() * periods.get();
    let cells = covariance.rows().flatten().map(|s| scale * s).collect();
    let covariance = Covariance::trusted(covariance.assets(), cells).plus_diagonal(|_| target);
    let n = covariance.assets();
    let place = covariance.rows().flatten().position(|cell| !cell.is_finite());
    match place {
        Some(place) => Err(MomentsError::NotFinite { row: place / n, column: place % n }),
        None => Ok(Shrunk { covariance, shrinkage }),
    }
}

#[cfg(test)]
mod tests {
    use super::{ledoit_wolf, oracle_approximating, shrunk_by};
    use crate::periods::PeriodsPerYear;

    #[test]
    fn shrinking_keeps_the_sum_of_variances() {
        let returns = [vec![0.01, -0.02, 0.03, 0.0], vec![0.02, 0.01, -0.01, 0.01]];
        let year = PeriodsPerYear::SESSIONS;
        let traces: Vec<f64> = [ledoit_wolf(&returns, year), oracle_approximating(&returns, year)]
            .map(|shrunk| shrunk.unwrap().covariance.mean_variance())
            .to_vec();
        assert!((traces[0] - traces[1]).abs() < 1e-15);
        assert!(shrunk_by(&returns, 1.0, year).unwrap().covariance.row(0)[1].abs() < 1e-18);
        assert!(shrunk_by(&returns, 1.5, year).is_err());
    }
}
