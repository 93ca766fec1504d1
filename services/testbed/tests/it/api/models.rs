//! Models of a firm: found by its advisors, followed by their portfolios, and pushed into none.

use reqwest::Method;
use serde_json::{Value, json};

use super::cast::Cast;
use super::house::{Answer, halves, unique};

/// A cast in which Ana has composed a model of the firm that both advisors work for.
async fn cast() -> (Cast, String) {
    let cast = Cast::assemble().await;
    let body = json!({
        "advisor": cast.ana.id, "name": "House view", "currency": "USD", "allocation": weights("0.6", "0.4"),
        "model": true,
    });
    let model = cast.post_by(&cast.ana.token, "/v1/portfolios", &body).await.created();
    (cast, model)
}

fn weights(apple: &str, microsoft: &str) -> Value {
    json!([{"asset": "AAPL", "weight": apple}, {"asset": "MSFT", "weight": microsoft}])
}

/// A change by Rui of his portfolio, at its present version.
async fn change(cast: &Cast, place: &str, body: &Value) -> Answer {
    let path = format!("/v1/portfolios/{}", cast.rui.portfolio);
    let now = cast.house.get_now(&path).await;
    let version = now.header("etag").to_owned();
    cast.ask_by(&cast.rui.token, Method::PUT, &format!("{path}/{place}"), |request| {
        request.header("If-Match", version).json(body)
    })
    .await
}

/// A change of the model by Ana.
async fn remodel(cast: &Cast, model: &str, place: &str, body: &Value) {
    let path = format!("/v1/portfolios/{model}");
    let version = cast.house.get_now(&path).await.header("etag").to_owned();
    let changed = cast
        .ask_by(&cast.ana.token, Method::PUT, &format!("{path}/{place}"), |request| {
            request.header("If-Match", version).json(body)
        })
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

async fn offered(cast: &Cast) -> Value {
    let path = format!("/v1/portfolios/{}/subscription", cast.rui.portfolio);
    let shown = cast.get_by(&cast.rui.token, &path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body
}

async fn weights_now(cast: &Cast) -> Vec<String> {
    let shown = cast.house.get_now(&format!("/v1/portfolios/{}", cast.rui.portfolio)).await;
    let targets = shown.body["allocation"].as_array().unwrap();
    targets.iter().map(|target| target["weight"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_portfolio_follows_a_model_of_the_firm_and_takes_over_what_its_advisor_has_seen() {
    let (cast, model) = cast().await;
    let subscribed = change(&cast, "subscription", &json!({"model": model, "reason": "The house view."})).await;
    assert_eq!(subscribed.status, 200, "{subscribed:?}");
    assert_eq!(weights_now(&cast).await, ["0.6", "0.4"]);
    assert_eq!(offered(&cast).await["offered"], Value::Null, "nothing new yet");

    let body = json!({"allocation": weights("0.7", "0.3"), "reason": "Less of one."});
    remodel(&cast, &model, "allocation", &body).await;
    assert_eq!(weights_now(&cast).await, ["0.6", "0.4"], "nothing is pushed");
    let seen = offered(&cast).await;
    assert_eq!((&seen["taken_version"], &seen["offered"]["version"]), (&json!(1), &json!(2)), "{seen}");
    assert_eq!(seen["offered"]["allocation"][0]["weight"], "0.7");

    let own = json!({"allocation": halves("AAPL", "MSFT"), "reason": "Mine."});
    change(&cast, "allocation", &own).await.is_problem(409, "portfolio-follows-model");
    let taken = change(&cast, "subscription/version", &json!({"version": 2, "reason": "As the house thinks."})).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    assert_eq!(weights_now(&cast).await, ["0.7", "0.3"]);
    let earlier = json!({"version": 1, "reason": "Back."});
    change(&cast, "subscription/version", &earlier).await.is_problem(409, "model-version-not-later");
    let absent = json!({"version": 99, "reason": "Ahead."});
    change(&cast, "subscription/version", &absent).await.is_problem(404, "version-unknown");

    let ended = change(&cast, "subscription", &json!({"model": null, "reason": "On its own."})).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(weights_now(&cast).await, ["0.7", "0.3"], "weights stay");
    assert_eq!(change(&cast, "allocation", &own).await.status, 200);
    // Each of these is a version with its reason.
    let versions = cast.house.get_now(&format!("/v1/portfolios/{}/versions", cast.rui.portfolio)).await;
    let reasons: Vec<&str> =
        versions.body["items"].as_array().unwrap().iter().filter_map(|version| version["reason"].as_str()).collect();
    assert_eq!(reasons[1..], ["The house view.", "As the house thinks.", "On its own.", "Mine."], "{reasons:?}");
}

#[tokio::test]
async fn a_model_is_seen_by_its_firm_and_by_nobody_else() {
    let (cast, model) = cast().await;
    cast.house.get_now("/v1/portfolios").await;
    let ids = async |token: &str, path: &str| {
        let listed = cast.get_by(token, path).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let items = listed.body["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&cast.rui.token, "/v1/models").await, [model.as_str()]);
    assert_eq!(ids(&cast.compliance, "/v1/models?firm=Casa%20Verde").await, [model.as_str()]);
    assert!(ids(&cast.rui.token, "/v1/models?firm=Another").await.is_empty());
    cast.get_by(&cast.compliance, "/v1/models").await.is_problem(400, "invalid-parameter");
    // Composing and changing it stays its advisor's.
    cast.get_by(&cast.rui.token, &format!("/v1/portfolios/{model}")).await.is_problem(404, "portfolio-unknown");

    let body = json!({"name": "Rui Costa", "firm": "Another house"});
    let moved = cast.house.change(Method::PUT, &format!("/v1/advisors/{}", cast.rui.id), "\"1\"", &body).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert!(ids(&cast.rui.token, "/v1/models").await.is_empty());
    let subscribe = json!({"model": model, "reason": "The house view."});
    change(&cast, "subscription", &subscribe).await.is_problem(422, "no-such-model");
}

#[tokio::test]
async fn what_is_no_model_is_not_followed_and_an_archived_one_no_more() {
    let (cast, model) = cast().await;
    let subscribe = |model: &str| json!({"model": model, "reason": "The house view."});
    change(&cast, "subscription", &subscribe(&cast.ana.portfolio)).await.is_problem(422, "no-such-model");
    change(&cast, "subscription/version", &json!({"version": 1, "reason": "x"}))
        .await
        .is_problem(409, "not-subscribed");
    assert_eq!(change(&cast, "subscription", &subscribe(&model)).await.status, 200);
    let another = json!({
        "advisor": cast.ana.id, "name": "Another view", "currency": "USD", "allocation": weights("0.1", "0.9"),
        "model": true,
    });
    let another = cast.post_by(&cast.ana.token, "/v1/portfolios", &another).await.created();
    change(&cast, "subscription", &subscribe(&another)).await.is_problem(409, "already-subscribed");

    let body = json!({"allocation": weights("0.7", "0.3"), "reason": "Less of one."});
    remodel(&cast, &model, "allocation", &body).await;
    remodel(&cast, &model, "standing", &json!({"standing": "archived", "reason": "Given up."})).await;
    let seen = offered(&cast).await;
    assert_eq!((&seen["model_standing"], &seen["offered"]), (&json!("archived"), &Value::Null), "{seen}");
    let take = json!({"version": 2, "reason": "Late."});
    change(&cast, "subscription/version", &take).await.is_problem(409, "model-archived");
    assert_eq!(weights_now(&cast).await, ["0.6", "0.4"], "followers keep what they have");
    // Neither a model nor a follower.
    let copies = format!("/v1/portfolios/{}/copies", cast.rui.portfolio);
    let copy = cast.house.post(&copies, &unique("copy"), &json!({"name": "A copy"})).await.created();
    let shown = cast.house.get_now(&format!("/v1/portfolios/{copy}")).await.body;
    assert_eq!((&shown["model_of"], &shown["subscription"]), (&Value::Null, &Value::Null), "{shown}");
}
