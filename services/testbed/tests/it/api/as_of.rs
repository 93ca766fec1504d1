//! Time travel: what a replay says of any position is what the live service said when it stood there.

use std::collections::{BTreeMap, BTreeSet};

use events::client::{Client, ClientCommand};
use events::values::{Actor, ClientId, CommandId, Note, RiskClass};
use events::{Position, Stream};
use futures::StreamExt;
use jiff::civil::date;
use journal::{CommandContext, Expect};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::eventually;
use tokio_util::sync::CancellationToken;

use super::cast::Cast;
use super::house::{Answer, House, portfolio, unique};

/// Commands of the generated history.
const COMMANDS: usize = 230;
/// Positions that are travelled to.
const POSITIONS: usize = 200;
/// Of so many positions one is asked for by its time, too: finding a time takes several questions of the log.
const OF_WHICH_BY_TIME: usize = 4;

/// What portfolios are called: few names, some of which differ in case, accents and spelling alone, so that they are given
/// again and two portfolios have the same.
const NAMES: [&str; 10] =
    ["Growth", "growth", "Alpha", "Gold", "Zen", "Ação", "ac\u{327}a\u{303}o", "Straße", "STRASSE", "❤\u{fe0f} Verde"];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// What the live service said of each resource, by the position at which the log ended.
type Seen = BTreeMap<u64, BTreeMap<String, Value>>;

struct Story<'a> {
    house: &'a House,
    dice: Dice,
    advisors: [String; 2],
    clients: Vec<String>,
    portfolios: Vec<String>,
    recommendations: Vec<String>,
    seen: Seen,
}

impl Story<'_> {
    /// Does something to somebody; commands that are refused or change nothing are part of life.
    async fn happen(&mut self) {
        let (client, portfolio) = (self.dice.roll(self.clients.len()), self.dice.roll(self.portfolios.len()));
        let client = format!("/v1/clients/{}", self.clients[client]);
        let portfolio = format!("/v1/portfolios/{}", self.portfolios[portfolio]);
        let advisor = format!("/v1/advisors/{}", self.advisors[self.dice.roll(2)]);
        let weight = self.dice.roll(98) + 1;
        let weights = json!([{"asset": "AAPL", "weight": format!("0.{weight:02}")},
            {"asset": "MSFT", "weight": format!("0.{:02}", 100 - weight)}]);
        let word = format!("Name {}", self.dice.roll(1_000_000));
        let class = ["conservative", "moderate", "aggressive"][self.dice.roll(3)];
        let because = |key: &str, value: Value| json!({key: value, "reason": word});
        match self.dice.roll(13) {
            0 => {
                let body = json!({"name": word, "firm": "Casa Verde", "regime": "other", "language": "en"});
                self.put(&advisor, "", body).await;
            }
            1 => self.put(&client, "", json!({"name": word, "email": "jose@client.example"})).await,
            2 => self.put(&client, "/suitability", because("class", json!(class))).await,
            3 => {
                let to = self.advisors[self.dice.roll(2)].clone();
                self.put(&client, "/advisor", because("advisor", json!(to))).await;
            }
            4 => self.put(&portfolio, "/allocation", because("allocation", weights)).await,
            5 => {
                let policy = json!({"rebalancing": "yearly", "risk_class": class});
                self.put(&portfolio, "/policy", because("policy", policy)).await;
            }
            6 => {
                let standing = ["archived", "active", "active"][self.dice.roll(3)];
                self.put(&portfolio, "/standing", because("standing", json!(standing))).await;
            }
            7 => self.recommend(&portfolio).await,
            8 | 9 => {
                let name = NAMES[self.dice.roll(NAMES.len())];
                self.change(Method::PATCH, &portfolio, "", json!({"name": name, "reason": "because"})).await;
            }
            10 => {
                let model = self.portfolios[0].clone();
                let seen = self.house.get_now(&format!("/v1/models/{model}")).await;
                let wished = json!({"model": model, "version": seen.body["version"]});
                let wished = if self.dice.roll(3) == 0 { Value::Null } else { wished };
                self.put(&portfolio, "/subscription", because("subscription", wished)).await;
            }
            11 => {
                let to = self.advisors[self.dice.roll(2)].clone();
                self.put(&portfolio, "/advisor", because("advisor", json!(to))).await;
            }
            _ => {
                let Some(last) = self.recommendations.last().cloned() else { return };
                let recommendation = format!("/v1/recommendations/{last}");
                self.put(&recommendation, "/standing", because("standing", json!("withdrawn"))).await;
            }
        }
    }

    async fn put(&self, resource: &str, below: &str, body: Value) {
        self.change(Method::PUT, resource, below, body).await;
    }

    async fn change(&self, method: Method, resource: &str, below: &str, body: Value) {
        let version = self.house.get_now(resource).await.header("etag").to_owned();
        let answer = self.house.change(method, &format!("{resource}{below}"), &version, &body).await;
        assert!([200, 409, 422].contains(&answer.status.as_u16()), "{answer:?}");
    }

    /// Recommends to all who are in the care of the portfolio's advisor, and waits until it is seen.
    async fn recommend(&mut self, portfolio: &str) {
        let read = self.house.get_now(portfolio).await;
        let mine = format!("/v1/clients?advisor={}", read.body["advisor"].as_str().unwrap());
        let mine = self.house.get_now(&mine).await;
        let mine: Vec<&Value> = mine.body["items"].as_array().unwrap().iter().map(|client| &client["id"]).collect();
        let body = json!({"client_ids": mine, "rationale": "It fits."});
        let version = read.header("etag").to_owned();
        let request = |request: reqwest::RequestBuilder| {
            request.header("If-Match", version).header("Idempotency-Key", unique("r")).json(&body)
        };
        let path = format!("{portfolio}/recommendations");
        let accepted: Answer = self.house.ask(Method::POST, &path, request).await;
        if accepted.status != 202 {
            return;
        }
        let list = format!("/v1/recommendations?portfolio={}&limit=100", portfolio.rsplit('/').next().unwrap());
        let version = &accepted.body["version"];
        let made = eventually("recommendations", async || {
            let items = self.house.get_now(&list).await.body["items"].as_array().cloned().unwrap();
            let of_this = items.into_iter().filter(|made| made["portfolio_version"] == *version);
            let of_this: Vec<String> = of_this.map(|made| made["id"].as_str().unwrap().to_owned()).collect();
            (of_this.len() == mine.len()).then_some(of_this)
        })
        .await;
        self.recommendations.extend(made);
    }

    /// Writes down what the service says of everything, once nothing moves.
    async fn look(&mut self) {
        let of =
            |noun: &str, ids: &[String]| -> Vec<String> { ids.iter().map(|id| format!("/v1/{noun}/{id}")).collect() };
        let mut paths = of("advisors", &self.advisors);
        paths.extend(of("clients", &self.clients));
        paths.extend(self.clients.iter().map(|id| format!("/v1/clients/{id}/suitability")));
        paths.extend(of("portfolios", &self.portfolios));
        // The last ones; what happened to older ones is seen when it happens.
        paths.extend(of("recommendations", &self.recommendations[self.recommendations.len().saturating_sub(3)..]));
        // Whole lists, lists that are narrowed by what changes and by what does not, and pages.
        let (advisor, client, model) = (&self.advisors[0], &self.clients[0], &self.portfolios[0]);
        paths.extend(
            ["/v1/advisors", "/v1/advisors?search=name%201", "/v1/clients", "/v1/clients?limit=2"].map(str::to_owned),
        );
        paths.extend(["/v1/portfolios?standing=active", "/v1/portfolios?limit=1"].map(str::to_owned));
        paths.extend(
            ["/v1/portfolios?sort=name", "/v1/portfolios?search=g", "/v1/portfolios?search=GRO&limit=1"]
                .map(str::to_owned),
        );
        paths.extend(
            ["sort=name&limit=2", "search=acao", "search=AC\u{327}A\u{303}O", "search=straße", "search=❤"]
                .map(|query| format!("/v1/portfolios?{query}")),
        );
        paths.push(format!("/v1/portfolios?sort=name&standing=active&advisor={advisor}"));
        paths.extend([format!("/v1/models/{model}"), format!("/v1/portfolios?model={model}")]);
        paths.push("/v1/models?firm=Casa%20Verde".to_owned());
        paths.push("/v1/models?firm=Casa%20Verde&standing=active&search=g".to_owned());
        paths.push("/v1/models?firm=Casa%20Verde&search=CAO".to_owned());
        // Histories, which only grow.
        let history = &self.portfolios[1];
        paths.extend(
            [
                "versions",
                "versions?limit=2",
                "versions/1",
                "events",
                "events?limit=100",
                "backtests",
                "recommendations?sort=-created",
            ]
            .map(|below| format!("/v1/portfolios/{history}/{below}")),
        );
        paths.extend(self.portfolios.iter().map(|id| format!("/v1/portfolios/{id}/subscription")));
        paths.extend([format!("/v1/clients?advisor={advisor}"), format!("/v1/portfolios?advisor={advisor}")]);
        paths.extend([
            "/v1/recommendations?limit=100".to_owned(),
            "/v1/recommendations?limit=100&standing=withdrawn".to_owned(),
            format!("/v1/recommendations?client={client}&standing=open"),
            format!("/v1/recommendations?client={client}&limit=3"),
        ]);
        // The newest first, too, in pages and narrowed.
        paths.extend(
            ["/v1/advisors?sort=-created&firm=Casa%20Verde", "/v1/clients?sort=-created&limit=2"].map(str::to_owned),
        );
        paths.extend([
            "/v1/portfolios?sort=-created&standing=active&limit=2".to_owned(),
            format!("/v1/portfolios?sort=-created&advisor={advisor}"),
            format!("/v1/recommendations?sort=-created&limit=3&advisor={advisor}"),
        ]);
        loop {
            let end = self.house.journal.last_position(Stream::Advisory).await.unwrap().sequence;
            let mut seen = BTreeMap::new();
            for path in &paths {
                let read = self.house.get_now(path).await;
                assert_eq!(read.status, 200, "{read:?}");
                seen.insert(path.clone(), read.body);
            }
            if self.house.journal.last_position(Stream::Advisory).await.unwrap().sequence == end {
                self.seen.insert(end, seen);
                return;
            }
        }
    }
}

#[tokio::test]
async fn two_hundred_random_positions_are_replayed_as_they_were_seen() {
    let house = House::open().await;
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    tokio::spawn(recommender::run(house.journal.clone(), jiff::Timestamp::now, stop));
    let advisors = [house.advisor().await, house.advisor().await];
    let mut clients = Vec::new();
    house.asset("AAPL", &[]).await;
    house.asset("MSFT", &[]).await;
    let mut model = portfolio(&advisors[0]);
    model["model"] = json!(true);
    let mut portfolios = vec![house.post("/v1/portfolios", "model", &model).await.created()];
    for n in 0..3 {
        clients.push(house.client(&advisors[n % 2]).await);
    }
    for (key, advisor) in [("second", &advisors[1]), ("third", &advisors[0])] {
        portfolios.push(house.post("/v1/portfolios", key, &portfolio(advisor)).await.created());
    }
    let (dice, recommendations, seen) = (Dice(42), Vec::new(), Seen::new());
    let mut story = Story { house: &house, dice, advisors, clients, portfolios, recommendations, seen };
    story.look().await;
    for _ in 0..COMMANDS {
        story.happen().await;
        story.look().await;
    }

    let follow = format!("/v1/portfolios?model={}", story.portfolios[0]);
    let followers = |seen: &BTreeMap<String, Value>| seen[&follow]["items"].as_array().unwrap().len();
    let followers: BTreeSet<usize> = story.seen.values().map(followers).collect();
    assert!(followers.contains(&0) && followers.len() > 1, "some followed, and some did so no more: {followers:?}");
    let positions: Vec<u64> = story.seen.keys().copied().collect();
    assert!(positions.len() > 100, "{} positions", positions.len());
    for round in 0..POSITIONS {
        let sequence = positions[story.dice.roll(positions.len())];
        let position = Position { stream: Stream::Advisory, sequence };
        let event = house.journal.event_at(position).await.unwrap().unwrap();
        let time = event.metadata().unwrap().time;
        for (path, live) in &story.seen[&sequence] {
            let path = format!("{path}{}", if path.contains('?') { '&' } else { '?' });
            let then = house.get(&format!("{path}as_of={position}")).await;
            assert_eq!(&then.body, live, "{path} at {position}");
            if round % OF_WHICH_BY_TIME == 0 {
                let then = house.get(&format!("{path}as_of={time}")).await;
                assert_eq!(&then.body, live, "{path} at {time}");
            }
        }
    }
}

#[tokio::test]
async fn what_says_that_it_was_earlier_than_it_was_recorded_moves_nothing_else_in_the_past() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let portfolio = house.portfolio(&advisor).await;
    let clients = [house.client(&advisor).await, house.client(&advisor).await];
    let wish = json!({"client_ids": clients, "rationale": "because"});
    let recommended = house
        .ask(Method::POST, &format!("/v1/portfolios/{portfolio}/recommendations"), |request| {
            request.header("If-Match", "\"1\"").header("Idempotency-Key", "r").json(&wish)
        })
        .await;
    assert_eq!(recommended.status, 202, "{recommended:?}");
    let position: Position = recommended.header("insights-position").parse().unwrap();
    let asked = ["/v1/advisors", "/v1/clients", "/v1/portfolios", "/v1/recommendations", "/v1/events?kind=advisor"];
    let mut live = Vec::new();
    for path in asked {
        live.push(house.get_now(path).await.body);
    }
    let then = jiff::Timestamp::now();
    let advisor_path = format!("/v1/advisors/{advisor}");
    let edited = json!({"name": "Another name", "firm": "Casa Verde", "regime": "other", "language": "en"});
    assert_eq!(house.change(Method::PUT, &advisor_path, "\"1\"", &edited).await.status, 200);
    let newcomer = house.advisor().await;
    // A clock that is behind by more than clocks are allowed to be apart.
    let slow = then - jiff::SignedDuration::from_secs(120);
    let event = house.journal.event_at(position).await.unwrap().unwrap();
    assert_eq!(recommender::handle(&house.journal, slow, event).await, journal::Verdict::Done);
    let made = house.get_now(&format!("/v1/recommendations?portfolio={portfolio}")).await;
    let made = made.body["items"].as_array().unwrap().clone();
    assert_eq!(made.len(), 2, "{made:?}");

    for (path, live) in asked.into_iter().zip(&live).filter(|(path, _)| !path.contains("recommendations")) {
        let past =
            if path.contains("events") { format!("{path}&until={then}") } else { format!("{path}?as_of={then}") };
        assert_eq!(&house.get(&past).await.body, live, "{past}");
    }
    let after = house.get(&format!("/v1/events?kind=advisor&from={then}")).await;
    let told: Vec<&str> =
        after.body["items"].as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [format!("advisor/{advisor}"), format!("advisor/{newcomer}")],
        "nothing of what happened since is missed: {after:?}"
    );
    // Of a time at which nothing of it stood in the log.
    let long_before = then - jiff::SignedDuration::from_secs(90);
    for path in ["/v1/advisors", "/v1/recommendations"] {
        let past = house.get(&format!("{path}?as_of={long_before}")).await;
        assert_eq!(past.body["items"], json!([]), "{path} at {long_before}");
    }
    let one = format!("/v1/recommendations/{}", made[0]["id"].as_str().unwrap());
    house.get(&format!("{one}?as_of={long_before}")).await.is_problem(404, "recommendation-unknown");
}

#[tokio::test]
async fn a_list_of_the_past_shows_what_was_theirs_then_and_is_theirs_now() {
    let cast = Cast::assemble().await;
    let (ana, rui, house) = (&cast.ana, &cast.rui, &cast.house);
    let before = house.journal.last_position(Stream::Advisory).await.unwrap();
    let body = json!({"advisor": rui.id, "reason": "They moved."});
    let path = format!("/v1/clients/{}", ana.client);
    let handed = house.change(Method::PUT, &format!("{path}/advisor"), "\"2\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    house.get_after("/v1/clients", &handed).await;
    let ids = async |token: &str, query: &str| -> Vec<String> {
        let listed = cast.get_by(token, &format!("/v1/clients?as_of={before}{query}")).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ids(&ana.token, "").await.is_empty(), "it is another's now");
    assert_eq!(ids(&rui.token, "").await, vec![rui.client.clone()], "it was another's then");
    assert_eq!(ids(&cast.compliance, "").await, vec![ana.client.clone(), rui.client.clone()]);
    assert_eq!(ids(&cast.compliance, &format!("&advisor={}", ana.id)).await, vec![ana.client.clone()]);
    // Portfolios alike, in every order, and their figures.
    let path = format!("/v1/portfolios/{}", ana.portfolio);
    let named = house.change(Method::PATCH, &path, "\"2\"", &json!({"name": "Later", "reason": "It is later."})).await;
    assert_eq!(named.status, 200, "{named:?}");
    let handed = house.change(Method::PUT, &format!("{path}/advisor"), "\"3\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    house.get_after("/v1/portfolios", &handed).await;
    for (list, id) in [
        ("portfolios?", "id"),
        ("portfolios?sort=-created&", "id"),
        ("portfolios?sort=name&", "id"),
        ("portfolios?search=growth&", "id"),
        ("figures?", "portfolio"),
    ] {
        let ids = async |token: &str, query: &str| -> BTreeSet<String> {
            let listed = cast.get_by(token, &format!("/v1/{list}as_of={before}{query}")).await;
            assert_eq!(listed.status, 200, "{listed:?}");
            listed.body["items"].as_array().unwrap().iter().map(|item| item[id].as_str().unwrap().to_owned()).collect()
        };
        let (of_ana, of_rui) = (ana.portfolio.clone(), rui.portfolio.clone());
        assert!(ids(&ana.token, "").await.is_empty(), "{list}: it is another's now");
        assert_eq!(ids(&rui.token, "").await, [of_rui.clone()].into(), "{list}: it was another's then");
        assert_eq!(ids(&cast.compliance, "").await, [of_ana.clone(), of_rui].into(), "{list}");
        assert_eq!(ids(&cast.compliance, &format!("&advisor={}", ana.id)).await, [of_ana].into(), "{list}");
    }
    let then = house.get(&format!("{path}?as_of={before}")).await;
    assert_eq!((&then.body["advisor"], &then.body["name"]), (&json!(ana.id), &json!("Growth")));
    let refused = house.get(&format!("/v1/portfolios?as_of={before}&sort=created&search=g")).await;
    refused.is_problem(400, "invalid-parameter");
    for path in ["/v1/clients", "/v1/advisors", "/v1/portfolios", "/v1/recommendations"] {
        for not_yet in ["advisory-999999", "2999-01-01T00:00:00Z"] {
            house.get(&format!("{path}?as_of={not_yet}")).await.is_problem(400, "invalid-parameter");
        }
        let nothing = house.get(&format!("{path}?as_of=advisory-0")).await;
        assert_eq!(nothing.body, json!({"items": [], "next": null}), "{path}");
    }
}

#[tokio::test]
async fn a_version_that_came_later_was_not_there_then() {
    let cast = Cast::assemble().await;
    let (house, path) = (&cast.house, format!("/v1/portfolios/{}", cast.ana.portfolio));
    let created = house.get(&format!("{path}/versions")).await.body["items"][0]["position"].clone();
    let created: Position = created.as_str().unwrap().parse().unwrap();
    let renamed = house.change(Method::PATCH, &path, "\"2\"", &json!({"name": "Later", "reason": "because"})).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let at = async |below: &str, position: &str| house.get(&format!("{path}/{below}?as_of={position}")).await;
    let first = format!("advisory-{}", created.sequence);
    assert_eq!(at("versions/1", &first).await.body["name"], "Growth");
    at("versions/3", &first).await.is_problem(404, "version-unknown");
    assert_eq!(at("versions/3", renamed.header("insights-position")).await.body["name"], "Later");
    let before = format!("advisory-{}", created.sequence - 1);
    for below in ["versions", "versions/1", "events"] {
        at(below, &before).await.is_problem(404, "portfolio-unknown");
        at(below, "advisory-999999").await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_past_ends_early_rather_than_replay_without_end() {
    /// More than the 400 that one request replays.
    const PORTFOLIOS: usize = 420;
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.asset("AAPL", &[]).await;
    let lines = (0..PORTFOLIOS).map(|n| format!("{advisor},Name {n},USD,AAPL,1\n"));
    let file = format!("advisor,name,currency,asset,weight\n{}", lines.collect::<String>());
    let imported = house.ask(Method::POST, "/v1/portfolios/import", |request| {
        request.header("Idempotency-Key", "k-1").header("Content-Type", "text/csv").body(file)
    });
    let imported = imported.await;
    assert_eq!(imported.body["created"], PORTFOLIOS, "{imported:?}");
    let then = imported.header("insights-position").to_owned();
    let archiving = imported.body["items"].as_array().unwrap().iter().map(|item| {
        let path = format!("/v1/portfolios/{}/standing", item["id"].as_str().unwrap());
        let house = &house;
        async move {
            let body = json!({"standing": "archived", "reason": "Replaced."});
            assert_eq!(house.change(Method::PUT, &path, "\"1\"", &body).await.status, 200);
        }
    });
    futures::stream::iter(archiving).buffer_unordered(16).collect::<Vec<()>>().await;
    assert_eq!(house.get_now("/v1/advisors").await.status, 200, "the read models are there");
    let pages = async |query: &str| -> Vec<Vec<String>> {
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = house.get(&format!("/v1/portfolios?as_of={then}&{query}{cursor}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            let names =
                page.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned());
            pages.push(names.collect());
            let Some(next) = page.body["next"].as_str() else { return pages };
            cursor = format!("&cursor={next}");
        }
    };
    let active = pages("standing=active&limit=100").await;
    assert_eq!(active.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 100, 100, 20]);
    assert_eq!(
        active.concat(),
        (0..PORTFOLIOS).map(|n| format!("Name {n}")).collect::<Vec<_>>(),
        "each once, in order"
    );
    // Nothing was archived then, which it takes two requests to find out.
    assert_eq!(pages("standing=archived").await, [Vec::<String>::new(), Vec::new()]);
    assert_eq!(pages("standing=archived&sort=name").await, [Vec::<String>::new(), Vec::new()]);
    let mut by_name: Vec<String> = (0..PORTFOLIOS).map(|n| format!("Name {n}")).collect();
    by_name.sort();
    assert_eq!(pages("sort=name&limit=100").await.concat(), by_name, "each once, in the order of names");
    by_name.retain(|name| name.starts_with("Name 41"));
    assert_eq!(pages("search=name%2041&limit=4").await.concat(), by_name);
}

#[tokio::test]
async fn assets_and_their_list_are_replayed_as_they_were_seen() {
    let house = House::open().await;
    let looked_at = [
        "/v1/assets",
        "/v1/assets?limit=1",
        "/v1/assets?q=inc",
        "/v1/assets?class=equity",
        "/v1/assets/AAPL",
        "/v1/assets?sort=-created&limit=2",
    ];
    let mut seen: Seen = BTreeMap::new();
    let mut look = async || {
        let mut views = BTreeMap::new();
        for path in looked_at {
            views.insert(path.to_owned(), house.get_now(path).await.body);
        }
        let end = house.journal.last_position(Stream::Market).await.unwrap();
        seen.insert(end.sequence, views);
    };
    house.asset("AAPL", &[]).await;
    look().await;
    for (path, body) in [
        ("", json!({"id": "BND", "name": "Bonds", "currency": "USD", "class": "etf"})),
        (
            "",
            json!({"id": "MSFT", "name": "Microsoft Inc.", "currency": "USD", "class": "equity", "sector": "Technology"}),
        ),
        ("/AAPL/prices", json!({"source": "a", "basis": "adjusted", "bars": [{"date": "2024-01-03", "close": "184"}]})),
        ("/AAPL/prices", json!({"source": "b", "basis": "adjusted", "bars": [{"date": "2024-01-04", "close": "182"}]})),
        ("/AAPL/ratings", json!({"class": "moderate", "reason": "It moves."})),
        ("/AAPL/delisting", json!({"date": "2024-02-01", "reason": "It merged."})),
    ] {
        let done = house.post(&format!("/v1/assets{path}"), &unique("asset"), &body).await;
        assert!(done.status.is_success(), "{done:?}");
        look().await;
    }
    assert_eq!(seen.len(), 7);
    for (sequence, views) in &seen {
        let position = Position { stream: Stream::Market, sequence: *sequence };
        let event = house.journal.event_at(position).await.unwrap().unwrap();
        for moment in [position.to_string(), event.metadata().unwrap().time.to_string()] {
            for (path, live) in views {
                let joint = if path.contains('?') { '&' } else { '?' };
                let then = house.get(&format!("{path}{joint}as_of={moment}")).await;
                assert_eq!(&then.body, live, "{path} at {moment}");
            }
        }
    }
}

#[tokio::test]
async fn a_profile_is_judged_by_the_day_of_the_past_that_is_asked_about() {
    let house = House::open().await;
    let client = house.client(&house.advisor().await).await;
    let path = format!("/v1/clients/{client}/suitability");
    // Taken down years ago, and over since.
    let on = date(2020, 3, 4);
    let command_id = CommandId::of(&["long ago"]);
    let context = CommandContext {
        command_id,
        time: "2020-03-04T12:00:00Z".parse().unwrap(),
        actor: Actor::parse("role:test").unwrap(),
        expect: Expect::Any,
        request_digest: None,
        causation_id: None,
    };
    let reason = Note::parse("wants to sleep well").unwrap();
    let command = ClientCommand::SetProfile { class: RiskClass::Moderate, reason, on };
    let id = ClientId::parse(&client).unwrap();
    let done = house.journal.execute::<Client>(&id, &command, &context).await.unwrap();
    let position = done.position.unwrap();
    let then = house.get(&format!("{path}?as_of={position}")).await;
    assert_eq!((&then.body["class"], &then.body["valid"]), (&json!("moderate"), &json!(true)));
    assert_eq!(then.body["day"], "2020-03-04");
    let now = house.get_now(&path).await;
    assert_eq!((&now.body["class"], &now.body["reason"]), (&json!("conservative"), &json!("profile-expired")));
}
