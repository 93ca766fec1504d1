//! Closing prices in memory, a column for each asset: what computations read instead of PostgreSQL.
//!
//! A task follows the market stream and notes, for each asset, where its last event stands. A column is loaded from the
//! read model when it is asked for, under that position: once a later event is known, the column is another one and the
//! old one is no longer found. So a cached answer is exactly what the read model would have answered. Where this process
//! has not read as far as the read model, or the read model not as far as the asset's last event, nothing is taken from
//! memory.

mod prices;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use events::values::{AggregateId, AssetId};
use events::{Kind, Stream, Subject};
use futures::{StreamExt, TryStreamExt};
use journal::{Journal, ReadError};
use rust_decimal::prelude::ToPrimitive;
use sqlx::PgPool;
use tokio_util::task::AbortOnDropHandle;

use crate::checkpoint::Checkpoints;
use crate::prices::{AsOf, closes_as_of, interest};

pub use self::prices::{Column, NoTable, Prices};

/// Bytes that columns take at most where nothing else is said: 2,500 assets over 33 years.
pub const PRICE_CACHE_BYTES_MAX: u64 = 256 << 20;
/// Events that are read at once.
const EVENTS_AT_ONCE: usize = 500;
/// How long a read waits for the first event. It only bounds how long a lost connection goes unnoticed.
const READ_WAIT: Duration = Duration::from_secs(30);
/// The pause after the log could not be read.
const PAUSE: Duration = Duration::from_millis(500);
/// Columns of one request that are loaded at once.
pub(crate) const LOADS_AT_ONCE: usize = 4;

/// What the log told of assets.
#[derive(Debug, Default)]
struct Told {
    /// Up to where the log has been read.
    seen: AtomicU64,
    /// Where the last event of each asset stands: some fifty bytes for each asset that there is.
    last: RwLock<HashMap<AssetId, u64>>,
}

/// The cache. Cheap to clone; its task ends with the last clone.
#[derive(Clone)]
pub struct PriceCache {
    pool: PgPool,
    checkpoints: Checkpoints,
    told: Arc<Told>,
    columns: moka::future::Cache<(AssetId, u64), Arc<Column>>,
    loads: Arc<AtomicU64>,
    _reader: Arc<AbortOnDropHandle<()>>,
}

impl PriceCache {
    /// A cache with room for so many bytes. Starts the task that follows the log.
    #[must_use]
    pub fn start(journal: Journal, pool: PgPool, checkpoints: Checkpoints, bytes_max: u64) -> Self {
        let told = Arc::new(Told::default());
        let columns = moka::future::Cache::builder()
            .max_capacity(bytes_max)
            .weigher(|_, column: &Arc<Column>| column.bytes())
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build();
        let reader = AbortOnDropHandle::new(tokio::spawn(follow(journal, Arc::clone(&told))));
        Self { pool, checkpoints, told, columns, loads: Arc::default(), _reader: Arc::new(reader) }
    }

    /// The prices of these assets, as the read model has them. An asset without prices has an empty column.
    ///
    /// # Errors
    /// Where PostgreSQL was needed and does not answer.
    pub async fn prices(&self, assets: &[AssetId]) -> Result<Prices, Arc<sqlx::Error>> {
        let columns = futures::stream::iter(assets.iter().cloned())
            .map(async |asset| Ok::<_, Arc<sqlx::Error>>((asset.clone(), self.column(asset).await?)))
            .buffer_unordered(LOADS_AT_ONCE);
        Ok(Prices(columns.try_collect().await?))
    }

    /// How many columns were read from PostgreSQL so far.
    #[must_use]
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    async fn column(&self, asset: AssetId) -> Result<Arc<Column>, Arc<sqlx::Error>> {
        // First how far the read model is, then what it holds: what is loaded is never older than its key says.
        let reached = self.checkpoints.reached(Stream::Market).sequence;
        match self.last_event(&asset, reached) {
            Some(last) => {
                let load = async { self.load(&asset, AsOf::Now).await.map(Arc::new) };
                self.columns.try_get_with((asset.clone(), last), load).await
            }
            None => self.load(&asset, AsOf::Now).await.map(Arc::new).map_err(Arc::new),
        }
    }

    /// Where the asset's last event stands (0 where it has none), if both this process and the read model, which has
    /// `reached` so far, have seen it.
    fn last_event(&self, asset: &AssetId, reached: u64) -> Option<u64> {
        // A map that a panic left half-written cannot be: each change is one insertion.
        let last = self.told.last.read().unwrap_or_else(PoisonError::into_inner);
        if self.told.seen.load(Ordering::Acquire) < reached {
            return None;
        }
        let last = last.get(asset).copied().unwrap_or(0);
        (last <= reached).then_some(last)
    }

    /// As [`PriceCache::prices`], as they were known then. The past is read from the read model each time.
    ///
    /// # Errors
    /// Where PostgreSQL has to be asked and does not answer.
    pub async fn prices_as_of(&self, assets: &[AssetId], as_of: AsOf) -> Result<Prices, Arc<sqlx::Error>> {
        if as_of == AsOf::Now {
            return self.prices(assets).await;
        }
        let columns = futures::stream::iter(assets.iter().cloned())
            .map(async |asset| {
                let column = self.load(&asset, as_of).await.map_err(Arc::new)?;
                Ok::<_, Arc<sqlx::Error>>((asset, Arc::new(column)))
            })
            .buffer_unordered(LOADS_AT_ONCE);
        Ok(Prices(columns.try_collect().await?))
    }

    async fn load(&self, asset: &AssetId, as_of: AsOf) -> Result<Column, sqlx::Error> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        load(&self.pool, asset, as_of).await
    }
}

/// The column of an asset as the read model has it.
pub(crate) async fn load(pool: &PgPool, asset: &AssetId, as_of: AsOf) -> Result<Column, sqlx::Error> {
    if let Some(cash) = interest(pool, asset, as_of).await? {
        return Ok(Column::of_cash(cash));
    }
    let mut read = closes_as_of(pool, std::slice::from_ref(asset), None, None, as_of).await?;
    let bars = read.series.remove(asset).unwrap_or_default();
    let unfit = read.unfit.remove(asset);
    let unfit_until = unfit.as_ref().and_then(|unfit| Some((*unfit.days.last()?, unfit.why.clone())));
    let without = unfit.into_iter().flat_map(|unfit| unfit.days).map(|day| (day, f64::NAN));
    // A close without a float becomes "not a number", which a table refuses by name.
    let with = bars.into_iter().map(|(day, close)| (day, close.to_f64().unwrap_or(f64::NAN)));
    let (days, closes) = without.chain(with).unzip();
    Ok(Column { days, closes, unfit_until, position: read.position.sequence, cash: None })
}

/// Follows the market stream from its beginning, for ever.
async fn follow(journal: Journal, told: Arc<Told>) {
    loop {
        let after = told.seen.load(Ordering::Acquire);
        let Err(error) = read(&journal, after, &told).await;
        tracing::warn!(error = &error as &dyn std::error::Error, "the price cache reads the log anew");
        // What there is to wait for is a server that answers again, and it tells nobody.
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(journal: &Journal, after: u64, told: &Told) -> Result<std::convert::Infallible, ReadError> {
    let mut reader = journal.reader(Stream::Market, after).await?;
    loop {
        let batch = reader.next(EVENTS_AT_ONCE, READ_WAIT).await?;
        let Some(end) = batch.events.last().map(|event| event.position().sequence) else { continue };
        let mut last = told.last.write().unwrap_or_else(PoisonError::into_inner);
        for event in &batch.events {
            if let Some(asset) = asset_of(event.subject()) {
                last.insert(asset, event.position().sequence);
            }
        }
        // Inside the lock: whoever sees this position sees the map that goes with it.
        told.seen.store(end, Ordering::Release);
    }
}

/// The asset that an event on this subject is about, whatever it says: any of them may change what its prices are.
pub(crate) fn asset_of(subject: &str) -> Option<AssetId> {
    match Subject::parse(subject) {
        Ok((Kind::Asset, token)) => AssetId::from_token(token),
        _ => None,
    }
}
