//! Portfolios: what they are called and which weights they aim at.

use std::collections::BTreeMap;

use events::portfolio::PortfolioEvent;
use events::values::{AdvisorId, AggregateId, AssetId, PortfolioId};
use events::{AnyEvent, Position, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool, query, query_as};
use uuid::Uuid;

use crate::columns::{allocation_arrays, natural, position, targets};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::page::Page;

/// Portfolios that a batch composed or changed.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<PortfolioId, Change>);

/// What a batch changes in one portfolio. `None` is what it leaves alone.
#[derive(Debug)]
struct Change {
    creation: Option<Creation>,
    name: Option<String>,
    /// Assets and weights, as their columns are written.
    allocation: Option<(String, String)>,
    updated_at: Timestamp,
    version: i64,
    position: i64,
}

#[derive(Debug)]
struct Creation {
    advisor: AdvisorId,
    currency: String,
    created_at: Timestamp,
    created_position: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Portfolio(event) = &applied.event else { return Ok(()) };
        let id = PortfolioId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let change = self.0.entry(id).or_insert_with(|| Change {
            creation: None,
            name: None,
            allocation: None,
            updated_at: applied.time,
            version: 0,
            position: 0,
        });
        match event {
            PortfolioEvent::Created { advisor, name, currency, allocation } => {
                change.creation = Some(Creation {
                    advisor: *advisor,
                    currency: currency.to_string(),
                    created_at: applied.time,
                    created_position: applied.sequence,
                });
                change.name = Some(name.as_str().to_owned());
                change.allocation = Some(allocation_arrays(allocation));
            }
            PortfolioEvent::Renamed { name } => change.name = Some(name.as_str().to_owned()),
            PortfolioEvent::Reallocated { allocation, .. } => change.allocation = Some(allocation_arrays(allocation)),
            // It changes nothing but the portfolio's version, which the next edit has to name.
            PortfolioEvent::Recommended { .. } => {}
        }
        change.updated_at = applied.time;
        change.version = applied.version;
        change.position = applied.sequence;
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (created, known): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(_, change)| change.creation.is_some());
        insert(&created, connection).await?;
        update(&known, connection).await
    }
}

async fn insert(changes: &[(PortfolioId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let creations = || changes.iter().filter_map(|(_, change)| change.creation.as_ref());
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let advisors: Vec<Uuid> = creations().map(|creation| creation.advisor.uuid()).collect();
    let names: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.name.as_deref()).collect();
    let currencies: Vec<&str> = creations().map(|creation| creation.currency.as_str()).collect();
    let (assets, weights) = allocations(changes);
    let created_at: Vec<_> = creations().map(|creation| creation.created_at.to_sqlx()).collect();
    let updated_at: Vec<_> = changes.iter().map(|(_, change)| change.updated_at.to_sqlx()).collect();
    let created: Vec<i64> = creations().map(|creation| creation.created_position).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO portfolios AS p (id, advisor, name, currency, assets, weights, created_at, updated_at,
                                      created_position, version, position)
         SELECT id, advisor, name, currency, assets::text[], weights::numeric[], created_at, updated_at,
                created_position, version, position
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::timestamptz[], $9::bigint[], $10::bigint[], $11::bigint[])
              AS c (id, advisor, name, currency, assets, weights, created_at, updated_at, created_position, version,
                    position)
         ON CONFLICT (id) DO UPDATE
         SET advisor = excluded.advisor, name = excluded.name, currency = excluded.currency, assets = excluded.assets,
             weights = excluded.weights, created_at = excluded.created_at, updated_at = excluded.updated_at,
             created_position = excluded.created_position, version = excluded.version, position = excluded.position
         WHERE p.position < excluded.position",
        &ids,
        &advisors,
        &names as _,
        &currencies as _,
        &assets as _,
        &weights as _,
        &created_at as _,
        &updated_at as _,
        &created,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes portfolios that exist; a change of one that never began has no row to change.
async fn update(changes: &[(PortfolioId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let names: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.name.as_deref()).collect();
    let (assets, weights) = allocations(changes);
    let updated_at: Vec<_> = changes.iter().map(|(_, change)| change.updated_at.to_sqlx()).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "UPDATE portfolios p
         SET name = COALESCE(c.name, p.name), assets = COALESCE(c.assets::text[], p.assets),
             weights = COALESCE(c.weights::numeric[], p.weights), updated_at = c.updated_at, version = c.version,
             position = c.position
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bigint[])
              AS c (id, name, assets, weights, updated_at, version, position)
         WHERE p.id = c.id AND p.position < c.position",
        &ids,
        &names as _,
        &assets as _,
        &weights as _,
        &updated_at as _,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The columns of assets and weights.
fn allocations(changes: &[(PortfolioId, Change)]) -> (Vec<Option<&str>>, Vec<Option<&str>>) {
    let allocations = changes.iter().map(|(_, change)| change.allocation.as_ref());
    allocations
        .map(|allocation| allocation.map(|(assets, weights)| (assets.as_str(), weights.as_str())).unzip())
        .unzip()
}

/// A portfolio as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortfolioRow {
    /// Which one.
    pub id: PortfolioId,
    /// Whose it is.
    pub advisor: AdvisorId,
    /// What it is called.
    pub name: String,
    /// In which currency it is kept: an ISO 4217 code.
    pub currency: String,
    /// Target weights as fractions, in the order of the assets' ids.
    pub allocation: Vec<(AssetId, Decimal)>,
    /// When it was composed.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
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
    name: String,
    currency: String,
    assets: Vec<String>,
    weights: Vec<Decimal>,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for PortfolioRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: PortfolioId::new(record.id),
            advisor: AdvisorId::new(record.advisor),
            name: record.name,
            currency: record.currency,
            allocation: targets(&record.assets, record.weights)?,
            created_at: record.created_at.to_jiff(),
            updated_at: record.updated_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// The portfolio with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: PortfolioId) -> Result<Option<PortfolioRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>", created_at AS "created_at: jiff_sqlx::Timestamp",
                  updated_at AS "updated_at: jiff_sqlx::Timestamp", created_position, version, position
           FROM portfolios WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(PortfolioRow::try_from)
    .transpose()
}

/// Portfolios in the order of their creation: of one advisor, or of all.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, advisor: Option<AdvisorId>, page: Page) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let records = match advisor {
        Some(advisor) => {
            query_as!(
                Record,
                r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>",
                          created_at AS "created_at: jiff_sqlx::Timestamp",
                          updated_at AS "updated_at: jiff_sqlx::Timestamp", created_position, version, position
                   FROM portfolios WHERE advisor = $1 AND created_position > $2 ORDER BY created_position LIMIT $3"#,
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
                r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>",
                          created_at AS "created_at: jiff_sqlx::Timestamp",
                          updated_at AS "updated_at: jiff_sqlx::Timestamp", created_position, version, position
                   FROM portfolios WHERE created_position > $1 ORDER BY created_position LIMIT $2"#,
                page.after(),
                page.limit()
            )
            .fetch_all(pool)
            .await?
        }
    };
    records.into_iter().map(PortfolioRow::try_from).collect()
}
