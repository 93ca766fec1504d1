//! Poison: one aggregate waits for a fix, the others flow.

use events::metadata::header;
use events::portfolio::PortfolioEvent;
use events::values::PortfolioId;
use events::{AnyEvent, Kind, Stream};
use projections::model::{self, Changes, FoldError, Table};
use projections::parked::Retried;
use projections::{Applied, ReadModel, apply as applying, parked, portfolios};
use sqlx::PgConnection;

use super::story::{self, Draft, name};
use super::world::{append, apply, checkpoints, database, log, rows};

/// The name that the broken fold below panics at.
const UNLUCKY: &str = "Crescimento \\ {\"a\"}, é";

#[tokio::test]
async fn an_event_that_cannot_be_taken_parks_its_aggregate_and_the_others_flow() {
    let sound = story::advisory(9);
    let victims = portfolios_of(&sound);
    type Harm = fn(&mut Draft);
    let harms: [(&str, Harm); 5] = [
        ("a type of a newer build", |draft| draft.set_header(header::TYPE, "insights.portfolio.created.v99")),
        ("bytes of something else", |draft| draft.payload = vec![0xff; 5]),
        ("no actor", |draft| draft.headers.retain(|(name, _)| *name != header::ACTOR)),
        ("a time that cannot be kept", |draft| draft.set_header(header::TIME, "-009998-01-01T00:00:00Z")),
        ("a name that PostgreSQL refuses", |draft| {
            let at = draft.payload.windows(9).position(|bytes| bytes == b"Portfolio").unwrap();
            draft.payload[at + 2] = 0;
        }),
    ];
    let mut poisoned = sound.clone();
    for ((_, harm), (_, first)) in harms.iter().zip(&victims) {
        harm(&mut poisoned[*first]);
    }
    let pool = database().await;
    let events = story::recorded(Stream::Advisory, &poisoned);
    for batch in events.chunks(40) {
        apply(&pool, Stream::Advisory, batch).await.unwrap();
    }
    assert!(checkpoints(&pool, Stream::Advisory).await.iter().all(|at| *at == events.len() as i64));

    let all = parked::list(&pool).await.unwrap();
    let (listed, elsewhere): (Vec<_>, Vec<_>) = all.into_iter().partition(|event| event.read_model == "portfolios");
    let life_of = |subject: &String| sound.iter().filter(|draft| &draft.subject == subject).count();
    for ((what, _), (subject, first)) in harms.iter().zip(&victims) {
        let mine: Vec<_> = listed.iter().filter(|event| &event.subject == subject).collect();
        let life = life_of(subject);
        assert_eq!(mine.len(), life, "{what}: all that happened to it is parked: {mine:?}");
        assert_eq!(mine[0].position.sequence, *first as u64 + 1, "{what}");
        assert!(mine[1..].iter().all(|event| event.reason.contains("behind")), "{what}: {mine:?}");
        assert!(!mine[0].reason.contains("behind"), "{what}: {mine:?}");
    }
    let subjects: Vec<&String> = victims[..harms.len()].iter().map(|(subject, _)| subject).collect();
    assert!(listed.iter().all(|event| subjects.contains(&&event.subject)), "nobody else is parked");
    // What happened is known by its place alone: it cannot be taken only where it cannot be read.
    let unreadable = &victims[..3];
    assert!(elsewhere.iter().all(|event| unreadable.iter().any(|(subject, _)| *subject == event.subject)));
    let lives: usize = unreadable.iter().map(|(subject, _)| life_of(subject)).sum();
    let counts = [("happenings".to_owned(), lives as u64), ("portfolios".to_owned(), listed.len() as u64)];
    assert_eq!(parked::counts(&pool).await.unwrap(), counts);

    // All others are as if nothing had been wrong.
    let whole = database().await;
    apply(&whole, Stream::Advisory, &story::recorded(Stream::Advisory, &sound)).await.unwrap();
    let mut expected = rows(&whole, Stream::Advisory).await;
    let ids: Vec<&str> = subjects.iter().map(|subject| subject.rsplit('.').next().unwrap()).collect();
    let of_victims = |row: &String| {
        ids.iter().any(|id| row.starts_with(&format!("({id},")) || row.contains(&format!(",portfolio,{id},portfolio.")))
    };
    expected.retain(|row| !of_victims(row));
    let mut kept = rows(&pool, Stream::Advisory).await;
    // Of some it is known at which places something happened.
    kept.retain(|row| !of_victims(row));
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn a_kind_of_a_newer_build_is_parked_once_and_stops_nothing() {
    let mut drafts = story::advisory(3);
    drafts[4].subject = "insights.advisory.00.illustration.x".to_owned();
    let pool = database().await;
    apply(&pool, Stream::Advisory, &story::recorded(Stream::Advisory, &drafts)).await.unwrap();
    let listed = parked::list(&pool).await.unwrap();
    assert_eq!(listed.iter().filter(|event| event.position.sequence == 5).count(), 1);
    assert_eq!(listed[0].read_model.as_str(), parked::UNROUTED);
}

#[tokio::test]
async fn what_a_broken_fold_parked_is_taken_in_order_after_the_fix() {
    let (_nats, journal) = log().await;
    let drafts = story::advisory(9);
    append(&journal, &drafts).await;
    let events = story::recorded(Stream::Advisory, &drafts);
    let sound = model::named("portfolios").unwrap();
    let broken = ReadModel::new::<Broken>("portfolios", Stream::Advisory, &[Kind::Portfolio], PORTFOLIOS);
    let pool = database().await;
    let apply_with = async |model: ReadModel, batch: &[journal::Recorded]| {
        let target = applying::Target { pool: &pool, schema: projections::connect::SCHEMA, models: &[model] };
        applying::batch(&target, Stream::Advisory, batch.to_vec()).await.unwrap();
    };
    // The second unlucky portfolio has met its fate, and more will happen to both.
    let renamings = events.iter().filter(|event| event.event_type().starts_with("insights.portfolio.renamed."));
    let second = renamings.map(|event| event.position().sequence).nth(1).unwrap();
    let (early, late) = events.split_at(usize::try_from(second).unwrap());
    for batch in early.chunks(25) {
        apply_with(broken, batch).await;
    }
    let parked_early = parked::list(&pool).await.unwrap();
    assert!(parked_early.iter().any(|event| event.reason.contains("an unlucky name")), "{parked_early:?}");

    // The fixed build goes on; what was parked stays, and so does what comes behind it.
    apply_with(*sound, late).await;
    let listed = parked::list(&pool).await.unwrap();
    let mut subjects: Vec<&str> = listed.iter().map(|event| event.subject.as_str()).collect();
    subjects.dedup();
    assert!(listed.len() > parked_early.len());

    // As long as it is broken, trying again changes nothing but the reasons.
    let retried = parked::retry_into(&journal, &pool, &broken, subjects[0]).await.unwrap();
    let mine = listed.iter().filter(|event| event.subject == subjects[0]).count();
    assert_eq!(retried, Retried { taken: 0, parked: mine });
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 2);
    for subject in subjects {
        let retried = parked::retry(&journal, &pool, "portfolios", subject).await.unwrap();
        assert!(retried.taken > 0 && retried.parked == 0, "{retried:?}");
    }
    assert!(parked::list(&pool).await.unwrap().is_empty());

    let whole = database().await;
    apply(&whole, Stream::Advisory, &events).await.unwrap();
    let expected = projections::dump::dump(&whole, sound).await.unwrap();
    assert_eq!(projections::dump::dump(&pool, sound).await.unwrap(), expected);
}

const PORTFOLIOS: &[Table] = &[Table { name: "portfolios", key: "id" }];

/// The fold of portfolios, with a fault.
#[derive(Default)]
struct Broken(portfolios::Changed);

impl Changes for Broken {
    fn fold(&mut self, event: &Applied) -> Result<(), FoldError> {
        if let AnyEvent::Portfolio(PortfolioEvent::Renamed { name: new, .. }) = &event.event {
            assert!(*new != name(UNLUCKY), "an unlucky name");
        }
        self.0.fold(event)
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.0.write(connection).await
    }
}

/// The portfolios' subjects, each with the index of its first event.
fn portfolios_of(drafts: &[Draft]) -> Vec<(String, usize)> {
    let mut portfolios: Vec<(String, usize)> = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let (kind, token) = events::Subject::parse(&draft.subject).unwrap();
        if kind == Kind::Portfolio && !portfolios.iter().any(|(subject, _)| *subject == draft.subject) {
            assert!(PortfolioId::parse(token).is_some());
            portfolios.push((draft.subject.clone(), index));
        }
    }
    portfolios
}
