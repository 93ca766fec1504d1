//! A covariance matrix that optimisers can trust.

use crate::short::Short;

/// How far below zero, against the greatest variance, rounding may push an eigenvalue of a true covariance.
const ROUNDING: f64 = 1e-10;

/// Why moments are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MomentsError {
    /// There is no asset.
    #[error("there is no asset")]
    NoAsset,
    /// The estimator needs more returns.
    #[error("needs {needed} returns of each asset, got {got}")]
    TooFewReturns {
        /// Returns needed.
        needed: usize,
        /// Returns of the shortest series.
        got: usize,
    },
    /// The series or rows have different lengths.
    #[error("row {row} has {got} entries instead of {expected}")]
    LengthsDiffer {
        /// Which row or series, from zero.
        row: usize,
        /// Entries expected.
        expected: usize,
        /// Entries found.
        got: usize,
    },
    /// An entry is not a finite number.
    #[error("entry ({row}, {column}) is not a finite number")]
    NotFinite {
        /// Row from zero.
        row: usize,
        /// Column from zero.
        column: usize,
    },
    /// The matrix is not symmetric.
    #[error("entries ({row}, {column}) and ({column}, {row}) differ")]
    NotSymmetric {
        /// Row from zero.
        row: usize,
        /// Column from zero.
        column: usize,
    },
    /// Some portfolio would have a negative variance.
    #[error("the covariance is not positive semidefinite")]
    NotPositiveSemidefinite,
    /// A parameter is outside its range.
    #[error("the {name} is {}, which is outside its range", Short(*value))]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        value: f64,
    },
}

/// A covariance matrix, annual unless told otherwise.
///
/// Invariant: finite, symmetric, positive semidefinite up to rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    assets: usize,
    cells: Vec<f64>,
}

impl Covariance {
    /// The covariance of these rows.
    ///
    /// # Errors
    /// [`MomentsError`] when the rows are not a covariance matrix.
    pub fn from_rows(rows: &[Vec<f64>]) -> Result<Covariance, MomentsError> {
        let assets = rows.len();
        for (row, cells) in rows.iter().enumerate() {
            if cells.len() != assets {
                return Err(MomentsError::LengthsDiffer { row, expected: assets, got: cells.len() });
            }
        }
        Covariance::from_cells(assets, rows.concat())
    }

    /// The covariance of `assets` x `assets` cells, row by row.
    ///
    /// # Errors
    /// [`MomentsError`] when the cells are not a covariance matrix.
    pub fn from_cells(assets: usize, mut cells: Vec<f64>) -> Result<Covariance, MomentsError> {
        if assets == 0 {
            return Err(MomentsError::NoAsset);
        }
        if cells.len() != assets * assets {
            return Err(MomentsError::LengthsDiffer { row: 0, expected: assets * assets, got: cells.len() });
        }
        if let Some(place) = cells.iter().position(|cell| !cell.is_finite()) {
            return Err(MomentsError::NotFinite { row: place / assets, column: place % assets });
        }
        let greatest = cells.iter().fold(0.0_f64, |most, cell| most.max(cell.abs()));
        for row in 0..assets {
            for column in 0..row {
                let (lower, upper) = (cells[row * assets + column], cells[column * assets + row]);
                if (lower - upper).abs() > ROUNDING * greatest {
                    return Err(MomentsError::NotSymmetric { row, column });
                }
                cells[column * assets + row] = lower;
            }
        }
        if !is_positive_semidefinite(assets, &cells) {
            return Err(MomentsError::NotPositiveSemidefinite);
        }
        Ok(Covariance { assets, cells })
    }

    /// Cells that an estimator made positive semidefinite by construction.
    pub(crate) fn trusted(assets: usize, cells: Vec<f64>) -> Covariance {
        debug_assert_eq!(cells.len(), assets * assets);
        Covariance { assets, cells }
    }

    /// The number of assets.
    pub fn assets(&self) -> usize {
        self.assets
    }

    /// One row, which is also the column.
    pub fn row(&self, asset: usize) -> &[f64] {
        &self.cells[asset * self.assets..(asset + 1) * self.assets]
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.cells.chunks_exact(self.assets)
    }

    /// One asset's variance.
    pub fn variance(&self, asset: usize) -> f64 {
        self.cells[asset * self.assets + asset]
    }

    /// The product with a vector, `S w`.
    pub fn times(&self, weights: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.assets];
        for (row, &weight) in self.rows().zip(weights).filter(|(_, weight)| **weight != 0.0) {
            for (cell, s) in product.iter_mut().zip(row) {
                *cell += weight * s;
            }
        }
        product
    }

    /// The variance of a portfolio, `w'S w`, never negative.
    pub fn portfolio_variance(&self, weights: &[f64]) -> f64 {
        self.times(weights).iter().zip(weights).map(|(s, w)| s * w).sum::<f64>().max(0.0)
    }

    /// The covariance of the assets at `places`, in that order.
    pub fn select(&self, places: &[usize]) -> Covariance {
        let cells = places.iter().flat_map(|&row| places.iter().map(move |&column| self.row(row)[column])).collect();
        Covariance { assets: places.len(), cells }
    }

    /// The same with `amount` of each asset added to its variance.
    pub(crate) fn plus_diagonal(&self, amount: impl Fn(usize) -> f64) -> Covariance {
        let mut cells = self.cells.clone();
        cells.iter_mut().step_by(self.assets + 1).enumerate().for_each(|(asset, cell)| *cell += amount(asset));
        Covariance { assets: self.assets, cells }
    }

    /// The same with `amount` added to every cell.
    pub(crate) fn plus_everywhere(&self, amount: f64) -> Covariance {
        Covariance { assets: self.assets, cells: self.cells.iter().map(|cell| cell + amount).collect() }
    }

    /// The mean of the variances.
    pub(crate) fn mean_variance(&self) -> f64 {
        self.cells.iter().step_by(self.assets + 1).sum::<f64>() / crate::sums::count(self.assets)
    }
}

/// Whether a Cholesky factorisation of the matrix, lifted by rounding, exists.
fn is_positive_semidefinite(n: usize, cells: &[f64]) -> bool {
    let greatest = (0..n).map(|i| cells[i * n + i]).fold(0.0_f64, f64::max);
    if greatest <= 0.0 {
        return cells.iter().all(|&cell| cell == 0.0);
    }
    let lift = ROUNDING * crate::sums::count(n);
    let scaled = faer::Mat::from_fn(n, n, |i, j| cells[i * n + j] / greatest + if i == j { lift } else { 0.0 });
    scaled.llt(faer::Side::Lower).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Covariance, MomentsError};

    #[test]
    fn perfect_correlation_is_semidefinite_and_more_is_refused() {
        assert!(Covariance::from_rows(&[vec![1.0, 1.0], vec![1.0, 1.0]]).is_ok());
        let refused = Covariance::from_rows(&[vec![1.0, 1.1], vec![1.1, 1.0]]);
        assert_eq!(refused, Err(MomentsError::NotPositiveSemidefinite));
    }

    #[test]
    fn a_lopsided_matrix_is_refused_with_its_place() {
        let refused = Covariance::from_rows(&[vec![1.0, 0.1], vec![0.2, 1.0]]);
        assert_eq!(refused, Err(MomentsError::NotSymmetric { row: 1, column: 0 }));
    }
}
