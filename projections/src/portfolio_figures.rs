//! The figures of every portfolio, kept current by [`crate::analyze`]: whose weights, which prices, which definitions.
//!
//! What a batch of portfolios' events changes stands here, as for any read model. Rows that it leaves stale are computed
//! in the same transaction, before anybody can see them.

mod computed;
mod rows;

use std::collections::BTreeMap;

use events::AnyEvent;
use events::portfolio::{Composition, PortfolioEvent};
use events::values::{AdvisorId, AggregateId, PortfolioId};
use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::columns::allocation_arrays;
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};

pub use computed::kept;
pub(crate) use computed::{Due, Written, due, materials, write};
pub use rows::{FiguresRow, KeptFigures, get, list};

/// The read model's name, and that of its checkpoint in the advisory stream.
pub const NAME: &str = "portfolio_figures";
/// The name of its checkpoint in the market stream.
pub const PRICES: &str = "portfolio_figures_prices";

/// Portfolios that a batch composed or changed.
#[derive(Debug, Default)]
pub struct Allocated(BTreeMap<PortfolioId, Change>);

#[derive(Debug, Default)]
struct Change {
    creation: Option<Creation>,
    /// Whose it is now.
    advisor: Option<AdvisorId>,
    /// Assets and weights, as their columns are written; `None` where they stay.
    allocation: Option<(String, String)>,
    version: i64,
    position: i64,
}

#[derive(Debug)]
struct Creation {
    currency: String,
    position: i64,
}

impl Changes for Allocated {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Portfolio(event) = &applied.event else { return Ok(()) };
        let id = PortfolioId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let change = self.0.entry(id).or_default();
        match event {
            PortfolioEvent::Created(is) => {
                let Composition { advisor, currency, allocation, .. } = is.as_ref();
                let currency = currency.to_string();
                change.advisor = Some(*advisor);
                change.creation = Some(Creation { currency, position: applied.sequence });
                change.allocation = Some(allocation_arrays(allocation));
            }
            PortfolioEvent::Reallocated { allocation, .. } => change.allocation = Some(allocation_arrays(allocation)),
            PortfolioEvent::Subscribed { taken, .. } | PortfolioEvent::TakenOver { taken, .. } => {
                change.allocation = Some(allocation_arrays(&taken.allocation));
            }
            PortfolioEvent::HandedOver { to, .. } => change.advisor = Some(*to),
            // The version moves on, and the figures stay what they are.
            PortfolioEvent::Renamed { .. }
            | PortfolioEvent::Unsubscribed { .. }
            | PortfolioEvent::PolicySet { .. }
            | PortfolioEvent::Archived { .. }
            | PortfolioEvent::Restored { .. }
            | PortfolioEvent::Recommended { .. } => {}
        }
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
    let advisors = advisors(changes);
    let currencies: Vec<&str> = creations().map(|creation| creation.currency.as_str()).collect();
    let created: Vec<i64> = creations().map(|creation| creation.position).collect();
    let (assets, weights) = allocations(changes);
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO portfolio_figures AS p (portfolio, advisor, currency, assets, weights, created_position, version,
                                             position, stale)
         SELECT portfolio, advisor, currency, assets::text[], weights::numeric[], created_position, version, position,
                true
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
                     $8::bigint[])
              AS c (portfolio, advisor, currency, assets, weights, created_position, version, position)
         ON CONFLICT (portfolio) DO UPDATE
         SET advisor = excluded.advisor, currency = excluded.currency, assets = excluded.assets,
             weights = excluded.weights, created_position = excluded.created_position, version = excluded.version,
             position = excluded.position, stale = true
         WHERE p.position < excluded.position",
        &ids,
        &advisors as _,
        &currencies as _,
        &assets as _,
        &weights as _,
        &created,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes portfolios that exist. Their figures are due again only where the weights are others.
async fn update(changes: &[(PortfolioId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let advisors = advisors(changes);
    let (assets, weights) = allocations(changes);
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "UPDATE portfolio_figures p
         SET advisor = COALESCE(c.advisor, p.advisor), assets = COALESCE(c.assets::text[], p.assets),
             weights = COALESCE(c.weights::numeric[], p.weights), version = c.version, position = c.position,
             stale = p.stale OR (c.assets::text[], c.weights::numeric[]) IS DISTINCT FROM (p.assets, p.weights)
                                AND c.assets IS NOT NULL
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::uuid[])
              AS c (portfolio, assets, weights, version, position, advisor)
         WHERE p.portfolio = c.portfolio AND p.position < c.position",
        &ids,
        &assets as _,
        &weights as _,
        &versions,
        &positions,
        &advisors as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose portfolios are, where the changes say it.
fn advisors(changes: &[(PortfolioId, Change)]) -> Vec<Option<Uuid>> {
    changes.iter().map(|(_, change)| change.advisor.map(AdvisorId::uuid)).collect()
}

/// The columns of assets and weights.
fn allocations(changes: &[(PortfolioId, Change)]) -> (Vec<Option<&str>>, Vec<Option<&str>>) {
    let allocations = changes.iter().map(|(_, change)| change.allocation.as_ref());
    allocations
        .map(|allocation| allocation.map(|(assets, weights)| (assets.as_str(), weights.as_str())).unzip())
        .unzip()
}

/// Has the figures of all portfolios computed again that hold this asset: what is known of its prices has changed at a
/// position that was passed before.
pub(crate) async fn mark_stale(connection: &mut PgConnection, asset: &str) -> Result<(), sqlx::Error> {
    query!("UPDATE portfolio_figures SET stale = true WHERE assets && ARRAY[$1]::text[]", asset)
        .execute(connection)
        .await?;
    Ok(())
}
