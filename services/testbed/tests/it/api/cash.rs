//! Assets told otherwise, and cash: worth what it has earned, and part of a portfolio like any other asset.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

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

/// What cash at this rate earns over so many days, said in another way than the service says it: day by day.
fn earned(rate: f64, days: i32) -> f64 {
    (0..days).fold(1.0, |worth, _| worth * (1.0 + rate).powf(1.0 / 365.25))
}

async fn set_interest(house: &House, from: &str, rate: &str) -> Answer {
    let body = json!({"from": from, "rate": rate, "reason": "so says the bank"});
    let set = house.post("/v1/assets/CASH-USD/interest", &unique("i"), &body).await;
    assert_eq!(set.status, 200, "{set:?}");
    set
}

#[tokio::test]
async fn cash_earns_its_interest_in_figures_and_backtests_and_as_of_then_what_was_known() {
    let house = House::open().await;
    // A Friday, a Monday, a Wednesday.
    house.asset("AAPL", &[("2024-01-05", "100"), ("2024-01-08", "100"), ("2024-01-10", "100")]).await;
    list(&house, "CASH-USD", "cash", "USD").await;
    let half = json!([{"asset": "AAPL", "weight": "0.5"}, {"asset": "CASH-USD", "weight": "0.5"}]);
    let id = portfolio(&house, &half).await;
    let path = format!("/v1/portfolios/{id}/figures?rebalancing=none");
    let cumulative = async |more: &str| {
        let figures = house.get_now(&format!("{path}{more}")).await;
        assert_eq!(figures.status, 200, "{figures:?}");
        (figure(&figures.body, "cumulative").as_f64().unwrap(), figures)
    };
    let near = |is: f64, expected: f64| assert!((is - expected).abs() < 1e-12, "{is} beside {expected}");
    near(cumulative("").await.0, 0.0);

    let first = set_interest(&house, "2023-06-01", "0.5").await;
    near(cumulative("").await.0, (earned(0.5, 5) - 1.0) / 2.0);
    let later = set_interest(&house, "2024-01-08", "0.1").await;
    let two_rates = (earned(0.5, 3) * earned(0.1, 2) - 1.0) / 2.0;
    let (now, figures) = cumulative("").await;
    near(now, two_rates);
    let told = json!([{"from": "2023-06-01", "rate": "0.5"}, {"from": "2024-01-08", "rate": "0.1"}]);
    assert_eq!(figures.body["coverage"][1]["interest"], told);
    assert_eq!(figures.body["coverage"][0]["interest"], Value::Null);
    assert_eq!(figures.body["prices_position"], later.header("insights-position"));

    let (backtests, body) = (format!("/v1/portfolios/{id}/backtests"), json!({"rebalancing": "none"}));
    let backtest = house.ask(Method::POST, &backtests, |request| request.json(&body)).await;
    near(backtest.body["final_value"].as_f64().unwrap_or_else(|| panic!("{backtest:?}")), 1.0 + two_rates);

    // A correction is a fact of its own: what was known before stays known of then.
    set_interest(&house, "2023-06-01", "0").await;
    near(cumulative("").await.0, (earned(0.1, 2) - 1.0) / 2.0);
    near(cumulative(&format!("&as_of={}", later.header("insights-position"))).await.0, two_rates);
    near(cumulative(&format!("&as_of={}", first.header("insights-position"))).await.0, (earned(0.5, 5) - 1.0) / 2.0);
    let shown = house.get_now("/v1/assets/CASH-USD/interest").await;
    let corrected = json!([{"from": "2023-06-01", "rate": "0"}, {"from": "2024-01-08", "rate": "0.1"}]);
    assert_eq!((&shown.body["asset"], &shown.body["interest"]), (&json!("CASH-USD"), &corrected), "{shown:?}");
    let then = house.get(&format!("/v1/assets/CASH-USD/interest?as_of={}", later.header("insights-position"))).await;
    assert_eq!((&then.body["interest"], &then.body["position"]), (&told, &json!(later.header("insights-position"))));
}

#[tokio::test]
async fn interest_is_set_of_cash_alone_and_by_rates_that_are_fractions() {
    let house = House::open().await;
    house.asset("AAPL", &[]).await;
    list(&house, "CASH-USD", "cash", "USD").await;
    let post = async |id: &str, from: &str, rate: &str| {
        let body = json!({"from": from, "rate": rate, "reason": "x"});
        house.post(&format!("/v1/assets/{id}/interest"), &unique("i"), &body).await
    };
    let before = house.written().await;
    post("AAPL", "2024-01-02", "0.05").await.is_problem(409, "asset-not-cash");
    post("NONE", "2024-01-02", "0.05").await.is_problem(404, "asset-unknown");
    let refused = post("CASH-USD", "2024-02-30", "4.5").await;
    refused.is_problem(422, "invalid-body");
    let codes = [("#/from", "not-a-day"), ("#/rate", "not-a-rate-of-interest")];
    assert_eq!(refused.errors(), codes.map(|(at, code)| (at.to_owned(), code.to_owned())));
    house.get_now("/v1/assets/AAPL/interest").await.is_problem(409, "asset-not-cash");
    house.get_now("/v1/assets/NONE/interest").await.is_problem(404, "asset-unknown");
    assert_eq!(house.written().await, before);
    set_interest(&house, "2024-01-02", "0.0500").await;
    assert_ne!(house.written().await, before);
    let shown = house.get_now("/v1/assets/CASH-USD/interest").await.body;
    set_interest(&house, "2024-01-02", "0.05").await;
    assert_eq!(house.get_now("/v1/assets/CASH-USD/interest").await.body, shown, "the same said again is no news");
}

#[tokio::test]
async fn a_frontier_holds_a_portfolio_s_cash_at_its_weight_and_chooses_no_cash() {
    let house = House::open().await;
    let days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"];
    let closes = |closes: [&'static str; 5]| days.into_iter().zip(closes).collect::<Vec<_>>();
    house.asset("AAPL", &closes(["100", "103", "101", "106", "109"])).await;
    house.asset("MSFT", &closes(["50", "50.5", "51.5", "51", "52"])).await;
    list(&house, "CASH-USD", "cash", "USD").await;
    let thirds = json!([{"asset": "AAPL", "weight": "0.4"}, {"asset": "CASH-USD", "weight": "0.25"},
        {"asset": "MSFT", "weight": "0.35"}]);
    let id = portfolio(&house, &thirds).await;
    let frontier = async |body: Value| {
        assert_eq!(house.get_now("/v1/portfolios").await.status, 200, "the read models are there");
        house.ask(Method::POST, "/v1/frontier", |request| request.json(&body)).await
    };
    let weight = |point: &Value, asset: &str| {
        let weights = point["weights"].as_array().unwrap().iter();
        let of = weights.clone().find(|one| one["asset"] == asset).unwrap_or_else(|| panic!("no {asset}: {point}"));
        of["weight"].as_f64().unwrap()
    };
    for rate in [None, Some("0.05"), Some("-0.05"), Some("1")] {
        if let Some(rate) = rate {
            set_interest(&house, "2023-01-02", rate).await;
        }
        for covariance in ["sample", "ledoit_wolf"] {
            let answer = frontier(json!({"portfolio": id, "points": 5, "covariance": covariance})).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let points = answer.body["points"].as_array().unwrap();
            assert_eq!(points.len(), 5);
            for point in points.iter().chain([&answer.body["max_sharpe"], &answer.body["min_variance"]]) {
                assert!((weight(point, "CASH-USD") - 0.25).abs() < 1e-9, "{point}");
                assert!((weight(point, "AAPL") + weight(point, "MSFT") - 0.75).abs() < 1e-9, "{point}");
                assert!(point["expected_return"].is_number() && point["volatility"].as_f64().unwrap() > 0.0, "{point}");
            }
        }
    }
    // What is said of cash by name holds, and is told where it cannot.
    let capped = frontier(json!({"portfolio": id, "caps": [{"asset": "CASH-USD", "weight": "0.1"}]})).await;
    capped.is_problem(422, "limits-infeasible");
    assert!(capped.body["detail"].as_str().unwrap().contains("CASH-USD"), "{capped:?}");
    assert_eq!(frontier(json!({"portfolio": id, "max_weight": "0.6", "points": 2})).await.status, 200);
    let chosen = frontier(json!({"assets": ["AAPL", "CASH-USD", "MSFT"]})).await;
    chosen.is_problem(422, "not-computable");
    assert_eq!(chosen.errors(), [("#/assets/1".to_owned(), "cash-not-optimised".to_owned())]);
    // Cash alone, and cash beside one asset: an answer or a reason, and never a number that is none.
    let alone = portfolio(&house, &json!([{"asset": "CASH-USD", "weight": "1"}])).await;
    frontier(json!({"portfolio": alone})).await.is_problem(422, "not-computable");
    let two = json!([{"asset": "AAPL", "weight": "0.4"}, {"asset": "CASH-USD", "weight": "0.6"}]);
    let pair = frontier(json!({"portfolio": portfolio(&house, &two).await, "points": 3})).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    assert!((weight(&pair.body["min_variance"], "AAPL") - 0.4).abs() < 1e-9, "{pair:?}");
}

#[tokio::test]
async fn advice_keeps_what_its_figures_counted_of_cash() {
    let house = House::open().await;
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    tokio::spawn(recommender::run(house.journal.clone(), jiff::Timestamp::now, stop));
    house.asset("AAPL", &[("2024-01-05", "100"), ("2024-01-08", "101"), ("2024-01-10", "100")]).await;
    list(&house, "CASH-USD", "cash", "USD").await;
    let half = json!([{"asset": "AAPL", "weight": "0.5"}, {"asset": "CASH-USD", "weight": "0.5"}]);
    let advisor = house.advisor().await;
    let client = house.client(&advisor).await;
    let body = json!({"class": "aggressive", "reason": "as agreed"});
    house.change(Method::PUT, &format!("/v1/clients/{client}/suitability"), "\"1\"", &body).await;
    let body = json!({"advisor": advisor, "name": "Calm", "currency": "USD", "allocation": half});
    let id = house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
    let mut version = 1;
    let mut advised = async || {
        assert_eq!(house.get_now("/v1/assets").await.status, 200, "the read models are there");
        let body = json!({"client_ids": [client], "rationale": "It fits."});
        let request = |request: reqwest::RequestBuilder| {
            request.header("If-Match", format!("\"{version}\"")).header("Idempotency-Key", unique("r")).json(&body)
        };
        let accepted = house.ask(Method::POST, &format!("/v1/portfolios/{id}/recommendations"), request).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        version += 1;
        testbed::eventually("the recommendation", async || {
            let made = house.get_now(&format!("/v1/recommendations?portfolio={id}")).await;
            let of_this = made.body["items"].as_array()?.iter().find(|one| one["portfolio_version"] == version)?;
            Some(of_this["figures"]["cash"].clone())
        })
        .await
    };
    assert_eq!(advised().await, json!({"CASH-USD": null}), "it is cash, and earns nothing");
    set_interest(&house, "2023-06-01", "0.5").await;
    set_interest(&house, "2024-01-08", "0.1").await;
    // The window ends before that one begins.
    set_interest(&house, "2024-01-11", "0.2").await;
    assert_eq!(advised().await, json!({"CASH-USD": {"from": "2024-01-08", "rate": "0.1"}}));
}
