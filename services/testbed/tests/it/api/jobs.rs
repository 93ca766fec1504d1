//! Jobs: what takes long is computed after its request was answered, for whom it was asked, until they want it no more.

use std::cell::Cell;
use std::sync::Once;

use api::Limits;
use events::Stream;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::eventually;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use vault::Role;

use super::house::{Answer, House};

/// Sessions of the prices, from a Monday on.
const SESSIONS: i64 = 120;

/// A house with an asset that has a price on each day, and one that misses the first three of February.
async fn furnished() -> House {
    furnished_within(Limits::default()).await
}

async fn furnished_within(limits: Limits) -> House {
    let house = House::with(limits, true).await;
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

thread_local! {
    /// How often the desk has said on this thread that nobody waits for a computation any more.
    static ENDED_EARLY: Cell<usize> = const { Cell::new(0) };
}

/// Counts that, on each thread for itself.
struct CountEndedEarly;

impl<S: tracing::Subscriber> Layer<S> for CountEndedEarly {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.fields().any(|field| field.name() == "share") {
            ENDED_EARLY.set(ENDED_EARLY.get() + 1);
        }
    }
}

/// Has the desk listened to. By all threads: what one alone listens to, others may have declared to be of no interest.
fn listen_to_the_desk() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let of_the_desk = Targets::new().with_target("api::desk", tracing::Level::INFO);
        tracing_subscriber::registry().with(CountEndedEarly.with_filter(of_the_desk)).init();
    });
}

#[tokio::test]
async fn whoever_hangs_up_ends_the_work() {
    listen_to_the_desk();
    // One place to compute at.
    let house = furnished_within(Limits { figures_at_once: 1, ..Limits::default() }).await;
    let of = |paths: u32, horizon: u32| json!({"allocation": [{"asset": "DAILY", "weight": "1"}], "horizon_sessions": horizon, "paths": paths});
    // Long enough, and answered at once all the same.
    let long = of(600, 15_120);
    assert_eq!(ask(&house, "/v1/projections", None, &long).await.status, 200);
    assert_eq!(ENDED_EARLY.get(), 0, "who waits is answered");

    let client = reqwest::Client::new();
    let mut questions = 0;
    eventually("a computation that ends because its caller has gone", async || {
        let request = client.post(format!("{}/v1/projections", house.address)).bearer_auth(&house.token);
        let hangs_up = tokio::spawn(request.json(&long).send());
        // A question later each time, and from the beginning once the answer is there: one of them falls into the computing,
        // which takes far longer than a question.
        questions += 1;
        for _ in 0..questions {
            house.get("/v1/advisors").await;
        }
        questions = if hangs_up.is_finished() { 0 } else { questions };
        hangs_up.abort();
        // The service, which runs on this thread, has heard of it by then, or in a later turn.
        house.get("/v1/advisors").await;
        (ENDED_EARLY.get() > 0).then_some(())
    })
    .await;
    assert_eq!(ask(&house, "/v1/projections", None, &of(4, 5)).await.status, 200, "its place is free again");
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

/// Lists an asset with a price on these days of the year, and says which.
async fn on_days(house: &House, symbol: &str, days: impl Iterator<Item = i64>) -> Vec<(String, f64)> {
    let first = jiff::civil::date(2024, 1, 1);
    let price = |n: i64| 100 + (n * 7 + i64::try_from(symbol.len()).unwrap() * 3) % 11;
    let bars: Vec<(String, i64)> = days.map(|n| ((first + jiff::Span::new().days(n)).to_string(), price(n))).collect();
    let texts: Vec<(String, String)> = bars.iter().map(|(day, close)| (day.clone(), close.to_string())).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(day, close)| (day.as_str(), close.as_str())).collect();
    house.asset(symbol, &texts).await;
    bars.into_iter().map(|(day, close)| (day, f64::from(i32::try_from(close).unwrap()))).collect()
}

#[tokio::test]
async fn a_backtest_bears_holes_at_its_start_in_the_middle_and_at_its_end() {
    let house = furnished().await;
    let holed = |n: &i64| !(50..55).contains(n);
    let whole = on_days(&house, "WHOLE", 0..SESSIONS).await;
    // Listed later, away for five sessions, and without the last three.
    let late = on_days(&house, "LATER", (10..SESSIONS - 3).filter(holed)).await;
    let benchmark = on_days(&house, "AGAINST", (20..SESSIONS - 5).filter(|n| n % 3 != 0)).await;
    let body = |assets: [&str; 2], terms: Value| {
        let one = |asset| json!({"asset": asset, "weight": "0.5"});
        json!({"allocation": assets.map(one), "terms": terms})
    };
    let terms = json!({"rebalancing": "none", "benchmark": "AGAINST"});
    let told = ask(&house, "/v1/backtests", None, &body(["WHOLE", "LATER"], terms)).await;
    assert_eq!(told.status, 200, "{told:?}");
    let dates: Vec<&str> = told.body["dates"].as_array().unwrap().iter().map(|day| day.as_str().unwrap()).collect();
    assert_eq!((dates[0], dates.len()), (late[0].0.as_str(), usize::try_from(SESSIONS - 10).unwrap()));
    // Bought and held: half grows as each asset does, its last price standing where it has none.
    let worth = |bars: &[(String, f64)], day: &str| {
        let at = |day: &str| bars[bars.partition_point(|(other, _)| other.as_str() <= day) - 1].1;
        0.5 * at(day) / at(dates[0])
    };
    for (day, value) in dates.iter().zip(told.body["equity"].as_array().unwrap()) {
        let expected = worth(&whole, day) + worth(&late, day);
        assert!((value.as_f64().unwrap() - expected).abs() < 1e-12, "{day}: {value} {expected}");
    }
    assert_eq!(told.body["carried"], json!([{"asset": "LATER", "sessions": 5 + 3}]));
    let common = benchmark.iter().filter(|(day, _)| dates.contains(&day.as_str())).count();
    assert_eq!(told.body["benchmark_window"]["returns"], common - 1);
    let figures = told.body["figures"].as_array().unwrap();
    let of = |id: &str| figures.iter().find(|figure| figure["id"] == id).unwrap();
    assert_eq!((&of("beta")["n"], &of("sharpe")["n"]), (&json!(common - 1), &json!(dates.len() - 1)));

    // One session more in the middle or at the end is too long, and says so.
    on_days(&house, "TOOLONG", (0..SESSIONS).filter(|n| !(50..56).contains(n))).await;
    on_days(&house, "DELISTED", 0..SESSIONS - 6).await;
    for (asset, day) in [("TOOLONG", "2024-02-25"), ("DELISTED", "2024-04-29")] {
        let refused = ask(&house, "/v1/backtests", None, &body(["WHOLE", asset], json!({}))).await;
        refused.is_problem(422, "not-computable");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(asset) && detail.contains(day), "{detail}");
    }
    // Where no day has both, there is nothing to buy.
    on_days(&house, "BEFORE", -9..-3).await;
    let refused = ask(&house, "/v1/backtests", None, &body(["WHOLE", "BEFORE"], json!({}))).await;
    refused.is_problem(422, "not-computable");
    // A benchmark without a common day leaves the figures of its own as they are.
    let terms = json!({"rebalancing": "none", "benchmark": "BEFORE"});
    let told = ask(&house, "/v1/backtests", None, &body(["WHOLE", "LATER"], terms)).await;
    let beta = told.body["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == "beta").unwrap();
    assert_eq!((told.status.as_u16(), &beta["n"], &beta["value"]), (200, &json!(0), &json!(null)), "{told:?}");
}
