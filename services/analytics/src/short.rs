//! Numbers in few characters, as errors show them.

use std::fmt;

/// A number as it is told in a sentence: with twelve digits at the most, `1e308` instead of its 309 digits, and words for
/// what is no number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Sizes that are written out.
        const PLAIN: std::ops::Range<f64> = 1e-4..1e15;
        // Rounding, so that a sum of tenths is told as one; what it is read from was written by this very function.
        match format!("{:.11e}", self.0).parse().unwrap_or(self.0) {
            number if f64::is_nan(number) => f.write_str("not a number"),
            number if number.is_infinite() => f.write_str(if number > 0.0 { "infinity" } else { "minus infinity" }),
            number if number.abs() <= 0.0 || PLAIN.contains(&number.abs()) => write!(f, "{number}"),
            number => write!(f, "{number:e}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Short;

    #[test]
    fn no_number_fills_a_line() {
        for (number, shown) in [
            (0.25, "0.25"),
            (0.0, "0"),
            (-1e308, "-1e308"),
            (f64::MAX, "1.79769313486e308"),
            (0.15000000000000002, "0.15"),
            (1.0000000001, "1.0000000001"),
            (5e-324, "5e-324"),
            (1e14, "100000000000000"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "minus infinity"),
        ] {
            assert_eq!(Short(number).to_string(), shown);
        }
    }
}
