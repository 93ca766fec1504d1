//! Firms, as the register of advisors and the models of a house name them.

use super::Name;

/// Which firm a name means: names that differ in capital letters and white space alone mean one.
///
/// Only to be compared, never to be shown. Rows keep it, so another folding needs the rows made anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firm(String);

impl Firm {
    /// The firm that the name means.
    #[must_use]
    pub fn named(name: &Name) -> Self {
        let words: Vec<String> = name.as_str().split_whitespace().map(folded).collect();
        Self(words.join(" "))
    }

    /// What is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The word without its capital letters. By way of the capital ones, so that what has no small letter of its own, or two,
/// comes out as one: `ß` and `SS`, `ς` and `Σ`.
fn folded(word: &str) -> String {
    word.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{Firm, Name};

    fn firm(text: &str) -> Firm {
        Firm::named(&Name::parse(text).unwrap())
    }

    #[test]
    fn capital_letters_and_white_space_make_no_other_firm() {
        for same in ["casa verde", "CASA  VERDE", " Casa\u{a0}Verde "] {
            assert_eq!(firm(same), firm("Casa Verde"), "{same}");
        }
        assert_eq!(firm("AÇÕES & CIA"), firm("Ações & Cia"));
        assert_eq!((firm("GROSS AG"), firm("ΟΔΟΣ")), (firm("Groß AG"), firm("οδος")));
    }

    #[test]
    fn other_words_are_another_firm() {
        for other in ["Casa Verde Ltda.", "CasaVerde", "Casa Verdé"] {
            assert_ne!(firm(other), firm("Casa Verde"), "{other}");
        }
    }
}
