//! The vault: clients' data keys, accounts and access tokens, in the one PostgreSQL schema that is not derived from the log.
//!
//! # Layout
//!
//! * [`kek`]: the key-encryption key, which comes from configuration and never stands in the database.
//! * `data_key`: one client's key: sealing, opening, keyed digests. No I/O but the system's randomness.
//! * `identity`: a client's name and address, sealed for one event and opened again.
//! * `principal`: who acts: [`Role`], [`Scope`], [`Principal`]. `secrets`: what is shown once and kept as a hash.
//! * `accounts`, `passwords`, `attempts`, `sessions`: people who log in. `tokens`: programs that call.
//! * `reads`: who read which client's name and address.
//! * `epoch`: grows whenever anybody loses access, so that others may remember who has it.
//!
//! Every statement names the schema `vault`, so that the pool may be one that looks elsewhere by default. Data keys
//! are never cached: a key that was destroyed is gone at the next read.

mod accounts;
mod attempts;
mod data_key;
mod epoch;
mod identity;
pub mod kek;
mod passwords;
mod principal;
mod reads;
mod secrets;
mod sessions;
mod tokens;

use std::fmt;
use std::sync::Arc;

use events::values::ClientId;
use sqlx::PgPool;
use sqlx::migrate::MigrateError;

pub use accounts::{
    Account, AccountMade, AccountsFilter, Change as AccountChange, Changed as AccountChanged, NewAccount, Taken,
};
pub use attempts::Attempt;
pub use identity::Identity;
pub use kek::{KekError, KeyEncryptionKey};
pub use passwords::{PASSWORD_CHARS, PasswordHash, PasswordRejection, StoredPassword};
pub use principal::{Credential, Principal, Role, Scope};
pub use reads::{ClientRead, READS_KEPT_FOR};
pub use secrets::SecretKind;
pub use sessions::{NewSession, OpenSession, SESSIONS_MAX};
pub use tokens::{
    LINE_MAX, Maker, NewToken, TokenMade, TokenRow, TokenStanding, TokenWish, TokensFilter, TokensOf, TokensPage,
};

/// Sealed identities and access tokens, over a pool of connections. Clones share the pool and the key.
#[derive(Clone)]
pub struct Vault {
    pool: PgPool,
    kek: Arc<KeyEncryptionKey>,
}

impl Vault {
    /// The vault in this database, whose data keys this key wraps.
    #[must_use]
    pub fn new(pool: PgPool, kek: KeyEncryptionKey) -> Self {
        Self { pool, kek: Arc::new(kek) }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("kek", &self.kek.fingerprint()).finish_non_exhaustive()
    }
}

/// Brings the schema `vault` to the newest form; its list of migrations stands inside it.
///
/// # Errors
/// Where the database cannot be reached or does not allow it, or a migration that was applied has been changed.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.create_schema("vault");
    migrator.dangerous_set_table_name("vault._sqlx_migrations");
    migrator.run(pool).await
}

/// Why the vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The client has no such data key: it was destroyed, and with it the person's data everywhere.
    #[error("the data key of client {client} in version {key_version} is destroyed")]
    KeyDestroyed {
        /// Whose key.
        client: ClientId,
        /// Which version of it.
        key_version: u32,
    },
    /// The data key was wrapped by another key-encryption key than the one in force.
    #[error("the data key of client {client} is wrapped by key-encryption key {wrapped_by}; {in_force} is in force")]
    OtherKek {
        /// Whose key.
        client: ClientId,
        /// Fingerprint of the key that wrapped it.
        wrapped_by: String,
        /// Fingerprint of the key in force.
        in_force: String,
    },
    /// What is sealed does not open: it was altered, or sealed for another client, event or field.
    #[error("the sealed {0} does not open: it was altered or is not of this place")]
    DoesNotOpen(&'static str),
    /// What was sealed is not what today's rules allow.
    #[error("the {0} that was sealed is not one")]
    Unreadable(&'static str),
    /// A token names a role that this build does not know.
    #[error("`{0}` is not a role")]
    UnknownRole(String),
    /// A token has a scope that this build does not know.
    #[error("`{0}` is not a scope")]
    UnknownScope(String),
    /// An id that was made by chance is taken.
    #[error("the id {0} is taken")]
    IdTaken(uuid::Uuid),
    /// A password could not be hashed, or what is kept of one is no hash.
    #[error("a password's hash is not one: {0}")]
    PasswordHash(String),
    /// A token cannot be valid for this long.
    #[error("a token cannot be valid from {from} for {for_seconds} s")]
    Validity {
        /// From when.
        from: jiff::Timestamp,
        /// For how long, in seconds.
        for_seconds: i64,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// The database did not answer as it should.
    #[error("the vault's database failed")]
    Database(#[from] sqlx::Error),
}
