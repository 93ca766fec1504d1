//! Decimals and days as they travel: strings of one spelling, so that nothing is rounded or guessed on the way.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::faults::Fault;

/// Characters that a decimal may have.
const DECIMAL_CHARS_MAX: usize = 40;

/// The decimal that the text spells: digits, at most one point with digits on both sides, a minus sign where negative.
///
/// # Errors
/// Where the text is spelt otherwise, or has more digits than are kept exactly.
pub fn decimal(text: &str) -> Result<Decimal, NotADecimal> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let spelt_well = match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    };
    if text.len() > DECIMAL_CHARS_MAX || !spelt_well {
        return Err(NotADecimal);
    }
    Decimal::from_str_exact(text).map_err(|_| NotADecimal)
}

/// The day that the text spells, as `2026-01-31`.
///
/// # Errors
/// Where the text is spelt otherwise, or there is no such day.
pub fn day(text: &str) -> Result<Date, NotADay> {
    let spelt_well = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if spelt_well { text.parse().map_err(|_| NotADay) } else { Err(NotADay) }
}

/// A text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADecimal;

impl fmt::Display for NotADecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number is a string of digits with at most one decimal point, such as \"0.25\"")
    }
}

impl Fault for NotADecimal {
    fn code(&self) -> &'static str {
        "not-a-decimal"
    }
}

/// A text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADay;

impl fmt::Display for NotADay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day is written as year, month and day, such as \"2026-01-31\"")
    }
}

impl Fault for NotADay {
    fn code(&self) -> &'static str {
        "not-a-day"
    }
}

#[cfg(test)]
mod tests {
    use super::{day, decimal};

    #[test]
    fn a_decimal_has_one_spelling_and_is_never_rounded() {
        for good in ["0", "1", "0.25", "-0.1", "123456789.123456789"] {
            assert_eq!(decimal(good).unwrap().to_string(), good);
        }
        let long = format!("0.{}", "1".repeat(30));
        for bad in ["", "-", ".5", "5.", "+1", "1e3", "1_000", "0x1", " 1", "1,5", "NaN", "inf", "1.2.3", "½", &long] {
            assert!(decimal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_has_one_spelling() {
        assert_eq!(day("2024-02-29").unwrap().to_string(), "2024-02-29");
        for bad in ["", "20240229", "2024-2-29", "2023-02-29", "2024-02-29T00:00", "-024-02-29", "２０２４-02-2"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }
}
