//! Secrets that are shown once: long, random, recognisable, and kept only as hashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::VaultError;

/// Random bytes of a secret. With so many, a hash without salt or stretching is safe to keep and fast to look up.
const SECRET_BYTES: usize = 32;
/// Characters of those bytes in base64 without padding.
const SECRET_CHARS: usize = 43;

/// What a secret is for. Each kind begins with letters of its own, so that scanners for leaked secrets can know it and
/// one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A program's bearer token.
    Token,
    /// A browser's session.
    Session,
    /// An invitation to choose a password.
    Invitation,
}

impl SecretKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Token => "ins_",
            Self::Session => "inss_",
            Self::Invitation => "insi_",
        }
    }

    /// A new secret of this kind.
    pub(crate) fn generate(self) -> Result<String, VaultError> {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
        Ok(format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether the text has the form of such a secret.
    #[must_use]
    pub fn is_spelt(self, text: &str) -> bool {
        text.strip_prefix(self.prefix()).map(str::len) == Some(SECRET_CHARS)
    }
}

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::SecretKind;

    #[test]
    fn a_secret_of_one_kind_passes_for_no_other() {
        let kinds = [SecretKind::Token, SecretKind::Session, SecretKind::Invitation];
        for kind in kinds {
            let secret = kind.generate().unwrap();
            for other in kinds {
                assert_eq!(other.is_spelt(&secret), other == kind, "{secret} as {other:?}");
            }
        }
    }
}
