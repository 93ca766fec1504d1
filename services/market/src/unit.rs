//! The unit that prices are given in: a currency, or its hundredth.

use events::values::{Currency, CurrencyError, PRICE_SCALE_MAX};
use rust_decimal::Decimal;

/// A currency, or a minor unit of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    currency: Currency,
    /// Decimal places between it and the currency: 2 for pence.
    places: u32,
}

impl Unit {
    /// The unit with this name: a code of ISO 4217, or one by which the market calls hundredths, such as `GBp`.
    ///
    /// # Errors
    /// Where the text is neither.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        let (code, places) = match text {
            "GBp" | "GBX" => ("GBP", 2),
            "ZAc" | "ZAC" => ("ZAR", 2),
            "ILA" => ("ILS", 2),
            "USX" => ("USD", 2),
            code => (code, 0),
        };
        Ok(Self { currency: Currency::parse(code)?, places })
    }

    /// The currency itself.
    #[must_use]
    pub const fn major(currency: Currency) -> Self {
        Self { currency, places: 0 }
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The number in the currency, with as many decimal places as are kept; none where it is out of range.
    #[must_use]
    pub fn in_major(self, number: Decimal) -> Option<Decimal> {
        let shifted =
            if self.places == 0 { number } else { number.checked_mul(Decimal::new(1, self.places))?.normalize() };
        Some(if shifted.scale() > PRICE_SCALE_MAX { shifted.round_dp(PRICE_SCALE_MAX).normalize() } else { shifted })
    }

    /// A number that is not recorded, in the currency; none where it is no number.
    #[must_use]
    pub fn float_in_major(self, number: f64) -> Option<f64> {
        number.is_finite().then(|| number / 10_f64.powi(i32::try_from(self.places).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::Unit;

    #[test]
    fn pence_cents_and_agorot_become_pounds_rands_and_shekels() {
        for (unit, currency) in [("GBp", "GBP"), ("GBX", "GBP"), ("ZAc", "ZAR"), ("ILA", "ILS"), ("USX", "USD")] {
            let unit = Unit::parse(unit).unwrap();
            assert_eq!(unit.currency().as_str(), currency);
            assert_eq!(unit.in_major(Decimal::new(7_055, 1)), Some("7.055".parse().unwrap()));
        }
        assert_eq!(Unit::parse("EUR").unwrap().in_major(Decimal::new(105, 1)), Some("10.5".parse().unwrap()));
        for none in ["gbp", "GBPX", "", "XXX"] {
            assert!(Unit::parse(none).is_err(), "{none}");
        }
    }
}
