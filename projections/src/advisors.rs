//! Advisors: the register.

use std::collections::BTreeMap;

use events::advisor::AdvisorEvent;
use events::values::{AdvisorId, AggregateId};
use events::{AnyEvent, Position, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool, query, query_as};
use uuid::Uuid;

use crate::columns::{natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::page::Page;

/// Advisors that a batch put on the register.
#[derive(Debug, Default)]
pub struct Registered(BTreeMap<AdvisorId, Registration>);

#[derive(Debug)]
struct Registration {
    name: String,
    firm: String,
    registered_at: Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl Changes for Registered {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Advisor(event) = &applied.event else { return Ok(()) };
        let id = AdvisorId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        match event {
            AdvisorEvent::Registered { name, firm } => {
                let registration = Registration {
                    name: name.as_str().to_owned(),
                    firm: firm.as_str().to_owned(),
                    registered_at: applied.time,
                    created_position: applied.sequence,
                    version: applied.version,
                    position: applied.sequence,
                };
                self.0.insert(id, registration);
            }
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = self.0.keys().map(|id| id.uuid()).collect();
        let names: Vec<&str> = self.0.values().map(|row| row.name.as_str()).collect();
        let firms: Vec<&str> = self.0.values().map(|row| row.firm.as_str()).collect();
        let times: Vec<_> = self.0.values().map(|row| row.registered_at.to_sqlx()).collect();
        let created: Vec<i64> = self.0.values().map(|row| row.created_position).collect();
        let versions: Vec<i64> = self.0.values().map(|row| row.version).collect();
        let positions: Vec<i64> = self.0.values().map(|row| row.position).collect();
        query!(
            "INSERT INTO advisors AS a (id, name, firm, registered_at, created_position, version, position)
             SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[],
                                  $7::bigint[])
             ON CONFLICT (id) DO UPDATE
             SET name = excluded.name, firm = excluded.firm, registered_at = excluded.registered_at,
                 created_position = excluded.created_position, version = excluded.version, position = excluded.position
             WHERE a.position < excluded.position",
            &ids,
            &names as _,
            &firms as _,
            &times as _,
            &created,
            &versions,
            &positions
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// An advisor as the register has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvisorRow {
    /// Who it is.
    pub id: AdvisorId,
    /// The advisor's name.
    pub name: String,
    /// The advisor's firm.
    pub firm: String,
    /// When they were registered.
    pub registered_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

struct Record {
    id: Uuid,
    name: String,
    firm: String,
    registered_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for AdvisorRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: AdvisorId::new(record.id),
            name: record.name,
            firm: record.firm,
            registered_at: record.registered_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// The advisor with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: AdvisorId) -> Result<Option<AdvisorRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, name, firm, registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version,
                  position
           FROM advisors WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(AdvisorRow::try_from)
    .transpose()
}

/// Advisors in the order of their registration.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, page: Page) -> Result<Vec<AdvisorRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, name, firm, registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version,
                  position
           FROM advisors WHERE created_position > $1 ORDER BY created_position LIMIT $2"#,
        page.after(),
        page.limit()
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(AdvisorRow::try_from)
    .collect()
}
