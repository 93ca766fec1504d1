//! Pearson correlation of returns.

use crate::moments::sample_covariance;
use crate::no_figure::{NoFigure, at_least, finite};
use crate::periods::PeriodsPerYear;
use crate::sums::{is_constant, mean, sum_of, sum_of_pairs};

/// Correlation of two return series of the same dates, between -1 and 1.
///
/// # Errors
/// [`NoFigure::NoVariation`] when one of them is constant.
pub fn correlation(left: &[f64], right: &[f64]) -> Result<f64, NoFigure> {
    same_length(left, right)?;
    at_least(2, left.len())?;
    if is_constant(left) || is_constant(right) {
        return Err(NoFigure::NoVariation);
    }
    let (x, y) = (mean(left), mean(right));
    let spread = (sum_of(left, |a| (a - x).powi(2)) * sum_of(right, |b| (b - y).powi(2))).sqrt();
    Ok(finite(sum_of_pairs(left, right, |a, b| (a - x) * (b - y)) / spread)?.clamp(-1.0, 1.0))
}

pub(crate) fn same_length(left: &[f64], right: &[f64]) -> Result<(), NoFigure> {
    if left.len() == right.len() {
        Ok(())
    } else {
        Err(NoFigure::LengthsDiffer { left: left.len(), right: right.len() })
    }
}

/// Correlations of several assets, symmetric with ones on the diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationMatrix {
    assets: Vec<String>,
    cells: Vec<Result<f64, NoFigure>>,
}

impl CorrelationMatrix {
    /// The matrix of these return series, which have the dates in common.
    pub fn new(assets: &[String], returns: &[Vec<f64>]) -> CorrelationMatrix {
        let n = assets.len().min(returns.len());
        let one = PeriodsPerYear::new(1.0).expect("one is a number of periods");
        // All products at once where the numbers allow it.
        let products = sample_covariance(&returns[..n], one).ok();
        let constant: Vec<bool> = returns[..n].iter().map(|series| is_constant(series)).collect();
        let cell = |i: usize, j: usize| match &products {
            Some(_) if constant[i] || constant[j] => Err(NoFigure::NoVariation),
            Some(_) if i == j => Ok(1.0),
            Some(products) => {
                let rho = products.row(i)[j] / (products.variance(i).sqrt() * products.variance(j).sqrt());
                finite(rho).map(|rho| rho.clamp(-1.0, 1.0))
            }
            None => correlation(&returns[i], &returns[j]).map(|rho| if i == j { 1.0 } else { rho }),
        };
        let cells = (0..n * n).map(|at| cell((at / n).max(at % n), (at / n).min(at % n))).collect();
        CorrelationMatrix { assets: assets[..n].to_vec(), cells }
    }

    /// Labels of rows and columns.
    pub fn assets(&self) -> &[String] {
        &self.assets
    }

    /// The correlation of two assets by their place.
    ///
    /// # Errors
    /// [`NoFigure::NoVariation`] when one of them is constant.
    pub fn get(&self, row: usize, column: usize) -> Result<f64, NoFigure> {
        self.cells[row * self.assets.len() + column]
    }

    /// The rows in the order of [`CorrelationMatrix::assets`].
    pub fn rows(&self) -> impl Iterator<Item = &[Result<f64, NoFigure>]> {
        self.cells.chunks_exact(self.assets.len().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::{CorrelationMatrix, correlation};
    use crate::no_figure::NoFigure;

    #[test]
    fn a_series_agrees_with_itself_and_opposes_its_mirror() {
        let returns = [0.01, -0.02, 0.03];
        let mirror = returns.map(|r| -r);
        assert!((correlation(&returns, &returns).unwrap() - 1.0).abs() < 1e-15);
        assert!((correlation(&returns, &mirror).unwrap() + 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_constant_asset_has_no_correlation_but_spoils_no_other() {
        let assets = ["A", "B", "C"].map(String::from);
        let returns = [vec![0.01, -0.02, 0.03], vec![0.0; 3], vec![0.02, 0.0, 0.01]];
        let matrix = CorrelationMatrix::new(&assets, &returns);
        assert_eq!(matrix.get(0, 1), Err(NoFigure::NoVariation));
        assert!(matrix.get(0, 2).is_ok());
        assert_eq!(matrix.rows().count(), 3);
    }
}
