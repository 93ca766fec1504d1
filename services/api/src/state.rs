//! What handlers work with. Each takes only what it names in its signature.

use std::sync::Arc;

use axum::extract::FromRef;
use jiff::Timestamp;
use journal::Journal;
use projections::Checkpoints;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use vault::Vault;

use crate::Api;
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

/// Room for computations: they hold a core for long, so only as many run as there is room for.
#[derive(Clone)]
pub struct Desk(pub Arc<Semaphore>);

/// The parts that handlers choose from. Each request clones them all, so they stand behind one count.
#[derive(Clone)]
pub struct Parts(Arc<All>);

struct All {
    journal: Journal,
    pool: PgPool,
    vault: Vault,
    checkpoints: Checkpoints,
    references: References,
    clock: Clock,
    desk: Desk,
}

impl Parts {
    /// The parts of this service. Starts the one task that watches checkpoints.
    #[must_use]
    pub fn new(api: &Api) -> Self {
        Self(Arc::new(All {
            journal: api.journal.clone(),
            pool: api.pool.clone(),
            vault: api.vault.clone(),
            checkpoints: Checkpoints::watch(api.pool.clone()),
            references: References::new(api.journal.clone(), api.pool.clone()),
            clock: Clock(api.clock),
            desk: Desk(Arc::new(Semaphore::new(api.limits.figures_at_once.max(1)))),
        }))
    }
}

macro_rules! parts {
    ($($field:ident: $part:ty),* $(,)?) => {
        $(impl FromRef<Parts> for $part {
            fn from_ref(parts: &Parts) -> Self {
                parts.0.$field.clone()
            }
        })*
    };
}

parts! {
    journal: Journal,
    pool: PgPool,
    vault: Vault,
    checkpoints: Checkpoints,
    references: References,
    clock: Clock,
    desk: Desk,
}
