//! Which column of a table is what.

use std::collections::BTreeMap;

use csv::ByteRecord;
use events::values::AssetId;

/// What a column may hold, with the names by which tables usually call it.
const FIELDS: [(&str, &[&str]); 10] = [
    ("symbol", &["symbol", "ticker", "asset", "id"]),
    ("date", &["date", "datetime", "day", "timestamp"]),
    ("open", &["open"]),
    ("high", &["high"]),
    ("low", &["low"]),
    ("close", &["close", "price"]),
    ("volume", &["volume"]),
    ("dividend", &["dividend", "dividends"]),
    ("split", &["split", "splits", "stock splits", "stock_splits"]),
    ("currency", &["currency", "ccy"]),
];

/// What a table's columns are called, where they are not called as usual: `close=Adj Close`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping(BTreeMap<&'static str, String>);

impl Mapping {
    /// The mapping that these pairs spell, each a field and the column's name: `close=Adj Close`.
    ///
    /// # Errors
    /// The first pair that names no field.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, ColumnsError> {
        let mut mapping = BTreeMap::new();
        for pair in pairs {
            let unknown = || ColumnsError::NoSuchField(pair.to_owned());
            let (field, column) = pair.split_once('=').ok_or_else(unknown)?;
            let field = FIELDS.iter().map(|(field, _)| *field).find(|known| *known == field).ok_or_else(unknown)?;
            mapping.insert(field, column.to_owned());
        }
        Ok(Self(mapping))
    }
}

/// Why a table's columns are not what prices need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A mapping of something that is no field.
    #[error(
        "`{0}` maps no field: write `close=Adj Close`; fields are symbol, date, open, high, low, close, volume, dividend, split and currency"
    )]
    NoSuchField(String),
    /// A column that was mapped is not there.
    #[error("the table has no column `{0}`")]
    NoSuchColumn(String),
    /// There is no column of days.
    #[error("the table has no column of days: name it with `date=...`")]
    NoDays,
    /// There is no symbol: neither in a column nor by naming one asset.
    #[error("the table does not say of which asset its prices are: name one asset, or the column with `symbol=...`")]
    NoSymbol,
    /// A wide table's column is called by no symbol.
    #[error("`{0}` is neither a usual column nor a symbol")]
    NotASymbol(String),
}

/// How a table is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// A row for each asset and day.
    Long(LongColumns),
    /// A row for each day, a column of closes for each asset.
    Wide {
        /// The column of days.
        date: usize,
        /// Columns of closes.
        closes: Vec<(usize, AssetId)>,
        /// How many columns there are.
        count: usize,
    },
}

/// The columns of a long table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LongColumns {
    pub symbol: Option<usize>,
    pub date: usize,
    pub open: Option<usize>,
    pub high: Option<usize>,
    pub low: Option<usize>,
    pub close: usize,
    pub volume: Option<usize>,
    pub dividend: Option<usize>,
    pub split: Option<usize>,
    pub currency: Option<usize>,
    /// How many columns there are.
    pub count: usize,
}

impl LongColumns {
    /// Whether a row of so many cells has all that is read, whole: of a row that ends early the last cell may be cut, too.
    pub fn are_all_in(&self, cells: usize) -> bool {
        let optional =
            [self.symbol, self.open, self.high, self.low, self.volume, self.dividend, self.split, self.currency];
        let last = optional.into_iter().flatten().chain([self.date, self.close]).max().unwrap_or(0);
        cells >= self.count || cells > last + 1
    }
}

impl Layout {
    /// The layout of a table with this head.
    pub fn of(head: &ByteRecord, mapping: &Mapping, one_asset: bool) -> Result<Self, ColumnsError> {
        let head: Vec<String> = head
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let mut found = BTreeMap::new();
        for (field, usual) in FIELDS {
            if let Some(column) = mapping.0.get(field) {
                let place = head.iter().position(|name| name == column);
                found.insert(field, place.ok_or_else(|| ColumnsError::NoSuchColumn(column.clone()))?);
            } else if let Some(place) = head.iter().position(|name| usual.contains(&name.to_lowercase().as_str())) {
                found.insert(field, place);
            }
        }
        let of = |field: &str| found.get(field).copied();
        // A table of levels often leaves the name of its first column out.
        let unnamed = (head.first().is_some_and(String::is_empty)).then_some(0);
        let date = of("date").or(unnamed).ok_or(ColumnsError::NoDays)?;
        if let Some(close) = of("close") {
            if of("symbol").is_none() && !one_asset {
                return Err(ColumnsError::NoSymbol);
            }
            return Ok(Self::Long(LongColumns {
                symbol: of("symbol"),
                date,
                open: of("open"),
                high: of("high"),
                low: of("low"),
                close,
                volume: of("volume"),
                dividend: of("dividend"),
                split: of("split"),
                currency: of("currency"),
                count: head.len(),
            }));
        }
        let symbol = |(place, name): (usize, &String)| {
            AssetId::parse(name).map(|id| (place, id)).map_err(|_| ColumnsError::NotASymbol(name.clone()))
        };
        let closes =
            head.iter().enumerate().filter(|(place, _)| *place != date).map(symbol).collect::<Result<_, _>>()?;
        Ok(Self::Wide { date, closes, count: head.len() })
    }
}

#[cfg(test)]
mod tests {
    use csv::ByteRecord;

    use super::{ColumnsError, Layout, Mapping};

    fn of(head: &[&str], pairs: &[&str], one_asset: bool) -> Result<Layout, ColumnsError> {
        Layout::of(&ByteRecord::from(head.to_vec()), &Mapping::parse(pairs.iter().copied())?, one_asset)
    }

    #[test]
    fn usual_names_need_no_mapping() {
        let Layout::Long(long) = of(&["Datetime", "Open", "Close", "Adj Close", "Stock Splits"], &[], true).unwrap()
        else {
            panic!("it has closes");
        };
        assert_eq!((long.date, long.open, long.close, long.split, long.high), (0, Some(1), 2, Some(4), None));
        let Layout::Wide { date, closes, .. } = of(&["\u{feff}Date", "AAPL", "^GSPC"], &[], false).unwrap() else {
            panic!("it has symbols");
        };
        assert_eq!((date, closes.len(), closes[1].0, closes[1].1.as_str()), (0, 2, 2, "^GSPC"));
    }

    #[test]
    fn a_row_that_ends_early_is_whole_only_where_nothing_that_is_read_may_be_cut() {
        let Layout::Long(long) = of(&["date", "close", "note", "remark"], &[], true).unwrap() else { panic!("closes") };
        let whole = [4, 3, 2, 1].map(|cells| long.are_all_in(cells));
        assert_eq!(whole, [true, true, false, false], "of two cells the close may be cut");
    }

    #[test]
    fn a_mapping_wins_over_the_usual_name() {
        let mapped = of(&["date", "close", "adj_close", "sym"], &["close=adj_close", "symbol=sym"], false).unwrap();
        let Layout::Long(long) = mapped else { panic!("it has closes") };
        assert_eq!((long.close, long.symbol), (2, Some(3)));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(of(&["AAPL"], &[], false), Err(ColumnsError::NoDays));
        assert_eq!(of(&["date", "close"], &[], false), Err(ColumnsError::NoSymbol));
        assert_eq!(of(&["date", "apple inc"], &[], false), Err(ColumnsError::NotASymbol("apple inc".to_owned())));
        assert_eq!(of(&["date"], &["close=x"], false), Err(ColumnsError::NoSuchColumn("x".to_owned())));
        assert!(matches!(of(&["date"], &["clothes=x"], false), Err(ColumnsError::NoSuchField(_))));
    }
}
