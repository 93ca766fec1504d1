//! How a backtest was run, exactly as it was asked for.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use super::{AssetId, RebalancingRule};

/// Characters of a digest: SHA-256 in hexadecimal.
const DIGEST_CHARS: usize = 64;

/// How a backtest was run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct BacktestTerms {
    /// The first day of the window; open where there is none.
    pub from: Option<Date>,
    /// The last day of the window; open where there is none.
    pub to: Option<Date>,
    /// When weights were restored by the calendar.
    pub rebalancing: RebalancingRule,
    /// When they were restored because they had drifted.
    pub drift: Option<DriftRule>,
    /// Sessions between a decision and its trade.
    pub lag_sessions: u32,
    /// Costs in basis points of the traded value: `10` is 0.1 %.
    pub cost_bps: Decimal,
    /// Money that was paid in, or taken out, over time.
    pub contributions: Option<Contributions>,
    /// What it was held against.
    pub benchmark: Option<AssetId>,
    /// The annual risk-free rate, as a fraction.
    pub risk_free_rate: Decimal,
}

/// When weights are restored because they have drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct DriftRule {
    /// How far a weight may be from its target, as a fraction.
    pub limit: Decimal,
    /// Whether the limit is relative to the target weight.
    pub relative: bool,
    /// Sessions after a rebalancing in which drift is not looked at.
    pub cooldown_sessions: u32,
}

/// Money that is paid in over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Contributions {
    /// How much each time per 1.0 put in at first; negative is taken out.
    pub amount: Decimal,
    /// On the first session of each of these.
    pub every: Every,
}

/// A calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

impl Every {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Month, Self::Quarter, Self::Year];

    /// The period in one word: `month`, `quarter`, `year`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The period with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.word() == word)
    }
}

/// SHA-256 of a result, in hexadecimal with small letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ResultDigest(String);

impl ResultDigest {
    /// The digest that the text spells, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == DIGEST_CHARS && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The digest in hexadecimal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) const fn from_history(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ResultDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Every, ResultDigest};

    #[test]
    fn a_digest_has_one_spelling() {
        let good = "0123456789abcdef".repeat(4);
        assert_eq!(ResultDigest::parse(&good).unwrap().as_str(), good);
        for bad in [good.to_uppercase(), good[1..].to_owned(), "g".repeat(64)] {
            assert!(ResultDigest::parse(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn periods_read_back_by_their_words() {
        for period in Every::ALL {
            assert_eq!(Every::parse(period.word()), Some(period));
        }
    }
}
