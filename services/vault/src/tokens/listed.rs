//! Tokens as they may be shown, without their secrets: one, or a page of those that fit a filter.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use uuid::Uuid;

use super::{LINE_MAX, after_place};
use crate::principal::{Role, Scope};
use crate::{Vault, VaultError};

/// Tokens that one request looks at where only some of them fit. No index knows which are good at a time, or by others.
const LOOKED_AT_MAX: u32 = 1_000;

/// The statements below look for a token at each place of a line.
const _: () = assert!(LINE_MAX == 8);

/// A token as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// Where it stands in lists; the next page goes on after it.
    pub place: u64,
    /// Whose it is.
    pub account: Option<Uuid>,
    /// What its bearer may do.
    pub role: Role,
    /// How much of it.
    pub scope: Scope,
    /// What it is for.
    pub label: String,
    /// Whether its bearer is let in.
    pub standing: TokenStanding,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Who made it, where that was noted.
    pub made_by: Option<String>,
    /// The tokens that it was made with, the oldest first.
    line: Vec<Uuid>,
}

impl TokenRow {
    /// The token that it was made with, if it was.
    #[must_use]
    pub fn made_with(&self) -> Option<Uuid> {
        self.line.last().copied()
    }
}

/// Whether a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStanding {
    /// Who presents it is let in.
    Active,
    /// Not any more: it is revoked or expired, or its account or a token that it was made with has ended.
    Ended,
}

impl TokenStanding {
    /// Every standing.
    pub const ALL: [Self; 2] = [Self::Active, Self::Ended];

    /// The standing in one word: `active`, `ended`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }
}

/// Whose tokens are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokensOf {
    /// Everybody's.
    All,
    /// Those of this account.
    Account(Uuid),
    /// This one, which is of no account, and those that were made with it, or with one of them.
    Line(Uuid),
}

impl TokensOf {
    fn has(self, token: &TokenRow) -> bool {
        match self {
            Self::All => true,
            Self::Account(account) => token.account == Some(account),
            Self::Line(first) => token.id == first || token.line.contains(&first),
        }
    }
}

/// Which tokens are wanted: those that fit all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokensFilter {
    /// Of this role, by its word.
    pub role: Option<&'static str>,
    /// Of this scope.
    pub scope: Option<Scope>,
    /// That stand so.
    pub standing: Option<TokenStanding>,
}

/// A page of tokens. It may be short, or empty, and still lead on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokensPage {
    /// Those that fit.
    pub tokens: Vec<TokenRow>,
    /// Behind which place to go on; `None` where there is nothing more to look at.
    pub next: Option<u64>,
}

struct Record {
    id: Uuid,
    place: i64,
    account: Option<Uuid>,
    role: String,
    advisor: Option<Uuid>,
    scope: String,
    label: String,
    is_active: bool,
    created_at: SqlTimestamp,
    expires_at: SqlTimestamp,
    revoked_at: Option<SqlTimestamp>,
    made_by: Option<String>,
    line: Vec<Uuid>,
}

impl TryFrom<Record> for TokenRow {
    type Error = VaultError;

    fn try_from(record: Record) -> Result<Self, VaultError> {
        Ok(Self {
            id: record.id,
            place: record.place.unsigned_abs(),
            account: record.account,
            role: Role::stored(record.role, record.advisor)?,
            scope: Scope::stored(record.scope)?,
            label: record.label,
            standing: if record.is_active { TokenStanding::Active } else { TokenStanding::Ended },
            created_at: record.created_at.to_jiff(),
            expires_at: record.expires_at.to_jiff(),
            revoked_at: record.revoked_at.map(SqlTimestamp::to_jiff),
            made_by: record.made_by,
            line: record.line,
        })
    }
}

/// The tokens from there of which this holds, each with whether it is good at `$1`: as [`Vault::authenticate`] asks.
macro_rules! tokens {
    ($from:tt, [$($which:tt)+], $($value:expr),*) => {
        sqlx::query_as!(
            Record,
            r#"select t.id as "id!", t.place as "place!", t.account as "account?", t.role as "role!", t.advisor as "advisor?",
                      t.scope as "scope!", t.label as "label!", good.is_active as "is_active!", t.created_at as "created_at!: SqlTimestamp",
                      t.expires_at as "expires_at!: SqlTimestamp", t.revoked_at as "revoked_at?: SqlTimestamp", t.made_by,
                      t.line as "line!"
               from "# + $from + r#" cross join lateral (
                   select t.expires_at > $1 and t.revoked_at is null
                          and (select a.closed_at from vault.accounts a where a.id = t.account) is null
                          and (t.line = '{}' or cardinality(t.line) = (
                              select count(*)
                              from vault.tokens m left join vault.accounts o on o.id = m.account
                              where m.id = any(t.line) and m.expires_at > $1 and m.revoked_at is null
                                    and o.closed_at is null)) as is_active) good
               where "# + $($which)+,
            $($value),*
        )
    };
}

/// The tokens of a page, and up to which place they were looked for, if not to the end. Whose they are says `$which` with `$3`,
/// or where they come from: `$first` to see where looking ends, and `$from`.
macro_rules! page_of_tokens {
    ($pool:expr, $page:expr, $first:tt, $from:tt, $which:tt, $of:expr) => {{
        let end = sqlx::query_scalar!(
            "select t.place as \"place!\" from "
                + $first
                + " where t.place > $1 and "
                + $which
                + " order by t.place offset $2 limit 1",
            $page.after,
            i64::from($page.others_looked_at),
            $of
        );
        let end: Option<i64> = end.fetch_optional($pool).await?;
        let records = tokens!(
            $from,
            ["t.place > $2 and t.place <= $4 and t.role = coalesce($6, t.role) and t.scope = coalesce($7, t.scope)
                 and good.is_active = coalesce($8, good.is_active) and "
                + $which
                + " order by t.place limit $5"],
            $page.now as SqlTimestamp,
            $page.after,
            $of,
            end.unwrap_or(i64::MAX),
            $page.limit,
            $page.role,
            $page.scope,
            $page.is_active
        );
        (records.fetch_all($pool).await?, end)
    }};
}

/// What a page of tokens is asked for with.
struct Asked {
    now: SqlTimestamp,
    after: i64,
    limit: i64,
    /// How many rows are looked at beside one: as many as the page has where none is left out.
    others_looked_at: u32,
    role: Option<&'static str>,
    scope: Option<&'static str>,
    is_active: Option<bool>,
}

impl Vault {
    /// The token, where it is among those that are meant.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn token(&self, of: TokensOf, id: Uuid, now: Timestamp) -> Result<Option<TokenRow>, VaultError> {
        let record = tokens!("vault.tokens t", ["t.id = $2"], now.to_sqlx() as SqlTimestamp, id)
            .fetch_optional(&self.pool)
            .await?;
        let token = record.map(TokenRow::try_from).transpose()?;
        Ok(token.filter(|token| of.has(token)))
    }

    /// Tokens that fit the filter now, in the order in which they were made, from behind this place on, so many at the most
    /// and as far as one request looks.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tokens(
        &self,
        of: TokensOf,
        filter: TokensFilter,
        now: Timestamp,
        after: Option<u64>,
        limit: u32,
    ) -> Result<TokensPage, VaultError> {
        let asked = Asked {
            now: now.to_sqlx(),
            after: after_place(after),
            limit: i64::from(limit),
            others_looked_at: if filter == TokensFilter::default() { limit } else { LOOKED_AT_MAX }.saturating_sub(1),
            role: filter.role,
            scope: filter.scope.map(Scope::word),
            is_active: filter.standing.map(|standing| standing == TokenStanding::Active),
        };
        let pool = &self.pool;
        // One statement for each index: with `$1 is null or ...` a kept plan reads the whole table.
        let (records, end) = match of {
            TokensOf::All => {
                page_of_tokens!(pool, asked, "vault.tokens t", "vault.tokens t", "$3::uuid is null", None::<Uuid>)
            }
            TokensOf::Account(account) => {
                page_of_tokens!(pool, asked, "vault.tokens t", "vault.tokens t", "t.account = $3", account)
            }
            // An index for each place in a line: it may stand at any of them.
            TokensOf::Line(first) => page_of_tokens!(
                pool,
                asked,
                "(select * from vault.tokens where id = $3
                  union all (select * from vault.tokens where line[1] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[2] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[3] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[4] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[5] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[6] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[7] = $3 and place > $1 order by place limit $2::bigint + 1)
                  union all (select * from vault.tokens where line[8] = $3 and place > $1 order by place limit $2::bigint + 1)) t",
                "(select * from vault.tokens where id = $3
                  union all (select * from vault.tokens where line[1] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[2] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[3] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[4] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[5] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[6] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[7] = $3 and place > $2 and place <= $4)
                  union all (select * from vault.tokens where line[8] = $3 and place > $2 and place <= $4)) t",
                "true",
                first
            ),
        };
        let tokens = records.into_iter().map(TokenRow::try_from).collect::<Result<Vec<_>, _>>()?;
        let is_full = u32::try_from(tokens.len()).is_ok_and(|found| found >= limit);
        let last = tokens.last().filter(|_| is_full).map(|last| last.place);
        Ok(TokensPage { tokens, next: last.or(end.map(i64::unsigned_abs)) })
    }
}
