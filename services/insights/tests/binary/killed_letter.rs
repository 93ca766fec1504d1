//! A process that is killed between a letter and the record of it: the next one sends no second letter.

use std::process::Stdio;
use std::time::Duration;

use events::recommendation::RecommendationEvent;
use events::{AnyEvent, Stream};
use insights::private::{Durability, Folder};
use insights::settings::Settings;
use jiff::Timestamp;
use journal::{Journal, JournalSettings};
use notifier::{LetterSettings, Mailer, Sender, SmtpMailer, SmtpSettings, SmtpUrl};
use testbed::{Behaviour, Nats, PATIENCE, Postgres, SmtpSink};
use tokio_util::sync::CancellationToken;
use vault::{KeyEncryptionKey, Vault};

use crate::{COMMAND_WITHIN, insights};

/// Longer than the killed process lives.
const NEVER_ANSWERED: Duration = Duration::from_secs(60);
/// How long the next process gives a letter, and a claim beyond that. The binary has a minute for each; to wait them out
/// would show nothing more.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);
const CLAIM_MARGIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_process_that_is_killed_between_letter_and_record_leaves_an_unknown_outcome_and_no_second_letter() {
    let (folder, nats, sink) = (Folder::temporary().unwrap(), Nats::one().await, SmtpSink::start().await);
    let postgres = Postgres::start(Durability::Fast).await;
    sink.behave(Behaviour::KeepAndHang { time: NEVER_ANSWERED });
    let mut demo = insights(folder.path(), &["demo"]);
    demo.env("INSIGHTS_NATS_URL", nats.operator_urls().join(",")).env("INSIGHTS_DATABASE_URL", postgres.url());
    demo.env("INSIGHTS_SMTP_URL", sink.url()).env("INSIGHTS_SMTP_CA_FILE", sink.authority());
    let mut process = demo.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tokio::time::timeout(COMMAND_WITHIN, async {
        while sink.letters().is_empty() {
            assert!(process.try_wait().unwrap().is_none(), "it ended before its letter was taken");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("a letter in time");
    process.kill().await.unwrap();
    sink.behave(Behaviour::Well);

    let settings = JournalSettings::new(nats.urls(), "/insights/test");
    let journal = Journal::connect(&settings).await.unwrap();
    assert!(
        matches!(letters_of(&journal).await[..], [RecommendationEvent::EmailClaimed { attempt: 1 }]),
        "what became of the letter is not on record"
    );
    let stop = CancellationToken::new();
    let key = KeyEncryptionKey::read_or_create(&folder.path().join(".insights/key")).unwrap();
    let vault = Vault::new(sqlx::PgPool::connect(&postgres.url()).await.unwrap(), key);
    let next =
        tokio::spawn(notifier::run(journal.clone(), vault, healthy(&sink), letters(), Timestamp::now, stop.clone()));
    settled(&journal).await;
    stop.cancel();
    next.await.unwrap().unwrap();

    let history = letters_of(&journal).await;
    assert!(
        matches!(
            history[..],
            [RecommendationEvent::EmailClaimed { attempt: 1 }, RecommendationEvent::EmailUnknown { attempt: 1, .. }]
        ),
        "{history:?}"
    );
    assert_eq!(sink.letters().len(), 1, "what the killed process handed over, and nothing else");
}

/// What is on record of letters.
async fn letters_of(journal: &Journal) -> Vec<RecommendationEvent> {
    let events = testbed::events_after(journal, Stream::Advisory, 0).await;
    let letter = |event: &journal::Recorded| match event.decode().unwrap() {
        AnyEvent::Recommendation(event) if !matches!(event, RecommendationEvent::Made(_)) => Some(event),
        _ => None,
    };
    events.iter().filter_map(letter).collect()
}

/// Waits until something stands behind the claim. The server gives the event to another process half a minute after the
/// last sign of life of the one that had it.
async fn settled(journal: &Journal) {
    let end = journal.last_position(Stream::Advisory).await.unwrap().sequence;
    let mut reader = journal.reader(Stream::Advisory, end).await.unwrap();
    let next = async { while reader.next(1, PATIENCE).await.unwrap().events.is_empty() {} };
    tokio::time::timeout(COMMAND_WITHIN, next).await.expect("a record of the letter in time");
}

fn healthy(sink: &SmtpSink) -> Mailer {
    let mut smtp = SmtpSettings::new(SmtpUrl::parse(&sink.url()).unwrap());
    smtp.root_certificates = Some(sink.authority());
    smtp.send_timeout = SEND_TIMEOUT;
    Mailer::Smtp(SmtpMailer::new(smtp).unwrap())
}

fn letters() -> LetterSettings {
    let sender = Sender::parse(&Settings::default().letter_from).unwrap();
    LetterSettings { claim_margin: CLAIM_MARGIN, ..LetterSettings::new(sender) }
}
