//! Histories, positions and readers.

use std::time::Duration;

use events::{Portfolio, Position, Stream};
use journal::{Batch, Journal, Reader};
use testbed::{Fault, FaultProxy, Log, PATIENCE, assert_whole};

use crate::given::{context, created, folded, rename, subject};

/// Long enough for a history to take more than one request.
const EVENTS: u64 = 1_100;
/// Short, where a reader is to find nothing.
const MOMENT: Duration = Duration::from_millis(200);

/// A portfolio called savings, with so many events.
async fn with_events(journal: &Journal, count: u64) {
    let id = created(journal, "savings").await;
    for version in 2..=count {
        let name = version.to_string();
        journal.execute::<Portfolio>(&id, &rename(&name), &context(&[&name])).await.unwrap();
    }
}

/// All that the reader gives up to this sequence, checked to be in a row. It has then caught up.
async fn read_to(end: u64, reader: &mut Reader, max: usize) -> Vec<u64> {
    let mut sequences: Vec<u64> = Vec::new();
    loop {
        let Batch { events, caught_up } = reader.next(max, PATIENCE).await.unwrap();
        assert!(events.len() <= max);
        for event in events {
            let sequence = event.position().sequence;
            assert!(sequences.last().is_none_or(|last| last + 1 == sequence), "{sequence} after {sequences:?}");
            sequences.push(sequence);
        }
        if sequences.last() == Some(&end) {
            assert!(caught_up);
            return sequences;
        }
    }
}

#[tokio::test]
async fn a_long_history_is_read_whole_and_in_order() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, EVENTS).await;
    let id = crate::given::portfolio("savings");

    let history = journal.history(&subject(id)).await.unwrap();

    let versions: Vec<u64> = history.iter().map(|event| event.metadata().unwrap().version).collect();
    assert_eq!(versions, (1..=EVENTS).collect::<Vec<_>>());
    let cold = log.journal().await.state::<Portfolio>(&id).await.unwrap();
    assert_eq!((cold.version, cold.state), (EVENTS, folded(&history)));
    assert_whole(&journal, &[context(&["2"]).command_id, context(&[&EVENTS.to_string()]).command_id]).await;

    let mut reader = journal.reader(Stream::Advisory, 0).await.unwrap();
    assert_eq!(read_to(EVENTS, &mut reader, 300).await, (1..=EVENTS).collect::<Vec<_>>());
    let mut reader = journal.reader(Stream::Advisory, 1_000).await.unwrap();
    assert_eq!(read_to(EVENTS, &mut reader, 7).await, (1_001..=EVENTS).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_history_that_was_read_leaves_no_reader_behind() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 20).await;
    let readers = async || {
        let stream = journal.context().get_stream(Stream::Advisory.name()).await.unwrap();
        stream.get_info().await.unwrap().state.consumer_count
    };
    let before = readers().await;
    let id = crate::given::portfolio("savings");
    for _ in 0..3 {
        assert_eq!(journal.history(&subject(id)).await.unwrap().len(), 20);
        assert_eq!(readers().await, before);
    }
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let mut reader = journal.reader(Stream::Advisory, 0).await.unwrap();
    let nothing = reader.next(10, MOMENT).await.unwrap();
    assert!(nothing.events.is_empty() && nothing.caught_up, "{nothing:?}");

    with_events(&journal, 5).await;
    assert_eq!(read_to(5, &mut reader, 2).await, [1, 2, 3, 4, 5]);
    assert_eq!(reader.after(), 5);
    let nothing = reader.next(10, MOMENT).await.unwrap();
    assert!(nothing.events.is_empty() && nothing.caught_up, "{nothing:?}");

    let mut market = journal.reader(Stream::Market, 0).await.unwrap();
    let nothing = market.next(10, MOMENT).await.unwrap();
    assert!(nothing.events.is_empty() && nothing.caught_up, "another stream has none of it: {nothing:?}");
}

#[tokio::test]
async fn a_silent_server_makes_no_reader_believe_that_it_has_caught_up() {
    const COUNT: u64 = 3;
    let log = Log::one().await;
    with_events(&log.journal().await, COUNT).await;
    let proxy = FaultProxy::before(log.nats.nodes()[0].client_port()).await;
    let mut settings = log.settings();
    settings.servers = vec![proxy.instead_of(&settings.servers[0])];
    let behind = Journal::connect(&settings).await.unwrap();
    let mut reader = behind.reader(Stream::Advisory, 0).await.unwrap();
    proxy.set(Fault::SwallowReplies);

    // What the server had sent before may still arrive. After that comes nothing, and at last an error that says so.
    let mut given = 0;
    loop {
        let Ok(batch) = reader.next(1, MOMENT).await else { break };
        given += u64::try_from(batch.events.len()).unwrap();
        assert_eq!(batch.caught_up, given == COUNT);
        if given == COUNT {
            break;
        }
    }

    proxy.set(Fault::None);
    let rest = read_after_faults(&mut reader, COUNT).await;
    assert_eq!(given + rest, COUNT);
}

/// How many events come until the reader stands at `end`, errors on the way allowed.
async fn read_after_faults(reader: &mut Reader, end: u64) -> u64 {
    let before = reader.after();
    testbed::eventually("the rest of the events", async || {
        // An error is what a reader says of a connection that was cut; the next call goes on.
        let _ = reader.next(10, MOMENT).await;
        (reader.after() == end).then_some(())
    })
    .await;
    reader.after() - before
}

#[tokio::test]
async fn a_reader_survives_the_server() {
    let mut log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 5).await;
    let mut reader = journal.reader(Stream::Advisory, 0).await.unwrap();
    // At least one and at most three: there are more behind them, wherever this ends.
    reader.next(3, PATIENCE).await.unwrap();
    let before = reader.after();
    assert!((1..=3).contains(&before), "{before}");

    log.nats.node(0).kill_9().await.unwrap();
    log.nats.node(0).restart().await.unwrap();
    log.nats.wait_ready().await.unwrap();
    let id = crate::given::portfolio("savings");
    testbed::eventually("a command", async || {
        journal.execute::<Portfolio>(&id, &rename("after"), &context(&["after"])).await.ok()
    })
    .await;

    assert_eq!(read_after_faults(&mut reader, 6).await, 6 - before);
}

#[tokio::test]
async fn an_event_is_found_by_its_position() {
    let log = Log::one().await;
    let journal = log.journal().await;
    with_events(&journal, 3).await;
    let history = journal.history(&subject(crate::given::portfolio("savings"))).await.unwrap();
    let at = |sequence| Position { stream: Stream::Advisory, sequence };
    for event in &history {
        let found = journal.event_at(event.position()).await.unwrap().unwrap();
        assert_eq!((found.position(), found.subject()), (event.position(), event.subject()));
        assert_eq!((found.metadata(), found.payload()), (event.metadata(), event.payload()));
    }
    assert!(journal.event_at(at(0)).await.unwrap().is_none());
    assert!(journal.event_at(at(4)).await.unwrap().is_none());
    assert_eq!(journal.last_position(Stream::Advisory).await.unwrap(), at(3));
    assert_eq!(journal.last_position(Stream::Market).await.unwrap().sequence, 0);
}
