//! Sessions: log-ins of browsers. The secret stands in a cookie; here is its hash.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use uuid::Uuid;

use crate::principal::{Credential, Principal, Role, Scope};
use crate::secrets::{SecretKind, hash};
use crate::tokens::until;
use crate::{Vault, VaultError};

/// How long a log-in lasts, in hours: a day's work.
const SESSION_HOURS: i64 = 12;
/// Sessions that an account may have at once; the oldest end.
pub const SESSIONS_MAX: i64 = 10;

/// A session that was just opened, with the only sight of its secret.
pub struct NewSession {
    /// The session's id.
    pub id: Uuid,
    /// What the cookie holds.
    pub secret: String,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A log-in that is open, as it may be shown. Its id is no secret; what the cookie holds is kept nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSession {
    /// The session's id.
    pub id: Uuid,
    /// When it began.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

impl Vault {
    /// A new session of the account.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_session(&self, account: Uuid, now: Timestamp) -> Result<NewSession, VaultError> {
        let expires_at = until(now, SignedDuration::from_hours(SESSION_HOURS))?;
        let session = NewSession { id: Uuid::new_v4(), secret: SecretKind::Session.generate()?, expires_at };
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "insert into vault.sessions (id, digest, account, created_at, expires_at) values ($1, $2, $3, $4, $5)",
            session.id,
            hash(&session.secret),
            account,
            now.to_sqlx() as SqlTimestamp,
            expires_at.to_sqlx() as SqlTimestamp,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "update vault.sessions set revoked_at = $2 where id in
                (select id from vault.sessions where account = $1 and revoked_at is null and expires_at > $2
                 order by created_at desc, id offset $3)",
            account,
            now.to_sqlx() as SqlTimestamp,
            SESSIONS_MAX,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(session)
    }

    /// Who presents this secret of a session now, or `None` where nobody may by it: unknown, expired or ended.
    ///
    /// # Errors
    /// Where the database fails, or the account has a role that this build does not know.
    pub async fn authenticate_session(&self, secret: &str, now: Timestamp) -> Result<Option<Principal>, VaultError> {
        if !SecretKind::Session.is_spelt(secret) {
            return Ok(None);
        }
        let row = sqlx::query!(
            r#"select s.id, s.account, a.role, a.advisor as "advisor?", s.expires_at as "expires_at: SqlTimestamp"
               from vault.sessions s join vault.accounts a on a.id = s.account
               where s.digest = $1 and s.expires_at > $2 and s.revoked_at is null and a.closed_at is null"#,
            hash(secret),
            now.to_sqlx() as SqlTimestamp,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let role = Role::stored(row.role, row.advisor)?;
        let (credential, expires_at) = (Credential::Session(row.id), row.expires_at.to_jiff());
        Ok(Some(Principal::new(credential, Some(row.account), role, Scope::Write, expires_at)))
    }

    /// The account's sessions that are good now, in the order in which they began: [`SESSIONS_MAX`] at the most.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_sessions(&self, account: Uuid, now: Timestamp) -> Result<Vec<OpenSession>, VaultError> {
        let rows = sqlx::query!(
            r#"select s.id, s.created_at as "created_at: SqlTimestamp", s.expires_at as "expires_at: SqlTimestamp"
               from vault.sessions s join vault.accounts a on a.id = s.account
               where s.account = $1 and s.expires_at > $2 and s.revoked_at is null and a.closed_at is null
               order by s.created_at, s.id limit $3"#,
            account,
            now.to_sqlx() as SqlTimestamp,
            SESSIONS_MAX,
        )
        .fetch_all(&self.pool)
        .await?;
        let open = rows.into_iter().map(|row| OpenSession {
            id: row.id,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
        });
        Ok(open.collect())
    }

    /// Whether the account has had such a session; from now on nobody may act by it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_session_of(&self, account: Uuid, id: Uuid, now: Timestamp) -> Result<bool, VaultError> {
        let done = sqlx::query!(
            "update vault.sessions set revoked_at = coalesce(revoked_at, $3) where id = $1 and account = $2",
            id,
            account,
            now.to_sqlx() as SqlTimestamp,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends the session: from now on nobody may act by it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn end_session(&self, id: Uuid, now: Timestamp) -> Result<(), VaultError> {
        sqlx::query!(
            "update vault.sessions set revoked_at = $2 where id = $1 and revoked_at is null",
            id,
            now.to_sqlx() as SqlTimestamp,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
