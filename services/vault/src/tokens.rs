//! Access tokens: long random secrets, shown once, kept as hashes, expiring and revocable.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::values::Actor;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use crate::{Vault, VaultError};

/// What every secret begins with, so that scanners for leaked secrets can know it.
const PREFIX: &str = "ins_";
/// Random bytes of a secret. With so many, a hash without salt or stretching is safe to keep and fast to look up.
const SECRET_BYTES: usize = 32;
/// Characters of those bytes in base64 without padding.
const SECRET_CHARS: usize = 43;

/// What a token's bearer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
}

impl Role {
    /// The role's word, in the database and in actors.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Admin].into_iter().find(|role| role.word() == word)
    }

    /// Who acts by a token of this role: `admin:<token id>`.
    fn actor(self, token: Uuid) -> Actor {
        Actor::parse(&format!("{}:{token}", self.word())).expect("a role's word and a UUID name an actor")
    }
}

/// A token that was just made: the only time that its secret is seen. `Debug` does not show it.
pub struct NewToken {
    /// The token's id, which may be shown.
    pub id: Uuid,
    /// What the bearer presents.
    pub secret: String,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Who presented a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// By which token.
    pub token_id: Uuid,
    /// What they may do.
    pub role: Role,
    /// How they are named in the log.
    pub actor: Actor,
}

impl Vault {
    /// A new token of this role, valid from now for as long as is said. The label tells people what it is for.
    ///
    /// # Errors
    /// Where the database fails, or the validity is not positive or ends beyond what a timestamp holds.
    pub async fn create_token(
        &self,
        role: Role,
        label: &str,
        now: Timestamp,
        valid_for: SignedDuration,
    ) -> Result<NewToken, VaultError> {
        let expires_at = now
            .checked_add(valid_for)
            .ok()
            .filter(|at| *at > now)
            .ok_or(VaultError::Validity { from: now, for_seconds: valid_for.as_secs() })?;
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
        let token = NewToken { id: Uuid::new_v4(), secret: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)) };
        sqlx::query!(
            "insert into vault.tokens (id, digest, role, label, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)",
            token.id,
            hash(&token.secret),
            role.word(),
            label,
            now.to_sqlx() as SqlTimestamp,
            expires_at.to_sqlx() as SqlTimestamp,
        )
        .execute(&self.pool)
        .await?;
        Ok(token)
    }

    /// Who presents this secret now, or `None` where nobody may by it: unknown, expired or revoked.
    ///
    /// The look-up is by the secret's hash, so its time tells nothing about how near a guess is.
    ///
    /// # Errors
    /// Where the database fails, or the token has a role that this build does not know.
    pub async fn authenticate(&self, secret: &str, now: Timestamp) -> Result<Option<Principal>, VaultError> {
        if secret.strip_prefix(PREFIX).map(str::len) != Some(SECRET_CHARS) {
            return Ok(None);
        }
        let row = sqlx::query!(
            "select id, role from vault.tokens where digest = $1 and expires_at > $2 and revoked_at is null",
            hash(secret),
            now.to_sqlx() as SqlTimestamp,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let role = Role::from_word(&row.role).ok_or(VaultError::UnknownRole(row.role))?;
        Ok(Some(Principal { token_id: row.id, role, actor: role.actor(row.id) }))
    }

    /// Whether there was such a token that was not revoked before; from now on nobody may act by it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_token(&self, token: Uuid, now: Timestamp) -> Result<bool, VaultError> {
        let done = sqlx::query!(
            "update vault.tokens set revoked_at = $2 where id = $1 and revoked_at is null",
            token,
            now.to_sqlx() as SqlTimestamp,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// What is kept of a secret.
fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{NewToken, Role};
    use uuid::Uuid;

    #[test]
    fn an_actor_is_named_by_role_and_token() {
        let id = Uuid::from_u128(7);
        assert_eq!(Role::Admin.actor(id).as_str(), "admin:00000000-0000-0000-0000-000000000007");
    }

    #[test]
    fn debugging_does_not_show_a_secret() {
        let token = NewToken { id: Uuid::from_u128(7), secret: "ins_very_secret".to_owned() };
        assert!(!format!("{token:?}").contains("secret\""), "{token:?}");
        assert!(!format!("{token:?}").contains("very"), "{token:?}");
    }
}
