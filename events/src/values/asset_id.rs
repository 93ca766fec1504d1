//! Asset ids: the symbols by which the market names assets.

use std::fmt;

use serde::Serialize;

use super::AggregateId;

/// Characters that an asset id may have.
pub const ASSET_ID_CHARS_MAX: usize = 24;

/// The id of an asset: its symbol, such as `AAPL`, `OCDO.L`, `^GSPC` or `EURUSD=X`.
///
/// Invariant: 1 to [`ASSET_ID_CHARS_MAX`] of `A-Z 0-9 . ^ = & _ -`, beginning with a letter, a digit or `^`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AssetId(String);

impl AssetId {
    /// The id that the text spells.
    ///
    /// # Errors
    /// Where the text breaks the invariant; lower case is refused, not folded, so that one asset has one spelling.
    pub fn parse(text: &str) -> Result<Self, AssetIdError> {
        let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || ".^=&_-".contains(c);
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '^');
        if text.len() <= ASSET_ID_CHARS_MAX && starts_well && text.chars().all(allowed) && !text.ends_with('.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(AssetIdError(text.chars().take(2 * ASSET_ID_CHARS_MAX).collect()))
        }
    }

    /// The symbol.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) const fn from_history(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AggregateId for AssetId {
    /// A dot parts a subject's words, so it is spelt `/`, which no symbol has.
    fn token(&self) -> String {
        self.0.replace('.', "/")
    }

    fn from_token(token: &str) -> Option<Self> {
        Self::parse(&token.replace('/', ".")).ok()
    }
}

/// The text is no asset id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an asset id: 1 to {ASSET_ID_CHARS_MAX} of A-Z 0-9 . ^ = & _ -")]
pub struct AssetIdError(pub String);
