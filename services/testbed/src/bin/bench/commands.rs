//! (a) and (b): commands over HTTP beside raw appends, on the same servers, in rounds that alternate.
//!
//! The service runs the role `api` alone, as it is deployed. Beside times stands what a command costs in computing time,
//! of callers + nats-servers on one side, of callers + service + nats-servers on the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use events::Stream;
use serde_json::json;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::bed::Bed;
use crate::cpu;
use crate::http::{Answer, Connection};
use crate::load::{Round, Tally, drive};
use crate::options::{Counts, Measurement};
use crate::raw::{self, Appender};
use crate::report::{Report, median, milliseconds, per_second, percentile};
use crate::service::Service;
use crate::truth::Told;
use crate::wishes::{ASSETS, SHARED, Wish, allocation_body, create_body, price_body};

/// What HTTP should reach of what raw appends reach.
const RATIO: f64 = 0.8;
/// Answers that the journal and the callers' own order should keep from callers.
const NOT_FOR_CALLERS: [u16; 3] = [409, 412, 503];
/// What is asked for and by how many.
const SCENARIOS: [(Wish, usize); 8] = [
    (Wish::Create, 1),
    (Wish::Create, 64),
    (Wish::Create, 256),
    (Wish::ChangeOwn, 1),
    (Wish::ChangeOwn, 64),
    (Wish::ChangeOwn, 256),
    (Wish::ChangeShared, 64),
    (Wish::PriceShared, 64),
];

/// Measures all scenarios on these servers.
pub async fn measure(bed: &Bed, counts: &Counts, which: Measurement, report: &mut Report) -> anyhow::Result<()> {
    let service = bed.serve("api").await?;
    let journal = bed.journal().await?;
    let appender = Appender::new(&journal)?;
    let mut told = Told::default();
    let advisor = prepare(&service, &mut told).await?;
    let letter = which.letter();
    let mut refused = 0;
    report.line(&format!(
        "{:<28} {:>7} {:>8} {:>8} {:>6}   {:>15} {:>15}   {:>9} {:>13} {:>7}",
        "",
        "callers",
        "raw/s",
        "HTTP/s",
        "ratio",
        "raw p50/p99 ms",
        "HTTP p50/p99 ms",
        "raw CPU",
        "HTTP CPU us",
        "refused"
    ));
    let processes =
        Processes { client: vec![std::process::id()], service: vec![service.process()], servers: bed.nats_processes() };
    for (wish, callers) in SCENARIOS {
        let each = counts.each_of(callers);
        let raw = raw::Callers::new(&appender, wish, callers, told.of(stream_of(wish))).await?;
        let mut http = Callers::open(&service, &advisor, wish, callers, &mut told).await?;
        let (mut raws, mut https) = (Side::default(), Side::default());
        for _ in 0..counts.rounds {
            let before = processes.spent()?;
            let round = raw.round(each).await.context("raw appends")?;
            raws.add(round, before, processes.spent()?);
            let before = processes.spent()?;
            let round = http.round(each).await.context("commands over HTTP")?;
            https.add(round, before, processes.spent()?);
        }
        for round in raws.rounds.iter().chain(&https.rounds) {
            told.of(stream_of(wish)).extend(&round.tally.acknowledged);
            told.refused += round.tally.refused.values().sum::<u64>();
        }
        let turned_away: u64 = https.rounds.iter().flat_map(|round| round.tally.refused.values()).sum();
        refused += turned_away;
        let (raw, http) = (raws.summary(), https.summary());
        let ratio = http.per_second / raw.per_second;
        let line = format!(
            "{:<28} {callers:>7} {:>8.0} {:>8.0} {ratio:>6.2}   {:>15} {:>15}   {:>9} {:>13} {turned_away:>7}",
            wish.name(),
            raw.per_second,
            http.per_second,
            format!("{:.2} / {:.2}", raw.p50_ms, raw.p99_ms),
            format!("{:.2} / {:.2}", http.p50_ms, http.p99_ms),
            format!("{:.0}+{:.0}", raw.spent_us[0], raw.spent_us[2]),
            format!("{:.0}+{:.0}+{:.0}", http.spent_us[0], http.spent_us[1], http.spent_us[2]),
        );
        let numbers = json!({
            "measurement": letter.to_string(), "wish": wish.name(), "callers": callers,
            "commands": each * callers * counts.rounds, "raw": raw.json(), "http": http.json(), "ratio": ratio,
            "refused": turned_away,
        });
        report.row(&line, numbers);
        report.at_least(&format!("({letter}) {}, {callers} callers: HTTP / raw", wish.name()), RATIO, ratio);
    }
    report.none(&format!("({letter}) 409, 412 or 503 that reached a caller"), refused);
    let checked = told.check(&journal).await?;
    report.row(
        &format!(
            "{checked} acknowledged events, each once in the log; the api role holds {} MiB",
            service.resident_kib()? / 1_024
        ),
        json!({"measurement": letter.to_string(), "acknowledged": checked, "resident_kib": service.resident_kib()?}),
    );
    Ok(())
}

/// The processes that take part.
struct Processes {
    client: Vec<u32>,
    service: Vec<u32>,
    servers: Vec<u32>,
}

/// Computing time: of the callers, the service and the nats-servers.
type Spent = [Duration; 3];

impl Processes {
    fn spent(&self) -> anyhow::Result<Spent> {
        Ok([cpu::time_of(&self.client)?, cpu::time_of(&self.service)?, cpu::time_of(&self.servers)?])
    }
}

/// The rounds of one side.
#[derive(Default)]
struct Side {
    rounds: Vec<Round>,
    spent: Spent,
}

/// What they come to.
struct Summary {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Computing time of a command, in microseconds.
    spent_us: [f64; 3],
    rounds: Vec<f64>,
}

impl Side {
    fn add(&mut self, round: Round, before: Spent, after: Spent) {
        self.rounds.push(round);
        for ((spent, before), after) in self.spent.iter_mut().zip(before).zip(after) {
            *spent += after.saturating_sub(before);
        }
    }

    fn summary(&self) -> Summary {
        let each: Vec<f64> = self.rounds.iter().map(Round::per_second).collect();
        let at = |percent| median(self.rounds.iter().map(|round| milliseconds(round.percentile(percent))).collect());
        let commands = self.rounds.iter().map(|round| round.tally.acknowledged.len()).sum();
        let spent_us = self.spent.map(|spent| 1e6 / per_second(commands, spent));
        Summary { per_second: median(each.clone()), p50_ms: at(50), p99_ms: at(99), spent_us, rounds: each }
    }
}

impl Summary {
    fn json(&self) -> serde_json::Value {
        let [client, service, servers] = self.spent_us;
        json!({
            "per_second": self.per_second, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms, "rounds": self.rounds,
            "cpu_us": {"callers": client, "api": service, "nats": servers},
        })
    }
}

const fn stream_of(wish: Wish) -> Stream {
    match wish {
        Wish::Create | Wish::ChangeOwn | Wish::ChangeShared => Stream::Advisory,
        Wish::PriceShared => Stream::Market,
    }
}

/// An advisor and the assets, made over HTTP where they are not there yet; returns the advisor's id.
pub async fn prepare(service: &Service, told: &mut Told) -> anyhow::Result<String> {
    let mut connection = service.connect().await?;
    let advisor = create(&mut connection, "/v1/advisors", r#"{"name":"Ada","firm":"Bench & Co"}"#).await?;
    told.of(Stream::Advisory).extend(advisor.sequence);
    for asset in ASSETS {
        let body = format!(r#"{{"id":"{asset}","name":"{asset}","currency":"USD"}}"#);
        let listed = create(&mut connection, "/v1/assets", &body).await?;
        told.of(Stream::Market).extend(listed.sequence);
    }
    let location = advisor.location.context("a new advisor without a place")?;
    Ok(location.rsplit('/').next().unwrap_or_default().to_owned())
}

async fn create(connection: &mut Connection, path: &str, body: &str) -> anyhow::Result<Answer> {
    let answer = connection.ask("POST", path, &key(), body).await?;
    if matches!(answer.status, 200 | 201) {
        Ok(answer)
    } else {
        bail!("POST {path} was answered {}: {}", answer.status, answer.body)
    }
}

fn key() -> String {
    format!("idempotency-key: {}\r\n", Uuid::new_v4())
}

/// An aggregate as those who share it know it.
struct Aggregate {
    path: String,
    version: u64,
    turn: u64,
}

/// The callers of one comparison, each with its connection, and what they change.
pub struct Callers {
    wish: Wish,
    create_body: Arc<str>,
    connections: Vec<Arc<Mutex<Connection>>>,
    aggregates: Vec<Arc<Mutex<Aggregate>>>,
}

impl Callers {
    /// So many callers, and what they change: the same for all rounds.
    pub async fn open(
        service: &Service,
        advisor: &str,
        wish: Wish,
        callers: usize,
        told: &mut Told,
    ) -> anyhow::Result<Self> {
        let create_body: Arc<str> = create_body(advisor).into();
        let mut connections = Vec::with_capacity(callers);
        for _ in 0..callers {
            connections.push(Arc::new(Mutex::new(service.connect().await?)));
        }
        let mut aggregates = Vec::new();
        let portfolios = match wish {
            Wish::Create | Wish::PriceShared => 0,
            Wish::ChangeOwn => callers,
            Wish::ChangeShared => SHARED,
        };
        for _ in 0..portfolios {
            let mut connection = connections[0].lock().await;
            let made = self::create(&mut connection, "/v1/portfolios", &create_body).await?;
            told.of(Stream::Advisory).extend(made.sequence);
            let path = format!("{}/allocation", made.location.context("a new portfolio without a place")?);
            aggregates.push(Aggregate { path, version: made.version, turn: 1 });
        }
        if wish == Wish::PriceShared {
            aggregates.extend(ASSETS.map(|asset| Aggregate {
                path: format!("/v1/assets/{asset}/prices"),
                version: 1,
                turn: 1,
            }));
        }
        let aggregates = aggregates.into_iter().map(|aggregate| Arc::new(Mutex::new(aggregate))).collect();
        Ok(Self { wish, create_body, connections, aggregates })
    }

    /// One round, in which each caller gives so many commands.
    pub async fn round(&mut self, each: usize) -> anyhow::Result<Round> {
        let wish = self.wish;
        drive(self.connections.iter().enumerate().map(|(caller, connection)| {
            let aggregate = self.aggregates.get(caller % self.aggregates.len().max(1)).cloned();
            let (connection, body) = (Arc::clone(connection), Arc::clone(&self.create_body));
            async move {
                let mut connection = connection.lock().await;
                let mut tally = Tally::default();
                for _ in 0..each {
                    call(&mut connection, wish, &body, aggregate.as_deref(), &mut tally).await?;
                }
                Ok(tally)
            }
        }))
        .await
    }
}

async fn call(
    connection: &mut Connection,
    wish: Wish,
    create_body: &str,
    aggregate: Option<&Mutex<Aggregate>>,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let answer = match (wish, aggregate) {
        (Wish::Create, _) | (_, None) => connection.ask("POST", "/v1/portfolios", &key(), create_body).await?,
        (Wish::PriceShared, Some(aggregate)) => {
            let (path, body) = {
                let mut aggregate = aggregate.lock().await;
                aggregate.turn += 1;
                (aggregate.path.clone(), price_body(aggregate.turn))
            };
            connection.ask("POST", &path, &key(), &body).await?
        }
        (Wish::ChangeOwn | Wish::ChangeShared, Some(aggregate)) => {
            let mut aggregate = aggregate.lock().await;
            let headers = format!("{}if-match: \"{}\"\r\n", key(), aggregate.version);
            let answer = connection.ask("PUT", &aggregate.path, &headers, &allocation_body(aggregate.turn)).await?;
            if answer.status == 200 {
                aggregate.turn += 1;
            }
            if answer.version > 0 {
                aggregate.version = answer.version;
            }
            answer
        }
    };
    tally.latencies.push(began.elapsed());
    match (answer.status, answer.sequence) {
        (200 | 201, Some(sequence)) => tally.acknowledged.push(sequence),
        (status, _) if NOT_FOR_CALLERS.contains(&status) => *tally.refused.entry(status).or_default() += 1,
        (status, _) => bail!("{} was answered {status}: {}", wish.name(), answer.body),
    }
    Ok(())
}

/// The latencies of a round in milliseconds: median and 99 of a hundred.
pub fn p50_p99(ascending: &[Duration]) -> (f64, f64) {
    (milliseconds(percentile(ascending, 50)), milliseconds(percentile(ascending, 99)))
}
