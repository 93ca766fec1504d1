//! Of one portfolio's recommendations to one client one stands at the most, the last that went out: in whatever order
//! effects run, by however many processes, and however often they are broken off.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use events::advisor;
use events::client::ClientCommand;
use events::portfolio::{Composition, PortfolioCommand};
use events::recommendation::{Care, Circumstances, RecommendationCommand, RecommendationRejection, Standing, making};
use events::values::{
    Actor, AggregateId, ClientId, CommandId, Currency, Delisted, Note, PortfolioId, RecommendationId, Regime,
    RiskClass, Terms,
};
use events::{Client, Kind, Portfolio, Recommendation, Subject};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use journal::{CommandContext, ExecuteError, Expect, Journal, Recorded, Verdict};
use recommender::{handle, succession};
use testbed::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::letters::office::{Office, allocation, figures, name};

/// Every order of three.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
/// Whether each of three fits the client, in every way.
const FITS: [[bool; 3]; 8] = [
    [true, true, true],
    [true, true, false],
    [true, false, true],
    [true, false, false],
    [false, true, true],
    [false, true, false],
    [false, false, true],
    [false, false, false],
];

/// A client who may bear moderate risk.
async fn client(office: &Office) -> ClientId {
    let client = office.client("José da Silva", "jose@example.com").await;
    let on = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let profile = ClientCommand::SetProfile { class: RiskClass::Moderate, reason: why(), on };
    office.execute::<Client>(&client, &profile).await;
    client
}

/// A portfolio that carries moderate risk.
async fn portfolio(office: &Office) -> PortfolioId {
    let portfolio = PortfolioId::new(Uuid::new_v4());
    let currency = Currency::parse("USD").unwrap();
    let mut composition = Composition::new(office.advisor, name("Crescimento"), currency, allocation());
    composition.policy.risk_class = Some(RiskClass::Moderate);
    office.execute::<Portfolio>(&portfolio, &PortfolioCommand::Create(Box::new(composition))).await;
    portfolio
}

/// The portfolio recommended to these clients, of products that fit them or do not.
async fn recommend(office: &Office, portfolio: PortfolioId, clients: &[ClientId], fits: bool) -> Recorded {
    let product = if fits { RiskClass::Moderate } else { RiskClass::Aggressive };
    let product_classes = allocation().iter().map(|(asset, _)| (asset.clone(), product)).collect();
    let recommend = PortfolioCommand::Recommend {
        clients: clients.iter().copied().collect(),
        rationale: Note::parse("Steady businesses.").unwrap(),
        figures: Box::new(figures()),
        terms: Terms { product_classes, ..Terms::default() },
        delisted: Delisted::default(),
    };
    let done = office.execute::<Portfolio>(&portfolio, &recommend).await;
    office.journal.event_at(done.position.unwrap()).await.unwrap().unwrap()
}

fn why() -> Note {
    Note::parse("see the minutes").unwrap()
}

/// The recommendation that the portfolio's event becomes for the client.
fn id(recommended: &Recorded, client: ClientId) -> RecommendationId {
    RecommendationId::created_by(making(recommended.metadata().unwrap().event_id, client))
}

/// How the recommendation stands, `None` where it is not made yet.
async fn standing(journal: &Journal, id: RecommendationId) -> Option<Standing> {
    match journal.state::<Recommendation>(&id).await.unwrap().state {
        Recommendation::Unknown => None,
        Recommendation::Made { standing, .. } => Some(standing),
        Recommendation::Refused { superseded_by: None, .. } => Some(Standing::Refused),
        Recommendation::Refused { superseded_by: Some(_), .. } => Some(Standing::Superseded),
    }
}

async fn standings(journal: &Journal, ids: &[RecommendationId]) -> Vec<Option<Standing>> {
    let mut standings = Vec::new();
    for id in ids {
        standings.push(standing(journal, *id).await);
    }
    standings
}

/// How these stand when all is done: the last that went out is open, those before it have had their time.
fn in_the_end(went_out: &[bool]) -> Vec<Option<Standing>> {
    let last = went_out.iter().rposition(|went_out| *went_out);
    let standing = |place: usize| match last {
        Some(last) if place == last => Standing::Open,
        Some(last) if place < last => Standing::Superseded,
        _ => Standing::Refused,
    };
    (0..went_out.len()).map(|place| Some(standing(place))).collect()
}

fn open(standings: &[Option<Standing>]) -> usize {
    standings.iter().filter(|standing| **standing == Some(Standing::Open)).count()
}

/// Lets refused advice out, by somebody who knows of no later one; the event, or why not.
async fn let_out(office: &Office, id: RecommendationId) -> Result<Recorded, RecommendationRejection> {
    let time = Timestamp::now();
    let now = Circumstances {
        care: Care::Theirs,
        advisor: advisor::Standing::Active,
        regime: Regime::Other,
        portfolio_archived: false,
        delisted: Delisted::default(),
        later: None,
        on: time.to_zoned(TimeZone::UTC).date(),
    };
    let command = RecommendationCommand::Override { by: Actor::parse("compliance:1").unwrap(), reason: why(), now };
    let context = CommandContext {
        command_id: CommandId::new(Uuid::new_v4()),
        time,
        actor: Actor::parse("compliance:1").unwrap(),
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    match office.journal.execute::<Recommendation>(&id, &command, &context).await {
        Ok(done) => Ok(office.journal.event_at(done.position.unwrap()).await.unwrap().unwrap()),
        Err(ExecuteError::Rejected(rejection)) => Err(rejection),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn in_whatever_order_events_come_the_last_that_fits_stands_and_no_other() {
    let office = Office::open().await;
    let client = client(&office).await;
    for fits in FITS {
        for order in ORDERS {
            let portfolio = portfolio(&office).await;
            let mut events = Vec::new();
            for fits in fits {
                events.push(recommend(&office, portfolio, &[client], fits).await);
            }
            let ids: Vec<_> = events.iter().map(|event| id(event, client)).collect();
            for place in order {
                assert_eq!(handle(&office.journal, Timestamp::now(), events[place].clone()).await, Verdict::Done);
                let now = standings(&office.journal, &ids).await;
                assert!(open(&now) <= 1, "{fits:?} in the order {order:?}: {now:?} after {place}");
                assert!(now[..=place].iter().all(Option::is_some), "{now:?}: a later one before an earlier one");
            }
            let expected = in_the_end(&fits);
            assert_eq!(standings(&office.journal, &ids).await, expected, "{fits:?} in the order {order:?}");
            for place in order {
                assert_eq!(handle(&office.journal, Timestamp::now(), events[place].clone()).await, Verdict::Done);
            }
            assert_eq!(standings(&office.journal, &ids).await, expected, "{fits:?} in the order {order:?} again");
        }
    }
}

#[tokio::test]
async fn in_whatever_order_refused_advice_is_let_out_and_seen_to_the_last_that_went_out_stands() {
    let office = Office::open().await;
    let client = client(&office).await;
    for fits in [[false, false, false], [true, false, false], [false, true, false], [false, false, true]] {
        for (deciding, seeing) in ORDERS.iter().flat_map(|one| ORDERS.iter().map(move |other| (one, other))) {
            let portfolio = portfolio(&office).await;
            let mut events = Vec::new();
            for fits in fits {
                events.push(recommend(&office, portfolio, &[client], fits).await);
            }
            let ids: Vec<_> = events.iter().map(|event| id(event, client)).collect();
            // All are made, and none of them knows yet which of the others went out.
            for event in &events {
                assert_eq!(handle(&office.journal, Timestamp::now(), event.clone()).await, Verdict::Done);
            }
            let (mut went_out, mut outs) = (fits, BTreeMap::new());
            for &place in deciding {
                match let_out(&office, ids[place]).await {
                    Ok(event) => {
                        went_out[place] = true;
                        outs.insert(place, event);
                    }
                    Err(RecommendationRejection::NotRefused) => assert!(fits[place]),
                    Err(RecommendationRejection::Overtaken { .. }) => assert!(fits[place + 1..].contains(&true)),
                    Err(other) => panic!("{other}"),
                }
            }
            for event in seeing.iter().filter_map(|place| outs.get(place)) {
                assert_eq!(succession::handle(&office.journal, Timestamp::now(), event.clone()).await, Verdict::Done);
            }
            let expected = in_the_end(&went_out);
            let now = standings(&office.journal, &ids).await;
            assert_eq!(now, expected, "{fits:?}, let out {deciding:?}, seen to {seeing:?}");
        }
    }
}

#[tokio::test]
async fn seen_to_one_by_one_what_later_advice_has_overtaken_is_not_let_out() {
    let office = Office::open().await;
    let (client, portfolio) = (client(&office).await, portfolio(&office).await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let event = recommend(&office, portfolio, &[client], false).await;
        assert_eq!(handle(&office.journal, Timestamp::now(), event.clone()).await, Verdict::Done);
        ids.push(id(&event, client));
    }
    let out = let_out(&office, ids[1]).await.unwrap();
    assert_eq!(succession::handle(&office.journal, Timestamp::now(), out).await, Verdict::Done);
    assert_eq!(let_out(&office, ids[0]).await.unwrap_err(), RecommendationRejection::Overtaken { by: ids[1] });
    let out = let_out(&office, ids[2]).await.unwrap();
    assert_eq!(succession::handle(&office.journal, Timestamp::now(), out).await, Verdict::Done);
    let expected = [Standing::Superseded, Standing::Superseded, Standing::Open].map(Some);
    assert_eq!(standings(&office.journal, &ids).await, expected);
}

/// Lets the work be polled so many times and drops it, wherever it is then; whether it was done.
async fn broken_off(work: impl Future<Output = Verdict>, polls_max: usize) -> bool {
    let (mut work, mut polls) = (pin!(work), 0);
    poll_fn(move |context| {
        if polls == polls_max {
            return Poll::Ready(false);
        }
        polls += 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test]
async fn wherever_a_process_dies_what_comes_after_it_brings_the_same() {
    /// More than one event takes: the test says so.
    const POLLS_MAX: usize = 1_000;
    let office = Office::open().await;
    let client = client(&office).await;
    let mut done_at_last = false;
    for polls in (0..POLLS_MAX).step_by(2) {
        let portfolio = portfolio(&office).await;
        let mut events = Vec::new();
        for fits in [true, false, true] {
            events.push(recommend(&office, portfolio, &[client], fits).await);
        }
        let ids: Vec<_> = events.iter().map(|event| id(event, client)).collect();
        let dying = office.another_journal().await;
        done_at_last = broken_off(handle(&dying, Timestamp::now(), events[2].clone()), polls).await;
        // New events come before those that the dead one had.
        for place in [1, 2, 0] {
            assert_eq!(handle(&office.journal, Timestamp::now(), events[place].clone()).await, Verdict::Done);
        }
        let expected = in_the_end(&[true, false, true]);
        assert_eq!(standings(&office.journal, &ids).await, expected, "broken off after {polls} polls");
        if done_at_last {
            break;
        }
    }
    assert!(done_at_last, "{POLLS_MAX} polls are not enough to be broken off everywhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_in_a_row_to_many_clients_the_last_stands_for_each_with_two_processes_at_work() {
    const CLIENTS: usize = 60;
    let office = Office::open().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(client(&office).await);
    }
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    for _ in 0..2 {
        let (journal, stop) = (office.another_journal().await, stop.clone());
        tokio::spawn(async move { recommender::run(journal, Timestamp::now, stop).await.unwrap() });
    }
    let portfolio = portfolio(&office).await;
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(recommend(&office, portfolio, &clients, true).await);
    }
    let expected = in_the_end(&[true; 3]);
    for &client in &clients {
        let ids: Vec<_> = events.iter().map(|event| id(event, client)).collect();
        eventually("one recommendation that stands", async || {
            (standings(&office.journal, &ids).await == expected).then_some(())
        })
        .await;
        let mut made = Vec::new();
        for id in &ids {
            let subject = Subject::new(Kind::Recommendation, &id.token());
            made.push(office.journal.history(&subject).await.unwrap()[0].position().sequence);
        }
        assert!(made.is_sorted(), "{made:?}: a later one was made before an earlier one");
    }
}
