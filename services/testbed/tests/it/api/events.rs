//! What happened, in pages and as it happens: in the log's order, once, and only to who may know it.

use std::collections::VecDeque;

use events::Stream;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use testbed::{PATIENCE, eventually};

use super::cast::Cast;
use super::house::{House, unique};

/// The items of all pages of a list, as this token is shown them.
async fn all_of(cast: &Cast, token: &str, path: &str) -> Vec<Value> {
    let (mut items, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = cast.get_by(token, &next).await;
        assert_eq!(page.status, 200, "{page:?}");
        items.extend(page.body["items"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page.body["next"].as_str() else { return items };
        let joint = if path.contains('?') { '&' } else { '?' };
        next = format!("{path}{joint}cursor={cursor}");
    }
}

fn positions(items: &[Value]) -> Vec<u64> {
    let sequence =
        |item: &Value| item["position"].as_str().unwrap().strip_prefix("advisory-").unwrap().parse().unwrap();
    items.iter().map(sequence).collect()
}

/// Waits until the read models have everything that stands in the log.
async fn settled(house: &House) {
    assert_eq!(house.get_now("/v1/advisors").await.status, 200);
}

#[tokio::test]
async fn everybody_is_told_in_the_log_s_order_of_what_is_theirs() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    settled(&cast.house).await;
    let end = cast.house.journal.last_position(Stream::Advisory).await.unwrap().sequence;
    for all in [&cast.house.token, &cast.compliance] {
        let told = all_of(&cast, all, "/v1/events?limit=3").await;
        assert_eq!(positions(&told), (1..=end).collect::<Vec<_>>(), "all of the log, in pages of three");
    }
    let of_ana = all_of(&cast, &ana.token, "/v1/events?limit=2").await;
    let of_rui = all_of(&cast, &rui.token, "/v1/events").await;
    let mut of_both = [positions(&of_ana), positions(&of_rui)].concat();
    of_both.sort_unstable();
    assert_eq!(of_both, (1..=end).collect::<Vec<_>>(), "each event is one advisor's");
    for theirs in [&rui.id, &rui.client, &rui.portfolio, &rui.recommendation] {
        assert!(all_of(&cast, &ana.token, &format!("/v1/events?id={theirs}")).await.is_empty());
        assert!(!all_of(&cast, &rui.token, &format!("/v1/events?id={theirs}")).await.is_empty());
        assert!(!of_ana.iter().any(|fact| fact["subject"].as_str().unwrap().ends_with(theirs.as_str())));
    }
    // A client who is handed over takes their past along.
    let body = json!({"advisor": rui.id, "reason": "They moved."});
    let path = format!("/v1/clients/{}", ana.client);
    let handed = cast.house.change(Method::PUT, &format!("{path}/advisor"), "\"2\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    settled(&cast.house).await;
    let of_client = format!("/v1/events?id={}", ana.client);
    assert!(all_of(&cast, &ana.token, &of_client).await.is_empty());
    assert_eq!(all_of(&cast, &rui.token, &of_client).await.len(), 3);
    // A portfolio does, too, and leaves what was recommended with whoever recommended it.
    let path = format!("/v1/portfolios/{}/advisor", ana.portfolio);
    let handed = cast.house.change(Method::PUT, &path, "\"2\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    settled(&cast.house).await;
    let of_portfolio = format!("/v1/events?id={}", ana.portfolio);
    assert!(all_of(&cast, &ana.token, &of_portfolio).await.is_empty());
    let told = all_of(&cast, &rui.token, &of_portfolio).await;
    assert_eq!(told.len(), 3);
    assert_eq!(told[2]["data"]["handed_over"], json!({"from": ana.id, "to": rui.id, "reason": "They moved."}));
    let left: Vec<Value> = all_of(&cast, &ana.token, "/v1/events").await;
    let subjects: Vec<&str> = left.iter().map(|fact| fact["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, [format!("advisor/{}", ana.id), format!("recommendation/{}", ana.recommendation)]);
}

#[tokio::test]
async fn an_event_is_a_cloud_event_with_its_trace_and_the_client_in_clear() {
    let cast = Cast::assemble().await;
    settled(&cast.house).await;
    let told = all_of(&cast, &cast.ana.token, "/v1/events?type=client.registered").await;
    let [fact] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(fact["specversion"], "1.0");
    assert_eq!(
        (&fact["type"], &fact["datacontenttype"]),
        (&json!("insights.client.registered.v1"), &json!("application/json"))
    );
    assert_eq!(fact["subject"], format!("client/{}", cast.ana.client));
    assert_eq!((&fact["source"], &fact["aggregateversion"]), (&json!("/insights/api"), &json!(1)));
    assert_eq!(fact["traceid"].as_str(), fact["traceparent"].as_str().map(|parent| &parent[3..35]));
    let registered = &fact["data"]["registered"];
    assert_eq!(registered["identity"], json!({"name": "José da Silva", "email": "jose@client.example"}));
    assert_eq!(registered["advisor"], json!(cast.ana.id));
    // Whom the vault has forgotten nobody can name.
    let forgotten = uuid::Uuid::parse_str(&cast.ana.client).unwrap();
    sqlx::query("DELETE FROM vault.data_keys WHERE client = $1")
        .bind(forgotten)
        .execute(&cast.house.pool)
        .await
        .unwrap();
    let told = all_of(&cast, &cast.ana.token, "/v1/events?type=client.registered").await;
    assert_eq!((&told[0]["data"]["registered"]["identity"], &told[0]["reason"]), (&Value::Null, &json!("erased")));
}

#[tokio::test]
async fn the_newest_events_come_first_where_they_are_asked_for() {
    let cast = Cast::assemble().await;
    settled(&cast.house).await;
    let (admin, ana) = (&cast.house.token, &cast.ana);
    for (token, list) in [
        (admin, "/v1/events?limit=3".to_owned()),
        (&ana.token, "/v1/events?limit=2".to_owned()),
        (&ana.token, "/v1/events?kind=portfolio&limit=1".to_owned()),
        (admin, format!("/v1/events?id={}&limit=1", ana.portfolio)),
        (admin, "/v1/events?from=advisory-3&until=advisory-7&limit=2".to_owned()),
    ] {
        let oldest_first = positions(&all_of(&cast, token, &format!("{list}&sort=position")).await);
        let mut newest_first = positions(&all_of(&cast, token, &format!("{list}&sort=-position")).await);
        newest_first.reverse();
        assert!(!newest_first.is_empty(), "{list}");
        assert_eq!(newest_first, oldest_first, "{list}");
    }
    let first = cast.house.get("/v1/events?limit=1&sort=-position").await;
    let end = cast.house.journal.last_position(Stream::Advisory).await.unwrap();
    assert_eq!(first.body["items"][0]["position"], json!(end.to_string()));
    for query in ["sort=created", "sort=-position&stream=market"] {
        cast.house.get(&format!("/v1/events?{query}")).await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn events_are_found_by_kind_type_id_and_stretch() {
    let cast = Cast::assemble().await;
    settled(&cast.house).await;
    let token = &cast.house.token;
    let all = all_of(&cast, token, "/v1/events").await;
    let expected =
        |fits: &dyn Fn(&Value) -> bool| positions(&all.iter().filter(|fact| fits(fact)).cloned().collect::<Vec<_>>());
    let text = |fact: &Value, name: &str| fact[name].as_str().unwrap().to_owned();
    for kind in ["advisor", "client", "portfolio", "recommendation"] {
        let found = all_of(&cast, token, &format!("/v1/events?kind={kind}&limit=1")).await;
        assert!(!found.is_empty());
        assert_eq!(positions(&found), expected(&|fact| text(fact, "subject").starts_with(kind)), "{kind}");
    }
    let found = all_of(&cast, token, "/v1/events?type=portfolio.recommended").await;
    assert_eq!(positions(&found), expected(&|fact| text(fact, "type").contains("portfolio.recommended")));
    let time = text(&all[3], "time");
    let found = all_of(&cast, token, &format!("/v1/events?from=advisory-3&until={time}")).await;
    let until = time.parse::<jiff::Timestamp>().unwrap();
    let within = expected(&|fact| {
        positions(std::slice::from_ref(fact))[0] >= 3 && text(fact, "time").parse::<jiff::Timestamp>().unwrap() <= until
    });
    assert_eq!(positions(&found), within);
    let found = all_of(&cast, token, &format!("/v1/events?from={time}&until=advisory-6")).await;
    let within = expected(&|fact| {
        positions(std::slice::from_ref(fact))[0] <= 6 && text(fact, "time").parse::<jiff::Timestamp>().unwrap() >= until
    });
    assert_eq!(positions(&found), within);
    for (query, parameter) in [
        ("kind=asset", "kind"),
        ("id=x", "id"),
        ("type=Portfolio", "type"),
        ("from=market-1", "from"),
        ("until=soon", "until"),
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
    ] {
        let refused = cast.house.get(&format!("/v1/events?{query}")).await;
        refused.is_problem(400, "invalid-parameter");
        assert_eq!(refused.errors()[0].0, parameter, "{query}");
    }
}

/// A subscriber, as a browser is one.
struct Subscriber {
    response: Response,
    rest: String,
    messages: VecDeque<(String, String)>,
}

impl Subscriber {
    async fn new(address: &str, token: &str, query: &str, last: Option<&str>) -> Self {
        let request = Client::new().get(format!("{address}/v1/events{query}")).bearer_auth(token);
        let request = request.header("Accept", "text/event-stream");
        let request = last.into_iter().fold(request, |request, last| request.header("Last-Event-ID", last));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, rest: String::new(), messages: VecDeque::new() }
    }

    /// The next message with data, its id before it; none where the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((id, data)) = self.messages.pop_front() {
                return Some((id, serde_json::from_str(&data).unwrap()));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("it is silent");
            self.rest.push_str(std::str::from_utf8(&chunk.ok().flatten()?).unwrap());
            while let Some((message, rest)) = self.rest.split_once("\n\n") {
                let of = |name: &str| {
                    let mut lines = message.lines().filter_map(|line| line.strip_prefix(name));
                    lines.next().map(|value| value.trim_start().to_owned())
                };
                if let (Some(id), Some(data)) = (of("id:"), of("data:")) {
                    self.messages.push_back((id, data));
                }
                self.rest = rest.to_owned();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_misses_nothing_and_is_told_nothing_twice() {
    const WRITTEN: usize = 60;
    const READ_BEFORE_LEAVING: usize = 7;
    let cast = Cast::assemble().await;
    let portfolio = format!("/v1/portfolios/{}", cast.ana.portfolio);
    let writing = async {
        for n in 0..WRITTEN {
            let version = cast.house.get_now(&portfolio).await.header("etag").to_owned();
            let body = json!({"name": format!("Name {n}"), "reason": "because"});
            assert_eq!(cast.house.change(Method::PATCH, &portfolio, &version, &body).await.status, 200);
            // Things of others in between, which Ana is not told of.
            cast.house.client(&cast.rui.id).await;
        }
    };
    let reading = async {
        let (mut told, mut last) = (Vec::new(), "advisory-0".to_owned());
        while told.len() < WRITTEN {
            let query = "?type=portfolio.renamed&from=advisory-1";
            let mut subscriber = Subscriber::new(&cast.house.address, &cast.ana.token, query, Some(&last)).await;
            for _ in 0..READ_BEFORE_LEAVING.min(WRITTEN - told.len()) {
                let (id, fact) = subscriber.next().await.expect("it goes on");
                assert_eq!(fact["position"], json!(id));
                told.push(fact["data"]["renamed"]["name"].as_str().unwrap().to_owned());
                last = id;
            }
        }
        told
    };
    let ((), told) = tokio::join!(writing, reading);
    assert_eq!(told, (0..WRITTEN).map(|n| format!("Name {n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn new_events_alone_come_where_no_beginning_is_named() {
    let cast = Cast::assemble().await;
    let mut subscriber = Subscriber::new(&cast.house.address, &cast.ana.token, "", None).await;
    let client = cast.house.client(&cast.ana.id).await;
    let (_, fact) = subscriber.next().await.unwrap();
    assert_eq!(fact["subject"], format!("client/{client}"));
    assert_eq!(fact["data"]["registered"]["identity"]["name"], "José da Silva");
}

#[tokio::test]
async fn a_stream_ends_with_its_caller_s_access() {
    let cast = Cast::assemble().await;
    let body = json!({"label": "a subscriber", "valid_days": 1, "role": "compliance"});
    let made = cast.house.post("/v1/tokens", &unique("token"), &body).await;
    let (id, token) = (made.created(), made.body["secret"].as_str().unwrap().to_owned());
    let mut subscriber = Subscriber::new(&cast.house.address, &token, "?from=advisory-1", None).await;
    assert!(subscriber.next().await.is_some());
    let revoked = cast.house.ask(Method::DELETE, &format!("/v1/tokens/{id}"), |request| request).await;
    assert!(revoked.status.is_success(), "{revoked:?}");
    // From the answer to the revocation on nothing new is told: what was sent before is all there is.
    let after = cast.house.client(&cast.ana.id).await;
    while let Some((_, fact)) = subscriber.next().await {
        assert_ne!(fact["subject"], format!("client/{after}"));
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_service_stops() {
    let cast = Cast::assemble().await;
    let mut subscriber = Subscriber::new(&cast.house.address, &cast.compliance, "", None).await;
    cast.house.stop();
    assert_eq!(subscriber.next().await, None);
}

#[tokio::test]
async fn subscribers_of_one_caller_are_bounded_and_streams_take_no_pages() {
    const OF_ONE_MAX: usize = 8;
    let cast = Cast::assemble().await;
    let ask = async |query: &str| {
        cast.ask_by(&cast.compliance, Method::GET, &format!("/v1/events{query}"), |request| {
            request.header("Accept", "text/event-stream")
        })
        .await
    };
    for query in ["?limit=5", "?until=advisory-5", "?cursor=AQAAAAAAAAAq", "?sort=position"] {
        ask(query).await.is_problem(400, "invalid-parameter");
    }
    let ahead = cast.ask_by(&cast.compliance, Method::GET, "/v1/events", |request| {
        request.header("Accept", "text/event-stream").header("Last-Event-ID", "advisory-999999")
    });
    ahead.await.is_problem(400, "invalid-parameter");
    let mut open = Vec::new();
    for _ in 0..OF_ONE_MAX {
        open.push(Subscriber::new(&cast.house.address, &cast.compliance, "", None).await);
    }
    ask("").await.is_problem(503, "busy");
    open.clear();
    eventually("a place", async || {
        let request = Client::new().get(format!("{}/v1/events", cast.house.address)).bearer_auth(&cast.compliance);
        let answer = request.header("Accept", "text/event-stream").send().await.unwrap();
        (answer.status() == 200).then_some(())
    })
    .await;
}
