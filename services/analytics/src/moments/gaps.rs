//! Correlations of assets with different calendars, and what the window covers.

use jiff::civil::Date;

use crate::figures::correlation;
use crate::no_figure::NoFigure;
use crate::prices::Quotes;

/// How an asset's missing prices are treated in a correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Returns on the asset's own sessions; each pair of assets on the dates that both have. Not sure to be semidefinite.
    Pairwise,
    /// Prices carried forward over the union of all sessions; each pair from the later start. Waters correlations down.
    CarriedForward,
}

/// What the window holds of one asset.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// The asset's label.
    pub asset: String,
    /// Its first session with a price.
    pub first: Option<Date>,
    /// Its last session with a price.
    pub last: Option<Date>,
    /// Sessions of the window without a price.
    pub missing: usize,
}

/// What the window holds of each asset.
pub fn coverage(quotes: &Quotes) -> Vec<Coverage> {
    let of = |(asset, label): (usize, &String)| {
        let column = quotes.column(asset);
        let at = |row: Option<usize>| row.map(|row| quotes.dates()[row]);
        Coverage {
            asset: label.clone(),
            first: at(column.iter().position(Option::is_some)),
            last: at(column.iter().rposition(Option::is_some)),
            missing: column.iter().filter(|close| close.is_none()).count(),
        }
    };
    quotes.assets().iter().enumerate().map(of).collect()
}

/// Correlations of all assets, a row for each; the diagonal is one. The complete cases are
/// [`Quotes::complete`] with [`CorrelationMatrix`](crate::figures::CorrelationMatrix).
pub fn correlation_with_gaps(quotes: &Quotes, gaps: Gaps) -> Vec<Vec<Result<f64, NoFigure>>> {
    let n = quotes.assets().len();
    let returns: Vec<Vec<Option<f64>>> = (0..n).map(|asset| returns_on_rows(quotes.column(asset), gaps)).collect();
    let pair = |i: usize, j: usize| {
        if i == j {
            return Ok(1.0);
        }
        let both = returns[i].iter().zip(&returns[j]).filter_map(|(x, y)| Some(((*x)?, (*y)?)));
        let (x, y): (Vec<f64>, Vec<f64>) = both.unzip();
        correlation(&x, &y)
    };
    (0..n).map(|i| (0..n).map(|j| pair(i.max(j), i.min(j))).collect()).collect()
}

/// The return that ends on each row, over a gap from the last price.
fn returns_on_rows(column: &[Option<f64>], gaps: Gaps) -> Vec<Option<f64>> {
    let mut last = None;
    let step = |&close: &Option<f64>| {
        let now = if gaps == Gaps::CarriedForward { close.or(last) } else { close };
        let change = now.zip(last).map(|(now, last): (f64, f64)| now / last - 1.0);
        last = now.or(last);
        change
    };
    column.iter().map(step).collect()
}

/// The smallest eigenvalue of a symmetric matrix: below zero, pairwise correlations contradict each other.
///
/// # Errors
/// [`NoFigure::OutOfRange`] for a matrix that is not square and finite.
pub fn smallest_eigenvalue(rows: &[Vec<f64>]) -> Result<f64, NoFigure> {
    let n = rows.len();
    if rows.iter().any(|row| row.len() != n || row.iter().any(|cell| !cell.is_finite())) {
        return Err(NoFigure::OutOfRange);
    }
    let matrix = faer::Mat::from_fn(n, n, |i, j| rows[i][j]);
    let values = matrix.self_adjoint_eigenvalues(faer::Side::Lower).map_err(|_| NoFigure::OutOfRange)?;
    values.first().copied().filter(|value| value.is_finite()).ok_or(NoFigure::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::{Gaps, correlation_with_gaps, coverage, returns_on_rows, smallest_eigenvalue};
    use crate::prices::Quotes;
    use jiff::civil::date;

    #[test]
    fn a_return_over_a_gap_lands_on_the_next_price() {
        let column = [Some(1.0), None, Some(1.1)];
        assert_eq!(returns_on_rows(&column, Gaps::Pairwise)[..2], [None, None]);
        assert!((returns_on_rows(&column, Gaps::Pairwise)[2].unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(returns_on_rows(&column, Gaps::CarriedForward)[1], Some(0.0));
    }

    #[test]
    fn coverage_counts_what_is_missing() {
        let dates: Vec<_> = (1..=3).map(|day| date(2024, 1, day)).collect();
        let columns = vec![vec![None, Some(1.0), Some(2.0)], vec![Some(1.0), Some(3.0), Some(2.0)]];
        let quotes = Quotes::new(vec!["A".into(), "B".into()], dates.clone(), columns).unwrap();
        assert_eq!((coverage(&quotes)[0].first, coverage(&quotes)[0].missing), (Some(dates[1]), 1));
        assert!(correlation_with_gaps(&quotes, Gaps::Pairwise)[0][1].is_err());
    }

    #[test]
    fn contradicting_correlations_have_a_negative_eigenvalue() {
        let rows = [vec![1.0, 0.9, -0.9], vec![0.9, 1.0, 0.9], vec![-0.9, 0.9, 1.0]];
        assert!(smallest_eigenvalue(&rows).unwrap() < -0.7);
        assert!(smallest_eigenvalue(&[]).is_err());
    }
}
