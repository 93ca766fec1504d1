//! What handlers work with. Each takes only what it names in its signature.

use axum::extract::FromRef;
use jiff::Timestamp;
use journal::Journal;
use projections::{Checkpoints, PriceCache};
use sqlx::PgPool;
use vault::Vault;

use crate::Api;
use crate::desk::Desk;
use crate::references::References;

/// Tells the time: the edge reads the clock, nobody behind it does.
#[derive(Clone, Copy)]
pub struct Clock(pub fn() -> Timestamp);

impl Clock {
    /// The time now.
    #[must_use]
    pub fn now(self) -> Timestamp {
        (self.0)()
    }
}

/// The parts that handlers choose from.
#[derive(Clone, FromRef)]
pub struct Parts {
    journal: Journal,
    pool: PgPool,
    vault: Vault,
    checkpoints: Checkpoints,
    prices: PriceCache,
    references: References,
    clock: Clock,
    desk: Desk,
}

impl Parts {
    /// The parts of this service. Starts the tasks that watch checkpoints and follow prices.
    #[must_use]
    pub fn new(api: &Api) -> Self {
        let checkpoints = Checkpoints::watch(api.pool.clone());
        let (journal, pool, bytes_max) = (api.journal.clone(), api.pool.clone(), api.limits.price_cache_bytes_max);
        Self {
            prices: PriceCache::start(journal, pool, checkpoints.clone(), bytes_max),
            journal: api.journal.clone(),
            pool: api.pool.clone(),
            vault: api.vault.clone(),
            checkpoints,
            references: References::new(api.journal.clone(), api.pool.clone()),
            clock: Clock(api.clock),
            desk: Desk::new(&api.limits),
        }
    }
}
