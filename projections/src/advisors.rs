//! Advisors: the register. What a batch changes in it above, queries under `advisors/rows.rs`.

mod rows;

use std::collections::BTreeMap;

use events::AnyEvent;
use events::advisor::{AdvisorDetails, AdvisorEvent, Standing};
use events::values::{AdvisorId, AggregateId, Currency, Firm, Name, Sought};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::columns::{kept, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::replay::Replays;

pub use rows::{AdvisorRow, Filter, get, list, of_firm};

/// Advisors that a batch put on the register or changed there.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<AdvisorId, Change>);

/// What a batch changes of one advisor. `None` is what it leaves alone.
#[derive(Debug, Default)]
struct Change {
    registered: Option<(Timestamp, i64)>,
    details: Option<AdvisorDetails>,
    standing: Option<(Standing, Option<String>)>,
    version: i64,
    position: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Advisor(event) = &applied.event else { return Ok(()) };
        let id = AdvisorId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let change = self.0.entry(id).or_default();
        let because = |reason: &events::values::Note| Some(reason.as_str().to_owned());
        match event {
            AdvisorEvent::Registered(details) => {
                change.registered = Some((applied.time, applied.sequence));
                change.details = Some(details.clone());
                change.standing = Some((Standing::Active, None));
            }
            AdvisorEvent::Edited(details) => change.details = Some(details.clone()),
            AdvisorEvent::Suspended { reason } => change.standing = Some((Standing::Suspended, because(reason))),
            AdvisorEvent::Reinstated { reason } => change.standing = Some((Standing::Active, because(reason))),
            AdvisorEvent::Removed { reason } => change.standing = Some((Standing::Removed, because(reason))),
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

/// The columns of details and standing, each as long as the changes; `None` where a change leaves one alone.
struct Columns<'a> {
    names: Vec<Option<&'a str>>,
    names_sought: Vec<Option<String>>,
    firms: Vec<Option<&'a str>>,
    firms_sought: Vec<Option<String>>,
    firm_keys: Vec<Option<String>>,
    regimes: Vec<Option<&'a str>>,
    registrations: Vec<Option<&'a str>>,
    languages: Vec<Option<&'a str>>,
    currencies: Vec<Option<String>>,
    standings: Vec<Option<&'a str>>,
    reasons: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(changes: &'a [(AdvisorId, Change)]) -> Self {
        fn column<'a, T>(
            changes: &'a [(AdvisorId, Change)],
            value: impl Fn(&'a AdvisorDetails) -> Option<T>,
        ) -> Vec<Option<T>> {
            changes.iter().map(|(_, change)| change.details.as_ref().and_then(&value)).collect()
        }
        let standings = || changes.iter().map(|(_, change)| change.standing.as_ref());
        let sought = |name: &Name| Some(Sought::of(name.as_str()).into_string());
        Self {
            names: column(changes, |details| Some(details.name.as_str())),
            names_sought: column(changes, |details| sought(&details.name)),
            firms: column(changes, |details| Some(details.firm.as_str())),
            firms_sought: column(changes, |details| sought(&details.firm)),
            firm_keys: column(changes, |details| Some(Firm::named(&details.firm).as_str().to_owned())),
            regimes: column(changes, |details| Some(details.regime.word())),
            registrations: column(changes, |details| details.registration.as_ref().map(|number| number.as_str())),
            languages: column(changes, |details| Some(details.language.tag())),
            currencies: column(changes, |details| details.currency.as_ref().map(Currency::to_string)),
            standings: standings().map(|standing| standing.map(|(standing, _)| standing.word())).collect(),
            reasons: standings().map(|standing| standing.and_then(|(_, reason)| reason.as_deref())).collect(),
        }
    }
}

async fn insert(changes: &[(AdvisorId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let columns = Columns::of(changes);
    let registered = || changes.iter().filter_map(|(_, change)| change.registered);
    let times: Vec<_> = registered().map(|(time, _)| time.to_sqlx()).collect();
    let created: Vec<i64> = registered().map(|(_, position)| position).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO advisors AS a (id, name, firm, regime, registration, language, currency, standing, standing_reason,
                                    registered_at, created_position, version, position, firm_key, name_sought,
                                    firm_sought)
         SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                              $8::text[], $9::text[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::bigint[],
                              $14::text[], $15::text[], $16::text[])
         ON CONFLICT (id) DO UPDATE
         SET name = excluded.name, firm = excluded.firm, regime = excluded.regime,
             registration = excluded.registration, language = excluded.language, currency = excluded.currency,
             standing = excluded.standing, standing_reason = excluded.standing_reason,
             registered_at = excluded.registered_at, created_position = excluded.created_position,
             version = excluded.version, position = excluded.position, firm_key = excluded.firm_key,
             name_sought = excluded.name_sought, firm_sought = excluded.firm_sought
         WHERE a.position < excluded.position",
        &ids,
        &columns.names as _,
        &columns.firms as _,
        &columns.regimes as _,
        &columns.registrations as _,
        &columns.languages as _,
        &columns.currencies as _,
        &columns.standings as _,
        &columns.reasons as _,
        &times as _,
        &created,
        &versions,
        &positions,
        &columns.firm_keys as _,
        &columns.names_sought as _,
        &columns.firms_sought as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes advisors who are on the register; a change of one who never was has no row to change.
async fn update(changes: &[(AdvisorId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let columns = Columns::of(changes);
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    // Whoever edits says all details, so a name among them tells that empty ones are meant.
    query!(
        "UPDATE advisors a
         SET name = COALESCE(c.name, a.name), firm = COALESCE(c.firm, a.firm),
             firm_key = COALESCE(c.firm_key, a.firm_key), name_sought = COALESCE(c.name_sought, a.name_sought),
             firm_sought = COALESCE(c.firm_sought, a.firm_sought), regime = COALESCE(c.regime, a.regime),
             registration = CASE WHEN c.name IS NULL THEN a.registration ELSE c.registration END,
             language = COALESCE(c.language, a.language),
             currency = CASE WHEN c.name IS NULL THEN a.currency ELSE c.currency END,
             standing = COALESCE(c.standing, a.standing),
             standing_reason = CASE WHEN c.standing IS NULL THEN a.standing_reason ELSE c.reason END,
             version = c.version, position = c.position
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::text[])
              AS c (id, name, firm, regime, registration, language, currency, standing, reason, version, position,
                    firm_key, name_sought, firm_sought)
         WHERE a.id = c.id AND a.position < c.position",
        &ids,
        &columns.names as _,
        &columns.firms as _,
        &columns.regimes as _,
        &columns.registrations as _,
        &columns.languages as _,
        &columns.currencies as _,
        &columns.standings as _,
        &columns.reasons as _,
        &versions,
        &positions,
        &columns.firm_keys as _,
        &columns.names_sought as _,
        &columns.firms_sought as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Replays for Changed {
    type Row = AdvisorRow;

    fn rows(self) -> Result<Vec<AdvisorRow>, sqlx::Error> {
        let row = |(id, change): (AdvisorId, Change)| {
            let (Some((registered_at, created)), Some(details), Some((standing, standing_reason))) =
                (change.registered, change.details, change.standing)
            else {
                return Ok(None);
            };
            Ok(Some(AdvisorRow {
                id,
                details,
                standing,
                standing_reason,
                registered_at: kept(registered_at),
                created_position: natural(created)?,
                version: natural(change.version)?,
                position: position(events::Stream::Advisory, change.position)?,
            }))
        };
        self.0.into_iter().filter_map(|change| row(change).transpose()).collect()
    }
}
