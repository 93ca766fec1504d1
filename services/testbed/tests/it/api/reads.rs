//! Reads: what was written is read back, no older than the reader knows.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{House, halves, unique};

/// The demo's way through the nouns, each read after its command.
#[tokio::test]
async fn what_was_written_is_read_back() {
    let house = House::open().await;
    let registered = house.post("/v1/advisors", "a", &json!({"name": " Ana Souza ", "firm": "Casa Verde"})).await;
    let advisor = registered.created();
    assert_eq!(registered.header("location"), format!("/v1/advisors/{advisor}"));
    let read = house.get_after(registered.header("location"), &registered).await;
    assert_eq!((read.status.as_u16(), read.header("etag")), (200, "\"1\""));
    assert_eq!((&read.body["name"], &read.body["firm"]), (&json!("Ana Souza"), &json!("Casa Verde")));

    let body = json!({"advisor": advisor, "name": "José da Silva", "email": "Jose@Client.EXAMPLE"});
    let registered = house.post("/v1/clients", "c", &body).await;
    let read = house.get_after(registered.header("location"), &registered).await;
    assert_eq!(read.body["identity"], json!({"name": "José da Silva", "email": "Jose@client.example"}));
    let list = house.get(&format!("/v1/clients?advisor={advisor}")).await;
    assert_eq!(list.body["items"][0], read.body);

    let closes = [("2024-01-02", "185.64"), ("2024-01-03", "184.25"), ("2024-01-04", "181.91")];
    house.asset("AAPL", &closes).await;
    let priced = house.asset("BRK-B", &[("2024-01-03", "360"), ("2024-01-04", "361.5")]).await;
    let read = house.get_after("/v1/assets/AAPL", &priced).await;
    let expected = json!(["Apple", "USD", "adjusted", "2024-01-02", "2024-01-04", 3]);
    let fields = ["currency", "basis", "first_day", "last_day", "days"].map(|field| read.body[field].clone());
    assert_eq!(json!(fields), json!(expected.as_array().unwrap()[1..]));

    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": [
        {"asset": "BRK-B", "weight": "0.250"}, {"asset": "AAPL", "weight": "0.75"}]});
    let created = house.post("/v1/portfolios", "p", &body).await;
    let path = created.header("location").to_owned();
    let read = house.get_after(&path, &created).await;
    let allocation = json!([{"asset": "AAPL", "weight": "0.75"}, {"asset": "BRK-B", "weight": "0.25"}]);
    assert_eq!(read.body["allocation"], allocation);

    let reason = json!({"allocation": halves("AAPL", "BRK-B"), "reason": "Less of\none company"});
    let changed = house.change(Method::PUT, &format!("{path}/allocation"), "\"1\"", &reason).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let read = house.get_after(&path, &changed).await;
    assert_eq!((&read.body["version"], &read.body["allocation"]), (&json!(2), &halves("AAPL", "BRK-B")));

    let events = house.get(&format!("{path}/events")).await;
    let kinds: Vec<&Value> = events.body["items"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["insights.portfolio.created.v3", "insights.portfolio.reallocated.v2"]);
    assert_eq!(events.body["items"][1]["data"]["reallocated"]["reason"], "Less of\none company");
    assert!(events.body["items"][1]["metadata"]["actor"].as_str().unwrap().starts_with("admin:"), "{events:?}");
}

#[tokio::test]
async fn figures_say_what_they_rest_on_or_why_they_are_not_there() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let path = format!("/v1/portfolios/{id}/figures");
    let closes = [("2024-01-02", "100"), ("2024-01-03", "110"), ("2024-01-04", "99")];
    let bars: Vec<Value> = closes.iter().map(|(date, close)| json!({"date": date, "close": close})).collect();
    let body = json!({"source": "a test", "basis": "raw", "bars": bars});
    let priced = house.post("/v1/assets/AAPL/prices", "p-1", &body).await;
    assert_eq!(priced.status, 200, "{priced:?}");
    let one = house.get_now(&path).await;
    let figure = |answer: &super::house::Answer, id: &str| {
        let figures = answer.body["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["id"] == id).cloned().unwrap()
    };
    assert_eq!(figure(&one, "sharpe")["value"], Value::Null);
    assert_eq!(figure(&one, "sharpe")["reason"]["code"], "no-prices", "MSFT has none");

    let priced = house.post("/v1/assets/MSFT/prices", "p-1", &body).await;
    let both = house.get_now(&format!("{path}?rebalancing=none&risk_free_rate=0.02")).await;
    let cumulative = figure(&both, "cumulative")["value"].as_f64().unwrap();
    assert!((cumulative + 0.01).abs() < 1e-12, "{cumulative}");
    assert_eq!(figure(&both, "cagr")["reason"]["code"], "shorter-than-one-year");
    assert_eq!(both.body["window"], json!({"start": "2024-01-02", "end": "2024-01-04", "returns": 2}));
    assert_eq!(both.body["max_drawdown"]["peak"], "2024-01-03");
    assert_eq!(both.body["correlation"]["assets"], json!(["AAPL", "MSFT"]));
    assert_eq!(both.body["prices_position"], priced.header("insights-position"));
    assert_eq!(both.body["risk_free_rate"], "0.02");
    house.get(&format!("{path}?from=2024-13-01&risk_free_rate=5")).await.is_problem(400, "invalid-parameter");
    house.get(&format!("{path}?window=all")).await.is_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let house = House::open().await;
    let mut names = Vec::new();
    let mut last = None;
    for n in 0..5 {
        let name = format!("Advisor {n}");
        last = Some(house.post("/v1/advisors", &unique("a"), &json!({"name": name, "firm": "Casa Verde"})).await);
        names.push(name);
    }
    let mut next = "/v1/advisors?limit=2".to_owned();
    let mut read = Vec::new();
    for _ in 0..3 {
        let page = house.get_after(&next, last.as_ref().unwrap()).await;
        let items = page.body["items"].as_array().unwrap();
        read.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.body["next"].as_str() else { break };
        let link = page.header("link").to_owned();
        assert!(link.contains(cursor), "{link}");
        next = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(read, names);
    for query in ["limit=0", "limit=101", "limit=x", "cursor=rubbish", "page=2", "limit=1&limit=2"] {
        house.get(&format!("/v1/advisors?{query}")).await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn a_list_takes_no_cursor_of_another() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.advisor().await;
    for _ in 0..2 {
        house.client(&advisor).await;
    }
    house.get_now("/v1/advisors").await;
    let next = async |list: &str| house.get(list).await.body["next"].as_str().unwrap().to_owned();
    let (advisors, clients) = (next("/v1/advisors?limit=1").await, next("/v1/clients?limit=1").await);
    let events = next("/v1/events?limit=1").await;
    for (list, its, others) in [
        ("/v1/advisors", &advisors, [&clients, &events]),
        ("/v1/clients", &clients, [&advisors, &events]),
        ("/v1/events", &events, [&advisors, &clients]),
    ] {
        assert_eq!(house.get(&format!("{list}?cursor={its}&limit=5")).await.status, 200, "{list}");
        for other in others {
            let refused = house.get(&format!("{list}?cursor={other}")).await;
            refused.is_problem(400, "invalid-parameter");
            assert_eq!(refused.errors(), [("cursor".to_owned(), "not-a-cursor".to_owned())], "{list}");
        }
    }
    house.get(&format!("/v1/clients?cursor={clients}&sort=-created")).await.is_problem(400, "invalid-parameter");
    house.get(&format!("/v1/portfolios?cursor={clients}&sort=name")).await.is_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn a_read_that_would_be_too_old_waits_and_then_says_so() {
    let house = House::with(api::Limits::default(), false).await;
    let registered = house.post("/v1/advisors", "a", &json!({"name": "Ana", "firm": "Casa Verde"})).await;
    let path = registered.header("location").to_owned();
    let began = Instant::now();
    let answer = house.get_after(&path, &registered).await;
    answer.is_problem(503, "projection-behind");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    house.get(&path).await.is_problem(404, "advisor-unknown");
    let rubbish = house.ask(Method::GET, &path, |request| request.header("Insights-Min-Position", "42"));
    rubbish.await.is_problem(400, "invalid-parameter");
    // What has not happened is not waited for: whoever waits is told that the read models are behind.
    let ahead = house.ask(Method::GET, &path, |request| request.header("Insights-Min-Position", "advisory-99"));
    let ahead = ahead.await;
    ahead.is_problem(400, "invalid-parameter");
    assert_eq!(ahead.errors(), [("insights-min-position".to_owned(), "position-ahead-of-log".to_owned())]);
    // Commands rest on the log and go on: the read models know of neither advisor nor assets.
    house.portfolio(registered.body["id"].as_str().unwrap()).await;
    let another = house.another().await;
    let body = super::house::portfolio(registered.body["id"].as_str().unwrap());
    house.post_at(&another, "/v1/portfolios", "elsewhere", &body).await.created();
}

#[tokio::test]
async fn a_client_whose_key_is_destroyed_is_nobody() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let body = json!({"advisor": advisor, "name": "José da Silva", "email": "jose@client.example"});
    let registered = house.post("/v1/clients", "c", &body).await;
    sqlx::query("delete from vault.data_keys").execute(&house.pool).await.unwrap();
    let read = house.get_after(registered.header("location"), &registered).await;
    assert_eq!(
        (read.status.as_u16(), &read.body["identity"], &read.body["reason"]),
        (200, &Value::Null, &json!("erased"))
    );
}
