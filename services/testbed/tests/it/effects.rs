//! Effects on a real server: every event is seen to at least once, whoever crashes, and given up on only in the open.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events::{Kind, Portfolio};
use journal::{Effect, EffectError, Journal, Parked, Recorded, Verdict};
use testbed::{Log, PATIENCE, eventually};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::given::{context, created, portfolio, rename};

/// An effect with usual bounds, for a test to change.
const EFFECT: Effect = Effect {
    name: "test",
    kinds: &[Kind::Portfolio],
    ack_wait: Duration::from_secs(30),
    attempts_max: 3,
    in_flight_max: 4,
};
/// Shortly afterwards.
const SOON: Duration = Duration::from_millis(10);

/// How often each event was given, by its sequence.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<BTreeMap<u64, usize>>>);

impl Given {
    /// Counts the event; how often it was given so far, this time included.
    fn count(&self, recorded: &Recorded) -> usize {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(recorded.position().sequence).or_default();
        *count += 1;
        *count
    }

    fn counts(&self) -> BTreeMap<u64, usize> {
        self.0.lock().unwrap().clone()
    }
}

/// A running effect.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), EffectError>>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

fn run<Fut: Future<Output = Verdict> + Send + 'static>(
    journal: &Journal,
    effect: &Effect,
    handle: impl Fn(Recorded) -> Fut + Send + Sync + 'static,
) -> Running {
    let (journal, effect, stop) = (journal.clone(), effect.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move { journal::effect::run(&journal, &effect, stopped, handle).await });
    Running { stop, task }
}

/// A portfolio with so many events, which stand at 1 to that.
async fn with_events(journal: &Journal, count: u64) {
    created(journal, "savings").await;
    more_events(journal, 2..=count).await;
}

async fn more_events(journal: &Journal, numbers: impl IntoIterator<Item = u64>) {
    let id = portfolio("savings");
    for number in numbers {
        let name = number.to_string();
        eventually("a command", async || {
            journal.execute::<Portfolio>(&id, &rename(&name), &context(&[&name])).await.ok()
        })
        .await;
    }
}

/// Waits until every event was given and is seen to. That nothing is pending is not enough: of a consumer that was made
/// this moment the server says so too.
async fn nothing_left(journal: &Journal, effect: &Effect) {
    eventually("an effect that has seen to everything", async || {
        let stream = journal.context().get_stream("ADVISORY").await.ok()?;
        let info = stream.consumer_info(effect.name).await.ok()?;
        let end = stream.cached_info().state.last_sequence;
        let lag = journal::effect::lag(journal, effect).await.ok()?;
        (lag == (0, 0) && info.ack_floor.stream_sequence == end).then_some(())
    })
    .await;
}

async fn parked(journal: &Journal) -> Vec<Parked> {
    journal.parked().await.unwrap()
}

#[tokio::test]
async fn a_handler_that_panics_once_is_given_the_event_again() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 3).await;
    let given = Given::default();
    let counted = given.clone();

    let running = run(&journal, &EFFECT, move |recorded| {
        let attempt = counted.count(&recorded);
        async move {
            assert!(recorded.position().sequence != 2 || attempt > 1, "the handler breaks, as the test wants it");
            Verdict::Done
        }
    });
    nothing_left(&journal, &EFFECT).await;
    running.stop().await;

    assert_eq!(given.counts(), BTreeMap::from([(1, 1), (2, 2), (3, 1)]));
    assert_eq!(parked(&journal).await, []);
}

#[tokio::test]
async fn what_is_never_seen_to_is_parked_after_its_attempts_and_the_rest_flows() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 5).await;
    let given = Given::default();
    let counted = given.clone();

    let running = run(&journal, &EFFECT, move |recorded| {
        counted.count(&recorded);
        async move {
            match recorded.position().sequence {
                2 => Verdict::Later { after: SOON },
                3 => panic!("as the test wants it"),
                4 => Verdict::Park { reason: "it is no use".to_owned() },
                _ => Verdict::Done,
            }
        }
    });
    nothing_left(&journal, &EFFECT).await;
    running.stop().await;

    assert_eq!(given.counts(), BTreeMap::from([(1, 1), (2, 3), (3, 3), (4, 1), (5, 1)]));
    let mut list = parked(&journal).await;
    list.sort_by_key(|parked| parked.position.clone());
    let told: Vec<_> = list.iter().map(|one| (one.position.as_str(), one.attempts, one.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            ("advisory-2", 3, "not seen to after 3 attempts"),
            ("advisory-3", 3, "the handler panicked in the last of 3 attempts"),
            ("advisory-4", 1, "it is no use"),
        ]
    );
    for one in &list {
        assert_eq!((one.effect.as_str(), one.event_type.as_str()), ("test", "insights.portfolio.renamed.v2"));
        assert_eq!(journal.event_at(one.position().unwrap()).await.unwrap().unwrap().subject(), one.subject);
    }
}

#[tokio::test]
async fn what_an_operator_has_seen_to_is_parked_no_more() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 2).await;
    let running = run(&journal, &EFFECT, |_| async { Verdict::Park { reason: "no use".to_owned() } });
    nothing_left(&journal, &EFFECT).await;
    running.stop().await;

    let list = parked(&journal).await;
    assert_eq!(list.len(), 2);
    journal.resolve_parked(&list[0]).await.unwrap();
    assert_eq!(parked(&journal).await, list[1..]);
    journal.resolve_parked(&list[0]).await.unwrap();
    journal.resolve_parked(&list[1]).await.unwrap();
    assert_eq!(parked(&journal).await, []);
}

#[tokio::test]
async fn an_event_that_takes_its_process_down_is_parked_in_the_end() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 1).await;
    let effect = Effect { ack_wait: Duration::from_secs(1), attempts_max: 2, ..EFFECT };
    for _ in 0..effect.attempts_max {
        crash_with_the_first_event(&log, &effect).await;
    }

    let given = Given::default();
    let counted = given.clone();
    let running = run(&journal, &effect, move |recorded| {
        counted.count(&recorded);
        async { Verdict::Done }
    });
    nothing_left(&journal, &effect).await;
    running.stop().await;

    assert_eq!(given.counts(), BTreeMap::new(), "it is not tried once more");
    let list = parked(&journal).await;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].reason, "given 2 times without an answer to the last");
}

/// Another process with the same effect that is killed as soon as it has been given an event: its tasks, its signs of
/// life and its connection end at once.
async fn crash_with_the_first_event(log: &Log, effect: &Effect) {
    let (settings, effect) = (log.settings(), effect.clone());
    let (given, mut was_given) = watch::channel(false);
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = Journal::connect(&settings).await.unwrap();
            let mut seen = given.subscribe();
            let running = run(&journal, &effect, move |_| {
                given.send_replace(true);
                std::future::pending()
            });
            seen.wait_for(|given| *given).await.unwrap();
            drop(running);
        });
        runtime.shutdown_background();
    });
    tokio::time::timeout(PATIENCE, was_given.wait_for(|given| *given)).await.unwrap().unwrap();
    tokio::task::spawn_blocking(|| process.join().unwrap()).await.unwrap();
}

#[tokio::test]
async fn what_a_crashed_process_was_given_goes_to_another() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 3).await;
    let effect = Effect { ack_wait: Duration::from_secs(1), attempts_max: 60, ..EFFECT };
    crash_with_the_first_event(&log, &effect).await;

    let given = Given::default();
    let counted = given.clone();
    let running = run(&journal, &effect, move |recorded| {
        counted.count(&recorded);
        async { Verdict::Done }
    });
    nothing_left(&journal, &effect).await;
    running.stop().await;

    assert_eq!(given.counts(), BTreeMap::from([(1, 1), (2, 1), (3, 1)]));
    assert_eq!(parked(&journal).await, []);
}

#[tokio::test]
async fn a_handler_slower_than_the_server_waits_is_given_each_event_once() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 3).await;
    // One place, so that an event fetched too early would run out of time before it is worked on.
    let effect = Effect { ack_wait: Duration::from_millis(1_500), in_flight_max: 1, ..EFFECT };
    let slow = effect.ack_wait * 2;
    let given = Given::default();
    let counted = given.clone();

    let running = run(&journal, &effect, move |recorded| {
        counted.count(&recorded);
        async move {
            tokio::time::sleep(slow).await;
            Verdict::Done
        }
    });
    nothing_left(&journal, &effect).await;
    running.stop().await;

    assert_eq!(given.counts(), BTreeMap::from([(1, 1), (2, 1), (3, 1)]));
}

#[tokio::test]
async fn two_processes_with_one_name_share_the_work() {
    const EVENTS: u64 = 60;
    let log = Log::one().await;
    let journals = [log.journal().await, log.journal().await];
    let given = Given::default();
    // Nobody goes on before both have been given something.
    let begun = watch::Sender::new([false; 2]);
    let running = [0, 1].map(|process| {
        let (counted, begun) = (given.clone(), begun.clone());
        run(&journals[process], &EFFECT, move |recorded| {
            counted.count(&recorded);
            let begun = begun.clone();
            async move {
                begun.send_modify(|begun| begun[process] = true);
                let mut both = begun.subscribe();
                let both = tokio::time::timeout(PATIENCE, both.wait_for(|begun| begun == &[true; 2])).await;
                assert!(both.is_ok(), "one process has all the work");
                Verdict::Done
            }
        })
    });
    with_events(&journals[0], EVENTS).await;
    nothing_left(&journals[0], &EFFECT).await;
    for running in running {
        running.stop().await;
    }

    assert_eq!(given.counts(), (1..=EVENTS).map(|sequence| (sequence, 1)).collect());
}

#[tokio::test]
async fn an_effect_goes_on_after_the_server_was_killed() {
    const BEFORE: u64 = 20;
    const AFTER: u64 = 20;
    let mut log = Log::one().await;
    let journal = log.journal().await;
    let effect = Effect { ack_wait: Duration::from_secs(2), attempts_max: 60, ..EFFECT };
    let given = Given::default();
    let counted = given.clone();
    let running = run(&journal, &effect, move |recorded| {
        counted.count(&recorded);
        async { Verdict::Done }
    });

    with_events(&journal, BEFORE).await;
    eventually("half of the events", async || (given.counts().len() >= 10).then_some(())).await;
    log.nats.node(0).kill_9().await.unwrap();
    log.nats.node(0).restart().await.unwrap();
    more_events(&journal, BEFORE + 1..=BEFORE + AFTER).await;
    nothing_left(&journal, &effect).await;
    running.stop().await;

    assert_eq!(given.counts().into_keys().collect::<Vec<_>>(), (1..=BEFORE + AFTER).collect::<Vec<_>>());
    assert_eq!(parked(&journal).await, []);
}

#[tokio::test]
async fn an_effect_starts_before_its_server_does() {
    let mut log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 1).await;
    log.nats.node(0).kill_9().await.unwrap();
    let running = run(&journal, &EFFECT, |_| async { Verdict::Done });
    log.nats.node(0).restart().await.unwrap();
    nothing_left(&journal, &EFFECT).await;
    running.stop().await;
}

#[tokio::test]
async fn stopping_waits_for_handlers_under_way_and_begins_no_more() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 10).await;
    let effect = Effect { in_flight_max: 2, ..EFFECT };
    let gate = watch::Sender::new(false);
    let (begun, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let still_running = Arc::new(AtomicBool::new(true));

    let (gated, begins, finishes) = (gate.clone(), begun.clone(), finished.clone());
    let running = run(&journal, &effect, move |_| {
        let (mut gate, begun, finished) = (gated.subscribe(), begins.clone(), finishes.clone());
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            gate.wait_for(|open| *open).await.unwrap();
            finished.fetch_add(1, Ordering::SeqCst);
            Verdict::Done
        }
    });
    eventually("two handlers", async || (begun.load(Ordering::SeqCst) == 2).then_some(())).await;
    running.stop.cancel();
    let returned = still_running.clone();
    let stopped = tokio::spawn(async move {
        running.stop().await;
        returned.store(false, Ordering::SeqCst);
    });
    // Whoever does not wait has returned long before this.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(still_running.load(Ordering::SeqCst), "it waits for its handlers");
    gate.send_replace(true);
    tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap();

    assert_eq!((begun.load(Ordering::SeqCst), finished.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(journal::effect::lag(&journal, &effect).await.unwrap(), (8, 0), "what was done is acknowledged");
}

#[tokio::test]
async fn an_effect_on_both_streams_or_on_none_is_refused() {
    let log = Log::one().await;
    let journal = log.journal().await;
    for kinds in [&[][..], &[Kind::Portfolio, Kind::Asset]] {
        let effect = Effect { kinds, ..EFFECT };
        let running = run(&journal, &effect, |_| async { Verdict::Done });
        let refused = tokio::time::timeout(PATIENCE, running.task).await.unwrap().unwrap();
        assert!(matches!(refused, Err(EffectError::Kinds("test"))), "{refused:?}");
    }
}
