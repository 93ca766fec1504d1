//! Closing prices of some assets as they were at one moment, and the tables that computations make of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use analytics::cash::Interest;
use analytics::{PriceError, PriceTable, Quotes, Series};
use events::values::AssetId;
use events::{Position, Stream};
use jiff::civil::Date;

use crate::prices::{Cash, SeriesError};

/// Closing prices of one asset, days ascending.
#[derive(Debug, PartialEq)]
pub struct Column {
    pub(super) days: Vec<Date>,
    /// "Not a number" on days that are unfit.
    pub(super) closes: Vec<f64>,
    /// The last of the first days whose changes would be no total returns, and why.
    pub(super) unfit_until: Option<(Date, SeriesError)>,
    /// The sequence of the last event whose prices are among them; 0 where there are none.
    pub(super) position: u64,
    /// Of cash: worth what it has earned on whatever days the others have, and on none by itself.
    pub(super) cash: Option<(Cash, Interest)>,
}

impl Column {
    /// The column of cash that earns this.
    pub(super) fn of_cash(cash: Cash) -> Self {
        let (position, interest) = (cash.position, cash.interest());
        Self { days: Vec::new(), closes: Vec::new(), unfit_until: None, position, cash: Some((cash, interest)) }
    }

    /// What is known of it where it is cash.
    #[must_use]
    pub fn cash(&self) -> Option<&Cash> {
        self.cash.as_ref().map(|(cash, _)| cash)
    }

    /// The days from one to another, both included, with their closes. `None` leaves an end open.
    #[must_use]
    pub fn between(&self, from: Option<Date>, to: Option<Date>) -> (&[Date], &[f64]) {
        let first = from.map_or(0, |from| self.days.partition_point(|day| *day < from));
        let end = to.map_or(self.days.len(), |to| self.days.partition_point(|day| *day <= to)).max(first);
        (&self.days[first..end], &self.closes[first..end])
    }

    pub(crate) fn bytes(&self) -> u32 {
        const OVERHEAD: usize = 256;
        /// A rate as it was said and as it is computed with.
        const RATE_BYTES: usize = 64;
        let rates = self.cash().map_or(0, |cash| cash.rates.len());
        let bytes = self.days.len() * (size_of::<Date>() + size_of::<f64>()) + rates * RATE_BYTES + OVERHEAD;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// Days with their closes.
type Bars<'a> = (&'a [Date], &'a [f64]);

/// What an asset is worth: closes on days of its own, or on any days what cash has earned until then.
#[derive(Clone, Copy)]
enum Worth<'a> {
    Closes(Bars<'a>),
    Cash(&'a Interest),
}

impl<'a> Worth<'a> {
    const fn closes(self) -> Option<Bars<'a>> {
        match self {
            Self::Closes(bars) => Some(bars),
            Self::Cash(_) => None,
        }
    }
}

/// The columns of some assets, as they were at one moment.
#[derive(Debug, Clone)]
pub struct Prices(pub(crate) HashMap<AssetId, Arc<Column>>);

/// Why prices make no table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoTable {
    /// An asset has no price in the window.
    #[error("`{0}` has no price in the window")]
    NoPrices(AssetId),
    /// No total returns follow from an asset's prices and payments in the window.
    #[error("`{asset}`: {why}")]
    Unfit {
        /// The asset.
        asset: AssetId,
        /// Why not.
        why: SeriesError,
    },
    /// Cash alone is worth the same on every day: there is no session to measure anything on.
    #[error("cash alone has no trading days; there are figures beside what has prices")]
    OnlyCash,
    /// The prices do not fit together.
    #[error(transparent)]
    Prices(#[from] PriceError),
}

impl Prices {
    /// Where the last event stands whose prices are among them: the same position, the same prices.
    #[must_use]
    pub fn position(&self) -> Position {
        let sequence = self.0.values().map(|column| column.position).max().unwrap_or(0);
        Position { stream: Stream::Market, sequence }
    }

    /// The columns of these assets alone.
    pub(crate) fn of<'a>(&self, assets: impl Iterator<Item = &'a AssetId>) -> Self {
        Self(assets.filter_map(|asset| Some((asset.clone(), Arc::clone(self.0.get(asset)?)))).collect())
    }

    /// The column of an asset, where it was asked for.
    #[must_use]
    pub fn column(&self, asset: &AssetId) -> Option<&Column> {
        self.0.get(asset).map(Arc::as_ref)
    }

    /// The table of the days on which all of these assets have a price, from one day to another.
    ///
    /// # Errors
    /// Where an asset has no price in the window, or no day has a price of each.
    pub fn table(&self, assets: &[AssetId], from: Option<Date>, to: Option<Date>) -> Result<PriceTable, NoTable> {
        let columns = self.columns(assets, from, to)?;
        let days = common_days(&columns);
        if days.is_empty() && !columns.is_empty() {
            return Err(PriceError::NoCommonSession.into());
        }
        let closes = columns.iter().map(|column| match column {
            Worth::Closes((own, closes)) => on_days(&days, own, closes),
            Worth::Cash(interest) => interest.worth(&days),
        });
        let closes = closes.collect();
        Ok(PriceTable::new(assets.iter().map(ToString::to_string).collect(), days, closes)?)
    }

    /// The prices of these assets on every day on which any of them has one, from the first day on which each has one: a
    /// portfolio of them could not be bought before.
    ///
    /// # Errors
    /// As [`Prices::table`].
    pub fn quotes(&self, assets: &[AssetId], from: Option<Date>, to: Option<Date>) -> Result<Quotes, NoTable> {
        let columns = self.columns(assets, from, to)?;
        let common = common_days(&columns);
        let Some(first) = common.first() else { return Err(PriceError::NoCommonSession.into()) };
        let days: BTreeSet<Date> = columns
            .iter()
            .filter_map(|column| column.closes())
            .flat_map(|(days, _)| days.iter().filter(|day| *day >= first))
            .copied()
            .collect();
        let days: Vec<Date> = days.into_iter().collect();
        let closes = columns.iter().map(|column| {
            let (own, closes) = match column {
                Worth::Closes(bars) => *bars,
                Worth::Cash(interest) => return interest.worth(&days).into_iter().map(Some).collect(),
            };
            let mut own = own.iter().zip(closes).skip_while(|(day, _)| *day < first).peekable();
            days.iter().map(|day| own.next_if(|(own, _)| *own == day).map(|(_, close)| *close)).collect()
        });
        let closes = closes.collect();
        Ok(Quotes::new(assets.iter().map(ToString::to_string).collect(), days, closes)?)
    }

    /// One asset's prices on its own sessions, from one day to another.
    ///
    /// # Errors
    /// Where it has none in the window, or none that follow from its payments.
    pub fn series(&self, asset: &AssetId, from: Option<Date>, to: Option<Date>) -> Result<Series, NoTable> {
        let columns = self.columns(std::slice::from_ref(asset), from, to)?;
        let (days, closes) = columns.first().and_then(|column| column.closes()).ok_or(NoTable::OnlyCash)?;
        Ok(Series::new(days.to_vec(), closes.to_vec())?)
    }

    /// What each of these assets is worth between two days.
    fn columns(&self, assets: &[AssetId], from: Option<Date>, to: Option<Date>) -> Result<Vec<Worth<'_>>, NoTable> {
        let mut columns = Vec::with_capacity(assets.len());
        for asset in assets {
            let column = self.column(asset);
            if let Some((_, interest)) = column.and_then(|column| column.cash.as_ref()) {
                columns.push(Worth::Cash(interest));
                continue;
            }
            let unfit = column.and_then(|column| column.unfit_until.as_ref());
            if let Some((_, why)) = unfit.filter(|(day, _)| from.is_none_or(|from| from <= *day)) {
                return Err(NoTable::Unfit { asset: asset.clone(), why: why.clone() });
            }
            let bars = column.map_or((&[][..], &[][..]), |column| column.between(from, to));
            if bars.0.is_empty() {
                return Err(NoTable::NoPrices(asset.clone()));
            }
            columns.push(Worth::Closes(bars));
        }
        if columns.iter().all(|column| column.closes().is_none()) && !columns.is_empty() {
            return Err(NoTable::OnlyCash);
        }
        Ok(columns)
    }
}

/// Days that all columns have; cash has every day.
fn common_days(columns: &[Worth<'_>]) -> Vec<Date> {
    let columns: Vec<Bars<'_>> = columns.iter().filter_map(|column| column.closes()).collect();
    let Some((first, others)) = columns.split_first() else { return Vec::new() };
    let mut common = first.0.to_vec();
    for (days, _) in others.iter().filter(|(days, _)| *days != first.0) {
        let mut rest = days.iter().peekable();
        common.retain(|day| {
            while rest.next_if(|other| *other < day).is_some() {}
            rest.peek() == Some(&day)
        });
    }
    common
}

/// The closes on these days, all of which are among the column's own.
fn on_days(days: &[Date], own: &[Date], closes: &[f64]) -> Vec<f64> {
    if days.len() == own.len() {
        return closes.to_vec();
    }
    let mut wanted = days.iter().peekable();
    let rows = own.iter().zip(closes);
    rows.filter(|(day, _)| wanted.next_if_eq(day).is_some()).map(|(_, close)| *close).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use analytics::PriceError;
    use events::values::AssetId;
    use jiff::civil::{Date, date};

    use super::{Column, NoTable, Prices};
    use crate::prices::{Cash, SeriesError};

    fn prices(columns: &[(&str, &[(i8, f64)])]) -> Prices {
        let column = |bars: &[(i8, f64)]| {
            let (days, closes) = bars.iter().map(|(day, close)| (date(2024, 1, *day), *close)).unzip();
            Arc::new(Column { days, closes, unfit_until: None, position: 7, cash: None })
        };
        Prices(columns.iter().map(|(id, bars)| (AssetId::parse(id).unwrap(), column(bars))).collect::<HashMap<_, _>>())
    }

    fn assets(ids: &[&str]) -> Vec<AssetId> {
        ids.iter().map(|id| AssetId::parse(id).unwrap()).collect()
    }

    #[test]
    fn a_table_has_the_days_that_all_assets_have() {
        let prices = prices(&[("A", &[(1, 1.0), (2, 2.0), (4, 4.0)]), ("B", &[(2, 5.0), (3, 6.0), (4, 7.0)])]);
        let table = prices.table(&assets(&["B", "A"]), None, None).unwrap();
        assert_eq!(table.dates(), [date(2024, 1, 2), date(2024, 1, 4)]);
        assert_eq!((table.column(0), table.column(1)), (&[5.0, 7.0][..], &[2.0, 4.0][..]));
        let one = prices.table(&assets(&["A"]), Some(date(2024, 1, 2)), Some(date(2024, 1, 3))).unwrap();
        assert_eq!(one.column(0), [2.0]);
    }

    #[test]
    fn days_that_are_unfit_are_refused_and_those_after_them_are_not() {
        let (asset, why) = (assets(&["A"]), SeriesError::from(PriceError::Empty));
        let days = (1..=4).map(|day| date(2024, 1, day)).collect();
        let closes = vec![f64::NAN, f64::NAN, 3.0, 4.0];
        let column =
            Column { days, closes, unfit_until: Some((date(2024, 1, 2), why.clone())), position: 7, cash: None };
        let prices = Prices(HashMap::from([(asset[0].clone(), Arc::new(column))]));
        let refused = NoTable::Unfit { asset: asset[0].clone(), why };
        assert_eq!(prices.table(&asset, None, None).unwrap_err(), refused);
        assert_eq!(prices.table(&asset, Some(date(2024, 1, 2)), None).unwrap_err(), refused);
        assert_eq!(prices.table(&asset, Some(date(2024, 1, 3)), None).unwrap().column(0), [3.0, 4.0]);
    }

    #[test]
    fn quotes_begin_where_all_have_a_price_and_keep_the_gaps_after() {
        let prices = prices(&[("A", &[(1, 1.0), (2, 2.0), (4, 4.0)]), ("B", &[(2, 5.0), (3, 6.0), (4, 7.0)])]);
        let quotes = prices.quotes(&assets(&["A", "B"]), None, None).unwrap();
        assert_eq!(quotes.dates(), [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]);
        assert_eq!(quotes.column(0), [Some(2.0), None, Some(4.0)]);
        assert_eq!(quotes.column(1), [Some(5.0), Some(6.0), Some(7.0)]);
    }

    fn cash(rates: &[(Date, &str)]) -> Arc<Column> {
        let rates = rates.iter().map(|(from, rate)| (*from, rate.parse().unwrap())).collect();
        Arc::new(Column::of_cash(Cash { position: 9, rates }))
    }

    #[test]
    fn cash_grows_by_its_interest_on_whatever_days_the_others_have() {
        let mut prices = prices(&[("A", &[(1, 1.0), (2, 2.0), (5, 4.0)])]);
        let rates = [(date(2023, 6, 1), "0.5"), (date(2024, 1, 2), "0.1")];
        prices.0.insert(AssetId::parse("CASH").unwrap(), cash(&rates));
        let day = |rate: f64| (1.0 + rate).powf(1.0 / 365.25);
        let expected = [1.0, day(0.5), day(0.5) * day(0.1).powi(3)];
        let table = prices.table(&assets(&["A", "CASH"]), None, None).unwrap();
        let quotes = prices.quotes(&assets(&["A", "CASH"]), None, None).unwrap();
        for (row, expected) in expected.into_iter().enumerate() {
            assert!((table.column(1)[row] - expected).abs() < 1e-14);
            assert!((quotes.column(1)[row].unwrap() - expected).abs() < 1e-14);
        }
    }

    #[test]
    fn cash_is_worth_one_on_every_day_of_the_others_and_has_none_by_itself() {
        let mut prices = prices(&[("A", &[(1, 1.0), (2, 2.0), (4, 4.0)]), ("B", &[(1, 5.0), (4, 7.0)])]);
        prices.0.insert(AssetId::parse("CASH").unwrap(), cash(&[]));
        let table = prices.table(&assets(&["A", "CASH", "B"]), None, None).unwrap();
        assert_eq!((table.dates().len(), table.column(1)), (2, &[1.0, 1.0][..]));
        let quotes = prices.quotes(&assets(&["CASH", "A", "B"]), None, None).unwrap();
        assert_eq!((quotes.dates().len(), quotes.column(0)), (3, &[Some(1.0); 3][..]));
        assert_eq!(prices.table(&assets(&["CASH"]), None, None).unwrap_err(), NoTable::OnlyCash);
        assert_eq!(prices.position().sequence, 9);
    }

    #[test]
    fn what_has_no_price_is_named() {
        let prices = prices(&[("A", &[(1, 1.0)]), ("B", &[(2, 5.0)]), ("C", &[])]);
        let refused = |ids: &[&str]| prices.table(&assets(ids), None, None).unwrap_err();
        assert_eq!(refused(&["A", "C"]), NoTable::NoPrices(AssetId::parse("C").unwrap()));
        assert_eq!(refused(&["A", "B"]), NoTable::Prices(PriceError::NoCommonSession));
    }
}
