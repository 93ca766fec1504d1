//! Three servers, of which some are lost under load.

use testbed::Log;

use super::load::{Load, Size, journals, settings};

const STREAM: &str = "ADVISORY";
/// Acknowledgements before, between and after faults.
const SOME: u64 = 60;
const SIZE: Size = Size { writers: 8, portfolios: 2, commands: None };
/// Writers of both kinds.
const WRITERS: u64 = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_takes_nothing_acknowledged_with_it() {
    let mut log = Log::three().await;
    let settings = settings(&log);
    let journals = journals(&settings, 2).await;
    let load = Load::start(&journals, &settings, SIZE).await;

    for _ in 0..2 {
        load.acknowledged(SOME).await;
        let leader = log.nats.leader_of(STREAM).await.unwrap();
        log.nats.node(leader).kill_9().await.unwrap();
        load.acknowledged(SOME).await;
        log.nats.node(leader).restart().await.unwrap();
        log.nats.wait_ready().await.unwrap();
    }
    load.acknowledged(SOME).await;

    let (account, portfolios) = load.settle(&journals[0]).await;
    account.assert_true(&log, &journals, &portfolios).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hangs_and_comes_back_overwrites_nothing() {
    let mut log = Log::three().await;
    let settings = settings(&log);
    let journals = journals(&settings, 2).await;
    let load = Load::start(&journals, &settings, SIZE).await;

    load.acknowledged(SOME).await;
    let leader = log.nats.leader_of(STREAM).await.unwrap();
    log.nats.node(leader).pause().unwrap();
    load.acknowledged(SOME).await;
    // It believes that it leads, until somebody tells it.
    log.nats.node(leader).resume().unwrap();
    load.acknowledged(SOME).await;
    log.nats.wait_ready().await.unwrap();

    let (account, portfolios) = load.settle(&journals[0]).await;
    account.assert_true(&log, &journals, &portfolios).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_callers_are_refused_in_time_and_nothing_acknowledged_is_lost() {
    let mut log = Log::three().await;
    let settings = settings(&log);
    let journals = journals(&settings, 2).await;
    let load = Load::start(&journals, &settings, SIZE).await;

    load.acknowledged(SOME).await;
    let leader = log.nats.leader_of(STREAM).await.unwrap();
    let others: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
    for node in &others {
        log.nats.node(*node).kill_9().await.unwrap();
    }
    load.failed(2 * WRITERS).await;
    for node in &others {
        log.nats.node(*node).restart().await.unwrap();
    }
    log.nats.wait_ready().await.unwrap();
    load.acknowledged(SOME).await;

    let (account, portfolios) = load.settle(&journals[0]).await;
    account.assert_true(&log, &journals, &portfolios).await;
}
