//! Accounts that are changed: corrected, and invited again. Each change is of a version, and under a key it has its first answer
//! for ever.

use events::values::AdvisorId;
use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Account, NewAccount, invite};
use crate::principal::Role;
use crate::{Vault, VaultError};

/// A change that somebody asks for.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its id. The same id again is the same change again.
    pub command: Uuid,
    /// What is asked, as a digest.
    pub digest: String,
    /// The version that the account has to be at; any where nothing is said.
    pub version: Option<u64>,
    /// When.
    pub now: Timestamp,
}

/// What becomes of a change.
#[derive(Debug)]
pub enum Changed<T> {
    /// There is no such open account.
    Absent,
    /// The account is at this version, and not at the one that was named.
    Stale(u64),
    /// It was asked for before, and for something else.
    Differs,
    /// It is so, and this came of it.
    Done(Account, T),
    /// It was asked for before: the account as it was after that.
    Before(Account),
}

impl Vault {
    /// What becomes of the wish that the account has this role from now on. Where it had another one, its sessions, its tokens
    /// and those that its owner made are dead: they were given under that.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn correct_account(&self, id: Uuid, role: Role, change: &Change) -> Result<Changed<()>, VaultError> {
        let mut transaction = self.pool.begin().await?;
        let account = match taken_up(&mut transaction, id, change).await? {
            Ok(account) => account,
            Err(other) => return Ok(other),
        };
        if account.role != role {
            sqlx::query!(
                "update vault.accounts set role = $2, advisor = $3, version = version + 1 where id = $1",
                id,
                role.word(),
                role.advisor().map(AdvisorId::uuid),
            )
            .execute(&mut *transaction)
            .await?;
            sqlx::query!(
                "update vault.sessions set revoked_at = $2 where account = $1 and revoked_at is null",
                id,
                change.now.to_sqlx() as SqlTimestamp,
            )
            .execute(&mut *transaction)
            .await?;
            sqlx::query!(
                "update vault.tokens set revoked_at = $2 where account = $1 and revoked_at is null",
                id,
                change.now.to_sqlx() as SqlTimestamp,
            )
            .execute(&mut *transaction)
            .await?;
            end_what_it_made(&mut transaction, id, change.now).await?;
        }
        let account = noted(&mut transaction, id, change).await?;
        transaction.commit().await?;
        Ok(Changed::Done(account, ()))
    }

    /// What becomes of the wish for a new invitation; with it, earlier ones are good no more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn invite_again(&self, id: Uuid, change: &Change) -> Result<Changed<NewAccount>, VaultError> {
        let mut transaction = self.pool.begin().await?;
        if let Err(other) = taken_up(&mut transaction, id, change).await? {
            return Ok(other);
        }
        sqlx::query!("delete from vault.invitations where account = $1", id).execute(&mut *transaction).await?;
        let invitation = invite(&mut transaction, Some(id), change.now).await?;
        sqlx::query!("update vault.accounts set version = version + 1 where id = $1", id)
            .execute(&mut *transaction)
            .await?;
        let account = noted(&mut transaction, id, change).await?;
        transaction.commit().await?;
        Ok(Changed::Done(account, NewAccount { id, invitation }))
    }

    /// Whether this change was made before: then it has its first answer, whatever would be said of it now.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn account_was_changed(&self, command: Uuid) -> Result<bool, VaultError> {
        let made = sqlx::query_scalar!(
            r#"select exists (select from vault.account_changes where command = $1) as "made!""#,
            command
        );
        Ok(made.fetch_one(&self.pool).await?)
    }
}

/// Ends the tokens of any role that the account's owner made in person: they have seen the secrets. What was made with a token
/// ends with that one.
pub(super) async fn end_what_it_made(
    connection: &mut PgConnection,
    account: Uuid,
    now: Timestamp,
) -> Result<(), VaultError> {
    let makers = ["admin", "advisor", "compliance"].map(|role| format!("{role}:{account}"));
    sqlx::query!(
        "update vault.tokens set revoked_at = $2 where made_by = any($1) and revoked_at is null",
        &makers[..],
        now.to_sqlx() as SqlTimestamp,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The account, which nobody else changes until the transaction ends, where the change may be made; else what becomes of it.
async fn taken_up<T>(
    connection: &mut PgConnection,
    id: Uuid,
    change: &Change,
) -> Result<Result<Account, Changed<T>>, VaultError> {
    let there = sqlx::query_scalar!("select id from vault.accounts where id = $1 for update", id);
    if there.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(Err(Changed::Absent));
    }
    let account = Account::of(connection, id).await?;
    let before = sqlx::query!(
        r#"select account, digest, version, role, advisor as "advisor?", has_password
           from vault.account_changes where command = $1"#,
        change.command
    );
    if let Some(before) = before.fetch_optional(&mut *connection).await? {
        if before.account != id || before.digest != change.digest {
            return Ok(Err(Changed::Differs));
        }
        return Ok(Err(Changed::Before(Account {
            role: Role::stored(before.role, before.advisor)?,
            has_password: before.has_password,
            version: before.version.unsigned_abs(),
            // Only what is open is changed.
            closed_at: None,
            ..account
        })));
    }
    if account.closed_at.is_some() {
        return Ok(Err(Changed::Absent));
    }
    match change.version {
        Some(version) if version != account.version => Ok(Err(Changed::Stale(account.version))),
        Some(_) | None => Ok(Ok(account)),
    }
}

/// The account after the change, which is remembered.
async fn noted(connection: &mut PgConnection, id: Uuid, change: &Change) -> Result<Account, VaultError> {
    sqlx::query!(
        "insert into vault.account_changes (command, account, digest, version, role, advisor, has_password)
         select $1, id, $3, version, role, advisor, password is not null from vault.accounts where id = $2",
        change.command,
        id,
        change.digest,
    )
    .execute(&mut *connection)
    .await?;
    Account::of(connection, id).await
}
