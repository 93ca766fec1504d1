//! A caller that goes away in the middle of a command.

use std::pin::pin;
use std::task::Poll;

use events::Portfolio;
use journal::Outcome;
use testbed::{Log, assert_whole};

use crate::given::{commands, context, created, rename, subject};

/// Commands that are let go of.
const DROPPED: u64 = 200;
/// The most often that one of them is polled before. A command that is not dropped needs about four.
const POLLS_MAX: u64 = 6;

/// The future's output, if it has one within so many polls; then it is dropped.
async fn polled_at_most<T>(polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Pending if left == 0 => Poll::Ready(None),
            poll => poll.map(Some),
        }
    })
    .await
}

/// Numbers that look random and are the same in every run.
fn scattered(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

#[tokio::test]
async fn commands_dropped_at_any_point_are_recorded_once_or_not_at_all() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let id = created(&journal, "savings").await;
    let words = |number: u64| number.to_string();
    let mut finished = 0;

    for number in 0..DROPPED {
        let name = words(number);
        let (command, context) = (rename(&name), context(&[&name]));
        let execute = journal.execute::<Portfolio>(&id, &command, &context);
        if let Some(done) = polled_at_most(scattered(number) % (POLLS_MAX + 1), execute).await {
            assert_eq!(done.unwrap().outcome, Outcome::Recorded);
            finished += 1;
        }
        if number % 2 == 0 {
            // Whoever was cut off asks again, at once.
            journal.execute::<Portfolio>(&id, &command, &context).await.unwrap();
        }
    }
    assert!((1..DROPPED).contains(&finished), "{finished} were polled to their end");

    let history = journal.history(&subject(id)).await.unwrap();
    let recorded = commands(&history);
    for number in 0..DROPPED {
        let context = context(&[&words(number)]);
        let again = journal.execute::<Portfolio>(&id, &rename(&words(number)), &context).await.unwrap();
        let was_there = recorded.contains(&context.command_id);
        assert_eq!(again.outcome == Outcome::Replayed, was_there, "{number}: {:?}", again.outcome);
    }
    let history = journal.history(&subject(id)).await.unwrap();
    assert_eq!(u64::try_from(history.len()).unwrap(), 1 + DROPPED);
    let all: Vec<_> = (0..DROPPED).map(|number| context(&[&words(number)]).command_id).collect();
    assert_whole(&journal, &all).await;
}
