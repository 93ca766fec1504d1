//! Sample covariance and its relatives with exponential weights.

use super::covariance::{Covariance, MomentsError};
use crate::periods::PeriodsPerYear;
use crate::sums::{count, mean};

/// Annual sample covariance: `sum((r_i - mean)(r_j - mean)) / (n - 1) * periods`. `returns` holds a series for each asset,
/// all of the same dates.
///
/// # Errors
/// [`MomentsError`] when the series do not fit, hold a number that is not finite, or fewer than two returns.
pub fn sample_covariance(returns: &[Vec<f64>], periods: PeriodsPerYear) -> Result<Covariance, MomentsError> {
    let centred = Deviations::from_mean(returns, 2)?;
    centred.products(periods.get() / (count(centred.rows) - 1.0))
}

/// How fast older returns lose their weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// Returns after which the weight has halved.
    HalfLife(f64),
    /// The weight falls by `1 - 2 / (span + 1)` a return.
    Span(f64),
}

impl Decay {
    fn factor(self) -> Result<f64, MomentsError> {
        let (name, value, factor) = match self {
            Decay::HalfLife(returns) => ("half-life", returns, 0.5_f64.powf(1.0 / returns)),
            Decay::Span(span) => ("span", span, 1.0 - 2.0 / (span + 1.0)),
        };
        if value > 0.0 && (0.0..1.0).contains(&factor) {
            Ok(factor)
        } else {
            Err(MomentsError::Parameter { name, value })
        }
    }

    /// Weights of `n` returns, oldest first, that add up to one.
    pub(super) fn weights(self, n: usize) -> Result<Vec<f64>, MomentsError> {
        let factor = self.factor()?;
        let mut weights = Vec::with_capacity(n);
        let mut weight = 1.0;
        for _ in 0..n {
            weights.push(weight);
            weight *= factor;
        }
        weights.reverse();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Ok(weights)
    }
}

/// What deviations are measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centre {
    /// Zero, as RiskMetrics does: a day's mean is too small to be known.
    Zero,
    /// The mean of the whole sample, as PyPortfolioOpt does.
    SampleMean,
}

/// Annual exponentially weighted covariance: `sum(weight_t * d_it * d_jt) * periods`, weights adding up to one.
///
/// # Errors
/// As [`sample_covariance`]; [`MomentsError::Parameter`] for a decay outside its range.
pub fn ew_covariance(
    returns: &[Vec<f64>],
    decay: Decay,
    centre: Centre,
    periods: PeriodsPerYear,
) -> Result<Covariance, MomentsError> {
    let mut deviations = match centre {
        Centre::Zero => Deviations::from_zero(returns, 1)?,
        Centre::SampleMean => Deviations::from_mean(returns, 2)?,
    };
    let weights = decay.weights(deviations.rows)?;
    for column in deviations.columns.chunks_exact_mut(weights.len()) {
        column.iter_mut().zip(&weights).for_each(|(d, weight)| *d *= weight.sqrt());
    }
    deviations.products(periods.get())
}

/// Deviations of all assets in one block, a column for each asset.
pub(super) struct Deviations {
    pub rows: usize,
    pub assets: usize,
    pub columns: Vec<f64>,
}

impl Deviations {
    pub fn from_mean(returns: &[Vec<f64>], needed: usize) -> Result<Deviations, MomentsError> {
        Deviations::new(returns, needed, mean)
    }

    fn from_zero(returns: &[Vec<f64>], needed: usize) -> Result<Deviations, MomentsError> {
        Deviations::new(returns, needed, |_| 0.0)
    }

    fn new(returns: &[Vec<f64>], needed: usize, centre: impl Fn(&[f64]) -> f64) -> Result<Deviations, MomentsError> {
        let rows = returns.first().ok_or(MomentsError::NoAsset)?.len();
        if rows < needed {
            return Err(MomentsError::TooFewReturns { needed, got: rows });
        }
        let mut columns = Vec::with_capacity(rows * returns.len());
        for (asset, series) in returns.iter().enumerate() {
            if series.len() != rows {
                return Err(MomentsError::LengthsDiffer { row: asset, expected: rows, got: series.len() });
            }
            let centre = centre(series);
            if !centre.is_finite()
                && let Some(row) = series.iter().position(|r| !r.is_finite())
            {
                return Err(MomentsError::NotFinite { row, column: asset });
            }
            columns.extend(series.iter().map(|r| r - centre));
        }
        Ok(Deviations { rows, assets: returns.len(), columns })
    }

    /// `scale * D'D`, the lower half computed and mirrored.
    pub fn products(&self, scale: f64) -> Result<Covariance, MomentsError> {
        use faer::linalg::matmul::triangular::{BlockStructure, matmul};
        let n = self.assets;
        let block = faer::MatRef::from_column_major_slice(&self.columns, self.rows, n);
        let mut product = faer::Mat::<f64>::zeros(n, n);
        matmul(
            product.as_mut(),
            BlockStructure::TriangularLower,
            faer::Accum::Replace,
            block.transpose(),
            BlockStructure::Rectangular,
            block,
            BlockStructure::Rectangular,
            scale,
            faer::Par::Seq,
        );
        let mut cells = vec![0.0; n * n];
        for column in 0..n {
            for row in column..n {
                let cell = product[(row, column)];
                if !cell.is_finite() {
                    return Err(MomentsError::NotFinite { row, column });
                }
                cells[row * n + column] = cell;
                cells[column * n + row] = cell;
            }
        }
        Ok(Covariance::trusted(n, cells))
    }
}

#[cfg(test)]
mod tests {
    use super::{Centre, Decay, ew_covariance, sample_covariance};
    use crate::moments::MomentsError;
    use crate::periods::PeriodsPerYear;

    #[test]
    fn two_opposite_assets() {
        let year = PeriodsPerYear::new(1.0).unwrap();
        let covariance = sample_covariance(&[vec![0.01, -0.01], vec![-0.01, 0.01]], year).unwrap();
        assert!((covariance.variance(0) - 2e-4).abs() < 1e-18);
        assert!((covariance.row(0)[1] + 2e-4).abs() < 1e-18);
    }

    #[test]
    fn a_half_life_of_one_halves_the_weight() {
        let year = PeriodsPerYear::new(1.0).unwrap();
        let covariance = ew_covariance(&[vec![0.0, 0.03]], Decay::HalfLife(1.0), Centre::Zero, year).unwrap();
        assert!((covariance.variance(0) - 0.0009 * 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn a_hole_is_refused_with_its_place() {
        let refused = sample_covariance(&[vec![0.1, 0.2], vec![0.1, f64::NAN]], PeriodsPerYear::SESSIONS);
        assert_eq!(refused, Err(MomentsError::NotFinite { row: 1, column: 1 }));
    }
}
