//! Prices as a backtest sees them: a mark for every asset and session, and whether it is that session's own.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::prices::{PriceTable, Quotes};

/// Sessions for which a price is carried forward before the backtest refuses to value the asset.
pub const CARRY_SESSIONS_MAX: usize = 5;

/// Columns of marks. An asset without a price yet has the mark zero and no holding.
pub(crate) struct Marks<'a> {
    pub assets: &'a [String],
    pub dates: &'a [Date],
    pub columns: Vec<Cow<'a, [f64]>>,
    /// For each asset, rows with a price of their own; `None` when every row has one.
    pub own: Vec<Option<Vec<bool>>>,
    /// For each asset the first row that is too long after its last price.
    pub stale_from: Vec<Option<usize>>,
}

impl<'a> Marks<'a> {
    pub fn of_table(table: &'a PriceTable) -> Marks<'a> {
        let n = table.assets().len();
        let columns = table.columns().iter().map(|column| Cow::Borrowed(column.as_slice())).collect();
        Marks { assets: table.assets(), dates: table.dates(), columns, own: vec![None; n], stale_from: vec![None; n] }
    }

    pub fn of_quotes(quotes: &'a Quotes) -> Marks<'a> {
        let n = quotes.assets().len();
        let mut marks = Marks {
            assets: quotes.assets(),
            dates: quotes.dates(),
            columns: Vec::new(),
            own: Vec::new(),
            stale_from: vec![None; n],
        };
        for asset in 0..n {
            let (mut last, mut age) = (0.0, 0);
            let mut column = Vec::with_capacity(quotes.dates().len());
            for (row, close) in quotes.column(asset).iter().enumerate() {
                (last, age) = close.map_or((last, age + 1), |close| (close, 0));
                if age > CARRY_SESSIONS_MAX && last > 0.0 && marks.stale_from[asset].is_none() {
                    marks.stale_from[asset] = Some(row);
                }
                column.push(last);
            }
            marks.columns.push(Cow::Owned(column));
            marks.own.push(Some(quotes.column(asset).iter().map(Option::is_some).collect()));
        }
        marks
    }

    /// Whether the asset can be traded at the close of the row.
    pub fn has_own(&self, asset: usize, row: usize) -> bool {
        self.own[asset].as_ref().is_none_or(|own| own[row])
    }
}
