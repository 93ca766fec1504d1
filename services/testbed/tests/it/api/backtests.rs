//! Recorded backtests: what a client was shown can be shown again, whatever has become of prices.

use serde_json::{Value, json};

use super::house::{Answer, House, halves, unique};

/// A house with a portfolio of two assets with prices.
async fn house() -> (House, String) {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.asset("AAPL", &[("2024-01-02", "185"), ("2024-01-03", "184"), ("2024-01-04", "182")]).await;
    house.asset("MSFT", &[("2024-01-02", "370"), ("2024-01-03", "371"), ("2024-01-04", "368")]).await;
    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": halves("AAPL", "MSFT")});
    let portfolio = house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
    (house, portfolio)
}

fn terms() -> Value {
    json!({
        "cost_bps": "10", "lag_sessions": 1, "benchmark": "MSFT", "risk_free_rate": "0.02", "rebalancing": "none",
        "drift": {"limit": "0.001"}, "contributions": {"amount": "0.01", "every": "month"},
    })
}

/// What a backtest on these terms shows now.
async fn shown(house: &House, portfolio: &str) -> Value {
    let path = format!("/v1/portfolios/{portfolio}/backtests");
    let computed = house.ask(reqwest::Method::POST, &path, |request| request.json(&terms())).await;
    assert_eq!(computed.status, 200, "{computed:?}");
    computed.body
}

async fn record(house: &House, portfolio: &str, key: &str, body: &Value) -> Answer {
    house.get_now("/v1/assets").await;
    house.post(&format!("/v1/portfolios/{portfolio}/backtests/records"), key, body).await
}

#[tokio::test]
async fn prices_of_a_position_that_has_not_come_are_nobody_s_to_record() {
    let (house, portfolio) = house().await;
    let body = json!({"portfolio_version": 1, "prices_position": "market-999999", "terms": terms()});
    let written = house.written().await;
    let refused = record(&house, &portfolio, &unique("k"), &body).await;
    refused.is_problem(400, "invalid-parameter");
    assert_eq!(refused.errors(), [("#/prices_position".to_owned(), "position-ahead-of-log".to_owned())]);
    assert_eq!(house.written().await, written);
}

async fn correct(house: &House, close: &str) {
    let bars = json!([{"date": "2024-01-03", "close": close}]);
    let body = json!({"source": "a test", "reason": "a digit was wrong", "bars": bars});
    let corrected = house.post("/v1/assets/AAPL/corrections", &unique("c"), &body).await;
    assert_eq!(corrected.status, 200, "{corrected:?}");
}

#[tokio::test]
async fn what_was_shown_is_shown_again_after_prices_were_corrected() {
    let (house, portfolio) = house().await;
    house.get_now("/v1/assets").await;
    let first = shown(&house, &portfolio).await;
    correct(&house, "181").await;
    house.get_now("/v1/assets").await;
    assert_ne!(shown(&house, &portfolio).await["fingerprint"], first["fingerprint"], "prices are others now");

    let body = json!({
        "portfolio_version": first["portfolio_version"], "prices_position": first["prices_position"],
        "fingerprint": first["fingerprint"], "terms": terms(), "note": "For the talk in March",
    });
    let recorded = record(&house, &portfolio, &unique("k"), &body).await;
    let id = recorded.created();
    let place = format!("/v1/portfolios/{portfolio}/backtests/{id}");
    assert_eq!(recorded.header("location"), place);
    let again = house.get_after(&place, &recorded).await;
    assert_eq!((again.status.as_u16(), &again.body["still_the_same"]), (200, &json!(true)), "{again:?}");
    let mut result = again.body["result"].clone();
    assert_eq!(result["equity"], first["equity"]);
    assert_eq!(result["figures"], first["figures"]);
    // All of it is what was shown.
    result["portfolio_version"] = first["portfolio_version"].clone();
    assert_eq!(result, first);
    let run = &again.body["recorded"]["run"];
    assert_eq!((&run["terms"]["cost_bps"], &run["note"]), (&json!("10"), &json!("For the talk in March")));
    assert!(run["shown"].as_array().unwrap().iter().any(|shown| shown["name"] == "volatility"), "{run}");

    let listed = house.get_after(&format!("/v1/portfolios/{portfolio}/backtests"), &recorded).await;
    let ids: Vec<&Value> = listed.body["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!(id)]);
    // As it was, too: recorded by then or not.
    let then: events::Position = recorded.header("insights-position").parse().unwrap();
    let as_of = async |sequence: u64| {
        let path = format!("/v1/portfolios/{portfolio}/backtests?as_of=advisory-{sequence}");
        house.get(&path).await.body["items"].as_array().unwrap().len()
    };
    assert_eq!((as_of(then.sequence - 1).await, as_of(then.sequence).await), (0, 1));
}

#[tokio::test]
async fn what_was_shown_of_cash_is_shown_again_after_its_interest_was_corrected() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.asset("MSFT", &[("2024-01-02", "370"), ("2024-01-03", "371"), ("2024-01-04", "368")]).await;
    let cash = json!({"id": "CASH", "name": "Cash", "currency": "USD", "class": "cash"});
    house.post("/v1/assets", &unique("cash"), &cash).await.created();
    let earns = async |rate: &str| {
        let body = json!({"from": "2024-01-02", "rate": rate, "reason": "so says the bank"});
        assert_eq!(house.post("/v1/assets/CASH/interest", &unique("i"), &body).await.status, 200);
        house.get_now("/v1/assets").await;
    };
    earns("0.5").await;
    let body = json!({"advisor": advisor, "name": "Calm", "currency": "USD", "allocation": halves("CASH", "MSFT")});
    let portfolio = house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
    house.get_now("/v1/portfolios").await;
    let first = shown(&house, &portfolio).await;
    earns("0.05").await;
    assert_ne!(shown(&house, &portfolio).await["fingerprint"], first["fingerprint"], "it earns less now");
    let body = json!({
        "portfolio_version": first["portfolio_version"], "prices_position": first["prices_position"],
        "fingerprint": first["fingerprint"], "terms": terms(),
    });
    let recorded = record(&house, &portfolio, &unique("k"), &body).await;
    let place = format!("/v1/portfolios/{portfolio}/backtests/{}", recorded.created());
    let again = house.get_after(&place, &recorded).await;
    assert_eq!((&again.body["still_the_same"], &again.body["result"]["equity"]), (&json!(true), &first["equity"]));
}

#[tokio::test]
async fn a_recording_that_is_sent_again_has_its_first_answer_although_prices_moved() {
    let (house, portfolio) = house().await;
    let (key, body) = (unique("k"), json!({"portfolio_version": 1, "terms": terms()}));
    let first = record(&house, &portfolio, &key, &body).await;
    let id = first.created();
    correct(&house, "181").await;
    let before = house.written().await;
    let again = record(&house, &portfolio, &key, &body).await;
    assert_eq!((again.created(), again.header("idempotent-replayed")), (id, "true"));
    let other = json!({"portfolio_version": 1});
    record(&house, &portfolio, &key, &other).await.is_problem(422, "idempotency-key-reused");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn nothing_else_than_what_was_shown_is_recorded() {
    let (house, portfolio) = house().await;
    house.get_now("/v1/assets").await;
    let first = shown(&house, &portfolio).await;
    correct(&house, "181").await;
    let before = house.written().await;
    let with = |more: Value| {
        let mut body = json!({"portfolio_version": 1, "terms": terms()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let asked = async |body: Value| record(&house, &portfolio, &unique("k"), &body).await;
    asked(with(json!({"fingerprint": first["fingerprint"]}))).await.is_problem(409, "backtest-differs");
    asked(with(json!({"portfolio_version": 9}))).await.is_problem(404, "version-unknown");
    asked(with(json!({"prices_position": "advisory-1"}))).await.is_problem(422, "invalid-body");
    asked(with(json!({"prices_position": "market-1"}))).await.is_problem(422, "not-computable");
    asked(with(json!({"terms": {"benchmark": "NONE"}}))).await.is_problem(422, "no-such-assets");
    assert_eq!(house.written().await, before);
    let absent = format!("/v1/portfolios/{portfolio}/backtests/132e374d-2bfb-5564-814d-e201e6e41209");
    house.get_now(&absent).await.is_problem(404, "backtest-unknown");
}

#[tokio::test]
async fn a_backtest_is_under_its_own_portfolio_alone() {
    let (house, portfolio) = house().await;
    let recorded = record(&house, &portfolio, &unique("k"), &json!({"portfolio_version": 1})).await;
    let id = recorded.created();
    let copy = json!({"name": "A copy"});
    let copy = house.post(&format!("/v1/portfolios/{portfolio}/copies"), &unique("k"), &copy).await.created();
    assert_eq!(house.get_now(&format!("/v1/portfolios/{portfolio}/backtests/{id}")).await.status, 200);
    house.get_now(&format!("/v1/portfolios/{copy}/backtests/{id}")).await.is_problem(404, "backtest-unknown");
    // It was not there before it was recorded.
    let before = house.get_now(&format!("/v1/portfolios/{portfolio}/backtests/{id}?as_of=advisory-1")).await;
    before.is_problem(404, "backtest-unknown");
}
