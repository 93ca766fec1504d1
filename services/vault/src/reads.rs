//! Who read which client's name and address: written before the reader is answered, and kept for five years.

use events::values::{Actor, ClientId};
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use uuid::Uuid;

use crate::tokens::after_place;
use crate::{Vault, VaultError};

/// How long records are kept: five years, with as many leap days as they may have. The table itself lets go of none before.
pub const READS_KEPT_FOR: SignedDuration = SignedDuration::from_hours((5 * 365 + 2) * 24);
/// Old records that go with each new one: more than come, so that they do not pile up.
const FORGOTTEN_AT_ONCE: i64 = 200;

/// That somebody read a client's name and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRead {
    /// Where it stands in lists.
    pub place: u64,
    /// When.
    pub at: Timestamp,
    /// Who, as the log names them.
    pub actor: String,
    /// By which operation.
    pub operation: String,
    /// In which trace, where there was one.
    pub trace_id: Option<String>,
}

impl Vault {
    /// Records that the actor now reads these clients' names and addresses. Nobody may be told them before that is done.
    ///
    /// # Errors
    /// Where the database fails: then nothing may be told.
    pub async fn record_reads(
        &self,
        actor: &Actor,
        clients: &[ClientId],
        operation: &str,
        trace_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        if clients.is_empty() {
            return Ok(());
        }
        let clients: Vec<Uuid> = clients.iter().map(|client| client.uuid()).collect();
        let forgotten_before = now.checked_sub(READS_KEPT_FOR).unwrap_or(Timestamp::MIN);
        sqlx::query!(
            "with forgotten as (
                 delete from vault.client_reads where place in (
                     select place from vault.client_reads where at < $6 order by at limit $7))
             insert into vault.client_reads (at, actor, client, operation, trace_id)
             select $1, $2, client, $4, $5 from unnest($3::uuid[]) as read (client)",
            now.to_sqlx() as SqlTimestamp,
            actor.as_str(),
            &clients,
            operation,
            trace_id,
            forgotten_before.to_sqlx() as SqlTimestamp,
            FORGOTTEN_AT_ONCE,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Who read the client's name and address, in the order in which they did, from behind this place on, so many at the
    /// most.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reads_of(
        &self,
        client: ClientId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ClientRead>, VaultError> {
        let rows = sqlx::query!(
            r#"select place, at as "at: SqlTimestamp", actor, operation, trace_id
               from vault.client_reads where client = $1 and place > $2 order by place limit $3"#,
            client.uuid(),
            after_place(after),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        let reads = rows.into_iter().map(|row| ClientRead {
            place: row.place.unsigned_abs(),
            at: row.at.to_jiff(),
            actor: row.actor,
            operation: row.operation,
            trace_id: row.trace_id,
        });
        Ok(reads.collect())
    }
}
