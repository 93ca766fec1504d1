//! A correction after a recommendation: the live figures move, those of the recommendation do not.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::house::{House, unique};

fn figure(answer: &Value, id: &str) -> f64 {
    let figures = answer["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["id"] == id).unwrap()["value"].as_f64().unwrap()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-12
}

#[tokio::test(flavor = "multi_thread")]
async fn as_of_a_recommendation_its_figures_stay_what_they_were() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let client = house.client(&advisor).await;
    let days = ["2024-01-02", "2024-01-03", "2024-01-04"];
    let closes = |three: [&'static str; 3]| days.into_iter().zip(three).collect::<Vec<_>>();
    house.asset("ABC", &closes(["10", "11", "12"])).await;
    let priced = house.asset("XYZ", &closes(["20", "20", "22"])).await;
    let allocation = json!([{"asset": "ABC", "weight": "0.5"}, {"asset": "XYZ", "weight": "0.5"}]);
    let body = json!({"advisor": advisor, "name": "Growth", "currency": "USD", "allocation": allocation});
    let created = house.post("/v1/portfolios", &unique("portfolio"), &body).await;
    let portfolio = created.created();
    let figures = format!("/v1/portfolios/{portfolio}/figures?rebalancing=monthly");
    house.get_after("/v1/assets/XYZ", &priced).await;
    let before = house.get_after(&figures, &created).await;
    assert_eq!(before.status, 200, "{before:?}");

    let body = json!({"client_ids": [client], "rationale": "it fits"});
    let path = format!("/v1/portfolios/{portfolio}/recommendations");
    let recommended = house
        .ask(Method::POST, &path, |request| {
            request.header("Idempotency-Key", unique("recommend")).header("If-Match", "\"1\"").json(&body)
        })
        .await;
    assert_eq!(recommended.status, 202, "{recommended:?}");
    let advised = recommended.header("insights-position").to_owned();

    let reason = "the source had a typo";
    let body = json!({"source": "a test", "reason": reason, "bars": [{"date": "2024-01-04", "close": "15"}]});
    let corrected = house.post("/v1/assets/ABC/corrections", &unique("correct"), &body).await;
    assert_eq!(corrected.status, 200, "{corrected:?}");
    let live = house.get_after(&figures, &corrected).await.body;
    assert!(near(figure(&before.body, "cumulative"), 0.15), "{}", before.body);
    assert!(near(figure(&live, "cumulative"), 0.3), "{live}");

    // Another portfolio afterwards: the advice was not about this one.
    let other = json!({"reason": "bonds fell", "allocation": [{"asset": "XYZ", "weight": "1"}]});
    let path = format!("/v1/portfolios/{portfolio}/allocation");
    let reallocated = house.change(Method::PUT, &path, recommended.header("etag"), &other).await;
    assert_eq!(reallocated.status, 200, "{reallocated:?}");
    let moved = house.get_after(&figures, &reallocated).await.body;
    assert!(near(figure(&moved, "cumulative"), 0.1), "{moved}");
    let then = house.get(&format!("{figures}&as_of={advised}")).await.body;
    assert_eq!((&then["figures"], &then["portfolio_version"]), (&before.body["figures"], &json!(2)));
    let back = json!({"reason": "bonds rose", "allocation": allocation});
    let back = house.change(Method::PUT, &path, reallocated.header("etag"), &back).await;
    house.get_after(&figures, &back).await;

    let prices_then = before.body["prices_position"].as_str().unwrap().to_owned();
    for as_of in [advised, prices_then] {
        let then = house.get(&format!("{figures}&as_of={as_of}")).await.body;
        assert_eq!(then["figures"], before.body["figures"], "as of {as_of}");
        assert_eq!(then["prices_position"], before.body["prices_position"], "as of {as_of}");
        let series = house.get(&format!("/v1/assets/ABC/prices?as_of={as_of}")).await.body;
        assert_eq!(series["bars"][2]["close"], "12", "as of {as_of}");
    }
    let series = house.get("/v1/assets/ABC/prices").await.body;
    assert_eq!((&series["bars"][2]["close"], &series["days"]), (&json!("15"), &json!(3)));
    let table = house.get("/v1/assets/ABC/prices?format=csv").await.body;
    assert!(table.as_str().unwrap().starts_with("date,open,high,low,close"), "{table}");
    house.get("/v1/assets/ABC/prices?as_of=yesterday").await.is_problem(400, "invalid-parameter");
    let facets = house.get("/v1/assets/facets?q=abc").await.body;
    assert!(
        facets.as_array().unwrap().contains(&json!({"field": "currency", "value": "USD", "assets": 1})),
        "{facets}"
    );
    assert_eq!(house.get("/v1/assets?q=xy").await.body["items"].as_array().unwrap().len(), 1);
}
