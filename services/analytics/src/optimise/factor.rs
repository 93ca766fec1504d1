//! Cholesky factor of the free assets' covariance, kept up to date as assets come and go.

/// Lower triangular factor `L` with `L L' = S` of the assets in `order`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Factor {
    /// Assets in the order of the factor's rows.
    pub order: Vec<usize>,
    rows: Vec<Vec<f64>>,
}

/// A pivot below this share of its variance is rounding.
const PIVOT_MIN: f64 = 1e-14;

impl Factor {
    /// Adds one asset whose covariance row is `row`; false when it is a combination of those already here.
    #[must_use]
    pub fn add(&mut self, asset: usize, row: &[f64]) -> bool {
        let mut new: Vec<f64> = self.order.iter().map(|&other| row[other]).collect();
        self.forward(&mut new);
        let pivot = row[asset] - new.iter().map(|x| x * x).sum::<f64>();
        // Written so that a pivot that is no number is refused too.
        let sound = pivot > PIVOT_MIN * row[asset] && pivot.is_normal();
        if sound {
            new.push(pivot.sqrt());
            self.rows.push(new);
            self.order.push(asset);
        }
        sound
    }

    /// Removes the asset at `place` of the order.
    pub fn remove(&mut self, place: usize) {
        self.order.remove(place);
        self.rows.remove(place);
        for pivot in place..self.rows.len() {
            // A Givens rotation of columns `pivot` and `pivot + 1` clears what sticks out above the diagonal.
            let (x, y) = (self.rows[pivot][pivot], self.rows[pivot][pivot + 1]);
            let length = x.hypot(y);
            let (cos, sin) = (x / length, y / length);
            for row in &mut self.rows[pivot..] {
                let (x, y) = (row[pivot], row[pivot + 1]);
                row[pivot] = cos * x + sin * y;
                row[pivot + 1] = cos * y - sin * x;
            }
            self.rows[pivot].truncate(pivot + 1);
        }
    }

    /// Turns a right-hand side into the solution of `S x = b`, in the factor's order.
    pub fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        for place in (0..b.len()).rev() {
            let row = &self.rows[place];
            let x = b[place] / row[place];
            b[place] = x;
            for (rest, l) in b[..place].iter_mut().zip(row) {
                *rest -= l * x;
            }
        }
    }

    fn forward(&self, b: &mut [f64]) {
        for place in 0..b.len() {
            let row = &self.rows[place];
            let known = crate::sums::sum_of_pairs(&row[..place], &b[..place], |l, x| l * x);
            b[place] = (b[place] - known) / row[place];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Factor;

    const S: [[f64; 3]; 3] = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]];

    #[test]
    fn solutions_stay_true_as_assets_come_and_go() {
        let mut factor = Factor::default();
        for asset in [2, 0, 1] {
            assert!(factor.add(asset, &S[asset]));
        }
        factor.remove(0);
        assert!(factor.add(2, &S[2]));
        factor.remove(1);
        assert_eq!(factor.order, [0, 2]);
        let mut x = [1.0, 2.0];
        factor.solve(&mut x);
        assert!((4.0 * x[0] + 0.5 * x[1] - 1.0).abs() < 1e-14);
        assert!((0.5 * x[0] + 2.0 * x[1] - 2.0).abs() < 1e-14);
    }

    #[test]
    fn a_copy_of_an_asset_is_refused() {
        let mut factor = Factor::default();
        assert!(factor.add(0, &[1.0, 1.0]));
        assert!(!factor.add(1, &[1.0, 1.0]));
    }
}
