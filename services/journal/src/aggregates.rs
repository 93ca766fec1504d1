//! The bounded cache of aggregates' states, with the queue before each.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use events::values::CommandId;
use events::{Decider, Subject};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// Commands that may wait for one aggregate inside one process.
pub const QUEUE_MAX: usize = 1_024;

/// One aggregate as this process last saw it. It may have moved on since: an append says so, and whoever does not
/// append asks.
pub(crate) struct Loaded<D> {
    pub state: D,
    pub version: u64,
    pub last_sequence: u64,
    pub ledger: HashMap<CommandId, Entry>,
}

/// What a command came to.
#[derive(Clone)]
pub(crate) struct Entry {
    pub version: u64,
    pub digest: Option<Box<str>>,
}

impl<D: Default> Loaded<D> {
    /// An aggregate to which nothing has happened.
    pub fn empty() -> Self {
        Self { state: D::default(), version: 0, last_sequence: 0, ledger: HashMap::new() }
    }
}

/// The place of one aggregate: whoever holds the lock decides, the others queue up instead of colliding.
pub(crate) struct Slot<D> {
    loaded: Mutex<Option<Loaded<D>>>,
    waiting: AtomicUsize,
    events: Arc<AtomicU32>,
    pub rivals: Rivals,
}

/// The queue before the aggregate is full, or the wait took too long. Nothing was done.
pub(crate) struct QueueFull;

impl<D> Slot<D> {
    /// The aggregate, once it is this caller's turn.
    pub async fn turn(&self, deadline: tokio::time::Instant) -> Result<MutexGuard<'_, Option<Loaded<D>>>, QueueFull> {
        let _place = Place::take(&self.waiting)?;
        tokio::time::timeout_at(deadline, self.loaded.lock()).await.map_err(|_| QueueFull)
    }
}

/// Other processes that write to the same aggregate. Who has just written knows the newest state, and would win every
/// time against those who have to read it first; so for as long as there are others, each leaves them a gap.
#[derive(Default)]
pub(crate) struct Rivals(std::sync::Mutex<Seen>);

#[derive(Default, Clone, Copy)]
struct Seen {
    conflict: Option<Instant>,
    own: Option<Instant>,
}

/// How long a conflict is remembered.
const RIVALS_MEMORY: Duration = Duration::from_secs(1);
/// The gap after an append of our own: time for another process to be told of its conflict, to read, and to append.
const RIVALS_GAP: Duration = Duration::from_millis(3);

impl Rivals {
    /// Another process wrote before us.
    pub fn they_wrote(&self) {
        self.seen().conflict = Some(Instant::now());
    }

    /// We wrote.
    pub fn we_wrote(&self) {
        self.seen().own = Some(Instant::now());
    }

    /// Waits while it is the turn of others, where there are any.
    pub async fn gap(&self) {
        let Seen { conflict, own } = *self.seen();
        if let (Some(conflict), Some(own)) = (conflict, own)
            && conflict.elapsed() < RIVALS_MEMORY
        {
            tokio::time::sleep_until(own + RIVALS_GAP).await;
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, QueueFull> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE_MAX { Err(QueueFull) } else { Ok(place) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Cached {
    slot: Arc<dyn Any + Send + Sync>,
    events: Arc<AtomicU32>,
}

/// Slots by subject. An evicted slot that somebody still holds lives on beside a new one; the log's own check keeps
/// the two from losing anything.
#[derive(Clone)]
pub(crate) struct Aggregates(moka::sync::Cache<Subject, Cached>);

/// How long an aggregate that nobody asks for stays.
const IDLE_MAX: Duration = Duration::from_secs(3_600);
/// What an aggregate weighs beside its events, in events.
const SLOT_WEIGHT: u32 = 4;

impl Aggregates {
    pub fn new(events_max: u64) -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(events_max)
            .weigher(|_, cached: &Cached| cached.events.load(Ordering::Relaxed).saturating_add(SLOT_WEIGHT))
            .time_to_idle(IDLE_MAX)
            .build();
        Self(cache)
    }

    pub fn slot<D: Decider>(&self, subject: &Subject) -> Arc<Slot<D>> {
        let cached = self.0.get_with_by_ref(subject, || {
            let events = Arc::new(AtomicU32::new(1));
            let (loaded, waiting, rivals) = (Mutex::new(None), AtomicUsize::new(0), Rivals::default());
            let slot = Slot::<D> { loaded, waiting, events: events.clone(), rivals };
            Cached { slot: Arc::new(slot), events }
        });
        cached.slot.downcast().expect("a subject names its kind, and a kind has one decider")
    }

    /// Puts the aggregate back into its place, and tells the cache what it weighs now.
    pub fn keep<D: Decider>(
        &self,
        subject: &Subject,
        slot: &Arc<Slot<D>>,
        place: &mut Option<Loaded<D>>,
        loaded: Loaded<D>,
    ) {
        let events = u32::try_from(loaded.ledger.len()).unwrap_or(u32::MAX);
        let events = events.saturating_add(loaded.state.weight()).max(1);
        *place = Some(loaded);
        let before = slot.events.swap(events, Ordering::Relaxed);
        // The cache weighs what is put into it and never again, so what has grown is put in again: whenever its events
        // have doubled, which keeps the sum true within a factor of two.
        if before.ilog2() != events.ilog2() {
            self.0.insert(subject.clone(), Cached { slot: slot.clone(), events: slot.events.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use events::asset::{AssetEvent, PriceBasis};
    use events::values::{AdvisorId, AggregateId, AssetId, Bars, CommandId, Currency, Listing, Name};
    use events::{Advisor, Asset, Decider, Subject};
    use jiff::civil::date;
    use tokio::time::Instant;

    use super::{Aggregates, Entry, Loaded};

    fn subject(number: u128) -> Subject {
        Subject::new(Advisor::KIND, &AdvisorId::new(uuid::Uuid::from_u128(number)).token())
    }

    fn loaded(events: u64) -> Loaded<Advisor> {
        let entry = |version: u64| (CommandId::of(&[&version.to_string()]), Entry { version, digest: None });
        Loaded { version: events, last_sequence: events, ledger: (1..=events).map(entry).collect(), ..Loaded::empty() }
    }

    #[tokio::test]
    async fn aggregates_that_grow_are_weighed_again() {
        const EVENTS_MAX: u64 = 1_000;
        let aggregates = Aggregates::new(EVENTS_MAX);
        for number in 0..50 {
            let slot = aggregates.slot::<Advisor>(&subject(number));
            let mut place = slot.turn(Instant::now()).await.ok().unwrap();
            for events in [1, 10, 100] {
                aggregates.keep(&subject(number), &slot, &mut place, loaded(events));
            }
        }
        aggregates.0.run_pending_tasks();
        let kept = aggregates.0.entry_count();
        // Each was last weighed at 64 events at the latest.
        assert!((1..=EVENTS_MAX / 64).contains(&kept), "{kept} are kept");
    }

    #[tokio::test]
    async fn aggregates_with_large_states_are_weighed_by_them() {
        const EVENTS_MAX: u64 = 10_000;
        let aggregates = Aggregates::new(EVENTS_MAX);
        let closes = (0..2_000).map(|day| (date(2000, 1, 1) + jiff::Span::new().days(day), 1.into())).collect();
        let priced = AssetEvent::Priced {
            source: Name::parse("a file").unwrap(),
            basis: PriceBasis::Raw,
            bars: Bars::try_new(closes).unwrap(),
        };
        let listed = Listing::new(Name::parse("An asset").unwrap(), Currency::parse("USD").unwrap());
        let state = Asset::default().evolve(&AssetEvent::Listed(listed)).evolve(&priced);
        for number in 0..100 {
            let subject = Subject::new(Asset::KIND, &AssetId::parse(&format!("A{number}")).unwrap().token());
            let slot = aggregates.slot::<Asset>(&subject);
            let mut place = slot.turn(Instant::now()).await.ok().unwrap();
            let loaded = Loaded { version: 2, state: state.clone(), ..Loaded::empty() };
            aggregates.keep(&subject, &slot, &mut place, loaded);
        }
        aggregates.0.run_pending_tasks();
        let kept = aggregates.0.entry_count();
        assert!((1..=EVENTS_MAX / 1_000).contains(&kept), "{kept} are kept");
    }

    #[tokio::test]
    async fn an_aggregate_that_is_kept_is_found_again() {
        let aggregates = Aggregates::new(1_000);
        let slot = aggregates.slot::<Advisor>(&subject(1));
        aggregates.keep(&subject(1), &slot, &mut *slot.turn(Instant::now()).await.ok().unwrap(), loaded(9));
        let again = aggregates.slot::<Advisor>(&subject(1));
        assert_eq!(again.turn(Instant::now()).await.ok().unwrap().as_ref().unwrap().version, 9);
    }
}
