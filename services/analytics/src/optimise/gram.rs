//! The small system of the active rows' multipliers.

/// The active rows' products in the metric of the free assets, `R S^-1 R'`: small, dense, positive definite.
pub(crate) struct Gram {
    size: usize,
    cells: Vec<f64>,
}

impl Gram {
    /// The products of `rows` (coefficients of all assets) with their solutions over the free assets in `order`.
    pub fn new<'r>(rows: impl Iterator<Item = &'r [f64]>, order: &[usize], solved: &[Vec<f64>]) -> Gram {
        let cell = |row: &[f64], solved: &Vec<f64>| -> f64 {
            order.iter().zip(solved).map(|(&asset, y)| row[asset] * y).sum()
        };
        let cells = rows.flat_map(|row| solved.iter().map(|solved| cell(row, solved)).collect::<Vec<_>>()).collect();
        Gram { size: solved.len(), cells }
    }

    /// Gaussian elimination with partial pivoting; a row without a pivot gets a zero.
    pub fn solve(&self, mut b: Vec<f64>) -> Vec<f64> {
        let n = self.size;
        let mut a = self.cells.clone();
        let scale = a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let mut pivots = Vec::with_capacity(n);
        for column in 0..n {
            let best = (column..n).max_by(|&i, &j| a[i * n + column].abs().total_cmp(&a[j * n + column].abs()));
            let best = best.expect("the range holds the column itself");
            for k in 0..n {
                a.swap(column * n + k, best * n + k);
            }
            b.swap(column, best);
            let pivot = a[column * n + column];
            pivots.push(pivot.abs() > f64::EPSILON * scale);
            if !pivots[column] {
                continue;
            }
            for row in column + 1..n {
                let factor = a[row * n + column] / pivot;
                for k in column..n {
                    a[row * n + k] -= factor * a[column * n + k];
                }
                b[row] -= factor * b[column];
            }
        }
        for row in (0..n).rev() {
            let known: f64 = (row + 1..n).map(|k| a[row * n + k] * b[k]).sum();
            b[row] = if pivots[row] { (b[row] - known) / a[row * n + row] } else { 0.0 };
        }
        b
    }
}

#[cfg(test)]
mod tests {
    use super::Gram;

    #[test]
    fn a_row_without_a_pivot_gets_nothing() {
        let (rows, order) = ([[1.0, 0.0], [0.0, 2.0]], [0, 1]);
        let solved = [vec![1.0, 0.0], vec![0.0, 2.0]];
        let gram = Gram::new(rows.iter().map(<[f64; 2]>::as_slice), &order, &solved);
        assert_eq!(gram.solve(vec![3.0, 8.0]), [3.0, 2.0]);
        let twice = Gram::new(
            [rows[0], rows[0]].iter().map(<[f64; 2]>::as_slice),
            &order,
            &[solved[0].clone(), solved[0].clone()],
        );
        assert_eq!(twice.solve(vec![3.0, 3.0]), [3.0, 0.0]);
    }
}
