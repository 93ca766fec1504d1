//! Portfolios over the years: limits, policies, versions, copies, searches, put aside and taken up again.

use reqwest::Method;
use serde_json::{Value, json};

use super::cast::Cast;
use super::house::{House, halves, portfolio, unique};

fn because(what: &str) -> Value {
    json!({"standing": what, "reason": "replaced"})
}

fn locked(weight: &str, rest: &str, locked: bool) -> Value {
    json!({"allocation": [{"asset": "AAPL", "weight": weight, "locked": locked},
        {"asset": "MSFT", "weight": rest, "band": {"min": "0.1", "max": "0.6"}}], "reason": "as agreed"})
}

#[tokio::test]
async fn weights_stay_within_their_limits_and_every_version_is_there() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let path = format!("/v1/portfolios/{id}");
    let reallocate = async |version: &str, body: &Value| {
        house.change(Method::PUT, &format!("{path}/allocation"), version, body).await
    };
    let before = house.written().await;
    reallocate("\"1\"", &locked("0.3", "0.7", false)).await.is_problem(422, "weight-out-of-band");
    let mut strange = locked("0.5", "0.5", true);
    strange["allocation"][1]["band"] = json!({"min": "0.6", "max": "0.5"});
    let answer = reallocate("\"1\"", &strange).await;
    answer.is_problem(422, "invalid-body");
    assert_eq!(answer.errors(), [("#/allocation/1/band".to_owned(), "not-a-band".to_owned())]);
    assert_eq!(house.written().await, before);

    reallocate("\"1\"", &locked("0.5", "0.5", true)).await;
    reallocate("\"2\"", &locked("0.6", "0.4", true)).await.is_problem(409, "position-locked");
    let read = house.get_now(&path).await;
    let expected = json!([{"asset": "AAPL", "weight": "0.5", "locked": true},
        {"asset": "MSFT", "weight": "0.5", "band": {"min": "0.1", "max": "0.6"}}]);
    assert_eq!(read.body["allocation"], expected);
    reallocate("\"2\"", &locked("0.5", "0.5", false)).await;
    let changed = reallocate("\"3\"", &locked("0.6", "0.4", false)).await;
    assert_eq!(changed.header("etag"), "\"4\"");

    let policy = json!({"policy": {"rebalancing": "quarterly", "benchmark": "AAPL", "risk_class": "moderate"},
        "reason": "quarterly is enough"});
    let set = house.change(Method::PUT, &format!("{path}/policy"), "\"4\"", &policy).await;
    assert_eq!(house.get_after(&path, &set).await.body["policy"], policy["policy"]);
    let unlisted = json!({"policy": {"rebalancing": "never", "benchmark": "NONE"}, "reason": "x"});
    house.change(Method::PUT, &format!("{path}/policy"), "\"5\"", &unlisted).await.is_problem(422, "no-such-assets");

    let versions = house.get(&format!("{path}/versions")).await;
    let told: Vec<_> =
        versions.body["items"].as_array().unwrap().iter().map(|v| (&v["version"], &v["reason"])).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told[0], (&json!(1), &Value::Null));
    assert_eq!(told[4], (&json!(5), &json!("quarterly is enough")));
    let second = house.get(&format!("{path}/versions/2")).await;
    assert_eq!((second.header("etag"), &second.body["allocation"]), ("\"2\"", &expected));
    assert_eq!(house.get(&format!("{path}/versions/5")).await.body, house.get_now(&path).await.body);
    for none in ["6", "0", "02", "x"] {
        house.get(&format!("{path}/versions/{none}")).await.is_problem(404, "version-unknown");
    }
    let nobody = "/v1/portfolios/132e374d-2bfb-5564-814d-e201e6e41209";
    house.get(&format!("{nobody}/versions/1")).await.is_problem(404, "portfolio-unknown");
    house.get(&format!("{nobody}/versions")).await.is_problem(404, "portfolio-unknown");
    let then = house.get(&format!("{path}?as_of={}", set.header("insights-position"))).await;
    assert_eq!(then.body, house.get_now(&path).await.body);
}

#[tokio::test]
async fn a_copy_is_like_its_original_and_stays_so() {
    let house = House::open().await;
    let (advisor, colleague) = (house.advisor().await, house.advisor().await);
    let id = house.portfolio(&advisor).await;
    let path = format!("/v1/portfolios/{id}");
    let changed = json!({"allocation": [{"asset": "AAPL", "weight": "1"}], "reason": "all in"});
    house.change(Method::PUT, &format!("{path}/allocation"), "\"1\"", &changed).await;
    let copy = async |key: &str, body: Value| house.post(&format!("{path}/copies"), key, &body).await;

    let of_first = copy("first", json!({"name": "As it was", "version": 1, "advisor": colleague})).await;
    let read = house.get_after(of_first.header("location"), &of_first).await;
    assert_eq!((&read.body["allocation"], &read.body["advisor"]), (&halves("AAPL", "MSFT"), &json!(colleague)));
    assert_eq!(read.body["origin"], json!({"portfolio": id, "version": 1}));
    let now = copy("now", json!({"name": "As it is"})).await;
    assert_eq!(house.get_after(now.header("location"), &now).await.body["origin"]["version"], 2);
    // The same request is the same copy, whatever became of the original since.
    house.change(Method::PATCH, &path, "\"2\"", &json!({"name": "Other", "reason": "clearer"})).await;
    let again = copy("now", json!({"name": "As it is"})).await;
    assert_eq!((again.header("location"), again.header("idempotent-replayed")), (now.header("location"), "true"));
    copy("late", json!({"name": "x", "version": 9})).await.is_problem(404, "version-unknown");
    copy("zero", json!({"name": "x", "version": 0})).await.is_problem(404, "version-unknown");
    let nobody = "/v1/portfolios/132e374d-2bfb-5564-814d-e201e6e41209/copies";
    house.post(nobody, "nobody", &json!({"name": "x"})).await.is_problem(404, "portfolio-unknown");
}

#[tokio::test]
async fn an_archived_portfolio_is_found_as_such_and_rests() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let path = format!("/v1/portfolios/{id}");
    let mut other = portfolio(&advisor);
    for name in ["growth of another", "Income"] {
        other["name"] = json!(name);
        house.post("/v1/portfolios", &unique("p"), &other).await.created();
    }
    let standing = format!("{path}/standing");
    house.change(Method::PUT, &standing, "\"1\"", &because("archived")).await;
    let rename = json!({"name": "x", "reason": "because"});
    house.change(Method::PATCH, &path, "\"2\"", &rename).await.is_problem(409, "portfolio-archived");
    let client = house.client(&advisor).await;
    let recommend = json!({"client_ids": [client], "rationale": "because"});
    let refused = house
        .ask(Method::POST, &format!("{path}/recommendations"), |request| {
            request.header("If-Match", "\"2\"").header("Idempotency-Key", "r").json(&recommend)
        })
        .await;
    refused.is_problem(409, "portfolio-archived");

    let names = async |query: &str| -> Vec<String> {
        let list = house.get_now(&format!("/v1/portfolios?{query}")).await;
        assert_eq!(list.status.as_u16(), 200, "{list:?}");
        list.body["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("standing=archived").await, ["Growth"]);
    assert_eq!(names("sort=name").await, ["Growth", "growth of another", "Income"]);
    assert_eq!(names(&format!("search=GROW&advisor={advisor}&standing=active")).await, ["growth of another"]);
    let first = house.get("/v1/portfolios?sort=name&limit=2").await;
    let next = first.body["next"].as_str().unwrap();
    assert_eq!(names(&format!("sort=name&limit=2&cursor={next}")).await, ["Income"]);
    for bad in
        ["sort=size", "search=", "search=%00", "sort=created&search=g", "standing=old", &format!("cursor={next}")]
    {
        house.get(&format!("/v1/portfolios?{bad}")).await.is_problem(400, "invalid-parameter");
    }
    let restored = house.change(Method::PUT, &standing, "\"2\"", &because("active")).await;
    assert_eq!(restored.header("etag"), "\"3\"");
    assert_eq!(house.change(Method::PATCH, &path, "\"3\"", &rename).await.header("etag"), "\"4\"");
}

#[tokio::test]
async fn a_portfolio_is_handed_over_with_all_its_past_and_what_was_recommended_is_not() {
    let cast = Cast::assemble().await;
    let (ana, rui, house) = (&cast.ana, &cast.rui, &cast.house);
    let path = format!("/v1/portfolios/{}", ana.portfolio);
    let terms = json!({"rebalancing": "none"});
    let shown = cast.post_by(&ana.token, &format!("{path}/backtests"), &terms).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let record = json!({
        "portfolio_version": shown.body["portfolio_version"], "prices_position": shown.body["prices_position"],
        "fingerprint": shown.body["fingerprint"], "terms": terms,
    });
    let recorded = cast.post_by(&ana.token, &format!("{path}/backtests/records"), &record).await.created();
    let put = async |key: &str, version: &str, body: &Value| {
        let request = |request: reqwest::RequestBuilder| {
            request.header("If-Match", version).header("Idempotency-Key", key).json(body)
        };
        house.ask(Method::PUT, &format!("{path}/advisor"), request).await
    };
    let to = |advisor: &str| json!({"advisor": advisor, "reason": "Ana retires."});
    let before = house.written().await;
    put("k-0", "\"2\"", &to("132e374d-2bfb-5564-814d-e201e6e41209")).await.is_problem(422, "no-such-advisor");
    put("k-0", "\"2\"", &to("nobody")).await.is_problem(422, "invalid-body");
    put("k-0", "\"1\"", &to(&rui.id)).await.is_problem(412, "stale");
    let itself = put("k-0", "\"2\"", &to(&ana.id)).await;
    assert_eq!((itself.status.as_u16(), itself.header("etag")), (200, "\"2\""), "it is hers");
    assert_eq!(house.written().await, before);

    // Put aside or not.
    let archived = house.change(Method::PUT, &format!("{path}/standing"), "\"2\"", &because("archived")).await;
    assert_eq!(archived.status, 200, "{archived:?}");
    let handed = put("k-1", "\"3\"", &to(&rui.id)).await;
    assert_eq!((handed.status.as_u16(), handed.header("etag")), (200, "\"4\""), "{handed:?}");
    let suspended = json!({"standing": "suspended", "reason": "An inquiry."});
    let standing = format!("/v1/advisors/{}/standing", rui.id);
    assert_eq!(house.change(Method::PUT, &standing, "\"1\"", &suspended).await.status, 200);
    let again = put("k-1", "\"3\"", &to(&rui.id)).await;
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&handed.body, "true"), "{again:?}");
    put("k-1", "\"3\"", &to(&ana.id)).await.is_problem(422, "idempotency-key-reused");
    put("k-1", "\"3\"", &to("132e374d-2bfb-5564-814d-e201e6e41209")).await.is_problem(422, "idempotency-key-reused");
    let reinstated = json!({"standing": "active", "reason": "Cleared."});
    assert_eq!(house.change(Method::PUT, &standing, "\"2\"", &reinstated).await.status, 200);

    house.get_now(&path).await;
    let status = async |token: &str, below: &str| {
        cast.get_by(token, &format!("/v1/portfolios/{}{below}", ana.portfolio)).await.status.as_u16()
    };
    let backtest = format!("/backtests/{recorded}");
    for below in ["", "/versions", "/versions/1", "/events", "/figures", "/backtests", &backtest] {
        assert_eq!((status(&ana.token, below).await, status(&rui.token, below).await), (404, 200), "{below}");
    }
    let listed = async |token: &str, list: &str, id: &str| -> Vec<Value> {
        let listed = cast.get_by(token, list).await;
        listed.body["items"].as_array().unwrap().iter().map(|item| item[id].clone()).collect()
    };
    for list in ["/v1/portfolios", "/v1/portfolios?sort=name", "/v1/portfolios?standing=archived&search=growth"] {
        assert!(!listed(&ana.token, list, "id").await.contains(&json!(ana.portfolio)), "{list}");
        assert!(listed(&rui.token, list, "id").await.contains(&json!(ana.portfolio)), "{list}");
    }
    // Advice stays with whoever gave it.
    let advice = format!("/v1/recommendations?portfolio={}", ana.portfolio);
    assert_eq!(listed(&ana.token, &advice, "id").await, [json!(ana.recommendation)]);
    assert!(listed(&rui.token, &advice, "id").await.is_empty());
    // To whom, and in what words, is theirs alone to know.
    let told = async |token: &str, list: &str| -> Vec<Value> {
        let listed = cast.get_by(token, list).await;
        let of_advice = |item: &&Value| item["type"].as_str().unwrap().starts_with("insights.portfolio.recommended.");
        listed.body["items"].as_array().unwrap().iter().filter(of_advice).cloned().collect()
    };
    let events = [format!("{path}/events"), format!("/v1/events?id={}", ana.portfolio)];
    for list in &events {
        let [of_ana] = &told(&rui.token, list).await[..] else { panic!("one was recommended") };
        let advice = &of_ana["data"]["recommended"];
        assert_eq!((&advice["clients"], &advice["rationale"]), (&Value::Null, &Value::Null), "{of_ana}");
        let [whole] = &told(&cast.compliance, list).await[..] else { panic!("one was recommended") };
        assert_eq!(whole["data"]["recommended"]["clients"], json!([ana.client]));
    }
    let [version] = &told(&rui.token, &format!("{path}/versions")).await[..] else { panic!("one was recommended") };
    assert_eq!(version["reason"], Value::Null);
    // A version from before is copied for whoever has the portfolio now.
    let copied = cast
        .ask_by(&rui.token, Method::POST, &format!("{path}/copies"), |request| {
            request.header("Idempotency-Key", "k-copy").json(&json!({"name": "As it was", "version": 1}))
        })
        .await;
    let copy = house.get_after(&format!("/v1/portfolios/{}", copied.created()), &copied).await;
    assert_eq!(copy.body["advisor"], json!(rui.id));
    let again = json!({"portfolio_version": 1, "terms": terms});
    let backtest = cast.post_by(&rui.token, &format!("{path}/backtests/records"), &again).await;
    house.get_now(&path).await;
    let mine = cast.get_by(&rui.token, &format!("/v1/events?id={}", backtest.created())).await;
    assert_eq!(mine.body["items"].as_array().unwrap().len(), 1, "it is whose the portfolio is: {mine:?}");
    let versions = cast.get_by(&rui.token, &format!("{path}/versions")).await;
    let last = versions.body["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["type"], &last["reason"]), (&json!("insights.portfolio.handed_over.v1"), &json!("Ana retires.")));
}
