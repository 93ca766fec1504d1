//! Two processes on one log: what one has cached, the other has long changed.

use events::Portfolio;
use events::portfolio::PortfolioRejection;
use events::values::PortfolioId;
use journal::{Done, ExecuteError, Journal, Outcome};
use testbed::{Log, assert_whole};

use crate::given::{context, context_at, created, folded, name_of, portfolio, rename, subject};

async fn call(journal: &Journal, id: PortfolioId, name: &str, id_of_command: &str) -> Done<Portfolio> {
    journal.execute::<Portfolio>(&id, &rename(name), &context(&[id_of_command])).await.unwrap()
}

#[tokio::test]
async fn what_changes_nothing_is_decided_on_the_newest_state() {
    let log = Log::one().await;
    let (ours, theirs) = (log.journal().await, log.journal().await);
    let id = created(&ours, "first").await;
    call(&theirs, id, "second", "1").await;

    // To our cache the portfolio is still called "first".
    let back = call(&ours, id, "first", "2").await;
    assert_eq!((back.outcome, back.version), (Outcome::Recorded, 3), "it was renamed meanwhile");

    // To their cache it is still called "second", and this would change it.
    let same = call(&theirs, id, "first", "3").await;
    assert_eq!((same.outcome, same.version, same.position), (Outcome::Unchanged, 3, back.position));
}

#[tokio::test]
async fn a_version_is_compared_with_the_newest_one() {
    let log = Log::one().await;
    let (ours, theirs) = (log.journal().await, log.journal().await);
    let id = created(&ours, "first").await;
    call(&theirs, id, "second", "1").await;

    // Our cache stands at 1, where this would be right.
    let stale = ours.execute::<Portfolio>(&id, &rename("x"), &context_at(1, &["2"])).await.unwrap_err();
    assert!(matches!(stale, ExecuteError::Stale { current: 2 }), "{stale}");

    call(&theirs, id, "third", "3").await;
    // Our cache stands at 2, where this would be stale.
    let done = ours.execute::<Portfolio>(&id, &rename("x"), &context_at(3, &["4"])).await.unwrap();
    assert_eq!((done.outcome, done.version, name_of(&done.state)), (Outcome::Recorded, 4, "x"));
}

#[tokio::test]
async fn a_refusal_rests_on_the_newest_state() {
    let log = Log::one().await;
    let (ours, theirs) = (log.journal().await, log.journal().await);
    let id = portfolio("savings");
    let absent = ours.execute::<Portfolio>(&id, &rename("x"), &context(&["1"])).await.unwrap_err();
    assert!(matches!(absent, ExecuteError::Rejected(PortfolioRejection::Unknown)), "{absent}");

    created(&theirs, "savings").await;

    // Our cache knows that there is no such portfolio.
    let done = call(&ours, id, "x", "1").await;
    assert_eq!((done.outcome, done.version), (Outcome::Recorded, 2));
}

#[tokio::test]
async fn a_cache_that_is_far_behind_catches_up() {
    let log = Log::one().await;
    let (ours, theirs) = (log.journal().await, log.journal().await);
    let id = created(&ours, "savings").await;
    for ahead in [1, 2, 3, 30] {
        for number in 0..ahead {
            call(&theirs, id, &format!("{ahead} {number}"), &format!("theirs {ahead} {number}")).await;
        }
        call(&ours, id, &format!("ours {ahead}"), &format!("ours {ahead}")).await;
    }
    let history = ours.history(&subject(id)).await.unwrap();
    assert_eq!(history.len(), 1 + 1 + 2 + 3 + 30 + 4);
    for journal in [&ours, &theirs, &log.journal().await] {
        assert_eq!(journal.state::<Portfolio>(&id).await.unwrap().state, folded(&history));
    }
    assert_whole(&ours, &[]).await;
}

#[tokio::test]
async fn a_cache_that_holds_next_to_nothing_is_only_slower() {
    const PORTFOLIOS: usize = 30;
    const ROUNDS: u64 = 4;
    let log = Log::one().await;
    let mut settings = log.settings();
    settings.cached_events_max = 8;
    let journal = Journal::connect(&settings).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=ROUNDS {
        for number in 0..PORTFOLIOS {
            let name = number.to_string();
            if round == 1 {
                created(&journal, &name).await;
            }
            let words = ["rename", &name, &round.to_string()];
            let new = format!("{number} in round {round}");
            let done = journal.execute::<Portfolio>(&portfolio(&name), &rename(&new), &context_at(round, &words)).await;
            assert_eq!(done.unwrap().version, round + 1);
            acknowledged.push(context(&words).command_id);
        }
    }
    assert_whole(&journal, &acknowledged).await;
}
