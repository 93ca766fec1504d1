//! Advice whose figures are not all there: its record says of each why, as it was told when it was asked for.

use events::values::AdvisedFigure;
use jiff::civil::date;
use serde_json::{Map, Value, json};

use super::advice::{client, house, recommend, recommended};
use super::house::{portfolio, unique};

/// Both assets with these prices in a portfolio that is recommended: the recommendation's figures, and what
/// `GET .../figures` said of that version.
async fn advised(closes: &[(&str, &str)]) -> (Value, Value) {
    let (house, _recommending) = house().await;
    let advisor = house.advisor().await;
    for asset in ["AAPL", "MSFT"] {
        house.asset(asset, closes).await;
    }
    let id = house.post("/v1/portfolios", &unique("portfolio"), &portfolio(&advisor)).await.created();
    let client = client(&house, &advisor, Some("aggressive")).await;
    let told = house.get_now(&format!("/v1/portfolios/{id}/figures")).await;
    assert_eq!(told.status, 200, "{told:?}");
    let accepted = recommend(&house, &id, "\"1\"", &[&client], json!({})).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let made = recommended(&house, &client, 1).await.remove(0);
    assert_eq!(made["standing"], "open", "{made}");

    let missing = &made["figures"]["missing"];
    let events = house.get_now(&format!("/v1/portfolios/{id}/events")).await;
    let logged = &events.body["items"][1];
    assert_eq!(logged["type"], "insights.portfolio.recommended.v4", "{logged}");
    assert_eq!(&logged["data"]["recommended"]["figures"]["missing"], missing, "the log says so, too");
    let (id, now) = (made["id"].as_str().unwrap(), made["position"].as_str().unwrap());
    let then = house.get_now(&format!("/v1/recommendations/{id}?as_of={now}")).await;
    assert_eq!(&then.body["figures"]["missing"], missing, "and a replay");
    (made["figures"].clone(), told.body)
}

/// Of the figures that advice rests on, those that were told with a reason instead of a number.
fn told_missing(told: &Value) -> Map<String, Value> {
    let figures = told["figures"].as_array().unwrap().iter();
    let advised = figures.filter(|figure| AdvisedFigure::parse(figure["id"].as_str().unwrap()).is_some());
    let missing = advised.filter(|figure| figure["value"].is_null());
    missing.map(|figure| (figure["id"].as_str().unwrap().to_owned(), figure["reason"].clone())).collect()
}

fn codes(figures: &Value) -> Vec<(&str, &str)> {
    let missing = figures["missing"].as_object().unwrap();
    missing.iter().map(|(figure, why)| (figure.as_str(), why["code"].as_str().unwrap())).collect()
}

/// Every figure that advice rests on, for this reason.
fn all_because(code: &str) -> Vec<(&str, &str)> {
    let mut all = AdvisedFigure::ALL.map(|figure| (figure.word(), code)).to_vec();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn advice_on_assets_without_prices_says_of_each_figure_that_there_are_none() {
    let (advised, told) = advised(&[]).await;
    assert_eq!(codes(&advised), all_because("no-prices"));
    assert_eq!(advised["missing"], Value::Object(told_missing(&told)));
    assert_eq!((&advised["cumulative"], &advised["returns"]), (&Value::Null, &json!(0)));
    assert_eq!(told["window"]["start"], Value::Null, "no day of it is anybody's window");
}

#[tokio::test]
async fn advice_on_prices_of_one_day_says_that_no_return_follows_from_them() {
    let (advised, told) = advised(&[("2024-01-02", "100")]).await;
    let mut expected = all_because("too-few-returns");
    expected[0] = ("cagr", "shorter-than-one-year");
    assert_eq!(codes(&advised), expected);
    assert_eq!(advised["missing"], Value::Object(told_missing(&told)));
    assert_eq!((&advised["start"], &advised["end"]), (&json!("2024-01-02"), &json!("2024-01-02")), "its own window");
}

#[tokio::test]
async fn advice_on_half_a_year_of_prices_says_why_there_is_no_growth_of_a_year() {
    const HALF_A_YEAR: usize = 126;
    let days = date(2024, 1, 2).series(jiff::Span::new().days(1)).take(HALF_A_YEAR);
    let closes: Vec<(String, String)> =
        days.enumerate().map(|(n, day)| (day.to_string(), (100 + n * 7 % 13).to_string())).collect();
    let closes: Vec<(&str, &str)> = closes.iter().map(|(day, close)| (day.as_str(), close.as_str())).collect();
    let (advised, told) = advised(&closes).await;
    assert_eq!(codes(&advised), [("cagr", "shorter-than-one-year")]);
    assert_eq!(advised["missing"], Value::Object(told_missing(&told)));
    assert!(advised["sharpe"].is_number() && advised["max_drawdown"].is_number(), "{advised}");
}
