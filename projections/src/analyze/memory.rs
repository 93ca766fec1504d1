//! Prices in the analyst's memory: each column is what was known at the place in the market stream that it has come to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use events::values::{AssetId, Currency};
use futures::{StreamExt, TryStreamExt};
use sqlx::{PgPool, query};

use super::inputs::Touched;
use crate::columns::asset_id;
use crate::price_cache::{Column, LOADS_AT_ONCE, PRICE_CACHE_BYTES_MAX, Prices, load};
use crate::prices::AsOf;

/// Columns of assets about which nothing was said since they were loaded.
pub(super) struct Memory {
    known: u64,
    columns: moka::future::Cache<AssetId, Arc<Column>>,
}

/// What figures are computed from.
#[derive(Debug)]
pub(super) struct Material {
    pub prices: Prices,
    pub currencies: BTreeMap<AssetId, Currency>,
}

impl Memory {
    /// An empty memory at this place in the market stream.
    pub fn new(known: u64) -> Self {
        Self { known, columns: empty() }
    }

    /// Lets go of what was known of these assets.
    pub async fn forget(&mut self, touched: &Touched) {
        for asset in &touched.assets {
            self.columns.invalidate(asset).await;
        }
        if touched.first <= self.known + 1 {
            self.known = self.known.max(touched.last);
        }
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        self.columns = empty();
    }

    /// Comes to this place in the market stream. What happened on the way, where somebody else has gone it, was not seen.
    pub fn know(&mut self, sequence: u64) {
        if sequence != self.known {
            self.clear();
            self.known = sequence;
        }
    }

    /// Prices and currencies of these assets, as they were known at the place that it has come to.
    pub async fn material(&self, pool: &PgPool, assets: BTreeSet<AssetId>) -> Result<Material, Arc<sqlx::Error>> {
        let currencies = currencies(pool, &assets, self.known).await.map_err(Arc::new)?;
        let columns = futures::stream::iter(assets).map(async |asset| {
            let load = async { load(pool, &asset, AsOf::Sequence(self.known)).await.map(Arc::new) };
            let column = self.columns.try_get_with_by_ref(&asset, load).await?;
            Ok::<_, Arc<sqlx::Error>>((asset, column))
        });
        let columns: HashMap<_, _> = columns.buffer_unordered(LOADS_AT_ONCE).try_collect().await?;
        Ok(Material { prices: Prices(columns), currencies })
    }
}

fn empty() -> moka::future::Cache<AssetId, Arc<Column>> {
    moka::future::Cache::builder()
        .max_capacity(PRICE_CACHE_BYTES_MAX)
        .weigher(|_, column: &Arc<Column>| column.bytes())
        .eviction_policy(moka::policy::EvictionPolicy::lru())
        .build()
}

async fn currencies(
    pool: &PgPool,
    assets: &BTreeSet<AssetId>,
    known: u64,
) -> Result<BTreeMap<AssetId, Currency>, sqlx::Error> {
    let ids: Vec<&str> = assets.iter().map(AssetId::as_str).collect();
    let rows = query!(
        "SELECT id, currency FROM assets WHERE id = ANY($1::text[]) AND created_position <= $2",
        &ids as _,
        i64::try_from(known).unwrap_or(i64::MAX)
    )
    .fetch_all(pool)
    .await?;
    let known = rows.into_iter().map(|row| {
        let currency = Currency::parse(&row.currency).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok((asset_id(&row.id)?, currency))
    });
    known.collect()
}
