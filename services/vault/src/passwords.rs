//! Passwords: argon2id hashes in their PHC spelling. No I/O but the system's randomness.

use std::fmt;
use std::ops::RangeInclusive;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::VaultError;

/// Characters that a password may have: long enough to withstand guessing, short enough to be hashed.
pub const PASSWORD_CHARS: RangeInclusive<usize> = 12..=128;
/// Memory of one hash, in KiB: 19 MiB, the least that OWASP recommends with two passes.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Lanes that are filled at once.
const LANES: u32 = 1;

/// Why a text cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRejection {
    /// It is too short or too long.
    #[error("a password has 12 to 128 characters, this one has {0}")]
    Length(usize),
}

/// A password that was chosen, hashed. Made from the clear text once; takes some 20 ms of a core and 19 MiB.
#[derive(Clone)]
pub struct PasswordHash(String);

/// What is kept of a password, to compare with; of nobody's where there is none.
///
/// Comparing takes the same time in both cases, so that nobody learns by the clock whose address is known.
#[derive(Clone)]
pub struct StoredPassword(String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPassword(..)")
    }
}

impl PasswordHash {
    /// The hash of a password that somebody chose.
    ///
    /// # Errors
    /// Where the text cannot be a password.
    pub fn of(clear: &str) -> Result<Result<Self, PasswordRejection>, VaultError> {
        let chars = clear.chars().count();
        if !PASSWORD_CHARS.contains(&chars) {
            return Ok(Err(PasswordRejection::Length(chars)));
        }
        let hash = argon2id()?.hash_password(clear.as_bytes());
        let hash = hash.map_err(|error| VaultError::PasswordHash(error.to_string()))?;
        Ok(Ok(Self(hash.to_string())))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl StoredPassword {
    pub(crate) const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// A hash that no password has, made as all are.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn of_nobody() -> Result<Self, VaultError> {
        let secret = crate::SecretKind::Invitation.generate()?;
        let hash = argon2id()?.hash_password(secret.as_bytes());
        Ok(Self(hash.map_err(|error| VaultError::PasswordHash(error.to_string()))?.to_string()))
    }

    /// Whether this is the password.
    ///
    /// # Errors
    /// Where what is kept is no hash.
    pub fn is(&self, clear: &str) -> Result<bool, VaultError> {
        // Longer ones are nobody's, and are not worth hashing.
        if clear.chars().count() > *PASSWORD_CHARS.end() {
            return Ok(false);
        }
        match argon2id()?.verify_password(clear.as_bytes(), self.0.as_str()) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(VaultError::PasswordHash(error.to_string())),
        }
    }
}

fn argon2id() -> Result<Argon2<'static>, VaultError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let params = params.map_err(|error| VaultError::PasswordHash(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::{PasswordHash, PasswordRejection, StoredPassword};

    #[test]
    fn a_password_is_known_again_and_no_other_passes_for_it() {
        let hash = PasswordHash::of("correct horse battery").unwrap().unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let stored = StoredPassword::new(hash.as_str().to_owned());
        assert!(stored.is("correct horse battery").unwrap());
        for other in ["", "correct horse batterY", "correct horse battery ", &"x".repeat(129)] {
            assert!(!stored.is(other).unwrap(), "{other}");
        }
        assert!(!format!("{hash:?}{stored:?}").contains("argon2id"));
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let hash = || PasswordHash::of("correct horse battery").unwrap().unwrap();
        assert_ne!(hash().as_str(), hash().as_str());
    }

    #[test]
    fn too_short_and_too_long_is_no_password() {
        for (text, chars) in [("short", 5), ("elevenchars", 11), (&"ä".repeat(129), 129)] {
            assert_eq!(PasswordHash::of(text).unwrap().unwrap_err(), PasswordRejection::Length(chars));
        }
        assert!(PasswordHash::of(&"ä".repeat(128)).unwrap().is_ok());
    }

    #[test]
    fn nobody_s_password_is_none() {
        assert!(!StoredPassword::of_nobody().unwrap().is("correct horse battery").unwrap());
    }
}
