//! The checker of the log finds what must not be, in streams that nobody protected.

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Config;
use events::values::CommandId;
use events::{Portfolio, Position, Stream};
use insights::verify::{LogReport, Violation, log};
use journal::{Journal, JournalSettings};
use testbed::{Nats, operator};

use crate::given::{context, created, portfolio, rename, subject};

/// Five events of a portfolio, in a stream from which events can be deleted.
struct Scene {
    journal: Journal,
    operator: Context,
    _nats: Nats,
}

const EVENTS: u64 = 5;

impl Scene {
    async fn set() -> Self {
        let nats = Nats::one().await;
        let operator = operator(&nats).await;
        for (name, subject) in [("ADVISORY", "insights.advisory.*.*.*"), ("MARKET", "insights.market.*.*")] {
            let stream = Config { name: name.to_owned(), subjects: vec![subject.to_owned()], ..Config::default() };
            operator.create_stream(stream).await.unwrap();
        }
        let journal = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/test")).await.unwrap();
        let id = created(&journal, "savings").await;
        for version in 2..=EVENTS {
            let name = version.to_string();
            journal.execute::<Portfolio>(&id, &rename(&name), &context(&[&name])).await.unwrap();
        }
        Self { journal, operator, _nats: nats }
    }

    async fn delete(&self, sequence: u64) {
        assert!(self.operator.get_stream("ADVISORY").await.unwrap().delete_message(sequence).await.unwrap());
    }

    /// Stores an event behind the journal's back.
    async fn store(&self, subject: &str, headers: HeaderMap, payload: &[u8]) {
        let sent = self.operator.publish_with_headers(subject.to_owned(), headers, payload.to_vec().into()).await;
        sent.unwrap().await.unwrap();
    }

    async fn report(&self, acknowledged: &[CommandId]) -> LogReport {
        log(&self.journal, Stream::Advisory, acknowledged).await.unwrap()
    }
}

fn at(sequence: u64) -> Position {
    Position { stream: Stream::Advisory, sequence }
}

#[tokio::test]
async fn a_whole_log_has_no_violations() {
    let scene = Scene::set().await;
    let report = scene.report(&[context(&["2"]).command_id, context(&["5"]).command_id]).await;
    assert_eq!((report.violations(), report.events, report.aggregates), (0, EVENTS, 1), "{report}");
}

#[tokio::test]
async fn a_command_that_was_acknowledged_and_is_not_there_is_found() {
    let scene = Scene::set().await;
    let never = context(&["never given"]).command_id;
    let report = scene.report(&[context(&["2"]).command_id, never]).await;
    assert_eq!(report.spelt_out, [Violation::AcknowledgedMissing(never)]);
}

#[tokio::test]
async fn a_deleted_event_is_found_wherever_it_stood() {
    let scene = Scene::set().await;
    scene.delete(3).await;
    let subject = subject(portfolio("savings")).to_string();
    let in_the_middle = [
        Violation::PositionMissing { after: 2, got: 4 },
        Violation::VersionOutOfOrder { position: at(4), subject: subject.clone(), version: 4, before: 2 },
        Violation::AcknowledgedMissing(context(&["3"]).command_id),
    ];
    assert_eq!(scene.report(&[context(&["3"]).command_id]).await.spelt_out, in_the_middle);

    scene.delete(EVENTS).await;
    let report = scene.report(&[]).await;
    assert!(report.spelt_out.contains(&Violation::PositionMissing { after: 4, got: 6 }), "{report}");

    scene.delete(1).await;
    let report = scene.report(&[]).await;
    // The stream itself now begins at 2 and does not count what stood before.
    let beginning = Violation::VersionOutOfOrder { position: at(2), subject, version: 2, before: 0 };
    assert!(report.spelt_out.contains(&beginning), "{report}");
    assert!(report.spelt_out.contains(&Violation::PositionMissing { after: 0, got: 2 }), "{report}");
}

#[tokio::test]
async fn an_event_that_stands_twice_is_found() {
    let scene = Scene::set().await;
    let second = scene.operator.get_stream("ADVISORY").await.unwrap().get_raw_message(2).await.unwrap();
    let mut headers = HeaderMap::new();
    for (name, values) in second.headers.iter().filter(|(name, _)| name.to_string().starts_with("ce-")) {
        values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
    }
    scene.store(second.subject.as_str(), headers, &second.payload).await;

    let subject = subject(portfolio("savings")).to_string();
    let twice = [
        Violation::EventTwice { position: at(6) },
        Violation::CommandTwice { position: at(6) },
        Violation::VersionOutOfOrder { position: at(6), subject, version: 2, before: 5 },
    ];
    assert_eq!(scene.report(&[]).await.spelt_out, twice);
}

#[tokio::test]
async fn bytes_that_are_no_event_are_found() {
    let scene = Scene::set().await;
    scene.store(subject(portfolio("savings")).as_str(), HeaderMap::new(), b"rubbish").await;
    let report = scene.report(&[]).await;
    assert!(!report.spelt_out.is_empty(), "{report}");
    for violation in &report.spelt_out {
        assert!(matches!(violation, Violation::Unreadable { position, .. } if *position == at(6)), "{violation}");
    }
}
