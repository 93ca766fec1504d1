//! Clients as the lists have them now, and queries.

use events::suitability::Profile;
use events::values::{AdvisorId, ClientId, EventId, Sealed, SealedIdentity};
use events::{Position, Stream};
use jiff::Timestamp;
use sqlx::{PgPool, query_as};
use uuid::Uuid;

use crate::columns::{damaged, natural, position};
use crate::page::{Page, page_of, page_of_each};

/// Whether a client is advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are.
    Active,
    /// Not any more.
    Removed,
}

impl Standing {
    /// The standing in one word: `active`, `removed`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Removed => "removed",
        }
    }

    /// The standing with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Removed].into_iter().find(|standing| standing.word() == word)
    }
}

/// A client as the list has them.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientRow {
    /// Who it is.
    pub id: ClientId,
    /// Whose client it is.
    pub advisor: AdvisorId,
    /// Name and e-mail address, sealed.
    pub identity: SealedIdentity,
    /// The risk profile as events show it; `None` where nobody has asked.
    pub profile: Option<serde_json::Value>,
    /// Whether they are advised.
    pub standing: Standing,
    /// When they were registered.
    pub registered_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

pub(super) fn profile_to_json(profile: &Profile) -> Result<String, sqlx::Error> {
    serde_json::to_string(profile).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

pub(super) fn profile_to_value(profile: &Profile) -> Result<serde_json::Value, sqlx::Error> {
    serde_json::to_value(profile).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

struct Record {
    id: Uuid,
    advisor: Uuid,
    sealed_for: Uuid,
    key_version: i64,
    sealed_name: Vec<u8>,
    sealed_email: Vec<u8>,
    profile: Option<serde_json::Value>,
    standing: String,
    registered_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for ClientRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let key_version = u32::try_from(record.key_version)
            .map_err(|_| damaged(format!("{} is no version of a key", record.key_version)))?;
        let standing = Standing::parse(&record.standing);
        Ok(Self {
            id: ClientId::new(record.id),
            advisor: AdvisorId::new(record.advisor),
            identity: SealedIdentity {
                sealed_for: EventId::new(record.sealed_for),
                key_version,
                name: Sealed::new(record.sealed_name),
                email: Sealed::new(record.sealed_email),
            },
            profile: record.profile,
            standing: standing.ok_or_else(|| damaged(format!("`{}` is no standing", record.standing)))?,
            registered_at: record.registered_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// Which clients are wanted: those that fit all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this advisor.
    pub advisor: Option<AdvisorId>,
    /// Who stand so.
    pub standing: Option<Standing>,
}

impl Filter {
    /// Whether the row is one of those.
    #[must_use]
    pub fn fits(&self, row: &ClientRow) -> bool {
        self.advisor.is_none_or(|advisor| advisor == row.advisor)
            && self.standing.is_none_or(|standing| standing == row.standing)
    }
}

/// The client with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: ClientId) -> Result<Option<ClientRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, advisor, sealed_for, key_version, sealed_name, sealed_email, profile, standing,
                  registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version, position
           FROM clients WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(ClientRow::try_from)
    .transpose()
}

/// Whose client this is, and where their last event stands.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn owner(pool: &PgPool, id: ClientId) -> Result<Option<(AdvisorId, u64)>, sqlx::Error> {
    let row = sqlx::query!("SELECT advisor, position FROM clients WHERE id = $1", id.uuid());
    let row = row.fetch_optional(pool).await?;
    row.map(|row| Ok((AdvisorId::new(row.advisor), natural(row.position)?))).transpose()
}

/// What this macro makes of the columns of a row: sqlx reads statements from literals alone.
macro_rules! clients {
    ($of:ident, $pool:expr, $page:expr, $($rest:tt)*) => {
        $of!(
            Record,
            $pool,
            $page,
            r#"SELECT id AS "id!", advisor AS "advisor!", sealed_for AS "sealed_for!", key_version AS "key_version!",
                      sealed_name AS "sealed_name!", sealed_email AS "sealed_email!", profile, standing AS "standing!",
                      registered_at AS "registered_at!: jiff_sqlx::Timestamp", created_position AS "created_position!",
                      version AS "version!", position AS "position!""#,
            $($rest)*
        )
    };
}

/// A page of the clients of one standing of whom this holds.
macro_rules! page_of_one {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        clients!(page_of, $pool, $page, " FROM clients", $which $(, $value)*)
    };
}

/// A page of the clients of either standing of whom this holds.
macro_rules! page_of_both {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        clients!(
            page_of_each,
            $pool,
            $page,
            "FROM clients",
            [" WHERE standing = 'active'", " WHERE standing = 'removed'"],
            $which
            $(, $value)*
        )
    };
}

/// The clients that fit the filter, in the page's order.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, filter: Filter, page: Page) -> Result<Vec<ClientRow>, sqlx::Error> {
    let Filter { advisor, standing } = filter;
    let word = standing.map(Standing::word);
    // One statement for each index: with `$1 IS NULL OR ...` a kept plan reads the whole table.
    let records = match (advisor.map(AdvisorId::uuid), standing) {
        (Some(advisor), Some(_)) => page_of_one!(pool, page, "AND advisor = $3 AND standing = $4", advisor, word),
        (Some(advisor), None) => page_of_both!(pool, page, "AND advisor = $3", advisor),
        // These two indexes are of one standing each, so the statement has to say which.
        (None, Some(Standing::Active)) => page_of_one!(pool, page, "AND standing = 'active'"),
        (None, Some(Standing::Removed)) => page_of_one!(pool, page, "AND standing = 'removed'"),
        (None, None) => page_of_both!(pool, page, ""),
    };
    records?.into_iter().map(ClientRow::try_from).collect()
}
