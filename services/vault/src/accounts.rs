//! Accounts: who may log in, and the invitations by which they choose their passwords.

mod changes;
mod listed;

use std::fmt;

use events::values::{AdvisorId, EmailAddress};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use uuid::Uuid;

use crate::passwords::{PasswordHash, StoredPassword};
use crate::principal::Role;
use crate::secrets::{SecretKind, hash};
use crate::tokens::until;
use crate::{Vault, VaultError};

pub use self::changes::{Change, Changed};
pub use self::listed::{Account, AccountsFilter};

/// How long an invitation is good, in hours.
const INVITATION_HOURS: i64 = 72;

/// An account that was just made or is invited anew, with the only sight of its invitation's secret.
pub struct NewAccount {
    /// The account's id.
    pub id: Uuid,
    /// What its owner presents to choose a password.
    pub invitation: String,
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What became of the wish for an account.
#[derive(Debug)]
pub enum AccountMade {
    /// It is new.
    New(NewAccount),
    /// It was made before under this id; its invitation was shown then.
    Before,
    /// An account has this id, and another wish made it.
    Differs,
    /// Another open account has this address.
    EmailTaken,
}

/// What became of an invitation that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The account has its password now.
    Chosen(Uuid),
    /// It is for the first administrator, who did not say under which address to log in.
    NeedsEmail,
    /// Another account has this address.
    EmailTaken,
    /// There is no such invitation, or it was used or is too old.
    Unknown,
}

impl Vault {
    /// What becomes of the wish for an account under this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn create_account(
        &self,
        id: Uuid,
        email: &EmailAddress,
        role: Role,
        now: Timestamp,
    ) -> Result<AccountMade, VaultError> {
        let email = email.expose().to_lowercase();
        let mut transaction = self.pool.begin().await?;
        let made = sqlx::query!(
            "insert into vault.accounts (id, email, role, advisor, made_role, made_advisor, created_at)
             values ($1, $2, $3, $4, $3, $4, $5) on conflict do nothing",
            id,
            email,
            role.word(),
            role.advisor().map(AdvisorId::uuid),
            now.to_sqlx() as SqlTimestamp,
        )
        .execute(&mut *transaction)
        .await?;
        if made.rows_affected() == 0 {
            let is_the_same = sqlx::query_scalar!(
                r#"select email = $2 and made_role = $3 and made_advisor is not distinct from $4 as "same!"
                   from vault.accounts where id = $1"#,
                id,
                email,
                role.word(),
                role.advisor().map(AdvisorId::uuid),
            )
            .fetch_optional(&mut *transaction)
            .await?;
            return Ok(match is_the_same {
                Some(true) => AccountMade::Before,
                Some(false) => AccountMade::Differs,
                None => AccountMade::EmailTaken,
            });
        }
        let invitation = invite(&mut transaction, Some(id), now).await?;
        transaction.commit().await?;
        Ok(AccountMade::New(NewAccount { id, invitation }))
    }

    /// Whether an account was made under this id, whatever has become of it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn account_was_made(&self, id: Uuid) -> Result<bool, VaultError> {
        Ok(sqlx::query_scalar!(r#"select exists (select from vault.accounts where id = $1) as "made!""#, id)
            .fetch_one(&self.pool)
            .await?)
    }

    /// The secret by which the first administrator makes an account, once; none where there is an administrator who
    /// can log in. An earlier one that was not used is good no more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn setup_token(&self, now: Timestamp) -> Result<Option<String>, VaultError> {
        let mut transaction = self.pool.begin().await?;
        let there = sqlx::query_scalar!(
            r#"select exists (select from vault.accounts
                              where role = 'admin' and password is not null and closed_at is null) as "there!""#
        )
        .fetch_one(&mut *transaction)
        .await?;
        if there {
            return Ok(None);
        }
        sqlx::query!("delete from vault.invitations where account is null").execute(&mut *transaction).await?;
        let secret = invite(&mut transaction, None, now).await?;
        transaction.commit().await?;
        Ok(Some(secret))
    }

    /// Takes up an invitation: from now on this is the account's password, and whoever was logged in is so no more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn take_invitation(
        &self,
        secret: &str,
        email: Option<&EmailAddress>,
        password: &PasswordHash,
        now: Timestamp,
    ) -> Result<Taken, VaultError> {
        if !SecretKind::Invitation.is_spelt(secret) {
            return Ok(Taken::Unknown);
        }
        let mut transaction = self.pool.begin().await?;
        let invitation = sqlx::query!(
            r#"update vault.invitations i set used_at = $2
               where digest = $1 and used_at is null and expires_at > $2
                 and not exists (select from vault.accounts a where a.id = i.account and a.closed_at is not null)
               returning account as "account?""#,
            hash(secret),
            now.to_sqlx() as SqlTimestamp,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(invitation) = invitation else { return Ok(Taken::Unknown) };
        let account = match (invitation.account, email) {
            (Some(account), _) => account,
            (None, None) => return Ok(Taken::NeedsEmail),
            (None, Some(email)) => {
                let id = Uuid::new_v4();
                let made = sqlx::query!(
                    "insert into vault.accounts (id, email, role, made_role, created_at)
                     values ($1, $2, 'admin', 'admin', $3) on conflict do nothing",
                    id,
                    email.expose().to_lowercase(),
                    now.to_sqlx() as SqlTimestamp,
                )
                .execute(&mut *transaction)
                .await?;
                if made.rows_affected() == 0 {
                    return Ok(Taken::EmailTaken);
                }
                id
            }
        };
        sqlx::query!("update vault.accounts set password = $2 where id = $1", account, password.as_str())
            .execute(&mut *transaction)
            .await?;
        sqlx::query!(
            "update vault.sessions set revoked_at = $2 where account = $1 and revoked_at is null",
            account,
            now.to_sqlx() as SqlTimestamp,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Taken::Chosen(account))
    }

    /// The account of this address with what is kept of its password, where it is open and has one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn stored_password(&self, email: &str) -> Result<Option<(Uuid, StoredPassword)>, VaultError> {
        // PostgreSQL has no texts with it, so nobody has such an address.
        if email.contains('\0') {
            return Ok(None);
        }
        let row = sqlx::query!(
            r#"select id, password as "password!" from vault.accounts
               where email = $1 and closed_at is null and password is not null"#,
            email.to_lowercase(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| (row.id, StoredPassword::new(row.password))))
    }

    /// Whether there is such an account; from now on nobody logs in to it, and its sessions, its tokens and those that its owner
    /// made are dead.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_account(&self, id: Uuid, now: Timestamp) -> Result<bool, VaultError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query!(
            "update vault.accounts set closed_at = coalesce(closed_at, $2), version = version + (closed_at is null)::int
             where id = $1",
            id,
            now.to_sqlx() as SqlTimestamp,
        )
        .execute(&mut *transaction)
        .await?;
        changes::end_what_it_made(&mut transaction, id, now).await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }
}

async fn invite(
    connection: &mut sqlx::PgConnection,
    account: Option<Uuid>,
    now: Timestamp,
) -> Result<String, VaultError> {
    let secret = SecretKind::Invitation.generate()?;
    let expires_at = until(now, SignedDuration::from_hours(INVITATION_HOURS))?;
    sqlx::query!(
        "insert into vault.invitations (digest, account, created_at, expires_at) values ($1, $2, $3, $4)",
        hash(&secret),
        account,
        now.to_sqlx() as SqlTimestamp,
        expires_at.to_sqlx() as SqlTimestamp,
    )
    .execute(connection)
    .await?;
    Ok(secret)
}
