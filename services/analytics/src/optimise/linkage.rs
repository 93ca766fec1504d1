//! Hierarchical clustering of assets by the distance of their correlations, in scipy's conventions.

use super::error::OptimiseError;
use crate::moments::Covariance;

/// How the distance of two clusters follows from those of their parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// The nearest pair.
    Single,
    /// The farthest pair.
    Complete,
    /// The mean of all pairs.
    Average,
    /// The growth of the squared distances from the centre (Ward 1963).
    Ward,
}

/// Two clusters that become one. Clusters below the number of assets are assets; the `k`-th merge makes cluster `n + k`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The cluster with the lower number.
    pub left: usize,
    /// The cluster with the higher number.
    pub right: usize,
    /// Their distance.
    pub distance: f64,
    /// Assets in the new cluster.
    pub size: usize,
}

/// Distances `sqrt((1 - rho) / 2)` of all assets, row by row.
///
/// # Errors
/// [`OptimiseError::NoVariation`] for an asset without variance.
pub fn correlation_distances(covariance: &Covariance) -> Result<Vec<f64>, OptimiseError> {
    let n = covariance.assets();
    if let Some(asset) = (0..n).find(|&asset| covariance.variance(asset) <= 0.0) {
        return Err(OptimiseError::NoVariation { asset });
    }
    let distance = |i: usize, j: usize| {
        let rho = covariance.row(i)[j] / (covariance.variance(i).sqrt() * covariance.variance(j).sqrt());
        if i == j { 0.0 } else { (0.5 * (1.0 - rho.clamp(-1.0, 1.0))).sqrt() }
    };
    Ok((0..n * n).map(|cell| distance(cell / n, cell % n)).collect())
}

/// The merges of `n` assets with these distances (row by row), nearest first.
pub fn link(distances: &[f64], n: usize, linkage: Linkage) -> Vec<Merge> {
    let mut pairs = match linkage {
        Linkage::Single => shortest_tree(distances, n),
        Linkage::Complete | Linkage::Average | Linkage::Ward => nearest_neighbour_chain(distances, n, linkage),
    };
    // Stable: of equal distances the pair that was found first stays first.
    pairs.sort_by(|a, b| a.2.total_cmp(&b.2));
    // The pairs name any asset of each cluster; the final numbers follow the order of the merges.
    let mut parent: Vec<usize> = (0..2 * n).collect();
    let mut size = vec![1; 2 * n];
    let mut merges = Vec::with_capacity(n.saturating_sub(1));
    for (k, (a, b, distance)) in pairs.into_iter().enumerate() {
        let (x, y) = (root(&parent, a), root(&parent, b));
        let cluster = n + k;
        (parent[x], parent[y]) = (cluster, cluster);
        size[cluster] = size[x] + size[y];
        merges.push(Merge { left: x.min(y), right: x.max(y), distance, size: size[cluster] });
    }
    merges
}

/// Assets in the order of the tree's leaves, left before right.
pub fn leaf_order(merges: &[Merge], n: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(n);
    let mut open = vec![(n + merges.len()).saturating_sub(1)];
    while let Some(cluster) = open.pop() {
        match cluster.checked_sub(n) {
            Some(merge) => open.extend([merges[merge].right, merges[merge].left]),
            None => order.push(cluster),
        }
    }
    order
}

fn root(parent: &[usize], mut cluster: usize) -> usize {
    while parent[cluster] != cluster {
        cluster = parent[cluster];
    }
    cluster
}

/// Grows a tree from the first asset, each time by the nearest one (Prim 1957); each pair names the asset that was taken
/// before. Sorted, its edges are the merges of nearest clusters. Equal distances fall as they do in scipy.
fn shortest_tree(distances: &[f64], n: usize) -> Vec<(usize, usize, f64)> {
    let mut from_tree = vec![f64::INFINITY; n];
    let mut taken = vec![false; n];
    let (mut x, mut pairs) = (0, Vec::with_capacity(n.saturating_sub(1)));
    while pairs.len() + 1 < n {
        taken[x] = true;
        let (mut y, mut nearest) = (x, f64::INFINITY);
        for other in (0..n).filter(|&other| !taken[other]) {
            from_tree[other] = from_tree[other].min(distances[x * n + other]);
            if from_tree[other] < nearest {
                (y, nearest) = (other, from_tree[other]);
            }
        }
        pairs.push((x, y, nearest));
        x = y;
    }
    pairs
}

/// Follows nearest neighbours until two are each other's, merges them, goes on (Murtagh 1983). Gives the same tree as
/// merging the nearest pair each time, in `n^2` steps.
fn nearest_neighbour_chain(distances: &[f64], n: usize, linkage: Linkage) -> Vec<(usize, usize, f64)> {
    let mut d = distances.to_vec();
    let mut size = vec![1_usize; n];
    let mut chain: Vec<usize> = Vec::new();
    let mut pairs = Vec::new();
    while pairs.len() + 1 < n {
        if chain.is_empty() {
            chain.extend((0..n).find(|&cluster| size[cluster] > 0));
        }
        let (x, y, nearest) = loop {
            let x = chain[chain.len() - 1];
            // The one before wins a tie, so that the chain ends.
            let before = chain.len().checked_sub(2).map(|place| chain[place]);
            let (mut y, mut nearest) = (before.unwrap_or(x), before.map_or(f64::INFINITY, |before| d[x * n + before]));
            for other in (0..n).filter(|&other| size[other] > 0 && other != x) {
                if d[x * n + other] < nearest {
                    (y, nearest) = (other, d[x * n + other]);
                }
            }
            if Some(y) == before {
                break (x, y, nearest);
            }
            chain.push(y);
        };
        chain.truncate(chain.len() - 2);
        let (x, y) = (x.min(y), x.max(y));
        pairs.push((x, y, nearest));
        let (nx, ny) = (size[x], size[y]);
        (size[x], size[y]) = (0, nx + ny);
        for other in (0..n).filter(|&other| size[other] > 0 && other != y) {
            let merged = combine(linkage, d[other * n + x], d[other * n + y], nearest, [nx, ny, size[other]]);
            d[other * n + y] = merged;
            d[y * n + other] = merged;
        }
    }
    pairs
}

/// The distance from a third cluster to the union of two (Lance and Williams 1967).
fn combine(linkage: Linkage, to_x: f64, to_y: f64, apart: f64, sizes: [usize; 3]) -> f64 {
    let [x, y, other] = sizes.map(crate::sums::count);
    match linkage {
        Linkage::Single => to_x.min(to_y),
        Linkage::Complete => to_x.max(to_y),
        Linkage::Average => (x * to_x + y * to_y) / (x + y),
        Linkage::Ward => {
            // In scipy's order of operations, so that what is equal there is equal here.
            let share = 1.0 / (x + y + other);
            let squares = (other + x) * share * to_x * to_x + (other + y) * share * to_y * to_y;
            (squares - other * share * apart * apart).max(0.0).sqrt()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Linkage, leaf_order, link};

    /// Distances that tie, with the merges and leaves that scipy 1.17 gives.
    #[test]
    fn equal_distances_fall_as_they_do_in_scipy() {
        let single = ([1, 3, 3, 3, 3, 2, 1, 2, 2, 2], [(0, 1), (4, 5), (2, 6), (3, 7)], [3, 2, 4, 0, 1]);
        let average = ([2, 1, 2, 3, 1, 3, 1, 1, 3, 1], [(0, 2), (1, 4), (3, 5), (6, 7)], [1, 4, 3, 0, 2]);
        for (linkage, (quarters, pairs, leaves)) in
            [(Linkage::Single, single), (Linkage::Average, average), (Linkage::Ward, average)]
        {
            let mut distances = vec![0.0; 25];
            let cells = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j)));
            for ((i, j), quarters) in cells.zip(quarters) {
                let distance = 0.25 * f64::from(quarters);
                (distances[i * 5 + j], distances[j * 5 + i]) = (distance, distance);
            }
            let merges = link(&distances, 5, linkage);
            assert_eq!(merges.iter().map(|merge| (merge.left, merge.right)).collect::<Vec<_>>(), pairs, "{linkage:?}");
            assert_eq!(leaf_order(&merges, 5), leaves, "{linkage:?}");
        }
    }

    #[test]
    fn near_pairs_merge_first_and_leaves_follow_the_tree() {
        let points = [0.0, 10.0, 1.0, 12.0_f64];
        let distances: Vec<f64> = points.iter().flat_map(|a| points.iter().map(move |b| (a - b).abs())).collect();
        for (linkage, last) in [(Linkage::Single, 9.0), (Linkage::Complete, 12.0), (Linkage::Average, 10.5)] {
            let merges = link(&distances, 4, linkage);
            assert_eq!((merges[0].left, merges[0].right), (0, 2));
            assert_eq!((merges[1].left, merges[1].right), (1, 3));
            assert!((merges[2].distance - last).abs() < 1e-12, "{linkage:?}");
            assert_eq!(leaf_order(&merges, 4), [0, 2, 1, 3]);
        }
    }
}
