//! What one command comes to.

use events::portfolio::PortfolioRejection;
use events::{Portfolio, Position, Stream};
use journal::{ExecuteError, Expect, Outcome};
use testbed::{Log, assert_whole};

use crate::given::{context, context_at, create, created, folded, name_of, portfolio, rename, subject};

#[tokio::test]
async fn commands_are_recorded_change_nothing_or_are_refused() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let id = portfolio("savings");

    let made = journal.execute::<Portfolio>(&id, &create("savings"), &context(&["create"])).await.unwrap();
    assert_eq!((made.outcome, made.version), (Outcome::Recorded, 1));
    assert_eq!(made.position, Some(Position { stream: Stream::Advisory, sequence: 1 }));

    let renamed = journal.execute::<Portfolio>(&id, &rename("pension"), &context(&["rename"])).await.unwrap();
    assert_eq!((renamed.outcome, renamed.version), (Outcome::Recorded, 2));
    assert_eq!(name_of(&renamed.state), "pension");

    let same = journal.execute::<Portfolio>(&id, &rename("pension"), &context(&["the same"])).await.unwrap();
    assert_eq!((same.outcome, same.version, same.position), (Outcome::Unchanged, 2, renamed.position));

    let taken = journal.execute::<Portfolio>(&id, &create("other"), &context(&["create again"])).await.unwrap_err();
    assert!(matches!(taken, ExecuteError::Rejected(PortfolioRejection::AlreadyCreated)), "{taken}");
    let absent = journal.execute::<Portfolio>(&portfolio("x"), &rename("y"), &context(&["absent"])).await.unwrap_err();
    assert!(matches!(absent, ExecuteError::Rejected(PortfolioRejection::Unknown)), "{absent}");

    let history = journal.history(&subject(id)).await.unwrap();
    assert_eq!(history.len(), 2, "what changes nothing and what is refused leaves nothing behind");
    assert_eq!(folded(&history), renamed.state);
    assert_eq!(journal.last_position(Stream::Advisory).await.unwrap().sequence, 2);
    assert_whole(&journal, &[context(&["create"]).command_id, context(&["rename"]).command_id]).await;
}

#[tokio::test]
async fn a_command_for_another_version_is_stale() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let id = created(&journal, "savings").await;

    for version in [0, 2, u64::MAX] {
        let stale = journal.execute::<Portfolio>(&id, &rename("x"), &context_at(version, &["x"])).await.unwrap_err();
        assert!(matches!(stale, ExecuteError::Stale { current: 1 }), "{version}: {stale}");
    }
    let done = journal.execute::<Portfolio>(&id, &rename("x"), &context_at(1, &["x"])).await.unwrap();
    assert_eq!((done.outcome, done.version), (Outcome::Recorded, 2));
}

#[tokio::test]
async fn to_expect_a_new_aggregate_that_is_old_does_no_harm() {
    let log = Log::one().await;
    created(&log.journal().await, "savings").await;
    let id = portfolio("savings");
    let new = |words: &[&str]| journal::CommandContext { expect: Expect::New, ..context(words) };

    // A journal that knows nothing takes the caller's word, and the log does not.
    let journal = log.journal().await;
    let refused = journal.execute::<Portfolio>(&id, &create("other"), &new(&["other"])).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Rejected(PortfolioRejection::AlreadyCreated)), "{refused}");
    let journal = log.journal().await;
    let renamed = journal.execute::<Portfolio>(&id, &rename("x"), &new(&["x"])).await.unwrap();
    assert_eq!((renamed.outcome, renamed.version), (Outcome::Recorded, 2));
    let journal = log.journal().await;
    let same = journal.execute::<Portfolio>(&id, &create("savings"), &new(&["create", "savings"])).await.unwrap();
    assert_eq!((same.outcome, same.version), (Outcome::Replayed, 1));
    assert_eq!(journal.history(&subject(id)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_state_is_what_the_log_says_now() {
    let log = Log::one().await;
    let (ours, theirs) = (log.journal().await, log.journal().await);
    let id = portfolio("savings");
    let nothing = ours.state::<Portfolio>(&id).await.unwrap();
    assert_eq!((nothing.version, nothing.position, nothing.state), (0, None, Portfolio::Unknown));

    created(&theirs, "savings").await;
    for name in ["a", "b", "c"] {
        let done = theirs.execute::<Portfolio>(&id, &rename(name), &context(&[name])).await.unwrap();
        let seen = ours.state::<Portfolio>(&id).await.unwrap();
        assert_eq!((seen.version, seen.position, seen.state), (done.version, done.position, done.state));
    }
}
