//! The epoch: how often anybody lost access. Who remembers callers compares it before trusting what is remembered.

use crate::{Vault, VaultError};

impl Vault {
    /// The present epoch. It grows in the very transaction in which a token is revoked, a session ended or an account
    /// closed, whoever does it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn epoch(&self) -> Result<i64, VaultError> {
        Ok(sqlx::query_scalar!("select epoch from vault.epoch").fetch_one(&self.pool).await?)
    }

    /// Begins a new epoch: for what ends somebody's access without a word of it in the vault.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn begin_epoch(&self) -> Result<(), VaultError> {
        sqlx::query!("update vault.epoch set epoch = epoch + 1").execute(&self.pool).await?;
        Ok(())
    }
}
