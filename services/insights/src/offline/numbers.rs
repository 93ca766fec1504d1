//! Numbers on the command line: each has a range, and what is outside it is told in few characters.

use std::fmt::Display;
use std::str::FromStr;

use analytics::Short;
use analytics::backtest::{COST_RATE_MAX, DRIFT_MAX, FLOW_MAX, WEIGHT_MAX};
use analytics::optimise::FRONTIER_POINTS_MAX;

/// A basis point as a fraction.
pub const BASIS_POINT: f64 = 1e-4;
/// Sessions that are counted at the most: ten years.
const SESSIONS_MAX: usize = 2_520;
/// The greatest sum of weights that a group may name.
const GROUP_MAX: f64 = 1_000.0;
/// Characters of a text that is no number, as it is shown.
const SHOWN_CHARS_MAX: usize = 40;
/// The greatest annual rate that is taken for one: 1,000 %.
const RATE_MAX: f64 = 10.0;

/// A text as an error shows it, cut where it is long.
#[must_use]
pub fn brief(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A weight, or a bound of one.
///
/// # Errors
/// In words, where it is no number or too large.
pub fn weight(text: &str) -> Result<f64, String> {
    within(text, -WEIGHT_MAX, WEIGHT_MAX)
}

/// A bound of a group's weights together.
///
/// # Errors
/// As [`weight`].
pub fn group_limit(text: &str) -> Result<f64, String> {
    within(text, -GROUP_MAX, GROUP_MAX)
}

/// Costs in basis points.
///
/// # Errors
/// As [`weight`].
pub fn basis_points(text: &str) -> Result<f64, String> {
    within(text, 0.0, (COST_RATE_MAX / BASIS_POINT).round())
}

/// A payment per 1.0 put in at first.
///
/// # Errors
/// As [`weight`].
pub fn payment(text: &str) -> Result<f64, String> {
    within(text, -FLOW_MAX, FLOW_MAX)
}

/// A drift that is waited for.
///
/// # Errors
/// As [`weight`].
pub fn drift(text: &str) -> Result<f64, String> {
    within(text, 0.0, DRIFT_MAX)
}

/// An annual rate that a capital can have: above -1, where nothing would be left of it.
///
/// # Errors
/// As [`weight`].
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = parsed(text)?;
    if rate > -1.0 && rate <= RATE_MAX {
        Ok(rate)
    } else {
        Err(format!("{} is not above -1 and at most {RATE_MAX}", Short(rate)))
    }
}

/// Sessions that a decision waits or drift rests.
///
/// # Errors
/// As [`weight`].
pub fn sessions(text: &str) -> Result<usize, String> {
    counted(text, 0, SESSIONS_MAX)
}

/// Returns of a moving window.
///
/// # Errors
/// As [`weight`].
pub fn window(text: &str) -> Result<usize, String> {
    counted(text, 2, SESSIONS_MAX)
}

/// Points of a frontier.
///
/// # Errors
/// As [`weight`].
pub fn points(text: &str) -> Result<usize, String> {
    counted(text, 2, FRONTIER_POINTS_MAX)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = parsed(text)?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{} is not between {least} and {most}", Short(number)))
    }
}

fn counted(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let outside = |shown: &dyn Display| format!("{shown} is not between {least} and {most}");
    let number: u128 = text.trim().parse().map_err(|_| outside(&format!("`{}`", brief(text))))?;
    let counted = usize::try_from(number).ok().filter(|number| (least..=most).contains(number));
    counted.ok_or_else(|| outside(&number))
}

fn parsed<T: FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("`{}` is no number", brief(text)))
}

#[cfg(test)]
mod tests {
    use super::{basis_points, brief, payment, points, rate, sessions, weight};

    #[test]
    fn every_number_has_a_range_and_its_refusal_fits_a_line() {
        assert_eq!((basis_points("10"), weight("-0.5"), sessions("252")), (Ok(10.0), Ok(-0.5), Ok(252)));
        let long = "9".repeat(309);
        for number in ["1e308", "-1e308", "1e999", "NaN", "inf", "x", "", &long] {
            let refusals = [
                basis_points(number).map(drop),
                payment(number).map(drop),
                rate(number).map(drop),
                weight(number).map(drop),
                sessions(number).map(drop),
                points(number).map(drop),
            ];
            for refusal in refusals {
                let words = refusal.unwrap_err();
                assert!(words.len() < 100, "{words}");
            }
        }
        assert_eq!(payment("1e308").unwrap_err(), "1e308 is not between -1000000 and 1000000");
        assert_eq!(rate("NaN").unwrap_err(), "not a number is not above -1 and at most 10");
        assert_eq!(brief(&"é".repeat(41)).chars().count(), 41);
    }
}
