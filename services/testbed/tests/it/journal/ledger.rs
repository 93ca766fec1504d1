//! The same command again is the same command: for ever, in every process.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::stream::Config;
use events::Portfolio;
use events::values::EventId;
use journal::{CommandContext, Done, ExecuteError, Expect, Journal, Outcome};
use testbed::{Log, Nats, assert_whole, eventually, operator};

use crate::given::{context, created, name_of, portfolio, rename, subject};

fn assert_first_answer(again: &Done<Portfolio>, first: &Done<Portfolio>) {
    assert_eq!(again.outcome, Outcome::Replayed);
    assert_eq!((again.version, again.position), (first.version, first.position));
    assert_eq!(again.state, first.state, "the state as it was right after the first time");
}

#[tokio::test]
async fn a_command_given_again_has_its_first_answer_in_every_process() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let id = created(&journal, "savings").await;
    let command = context(&["the command"]);
    let first = journal.execute::<Portfolio>(&id, &rename("second"), &command).await.unwrap();
    for name in ["third", "fourth"] {
        journal.execute::<Portfolio>(&id, &rename(name), &context(&[name])).await.unwrap();
    }

    for journal in [&journal, &log.journal().await] {
        for expect in [Expect::Any, Expect::New, Expect::Version(1), Expect::Version(77)] {
            let again = CommandContext { expect, ..command.clone() };
            let again = journal.execute::<Portfolio>(&id, &rename("second"), &again).await.unwrap();
            assert_first_answer(&again, &first);
        }
        let state = journal.state::<Portfolio>(&id).await.unwrap().state;
        assert_eq!(name_of(&state), "fourth", "the answer of then does not become the state of now");
    }
    assert_whole(&journal, &[command.command_id]).await;
    assert_eq!(journal.history(&subject(id)).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_command_id_for_another_request_is_refused_in_every_process() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let id = created(&journal, "savings").await;
    let first = CommandContext { request_digest: Some("00ff".to_owned()), ..context(&["the command"]) };
    journal.execute::<Portfolio>(&id, &rename("second"), &first).await.unwrap();

    for journal in [&journal, &log.journal().await] {
        for digest in [Some("00fe".to_owned()), None] {
            let other = CommandContext { request_digest: digest, ..first.clone() };
            let refused = journal.execute::<Portfolio>(&id, &rename("third"), &other).await.unwrap_err();
            assert!(matches!(refused, ExecuteError::RequestDiffers), "{refused}");
        }
    }
    assert_eq!(journal.history(&subject(id)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_ledger_outlives_what_the_server_remembers() {
    // Streams that forget message ids at once, where those of production remember them for two minutes.
    let nats = Nats::one().await;
    let operator = operator(&nats).await;
    for (name, subject) in [("ADVISORY", "insights.advisory.*.*.*"), ("MARKET", "insights.market.*.*")] {
        let stream = Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            duplicate_window: Duration::from_millis(100),
            ..Config::default()
        };
        operator.create_stream(stream).await.unwrap();
    }
    let settings = journal::JournalSettings::new(nats.urls(), "/insights/test");
    let journal = Journal::connect(&settings).await.unwrap();
    let id = created(&journal, "savings").await;
    let command = context(&["the command"]);
    let first = journal.execute::<Portfolio>(&id, &rename("second"), &command).await.unwrap();

    // The server says that it has forgotten, without storing anything: the expectation is never right.
    let event = EventId::of(command.command_id).to_string();
    eventually("the end of the server's memory", async || {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", event.as_str());
        headers.insert("Nats-Expected-Last-Subject-Sequence", "999999");
        let sent = operator.publish_with_headers(subject(id).to_string(), headers, "x".into()).await.unwrap();
        match sent.await {
            Ok(remembered) => {
                assert!(remembered.duplicate);
                None
            }
            Err(error) => {
                assert_eq!(error.kind(), PublishErrorKind::WrongLastSequence);
                Some(())
            }
        }
    })
    .await;

    for journal in [&journal, &Journal::connect(&settings).await.unwrap()] {
        for expect in [Expect::Any, Expect::New] {
            let again = CommandContext { expect, ..command.clone() };
            let again = journal.execute::<Portfolio>(&id, &rename("second"), &again).await.unwrap();
            assert_first_answer(&again, &first);
        }
    }
    assert_eq!(journal.history(&subject(portfolio("savings"))).await.unwrap().len(), 2);
}
