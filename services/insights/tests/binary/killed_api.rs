//! The web API killed under its callers and started again: one effect for each wish, and the same answer for all.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use events::Stream;
use insights::private::Folder;
use journal::{Journal, JournalSettings};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use testbed::{Database, Nats};
use tokio::process::Child;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::{ended, insights};

const CALLERS: usize = 64;
/// Wishes that the callers share in each round.
const KEYS: usize = 8;
const ROUNDS: usize = 3;
/// How long a caller goes on who gets no answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);
/// The pause of a caller whom nobody answers.
const PAUSE: Duration = Duration::from_millis(20);

/// What a service needs that can be killed and started again.
struct House {
    folder: Folder,
    environment: Vec<(&'static str, String)>,
    address: String,
    token: String,
    log: Journal,
    _nats: Nats,
}

impl House {
    async fn open() -> Self {
        // Fails only where another test of this binary was first, with the same one.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let (folder, nats, database) = (Folder::temporary().unwrap(), Nats::one().await, Database::fresh().await);
        // Free a moment ago, and the system gives it to nobody else so soon.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let environment = vec![
            ("INSIGHTS_NATS_URL", nats.operator_urls().join(",")),
            ("INSIGHTS_NATS_MONITOR_URL", nats.monitor_urls().join(",")),
            ("INSIGHTS_DATABASE_URL", database.url().to_owned()),
            ("INSIGHTS_LISTEN", address.clone()),
            ("INSIGHTS_KEY_FILE", folder.path().join("key").display().to_string()),
        ];
        said(folder.path(), &environment, &["provision"]).await;
        let token = said(folder.path(), &environment, &["token"]).await.trim().to_owned();
        let log = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/test")).await.unwrap();
        Self { folder, environment, address: format!("http://{address}"), token, log, _nats: nats }
    }

    async fn start(&self) -> Child {
        let mut api = insights(self.folder.path(), &["api"]);
        let child = api.envs(self.environment.iter().map(|(name, value)| (name, value))).spawn().unwrap();
        testbed::eventually("the service", async || {
            let answer = Client::new().get(format!("{}/readyz", self.address)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        child
    }

    /// What the log has by now.
    async fn events(&self) -> u64 {
        self.log.last_position(Stream::Advisory).await.unwrap().sequence
    }

    /// A caller who sends the same request again until it is answered; the answer's status and body.
    fn call(&self, method: Method, path: &str, key: &str, if_match: Option<&str>, body: &Value) -> Asking {
        let mut request = Client::new().request(method, format!("{}{path}", self.address));
        request = request.bearer_auth(&self.token).header("Idempotency-Key", key).json(body);
        if let Some(version) = if_match {
            request = request.header("If-Match", version);
        }
        Asking(request)
    }
}

struct Asking(reqwest::RequestBuilder);

impl Asking {
    async fn until_answered(self) -> (u16, Value) {
        let answered = async {
            loop {
                // What is refused with 503, and what is cut off, is sent again: that is what the key is for.
                if let Ok(answer) = self.0.try_clone().unwrap().send().await
                    && answer.status() != 503
                {
                    let status = answer.status().as_u16();
                    if let Ok(body) = answer.json().await {
                        return (status, body);
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(ANSWERED_WITHIN, answered).await.expect("an answer in time")
    }
}

async fn said(folder: &Path, environment: &[(&str, String)], arguments: &[&str]) -> String {
    let mut command = insights(folder, arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let (well, said, complained) = ended(&mut command).await;
    assert!(well, "{said}\n{complained}");
    said
}

/// The answers of all callers, to a service that is killed at the first and started again.
async fn answers_across_a_kill(house: &House, calls: Vec<Asking>) -> Vec<(u16, Value)> {
    let mut api = house.start().await;
    let first = Arc::new(Notify::new());
    let mut callers = JoinSet::new();
    for (number, call) in calls.into_iter().enumerate() {
        let first = Arc::clone(&first);
        callers.spawn(async move {
            let answer = call.until_answered().await;
            first.notify_one();
            (number, answer)
        });
    }
    first.notified().await;
    api.kill().await.unwrap();
    let mut again = house.start().await;
    let mut answers = callers.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    again.kill().await.unwrap();
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn each_wish_has_one_effect_and_one_answer_though_the_service_is_killed() {
    let house = House::open().await;
    for round in 0..ROUNDS {
        let before = house.events().await;
        let calls = (0..CALLERS).map(|caller| {
            let key = format!("round-{round}-{}", caller % KEYS);
            let body = json!({"name": format!("Advisor {}", caller % KEYS), "firm": "Casa Verde"});
            house.call(Method::POST, "/v1/advisors", &key, None, &body)
        });
        let answers = answers_across_a_kill(&house, calls.collect()).await;
        let distinct: BTreeSet<String> = answers.iter().map(|(status, body)| format!("{status} {body}")).collect();
        assert!(answers.iter().all(|(status, _)| *status == 201), "{answers:?}");
        assert_eq!(distinct.len(), KEYS, "{distinct:?}");
        assert_eq!(house.events().await, before + u64::try_from(KEYS).unwrap(), "one event for each key");
    }
}

#[tokio::test]
async fn of_many_changes_of_one_version_one_wins_though_the_service_is_killed() {
    let house = House::open().await;
    let mut api = house.start().await;
    let body = json!({"name": "Ana Souza", "firm": "Casa Verde"});
    let (status, made) = house.call(Method::POST, "/v1/advisors", "ana", None, &body).until_answered().await;
    assert_eq!(status, 201, "{made}");
    api.kill().await.unwrap();
    let path = format!("/v1/advisors/{}", made["id"].as_str().unwrap());
    for round in 0..ROUNDS {
        let before = house.events().await;
        let version = format!("\"{}\"", round + 1);
        let calls = (0..CALLERS).map(|caller| {
            let name = format!("Ana {round} {caller}");
            let body = json!({"name": name, "firm": "Casa Verde", "regime": "other", "language": "en"});
            house.call(Method::PUT, &path, &format!("{round}-{caller}"), Some(&version), &body)
        });
        let answers = answers_across_a_kill(&house, calls.collect()).await;
        let with = |status: u16| answers.iter().filter(|(one, _)| *one == status).count();
        assert_eq!((with(200), with(412)), (1, CALLERS - 1), "{answers:?}");
        assert_eq!(house.events().await, before + 1);
    }
}

#[tokio::test]
async fn an_import_that_a_kill_broke_off_is_completed_and_nothing_stands_twice() {
    /// As many as one file may have, and how many are there when the service is killed, at the least.
    const CLIENTS: u64 = 1_000;
    const BEFORE_THE_KILL: u64 = 20;
    let house = House::open().await;
    let mut api = house.start().await;
    let body = json!({"name": "Ana Souza", "firm": "Casa Verde"});
    let (_, advisor) = house.call(Method::POST, "/v1/advisors", "ana", None, &body).until_answered().await;
    let advisor = advisor["id"].as_str().unwrap();
    let lines = (0..CLIENTS).map(|n| format!("Client {n},c{n}@client.example,{advisor}\n"));
    let file = format!("name,email,advisor\n{}", lines.collect::<String>());
    let before = house.events().await;
    let importing = || {
        let request = Client::new().post(format!("{}/v1/clients/import", house.address)).bearer_auth(&house.token);
        Asking(request.header("Idempotency-Key", "all").header("Content-Type", "text/csv").body(file.clone()))
    };
    let caller = tokio::spawn(importing().until_answered());
    testbed::eventually("the first clients", async || (house.events().await >= before + BEFORE_THE_KILL).then_some(()))
        .await;
    api.kill().await.unwrap();
    let written = house.events().await - before;
    assert!(written < CLIENTS, "it was killed half-way: {written}");
    let mut again = house.start().await;
    // The caller has gone on asking.
    let (status, report) = caller.await.unwrap();
    assert_eq!((status, &report["created"]), (200, &json!(CLIENTS)), "{report}");
    assert_eq!(house.events().await, before + CLIENTS, "each client once");
    assert_eq!(importing().until_answered().await.1, report, "the same answer again");
    assert_eq!(house.events().await, before + CLIENTS);
    again.kill().await.unwrap();
}
