//! Prices as no honest market has them: each computation has an answer, in which every figure is a number or a reason, or
//! says in words why there is none.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{Answer, House, unique};

/// Assets that are priced on so few sessions that there are more of them than returns.
const FEW: i64 = 4;
const MANY: usize = 9;

async fn priced(house: &House, symbol: &str, closes: impl IntoIterator<Item = String>) {
    let first = jiff::civil::date(2024, 1, 1);
    let bars: Vec<(String, String)> =
        (0..).zip(closes).map(|(n, close)| ((first + jiff::Span::new().days(n)).to_string(), close)).collect();
    let bars: Vec<(&str, &str)> = bars.iter().map(|(day, close)| (day.as_str(), close.as_str())).collect();
    house.asset(symbol, &bars).await;
}

async fn furnished() -> House {
    let house = House::open().await;
    let text = |of: &[&str]| of.iter().map(|close| (*close).to_owned()).collect::<Vec<_>>();
    priced(&house, "NONE", []).await;
    priced(&house, "ONE", text(&["10"])).await;
    priced(&house, "TWO", text(&["10", "11"])).await;
    priced(&house, "STILL", (0..60).map(|_| "7".to_owned())).await;
    priced(&house, "WILD", (0..60).map(|n| if n % 2 == 0 { "0.000001" } else { "999999999" }.to_owned())).await;
    for twin in ["TWIN", "TWIN2"] {
        priced(&house, twin, (0..60).map(|n| (100 + n * n % 13).to_string())).await;
    }
    for n in 0..MANY {
        let n = i64::try_from(n).unwrap();
        priced(&house, &format!("FEW{n}"), (0..FEW).map(|day| (50 + (n + 2) * (day + 1) * 7 % 17).to_string())).await;
    }
    house
}

/// Every figure is a number or a reason, wherever it stands.
fn every_figure_is_a_number_or_a_reason(told: &Value, of: &str) {
    let figures = told["figures"].as_array().unwrap_or_else(|| panic!("{of}: {told}"));
    assert!(figures.len() > 20, "{of}");
    for figure in figures {
        let reason = figure["reason"]["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        assert!(figure["value"].is_number() != reason, "{of}: {figure}");
    }
}

/// An answer, or a refusal that says in a short line why there is none.
fn answered_or_refused(told: &Answer, of: &str) -> bool {
    if told.status == 200 {
        return true;
    }
    assert_eq!(told.status, 422, "{of}: {told:?}");
    let detail = told.body["detail"].as_str().unwrap();
    assert!(!detail.is_empty() && detail.len() < 400 && !detail.contains("NaN"), "{of}: {detail}");
    false
}

#[tokio::test]
async fn nasty_prices_have_numbers_or_reasons() {
    let house = furnished().await;
    let advisor = house.advisor().await;
    let few: Vec<String> = (0..MANY).map(|n| format!("FEW{n}")).collect();
    let few: Vec<&str> = few.iter().map(String::as_str).collect();
    let baskets: [&[&str]; 9] = [
        &["NONE"],
        &["ONE"],
        &["TWO"],
        &["STILL"],
        &["WILD"],
        &["STILL", "WILD"],
        &["TWIN", "TWIN2"],
        &["TWIN", "TWIN2", "STILL", "WILD"],
        &few,
    ];
    let mut answers = 0;
    for basket in baskets {
        let of = format!("{basket:?}");
        let weight =
            |n: usize| if n + 1 == basket.len() { 1.0 - 0.1 * f64::from(u8::try_from(n).unwrap()) } else { 0.1 };
        let allocation: Vec<Value> = basket
            .iter()
            .enumerate()
            .map(|(n, asset)| json!({"asset": asset, "weight": format!("{:.1}", weight(n))}))
            .collect();
        let body = json!({"advisor": advisor, "name": "Nasty", "currency": "USD", "allocation": allocation});
        let id = house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
        for query in ["", "?benchmark=STILL", "?benchmark=ONE&risk_free_rate=-0.99", "?from=2024-01-02&to=2024-01-02"] {
            let told = house.get_now(&format!("/v1/portfolios/{id}/figures{query}")).await;
            assert_eq!(told.status, 200, "{of}{query}: {told:?}");
            every_figure_is_a_number_or_a_reason(&told.body, &format!("{of}{query}"));
        }
        let rolling = house.get_now(&format!("/v1/portfolios/{id}/figures/rolling?window=2&benchmark=WILD")).await;
        assert_eq!(rolling.status, 200, "{of}: {rolling:?}");
        let terms = json!({"benchmark": "STILL", "cost_bps": "1000",
            "drift": {"limit": "0"}, "contributions": {"amount": "-0.4", "every": "month"}});
        let backtests = [json!({}), terms, json!({"contributions": {"amount": "1000000", "every": "month"}})];
        let backtests = backtests.map(|terms| ("/v1/backtests", json!({"allocation": allocation, "terms": terms})));
        let frontiers = [
            json!({"assets": basket}),
            json!({"assets": basket, "covariance": "ledoit_wolf", "mean": "geometric", "risk_free_rate": "1"}),
            json!({"assets": basket, "max_weight": "0.1"}),
            json!({"assets": basket, "min_weight": "-1", "points": 200}),
        ];
        let flows =
            json!({"allocation": allocation, "paths": 20, "horizon_sessions": 300, "flow": "-0.5", "goal": "2"});
        let projections = [flows, json!({"allocation": allocation, "paths": 1, "initial": "1000000000000"})];
        let all = backtests.into_iter().chain(frontiers.map(|body| ("/v1/frontier", body)));
        for (path, body) in all.chain(projections.map(|body| ("/v1/projections", body))) {
            let told = house.ask(Method::POST, path, |request| request.json(&body)).await;
            if answered_or_refused(&told, &format!("{path} {body}")) {
                answers += 1;
                if path == "/v1/backtests" {
                    every_figure_is_a_number_or_a_reason(&told.body, &of);
                }
            }
        }
    }
    assert!(answers > 20, "{answers} answers are hardly any");
}
