//! Batches: applied once, in order, with the same rows whatever their size.

use events::portfolio::Composition;
use events::portfolio::Portfolio;
use events::recommendation::{self, Letter, Recommendation};
use events::values::AggregateId;
use events::{Decider, Kind, Position, Stored, Stream};
use projections::apply::ApplyError;
use projections::{portfolios, recommendations};

use super::story;
use super::world::{apply, checkpoints, database, rows};

#[tokio::test]
async fn a_batch_that_comes_again_changes_no_row() {
    for stream in Stream::ALL {
        let pool = database().await;
        let events = story::recorded(stream, &drafts(stream));
        let (first, rest) = events.split_at(events.len() / 3);
        apply(&pool, stream, first).await.unwrap();
        let after_first = rows(&pool, stream).await;
        apply(&pool, stream, first).await.unwrap();
        assert_eq!(rows(&pool, stream).await, after_first, "the same batch again");

        apply(&pool, stream, rest).await.unwrap();
        let after_all = rows(&pool, stream).await;
        assert_ne!(after_all, after_first);
        apply(&pool, stream, rest).await.unwrap();
        apply(&pool, stream, &events).await.unwrap();
        apply(&pool, stream, &events[3..17]).await.unwrap();
        assert_eq!(rows(&pool, stream).await, after_all, "older batches again");
        assert!(checkpoints(&pool, stream).await.iter().all(|at| *at == i64::try_from(events.len()).unwrap()));
    }
}

#[tokio::test]
async fn batches_of_any_size_leave_the_same_rows() {
    for stream in Stream::ALL {
        let events = story::recorded(stream, &drafts(stream));
        let mut before: Option<Vec<String>> = None;
        for size in [1, 2, 7, 50, events.len()] {
            let pool = database().await;
            for batch in events.chunks(size) {
                apply(&pool, stream, batch).await.unwrap();
            }
            let rows = rows(&pool, stream).await;
            assert!(rows.len() > 20, "there are rows to compare");
            assert_eq!(before.replace(rows.clone()).unwrap_or(rows.clone()), rows, "in batches of {size}");
        }
    }
}

#[tokio::test]
async fn events_of_two_batches_may_overlap() {
    let pool = database().await;
    let events = story::recorded(Stream::Advisory, &story::advisory(10));
    let (batch, overlapping) = (&events[..60], &events[40..]);
    apply(&pool, Stream::Advisory, batch).await.unwrap();
    apply(&pool, Stream::Advisory, overlapping).await.unwrap();
    let whole = database().await;
    apply(&whole, Stream::Advisory, &events).await.unwrap();
    assert_eq!(rows(&pool, Stream::Advisory).await, rows(&whole, Stream::Advisory).await);
}

#[tokio::test]
async fn a_gap_is_refused_and_nothing_is_written() {
    let pool = database().await;
    let events = story::recorded(Stream::Advisory, &story::advisory(5));
    apply(&pool, Stream::Advisory, &events[..20]).await.unwrap();
    let before = rows(&pool, Stream::Advisory).await;

    let refused = apply(&pool, Stream::Advisory, &events[21..]).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Gap { after: 20, got: 22, .. }), "{refused}");
    let holed: Vec<_> = events[20..].iter().filter(|event| event.position().sequence != 30).cloned().collect();
    let refused = apply(&pool, Stream::Advisory, &holed).await.unwrap_err();
    assert!(matches!(refused, ApplyError::Gap { after: 29, got: 31, .. }), "{refused}");

    assert_eq!(rows(&pool, Stream::Advisory).await, before);
    assert!(checkpoints(&pool, Stream::Advisory).await.iter().all(|at| *at == 20));
}

#[tokio::test]
async fn rows_say_what_the_deciders_say() {
    let pool = database().await;
    let events = story::recorded(Stream::Advisory, &story::advisory(12));
    for batch in events.chunks(11) {
        apply(&pool, Stream::Advisory, batch).await.unwrap();
    }
    let (mut portfolios_seen, mut recommendations_seen) = (0, 0);
    let mut subjects: Vec<&str> = events.iter().map(|event| event.subject()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    for subject in subjects {
        let history: Vec<_> = events.iter().filter(|event| event.subject() == subject).collect();
        let last: Position = history.last().unwrap().position();
        match events::Subject::parse(subject).unwrap() {
            (Kind::Portfolio, token) => {
                let state = state::<Portfolio>(&history);
                let Composition { advisor, name, currency, allocation, policy, origin, model_of, subscription, .. } =
                    state.composition().unwrap_or_else(|| panic!("{subject} does not exist"));
                let row = portfolios::get(&pool, AggregateId::from_token(token).unwrap()).await.unwrap().unwrap();
                assert_eq!((row.advisor, row.name.as_str()), (*advisor, name.as_str()));
                assert_eq!((&row.policy, &row.origin), (policy, origin));
                assert_eq!(row.model_of.as_deref(), model_of.as_ref().map(events::values::Name::as_str));
                assert_eq!(row.subscription, *subscription);
                assert_eq!(row.standing.word() == "archived", matches!(state, Portfolio::Archived(_)));
                assert_eq!((row.currency.as_str(), row.position), (currency.as_str(), last));
                assert_eq!(row.version, history.len() as u64);
                let targets: Vec<_> =
                    allocation.iter().map(|(asset, weight)| (asset.clone(), weight.value())).collect();
                assert_eq!(row.allocation, targets);
                portfolios_seen += 1;
            }
            (Kind::Recommendation, token) => {
                let id = AggregateId::from_token(token).unwrap();
                let row = recommendations::get(&pool, id).await.unwrap().unwrap();
                let (advice, letter) = match state::<Recommendation>(&history) {
                    Recommendation::Made { advice, let_through, letter, standing } => {
                        assert_eq!(row.overridden.is_none(), let_through.is_empty());
                        assert_eq!(row.standing, standing.word());
                        // What does not stand is written about to nobody.
                        let is_due = matches!(letter, Letter::Due { .. });
                        let is_none = is_due && standing != recommendation::Standing::Open;
                        (advice, if is_none { "none" } else { letter.word() })
                    }
                    Recommendation::Refused { advice, shut, superseded_by, .. } => {
                        let standing = if superseded_by.is_some() { "superseded" } else { "refused" };
                        assert_eq!((row.standing.as_str(), &row.gates), (standing, &serde_json::json!(shut)));
                        assert_eq!(row.superseded_by, superseded_by);
                        (advice, "none")
                    }
                    Recommendation::Unknown => panic!("{subject} was not made"),
                };
                assert_eq!(row.terms, serde_json::to_value(&advice.terms).unwrap());
                assert_eq!((row.letter.as_str(), row.client), (letter, advice.client));
                assert_eq!(row.emailed_at.is_some(), row.letter == "sent");
                assert_eq!(row.figures, serde_json::to_value(&advice.figures).unwrap());
                assert_eq!(row.position, last);
                recommendations_seen += 1;
            }
            _ => {}
        }
    }
    assert!(portfolios_seen == 12 && recommendations_seen >= 24, "{portfolios_seen}, {recommendations_seen}");
}

fn state<D: Decider>(history: &[&journal::Recorded]) -> D {
    history.iter().fold(D::default(), |state, recorded| {
        let event = D::Event::decode(recorded.event_type(), recorded.payload()).unwrap();
        state.evolve(&event)
    })
}

fn drafts(stream: Stream) -> Vec<story::Draft> {
    match stream {
        Stream::Advisory => story::advisory(12),
        Stream::Market => story::market(12, 6),
    }
}
