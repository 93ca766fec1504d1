//! Clients: whose they are, and their identity, sealed as in the log.

use std::collections::BTreeMap;

use events::client::ClientEvent;
use events::values::{AdvisorId, AggregateId, ClientId, EventId, Sealed, SealedIdentity};
use events::{AnyEvent, Position, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool, query, query_as};
use uuid::Uuid;

use crate::columns::{damaged, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::page::Page;

/// Clients that a batch put on their advisors' lists.
#[derive(Debug, Default)]
pub struct Registered(BTreeMap<ClientId, Registration>);

#[derive(Debug)]
struct Registration {
    advisor: AdvisorId,
    identity: SealedIdentity,
    registered_at: Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl Changes for Registered {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Client(event) = &applied.event else { return Ok(()) };
        let id = ClientId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        match event {
            ClientEvent::Registered { advisor, identity } => {
                let registration = Registration {
                    advisor: *advisor,
                    identity: identity.clone(),
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
        let advisors: Vec<Uuid> = self.0.values().map(|row| row.advisor.uuid()).collect();
        let sealed_for: Vec<Uuid> = self.0.values().map(|row| row.identity.sealed_for.uuid()).collect();
        let key_versions: Vec<i64> = self.0.values().map(|row| i64::from(row.identity.key_version)).collect();
        let names: Vec<&[u8]> = self.0.values().map(|row| row.identity.name.bytes()).collect();
        let emails: Vec<&[u8]> = self.0.values().map(|row| row.identity.email.bytes()).collect();
        let times: Vec<_> = self.0.values().map(|row| row.registered_at.to_sqlx()).collect();
        let created: Vec<i64> = self.0.values().map(|row| row.created_position).collect();
        let versions: Vec<i64> = self.0.values().map(|row| row.version).collect();
        let positions: Vec<i64> = self.0.values().map(|row| row.position).collect();
        query!(
            "INSERT INTO clients AS c (id, advisor, sealed_for, key_version, sealed_name, sealed_email, registered_at,
                                       created_position, version, position)
             SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bytea[], $6::bytea[],
                                  $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bigint[])
             ON CONFLICT (id) DO UPDATE
             SET advisor = excluded.advisor, sealed_for = excluded.sealed_for, key_version = excluded.key_version,
                 sealed_name = excluded.sealed_name, sealed_email = excluded.sealed_email,
                 registered_at = excluded.registered_at, created_position = excluded.created_position,
                 version = excluded.version, position = excluded.position
             WHERE c.position < excluded.position",
            &ids,
            &advisors,
            &sealed_for,
            &key_versions,
            &names as _,
            &emails as _,
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

/// A client as the list has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRow {
    /// Who it is.
    pub id: ClientId,
    /// Whose client it is.
    pub advisor: AdvisorId,
    /// Name and e-mail address, sealed.
    pub identity: SealedIdentity,
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
    advisor: Uuid,
    sealed_for: Uuid,
    key_version: i64,
    sealed_name: Vec<u8>,
    sealed_email: Vec<u8>,
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
        Ok(Self {
            id: ClientId::new(record.id),
            advisor: AdvisorId::new(record.advisor),
            identity: SealedIdentity {
                sealed_for: EventId::new(record.sealed_for),
                key_version,
                name: Sealed::new(record.sealed_name),
                email: Sealed::new(record.sealed_email),
            },
            registered_at: record.registered_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// The client with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: ClientId) -> Result<Option<ClientRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, advisor, sealed_for, key_version, sealed_name, sealed_email,
                  registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version, position
           FROM clients WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(ClientRow::try_from)
    .transpose()
}

/// Clients in the order of their registration: of one advisor, or of all.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, advisor: Option<AdvisorId>, page: Page) -> Result<Vec<ClientRow>, sqlx::Error> {
    let records = match advisor {
        Some(advisor) => {
            query_as!(
                Record,
                r#"SELECT id, advisor, sealed_for, key_version, sealed_name, sealed_email,
                          registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version, position
                   FROM clients WHERE advisor = $1 AND created_position > $2 ORDER BY created_position LIMIT $3"#,
                advisor.uuid(),
                page.after(),
                page.limit()
            )
            .fetch_all(pool)
            .await?
        }
        None => {
            query_as!(
                Record,
                r#"SELECT id, advisor, sealed_for, key_version, sealed_name, sealed_email,
                          registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version, position
                   FROM clients WHERE created_position > $1 ORDER BY created_position LIMIT $2"#,
                page.after(),
                page.limit()
            )
            .fetch_all(pool)
            .await?
        }
    };
    records.into_iter().map(ClientRow::try_from).collect()
}
