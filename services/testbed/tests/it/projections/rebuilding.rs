//! Rebuilding: new tables beside the live ones, put in place when they are complete.

use std::panic::AssertUnwindSafe;

use events::Stream;
use futures::FutureExt;
use projections::rebuild::{self, RebuildError};
use projections::{dump, follow, model};
use sqlx::{Executor, PgPool};
use testbed::eventually;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::story;
use super::world::{append, apply, checkpoints, database, log, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_under_writes_equals_the_live_rows() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let drafts = story::advisory(150);
    let _projector = project(&journal, &pool);
    let (early, late) = drafts.split_at(drafts.len() / 3);
    append(&journal, early).await;
    let rebuilding = async {
        for name in ["portfolios", "recommendations", "clients", "advisors", "portfolios"] {
            let mut last = None;
            rebuild::run(&journal, &pool, name, |progress| last = Some(progress)).await.unwrap();
            let last = last.unwrap();
            assert!(last.done == last.total && last.done >= early.len() as u64, "{last:?}");
        }
    };
    tokio::join!(append(&journal, late), rebuilding);
    caught_up(&pool, drafts.len()).await;
    let rebuilt = rows(&pool, Stream::Advisory).await;
    let quiet = database().await;
    apply(&quiet, Stream::Advisory, &story::recorded(Stream::Advisory, &drafts)).await.unwrap();
    assert_eq!(rebuilt, rows(&quiet, Stream::Advisory).await);
    assert_eq!(schemas(&pool).await, 0, "nothing is left of a rebuild");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_mends_rows_that_somebody_spoilt() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let drafts = story::market(6, 4);
    append(&journal, &drafts).await;
    apply(&pool, Stream::Market, &story::recorded(Stream::Market, &drafts)).await.unwrap();
    let sound = rows(&pool, Stream::Market).await;
    pool.execute("DELETE FROM price_chunks WHERE asset = 'A1.X'").await.unwrap();
    pool.execute("UPDATE assets SET name = 'spoilt'").await.unwrap();
    pool.execute("DELETE FROM cash_interest WHERE rate < 0.05").await.unwrap();
    pool.execute("UPDATE cash_interest SET rate = 0.5").await.unwrap();
    pool.execute("INSERT INTO parked VALUES ('assets', 3, 's', 't', NULL, 'a reason of old')").await.unwrap();
    rebuild::run(&journal, &pool, "prices", |_| {}).await.unwrap();
    rebuild::run(&journal, &pool, "assets", |_| {}).await.unwrap();
    assert_eq!(rows(&pool, Stream::Market).await, sound);
    assert!(projections::parked::list(&pool).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_rebuild_leaves_the_live_rows_and_the_next_one_succeeds() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    let drafts = story::advisory(60);
    append(&journal, &drafts).await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &drafts)).await.unwrap();
    let portfolios = model::named("portfolios").unwrap();
    pool.execute("UPDATE portfolios SET name = 'as it was'").await.unwrap();
    let before = dump::dump(&pool, portfolios).await.unwrap();

    // Cut off exactly where it says that it has come on: dropping the future from outside could be a step later, when
    // the swap is on its way already.
    let cut_off = rebuild::run(&journal, &pool, "portfolios", |_| panic!("cut off"));
    assert!(AssertUnwindSafe(cut_off).catch_unwind().await.is_err(), "it was never cut off");
    assert_eq!(schemas(&pool).await, 1, "something is left of it");
    assert_eq!(dump::dump(&pool, portfolios).await.unwrap(), before);

    eventually("the next rebuild", async || rebuild::run(&journal, &pool, "portfolios", |_| {}).await.ok()).await;
    assert_ne!(dump::dump(&pool, portfolios).await.unwrap(), before);
    assert_eq!(schemas(&pool).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_read_model_is_rebuilt_by_one_at_a_time() {
    let (_nats, journal) = log().await;
    let pool = database().await;
    append(&journal, &story::advisory(60)).await;
    let twice = tokio::join!(
        rebuild::run(&journal, &pool, "portfolios", |_| {}),
        rebuild::run(&journal, &pool, "portfolios", |_| {})
    );
    let refused = [twice.0, twice.1].into_iter().filter(|result| matches!(result, Err(RebuildError::Running(_))));
    assert_eq!(refused.count(), 1);
    let unknown = rebuild::run(&journal, &pool, "portfolio", |_| {}).await.unwrap_err();
    assert!(unknown.to_string().contains("there are advisors, clients, portfolios"), "{unknown}");
}

fn project(journal: &journal::Journal, pool: &PgPool) -> AbortOnDropHandle<()> {
    let run = follow::run(journal.clone(), pool.clone(), CancellationToken::new());
    AbortOnDropHandle::new(tokio::spawn(async { run.await.unwrap() }))
}

async fn caught_up(pool: &PgPool, events: usize) {
    let events = i64::try_from(events).unwrap();
    eventually("the last event in the read models", async || {
        checkpoints(pool, Stream::Advisory).await.iter().all(|at| *at >= events).then_some(())
    })
    .await;
}

/// How many schemas there are in which a rebuild goes on, or was left.
async fn schemas(pool: &PgPool) -> i64 {
    let count = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'rebuild%'";
    sqlx::query_scalar(count).fetch_one(pool).await.unwrap()
}
