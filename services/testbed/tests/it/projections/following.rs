//! Following: killed at any point, doubled, cut off from its servers: the rows come out the same.

use std::collections::BTreeSet;
use std::time::Duration;

use events::metadata::header;
use events::{Position, Stream};
use journal::Journal;
use projections::follow::FollowError;
use projections::{Checkpoints, follow, lag, parked};
use sqlx::{Executor, PgPool};
use testbed::{Durability, Postgres, eventually};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::story::{self, Draft};
use super::world::{append, apply, checkpoints, database, log, migrated, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_projector_continues_exactly() {
    let (_nats, journal) = log().await;
    let drafts = story::advisory(120);
    let pool = database().await;
    let appending = append(&journal, &drafts);
    let killing = async {
        // Wherever it is after so long: opening, reading, in a transaction, before or after its commit.
        for millis in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 3, 8, 21, 5, 13, 34, 89, 2, 8, 21] {
            let projector = project(&journal, &pool);
            tokio::time::sleep(Duration::from_millis(millis)).await;
            drop(projector);
        }
    };
    tokio::join!(appending, killing);
    let _projector = project(&journal, &pool);
    caught_up(&pool, drafts.len()).await;
    assert_eq!(rows(&pool, Stream::Advisory).await, replayed(&drafts).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn projectors_that_run_at_once_do_no_harm() {
    let (_nats, journal) = log().await;
    let drafts = story::advisory(120);
    let pool = database().await;
    let projectors = [project(&journal, &pool), project(&journal, &pool), project(&journal, &pool)];
    append(&journal, &drafts).await;
    caught_up(&pool, drafts.len()).await;
    assert!(projectors.iter().all(|projector| !projector.is_finished()));
    assert_eq!(rows(&pool, Stream::Advisory).await, replayed(&drafts).await);
}

/// The log has more than one batch: they are folded ahead of their transactions, and what stands in them is what a reader
/// of a few events at a time makes of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_parks_what_it_cannot_take_and_writes_the_rest() {
    let (_nats, journal) = log().await;
    let mut drafts = story::market(60, 6);
    let listed = |drafts: &[Draft], name: &str| {
        let is_named = |draft: &Draft| draft.payload.windows(name.len()).any(|bytes| bytes == name.as_bytes());
        drafts.iter().position(is_named).unwrap()
    };
    // One whose name is edited later would be refused only where both events are not of one batch.
    let (newer, bytes, refused) =
        (listed(&drafts, "Asset 31"), listed(&drafts, "Asset 40"), listed(&drafts, "Asset 50"));
    drafts[newer].set_header(header::TYPE, "insights.asset.listed.v99");
    drafts[bytes].payload = vec![0xff; 5];
    let name = drafts[refused].payload.windows(5).position(|bytes| bytes == b"Asset").unwrap();
    drafts[refused].payload[name + 2] = 0;
    append(&journal, &drafts).await;

    let pool = database().await;
    let _projector = project(&journal, &pool);
    let end = i64::try_from(drafts.len()).unwrap();
    let is_there = async || checkpoints(&pool, Stream::Market).await.iter().all(|at| *at >= end).then_some(());
    eventually("the last event in the read models", is_there).await;

    let slowly = database().await;
    for few in story::recorded(Stream::Market, &drafts).chunks(7) {
        apply(&slowly, Stream::Market, few).await.unwrap();
    }
    let parked = parked::list(&pool).await.unwrap();
    assert_eq!(parked, parked::list(&slowly).await.unwrap());
    let subjects: BTreeSet<&str> = parked.iter().map(|event| event.subject.as_str()).collect();
    let poisoned = [newer, bytes, refused].map(|index| drafts[index].subject.as_str());
    assert_eq!(subjects, BTreeSet::from(poisoned));
    assert_eq!(rows(&pool, Stream::Market).await, rows(&slowly, Stream::Market).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_dropped_comes_back_with_the_same_rows() {
    let (_nats, journal) = log().await;
    let drafts = story::advisory(40);
    append(&journal, &drafts).await;
    append(&journal, &story::market(8, 5)).await;
    let pool = database().await;
    let projector = project(&journal, &pool);
    caught_up(&pool, drafts.len()).await;
    let market = eventually("all prices", async || Some(rows(&pool, Stream::Market).await).filter(|r| r.len() >= 50));
    let before = (rows(&pool, Stream::Advisory).await, market.await);

    // Under the feet of a projector that runs: it begins anew by itself.
    pool.execute("DROP SCHEMA read CASCADE").await.unwrap();
    projections::migrate(&pool).await.unwrap();
    caught_up(&pool, drafts.len()).await;
    let market = async || Some(rows(&pool, Stream::Market).await).filter(|rows| *rows == before.1);
    eventually("the same prices", market).await;
    assert_eq!(rows(&pool, Stream::Advisory).await, before.0);
    assert!(!projector.is_finished());
}

#[tokio::test]
async fn a_migration_that_was_added_in_between_reaches_a_database_that_has_later_ones() {
    let (pool, drafts) = (database().await, story::advisory(20));
    pool.execute("ALTER TABLE corporate_actions ALTER COLUMN amount SET NOT NULL").await.unwrap();
    let forgotten = pool.execute("DELETE FROM _sqlx_migrations WHERE version = 95").await.unwrap();
    assert_eq!(forgotten.rows_affected(), 1);
    projections::migrate(&pool).await.unwrap();
    let nullable = "SELECT is_nullable::text FROM information_schema.columns
                    WHERE table_schema = 'read' AND table_name = 'corporate_actions' AND column_name = 'amount'";
    assert_eq!(sqlx::query_scalar::<_, String>(nullable).fetch_one(&pool).await.unwrap(), "YES");
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &drafts)).await.unwrap();
    assert_eq!(rows(&pool, Stream::Advisory).await, replayed(&drafts).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_killed_under_load_is_caught_up_with() {
    let (_nats, journal) = log().await;
    let mut server = Postgres::start(Durability::Safe).await;
    let pool = migrated(&server.url()).await;
    let drafts = story::advisory(120);
    let projector = project(&journal, &pool);
    let (early, late) = drafts.split_at(drafts.len() / 3);
    append(&journal, early).await;
    for late in late.chunks(late.len() / 3 + 1) {
        server.kill_9().await.unwrap();
        append(&journal, late).await;
        server.restart().await.unwrap();
    }
    caught_up(&pool, drafts.len()).await;
    assert_eq!(rows(&pool, Stream::Advisory).await, replayed(&drafts).await);
    assert!(!projector.is_finished());
    drop(projector);
    pool.close().await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_killed_under_load_is_caught_up_with() {
    let (mut nats, journal) = log().await;
    let pool = database().await;
    let drafts = story::advisory(60);
    let projector = project(&journal, &pool);
    let (early, late) = drafts.split_at(drafts.len() / 2);
    append(&journal, early).await;
    nats.node(0).kill_9().await.unwrap();
    nats.node(0).restart().await.unwrap();
    eventually("the log", async || journal.ready().await.ok()).await;
    append(&journal, late).await;
    caught_up(&pool, drafts.len()).await;
    assert_eq!(rows(&pool, Stream::Advisory).await, replayed(&drafts).await);
    assert!(!projector.is_finished());
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_beyond_the_end_of_the_log_are_refused() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let drafts = story::advisory(5);
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &drafts)).await.unwrap();
    append(&journal, &drafts[..10]).await;
    let refused = follow::run(journal, pool, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(refused, FollowError::BeyondTheEnd { end: 10, .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_stops_when_it_is_told_to() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    append(&journal, &story::advisory(2)).await;
    let stop = CancellationToken::new();
    let projector = tokio::spawn(follow::run(journal, pool.clone(), stop.clone()));
    caught_up(&pool, story::advisory(2).len()).await;
    stop.cancel();
    let ended = tokio::time::timeout(testbed::PATIENCE, projector).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_position_sees_it_and_is_told_when_it_does_not_come() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let checkpoints = Checkpoints::watch(pool.clone());
    let drafts = story::advisory(20);
    let end = Position { stream: Stream::Advisory, sequence: drafts.len() as u64 };
    let waiting = (0..64).map(|_| {
        let checkpoints = checkpoints.clone();
        tokio::spawn(async move { checkpoints.wait_for(end, Duration::from_secs(20)).await })
    });
    let waiting: Vec<_> = waiting.collect();
    let _projector = project(&journal, &pool);
    append(&journal, &drafts).await;
    for waiter in waiting {
        waiter.await.unwrap().unwrap();
    }
    assert_eq!(rows(&pool, Stream::Advisory).await, replayed(&drafts).await, "whoever has waited sees all of it");

    let beyond = Position { sequence: end.sequence + 1, ..end };
    let behind = checkpoints.wait_for(beyond, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((behind.needed, behind.reached), (beyond, end));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_is_told_in_events_and_in_time() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let drafts = story::advisory(3);
    append(&journal, &drafts).await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &drafts[..10])).await.unwrap();
    // The eleventh event's command was given 170 ms after the first one's.
    let now = "2026-01-02T03:04:06.170000789Z".parse().unwrap();
    let lags = lag::lag(&journal, &pool, now).await.unwrap();
    let portfolios = lags.iter().find(|lag| lag.read_model == "portfolios").unwrap();
    assert_eq!((portfolios.position, portfolios.events), (10, drafts.len() as u64 - 10));
    assert_eq!(portfolios.age.unwrap().as_millis(), 1_000);
    let prices = lags.iter().find(|lag| lag.read_model == "prices").unwrap();
    assert_eq!((prices.events, prices.age), (0, None));
}

/// A projector that dies with the handle, wherever it is.
fn project(journal: &Journal, pool: &PgPool) -> AbortOnDropHandle<Result<(), FollowError>> {
    let run = follow::run(journal.clone(), pool.clone(), CancellationToken::new());
    AbortOnDropHandle::new(tokio::spawn(run))
}

/// Back when every advisory read model has taken so many events.
async fn caught_up(pool: &PgPool, events: usize) {
    let events = i64::try_from(events).unwrap();
    eventually("the last event in the read models", async || {
        let answers = sqlx::query("SELECT 1").execute(pool).await.is_ok();
        (answers && checkpoints(pool, Stream::Advisory).await.iter().all(|at| *at >= events)).then_some(())
    })
    .await;
}

/// The rows that one quiet replay of the drafts leaves.
async fn replayed(drafts: &[Draft]) -> Vec<String> {
    let pool = database().await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, drafts)).await.unwrap();
    rows(&pool, Stream::Advisory).await
}
