//! What handlers work with. Each takes only what it names in its signature.

use std::sync::Arc;

use axum::extract::FromRef;
use jiff::Timestamp;
use journal::Journal;
use projections::{Checkpoints, PriceCache};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use vault::Vault;

use crate::Api;
use crate::access::{Callers, Door};
use crate::as_of::Past;
use crate::desk::Desk;
use crate::events::{Audience, Facts, LIST};
use crate::identities::Identities;
use crate::imports::UnderWay;
use crate::jobs::Jobs;
use crate::references::References;

/// Tells the time: the edge reads the clock, nobody behind it does.
#[derive(Clone, Copy)]
pub struct Clock(pub fn() -> Timestamp);

impl Clock {
    /// The time now, in whole microseconds: read models keep no more, and a time that was read must name its event.
    #[must_use]
    pub fn now(self) -> Timestamp {
        Timestamp::from_microsecond((self.0)().as_microsecond()).expect("a time without its last digits is in range")
    }
}

/// What a computation works with.
#[derive(Clone)]
pub struct Office {
    /// The prices.
    pub prices: PriceCache,
    /// What is known of assets, their currencies among it.
    pub references: References,
    /// The places at which computations run.
    pub desk: Desk,
    /// Computations that outlast their requests.
    pub jobs: Jobs,
}

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
    office: Office,
    door: Door,
    facts: Facts,
    identities: Identities,
    audience: Audience,
    past: Past,
    under_way: UnderWay,
}

impl Parts {
    /// The parts of this service, whose answers end where it is told to stop and whose imports it waits for then. Starts the
    /// tasks that watch checkpoints and follow prices.
    #[must_use]
    pub fn new(api: &Api, callers: Callers, under_way: UnderWay, stop: CancellationToken) -> Self {
        let checkpoints = Checkpoints::watch(api.pool.clone());
        let references = References::new(api.journal.clone(), api.pool.clone());
        let identities = Identities { vault: api.vault.clone(), clock: Clock(api.clock) };
        let (journal, pool, bytes_max) = (api.journal.clone(), api.pool.clone(), api.limits.price_cache_bytes_max);
        let prices = PriceCache::start(journal, pool, checkpoints.clone(), bytes_max);
        Self(Arc::new(All {
            journal: api.journal.clone(),
            pool: api.pool.clone(),
            vault: api.vault.clone(),
            past: Past { journal: api.journal.clone(), checkpoints: checkpoints.clone() },
            checkpoints: checkpoints.clone(),
            references: references.clone(),
            clock: Clock(api.clock),
            office: Office {
                prices,
                references,
                desk: Desk::new(&api.limits),
                jobs: Jobs::new(api.limits.figures_at_once),
            },
            door: Door::new(api.vault.clone(), &api.limits),
            facts: Facts {
                journal: api.journal.clone(),
                pool: api.pool.clone(),
                identities: identities.clone(),
                operation: LIST,
            },
            identities,
            audience: Audience::new(callers, checkpoints, stop),
            under_way,
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
    office: Office,
    door: Door,
    facts: Facts,
    identities: Identities,
    audience: Audience,
    past: Past,
    under_way: UnderWay,
}
