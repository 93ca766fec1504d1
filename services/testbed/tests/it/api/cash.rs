//! Assets told otherwise, and cash: worth the same on every day, and part of a portfolio like any other asset.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Answer, House, unique};

async fn list(house: &House, id: &str, class: &str, currency: &str) -> Answer {
    let body = json!({"id": id, "name": format!("{id} as listed"), "currency": currency, "class": class});
    let listed = house.post("/v1/assets", &unique(id), &body).await;
    assert_eq!(listed.status, 201, "{listed:?}");
    listed
}

async fn portfolio(house: &House, allocation: &Value) -> String {
    let advisor = house.advisor().await;
    let body = json!({"advisor": advisor, "name": "Calm", "currency": "USD", "allocation": allocation});
    house.post("/v1/portfolios", &unique("portfolio"), &body).await.created()
}

fn figure(figures: &Value, id: &str) -> Value {
    let figures = figures["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["id"] == id).unwrap_or_else(|| panic!("no {id}"))["value"].clone()
}

#[tokio::test]
async fn an_asset_is_told_otherwise_but_for_its_symbol_and_currency() {
    let house = House::open().await;
    list(&house, "AAPL", "equity", "USD").await;
    let change = async |version: &str, body: Value| house.change(Method::PUT, "/v1/assets/AAPL", version, &body).await;
    let body = json!({"name": "Apple Inc.", "class": "etf", "exchange": "NMS", "reason": "It was wrong."});
    let edited = change("\"1\"", body.clone()).await;
    assert_eq!(edited.status, 200, "{edited:?}");
    let row = house.get_after("/v1/assets/AAPL", &edited).await.body;
    assert_eq!((&row["name"], &row["class"], &row["exchange"]), (&json!("Apple Inc."), &json!("etf"), &json!("NMS")));
    assert_eq!((&row["currency"], &row["sector"], &row["version"]), (&json!("USD"), &Value::Null, &json!(2)));
    let before = house.written().await;
    change("\"1\"", body).await.is_problem(412, "stale");
    change("\"2\"", json!({"name": "A", "currency": "EUR", "reason": "x"})).await.is_problem(422, "invalid-body");
    change("\"2\"", json!({"name": "A", "class": "cash", "reason": "x"})).await.is_problem(409, "asset-cash-or-not");
    change("\"2\"", json!({"name": "A", "class": "gold", "reason": "x"})).await.is_problem(422, "invalid-body");
    let body = json!({"name": "A", "reason": "x"});
    house.change(Method::PUT, "/v1/assets/NONE", "\"1\"", &body).await.is_problem(404, "asset-unknown");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn cash_has_a_price_of_one_and_halves_what_the_rest_moves() {
    let house = House::open().await;
    let closes = [("2024-01-02", "100"), ("2024-01-03", "110"), ("2024-01-04", "121")];
    house.asset("AAPL", &closes).await;
    let listed = list(&house, "CASH-USD", "cash", "USD").await;
    let row = house.get_after("/v1/assets/CASH-USD", &listed).await.body;
    assert_eq!((&row["risk_class"], &row["days"]), (&json!("conservative"), &json!(0)));

    let bars = json!([{"date": "2024-01-02", "close": "1"}]);
    let body = json!({"source": "a test", "basis": "raw", "bars": bars});
    house.post("/v1/assets/CASH-USD/prices", &unique("p"), &body).await.is_problem(409, "cash-has-no-prices");
    let body = json!({"class": "moderate", "reason": "x"});
    house.post("/v1/assets/CASH-USD/ratings", &unique("r"), &body).await.is_problem(409, "cash-is-conservative");

    let half = json!([{"asset": "AAPL", "weight": "0.5"}, {"asset": "CASH-USD", "weight": "0.5"}]);
    let id = portfolio(&house, &half).await;
    let figures = house.get_now(&format!("/v1/portfolios/{id}/figures?rebalancing=none")).await;
    assert_eq!(figures.status, 200, "{figures:?}");
    // (1.21 + 1) / 2 - 1
    let cumulative = figure(&figures.body, "cumulative").as_f64().unwrap();
    assert!((cumulative - 0.105).abs() < 1e-12, "{cumulative}");
    let (path, body) = (format!("/v1/portfolios/{id}/backtests"), json!({"rebalancing": "none"}));
    let backtest = house.ask(Method::POST, &path, |request| request.json(&body)).await;
    let last = backtest.body["final_value"].as_f64().unwrap_or_else(|| panic!("{backtest:?}"));
    assert!((last - 1.105).abs() < 1e-12, "{last}");
}

#[tokio::test]
async fn cash_alone_has_no_figures_and_says_why_and_another_currency_is_refused_as_of_any_asset() {
    let house = House::open().await;
    house.asset("AAPL", &[("2024-01-02", "100"), ("2024-01-03", "110")]).await;
    list(&house, "CASH-USD", "cash", "USD").await;
    list(&house, "CASH-EUR", "cash", "EUR").await;
    let alone = portfolio(&house, &json!([{"asset": "CASH-USD", "weight": "1"}])).await;
    let foreign = json!([{"asset": "AAPL", "weight": "0.5"}, {"asset": "CASH-EUR", "weight": "0.5"}]);
    let foreign = portfolio(&house, &foreign).await;
    for (id, code) in [(alone, "only-cash"), (foreign, "prices-in-other-currency")] {
        let figures = house.get_now(&format!("/v1/portfolios/{id}/figures")).await;
        assert_eq!(figures.status, 200, "{figures:?}");
        assert_eq!(figures.body["figures"][0]["reason"]["code"], code, "{figures:?}");
    }
}
