//! Prices on their calendar: one asset ([`Series`]), several on common sessions ([`PriceTable`]), several with gaps ([`Quotes`]).

use jiff::civil::Date;

use crate::short::Short;

/// Rows that one table may hold: more than a century of sessions.
pub const ROWS_MAX: usize = 100_000;
/// Assets that one table may hold.
pub const ASSETS_MAX: usize = 5_000;

/// Why prices are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PriceError {
    /// There is no row.
    #[error("there is no price")]
    Empty,
    /// More rows or assets than the bounds allow.
    #[error("{rows} rows of {assets} assets are more than {ROWS_MAX} of {ASSETS_MAX}")]
    TooMany {
        /// Rows given.
        rows: usize,
        /// Assets given.
        assets: usize,
    },
    /// Dates and closes, or assets and columns, are not as many.
    #[error("{what}: expected {expected}, got {got}")]
    LengthsDiffer {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A date is not later than the one before it: duplicate or unsorted.
    #[error("{date} does not come after {before}")]
    DatesNotAscending {
        /// The earlier row's date.
        before: Date,
        /// The date that should be later.
        date: Date,
    },
    /// A close is zero, negative, infinite or not a number.
    #[error("the close of {asset} on {date} is {}, no positive number", Short(*close))]
    NotAPrice {
        /// The asset's label; empty for a single series.
        asset: String,
        /// The row's date.
        date: Date,
        /// What stood there.
        close: f64,
    },
    /// A payment leaves nothing of the close before it, so that earlier closes cannot be adjusted for it.
    #[error("the payment of {} on {date} is not below the close before it, {}", Short(*payment), Short(*before))]
    PaymentNotBelowPrice {
        /// The session without it.
        date: Date,
        /// Cash for one unit.
        payment: f64,
        /// The close of the session before.
        before: f64,
    },
    /// The same label stands for two columns.
    #[error("asset {0} stands twice")]
    AssetTwice(String),
    /// No column has that label.
    #[error("there is no asset {0}")]
    UnknownAsset(String),
    /// No session has a price of every asset.
    #[error("no session has a price of every asset")]
    NoCommonSession,
}

/// Closes of one asset. Dates ascend without duplicates; closes are finite and positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    dates: Vec<Date>,
    closes: Vec<f64>,
}

impl Series {
    /// The series of these rows.
    ///
    /// # Errors
    /// [`PriceError`] when a row breaks the invariant.
    pub fn new(dates: Vec<Date>, closes: Vec<f64>) -> Result<Series, PriceError> {
        check_dates(&dates, 1)?;
        check_length("closes", dates.len(), closes.len())?;
        check_closes("", &dates, &closes)?;
        Ok(Series { dates, closes })
    }

    /// Dates of the rows, ascending.
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// Closes of the rows.
    pub fn closes(&self) -> &[f64] {
        &self.closes
    }
}

/// Closes of several assets on common sessions, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    assets: Vec<String>,
    dates: Vec<Date>,
    columns: Vec<Vec<f64>>,
}

impl PriceTable {
    /// The table of these columns, one for each asset.
    ///
    /// # Errors
    /// [`PriceError`] when a row or a label breaks the invariant.
    pub fn new(assets: Vec<String>, dates: Vec<Date>, columns: Vec<Vec<f64>>) -> Result<PriceTable, PriceError> {
        check_dates(&dates, assets.len())?;
        check_assets(&assets)?;
        check_length("columns", assets.len(), columns.len())?;
        for (asset, column) in assets.iter().zip(&columns) {
            check_length("closes", dates.len(), column.len())?;
            check_closes(asset, &dates, column)?;
        }
        Ok(PriceTable { assets, dates, columns })
    }

    /// The table of the sessions on which every series has a price (an inner join by date).
    ///
    /// # Errors
    /// [`PriceError::NoCommonSession`] when there is none.
    pub fn join(series: &[(String, Series)]) -> Result<PriceTable, PriceError> {
        let first = series.first().ok_or(PriceError::Empty)?;
        let mut dates = first.1.dates.clone();
        for (_, other) in &series[1..] {
            dates.retain(|date| other.dates.binary_search(date).is_ok());
        }
        if dates.is_empty() {
            return Err(PriceError::NoCommonSession);
        }
        let columns = series
            .iter()
            .map(|(_, one)| {
                let rows = one.dates.iter().zip(&one.closes);
                rows.filter(|(date, _)| dates.binary_search(date).is_ok()).map(|(_, &close)| close).collect()
            })
            .collect();
        PriceTable::new(series.iter().map(|(label, _)| label.clone()).collect(), dates, columns)
    }

    /// Labels of the columns.
    pub fn assets(&self) -> &[String] {
        &self.assets
    }

    /// Dates of the rows, ascending.
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// Closes of one asset, in the order of [`PriceTable::dates`].
    pub fn column(&self, asset: usize) -> &[f64] {
        &self.columns[asset]
    }

    /// Closes of all assets, one slice each.
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    /// The rows with `start <= date <= end`.
    ///
    /// # Errors
    /// [`PriceError::Empty`] when there is none.
    pub fn window(&self, start: Date, end: Date) -> Result<PriceTable, PriceError> {
        let rows = rows_between(&self.dates, start, end);
        let columns = self.columns.iter().map(|column| column[rows.clone()].to_vec()).collect();
        let dates = self.dates[rows].to_vec();
        if dates.is_empty() {
            Err(PriceError::Empty)
        } else {
            Ok(PriceTable { assets: self.assets.clone(), dates, columns })
        }
    }

    /// The columns with these labels, in this order.
    ///
    /// # Errors
    /// [`PriceError::UnknownAsset`] for a label that no column has.
    pub fn select(&self, labels: &[String]) -> Result<PriceTable, PriceError> {
        let columns = columns_of(labels, &self.assets, &self.columns)?;
        Ok(PriceTable { assets: labels.to_vec(), dates: self.dates.clone(), columns })
    }

    /// Simple returns of each asset, one vector each and one shorter than the rows.
    pub fn returns(&self) -> Vec<Vec<f64>> {
        self.columns.iter().map(|column| crate::figures::simple_returns(column)).collect()
    }
}

/// Closes of several assets on the union of their sessions; a cell may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Quotes {
    assets: Vec<String>,
    dates: Vec<Date>,
    columns: Vec<Vec<Option<f64>>>,
}

impl Quotes {
    /// The quotes of these columns, one for each asset.
    ///
    /// # Errors
    /// [`PriceError`] when a row or a label breaks the invariant.
    pub fn new(assets: Vec<String>, dates: Vec<Date>, columns: Vec<Vec<Option<f64>>>) -> Result<Quotes, PriceError> {
        check_dates(&dates, assets.len())?;
        check_assets(&assets)?;
        check_length("columns", assets.len(), columns.len())?;
        for (asset, column) in assets.iter().zip(&columns) {
            check_length("closes", dates.len(), column.len())?;
            for (&date, &close) in dates.iter().zip(column) {
                check_close(asset, date, close.unwrap_or(1.0))?;
            }
        }
        Ok(Quotes { assets, dates, columns })
    }

    /// Labels of the columns.
    pub fn assets(&self) -> &[String] {
        &self.assets
    }

    /// Dates of the rows, ascending.
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// Closes of one asset, `None` where it has no price.
    pub fn column(&self, asset: usize) -> &[Option<f64>] {
        &self.columns[asset]
    }

    /// The rows with `start <= date <= end` on which at least one asset has a price.
    ///
    /// # Errors
    /// [`PriceError::Empty`] when there is none.
    pub fn window(&self, start: Date, end: Date) -> Result<Quotes, PriceError> {
        let kept: Vec<usize> = rows_between(&self.dates, start, end)
            .filter(|&row| self.columns.iter().any(|column| column[row].is_some()))
            .collect();
        if kept.is_empty() {
            return Err(PriceError::Empty);
        }
        let columns = self.columns.iter().map(|column| kept.iter().map(|&row| column[row]).collect()).collect();
        Ok(Quotes { assets: self.assets.clone(), dates: kept.iter().map(|&row| self.dates[row]).collect(), columns })
    }

    /// The columns with these labels, in this order, on the same rows.
    ///
    /// # Errors
    /// [`PriceError::UnknownAsset`] for a label that no column has.
    pub fn select(&self, labels: &[String]) -> Result<Quotes, PriceError> {
        let columns = columns_of(labels, &self.assets, &self.columns)?;
        Ok(Quotes { assets: labels.to_vec(), dates: self.dates.clone(), columns })
    }

    /// The complete cases: rows on which every asset has a price.
    ///
    /// # Errors
    /// [`PriceError::NoCommonSession`] when there is none.
    pub fn complete(&self) -> Result<PriceTable, PriceError> {
        let kept: Vec<usize> =
            (0..self.dates.len()).filter(|&row| self.columns.iter().all(|column| column[row].is_some())).collect();
        if kept.is_empty() {
            return Err(PriceError::NoCommonSession);
        }
        let columns = self.columns.iter().map(|column| kept.iter().filter_map(|&row| column[row]).collect()).collect();
        let dates = kept.iter().map(|&row| self.dates[row]).collect();
        Ok(PriceTable { assets: self.assets.clone(), dates, columns })
    }

    /// One asset's own sessions, missing cells dropped.
    ///
    /// # Errors
    /// [`PriceError::Empty`] when the asset has no price.
    pub fn series(&self, asset: usize) -> Result<Series, PriceError> {
        let rows = self.dates.iter().zip(&self.columns[asset]);
        let (dates, closes): (Vec<Date>, Vec<f64>) =
            rows.filter_map(|(&date, close)| close.map(|close| (date, close))).unzip();
        if dates.is_empty() { Err(PriceError::Empty) } else { Ok(Series { dates, closes }) }
    }
}

fn rows_between(dates: &[Date], start: Date, end: Date) -> std::ops::Range<usize> {
    let first = dates.partition_point(|&date| date < start);
    first..dates.partition_point(|&date| date <= end).max(first)
}

fn check_dates(dates: &[Date], assets: usize) -> Result<(), PriceError> {
    if dates.is_empty() || assets == 0 {
        return Err(PriceError::Empty);
    }
    if dates.len() > ROWS_MAX || assets > ASSETS_MAX {
        return Err(PriceError::TooMany { rows: dates.len(), assets });
    }
    match dates.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(PriceError::DatesNotAscending { before: pair[0], date: pair[1] }),
        None => Ok(()),
    }
}

/// The columns with these labels, in this order, of those that stand under `assets`.
fn columns_of<T: Clone>(labels: &[String], assets: &[String], columns: &[T]) -> Result<Vec<T>, PriceError> {
    check_assets(labels)?;
    let column = |label: &String| {
        let place = assets.iter().position(|asset| asset == label);
        place.map(|place| columns[place].clone()).ok_or_else(|| PriceError::UnknownAsset(label.clone()))
    };
    labels.iter().map(column).collect()
}

fn check_assets(assets: &[String]) -> Result<(), PriceError> {
    let mut seen = std::collections::BTreeSet::new();
    match assets.iter().find(|asset| !seen.insert(asset.as_str())) {
        Some(twice) => Err(PriceError::AssetTwice(twice.clone())),
        None => Ok(()),
    }
}

fn check_length(what: &'static str, expected: usize, got: usize) -> Result<(), PriceError> {
    if expected == got { Ok(()) } else { Err(PriceError::LengthsDiffer { what, expected, got }) }
}

fn check_closes(asset: &str, dates: &[Date], closes: &[f64]) -> Result<(), PriceError> {
    dates.iter().zip(closes).try_for_each(|(&date, &close)| check_close(asset, date, close))
}

fn check_close(asset: &str, date: Date, close: f64) -> Result<(), PriceError> {
    if close.is_finite() && close > 0.0 {
        Ok(())
    } else {
        Err(PriceError::NotAPrice { asset: asset.to_owned(), date, close })
    }
}

#[cfg(test)]
mod tests {
    use super::{PriceError, PriceTable, Quotes, Series};
    use jiff::civil::date;

    #[test]
    fn a_duplicate_date_is_refused_with_both_dates() {
        let day = date(2024, 1, 2);
        assert_eq!(
            Series::new(vec![day, day], vec![1.0, 2.0]),
            Err(PriceError::DatesNotAscending { before: day, date: day })
        );
    }

    #[test]
    fn zero_negative_and_endless_closes_are_refused() {
        for close in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            let refused = Series::new(vec![date(2024, 1, 2)], vec![close]);
            assert!(matches!(refused, Err(PriceError::NotAPrice { .. })), "{close}");
        }
    }

    #[test]
    fn joining_keeps_the_common_sessions() {
        let days: Vec<_> = (1..=4).map(|day| date(2024, 1, day)).collect();
        let left = Series::new(days[..3].to_vec(), vec![1.0, 2.0, 3.0]).unwrap();
        let right = Series::new(days[1..].to_vec(), vec![5.0, 6.0, 7.0]).unwrap();
        let table = PriceTable::join(&[("L".into(), left), ("R".into(), right)]).unwrap();
        assert_eq!(table.dates(), &days[1..3]);
        assert_eq!(table.columns(), &[vec![2.0, 3.0], vec![5.0, 6.0]]);
    }

    #[test]
    fn complete_cases_drop_a_row_with_any_gap() {
        let days: Vec<_> = (1..=3).map(|day| date(2024, 1, day)).collect();
        let columns = vec![vec![Some(1.0), None, Some(3.0)], vec![Some(4.0), Some(5.0), Some(6.0)]];
        let quotes = Quotes::new(vec!["A".into(), "B".into()], days.clone(), columns).unwrap();
        assert_eq!(quotes.complete().unwrap().dates(), &[days[0], days[2]]);
        assert_eq!(quotes.series(0).unwrap().closes(), &[1.0, 3.0]);
    }
}
