//! The queue before an aggregate has an end.

use std::time::Duration;

use events::Portfolio;
use journal::{ExecuteError, Journal, QUEUE_MAX};
use testbed::{Log, PATIENCE, assert_whole, eventually};
use tokio::task::JoinSet;

use crate::given::{context, created, rename};

/// Pauses the server, and waits until it is silent: a signal takes a moment to reach every thread.
async fn silence(log: &Log, journal: &Journal) {
    log.nats.nodes()[0].pause().unwrap();
    eventually("silence", async || journal.ready().await.err()).await;
}

#[tokio::test]
async fn one_command_more_than_the_queue_holds_is_turned_away_and_all_others_are_done() {
    let log = Log::one().await;
    let mut settings = log.settings();
    settings.execute_deadline = PATIENCE;
    let journal = Journal::connect(&settings).await.unwrap();
    let id = created(&journal, "savings").await;

    // A server that says nothing keeps the first command at work, so that all others queue up behind it.
    silence(&log, &journal).await;
    let mut commands = JoinSet::new();
    for number in 0..QUEUE_MAX + 2 {
        let journal = journal.clone();
        commands.spawn(async move {
            let name = number.to_string();
            let context = context(&[&name]);
            let answer = journal.execute::<Portfolio>(&id, &rename(&name), &context).await;
            (context.command_id, answer.map(|done| done.version))
        });
    }
    let (_, turned_away) = tokio::time::timeout(PATIENCE, commands.join_next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(turned_away, Err(ExecuteError::Busy)), "{turned_away:?}");

    log.nats.nodes()[0].resume().unwrap();
    let (mut acknowledged, mut versions) = (Vec::new(), Vec::new());
    while let Some(answer) = commands.join_next().await {
        let (command, version) = answer.unwrap();
        versions.push(version.unwrap());
        acknowledged.push(command);
    }
    versions.sort_unstable();
    assert_eq!(versions, (2..=u64::try_from(QUEUE_MAX).unwrap() + 2).collect::<Vec<_>>());
    assert_whole(&journal, &acknowledged).await;
}

#[tokio::test]
async fn a_command_waits_for_its_turn_no_longer_than_its_deadline() {
    let log = Log::one().await;
    let mut settings = log.settings();
    settings.append_timeout = Duration::from_millis(200);
    settings.execute_deadline = Duration::from_millis(600);
    let journal = Journal::connect(&settings).await.unwrap();
    let id = created(&journal, "savings").await;

    silence(&log, &journal).await;
    let mut commands = JoinSet::new();
    for number in 0..20 {
        let journal = journal.clone();
        commands.spawn(async move {
            let name = number.to_string();
            journal.execute::<Portfolio>(&id, &rename(&name), &context(&[&name])).await.map(|done| done.version)
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = tokio::time::timeout(PATIENCE, commands.join_next()).await.unwrap() {
        answers.push(answer.unwrap().unwrap_err());
    }
    log.nats.nodes()[0].resume().unwrap();
    let unknown = answers.iter().filter(|error| matches!(error, ExecuteError::Unknown(_))).count();
    let busy = answers.iter().filter(|error| matches!(error, ExecuteError::Busy)).count();
    assert!(unknown >= 1, "the first was sent: {answers:?}");
    assert!(busy >= 1, "the last was not: {answers:?}");
    assert!(answers.iter().all(|error| !matches!(error, ExecuteError::Rejected(_) | ExecuteError::Stale { .. })));
}
