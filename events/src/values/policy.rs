//! How a portfolio is to be kept: when it is brought back to its weights, what it is compared with, what risk it carries.

use serde::Serialize;

use super::{AssetId, RiskClass};

/// When a portfolio is brought back to its target weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RebalancingRule {
    /// Never.
    Never,
    /// At the end of each month.
    #[default]
    Monthly,
    /// At the end of each quarter.
    Quarterly,
    /// At the end of each year.
    Yearly,
    /// When a position leaves its band.
    OutOfBand,
}

impl RebalancingRule {
    /// Every rule.
    pub const ALL: [Self; 5] = [Self::Never, Self::Monthly, Self::Quarterly, Self::Yearly, Self::OutOfBand];

    /// The rule in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
            Self::OutOfBand => "out_of_band",
        }
    }

    /// The rule with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }
}

/// How a portfolio is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Policy {
    /// When it is brought back to its target weights.
    pub rebalancing: RebalancingRule,
    /// What it is compared with.
    pub benchmark: Option<AssetId>,
    /// How much risk it carries as a whole; `None` where nobody has rated it.
    pub risk_class: Option<RiskClass>,
}
