//! Models of a firm: found by its advisors, followed by their portfolios, and pushed into none.

use reqwest::Method;
use serde_json::{Value, json};

use super::cast::{Advisor, Cast};
use super::house::{Answer, House, halves, portfolio, unique};

/// An id that is spelt well and names nothing.
const NOBODY: &str = "132e374d-2bfb-5564-814d-e201e6e41209";

/// A cast in which Ana has composed a model of the firm that both advisors work for.
async fn cast() -> (Cast, String) {
    let cast = Cast::assemble().await;
    let model = compose(&cast, &model(&cast, "House view")).await;
    (cast, model)
}

fn weights(apple: &str, microsoft: &str) -> Value {
    json!([{"asset": "AAPL", "weight": apple}, {"asset": "MSFT", "weight": microsoft}])
}

/// A model of Ana's, in a body.
fn model(cast: &Cast, name: &str) -> Value {
    json!({
        "advisor": cast.ana.id, "name": name, "currency": "USD", "allocation": weights("0.6", "0.4"), "model": true,
    })
}

async fn compose(cast: &Cast, body: &Value) -> String {
    cast.post_by(&cast.ana.token, "/v1/portfolios", body).await.created()
}

/// The body that has a portfolio follow this version of the model.
fn follow(model: &str, version: u64) -> Value {
    json!({"subscription": {"model": model, "version": version}, "reason": "The house view."})
}

/// A change of a portfolio by its advisor, at its present version.
async fn change(cast: &Cast, advisor: &Advisor, portfolio: &str, place: &str, body: &Value) -> Answer {
    let path = format!("/v1/portfolios/{portfolio}");
    let version = cast.house.get_now(&path).await.header("etag").to_owned();
    let path = format!("{path}/{place}");
    cast.ask_by(&advisor.token, Method::PUT, &path, |request| request.header("If-Match", version).json(body)).await
}

/// A change of Rui's portfolio by him.
async fn rui_changes(cast: &Cast, place: &str, body: &Value) -> Answer {
    change(cast, &cast.rui, &cast.rui.portfolio, place, body).await
}

/// Rui's portfolio follows this version of the model.
async fn rui_follows(cast: &Cast, model: &str, version: u64) -> Answer {
    rui_changes(cast, "subscription", &follow(model, version)).await
}

/// A change of the model by Ana, which is done.
async fn remodel(cast: &Cast, model: &str, place: &str, body: &Value) {
    let changed = change(cast, &cast.ana, model, place, body).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// The advisor's next firm.
async fn works_for(cast: &Cast, advisor: &Advisor, firm: &str) {
    let path = format!("/v1/advisors/{}", advisor.id);
    let known = cast.house.get_now(&path).await;
    let body = json!({"name": known.body["name"], "firm": firm, "regime": "other", "language": "en"});
    let moved = cast.house.change(Method::PUT, &path, known.header("etag"), &body).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    cast.house.get_now(&path).await;
}

/// What comes of giving a portfolio to this advisor.
async fn hand_over(cast: &Cast, portfolio: &str, to: &str) -> Answer {
    let path = format!("/v1/portfolios/{portfolio}");
    let version = cast.house.get_now(&path).await.header("etag").to_owned();
    let body = json!({"advisor": to, "reason": "The house keeps its models."});
    cast.house.change(Method::PUT, &format!("{path}/advisor"), &version, &body).await
}

/// What Rui's portfolio follows.
async fn followed(cast: &Cast) -> Value {
    let path = format!("/v1/portfolios/{}/subscription", cast.rui.portfolio);
    let shown = cast.get_by(&cast.rui.token, &path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body["subscription"].clone()
}

async fn weights_now(cast: &Cast) -> Vec<String> {
    let shown = cast.house.get_now(&format!("/v1/portfolios/{}", cast.rui.portfolio)).await;
    let targets = shown.body["allocation"].as_array().unwrap();
    targets.iter().map(|target| target["weight"].as_str().unwrap().to_owned()).collect()
}

/// The ids of a list, as of the log's end.
async fn ids(cast: &Cast, token: &str, path: &str) -> Vec<String> {
    let end = cast.house.journal.last_position(events::Stream::Advisory).await.unwrap();
    let position = end.to_string();
    let listed =
        cast.ask_by(token, Method::GET, path, |request| request.header("Insights-Min-Position", position)).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let items = listed.body["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_portfolio_follows_a_model_of_the_firm_and_takes_over_what_its_advisor_has_seen() {
    let (cast, model) = cast().await;
    assert_eq!(followed(&cast).await, Value::Null);
    assert_eq!(rui_follows(&cast, &model, 1).await.status, 200);
    assert_eq!(weights_now(&cast).await, ["0.6", "0.4"]);
    let nothing_new = json!({
        "model": model, "version": 1, "name": "House view", "standing": "active", "offered": null,
    });
    assert_eq!(followed(&cast).await, nothing_new);
    assert_eq!(rui_follows(&cast, &model, 1).await.body["version"], 3, "what it has already changes nothing");

    // A limit is news, too.
    let mut allocation = weights("0.7", "0.3");
    allocation[0]["band"] = json!({"min": "0.6", "max": "0.8"});
    remodel(&cast, &model, "allocation", &json!({"allocation": allocation, "reason": "Less of one."})).await;
    assert_eq!(weights_now(&cast).await, ["0.6", "0.4"], "nothing is pushed");
    let seen = followed(&cast).await;
    assert_eq!((&seen["version"], &seen["offered"]["version"]), (&json!(1), &json!(2)), "{seen}");
    assert_eq!(seen["offered"]["allocation"][0]["weight"], "0.7");
    assert_eq!(seen["offered"]["allocation"][0]["band"], json!({"min": "0.6", "max": "0.8"}), "{seen}");

    let own = json!({"allocation": halves("AAPL", "MSFT"), "reason": "Mine."});
    rui_changes(&cast, "allocation", &own).await.is_problem(409, "portfolio-follows-model");
    let taken = json!({"subscription": {"model": model, "version": 2}, "reason": "As the house thinks."});
    assert_eq!(rui_changes(&cast, "subscription", &taken).await.status, 200);
    let shown = cast.house.get_now(&format!("/v1/portfolios/{}", cast.rui.portfolio)).await.body;
    assert_eq!(shown["allocation"][0]["band"], json!({"min": "0.6", "max": "0.8"}), "{shown}");
    assert_eq!(shown["subscription"], json!({"model": model, "version": 2}));
    rui_follows(&cast, &model, 99).await.is_problem(404, "version-unknown");

    let ended = json!({"subscription": null, "reason": "On its own."});
    assert_eq!(rui_changes(&cast, "subscription", &ended).await.status, 200);
    assert_eq!((weights_now(&cast).await, followed(&cast).await), (vec!["0.7".into(), "0.3".into()], Value::Null));
    assert_eq!(rui_changes(&cast, "allocation", &own).await.status, 200);
    // Each of these is a version with its reason, and an event that its advisor sees.
    let versions = cast.house.get_now(&format!("/v1/portfolios/{}/versions", cast.rui.portfolio)).await;
    let versions = versions.body["items"].as_array().unwrap().clone();
    let told = |field: &str| versions[2..].iter().map(|it| it[field].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(told("reason"), ["The house view.", "As the house thinks.", "On its own.", "Mine."]);
    let types = ["subscribed.v1", "taken_over.v1", "unsubscribed.v1", "reallocated.v2"];
    assert_eq!(told("type"), types.map(|of| format!("insights.portfolio.{of}")));
    for (kind, of_rui) in [("created", 1), ("subscribed", 1), ("taken_over", 1), ("unsubscribed", 1)] {
        let path = format!("/v1/events?type=portfolio.{kind}");
        let facts = |token: &str| {
            let (cast, token, path) = (&cast, token.to_owned(), path.clone());
            async move { cast.get_by(&token, &path).await.body["items"].as_array().unwrap().clone() }
        };
        let facts = (facts(&cast.rui.token).await, facts(&cast.ana.token).await);
        assert_eq!((facts.0.len(), facts.1.len()), (of_rui, if kind == "created" { 2 } else { 0 }), "{kind}");
        if kind == "subscribed" {
            assert_eq!(facts.0[0]["data"]["subscribed"]["taken"]["model"], json!(model), "{:?}", facts.0[0]);
        }
    }
}

#[tokio::test]
async fn a_model_is_seen_by_its_firm_and_by_nobody_else() {
    let (cast, model) = cast().await;
    for token in [&cast.ana.token, &cast.rui.token] {
        assert_eq!(ids(&cast, token, "/v1/models").await, [model.as_str()]);
        assert_eq!(ids(&cast, token, "/v1/models?firm=Casa%20Verde").await, [model.as_str()]);
        assert!(ids(&cast, token, "/v1/models?firm=Another").await.is_empty());
    }
    for token in [&cast.compliance, &cast.house.token] {
        assert_eq!(ids(&cast, token, "/v1/models?firm=Casa%20Verde").await, [model.as_str()]);
        assert_eq!(ids(&cast, token, "/v1/models?firm=CASA%20%20verde").await, [model.as_str()], "it is one firm");
        assert!(ids(&cast, token, "/v1/models?firm=Casa%20Verde%20Ltda.").await.is_empty(), "it is another");
        cast.get_by(token, "/v1/models").await.is_problem(400, "invalid-parameter");
        cast.get_by(token, "/v1/models?firm=%00").await.is_problem(400, "invalid-parameter");
    }
    let path = format!("/v1/models/{model}");
    for token in [&cast.ana.token, &cast.rui.token, &cast.compliance, &cast.house.token] {
        let shown = cast.get_by(token, &path).await;
        assert_eq!((shown.status.as_u16(), shown.header("etag")), (200, "\"1\""), "{shown:?}");
        assert_eq!((&shown.body["name"], &shown.body["model_of"]), (&json!("House view"), &json!("Casa Verde")));
    }
    let of_ana = format!("/v1/portfolios/{model}");
    let renamed =
        cast.house.change(Method::PATCH, &of_ana, "\"1\"", &json!({"name": "New", "reason": "because"})).await;
    let position = renamed.header("insights-position").rsplit('-').next().unwrap().parse::<u64>().unwrap();
    for (then, name) in [(position - 1, "House view"), (position, "New")] {
        let shown = cast.get_by(&cast.rui.token, &format!("{path}?as_of=advisory-{then}")).await;
        assert_eq!(shown.body["name"], name, "{shown:?}");
    }
    for (then, found) in [(position - 1, 1), (position, 1), (1, 0)] {
        let listed = ids(&cast, &cast.rui.token, &format!("/v1/models?as_of=advisory-{then}")).await;
        assert_eq!(listed.len(), found, "{then}");
    }
    // It stays its advisor's to change, and what is no model is none for anybody.
    cast.get_by(&cast.rui.token, &of_ana).await.is_problem(404, "portfolio-unknown");
    let own = format!("/v1/models/{}", cast.rui.portfolio);
    for token in [&cast.rui.token, &cast.ana.token, &cast.compliance, &cast.house.token] {
        cast.get_by(token, &own).await.is_problem(404, "model-unknown");
    }

    works_for(&cast, &cast.rui, "casa  VERDE").await;
    assert_eq!(ids(&cast, &cast.rui.token, "/v1/models").await, [model.as_str()]);
    for firm in ["Another house", "Casa Verde Ltda."] {
        works_for(&cast, &cast.rui, firm).await;
        let before = cast.house.written().await;
        for path in ["/v1/models".to_owned(), format!("/v1/models?as_of=advisory-{position}")] {
            assert!(ids(&cast, &cast.rui.token, &path).await.is_empty(), "{firm}: {path}");
        }
        // Word for word what is said of what never was.
        for path in ["/v1/models/{}", "/v1/models/{}?as_of=advisory-1"] {
            let theirs = cast.get_by(&cast.rui.token, &path.replace("{}", &model)).await;
            let absent = cast.get_by(&cast.rui.token, &path.replace("{}", NOBODY)).await;
            theirs.is_problem(404, "model-unknown");
            assert_eq!(theirs.body["detail"], absent.body["detail"]);
        }
        // A version that there never was tells nothing of the model either.
        for version in [1, 99] {
            let (theirs, absent) =
                (rui_follows(&cast, &model, version).await, rui_follows(&cast, NOBODY, version).await);
            theirs.is_problem(422, "no-such-model");
            assert_eq!(theirs.errors(), absent.errors());
        }
        assert_eq!(cast.house.written().await, before);
    }
}

#[tokio::test]
async fn what_is_no_model_is_not_followed_and_an_archived_one_no_more() {
    let (cast, model) = cast().await;
    rui_follows(&cast, &cast.ana.portfolio, 1).await.is_problem(422, "no-such-model");
    let another = compose(&cast, &self::model(&cast, "Another view")).await;
    change(&cast, &cast.ana, &another, "subscription", &follow(&model, 1)).await.is_problem(409, "model-cannot-follow");
    let mut in_reais = self::model(&cast, "Visão da casa");
    in_reais["currency"] = json!("BRL");
    let in_reais = compose(&cast, &in_reais).await;
    rui_follows(&cast, &in_reais, 1).await.is_problem(409, "model-in-other-currency");
    for (bad, pointer) in [
        (json!({"reason": "Nothing is said."}), "#/subscription"),
        (json!({"subscription": {"model": model}, "reason": "x"}), "#/subscription/version"),
        (json!({"subscription": {"model": "x", "version": 1}, "reason": "x"}), "#/subscription/model"),
        (json!({"subscription": null, "reason": " "}), "#/reason"),
    ] {
        let refused = rui_changes(&cast, "subscription", &bad).await;
        refused.is_problem(422, "invalid-body");
        assert_eq!(refused.errors()[0].0, pointer, "{refused:?}");
    }
    assert_eq!(rui_follows(&cast, &model, 1).await.status, 200);
    rui_follows(&cast, &another, 1).await.is_problem(409, "portfolio-follows-another-model");

    // What the house has taken back is not taken over, and a mere name is no news.
    let body = json!({"allocation": weights("0.7", "0.3"), "reason": "Less of one."});
    remodel(&cast, &model, "allocation", &body).await;
    let body = json!({"allocation": weights("0.8", "0.2"), "reason": "Less still."});
    remodel(&cast, &model, "allocation", &body).await;
    rui_follows(&cast, &model, 2).await.is_problem(409, "model-has-changed");
    let path = format!("/v1/portfolios/{model}");
    let renamed =
        cast.house.change(Method::PATCH, &path, "\"3\"", &json!({"name": "The view", "reason": "because"})).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    assert_eq!(rui_follows(&cast, &model, 3).await.status, 200);
    let seen = followed(&cast).await;
    assert_eq!((&seen["name"], &seen["offered"]), (&json!("The view"), &Value::Null), "{seen}");
    let body = json!({"allocation": weights("0.6", "0.4"), "reason": "As it was."});
    remodel(&cast, &model, "allocation", &body).await;
    rui_follows(&cast, &model, 1).await.is_problem(409, "model-version-earlier");

    remodel(&cast, &model, "standing", &json!({"standing": "archived", "reason": "Given up."})).await;
    let seen = followed(&cast).await;
    assert_eq!((&seen["standing"], &seen["offered"]), (&json!("archived"), &Value::Null), "{seen}");
    rui_follows(&cast, &model, 5).await.is_problem(409, "model-archived");
    assert_eq!(weights_now(&cast).await, ["0.8", "0.2"], "followers keep what they have");
    assert_eq!(ids(&cast, &cast.rui.token, "/v1/models").await.len(), 3, "archived ones stay in the list");
    remodel(&cast, &model, "standing", &json!({"standing": "active", "reason": "Missed."})).await;
    assert_eq!(followed(&cast).await["offered"]["version"], 7);
    assert_eq!(rui_follows(&cast, &model, 5).await.status, 200, "what was seen is still what it offers");

    // A copy is neither a model nor a follower.
    for original in [&model, &cast.rui.portfolio] {
        let copies = format!("/v1/portfolios/{original}/copies");
        let copy = cast.house.post(&copies, &unique("copy"), &json!({"name": "A copy"})).await.created();
        let shown = cast.house.get_now(&format!("/v1/portfolios/{copy}")).await.body;
        assert_eq!((&shown["model_of"], &shown["subscription"]), (&Value::Null, &Value::Null), "{shown}");
        assert_eq!(shown["allocation"][0]["weight"], "0.6");
        let path = format!("/v1/portfolios/{copy}/allocation");
        let own = json!({"allocation": halves("AAPL", "MSFT"), "reason": "Mine."});
        assert_eq!(cast.house.change(Method::PUT, &path, "\"1\"", &own).await.status, 200);
    }
}

#[tokio::test]
async fn who_leaves_the_firm_sees_no_more_of_its_models_and_takes_none_along() {
    let (cast, model) = cast().await;
    assert_eq!(rui_follows(&cast, &model, 1).await.status, 200);
    let body = json!({"allocation": weights("0.7", "0.3"), "reason": "Less of one."});
    remodel(&cast, &model, "allocation", &body).await;
    let left = json!({"model": model, "version": 1, "name": null, "standing": null, "offered": null});
    let there = followed(&cast).await;
    assert_eq!(there["offered"]["version"], 2);

    works_for(&cast, &cast.rui, "Another house").await;
    assert_eq!(followed(&cast).await, left);
    // Not of the time either when they were there.
    let then = cast.house.journal.last_position(events::Stream::Advisory).await.unwrap().sequence - 1;
    let path = format!("/v1/portfolios/{}/subscription?as_of=advisory-{then}", cast.rui.portfolio);
    assert_eq!(cast.get_by(&cast.rui.token, &path).await.body["subscription"], left);
    // Who sees everything sees what he was shown then.
    assert_eq!(cast.get_by(&cast.compliance, &path).await.body["subscription"], there);
    rui_follows(&cast, &model, 2).await.is_problem(422, "no-such-model");
    assert_eq!(weights_now(&cast).await, ["0.6", "0.4"], "what was taken over stays");
    works_for(&cast, &cast.rui, "Casa Verde").await;
    assert_eq!(followed(&cast).await["offered"]["version"], 2);

    // Ana leaves no model behind: somebody who stays takes it over, or it is put aside.
    let (path, of_ana) = (format!("/v1/models/{model}"), format!("/v1/advisors/{}", cast.ana.id));
    let known = cast.house.get_now(&of_ana).await;
    let body = json!({"name": "Ana Souza", "firm": "Another house", "regime": "other", "language": "en"});
    let before = cast.house.written().await;
    let leave = cast.house.change(Method::PUT, &of_ana, known.header("etag"), &body).await;
    leave.is_problem(409, "advisor-has-models");
    assert_eq!(cast.house.written().await, before);
    works_for(&cast, &cast.ana, "CASA verde").await;
    remodel(&cast, &model, "standing", &json!({"standing": "archived", "reason": "Given up."})).await;
    works_for(&cast, &cast.ana, "Another house").await;
    let taken_up = json!({"standing": "active", "reason": "Mine."});
    change(&cast, &cast.ana, &model, "standing", &taken_up).await.is_problem(409, "model-of-another-firm");
    let then = cast.house.journal.last_position(events::Stream::Advisory).await.unwrap();
    for token in [&cast.rui.token, &cast.ana.token] {
        for list in ["/v1/models".to_owned(), format!("/v1/models?as_of={then}")] {
            assert!(ids(&cast, token, &list).await.is_empty(), "{list}");
        }
        cast.get_by(token, &path).await.is_problem(404, "model-unknown");
    }
    // It stays the firm's, where those find it who see everything.
    for token in [&cast.compliance, &cast.house.token] {
        for then in [String::new(), format!("&as_of={then}")] {
            assert_eq!(ids(&cast, token, &format!("/v1/models?firm=Casa%20Verde{then}")).await, [model.as_str()]);
        }
        assert!(ids(&cast, token, "/v1/models?firm=Another%20house").await.is_empty());
    }
    assert_eq!(followed(&cast).await, left);
    rui_follows(&cast, &model, 2).await.is_problem(422, "no-such-model");

    // They give it to somebody who is there, and to nobody else.
    let another = cast.house.advisor_of("Another house").await;
    hand_over(&cast, &model, &another).await.is_problem(409, "model-of-another-firm");
    let handed = hand_over(&cast, &model, &cast.rui.id).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    assert_eq!(ids(&cast, &cast.rui.token, "/v1/models").await, [model.as_str()]);
    cast.get_by(&cast.ana.token, &path).await.is_problem(404, "model-unknown");
    works_for(&cast, &cast.ana, "Casa Verde").await;
    assert_eq!(ids(&cast, &cast.ana.token, "/v1/models").await, [model.as_str()]);
    let taken_up = json!({"standing": "active", "reason": "Missed."});
    assert_eq!(change(&cast, &cast.rui, &model, "standing", &taken_up).await.status, 200);

    // Whoever composed it may be gone for good; the firm still has it, and an administrator keeps it.
    let back = hand_over(&cast, &model, &cast.ana.id).await;
    assert_eq!(back.status, 200, "{back:?}");
    let gone = json!({"standing": "removed", "reason": "Retired."});
    let path = format!("/v1/advisors/{}", cast.ana.id);
    let version = cast.house.get_now(&path).await.header("etag").to_owned();
    let removed = cast.house.change(Method::PUT, &format!("{path}/standing"), &version, &gone).await;
    assert_eq!(removed.status, 200, "{removed:?}");
    let path = format!("/v1/portfolios/{model}/allocation");
    let body = json!({"allocation": weights("0.8", "0.2"), "reason": "The committee decided."});
    let kept = cast.house.change(Method::PUT, &path, back.header("etag"), &body).await;
    assert_eq!(kept.status, 200, "{kept:?}");
    assert_eq!(ids(&cast, &cast.rui.token, "/v1/models").await, [model.as_str()]);
    assert_eq!(rui_follows(&cast, &model, 7).await.status, 200);
    assert_eq!(weights_now(&cast).await, ["0.8", "0.2"]);
    // Or gives it to somebody who can.
    assert_eq!(hand_over(&cast, &model, &cast.rui.id).await.status, 200);
    hand_over(&cast, &model, &cast.ana.id).await.is_problem(409, "advisor-not-active");
}

#[tokio::test]
async fn a_subscription_is_changed_once_however_often_it_is_asked_for() {
    let (cast, model) = cast().await;
    let path = format!("/v1/portfolios/{}/subscription", cast.rui.portfolio);
    let put = async |key: &str, version: Option<&str>, body: &Value| {
        cast.ask_by(&cast.rui.token, Method::PUT, &path, |request| {
            let request = version.into_iter().fold(request, |request, version| request.header("If-Match", version));
            request.header("Idempotency-Key", key).json(body)
        })
        .await
    };
    put("k-0", None, &follow(&model, 1)).await.is_problem(428, "if-match-missing");
    put("k-0", Some("\"1\""), &follow(&model, 1)).await.is_problem(412, "stale");
    let first = put("k-1", Some("\"2\""), &follow(&model, 1)).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, "\"3\""), "{first:?}");
    let body = json!({"allocation": weights("0.7", "0.3"), "reason": "Less of one."});
    remodel(&cast, &model, "allocation", &body).await;
    let second = put("k-2", Some("\"3\""), &follow(&model, 2)).await;
    let third = put("k-3", Some("\"4\""), &json!({"subscription": null, "reason": "On its own."})).await;
    remodel(&cast, &model, "standing", &json!({"standing": "archived", "reason": "Given up."})).await;
    works_for(&cast, &cast.rui, "Another house").await;
    // Whatever has become of the model, of the firm and of the portfolio since.
    let before = cast.house.written().await;
    for (key, version, body, answer) in [
        ("k-1", "\"2\"", follow(&model, 1), &first),
        ("k-2", "\"3\"", follow(&model, 2), &second),
        ("k-3", "\"4\"", json!({"subscription": null, "reason": "On its own."}), &third),
    ] {
        let again = put(key, Some(version), &body).await;
        assert_eq!((again.status, &again.body), (answer.status, &answer.body), "{again:?}");
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    // A key that was used opens no view of what is another's: all of these sound alike.
    let others = [(&model, 2), (&model, 99), (&cast.ana.portfolio, 1), (&cast.ana.portfolio, 99)];
    let absent = put("k-1", Some("\"2\""), &follow(NOBODY, 1)).await;
    for (other, version) in others {
        let reused = put("k-1", Some("\"2\""), &follow(other, version)).await;
        reused.is_problem(422, "idempotency-key-reused");
        assert_eq!(reused.body["detail"], absent.body["detail"]);
    }
    assert_eq!(cast.house.written().await, before);
    // To compose a model and to compose a portfolio are two wishes.
    let mut body = self::model(&cast, "Another view");
    let post = async |body: &Value| cast.house.post("/v1/portfolios", "k-9", body).await;
    let composed = post(&body).await;
    assert_eq!((post(&body).await.body, composed.status.as_u16()), (composed.body, 201));
    body["model"] = json!(false);
    post(&body).await.is_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn the_followers_of_a_model_are_found_by_those_whose_they_are() {
    let (cast, model) = cast().await;
    let followers = format!("/v1/portfolios?model={model}");
    assert!(ids(&cast, &cast.compliance, &followers).await.is_empty());
    let before = cast.house.journal.last_position(events::Stream::Advisory).await.unwrap();
    assert_eq!(rui_follows(&cast, &model, 1).await.status, 200);
    let of_ana = change(&cast, &cast.ana, &cast.ana.portfolio, "subscription", &follow(&model, 1)).await;
    assert_eq!(of_ana.status, 200, "{of_ana:?}");
    let (ana, rui) = (cast.ana.portfolio.as_str(), cast.rui.portfolio.as_str());
    for all in [&cast.compliance, &cast.house.token] {
        assert_eq!(ids(&cast, all, &followers).await, [ana, rui]);
        assert_eq!(ids(&cast, all, &format!("{followers}&advisor={}", cast.rui.id)).await, [rui]);
        assert!(ids(&cast, all, &format!("{followers}&standing=archived")).await.is_empty());
        assert_eq!(ids(&cast, all, &format!("{followers}&limit=1")).await, [ana]);
        assert!(ids(&cast, all, &format!("{followers}&as_of={before}")).await.is_empty());
    }
    assert_eq!(ids(&cast, &cast.ana.token, &followers).await, [ana], "the model is hers, its followers are not");
    assert_eq!(ids(&cast, &cast.rui.token, &followers).await, [rui]);
    let then = cast.house.journal.last_position(events::Stream::Advisory).await.unwrap();
    let ended = json!({"subscription": null, "reason": "On its own."});
    assert_eq!(rui_changes(&cast, "subscription", &ended).await.status, 200);
    assert_eq!(ids(&cast, &cast.compliance, &followers).await, [ana]);
    assert_eq!(ids(&cast, &cast.compliance, &format!("{followers}&as_of={then}")).await, [ana, rui]);
    for query in ["&search=g", "&sort=name"] {
        cast.get_by(&cast.compliance, &format!("{followers}{query}")).await.is_problem(400, "invalid-parameter");
    }
    cast.get_by(&cast.compliance, "/v1/portfolios?model=x").await.is_problem(400, "invalid-parameter");
}

#[tokio::test]
async fn who_is_given_a_follower_from_outside_the_firm_is_told_nothing_of_the_model_at_any_moment() {
    let (cast, model) = cast().await;
    assert_eq!(rui_follows(&cast, &model, 1).await.status, 200);
    let body = json!({"allocation": weights("0.7", "0.3"), "reason": "Less of one."});
    remodel(&cast, &model, "allocation", &body).await;
    let then = cast.house.journal.last_position(events::Stream::Advisory).await.unwrap();
    let stranger = cast.house.advisor_of("Another house").await;
    assert_eq!(hand_over(&cast, &cast.rui.portfolio, &stranger).await.status, 200);
    let wish = json!({"label": "theirs", "valid_days": 1, "role": "advisor", "advisor": stranger});
    let token = cast.house.post("/v1/tokens", "stranger", &wish).await.body["secret"].as_str().unwrap().to_owned();
    let path = format!("/v1/portfolios/{}/subscription", cast.rui.portfolio);
    let nothing = json!({"model": model, "version": 1, "name": null, "standing": null, "offered": null});
    for path in [path.clone(), format!("{path}?as_of={then}")] {
        assert_eq!(cast.get_by(&token, &path).await.body["subscription"], nothing, "{path}");
    }
    let shown = cast.get_by(&cast.compliance, &format!("{path}?as_of={then}")).await.body;
    assert_eq!(shown["subscription"]["offered"]["version"], 2);
}

#[tokio::test]
async fn who_has_just_composed_a_model_leaves_no_firm() {
    let house = House::open().await;
    house.portfolio(&house.advisor().await).await;
    for round in 0..10 {
        let advisor = house.advisor().await;
        let mut model = portfolio(&advisor);
        model["model"] = json!(true);
        house.post("/v1/portfolios", &unique("model"), &model).await.created();
        let elsewhere = json!({"name": "Ana Souza", "firm": "Another house", "regime": "other", "language": "en"});
        let path = format!("/v1/advisors/{advisor}");
        let refused = house.change(Method::PUT, &path, "\"1\"", &elsewhere).await;
        refused.is_problem(409, "advisor-has-models");
        assert_eq!(house.get(&path).await.body["firm"], "Casa Verde", "round {round}");
    }
}
