//! Risk classes: one scale for clients, portfolios and products, so that they can be compared.

use std::fmt;

use serde::Serialize;

/// How much risk somebody may be advised to take, or something carries. Ordered: a later class carries more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskClass {
    /// Keeping the money comes first.
    Conservative,
    /// Small fluctuations are accepted.
    ModeratelyConservative,
    /// Fluctuations are accepted for growth over years.
    Moderate,
    /// Strong fluctuations are accepted.
    ModeratelyAggressive,
    /// Heavy losses are accepted for the chance of high gains.
    Aggressive,
}

impl RiskClass {
    /// Every class, from the least risk to the most.
    pub const ALL: [Self; 5] = [
        Self::Conservative,
        Self::ModeratelyConservative,
        Self::Moderate,
        Self::ModeratelyAggressive,
        Self::Aggressive,
    ];

    /// The class in one word, as requests and stored forms spell it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::ModeratelyConservative => "moderately_conservative",
            Self::Moderate => "moderate",
            Self::ModeratelyAggressive => "moderately_aggressive",
            Self::Aggressive => "aggressive",
        }
    }

    /// The class with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }
}

impl fmt::Display for RiskClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().replace('_', " "))
    }
}
