//! Numbers and days as people read them.

use events::values::{Allocation, AssetId, Language};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The months in Portuguese.
const MESES: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];

/// What stands where a figure could not be given.
const fn none(language: Language) -> &'static str {
    match language {
        Language::English => "not available",
        Language::BrazilianPortuguese => "não disponível",
    }
}

/// The fraction in per cent with one decimal: `-81.8 %`, with a true minus sign.
pub(super) fn percent(language: Language, fraction: Option<f64>) -> String {
    match fraction.map(|fraction| fraction * 100.0) {
        Some(percent) if percent.is_finite() => format!("{} %", decimal(language, percent, 1)),
        _ => none(language).to_owned(),
    }
}

/// The exact fraction in per cent, with as many decimals as it has: `1.25 %`.
pub(super) fn rate(language: Language, fraction: Decimal) -> String {
    let percent = (fraction * Decimal::ONE_HUNDRED).normalize().to_string();
    let percent = percent.replace('-', "\u{2212}");
    format!("{} %", percent.replace('.', &marks(language).0.to_string()))
}

/// The ratio with two decimals.
pub(super) fn ratio(language: Language, ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if ratio.is_finite() => decimal(language, ratio, 2),
        _ => none(language).to_owned(),
    }
}

/// The day in words: `4 March 2026`, `4 de março de 2026`.
pub(super) fn day(language: Language, day: Date) -> String {
    match language {
        Language::English => day.strftime("%-d %B %Y").to_string(),
        Language::BrazilianPortuguese => {
            let month = usize::try_from(day.month()).ok().and_then(|month| MESES.get(month - 1)).unwrap_or(&"");
            format!("{} de {month} de {}", day.day(), day.year())
        }
    }
}

/// The number with its thousands apart.
pub(super) fn count(language: Language, number: u32) -> String {
    grouped(language, &number.to_string())
}

/// What stands between the whole and its parts, and between thousands.
const fn marks(language: Language) -> (char, char) {
    match language {
        Language::English => ('.', ','),
        Language::BrazilianPortuguese => (',', '.'),
    }
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
pub(super) fn shares(language: Language, allocation: &Allocation) -> Vec<Share<'_>> {
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
            let percent = percent.to_string().replace('.', &marks(language).0.to_string());
            Share { asset, percent: format!("{percent} %"), bar }
        })
        .collect()
}

fn decimal(language: Language, number: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    // What rounds to nought has no sign.
    let sign = if number < 0.0 && digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "\u{2212}" } else { "" };
    format!("{sign}{}{}{fraction}", grouped(language, whole), marks(language).0)
}

fn grouped(language: Language, digits: &str) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(marks(language).1);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use events::values::Language::{BrazilianPortuguese, English};
    use jiff::civil::date;

    use super::{count, day, percent, ratio};

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(percent(English, Some(475.037_878_787_878_8)), "47,503.8 %");
        assert_eq!(percent(English, Some(-0.818_098)), "\u{2212}81.8 %");
        assert_eq!(percent(English, Some(-0.000_01)), "0.0 %");
        assert_eq!(ratio(English, Some(0.6449)), "0.64");
        assert_eq!(count(English, 8312), "8,312");
        assert_eq!(count(English, 999), "999");
        assert_eq!(count(English, 1_000_000), "1,000,000");
        assert_eq!(day(English, date(2026, 3, 4)), "4 March 2026");
    }

    #[test]
    fn numbers_read_as_people_write_them_in_brazil() {
        assert_eq!(percent(BrazilianPortuguese, Some(-475.037_878_787_878_8)), "\u{2212}47.503,8 %");
        assert_eq!(ratio(BrazilianPortuguese, Some(0.6449)), "0,64");
        assert_eq!(count(BrazilianPortuguese, 1_000_000), "1.000.000");
        assert_eq!(day(BrazilianPortuguese, date(2026, 3, 4)), "4 de março de 2026");
        assert_eq!(day(BrazilianPortuguese, date(2026, 12, 31)), "31 de dezembro de 2026");
        assert_eq!(ratio(BrazilianPortuguese, None), "não disponível");
    }

    #[test]
    fn no_figure_is_said_not_shown_as_a_number() {
        for none in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(percent(English, none), "not available");
            assert_eq!(ratio(English, none), "not available");
        }
    }
}
