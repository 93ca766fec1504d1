//! The rules under which an advisor works, and the language that their clients read.

use std::fmt;

use serde::Serialize;

/// Under whose rules an advisor gives advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Brazil: an investment assessor under CVM Resolution 178, tied to an intermediary.
    Cvm178,
    /// Brazil: a securities consultant under CVM Resolution 19, independent.
    Cvm19,
    /// European Union: investment advice under Directive 2014/65/EU (MiFID II).
    MifidIi,
    /// United States: a registered investment adviser under the Investment Advisers Act of 1940.
    UsRia,
    /// None of these, or nobody has said.
    #[default]
    Other,
}

impl Regime {
    /// Every regime.
    pub const ALL: [Self; 5] = [Self::Cvm178, Self::Cvm19, Self::MifidIi, Self::UsRia, Self::Other];

    /// The regime in one word, as requests and stored forms spell it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cvm178 => "cvm_178",
            Self::Cvm19 => "cvm_19",
            Self::MifidIi => "mifid_ii",
            Self::UsRia => "us_ria",
            Self::Other => "other",
        }
    }

    /// The regime with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|regime| regime.word() == word)
    }

    /// Whether advisors under it are on a public register, so that clients can look their number up.
    #[must_use]
    pub const fn has_register(self) -> bool {
        !matches!(self, Self::Other)
    }

    /// Whether a person may decide that advice goes out through a gate that stayed shut. Not in the European Union:
    /// without a suitability assessment, or where nothing is suitable, the firm "shall not recommend" (Delegated
    /// Regulation (EU) 2017/565, article 54, paragraphs 8 and 10).
    #[must_use]
    pub const fn allows_override(self) -> bool {
        !matches!(self, Self::MifidIi)
    }

    /// Whether a class that somebody set by hand may stand for the client's answers. Not in the European Union: the firm
    /// "shall obtain the necessary information" from the client (Directive 2014/65/EU, article 25, paragraph 2), and where
    /// it does not, it "shall not recommend" (Delegated Regulation (EU) 2017/565, article 54, paragraph 8).
    #[must_use]
    pub const fn takes_classes_by_hand(self) -> bool {
        !matches!(self, Self::MifidIi)
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cvm178 => "CVM Resolution 178",
            Self::Cvm19 => "CVM Resolution 19",
            Self::MifidIi => "MiFID II",
            Self::UsRia => "the Investment Advisers Act",
            Self::Other => "no regime",
        })
    }
}

/// In which language an advisor's clients are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Portuguese as in Brazil.
    #[serde(rename = "pt-BR")]
    BrazilianPortuguese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::BrazilianPortuguese];

    /// The language's tag: `en`, `pt-BR`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::BrazilianPortuguese => "pt-BR",
        }
    }

    /// The language with this tag.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, Regime};

    #[test]
    fn words_and_tags_read_back() {
        for regime in Regime::ALL {
            assert_eq!(Regime::parse(regime.word()), Some(regime));
        }
        for language in Language::ALL {
            assert_eq!(Language::parse(language.tag()), Some(language));
        }
        assert_eq!((Regime::parse("CVM_178"), Language::parse("pt")), (None, None));
    }

    #[test]
    fn only_in_the_european_union_is_a_shut_gate_final() {
        let final_in: Vec<Regime> = Regime::ALL.into_iter().filter(|regime| !regime.allows_override()).collect();
        assert_eq!(final_in, [Regime::MifidIi]);
    }

    #[test]
    fn only_in_the_european_union_has_the_client_to_answer() {
        let asks: Vec<Regime> = Regime::ALL.into_iter().filter(|regime| !regime.takes_classes_by_hand()).collect();
        assert_eq!(asks, [Regime::MifidIi]);
    }
}
