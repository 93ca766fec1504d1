//! Personal data as the log keeps it: encrypted under the person's own data key.

use std::fmt;

use serde::{Serialize, Serializer};

use super::EventId;

/// One field, encrypted. Only the vault can open it, and nobody once the person's key is destroyed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The sealed field with these bytes: nonce, then ciphertext, then tag.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Nonce, ciphertext and tag.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    /// What an auditor sees: that something is sealed, and how much.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("sealed:{}", self.0.len()))
    }
}

/// Who a client is, sealed field by field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct SealedIdentity {
    /// The event that it was sealed for: the seal does not open under another event's id.
    pub sealed_for: EventId,
    /// Which version of the client's data key sealed it.
    pub key_version: u32,
    /// The client's name.
    pub name: Sealed,
    /// The client's e-mail address.
    pub email: Sealed,
}
