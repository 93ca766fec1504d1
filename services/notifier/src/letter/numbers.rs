//! Numbers and days as people read them.

use events::values::{Allocation, AssetId};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// What stands where a figure could not be given.
const NONE: &str = "not available";

/// The fraction in per cent with one decimal: `-81.8 %`, with a true minus sign.
pub(super) fn percent(fraction: Option<f64>) -> String {
    match fraction.map(|fraction| fraction * 100.0) {
        Some(percent) if percent.is_finite() => format!("{} %", decimal(percent, 1)),
        _ => NONE.to_owned(),
    }
}

/// The ratio with two decimals.
pub(super) fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if ratio.is_finite() => decimal(ratio, 2),
        _ => NONE.to_owned(),
    }
}

/// The day in words: `4 March 2026`.
pub(super) fn day(day: Date) -> String {
    day.strftime("%-d %B %Y").to_string()
}

/// The number with its thousands apart.
pub(super) fn count(number: u32) -> String {
    grouped(&number.to_string())
}

/// A position's weight.
pub(super) struct Share<'a> {
    pub(super) asset: &'a AssetId,
    /// In per cent, exact.
    pub(super) percent: String,
    /// In whole per cent, for a bar; at least one, so that no position is without.
    pub(super) bar: u8,
}

/// The weights, the heaviest first, exact, all with as many decimals as the finest of them needs.
pub(super) fn shares(allocation: &Allocation) -> Vec<Share<'_>> {
    let mut weights: Vec<(&AssetId, Decimal)> =
        allocation.iter().map(|(asset, weight)| (asset, (weight.value() * Decimal::ONE_HUNDRED).normalize())).collect();
    // Stable, so that equal weights stay in the order of their assets.
    weights.sort_by_key(|(_, percent)| std::cmp::Reverse(*percent));
    let decimals = weights.iter().map(|(_, percent)| percent.scale()).max().unwrap_or(0);
    weights
        .into_iter()
        .map(|(asset, mut percent)| {
            let bar = percent.round().to_u8().unwrap_or(100).clamp(1, 100);
            percent.rescale(decimals);
            Share { asset, percent: format!("{percent} %"), bar }
        })
        .collect()
}

fn decimal(number: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    // What rounds to nought has no sign.
    let sign = if number < 0.0 && digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "\u{2212}" } else { "" };
    format!("{sign}{}.{fraction}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{count, day, percent, ratio};

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(percent(Some(475.037_878_787_878_8)), "47,503.8 %");
        assert_eq!(percent(Some(-0.818_098)), "\u{2212}81.8 %");
        assert_eq!(percent(Some(-0.000_01)), "0.0 %");
        assert_eq!(ratio(Some(0.6449)), "0.64");
        assert_eq!(count(8312), "8,312");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(day(date(2026, 3, 4)), "4 March 2026");
    }

    #[test]
    fn no_figure_is_said_not_shown_as_a_number() {
        for none in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(percent(none), "not available");
            assert_eq!(ratio(none), "not available");
        }
    }
}
