//! The role `expire` killed in the middle of its work, and two of them at once: whatever happens, each advice ends once.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use events::recommendation::{Advice, Recipient, RecommendationCommand, RecommendationEvent};
use events::suitability::Profile;
use events::values::{
    Actor, AdvisorId, Allocation, AssetId, ClientId, CommandId, Currency, Delisted, FiguresSnapshot, Name, Note,
    PortfolioId, RecommendationId, Regime, RiskClass, Terms,
};
use events::{AnyEvent, Position, Recommendation, Stream};
use insights::private::Folder;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use journal::{CommandContext, Expect, Journal, JournalSettings};
use projections::Checkpoints;
use serde_json::Value;
use testbed::{Database, Fault, FaultProxy, Nats, PATIENCE, events_after, eventually};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio_util::sync::CancellationToken;

use crate::{COMMAND_WITHIN, ended, insights, interrupt};

/// Overdue advice: some pages of it, and far more than ends at once.
const ADVICE: usize = 250;
/// What the network takes each way while a process is to be killed: its whole look would take seconds, and a kill does not.
const SLOW: Duration = Duration::from_millis(40);
const LAST_DAY: Date = date(2020, 6, 30);

/// A log with overdue advice, and read models that know of it and of nothing that happens later.
struct House {
    folder: Folder,
    environment: Vec<(&'static str, String)>,
    /// Between the processes and the log.
    network: FaultProxy,
    log: Journal,
    _nats: Nats,
}

impl House {
    async fn with_overdue_advice() -> Self {
        let (folder, nats, database) = (Folder::temporary().unwrap(), Nats::one().await, Database::fresh().await);
        let network = FaultProxy::before(nats.nodes()[0].client_port()).await;
        let mut environment = vec![
            ("INSIGHTS_NATS_URL", nats.operator_urls().join(",")),
            ("INSIGHTS_NATS_MONITOR_URL", nats.monitor_urls().join(",")),
            ("INSIGHTS_DATABASE_URL", database.url().to_owned()),
            ("INSIGHTS_KEY_FILE", folder.path().join("key").display().to_string()),
            ("INSIGHTS_LOG_FORMAT", "json".to_owned()),
        ];
        let mut provision = insights(folder.path(), &["provision"]);
        let (well, said, complained) = ended(provision.envs(environment.clone())).await;
        assert!(well, "{said}\n{complained}");
        environment[0].1 = network.instead_of(&nats.urls()[0]);

        let log = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/test")).await.unwrap();
        for n in 0..ADVICE {
            recommend(&log, n).await;
        }
        let pool = projections::connect(database.url(), 4).await.unwrap();
        let stop = CancellationToken::new();
        let following = tokio::spawn(projections::follow::run(log.clone(), pool.clone(), stop.clone()));
        let end = log.last_position(Stream::Advisory).await.unwrap();
        Checkpoints::watch(pool).wait_for(end, PATIENCE).await.unwrap();
        stop.cancel();
        following.await.unwrap().unwrap();
        Self { folder, environment, network, log, _nats: nats }
    }

    /// The role in a process of its own, and what it tells.
    fn expire(&self) -> (Child, BufReader<ChildStderr>) {
        let mut command = insights(self.folder.path(), &["expire"]);
        let mut child = command.envs(self.environment.clone()).stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        (child, told)
    }

    /// How often each advice has expired.
    async fn ends(&self) -> BTreeMap<Position, usize> {
        let mut ends = BTreeMap::new();
        let mut made = BTreeMap::new();
        for event in events_after(&self.log, Stream::Advisory, 0).await {
            match event.decode().unwrap() {
                AnyEvent::Recommendation(RecommendationEvent::Made(_)) => {
                    made.insert(event.subject().to_owned(), event.position());
                    ends.insert(event.position(), 0);
                }
                AnyEvent::Recommendation(RecommendationEvent::Expired { .. }) => {
                    *ends.get_mut(&made[event.subject()]).unwrap() += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        ends
    }
}

/// What one look came to, as the process tells it: how many expired, how many had ended, how many are left.
async fn look(told: &mut BufReader<ChildStderr>) -> (usize, usize, usize) {
    let mut lines = told.lines();
    let said = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["expired"].is_number() {
                let number = |field: &str| usize::try_from(line[field].as_u64().unwrap()).unwrap();
                return (number("expired"), number("ended"), number("left"));
            }
        }
        panic!("it ended before it had looked");
    };
    tokio::time::timeout(COMMAND_WITHIN, said).await.expect("a look in time")
}

/// Advice whose last day is long over.
async fn recommend(log: &Journal, n: usize) {
    let command_id = CommandId::of(&["advice", &n.to_string()]);
    let name = |text: &str| Name::parse(text).unwrap();
    let advice = Advice {
        portfolio: PortfolioId::created_by(command_id),
        portfolio_version: 1,
        portfolio_name: name("Crescimento"),
        currency: Currency::parse("USD").unwrap(),
        client: ClientId::created_by(command_id),
        advisor: AdvisorId::created_by(command_id),
        allocation: Allocation::try_new([(AssetId::parse("AAPL").unwrap(), "1".parse().unwrap())]).unwrap(),
        rationale: Note::parse("Steady businesses.").unwrap(),
        figures: FiguresSnapshot {
            definitions: "figures-1".to_owned(),
            start: date(2019, 1, 2),
            end: date(2019, 12, 30),
            returns: 0,
            risk_free_rate: 0.0,
            cumulative: None,
            cagr: None,
            volatility: None,
            sharpe: None,
            max_drawdown: None,
            drawdown_peak: None,
            drawdown_valley: None,
            prices_position: Position { stream: Stream::Market, sequence: 0 },
            cash: BTreeMap::new(),
            missing: BTreeMap::new(),
        },
        terms: Terms { valid_until: Some(LAST_DAY), ..Terms::default() },
    };
    let on = date(2020, 1, 2);
    let profile = Profile::by_hand(RiskClass::Aggressive, Note::parse("can bear the most").unwrap(), on);
    let recipient =
        Recipient { in_care: true, profile: Some(profile), regime: Regime::Other, delisted: Delisted::default(), on };
    let make = RecommendationCommand::Make { advice: Box::new(advice), recipient };
    let context = CommandContext {
        command_id,
        time: Timestamp::now(),
        actor: Actor::parse("role:test").unwrap(),
        expect: Expect::New,
        request_digest: None,
        causation_id: None,
    };
    let id = RecommendationId::created_by(command_id);
    log.execute::<Recommendation>(&id, &make, &context).await.unwrap();
}

#[tokio::test]
async fn each_advice_ends_once_though_one_process_is_killed_half_way_and_two_follow_at_once() {
    let house = House::with_overdue_advice().await;
    let made = house.log.last_position(Stream::Advisory).await.unwrap().sequence;
    assert_eq!(house.ends().await.len(), ADVICE);

    house.network.set(Fault::Delay(SLOW));
    let (mut killed, _its_lines) = house.expire();
    let first_end = async || (house.log.last_position(Stream::Advisory).await.unwrap().sequence > made).then_some(());
    eventually("a first end", first_end).await;
    // From here on it hears of nothing that it has recorded; and then it is gone.
    house.network.set(Fault::SwallowReplies);
    killed.kill().await.unwrap();
    house.network.set(Fault::None);
    let ended_before: usize = house.ends().await.values().sum();
    assert!((1..ADVICE).contains(&ended_before), "it was killed half-way: {ended_before}");

    // The read models have heard of no end, so each of these two gives every command.
    let ((one, mut its_lines), (other, mut other_lines)) = (house.expire(), house.expire());
    let looks = tokio::join!(look(&mut its_lines), look(&mut other_lines));
    for (expired, ended, left) in [looks.0, looks.1] {
        assert_eq!((expired + ended, left), (ADVICE, 0), "{looks:?}");
    }
    assert!(looks.0.0 + looks.1.0 <= ADVICE - ended_before, "{looks:?} after {ended_before}");
    let ends = house.ends().await;
    assert!(ends.len() == ADVICE && ends.values().all(|ends| *ends == 1), "{ends:?}");
    for process in [one, other] {
        assert!(interrupt(process).await.success(), "Ctrl-C is a clean end");
    }
}
