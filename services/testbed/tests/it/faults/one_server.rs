//! One server, killed under load as a power cut would.

use testbed::Log;

use super::load::{Load, Size, journals, settings};

/// How often it is killed.
const ROUNDS: usize = 5;
/// Acknowledgements between two kills.
const BETWEEN: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_again_and_again_keeps_what_was_acknowledged() {
    let mut log = Log::one().await;
    let settings = settings(&log);
    let journals = journals(&settings, 2).await;
    let load = Load::start(&journals, &settings, Size { writers: 8, portfolios: 2, commands: None }).await;

    for _ in 0..ROUNDS {
        load.acknowledged(BETWEEN).await;
        log.nats.node(0).kill_9().await.unwrap();
        log.nats.node(0).restart().await.unwrap();
    }
    load.acknowledged(BETWEEN).await;

    let (account, portfolios) = load.settle(&journals[0]).await;
    account.assert_true(&log, &journals, &portfolios).await;
    assert!(account.acknowledged() >= BETWEEN * 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_makes_callers_fail_in_time_and_serves_them_again() {
    const WRITERS: u64 = 16;
    let mut log = Log::one().await;
    let settings = settings(&log);
    let journals = journals(&settings, 2).await;
    let load = Load::start(&journals, &settings, Size { writers: 8, portfolios: 2, commands: None }).await;

    load.acknowledged(BETWEEN).await;
    log.nats.node(0).kill_9().await.unwrap();
    // Each writer waits for its answer within its bound, or the test fails in it.
    load.failed(2 * WRITERS).await;
    log.nats.node(0).restart().await.unwrap();
    load.acknowledged(BETWEEN).await;

    let (account, portfolios) = load.settle(&journals[0]).await;
    account.assert_true(&log, &journals, &portfolios).await;
}
