//! A number that changes with any input of a backtest, to tell two results apart.

use jiff::civil::Date;

use super::run::{Allocation, BacktestParams};
use crate::prices::{PriceTable, Quotes, Series};

/// FNV-1a (64 bits) over all prices, dates, labels and parameters. For telling results apart, not against forgery.
pub fn fingerprint(prices: &PriceTable, allocation: &Allocation, params: &BacktestParams) -> u64 {
    let closes = prices.columns().iter().flatten().map(|close| close.to_bits());
    hash(prices.assets(), prices.dates(), closes, allocation, params)
}

/// As [`fingerprint`], of prices with gaps; without a gap it is the same number.
pub fn fingerprint_quotes(quotes: &Quotes, allocation: &Allocation, params: &BacktestParams) -> u64 {
    // No price has the bits of "not a number".
    let bits = |close: &Option<f64>| close.unwrap_or(f64::NAN).to_bits();
    let closes = (0..quotes.assets().len()).flat_map(|asset| quotes.column(asset).iter().map(bits));
    hash(quotes.assets(), quotes.dates(), closes, allocation, params)
}

/// A fingerprint that changes with what figures depend on besides, too: the risk-free rate, and a benchmark's prices.
pub fn fingerprint_beside(fingerprint: u64, rf_annual: f64, benchmark: Option<&Series>) -> u64 {
    let mut hash = fed(fingerprint, rf_annual.to_bits());
    if let Some(series) = benchmark {
        hash = series.dates().iter().fold(hash, |hash, date| fed(hash, day(*date)));
        hash = series.closes().iter().fold(hash, |hash, close| fed(hash, close.to_bits()));
    }
    hash
}

fn fed(hash: u64, word: u64) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    (hash ^ word).wrapping_mul(PRIME)
}

fn day(date: Date) -> u64 {
    u64::from(date.year().unsigned_abs()) << 16
        | u64::from(date.month().unsigned_abs()) << 8
        | u64::from(date.day().unsigned_abs())
}

fn hash(
    assets: &[String],
    dates: &[Date],
    closes: impl Iterator<Item = u64>,
    allocation: &Allocation,
    params: &BacktestParams,
) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    let mut hash = OFFSET;
    let mut feed = |word: u64| hash = fed(hash, word);
    dates.iter().for_each(|date| feed(day(*date)));
    closes.for_each(&mut feed);
    // Labels and parameters in the form that names every field.
    let words = format!("{assets:?}|{allocation:?}|{params:?}");
    words.bytes().for_each(|byte| feed(u64::from(byte)));
    hash
}

#[cfg(test)]
mod tests {
    use super::{fingerprint, fingerprint_quotes};
    use crate::backtest::{Allocation, BacktestParams};
    use crate::prices::{PriceTable, Quotes};
    use jiff::civil::date;

    #[test]
    fn another_price_gives_another_number() {
        let table = |close| PriceTable::new(vec!["A".into()], vec![date(2024, 1, 2)], vec![vec![close]]).unwrap();
        let of = |close| fingerprint(&table(close), &Allocation::Weights(vec![1.0]), &BacktestParams::default());
        assert_eq!(of(1.0), of(1.0));
        assert_ne!(of(1.0), of(1.0 + f64::EPSILON));
    }

    #[test]
    fn prices_with_a_gap_have_another_number_and_without_one_the_same() {
        let days = vec![date(2024, 1, 2), date(2024, 1, 3)];
        let (all, params) = (Allocation::Weights(vec![1.0]), BacktestParams::default());
        let quotes = |closes: [Option<f64>; 2]| Quotes::new(vec!["A".into()], days.clone(), vec![closes.to_vec()]);
        let of = |closes| fingerprint_quotes(&quotes(closes).unwrap(), &all, &params);
        let table = PriceTable::new(vec!["A".into()], days.clone(), vec![vec![1.0, 2.0]]).unwrap();
        assert_eq!(of([Some(1.0), Some(2.0)]), fingerprint(&table, &all, &params));
        assert_ne!(of([Some(1.0), None]), of([Some(1.0), Some(2.0)]));
    }
}
