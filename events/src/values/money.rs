//! Amounts of money.

use rust_decimal::Decimal;
use serde::Serialize;

use super::Currency;

/// An amount in one currency. Amounts of different currencies do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Money {
    /// How much, in the currency's major unit: `12.34` is twelve euros and thirty-four cents.
    pub amount: Decimal,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// The sum of both.
    ///
    /// # Errors
    /// Where the currencies differ or the sum is out of range.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::TwoCurrencies(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { amount, currency: self.currency })
    }
}

/// Why amounts could not be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are of different currencies.
    #[error("{0} and {1} do not add up")]
    TwoCurrencies(Currency, Currency),
    /// The sum has more digits than a decimal holds.
    #[error("the sum is out of range")]
    OutOfRange,
}

#[cfg(test)]
mod tests {
    use super::{Money, MoneyError};
    use crate::values::Currency;

    #[test]
    fn amounts_add_up_exactly_and_only_in_one_currency() {
        let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
        let tenth = Money { amount: "0.1".parse().unwrap(), currency: eur };
        let fifth = Money { amount: "0.2".parse().unwrap(), currency: eur };
        assert_eq!(tenth.checked_add(fifth), Ok(Money { amount: "0.3".parse().unwrap(), currency: eur }));
        assert_eq!(tenth.checked_add(Money { currency: usd, ..fifth }), Err(MoneyError::TwoCurrencies(eur, usd)));
    }
}
