//! Advice whose last day is over: it ends once, by whichever process comes first, and nothing else ends.

use std::collections::BTreeMap;

use events::recommendation::{RecommendationCommand, RecommendationEvent};
use events::values::{Note, RecommendationId, Terms};
use events::{Recommendation, Stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};
use projections::Checkpoints;
use recommender::expire::{Swept, sweep};
use testbed::{PATIENCE, eventually};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::letters::office::Office;

/// An office whose read models follow.
struct Following {
    office: Office,
    checkpoints: Checkpoints,
    _stopped_at_the_end: DropGuard,
}

impl Following {
    async fn open() -> Self {
        let office = Office::open().await;
        let stop = CancellationToken::new();
        let (journal, pool, stopped) = (office.another_journal().await, office.pool.clone(), stop.clone());
        tokio::spawn(async move { projections::follow::run(journal, pool, stopped).await.unwrap() });
        let checkpoints = Checkpoints::watch(office.pool.clone());
        Self { office, checkpoints, _stopped_at_the_end: stop.drop_guard() }
    }

    /// Advice with these last days.
    async fn advice(&self, last_days: &[Option<Date>]) -> Vec<RecommendationId> {
        let client = self.office.client("José da Silva", "jose@example.com").await;
        let mut ids = Vec::new();
        for &valid_until in last_days {
            let terms = Terms { valid_until, ..Terms::default() };
            ids.push(self.office.recommendation_on(client, terms).await.0);
        }
        ids
    }

    /// Waits until the read models have everything that stands in the log.
    async fn caught_up(&self) {
        let end = self.office.journal.last_position(Stream::Advisory).await.unwrap();
        self.checkpoints.wait_for(end, PATIENCE).await.unwrap();
    }

    /// How often each of the recommendations has expired.
    async fn ends(&self, ids: &[RecommendationId]) -> Vec<usize> {
        let mut ends = Vec::new();
        for id in ids {
            let history = self.office.history(*id).await;
            ends.push(history.iter().filter(|event| matches!(event, RecommendationEvent::Expired { .. })).count());
        }
        ends
    }
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn days(days: i64) -> Span {
    days.days()
}

#[tokio::test]
async fn advice_ends_after_its_last_day_and_not_on_it() {
    let following = Following::open().await;
    let ids = following.advice(&[Some(today() - days(1)), Some(today()), None]).await;
    following.caught_up().await;
    let (journal, pool) = (&following.office.journal, &following.office.pool);

    let now = Timestamp::now();
    assert_eq!(sweep(journal, pool, now).await.unwrap(), Swept { expired: 1, ended: 0, left: 0 });
    assert_eq!(following.ends(&ids).await, [1, 0, 0]);
    following.caught_up().await;
    assert_eq!(sweep(journal, pool, now).await.unwrap(), Swept::default(), "nothing is left to do");
    // Tomorrow the last day of the second is over.
    let tomorrow = now + SignedDuration::from_hours(24);
    assert_eq!(sweep(journal, pool, tomorrow).await.unwrap().expired, 1);
    assert_eq!(following.ends(&ids).await, [1, 1, 0]);
    following.caught_up().await;
    let row = projections::recommendations::get(pool, ids[0]).await.unwrap().unwrap();
    assert_eq!(row.standing, "expired", "and lists say so");
}

#[tokio::test]
async fn what_ended_otherwise_stays_as_it_ended() {
    let following = Following::open().await;
    let ids = following.advice(&[Some(today() - days(1))]).await;
    following.caught_up().await;
    let reason = Note::parse("The issuer was downgraded.").unwrap();
    following.office.execute::<Recommendation>(&ids[0], &RecommendationCommand::Withdraw { reason }).await;
    // The read model may or may not have heard of it.
    let swept = sweep(&following.office.journal, &following.office.pool, Timestamp::now()).await.unwrap();
    assert_eq!((swept.expired, swept.left), (0, 0));
    assert_eq!(following.ends(&ids).await, [0]);
}

#[tokio::test]
async fn two_processes_and_one_that_was_cut_off_end_each_advice_once() {
    const ADVICE: usize = 150; // more than a page
    let following = Following::open().await;
    let ids = following.advice(&[Some(today() - days(2)); ADVICE]).await;
    following.caught_up().await;
    let (pool, now) = (&following.office.pool, Timestamp::now());
    let journals = [following.office.another_journal().await, following.office.another_journal().await];

    // One is cut off after its first ends: dropped at whatever it awaits, as by `kill -9`.
    let cut_off = following.office.another_journal().await;
    let some = eventually("a first end", async || (following.ends(&ids[..1]).await == [1]).then_some(()));
    tokio::select! {
        swept = sweep(&cut_off, pool, now) => assert!(swept.is_ok()),
        () = some => {}
    }
    let sweeps = journals.each_ref().map(|journal| sweep(journal, pool, now));
    let swept = tokio::time::timeout(PATIENCE, futures::future::try_join_all(sweeps)).await.unwrap().unwrap();
    assert!(swept.iter().all(|swept| swept.left == 0), "{swept:?}");
    let ends: BTreeMap<usize, usize> =
        following.ends(&ids).await.into_iter().fold(BTreeMap::new(), |mut counts, ends| {
            *counts.entry(ends).or_default() += 1;
            counts
        });
    assert_eq!(ends, BTreeMap::from([(1, ADVICE)]));
}
