//! Clients: whose they are, which risk they may be advised to take, and their identity, sealed as in the log. What a
//! batch changes above, queries under `clients/rows.rs`.

mod rows;

use std::collections::BTreeMap;

use events::AnyEvent;
use events::client::ClientEvent;
use events::suitability::Profile;
use events::values::{AdvisorId, AggregateId, ClientId, SealedIdentity};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::columns::{kept, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::replay::Replays;

pub use rows::{ClientRow, Filter, Standing, get, list, owner};

/// Clients that a batch put on their advisors' lists or changed there.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<ClientId, Change>);

/// What a batch changes of one client. `None` is what it leaves alone.
#[derive(Debug, Default)]
struct Change {
    registered: Option<(Timestamp, i64)>,
    advisor: Option<AdvisorId>,
    identity: Option<SealedIdentity>,
    profile: Option<Profile>,
    standing: Option<Standing>,
    version: i64,
    position: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Client(event) = &applied.event else { return Ok(()) };
        let id = ClientId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let change = self.0.entry(id).or_default();
        match event {
            ClientEvent::Registered { advisor, identity } => {
                change.registered = Some((applied.time, applied.sequence));
                change.advisor = Some(*advisor);
                change.identity = Some(identity.clone());
                change.standing = Some(Standing::Active);
            }
            ClientEvent::IdentityChanged { identity } => change.identity = Some(identity.clone()),
            ClientEvent::HandedOver { to, .. } => change.advisor = Some(*to),
            ClientEvent::Profiled(profile) => change.profile = Some(profile.clone()),
            ClientEvent::Removed { .. } => change.standing = Some(Standing::Removed),
        }
        change.version = applied.version;
        change.position = applied.sequence;
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (new, known): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(_, change)| change.registered.is_some());
        insert(&new, connection).await?;
        update(&known, connection).await
    }
}

/// Columns, each as long as the changes; `None` where a change leaves one alone.
struct Columns<'a> {
    advisors: Vec<Option<Uuid>>,
    sealed_for: Vec<Option<Uuid>>,
    key_versions: Vec<Option<i64>>,
    names: Vec<Option<&'a [u8]>>,
    emails: Vec<Option<&'a [u8]>>,
    profiles: Vec<Option<String>>,
    standings: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(changes: &'a [(ClientId, Change)]) -> Result<Self, sqlx::Error> {
        fn column<'a, T>(changes: &'a [(ClientId, Change)], value: impl Fn(&'a SealedIdentity) -> T) -> Vec<Option<T>> {
            changes.iter().map(|(_, change)| change.identity.as_ref().map(&value)).collect()
        }
        let profile = |profile: &Profile| rows::profile_to_json(profile);
        let profiles = changes.iter().map(|(_, change)| change.profile.as_ref().map(profile).transpose());
        Ok(Self {
            advisors: changes.iter().map(|(_, change)| change.advisor.map(AdvisorId::uuid)).collect(),
            sealed_for: column(changes, |identity| identity.sealed_for.uuid()),
            key_versions: column(changes, |identity| i64::from(identity.key_version)),
            names: column(changes, |identity| identity.name.bytes()),
            emails: column(changes, |identity| identity.email.bytes()),
            profiles: profiles.collect::<Result<_, _>>()?,
            standings: changes.iter().map(|(_, change)| change.standing.map(Standing::word)).collect(),
        })
    }
}

async fn insert(changes: &[(ClientId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let columns = Columns::of(changes)?;
    let registered = || changes.iter().filter_map(|(_, change)| change.registered);
    let times: Vec<_> = registered().map(|(time, _)| time.to_sqlx()).collect();
    let created: Vec<i64> = registered().map(|(_, position)| position).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO clients AS c (id, advisor, sealed_for, key_version, sealed_name, sealed_email, profile, standing,
                                   registered_at, created_position, version, position)
         SELECT id, advisor, sealed_for, key_version, sealed_name, sealed_email, profile::jsonb, standing,
                registered_at, created_position, version, position
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bytea[], $6::bytea[], $7::text[],
                     $8::text[], $9::timestamptz[], $10::bigint[], $11::bigint[], $12::bigint[])
              AS n (id, advisor, sealed_for, key_version, sealed_name, sealed_email, profile, standing, registered_at,
                    created_position, version, position)
         ON CONFLICT (id) DO UPDATE
         SET advisor = excluded.advisor, sealed_for = excluded.sealed_for, key_version = excluded.key_version,
             sealed_name = excluded.sealed_name, sealed_email = excluded.sealed_email, profile = excluded.profile,
             standing = excluded.standing, registered_at = excluded.registered_at,
             created_position = excluded.created_position, version = excluded.version, position = excluded.position
         WHERE c.position < excluded.position",
        &ids,
        &columns.advisors as _,
        &columns.sealed_for as _,
        &columns.key_versions as _,
        &columns.names as _,
        &columns.emails as _,
        &columns.profiles as _,
        &columns.standings as _,
        &times as _,
        &created,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes clients who are on a list; a change of one who never was has no row to change.
async fn update(changes: &[(ClientId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let columns = Columns::of(changes)?;
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "UPDATE clients c
         SET advisor = COALESCE(n.advisor, c.advisor), sealed_for = COALESCE(n.sealed_for, c.sealed_for),
             key_version = COALESCE(n.key_version, c.key_version),
             sealed_name = COALESCE(n.sealed_name, c.sealed_name),
             sealed_email = COALESCE(n.sealed_email, c.sealed_email),
             profile = COALESCE(n.profile::jsonb, c.profile), standing = COALESCE(n.standing, c.standing),
             version = n.version, position = n.position
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bytea[], $6::bytea[], $7::text[],
                     $8::text[], $9::bigint[], $10::bigint[])
              AS n (id, advisor, sealed_for, key_version, sealed_name, sealed_email, profile, standing, version,
                    position)
         WHERE c.id = n.id AND c.position < n.position",
        &ids,
        &columns.advisors as _,
        &columns.sealed_for as _,
        &columns.key_versions as _,
        &columns.names as _,
        &columns.emails as _,
        &columns.profiles as _,
        &columns.standings as _,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Replays for Changed {
    type Row = ClientRow;

    fn rows(self) -> Result<Vec<ClientRow>, sqlx::Error> {
        let row = |(id, change): (ClientId, Change)| {
            let (Some((registered_at, created)), Some(advisor), Some(identity), Some(standing)) =
                (change.registered, change.advisor, change.identity, change.standing)
            else {
                return Ok(None);
            };
            let profile = change.profile.as_ref().map(rows::profile_to_value).transpose()?;
            Ok(Some(ClientRow {
                id,
                advisor,
                identity,
                profile,
                standing,
                registered_at: kept(registered_at),
                created_position: natural(created)?,
                version: natural(change.version)?,
                position: position(events::Stream::Advisory, change.position)?,
            }))
        };
        self.0.into_iter().filter_map(|change| row(change).transpose()).collect()
    }
}
