//! What names are looked for and ordered by: their letters alone, whatever their case and their accents.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

use super::text::shows_nothing;

/// Bytes that are kept of a text. PostgreSQL keeps none of more than 2,704 in an index, and a name comes to 2,160 at the most,
/// but for those that are made of whole phrases in one character, such as `ﷺ`.
pub const SOUGHT_BYTES_MAX: usize = 2_400;

/// What a text is looked for and ordered by: "Ações", "AÇÕES" and "acoes" come to the same.
///
/// Letters that only look otherwise are one (`ﬁ` and `fi`, `２` and `2`), however they are spelt in Unicode; accents count for
/// nothing, and neither does what shows nothing; capital and small letters are one (`ß` and `SS`). White space stays. Two texts
/// behind each other come to what each of them comes to, so what begins or contains a text does so here.
///
/// Only to be compared, byte by byte, never to be shown. Rows keep it, so another folding of letters needs the rows made anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sought(String);

impl Sought {
    /// What the text is looked for by. Nothing is left of what is made of accents alone.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut sought = String::with_capacity(text.len());
        for letter in text.chars() {
            decompose_compatible(letter, |part| sought.extend(without_case(part).filter(|&c| !is_mark(c))));
        }
        sought.truncate(sought.floor_char_boundary(SOUGHT_BYTES_MAX));
        Self(sought)
    }

    /// What is compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared, to be kept.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// Whether nothing is left of the text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the other one is a part of this.
    #[must_use]
    pub fn contains(&self, part: &Self) -> bool {
        self.0.contains(&part.0)
    }
}

/// The letter without its case, as Unicode folds all of it: by way of the capital letters, so that what has no small letter of
/// its own, or two, comes out as one (`ß` and `SS`, `ς` and `Σ`), and first to the small ones, since `ẞ` has a capital of its own.
fn without_case(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// Whether this is no letter but something at one: an accent, what encloses it, or what chooses how it is drawn. Signs for
/// vowels that Unicode orders like letters, such as those of Devanagari, are none of these: without them words are others.
fn is_mark(c: char) -> bool {
    canonical_combining_class(c) != 0 || encloses(c) || chooses_a_form(c) || shows_nothing(c)
}

const fn encloses(c: char) -> bool {
    matches!(c,
        '\u{488}' | '\u{489}' | '\u{1abe}' | '\u{20dd}'..='\u{20e0}' | '\u{20e2}'..='\u{20e4}' | '\u{a670}'..='\u{a672}')
}

const fn chooses_a_form(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests;
