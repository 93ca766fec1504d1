//! What a request asks for, in bytes that do not depend on how its JSON was spelt. Their digest stands beside the event,
//! so that a reused key with another wish is noticed, for ever.
//!
//! The bytes of a wish must not change between builds: a field that is added later is written only where it is given.

use ring::digest;

/// The words of a wish, each kept apart from the next.
#[derive(Debug, Clone)]
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// The wish for this, so far without details.
    #[must_use]
    pub fn of(wish: &str) -> Self {
        let mut bytes = Vec::with_capacity(256);
        push(&mut bytes, wish);
        Self(bytes)
    }

    /// The wish with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        push(&mut self.0, name);
        push(&mut self.0, value);
        self
    }

    /// The wish with one more detail, where it is given.
    #[must_use]
    pub fn with_optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The words in bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the words, in hexadecimal. Not for personal data: who can guess it can test the guess.
    #[must_use]
    pub fn sha256(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(64);
        for &byte in digest::digest(&digest::SHA256, &self.0).as_ref() {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        hex
    }
}

fn push(bytes: &mut Vec<u8>, word: &str) {
    bytes.extend_from_slice(&u64::try_from(word.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(word.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::Canonical;

    #[test]
    fn digests_are_frozen() {
        let digest = Canonical::of("RenamePortfolio").with("name", "Growth").sha256();
        assert_eq!(digest, "7c0bfe5fccb78a8adf5066742fbd59109c60b27ddafcf281f200ee634c9f3c86");
    }

    #[test]
    fn words_do_not_run_together() {
        let one = Canonical::of("x").with("ab", "c").sha256();
        let other = Canonical::of("x").with("a", "bc").sha256();
        assert_ne!(one, other);
    }
}
