//! From a recommendation to the client's letter, on real servers: how often a letter leaves, and what is known of it.

mod last_day;
pub(crate) mod office;
mod profiles;

use std::time::Duration;

use events::advisor::AdvisorCommand;
use events::client::ClientCommand;
use events::recommendation::{Letter, RecommendationCommand, RecommendationEvent};
use events::values::{AdvisorId, Note, RecommendationId};
use events::{Advisor, Client, Kind, Recommendation, Stream};
use futures::future::join_all;
use jiff::Timestamp;
use journal::Verdict;
use notifier::{LetterSettings, Outbox, handle};
use testbed::{Behaviour, Command, PATIENCE, SmtpSink, events_after, eventually};

use office::{CLAIM_MARGIN, Office, SEND_TIMEOUT, message_id, parked, smtp};

/// The reason that the last event of a history gives.
fn last_reason(history: &[RecommendationEvent]) -> &str {
    match history.last() {
        Some(
            RecommendationEvent::EmailDeferred { reason, .. }
            | RecommendationEvent::EmailFailed { reason, .. }
            | RecommendationEvent::EmailUnknown { reason, .. },
        ) => reason.as_str(),
        other => panic!("no reason in {other:?}"),
    }
}

/// Waits out a claim. There is nothing to await: a claim grows old and nothing else happens.
async fn claim_grows_old() {
    tokio::time::sleep(SEND_TIMEOUT + CLAIM_MARGIN).await;
}

#[tokio::test]
async fn one_recommendation_makes_one_letter_however_often_its_event_comes() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let (id, made) = office.usual().await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::Sent { attempt: 1 }).await;
    role.stop().await;

    let notifier = office.notifier(&sink).await;
    for _ in 0..3 {
        assert_eq!(handle(&notifier, made.clone()).await, Verdict::Done);
    }
    let letters = sink.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].mail_from, "letters@casaverde.example");
    assert_eq!(letters[0].rcpt_tos, ["jose@example.com"]);
    assert!(letters[0].tls && letters[0].authenticated);
    assert_eq!(letters[0].header("Message-ID"), Some(format!("<{}>", message_id(id))));
}

#[tokio::test]
async fn advice_that_compliance_let_out_says_so_and_not_why() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let client = office.client("José da Silva", "jose@example.com").await;
    let id = office.let_out(client, "see the minutes of 4 March").await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::Sent { attempt: 1 }).await;
    role.stop().await;
    let letters = sink.letters();
    assert_eq!(letters.len(), 1);
    let said = letters[0].text();
    assert!(said.contains("OUTSIDE YOUR PROFILE") && said.contains("you have no suitability profile"), "{said}");
    assert!(!said.contains("minutes"), "{said}");
}

#[tokio::test]
async fn two_processes_that_get_one_event_at_once_send_one_letter() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let notifiers = [office.notifier(&sink).await, office.notifier(&sink).await];
    for _ in 0..5 {
        let before = sink.letters().len();
        let (id, made) = office.usual().await;
        let handling = (0..8).map(|n| {
            let (notifier, made) = (notifiers[n % 2].clone(), made.clone());
            async move { handle(&notifier, made).await }
        });
        let verdicts = join_all(handling).await;
        assert_eq!(office.letter(id).await, Letter::Sent { attempt: 1 }, "{verdicts:?}");
        assert!(verdicts.contains(&Verdict::Done));
        assert_eq!(sink.letters().len(), before + 1);
    }
}

#[tokio::test]
async fn a_letter_that_is_put_off_twice_leaves_at_the_third_attempt_under_the_same_id() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::greylist(2));
    let (id, _) = office.usual().await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::Sent { attempt: 3 }).await;
    role.stop().await;

    let history = office.history(id).await;
    assert!(
        matches!(
            history.as_slice(),
            [
                RecommendationEvent::Made(_),
                RecommendationEvent::EmailClaimed { attempt: 1 },
                RecommendationEvent::EmailDeferred { attempt: 1, .. },
                RecommendationEvent::EmailClaimed { attempt: 2 },
                RecommendationEvent::EmailDeferred { attempt: 2, .. },
                RecommendationEvent::EmailClaimed { attempt: 3 },
                RecommendationEvent::Emailed { attempt: 3 },
            ]
        ),
        "{history:?}"
    );
    let letters = sink.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].header("Message-ID"), Some(format!("<{}>", message_id(id))));
}

#[tokio::test]
async fn letters_that_rest_do_not_hold_up_the_others() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let client = office.client("José da Silva", "jose@example.com").await;
    sink.behave(Behaviour::Answer { at: Command::Rcpt, line: "451 4.2.2 mailbox full", times: None });
    let an_hour = Duration::from_secs(3_600);
    let long = LetterSettings { retry_first: an_hour, retry_max: an_hour, ..office::settings() };
    let role = office.run_with(smtp(&sink.url(), &sink), long).await;
    let mut resting = Vec::new();
    for _ in 0..70 {
        resting.push(office.recommendation(client).await.0);
    }
    for id in resting {
        office.until(id, Letter::Due { attempts: 1 }).await;
    }
    sink.behave(Behaviour::Well);
    let (id, _) = office.recommendation(client).await;
    office.until(id, Letter::Sent { attempt: 1 }).await;
    role.stop().await;
}

#[tokio::test]
async fn a_letter_that_is_put_off_for_ever_fails_after_a_bound() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::Answer { at: Command::Data, line: "452 4.3.1 disk full", times: None });
    let (id, _) = office.usual().await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::Failed { attempt: 5 }).await;
    role.stop().await;
    assert_eq!(
        last_reason(&office.history(id).await),
        "given up after attempt 5: the letter was refused: 452 4.3.1 (mail system)"
    );
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_refused_recipient_fails_the_letter_and_is_not_named_in_the_log() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let line = "550 5.1.1 <jose@example.com> Jose da Silva does not live here";
    sink.behave(Behaviour::Answer { at: Command::Rcpt, line, times: None });
    let (id, made) = office.usual().await;
    assert_eq!(handle(&*office.notifier(&sink).await, made).await, Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Failed { attempt: 1 });
    assert_eq!(last_reason(&office.history(id).await), "the recipient was refused: 550 5.1.1 (address)");
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_refused_login_and_a_refused_sender_are_our_fault_and_put_the_letter_off() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let (id, made) = office.usual().await;
    for (attempt, at, line) in
        [(1, Command::Auth, "535 5.7.8 no"), (2, Command::Mail, "550 5.7.1 you may not send as that")]
    {
        sink.behave(Behaviour::Answer { at, line, times: None });
        // A new process: no connection is kept from before.
        let verdict = handle(&*office.notifier(&sink).await, made.clone()).await;
        assert!(matches!(verdict, Verdict::Later { .. }), "{verdict:?}");
        assert_eq!(office.letter(id).await, Letter::Due { attempts: attempt });
        assert!(last_reason(&office.history(id).await).contains(&line[..9]), "{:?}", office.history(id).await);
    }
}

#[tokio::test]
async fn a_mail_server_that_is_away_or_dumb_before_the_letter_puts_it_off() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let (id, made) = office.usual().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = sink.url().replace(&format!(":{}", sink.port()), &format!(":{nobody}"));
    let notifier = office.notifier_at(smtp(&away, &sink), Timestamp::now).await;
    assert!(matches!(handle(&notifier, made.clone()).await, Verdict::Later { .. }));
    assert_eq!(office.letter(id).await, Letter::Due { attempts: 1 });

    sink.behave(Behaviour::Cut { at: Command::Rcpt, times: None });
    assert!(matches!(handle(&*office.notifier(&sink).await, made.clone()).await, Verdict::Later { .. }));
    assert_eq!(office.letter(id).await, Letter::Due { attempts: 2 });

    sink.behave(Behaviour::Hang { at: Command::Rcpt, time: SEND_TIMEOUT * 5 });
    assert!(matches!(handle(&*office.notifier(&sink).await, made).await, Verdict::Later { .. }));
    assert_eq!(office.letter(id).await, Letter::Due { attempts: 3 });
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_gets_no_letter() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let stranger = SmtpSink::start().await;
    let (id, made) = office.usual().await;
    // The right server, with the authority of another.
    let notifier = office.notifier_at(smtp(&sink.url(), &stranger), Timestamp::now).await;
    assert!(matches!(handle(&notifier, made).await, Verdict::Later { .. }));
    assert_eq!(office.letter(id).await, Letter::Due { attempts: 1 });
    assert!(last_reason(&office.history(id).await).starts_with("no TLS with the mail server"));
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_letter_that_is_cut_off_after_it_was_handed_over_is_unknown_and_never_sent_again() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::KeepAndCut { times: Some(1) });
    let (id, made) = office.usual().await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::OutcomeUnknown { attempt: 1 }).await;
    let parked_events = eventually("the parked event", async || {
        let parked = office.journal.parked().await.unwrap();
        (!parked.is_empty()).then_some(parked)
    })
    .await;
    assert_eq!(parked_events.len(), 1);
    assert_eq!(parked_events[0].position(), Some(made.position()));
    role.stop().await;

    // Redelivered, and after a restart.
    for _ in 0..2 {
        let reason = parked(handle(&*office.notifier(&sink).await, made.clone()).await);
        assert!(reason.contains("nobody knows"), "{reason}");
    }
    let role = office.run(smtp(&sink.url(), &sink)).await;
    // Another letter goes out: the role is awake and has had its chance.
    let (other, _) = office.usual().await;
    office.until(other, Letter::Sent { attempt: 1 }).await;
    role.stop().await;
    assert_eq!(office.letter(id).await, Letter::OutcomeUnknown { attempt: 1 });
    let ids: Vec<_> = sink.letters().iter().filter_map(|letter| letter.header("Message-ID")).collect();
    assert_eq!(ids, [format!("<{}>", message_id(id)), format!("<{}>", message_id(other))]);
}

#[tokio::test]
async fn a_letter_that_is_not_answered_for_in_time_is_unknown() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::Hang { at: Command::Data, time: SEND_TIMEOUT * 5 });
    let (id, made) = office.usual().await;
    parked(handle(&*office.notifier(&sink).await, made).await);
    assert_eq!(office.letter(id).await, Letter::OutcomeUnknown { attempt: 1 });
    assert_eq!(last_reason(&office.history(id).await), "the letter was handed over and not answered for within 2 s");
}

#[tokio::test]
async fn a_task_that_dies_between_claim_and_record_leaves_an_unknown_outcome_and_no_second_letter() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::KeepAndHang { time: PATIENCE });
    let (id, made) = office.usual().await;
    let notifier = office.notifier(&sink).await;
    let dying = tokio::spawn({
        let (notifier, made) = (notifier.clone(), made.clone());
        async move { handle(&notifier, made).await }
    });
    // The letter is taken, and nobody has said so.
    assert_eq!(sink.wait_for_letters(1).await.len(), 1);
    assert_eq!(office.letter(id).await, Letter::Claimed { attempt: 1 });
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    sink.behave(Behaviour::Well);

    // Young, the claim may still be somebody's work.
    let heir = office.notifier(&sink).await;
    let verdict = handle(&heir, made.clone()).await;
    assert!(matches!(verdict, Verdict::Later { after } if after <= SEND_TIMEOUT + CLAIM_MARGIN), "{verdict:?}");
    assert_eq!(office.letter(id).await, Letter::Claimed { attempt: 1 });

    claim_grows_old().await;
    parked(handle(&heir, made.clone()).await);
    assert_eq!(office.letter(id).await, Letter::OutcomeUnknown { attempt: 1 });
    parked(handle(&notifier, made).await);
    assert_eq!(sink.letters().len(), 1, "what the dying process handed over, and nothing else");
}

#[tokio::test]
async fn while_a_letter_is_being_sent_its_event_is_left_alone() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::Hang { at: Command::Data, time: SEND_TIMEOUT / 2 });
    let (id, made) = office.usual().await;
    let notifier = office.notifier(&sink).await;
    let sending = tokio::spawn({
        let (notifier, made) = (notifier.clone(), made.clone());
        async move { handle(&notifier, made).await }
    });
    office.until(id, Letter::Claimed { attempt: 1 }).await;
    assert!(matches!(handle(&notifier, made.clone()).await, Verdict::Later { .. }));
    assert!(matches!(handle(&*office.notifier(&sink).await, made).await, Verdict::Later { .. }));
    assert_eq!(sending.await.unwrap(), Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Sent { attempt: 1 });
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn a_released_letter_is_sent() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::Answer { at: Command::Rcpt, line: "550 5.2.1 mailbox disabled", times: None });
    let (id, _) = office.usual().await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::Failed { attempt: 1 }).await;

    sink.behave(Behaviour::Well);
    let reason = Note::parse("the client has opened the mailbox again").unwrap();
    office.execute::<Recommendation>(&id, &RecommendationCommand::ReleaseEmail { reason }).await;
    office.until(id, Letter::Sent { attempt: 2 }).await;
    role.stop().await;
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn a_client_whose_key_is_destroyed_gets_no_letter() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let (id, made) = office.usual().await;
    sqlx::query("delete from vault.data_keys").execute(&office.pool).await.unwrap();
    assert_eq!(handle(&*office.notifier(&sink).await, made).await, Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Failed { attempt: 1 });
    assert!(last_reason(&office.history(id).await).starts_with("the client's data key is destroyed"));
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_client_who_is_in_other_hands_by_now_gets_no_letter() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let client = office.client("José da Silva", "jose@example.com").await;
    let (id, made) = office.recommendation(client).await;
    let to = AdvisorId::new(uuid::Uuid::new_v4());
    let reason = Note::parse("they moved").unwrap();
    office.execute::<Client>(&client, &ClientCommand::HandOver { to, reason }).await;
    assert_eq!(handle(&*office.notifier(&sink).await, made).await, Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Failed { attempt: 1 });
    assert_eq!(last_reason(&office.history(id).await), "the client is not in the advisor's care any more");
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn nobody_is_written_to_in_the_name_of_an_advisor_who_may_not_advise() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let (id, made) = office.usual().await;
    let reason = Note::parse("they left").unwrap();
    office.execute::<Advisor>(&office.advisor, &AdvisorCommand::Remove { reason }).await;
    assert_eq!(handle(&*office.notifier(&sink).await, made).await, Verdict::Done);
    assert_eq!(office.letter(id).await, Letter::Failed { attempt: 1 });
    assert_eq!(last_reason(&office.history(id).await), "the advisor is removed");
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn a_vault_that_is_away_costs_no_attempt() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let (id, made) = office.usual().await;
    let notifier = office.notifier(&sink).await;
    office.pool.close().await;
    assert!(matches!(handle(&notifier, made).await, Verdict::Later { .. }));
    assert_eq!(office.letter(id).await, Letter::Due { attempts: 0 });
}

#[tokio::test]
async fn a_name_with_the_marks_of_a_header_stays_one_recipient_on_the_wire() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    let notifier = office.notifier(&sink).await;
    for called in
        ["Silva, José <eve@example.com>", "\"eve@example.com\", x", "a: b; c@d.example, e", "=?utf-8?q?=0d=0aBcc:?="]
    {
        let client = office.client(called, "jose@example.com").await;
        let (id, made) = office.recommendation(client).await;
        assert_eq!(handle(&notifier, made).await, Verdict::Done);
        assert_eq!(office.letter(id).await, Letter::Sent { attempt: 1 });
        let letters = sink.letters();
        let letter = letters.last().unwrap();
        assert_eq!(letter.rcpt_tos, ["jose@example.com"], "{called}");
        assert_eq!((letter.header("Bcc"), letter.header("Cc")), (None, None), "{called}");
        assert!(letter.header("To").unwrap().ends_with("<jose@example.com>"), "{called}");
    }
}

#[tokio::test]
async fn the_log_and_what_is_parked_name_no_client() {
    let (office, sink) = (Office::open().await, SmtpSink::start().await);
    sink.behave(Behaviour::KeepAndCut { times: None });
    let client = office.client("Zulmira Quixote", "zulmira@example.com").await;
    let (id, _) = office.recommendation(client).await;
    let role = office.run(smtp(&sink.url(), &sink)).await;
    office.until(id, Letter::OutcomeUnknown { attempt: 1 }).await;
    role.stop().await;
    let events = events_after(&office.journal, Stream::Advisory, 0).await;
    // Two registrations, the recommendation, the claim and what became of it.
    assert!(events.len() >= 5, "{events:?}");
    for event in events {
        let payload = String::from_utf8_lossy(event.payload()).to_lowercase();
        assert!(!payload.contains("zulmira") && !payload.contains("quixote"), "{}", event.event_type());
    }
    let parked = format!("{:?}", office.journal.parked().await.unwrap()).to_lowercase();
    assert!(!parked.contains("zulmira"), "{parked}");
}

/// The letters in a folder, by name, without half-written ones.
fn files(outbox: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(outbox).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Claims an attempt as a process does that then dies.
async fn claim_and_die(office: &Office, id: RecommendationId) {
    office.execute::<Recommendation>(&id, &RecommendationCommand::ClaimEmail { attempt: 1 }).await;
}

#[tokio::test]
async fn an_outbox_settles_what_a_dead_process_left_open() {
    let office = Office::open().await;
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&folder.path().join("outbox")).unwrap();
    let folder = folder.path().join("outbox");
    let notifier = office.notifier_to(&outbox).await;

    // It died before it wrote the letter.
    let (unwritten, made) = office.usual().await;
    claim_and_die(&office, unwritten).await;
    assert_eq!(handle(&notifier, made).await, Verdict::Done);
    assert_eq!(office.letter(unwritten).await, Letter::Sent { attempt: 1 });
    assert_eq!(files(&folder), [format!("{}.eml", message_id(unwritten))]);

    // It died after it wrote the letter.
    let (written, made) = office.usual().await;
    claim_and_die(&office, written).await;
    std::fs::write(outbox.path(&message_id(written)), "the letter that was written").unwrap();
    assert_eq!(handle(&notifier, made).await, Verdict::Done);
    assert_eq!(office.letter(written).await, Letter::Sent { attempt: 1 });
    let kept = std::fs::read_to_string(outbox.path(&message_id(written))).unwrap();
    assert_eq!(kept, "the letter that was written", "it is not written again");
    assert_eq!(files(&folder).len(), 2);
}

#[tokio::test]
async fn an_outbox_holds_one_file_for_each_recommendation() {
    let office = Office::open().await;
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    let notifiers = [office.notifier_to(&outbox).await, office.notifier_to(&outbox).await];
    let mut expected = Vec::new();
    for _ in 0..5 {
        let (id, made) = office.usual().await;
        expected.push(format!("{}.eml", message_id(id)));
        join_all((0..8).map(|n| handle(&notifiers[n % 2], made.clone()))).await;
        assert_eq!(office.letter(id).await, Letter::Sent { attempt: 1 });
    }
    expected.sort();
    assert_eq!(files(folder.path()), expected);
    let letter = std::fs::read_to_string(folder.path().join(&expected[0])).unwrap();
    assert!(letter.contains("To: =?utf-8?b?") && letter.contains("<jose@example.com>"), "{letter}");
}

#[tokio::test]
async fn a_portfolio_recommended_to_many_makes_one_recommendation_for_each_however_often_its_event_comes() {
    let office = Office::open().await;
    let mut clients = Vec::new();
    for n in 0..20 {
        clients.push(office.client("José da Silva", &format!("jose{n}@example.com")).await);
    }
    let (portfolio, recommended) = office.recommended_portfolio(&clients).await;
    let journals = [office.another_journal().await, office.another_journal().await];
    let handling = (0..4).map(|n| recommender::handle(&journals[n % 2], jiff::Timestamp::now(), recommended.clone()));
    for verdict in join_all(handling).await {
        assert_eq!(verdict, Verdict::Done);
    }

    let events = events_after(&office.journal, Stream::Advisory, recommended.position().sequence).await;
    let cause = recommended.metadata().unwrap();
    let mut advised = Vec::new();
    for event in &events {
        assert_eq!(event.kind_and_token().unwrap().0, Kind::Recommendation);
        let metadata = event.metadata().unwrap();
        assert_eq!((metadata.version, metadata.causation_id), (1, Some(cause.event_id)));
        assert!(metadata.time > cause.time, "it is recorded as of when it is made: {metadata:?}");
        match event.decode().unwrap() {
            events::AnyEvent::Recommendation(RecommendationEvent::Made(advice)) => {
                assert_eq!((advice.portfolio, advice.portfolio_version), (portfolio, 2));
                advised.push(advice.client);
            }
            other => panic!("{other:?}"),
        }
    }
    advised.sort();
    clients.sort();
    assert_eq!(advised, clients);
}
