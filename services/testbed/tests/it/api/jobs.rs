//! Jobs: what takes long is computed after its request was answered, for whom it was asked, until they want it no more.

use events::Stream;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::eventually;
use vault::Role;

use super::house::{Answer, House};

/// Sessions of the prices, from a Monday on.
const SESSIONS: i64 = 120;

/// A house with an asset that has a price on each day, and one that misses the 10th to 12th.
async fn furnished() -> House {
    let house = House::open().await;
    let first = jiff::civil::date(2024, 1, 1);
    let day = |n: i64| (first + jiff::Span::new().days(n)).to_string();
    let every: Vec<(String, String)> = (0..SESSIONS).map(|n| (day(n), (100 + n % 7).to_string())).collect();
    let some = every.iter().enumerate().filter(|(n, _)| !(31..34).contains(n)).map(|(_, bar)| bar.clone()).collect();
    for (symbol, bars) in [("DAILY", every), ("GAPPED", some)] {
        let bars: Vec<(String, String)> = bars;
        let bars: Vec<(&str, &str)> = bars.iter().map(|(day, close)| (day.as_str(), close.as_str())).collect();
        house.asset(symbol, &bars).await;
    }
    house
}

async fn ask(house: &House, path: &str, prefer: Option<&'static str>, body: &Value) -> Answer {
    let position = house.journal.last_position(Stream::Market).await.unwrap().to_string();
    let asking = house.ask(Method::POST, path, |request| {
        let request = request.header("Insights-Min-Position", position).json(body);
        if let Some(prefer) = prefer { request.header("Prefer", prefer) } else { request }
    });
    asking.await
}

async fn ended(house: &House, job: &str) -> Value {
    eventually("the end of a job", async || {
        let told = house.get(job).await;
        assert_eq!(told.status, 200, "{told:?}");
        let open = ["waiting", "running"].contains(&told.body["state"].as_str().unwrap());
        assert_eq!(told.headers.contains_key("retry-after"), open);
        (!open).then_some(told.body)
    })
    .await
}

/// A projection whose steps take a while in a build for tests.
fn long() -> Value {
    json!({"allocation": [{"asset": "DAILY", "weight": "1"}], "horizon_sessions": 15_120, "paths": 20_000, "goal": "2"})
}

#[tokio::test]
async fn a_job_has_the_answer_that_the_request_would_have_had() {
    let house = furnished().await;
    let before = house.written().await;
    let body = json!({"allocation": [{"asset": "DAILY", "weight": "1"}], "horizon_sessions": 50, "paths": 40});
    let at_once = ask(&house, "/v1/projections", None, &body).await;
    assert_eq!(at_once.status, 200, "{at_once:?}");
    let accepted = ask(&house, "/v1/projections", Some("wait=9, respond-async"), &body).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(accepted.header("preference-applied"), "respond-async");
    let job = accepted.header("location").to_owned();
    assert_eq!(job, format!("/v1/jobs/{}", accepted.body["id"].as_str().unwrap()));
    let done = ended(&house, &job).await;
    assert_eq!((&done["state"], &done["progress"]), (&json!("done"), &json!(1.0)));
    assert_eq!(done["result"], at_once.body);
    assert_eq!(house.written().await, before, "nothing was recorded");

    let frontier = json!({"assets": ["DAILY", "GAPPED"], "points": 5});
    let job = ask(&house, "/v1/frontier", Some("respond-async"), &frontier).await.header("location").to_owned();
    assert_eq!(ended(&house, &job).await["result"]["points"].as_array().unwrap().len(), 5);

    let nothing = json!({"assets": ["DAILY", "NOTHING"]});
    let job = ask(&house, "/v1/frontier", Some("respond-async"), &nothing).await.header("location").to_owned();
    let failed = ended(&house, &job).await;
    assert_eq!((&failed["state"], &failed["problem"]["type"]), (&json!("failed"), &json!("/problems/no-such-assets")));
}

#[tokio::test]
async fn what_takes_long_becomes_a_job_that_can_be_watched_and_cancelled() {
    let house = furnished().await;
    let accepted = ask(&house, "/v1/projections", None, &long()).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let job = accepted.header("location").to_owned();
    eventually("some progress", async || {
        let told = house.get(&job).await.body;
        (told["state"] == "running" && told["progress"].as_f64()? > 0.0).then_some(())
    })
    .await;

    let hour = SignedDuration::from_hours(1);
    let other = house.vault.create_token(Role::Admin, "another", Timestamp::now(), hour).await.unwrap().secret;
    for method in [Method::GET, Method::DELETE] {
        let foreign = house.ask_as_stranger(method, &job, |request| request.bearer_auth(&other)).await;
        foreign.is_problem(404, "job-unknown");
    }
    assert_eq!(house.ask(Method::DELETE, &job, |request| request).await.status, 204);
    house.get(&job).await.is_problem(404, "job-unknown");
    house.get("/v1/jobs/no-id").await.is_problem(404, "job-unknown");
    // Its place is free again: the next one is not held up by it.
    let body = json!({"allocation": [{"asset": "DAILY", "weight": "1"}], "horizon_sessions": 5, "paths": 4});
    let next = ask(&house, "/v1/projections", Some("respond-async"), &body).await.header("location").to_owned();
    assert_eq!(ended(&house, &next).await["state"], "done");
}

#[tokio::test]
async fn one_caller_has_so_many_jobs_at_once_and_no_more() {
    let house = furnished().await;
    for _ in 0..4 {
        assert_eq!(ask(&house, "/v1/projections", None, &long()).await.status, 202);
    }
    ask(&house, "/v1/projections", None, &long()).await.is_problem(503, "busy");
}

#[tokio::test]
async fn a_backtest_holds_what_has_no_price_and_says_so() {
    let house = furnished().await;
    let body = json!({"allocation": [{"asset": "DAILY", "weight": "0.5"}, {"asset": "GAPPED", "weight": "0.5"}],
        "terms": {"benchmark": "DAILY", "cost_bps": "10"}});
    let told = ask(&house, "/v1/backtests", None, &body).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.body["dates"].as_array().unwrap().len(), usize::try_from(SESSIONS).unwrap());
    assert_eq!(told.body["carried"], json!([{"asset": "GAPPED", "sessions": 3}]));
    // The first of February is a rebalancing without a price of one asset.
    let february = &told.body["rebalances"][1];
    assert_eq!((&february["date"], &february["held"]), (&json!("2024-02-01"), &json!(["GAPPED"])));
    assert_eq!(told.body["rebalances"][2]["held"], json!([]));
    let figures = told.body["figures"].as_array().unwrap();
    assert!(figures.iter().any(|figure| figure["id"] == "beta" && figure["value"].is_number()));
    assert_eq!(told.body["coverage"][1]["prices"], SESSIONS - 3);
}
