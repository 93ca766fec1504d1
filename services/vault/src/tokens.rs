//! Access tokens: long random secrets, shown once, kept as hashes, scoped, expiring and revocable.

mod listed;

use std::fmt;

use events::values::{Actor, AdvisorId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use uuid::Uuid;

use crate::principal::{Credential, Principal, Role, Scope};
use crate::secrets::{SecretKind, hash};
use crate::{Vault, VaultError};

pub use self::listed::{TokenRow, TokenStanding, TokensFilter, TokensOf, TokensPage};

/// Tokens that stand before one in its line: made with each other, down to the one that it was made with.
pub const LINE_MAX: usize = 8;

/// A token that was just made: the only time that its secret is seen. `Debug` does not show it.
pub struct NewToken {
    /// The token's id, which may be shown.
    pub id: Uuid,
    /// What the bearer presents.
    pub secret: String,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct TokenWish<'a> {
    /// Its id. Of two with the same, one is made.
    pub id: Uuid,
    /// Whose it is; it dies with the account.
    pub account: Option<Uuid>,
    /// What its bearer may do.
    pub role: Role,
    /// How much of it.
    pub scope: Scope,
    /// What it is for, in words for people.
    pub label: &'a str,
    /// A hash of what was asked for.
    pub request: Option<&'a [u8]>,
    /// Who makes it.
    pub maker: Maker<'a>,
}

/// Who makes a token.
#[derive(Debug, Clone, Copy)]
pub enum Maker<'a> {
    /// Somebody beside all accounts and tokens, who has the vault itself.
    Operator,
    /// Who presented this.
    Principal(&'a Principal),
}

impl<'a> Maker<'a> {
    const fn actor(self) -> Option<&'a Actor> {
        match self {
            Self::Operator => None,
            Self::Principal(principal) => Some(&principal.actor),
        }
    }

    /// The token that it is made with, and when that one ends.
    const fn token(self) -> Option<(Uuid, Timestamp)> {
        match self {
            Self::Principal(Principal { credential: Credential::Token(id), expires_at, .. }) => {
                Some((*id, *expires_at))
            }
            Self::Principal(Principal { credential: Credential::Session(_), .. }) | Self::Operator => None,
        }
    }
}

/// What became of the wish for a token.
#[derive(Debug)]
pub enum TokenMade {
    /// It is new.
    New(NewToken),
    /// It was made before, by the same request; its secret was shown then.
    Before {
        /// From when on it is good no more.
        expires_at: Timestamp,
    },
    /// A token has this id, and another request made it.
    Differs,
    /// [`LINE_MAX`] tokens stand before the one that it would be made with.
    TooFarDown,
}

impl TokensOf {
    const fn columns(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Self::All => (None, None),
            Self::Account(id) => (Some(id), None),
            Self::Line(id) => (None, Some(id)),
        }
    }
}

impl Vault {
    /// A new token of this role, of no account, valid from now for as long as is said. The label tells people what it is
    /// for.
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
        let id = Uuid::new_v4();
        let maker = Maker::Operator;
        let wish = TokenWish { id, account: None, role, scope: Scope::Write, label, request: None, maker };
        match self.make_token(&wish, now, valid_for).await? {
            TokenMade::New(token) => Ok(token),
            TokenMade::Before { .. } | TokenMade::Differs | TokenMade::TooFarDown => Err(VaultError::IdTaken(id)),
        }
    }

    /// What becomes of the wish for a token that is valid from now for as long as is said, but not longer than the token
    /// that it is made with.
    ///
    /// # Errors
    /// Where the database fails, or the validity is not positive or ends beyond what a timestamp holds.
    pub async fn make_token(
        &self,
        wish: &TokenWish<'_>,
        now: Timestamp,
        valid_for: SignedDuration,
    ) -> Result<TokenMade, VaultError> {
        let mut expires_at = until(now, valid_for)?;
        let mut line = Vec::new();
        if let Some((token, ends_at)) = wish.maker.token() {
            expires_at = expires_at.min(ends_at);
            // It never changes, and whether the token is good still is asked whenever the new one is presented.
            line =
                sqlx::query_scalar!("select line from vault.tokens where id = $1", token).fetch_one(&self.pool).await?;
            line.push(token);
        }
        if line.len() > LINE_MAX {
            // Another token of the same caller may have made it, nearer to where its own line begins.
            return Ok(self.made_before(wish).await?.unwrap_or(TokenMade::TooFarDown));
        }
        let secret = SecretKind::Token.generate()?;
        let made = sqlx::query!(
            "insert into vault.tokens
                 (id, digest, account, role, advisor, scope, label, request, created_at, expires_at, line, made_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (id) do nothing",
            wish.id,
            hash(&secret),
            wish.account,
            wish.role.word(),
            wish.role.advisor().map(AdvisorId::uuid),
            wish.scope.word(),
            wish.label,
            wish.request,
            now.to_sqlx() as SqlTimestamp,
            expires_at.to_sqlx() as SqlTimestamp,
            &line,
            wish.maker.actor().map(Actor::as_str),
        )
        .execute(&self.pool)
        .await?;
        if made.rows_affected() == 1 {
            return Ok(TokenMade::New(NewToken { id: wish.id, secret, expires_at }));
        }
        // Somebody has made it; a row that an operator deletes right then leaves an id that is taken and nothing else.
        Ok(self.made_before(wish).await?.unwrap_or(TokenMade::Differs))
    }

    /// What was made under the wish's id before; `None` where nothing was.
    async fn made_before(&self, wish: &TokenWish<'_>) -> Result<Option<TokenMade>, VaultError> {
        let before = sqlx::query!(
            r#"select request, expires_at as "expires_at: SqlTimestamp" from vault.tokens where id = $1"#,
            wish.id,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(before.map(|before| {
            let is_the_same = before.request.as_deref() == wish.request;
            let expires_at = before.expires_at.to_jiff();
            if is_the_same { TokenMade::Before { expires_at } } else { TokenMade::Differs }
        }))
    }

    /// Whether a token was made under this id, whatever has become of it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn token_was_made(&self, id: Uuid) -> Result<bool, VaultError> {
        Ok(sqlx::query_scalar!(r#"select exists (select from vault.tokens where id = $1) as "made!""#, id)
            .fetch_one(&self.pool)
            .await?)
    }

    /// Who presents this secret now, or `None` where nobody may by it: unknown, expired or revoked, or made with a token that
    /// is. Nor by a token of another role than its account has: one that was under way while the role was corrected.
    ///
    /// The look-up is by the secret's hash, so its time tells nothing about how near a guess is.
    ///
    /// # Errors
    /// Where the database fails, or the token has a role that this build does not know.
    pub async fn authenticate(&self, secret: &str, now: Timestamp) -> Result<Option<Principal>, VaultError> {
        if !SecretKind::Token.is_spelt(secret) {
            return Ok(None);
        }
        let row = sqlx::query!(
            r#"select t.id, t.account as "account?", t.role, t.advisor as "advisor?", t.scope,
                      t.expires_at as "expires_at: SqlTimestamp"
               from vault.tokens t left join vault.accounts a on a.id = t.account
               where t.digest = $1 and t.expires_at > $2 and t.revoked_at is null and a.closed_at is null
                   and (t.account is null or (t.role, t.advisor) is not distinct from (a.role, a.advisor))
                   and cardinality(t.line) = (
                       select count(*)
                       from vault.tokens m left join vault.accounts o on o.id = m.account
                       where m.id = any(t.line) and m.expires_at > $2 and m.revoked_at is null and o.closed_at is null
                           and (m.account is null or (m.role, m.advisor) is not distinct from (o.role, o.advisor)))"#,
            hash(secret),
            now.to_sqlx() as SqlTimestamp,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (role, scope) = (Role::stored(row.role, row.advisor)?, Scope::stored(row.scope)?);
        let (credential, expires_at) = (Credential::Token(row.id), row.expires_at.to_jiff());
        Ok(Some(Principal::new(credential, row.account, role, scope, expires_at)))
    }

    /// Whether there is such a token among those that are meant; from now on nobody may act by it, or by one made with it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_token_of(&self, of: TokensOf, token: Uuid, now: Timestamp) -> Result<bool, VaultError> {
        let (account, first) = of.columns();
        let done = sqlx::query!(
            "update vault.tokens set revoked_at = coalesce(revoked_at, $2)
             where id = $1 and ($3::uuid is null or account = $3)
                 and ($4::uuid is null or id = $4 or line @> array[$4])",
            token,
            now.to_sqlx() as SqlTimestamp,
            account,
            first,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether there was such a token that was not revoked before; from now on nobody may act by it, or by one made with it.
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

/// The place behind which a page begins. No row stands beyond the greatest bigint.
pub(crate) fn after_place(after: Option<u64>) -> i64 {
    i64::try_from(after.unwrap_or_default()).unwrap_or(i64::MAX)
}

/// When something that is valid from now for so long ends.
pub(crate) fn until(now: Timestamp, valid_for: SignedDuration) -> Result<Timestamp, VaultError> {
    let end = now.checked_add(valid_for).ok().filter(|at| *at > now);
    end.ok_or(VaultError::Validity { from: now, for_seconds: valid_for.as_secs() })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::NewToken;

    #[test]
    fn debugging_does_not_show_a_secret() {
        let (secret, expires_at) = ("ins_very_secret".to_owned(), Timestamp::UNIX_EPOCH);
        let token = NewToken { id: Uuid::from_u128(7), secret, expires_at };
        assert!(!format!("{token:?}").contains("secret\""), "{token:?}");
        assert!(!format!("{token:?}").contains("very"), "{token:?}");
    }
}
