//! Figures, frontiers, backtests and projections over prices in memory: right after each new price, bounded, recorded
//! nowhere.

use std::time::Instant;

use projections::price_cache::PRICE_CACHE_BYTES_MAX;
use projections::{Checkpoints, PriceCache};
use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Answer, House, unique};

/// Sessions of the demonstration prices that are loaded.
const SESSIONS: usize = 600;

/// A house with three assets over the same sessions.
async fn furnished() -> House {
    let house = House::open().await;
    let prices = insights::demo_prices::all().unwrap();
    for symbol in ["AAPL", "KO", "XOM"] {
        let asset = prices.iter().find(|asset| asset.symbol == symbol).unwrap();
        let bars: Vec<(&str, &str)> =
            asset.bars[..SESSIONS].iter().map(|(date, close)| (date.as_str(), close.as_str())).collect();
        house.asset(symbol, &bars).await;
    }
    house
}

/// A computation that is not older than anything in the log.
async fn compute(house: &House, path: &str, body: &Value) -> Answer {
    let market = house.journal.last_position(events::Stream::Market).await.unwrap();
    let advisory = house.journal.last_position(events::Stream::Advisory).await.unwrap();
    let position = format!("{advisory}, {market}");
    house.ask(Method::POST, path, |request| request.header("Insights-Min-Position", position).json(body)).await
}

async fn portfolio(house: &House) -> String {
    let advisor = house.advisor().await;
    let allocation = json!([{"asset": "AAPL", "weight": "0.5"}, {"asset": "KO", "weight": "0.5"}]);
    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": allocation});
    house.post("/v1/portfolios", &unique("portfolio"), &body).await.created()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[tokio::test]
async fn figures_have_a_benchmark_drawdowns_months_and_a_moving_window() {
    let house = furnished().await;
    let path = format!("/v1/portfolios/{}/figures", portfolio(&house).await);
    let told = house.get_now(&format!("{path}?benchmark=XOM")).await;
    assert_eq!((told.status.as_u16(), &told.body["benchmark"]), (200, &json!("XOM")));
    let figures = told.body["figures"].as_array().unwrap();
    let beta = figures.iter().find(|figure| figure["id"] == "beta").unwrap();
    assert!(number(&beta["value"]) > 0.0);
    assert_eq!(told.body["drawdowns"][0], told.body["max_drawdown"]);
    let months = told.body["months"].as_array().unwrap();
    assert_eq!((months[0]["year"].as_i64(), months[0]["months"].as_array().unwrap().len()), (Some(1990), 12));
    let growth: f64 = months.iter().map(|year| 1.0 + number(&year["total"])).product();
    let cumulative = figures.iter().find(|figure| figure["id"] == "cumulative").unwrap();
    assert!((growth - 1.0 - number(&cumulative["value"])).abs() < 1e-9);

    let rolling = house.get_now(&format!("{path}/rolling?window=252")).await;
    let windows = SESSIONS - 1 - 251;
    for list in ["dates", "volatility", "sharpe"] {
        assert_eq!(rolling.body[list].as_array().unwrap().len(), windows, "{list}");
    }
    house.get(&format!("{path}/rolling?window=1")).await.is_problem(400, "invalid-parameter");
    house.get(&format!("{path}?benchmark=no%20name")).await.is_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn a_benchmark_changes_no_figure_but_those_beside_it() {
    let house = furnished().await;
    let path = format!("/v1/portfolios/{}/figures", portfolio(&house).await);
    let prices = insights::demo_prices::all().unwrap();
    let index = prices.iter().find(|asset| asset.symbol == "XOM").unwrap();
    let every_second: Vec<(&str, &str)> =
        index.bars[..SESSIONS].iter().step_by(2).map(|(date, close)| (date.as_str(), close.as_str())).collect();
    house.asset("SELDOM", &every_second).await;
    house.asset("UNPRICED", &[]).await;
    let euro = json!({"id": "EURO", "name": "Euro Inc.", "currency": "EUR"});
    house.post("/v1/assets", &unique("EURO"), &euro).await.created();

    let own = |told: &Answer| -> Vec<Value> {
        let beside = |figure: &&Value| {
            let beside = analytics::Figure::ALL.iter().filter(|figure| figure.is_beside_a_benchmark());
            beside.map(|figure| figure.definition().id).any(|id| figure["id"] == id)
        };
        assert_eq!(told.status, 200, "{told:?}");
        told.body["figures"].as_array().unwrap().iter().filter(|figure| !beside(figure)).cloned().collect()
    };
    let alone = house.get_now(&path).await;
    assert_eq!(alone.body["benchmark_window"], json!(null));
    let seldom = house.get_now(&format!("{path}?benchmark=SELDOM")).await;
    assert_eq!(own(&seldom), own(&alone));
    for same in ["window", "drawdowns", "months", "correlation", "max_drawdown"] {
        assert_eq!(seldom.body[same], alone.body[same], "{same}");
    }
    assert_eq!(seldom.body["window"]["returns"], SESSIONS - 1);
    assert_eq!(seldom.body["benchmark_window"]["returns"], SESSIONS / 2 - 1);
    let of = |told: &Answer, id: &str| {
        told.body["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id).unwrap().clone()
    };
    assert_eq!((&of(&seldom, "sharpe")["n"], &of(&seldom, "beta")["n"]), (&json!(599), &json!(299)));
    for (benchmark, why) in [("UNPRICED", "no-prices"), ("EURO", "prices-in-other-currency")] {
        let told = house.get_now(&format!("{path}?benchmark={benchmark}")).await;
        assert_eq!(own(&told), own(&alone), "{benchmark}");
        let beta = of(&told, "beta");
        assert_eq!((&beta["value"], &beta["reason"]["code"], &beta["n"]), (&json!(null), &json!(why), &json!(0)));
    }

    let rolled = house.get_now(&format!("{path}/rolling?window=63&benchmark=SELDOM")).await;
    assert_eq!(rolled.body["sharpe"].as_array().unwrap().len(), SESSIONS - 63);
    let beside = &rolled.body["beside"];
    assert_eq!((&beside["benchmark"], &beside["common"]["returns"]), (&json!("SELDOM"), &json!(299)));
    let betas = beside["beta"].as_array().unwrap();
    assert_eq!((betas.len(), beside["dates"].as_array().unwrap().len()), (299 - 62, 299 - 62));
    let last_of_all = beside["dates"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert_eq!(last_of_all, seldom.body["benchmark_window"]["end"]);
    // One window over all of it is the beta of all of it.
    let whole = house.get_now(&format!("{path}/rolling?window=299&benchmark=SELDOM")).await;
    let whole = number(&whole.body["beside"]["beta"][0]);
    assert!((whole - number(&of(&seldom, "beta")["value"])).abs() < 1e-12);
    let without = house.get_now(&format!("{path}/rolling?window=63")).await;
    assert_eq!((&without.body["beside"], &without.body["sharpe"]), (&json!(null), &rolled.body["sharpe"]));

    for path in [path.clone(), format!("{path}/rolling")] {
        let refused = house.get_now(&format!("{path}?benchmark=NOPE")).await;
        refused.is_problem(422, "no-such-assets");
        let error = &refused.body["errors"][0];
        assert_eq!((&error["parameter"], &error["code"]), (&json!("benchmark"), &json!("no-such-asset")));
    }
}

#[tokio::test]
async fn a_frontier_keeps_its_limits_and_names_those_that_cannot_hold() {
    let house = furnished().await;
    let before = house.written().await;
    let body = json!({"assets": ["AAPL", "KO", "XOM"], "points": 11, "caps": [{"asset": "KO", "weight": "0.6"}],
        "groups": [{"name": "oil", "assets": ["XOM"], "least": "0.1"}]});
    let told = compute(&house, "/v1/frontier", &body).await;
    assert_eq!(told.status, 200, "{told:?}");
    let points = told.body["points"].as_array().unwrap();
    assert_eq!(points.len(), 11);
    for point in points {
        let weights: Vec<f64> = point["weights"].as_array().unwrap().iter().map(|one| number(&one["weight"])).collect();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(weights[1] <= 0.6 + 1e-9 && weights[2] >= 0.1 - 1e-9, "{weights:?}");
    }
    assert!(points.windows(2).all(|pair| number(&pair[0]["volatility"]) <= number(&pair[1]["volatility"]) + 1e-9));
    assert_eq!(told.body["window"]["returns"], SESSIONS - 1);
    assert!(told.body["prices_position"].as_str().unwrap().starts_with("market-"));

    let own = compute(&house, "/v1/frontier", &json!({"portfolio": portfolio(&house).await, "points": 5})).await;
    assert_eq!(own.body["portfolio"]["weights"].as_array().unwrap().len(), 2);
    let caps = json!({"assets": ["AAPL", "KO"], "max_weight": "0.4"});
    let refused = compute(&house, "/v1/frontier", &caps).await;
    refused.is_problem(422, "limits-infeasible");
    let group = json!({"assets": ["AAPL", "KO", "XOM"], "caps": [{"asset": "KO", "weight": "0.2"}],
        "groups": [{"name": "drinks", "assets": ["KO"], "least": "0.3"}]});
    let refused = compute(&house, "/v1/frontier", &group).await;
    refused.is_problem(422, "limits-infeasible");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("drinks") && detail.contains("the upper bound of KO"), "{detail}");

    compute(&house, "/v1/frontier", &json!({"assets": ["AAPL", "NOPE"]})).await.is_problem(422, "no-such-assets");
    compute(&house, "/v1/frontier", &json!({"assets": ["AAPL"], "points": 201}))
        .await
        .is_problem(422, "computation-too-large");
    compute(&house, "/v1/frontier", &json!({})).await.is_problem(422, "invalid-body");
    compute(&house, "/v1/frontier", &json!({"assets": ["AAPL", "KO"], "to": "1980-01-01"}))
        .await
        .is_problem(422, "not-computable");
    // One portfolio and its advisor were written, by commands; the computations wrote nothing.
    let after = house.written().await;
    assert_ne!(after, before);
    compute(&house, "/v1/frontier", &body).await;
    assert_eq!(house.written().await, after);
}

#[tokio::test]
async fn a_backtest_says_that_it_is_hypothetical_and_what_it_cost() {
    let house = furnished().await;
    let id = portfolio(&house).await;
    let terms = json!({"rebalancing": "quarterly", "drift": {"limit": "0.05", "cooldown_sessions": 5}, "cost_bps": "10",
        "contributions": {"amount": "0.01", "every": "month"}, "benchmark": "XOM"});
    let told = compute(&house, &format!("/v1/portfolios/{id}/backtests"), &terms).await;
    assert_eq!((told.status.as_u16(), &told.body["hypothetical"]), (200, &json!(true)), "{told:?}");
    assert_eq!(told.body["portfolio_version"], 1);
    assert!(told.body["money_weighted_return"].is_f64());
    // Two of three months' payments are traded on a day without a rebalancing by the calendar, and cost, too.
    let sum = |list: &str, name: &str| -> f64 {
        told.body[list].as_array().unwrap().iter().map(|one| number(&one[name])).sum()
    };
    assert!(told.body["payments"].as_array().unwrap().len() > 10 && sum("payments", "cost") > 0.0001);
    for (total, of_each) in [("total_cost", "cost"), ("turnover", "turnover")] {
        let all = sum("rebalances", of_each) + sum("payments", of_each);
        assert!((number(&told.body[total]) - all).abs() < 1e-12, "{total}");
    }
    assert_eq!(told.body["equity"].as_array().unwrap().len(), SESSIONS);
    assert!(told.body["rebalances"].as_array().unwrap().len() > 8);

    let allocation = json!([{"asset": "AAPL", "weight": "0.5"}, {"asset": "KO", "weight": "0.5"}]);
    let same = compute(&house, "/v1/backtests", &json!({"allocation": allocation, "terms": terms})).await;
    assert_eq!((&same.body["fingerprint"], &same.body["equity"]), (&told.body["fingerprint"], &told.body["equity"]));
    let without_cost = compute(&house, "/v1/backtests", &json!({"allocation": allocation})).await;
    assert!(number(&without_cost.body["total_cost"]).abs() < 1e-15);
    assert_ne!(without_cost.body["fingerprint"], told.body["fingerprint"]);
    let rate = json!({"allocation": allocation, "terms": {"risk_free_rate": "0.02"}});
    assert_ne!(compute(&house, "/v1/backtests", &rate).await.body["fingerprint"], without_cost.body["fingerprint"]);

    let half = json!({"allocation": [{"asset": "AAPL", "weight": "0.5"}]});
    compute(&house, "/v1/backtests", &half).await.is_problem(422, "weights-do-not-add-up");
    let bad = json!({"allocation": allocation, "terms": {"cost_bps": "2000"}});
    let refused = compute(&house, "/v1/backtests", &bad).await;
    refused.is_problem(422, "invalid-body");
    assert_eq!(refused.errors(), [("#/terms/cost_bps".to_owned(), "out-of-range".to_owned())]);
    // A fault is told where it stands: in the terms, or at the top where they are all of the body.
    let terms = json!({"benchmark": "NOPE"});
    let windows = json!({"from": "2024-02-30", "risk_free_rate": "9"});
    let of_weights = |terms: &Value| ("/v1/backtests".to_owned(), json!({"allocation": allocation, "terms": terms}));
    let of_portfolio = |terms: &Value| (format!("/v1/portfolios/{id}/backtests"), terms.clone());
    for ((path, body), at, kind) in [
        (of_weights(&terms), "#/terms/benchmark", "no-such-assets"),
        (of_portfolio(&terms), "#/benchmark", "no-such-assets"),
        (of_weights(&windows), "#/terms/from", "invalid-body"),
        (of_portfolio(&windows), "#/from", "invalid-body"),
    ] {
        let refused = compute(&house, &path, &body).await;
        refused.is_problem(422, kind);
        assert_eq!(refused.errors()[0].0, at, "{refused:?}");
    }
    let nobody = "/v1/portfolios/132e374d-2bfb-5564-814d-e201e6e41209/backtests";
    compute(&house, nobody, &json!({})).await.is_problem(404, "portfolio-unknown");
}

#[tokio::test]
async fn a_projection_with_the_same_seed_is_the_same_and_is_bounded() {
    let house = furnished().await;
    let id = portfolio(&house).await;
    let body = json!({"portfolio": id, "horizon_sessions": 252, "paths": 200, "seed": 7, "initial": "1000",
        "flow": "10", "goal": "1200"});
    let told = compute(&house, "/v1/projections", &body).await;
    assert_eq!(told.status, 200, "{told:?}");
    let fan = told.body["fan"].as_array().unwrap();
    let last = |band: &Value| number(band["values"].as_array().unwrap().last().unwrap());
    assert!(fan.windows(2).all(|pair| last(&pair[0]) <= last(&pair[1])));
    assert!((0.0..=1.0).contains(&number(&told.body["goal_probability"])));
    assert!((number(told.body["paid_in"].as_array().unwrap().last().unwrap()) - 1_120.0).abs() < 1e-9);
    assert_eq!(told.body["cautions"], json!([]));
    assert_eq!(compute(&house, "/v1/projections", &body).await.body, told.body);

    let out = json!({"portfolio": id, "horizon_sessions": 2_520, "paths": 50, "initial": "1", "flow": "-0.2"});
    let told = compute(&house, "/v1/projections", &out).await;
    let list = |name: &str| -> Vec<f64> { told.body[name].as_array().unwrap().iter().map(number).collect() };
    assert!((number(&told.body["ruin_probability"]) - 1.0).abs() < 1e-15);
    assert!(list("paid_in").iter().all(|paid| (paid - 1.0).abs() < 1e-15));
    let taken = list("taken_out");
    assert!(taken.is_sorted() && (0.9..1.5).contains(taken.last().unwrap()), "{taken:?}");
    assert_eq!(told.body["cautions"][0]["code"], "long-horizon");
    // A past of one return says next to nothing, and that is said.
    let past = json!({"portfolio": id, "horizon_sessions": 10, "paths": 5, "from": "1990-01-02", "to": "1990-01-03"});
    let told = compute(&house, "/v1/projections", &past).await;
    assert_eq!((&told.body["window"]["returns"], &told.body["cautions"][0]["code"]), (&json!(1), &json!("short-past")));

    let huge = json!({"portfolio": id, "horizon_sessions": 15_120, "paths": 20_000});
    let refused = compute(&house, "/v1/projections", &huge).await;
    refused.is_problem(422, "computation-too-large");
    assert!(refused.body["detail"].as_str().unwrap().contains("500000000 at the most"), "{refused:?}");
    compute(&house, "/v1/projections", &json!({"horizon_sessions": 252})).await.is_problem(422, "invalid-body");
}

#[tokio::test]
async fn prices_stay_in_memory_until_an_event_of_their_asset_comes() {
    let house = furnished().await;
    let checkpoints = Checkpoints::watch(house.pool.clone());
    let cache =
        PriceCache::start(house.journal.clone(), house.pool.clone(), checkpoints.clone(), PRICE_CACHE_BYTES_MAX);
    let assets: Vec<_> = ["AAPL", "KO"].iter().map(|id| events::values::AssetId::parse(id).unwrap()).collect();
    let now = async || {
        let end = house.journal.last_position(events::Stream::Market).await.unwrap();
        checkpoints.wait_for(end, std::time::Duration::from_secs(10)).await.unwrap();
        cache.prices(&assets).await.unwrap()
    };
    // Until the log has been read once, nothing is taken from memory.
    testbed::eventually("prices that stay", async || {
        now().await;
        let loads = cache.loads();
        now().await;
        (cache.loads() == loads).then_some(())
    })
    .await;
    let loads = cache.loads();
    let before = now().await;
    house.asset("JNJ", &[("1990-01-02", "10")]).await;
    assert_eq!(now().await.position(), before.position(), "another asset's prices change nothing");
    assert_eq!(cache.loads(), loads);

    let bars = json!({"source": "a test", "basis": "adjusted", "bars": [{"date": "2023-01-03", "close": "99"}]});
    let priced = house.post("/v1/assets/KO/prices", &unique("p"), &bars).await;
    let after = now().await;
    assert_eq!(after.position().to_string(), priced.header("insights-position"));
    assert_eq!(after.column(&assets[1]).unwrap().between(None, None).1.last(), Some(&99.0));
    testbed::eventually("the new column in memory", async || {
        now().await;
        let loads = cache.loads();
        now().await;
        (cache.loads() == loads).then_some(())
    })
    .await;

    let begun = Instant::now();
    const READS: u32 = 1_000;
    for _ in 0..READS {
        cache.prices(&assets).await.unwrap();
    }
    println!("{:?} for two columns from memory", begun.elapsed() / READS);
}

#[tokio::test]
async fn kept_figures_are_those_that_are_computed_on_request() {
    let house = furnished().await;
    let id = portfolio(&house).await;
    let listed = house.get_now("/v1/figures").await;
    assert_eq!(listed.body["items"], json!([]), "nobody keeps them yet");
    let analyst = projections::analyze::Analyst::new(house.journal.clone(), house.pool.clone());
    let stop = tokio_util::sync::CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    let running = analyst.clone();
    tokio::spawn(async move { running.run(stop).await.unwrap() });
    let kept = testbed::eventually("kept figures", async || {
        let listed = house.get_now("/v1/figures").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.body["items"].get(0).filter(|item| !item["prices_position"].is_null()).cloned()
    });
    let kept = kept.await;
    let computed = house.get_now(&format!("/v1/portfolios/{id}/figures")).await;
    for same in ["portfolio_version", "currency", "definitions", "window", "prices_position", "rebalancing"] {
        assert_eq!(kept[same], computed.body[same], "{same}");
    }
    let values = |of: &Value| -> Vec<(Value, Value)> {
        let all = of["figures"].as_array().unwrap().iter();
        all.map(|figure| (figure["id"].clone(), figure["value"].clone())).collect()
    };
    assert!(values(&kept).len() > 20);
    assert_eq!(values(&kept), values(&computed.body));
    assert_eq!(analyst.computations(), 1);
}
