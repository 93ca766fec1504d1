//! Letters and the last day of what they advise: one leaves on it, none after it.

use events::recommendation::Letter;
use events::values::Terms;
use jiff::Timestamp;
use jiff::civil::date;
use journal::Verdict;
use notifier::{Mailer, Outbox, handle};
use testbed::{Behaviour, SmtpSink};

use super::office::{Office, smtp};
use super::{claim_and_die, files, last_reason};

/// The last moment of a day, and the first of the next.
fn late_on_the_fifth() -> Timestamp {
    "2026-03-05T23:59:59.999999Z".parse().unwrap()
}

fn early_on_the_sixth() -> Timestamp {
    "2026-03-06T00:00:00Z".parse().unwrap()
}

/// Terms of advice that holds until the fifth.
fn until_the_fifth() -> Terms {
    Terms { valid_until: Some(date(2026, 3, 5)), ..Terms::default() }
}

#[tokio::test]
async fn a_letter_leaves_on_the_advices_last_day_and_not_on_the_day_after() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let client = office.client("José da Silva", "jose@example.com").await;
    let fifth = office.notifier_at(smtp(&sink.url(), &sink), late_on_the_fifth).await;
    let sixth = office.notifier_at(smtp(&sink.url(), &sink), early_on_the_sixth).await;
    let (in_time, made) = office.recommendation_on(client, until_the_fifth()).await;
    assert_eq!(handle(&fifth, made).await, Verdict::Done);
    assert_eq!(office.letter(in_time).await, Letter::Sent { attempt: 1 });

    let (late, made) = office.recommendation_on(client, until_the_fifth()).await;
    assert_eq!(handle(&sixth, made).await, Verdict::Done);
    assert_eq!(office.letter(late).await, Letter::Failed { attempt: 1 });
    assert_eq!(last_reason(&office.history(late).await), "the advice's last day was 2026-03-05");
    let (endless, made) = office.recommendation(client).await;
    assert_eq!(handle(&sixth, made).await, Verdict::Done);
    assert_eq!(office.letter(endless).await, Letter::Sent { attempt: 1 });
    assert_eq!(sink.letters().len(), 2);
}

#[tokio::test]
async fn a_letter_that_was_put_off_on_the_last_day_does_not_leave_on_the_next() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let client = office.client("José da Silva", "jose@example.com").await;
    sink.behave(Behaviour::greylist(1));
    let (id, made) = office.recommendation_on(client, until_the_fifth()).await;
    let fifth = office.notifier_at(smtp(&sink.url(), &sink), late_on_the_fifth).await;
    assert!(matches!(handle(&fifth, made.clone()).await, Verdict::Later { .. }));
    assert_eq!(office.letter(id).await, Letter::Due { attempts: 1 });
    let sixth = office.notifier_at(smtp(&sink.url(), &sink), early_on_the_sixth).await;
    assert_eq!(handle(&sixth, made).await, Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Failed { attempt: 2 });
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn what_a_dead_process_left_open_is_not_written_after_the_advices_last_day() {
    let office = Office::open().await;
    let folder = tempfile::tempdir().unwrap();
    let mailer = Mailer::Outbox(Outbox::open(folder.path()).unwrap());
    let client = office.client("José da Silva", "jose@example.com").await;
    let (id, made) = office.recommendation_on(client, until_the_fifth()).await;
    claim_and_die(&office, id).await;
    assert_eq!(handle(&*office.notifier_at(mailer, early_on_the_sixth).await, made).await, Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Failed { attempt: 1 });
    assert!(files(folder.path()).is_empty());
}
