//! Words that people write: names and notes.

use std::fmt;

use serde::Serialize;

/// Characters that a name may have.
pub const NAME_CHARS_MAX: usize = 120;
/// Characters that a note may have.
pub const NOTE_CHARS_MAX: usize = 4_000;

/// A name on one line, of a person, a firm, a portfolio or an asset.
///
/// Invariant: 1 to [`NAME_CHARS_MAX`] characters, no control characters, no white space at the ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// A text of several lines: a rationale, the reason of a change.
///
/// Invariant: 1 to [`NOTE_CHARS_MAX`] characters; of the control characters only the line feed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Note(String);

impl Name {
    /// The name that the text spells, without white space at its ends.
    ///
    /// # Errors
    /// Where the text breaks the invariant.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        checked(text, NAME_CHARS_MAX, false).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) const fn from_history(text: String) -> Self {
        Self(text)
    }
}

impl Note {
    /// The note that the text spells, without white space at its ends and with plain line feeds.
    ///
    /// # Errors
    /// Where the text breaks the invariant.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        checked(&text.replace("\r\n", "\n"), NOTE_CHARS_MAX, true).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) const fn from_history(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checked(text: &str, chars_max: usize, lines: bool) -> Result<String, TextError> {
    // Checked before trimming: a control character at an end is refused, not silently taken off.
    if let Some(c) = text.chars().find(|&c| is_unwanted(c) && !(lines && c == '\n')) {
        return Err(TextError::ControlCharacter(c as u32));
    }
    let text = text.trim();
    if text.chars().all(is_invisible) {
        return Err(TextError::Empty);
    }
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(TextError::TooLong { chars, chars_max });
    }
    Ok(text.to_owned())
}

/// Control characters, and the characters that turn the direction of writing and so can disguise a text.
fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Characters of which nothing is seen.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || shows_nothing(c)
}

/// Whether the character shows nothing, not even a space. Inside a text some of these join or part letters, and are kept there.
pub(super) const fn shows_nothing(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}')
}

/// Why a text is no name or note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing that can be seen.
    #[error("the text is empty")]
    Empty,
    /// Longer than the bound.
    #[error("the text has {chars} characters, more than {chars_max}")]
    TooLong {
        /// How many it has.
        chars: usize,
        /// How many it may have.
        chars_max: usize,
    },
    /// A character that controls a terminal or turns the direction of writing.
    #[error("the text has the control character U+{0:04X}")]
    ControlCharacter(u32),
}

#[cfg(test)]
mod tests {
    use super::{Name, Note, TextError};

    #[test]
    fn a_name_is_one_line_without_control_characters() {
        assert_eq!(Name::parse("  José da Silva ").unwrap().as_str(), "José da Silva");
        assert_eq!(Name::parse(" \t"), Err(TextError::ControlCharacter(9)));
        assert_eq!(Name::parse("   "), Err(TextError::Empty));
        assert_eq!(Name::parse("\u{200b} \u{2060}"), Err(TextError::Empty));
        assert_eq!(Name::parse("a\r\nBcc: x@y"), Err(TextError::ControlCharacter(13)));
        assert_eq!(Name::parse("abc\u{202e}fdp"), Err(TextError::ControlCharacter(0x202e)));
        assert!(matches!(Name::parse(&"x".repeat(121)), Err(TextError::TooLong { chars: 121, chars_max: 120 })));
    }

    #[test]
    fn a_note_keeps_its_lines() {
        assert_eq!(Note::parse("one\r\ntwo").unwrap().as_str(), "one\ntwo");
        assert_eq!(Note::parse("one\u{0}two"), Err(TextError::ControlCharacter(0)));
    }
}
