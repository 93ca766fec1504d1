//! Accounts as they may be shown: one, or a page of those that fit a filter.

use events::values::AdvisorId;
use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::principal::Role;
use crate::tokens::after_place;
use crate::{Vault, VaultError};

/// An account as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: Uuid,
    /// Where it stands in lists; the next page goes on after it.
    pub place: u64,
    /// Under which address its owner logs in.
    pub email: String,
    /// What its owner may do.
    pub role: Role,
    /// Whether a password was chosen.
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was closed, if it was.
    pub closed_at: Option<Timestamp>,
    /// How many times it was changed, from 1.
    pub version: u64,
}

/// Which accounts are wanted: those that fit all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountsFilter {
    /// Of this role, by its word.
    pub role: Option<&'static str>,
    /// About this advisor's clients and portfolios.
    pub advisor: Option<AdvisorId>,
}

struct Record {
    id: Uuid,
    place: i64,
    email: String,
    role: String,
    advisor: Option<Uuid>,
    has_password: bool,
    created_at: SqlTimestamp,
    closed_at: Option<SqlTimestamp>,
    version: i64,
}

impl TryFrom<Record> for Account {
    type Error = VaultError;

    fn try_from(record: Record) -> Result<Self, VaultError> {
        Ok(Self {
            id: record.id,
            place: record.place.unsigned_abs(),
            email: record.email,
            role: Role::stored(record.role, record.advisor)?,
            has_password: record.has_password,
            created_at: record.created_at.to_jiff(),
            closed_at: record.closed_at.map(SqlTimestamp::to_jiff),
            version: record.version.unsigned_abs(),
        })
    }
}

/// The accounts of which this holds.
macro_rules! accounts {
    ($which:tt, $($value:expr),*) => {
        sqlx::query_as!(
            Record,
            r#"select id, place, email, role, advisor as "advisor?", password is not null as "has_password!",
                      created_at as "created_at: SqlTimestamp", closed_at as "closed_at?: SqlTimestamp", version
               from vault.accounts where "# + $which,
            $($value),*
        )
    };
}

impl Account {
    /// The account with this id, which is there.
    pub(super) async fn of(connection: &mut PgConnection, id: Uuid) -> Result<Self, VaultError> {
        accounts!("id = $1", id).fetch_one(connection).await?.try_into()
    }
}

impl Vault {
    /// The account with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn account(&self, id: Uuid) -> Result<Option<Account>, VaultError> {
        accounts!("id = $1", id).fetch_optional(&self.pool).await?.map(Account::try_from).transpose()
    }

    /// Accounts that fit the filter in the order in which they were made, from behind this place on, so many at the most.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn accounts(
        &self,
        filter: AccountsFilter,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Account>, VaultError> {
        let AccountsFilter { role, advisor } = filter;
        let (after, limit) = (after_place(after), i64::from(limit));
        // One statement for each index: with `$1 is null or ...` a kept plan reads the whole table.
        let records = match (advisor.map(AdvisorId::uuid), role) {
            (Some(advisor), None | Some("advisor")) => {
                let which = accounts!("place > $1 and advisor = $3 order by place limit $2", after, limit, advisor);
                which.fetch_all(&self.pool).await?
            }
            // No other account is about an advisor.
            (Some(_), Some(_)) => Vec::new(),
            // Few are administrators among many advisors, or many: the statement says which, so that the planner knows.
            (None, Some("admin")) => {
                let which = accounts!("place > $1 and role = 'admin' order by place limit $2", after, limit);
                which.fetch_all(&self.pool).await?
            }
            (None, Some("advisor")) => {
                let which = accounts!("place > $1 and role = 'advisor' order by place limit $2", after, limit);
                which.fetch_all(&self.pool).await?
            }
            (None, Some("compliance")) => {
                let which = accounts!("place > $1 and role = 'compliance' order by place limit $2", after, limit);
                which.fetch_all(&self.pool).await?
            }
            (None, Some(_)) => Vec::new(),
            (None, None) => accounts!("place > $1 order by place limit $2", after, limit).fetch_all(&self.pool).await?,
        };
        records.into_iter().map(Account::try_from).collect()
    }
}
