//! Hierarchical risk parity (Lopez de Prado 2016): no matrix is inverted and no return is forecast.

use super::error::OptimiseError;
use super::linkage::{Linkage, Merge, correlation_distances, leaf_order, link};
use crate::moments::Covariance;

/// Weights and the tree that they follow.
#[derive(Debug, Clone, PartialEq)]
pub struct HierarchicalParity {
    /// Weights in the order of the covariance; positive, adding up to one.
    pub weights: Vec<f64>,
    /// Assets in the order of the tree's leaves.
    pub leaf_order: Vec<usize>,
    /// The merges, nearest first.
    pub merges: Vec<Merge>,
}

/// Splits the ordered assets in halves (the first one has `len / 2`), over and over, and gives each half weight by the
/// inverse of the variance of its inverse-variance portfolio.
///
/// # Errors
/// [`OptimiseError::NoVariation`] for an asset without variance.
pub fn hierarchical_risk_parity(
    covariance: &Covariance,
    linkage: Linkage,
) -> Result<HierarchicalParity, OptimiseError> {
    let n = covariance.assets();
    let merges = link(&correlation_distances(covariance)?, n, linkage);
    let leaf_order = leaf_order(&merges, n);
    let mut weights = vec![1.0; n];
    let mut open = vec![leaf_order.as_slice()];
    while let Some(cluster) = open.pop() {
        if cluster.len() < 2 {
            continue;
        }
        let (left, right) = cluster.split_at(cluster.len() / 2);
        let (left_variance, right_variance) = (cluster_variance(covariance, left), cluster_variance(covariance, right));
        let both = left_variance + right_variance;
        // Two clusters that hedge themselves away share alike.
        let share = if both > 0.0 { 1.0 - left_variance / both } else { 0.5 };
        left.iter().for_each(|&asset| weights[asset] *= share);
        right.iter().for_each(|&asset| weights[asset] *= 1.0 - share);
        open.extend([left, right]);
    }
    Ok(HierarchicalParity { weights, leaf_order, merges })
}

/// The variance of the assets held by inverse variance.
fn cluster_variance(covariance: &Covariance, cluster: &[usize]) -> f64 {
    // Against the least variance, so that no square leaves the range of numbers.
    let least = cluster.iter().map(|&asset| covariance.variance(asset)).fold(f64::INFINITY, f64::min);
    let inverse: Vec<f64> = cluster.iter().map(|&asset| least / covariance.variance(asset)).collect();
    let sum: f64 = inverse.iter().sum();
    let row = |(&i, wi): (&usize, &f64)| {
        let along: f64 = cluster.iter().zip(&inverse).map(|(&j, wj)| covariance.row(i)[j] * wj).sum();
        wi * (along / sum)
    };
    cluster.iter().zip(&inverse).map(row).sum::<f64>() / sum
}

#[cfg(test)]
mod tests {
    use super::hierarchical_risk_parity;
    use crate::moments::Covariance;
    use crate::optimise::Linkage;

    #[test]
    fn two_assets_are_held_by_inverse_variance() {
        let covariance = Covariance::from_rows(&[vec![0.01, 0.005], vec![0.005, 0.03]]).unwrap();
        let parity = hierarchical_risk_parity(&covariance, Linkage::Single).unwrap();
        assert!((parity.weights[0] - 0.75).abs() < 1e-12 && (parity.weights[1] - 0.25).abs() < 1e-12);
    }

    #[test]
    fn one_asset_gets_everything() {
        let covariance = Covariance::from_rows(&[vec![0.01]]).unwrap();
        assert_eq!(hierarchical_risk_parity(&covariance, Linkage::Ward).unwrap().weights, [1.0]);
    }
}
