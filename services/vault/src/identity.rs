//! Who a client is: sealed for one event under the client's data key, and opened again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use events::values::{ClientId, EmailAddress, EventId, Name, SealedIdentity};
use uuid::Uuid;

use crate::data_key::DataKey;
use crate::{Vault, VaultError};

/// The version of a client's first data key. Later versions arrive with key rotation.
const FIRST_VERSION: u32 = 1;
// The names of fields are part of what a seal is bound to. Frozen.
const NAME: &str = "name";
const EMAIL: &str = "email";

/// Who a client is, in clear. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The client's name.
    pub name: Name,
    /// The client's e-mail address.
    pub email: EmailAddress,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Vault {
    /// The identity, sealed for this event under the client's data key, which is made where there is none.
    ///
    /// A key whose client is then not registered stands for nobody and does no harm.
    ///
    /// # Errors
    /// Where the database fails, or the client's key is wrapped by another key-encryption key.
    pub async fn seal_identity(
        &self,
        client: ClientId,
        event: EventId,
        name: &Name,
        email: &EmailAddress,
    ) -> Result<SealedIdentity, VaultError> {
        let key = self.key_for_writing(client).await?;
        Ok(SealedIdentity {
            sealed_for: event,
            key_version: key.version(),
            name: key.seal(event, NAME, name.as_str().as_bytes())?,
            email: key.seal(event, EMAIL, email.expose().as_bytes())?,
        })
    }

    /// The identity that was sealed.
    ///
    /// # Errors
    /// [`VaultError::KeyDestroyed`] where the client's key is gone; else where the database fails or the seal was
    /// altered or belongs to somebody else.
    pub async fn open_identity(&self, client: ClientId, sealed: &SealedIdentity) -> Result<Identity, VaultError> {
        let key = self.key(client, sealed.key_version).await?;
        let key = key.ok_or(VaultError::KeyDestroyed { client, key_version: sealed.key_version })?;
        opened_with(&key, sealed)
    }

    /// The identities that were sealed, in their order; `None` where a client's key was destroyed. The keys of all of them
    /// are asked for at once, so the caller bounds how many these are.
    ///
    /// # Errors
    /// Where the database fails, or a seal was altered or belongs to somebody else.
    pub async fn open_identities(
        &self,
        sealed: &[(ClientId, SealedIdentity)],
    ) -> Result<Vec<Option<Identity>>, VaultError> {
        let wanted: BTreeSet<(Uuid, i32)> =
            sealed.iter().map(|(client, identity)| (client.uuid(), column(identity.key_version))).collect();
        let (clients, versions): (Vec<Uuid>, Vec<i32>) = wanted.into_iter().unzip();
        let rows = sqlx::query!(
            "select client, version, kek, wrapped from vault.data_keys
             where (client, version) in (select * from unnest($1::uuid[], $2::integer[]))",
            &clients,
            &versions,
        )
        .fetch_all(&self.pool)
        .await?;
        let rows = rows.into_iter().map(|row| ((row.client, row.version), (row.kek, row.wrapped)));
        let rows: BTreeMap<(Uuid, i32), (String, Vec<u8>)> = rows.collect();
        let open = |(client, sealed): &(ClientId, SealedIdentity)| {
            let row = rows.get(&(client.uuid(), column(sealed.key_version)));
            let key = row.map(|(kek, wrapped)| self.unwrapped(*client, sealed.key_version, kek, wrapped));
            key.map(|key| opened_with(&key?, sealed)).transpose()
        };
        sealed.iter().map(open).collect()
    }

    /// The hexadecimal digest of the bytes under the client's data key, which is made where there is none.
    ///
    /// A plain hash of a name and an address could be guessed, so none may stand in the log; this one dies with the key.
    ///
    /// # Errors
    /// Where the database fails, or the client's key is wrapped by another key-encryption key.
    pub async fn digest(&self, client: ClientId, bytes: &[u8]) -> Result<String, VaultError> {
        Ok(self.key_for_writing(client).await?.digest(bytes))
    }

    async fn key_for_writing(&self, client: ClientId) -> Result<DataKey, VaultError> {
        if let Some(key) = self.key(client, FIRST_VERSION).await? {
            return Ok(key);
        }
        let new = DataKey::generate(client, FIRST_VERSION)?;
        // Of two that make a key at once, one row wins; both then read that one.
        sqlx::query!(
            "insert into vault.data_keys (client, version, kek, wrapped) values ($1, $2, $3, $4) on conflict do nothing",
            client.uuid(),
            column(FIRST_VERSION),
            self.kek.fingerprint(),
            new.wrap(&self.kek)?,
        )
        .execute(&self.pool)
        .await?;
        let key = self.key(client, FIRST_VERSION).await?;
        key.ok_or(VaultError::KeyDestroyed { client, key_version: FIRST_VERSION })
    }

    async fn key(&self, client: ClientId, version: u32) -> Result<Option<DataKey>, VaultError> {
        let row = sqlx::query!(
            "select kek, wrapped from vault.data_keys where client = $1 and version = $2",
            client.uuid(),
            column(version),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        self.unwrapped(client, version, &row.kek, &row.wrapped).map(Some)
    }

    fn unwrapped(&self, client: ClientId, version: u32, kek: &str, wrapped: &[u8]) -> Result<DataKey, VaultError> {
        if kek != self.kek.fingerprint() {
            let in_force = self.kek.fingerprint().to_owned();
            return Err(VaultError::OtherKek { client, wrapped_by: kek.to_owned(), in_force });
        }
        DataKey::unwrap(&self.kek, client, version, wrapped)
    }
}

fn opened_with(key: &DataKey, sealed: &SealedIdentity) -> Result<Identity, VaultError> {
    let text = |field, sealed_field| {
        let bytes = key.open(sealed.sealed_for, field, sealed_field)?;
        String::from_utf8(bytes).map_err(|_| VaultError::Unreadable(field))
    };
    Ok(Identity {
        name: Name::parse(&text(NAME, &sealed.name)?).map_err(|_| VaultError::Unreadable(NAME))?,
        email: EmailAddress::parse(&text(EMAIL, &sealed.email)?).map_err(|_| VaultError::Unreadable(EMAIL))?,
    })
}

/// The version as the column holds it. A version out of the column's range is of no key, as -1 is.
fn column(version: u32) -> i32 {
    i32::try_from(version).unwrap_or(-1)
}
