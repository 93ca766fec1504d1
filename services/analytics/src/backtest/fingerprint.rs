//! A number that changes with any input of a backtest, to tell two results apart.

use super::run::{Allocation, BacktestParams};
use crate::prices::PriceTable;

/// FNV-1a (64 bits) over all prices, dates, labels and parameters. For telling results apart, not against forgery.
pub fn fingerprint(prices: &PriceTable, allocation: &Allocation, params: &BacktestParams) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = OFFSET;
    let mut feed = |word: u64| hash = (hash ^ word).wrapping_mul(PRIME);
    for date in prices.dates() {
        feed(
            u64::from(date.year().unsigned_abs()) << 16
                | u64::from(date.month().unsigned_abs()) << 8
                | u64::from(date.day().unsigned_abs()),
        );
    }
    prices.columns().iter().flatten().for_each(|close| feed(close.to_bits()));
    // Labels and parameters in the form that names every field.
    let words = format!("{:?}|{allocation:?}|{params:?}", prices.assets());
    words.bytes().for_each(|byte| feed(u64::from(byte)));
    hash
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use crate::backtest::{Allocation, BacktestParams};
    use crate::prices::PriceTable;
    use jiff::civil::date;

    #[test]
    fn another_price_gives_another_number() {
        let table = |close| PriceTable::new(vec!["A".into()], vec![date(2024, 1, 2)], vec![vec![close]]).unwrap();
        let of = |close| fingerprint(&table(close), &Allocation::Weights(vec![1.0]), &BacktestParams::default());
        assert_eq!(of(1.0), of(1.0));
        assert_ne!(of(1.0), of(1.0 + f64::EPSILON));
    }
}
