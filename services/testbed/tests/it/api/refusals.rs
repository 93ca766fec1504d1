//! Bad input: each a problem with its own type, and nothing written.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{House, halves, portfolio, unique};

/// An id that is spelt well and names nothing.
const NOBODY: &str = "132e374d-2bfb-5564-814d-e201e6e41209";

#[tokio::test]
async fn a_bad_portfolio_is_refused_by_type_and_nothing_is_written() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.portfolio(&advisor).await;
    let before = house.written().await;
    let with = |field: &str, value: Value| {
        let mut body = portfolio(&advisor);
        body[field] = value;
        body
    };
    let targets = |rows: &[(&str, &str)]| -> Value {
        rows.iter().map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect()
    };
    let weight = |weight: Value| json!([{"asset": "AAPL", "weight": weight}, {"asset": "MSFT", "weight": "0.5"}]);
    let cases: [(Value, u16, &str, &str, &str); 21] = [
        // Weights.
        (
            with("allocation", targets(&[("AAPL", "0.5"), ("MSFT", "0.4999999999")])),
            422,
            "weights-do-not-add-up",
            "#/allocation",
            "weights-do-not-add-up",
        ),
        (
            with("allocation", targets(&[("AAPL", "0.6"), ("MSFT", "0.6")])),
            422,
            "weights-do-not-add-up",
            "#/allocation",
            "weights-do-not-add-up",
        ),
        (
            with("allocation", weight(json!("-0.5"))),
            422,
            "invalid-body",
            "#/allocation/0/weight",
            "weight-not-positive",
        ),
        (with("allocation", weight(json!("0"))), 422, "invalid-body", "#/allocation/0/weight", "weight-not-positive"),
        (with("allocation", weight(json!("1.5"))), 422, "invalid-body", "#/allocation/0/weight", "weight-over-one"),
        (
            with("allocation", weight(json!("0.50000000001"))),
            422,
            "invalid-body",
            "#/allocation/0/weight",
            "weight-too-fine",
        ),
        (with("allocation", weight(json!("5e-1"))), 422, "invalid-body", "#/allocation/0/weight", "not-a-decimal"),
        (with("allocation", weight(json!(0.5))), 422, "invalid-body", "#/allocation/0/weight", "wrong-type"),
        (with("allocation", weight(json!(null))), 422, "invalid-body", "#/allocation/0/weight", "wrong-type"),
        (with("allocation", json!([])), 422, "invalid-body", "#/allocation", "no-positions"),
        (with("allocation", json!([["AAPL", "1"]])), 422, "invalid-body", "#/allocation/0", "wrong-type"),
        (with("allocation", json!({"AAPL": "1"})), 422, "invalid-body", "#/allocation", "wrong-type"),
        // Assets.
        (
            with("allocation", halves("AAPL", "AAPL")),
            422,
            "asset-named-twice",
            "#/allocation/1/asset",
            "asset-named-twice",
        ),
        (with("allocation", halves("AAPL", "NONE")), 422, "no-such-assets", "#/allocation/1/asset", "no-such-asset"),
        (with("allocation", halves("AAPL", "msft")), 422, "invalid-body", "#/allocation/1/asset", "not-an-asset-id"),
        // The rest.
        (with("advisor", json!(NOBODY)), 422, "no-such-advisor", "#/advisor", "no-such-advisor"),
        (with("advisor", json!("nobody")), 422, "invalid-body", "#/advisor", "not-an-id"),
        (with("currency", json!("XXX")), 422, "invalid-body", "#/currency", "not-a-currency"),
        (with("name", json!("Growth\r\nBcc: all@example.com")), 422, "invalid-body", "#/name", "control-character"),
        (with("name", json!("x".repeat(121))), 422, "invalid-body", "#/name", "text-too-long"),
        (with("colour", json!("blue")), 422, "invalid-body", "#/colour", "unknown-field"),
    ];
    for (body, status, code, place, fault) in cases {
        let answer = house.post("/v1/portfolios", &unique("bad"), &body).await;
        answer.is_problem(status, code);
        assert_eq!(answer.errors(), [(place.to_owned(), fault.to_owned())], "{body}");
    }
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_body_with_many_faults_is_told_all_of_them() {
    let house = House::open().await;
    let body = json!({"advisor": "x", "name": "", "currency": "usd", "allocation": [{"asset": "a b", "weight": "-1"}]});
    let answer = house.post("/v1/portfolios", "bad", &body).await;
    answer.is_problem(422, "invalid-body");
    let places: Vec<String> = answer.errors().into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["#/advisor", "#/name", "#/currency", "#/allocation/0/asset", "#/allocation/0/weight"]);
}

#[tokio::test]
async fn what_is_no_json_is_refused_and_nothing_is_written() {
    let house = House::open().await;
    let before = house.written().await;
    let bodies: [(&str, Vec<u8>, u16, &str); 8] = [
        ("application/json", b"{\"name\":\"\xff\xfe\"}".to_vec(), 400, "malformed-json"),
        ("application/json", b"{\"name\":".to_vec(), 400, "malformed-json"),
        ("application/json", b"".to_vec(), 400, "malformed-json"),
        ("application/json", b"{\"name\":\"a\x00b\",\"firm\":\"c\"}".to_vec(), 400, "malformed-json"),
        // Nested without end: refused where it stops being what was asked for, long before its depth matters.
        ("application/json", "[".repeat(100_000).into_bytes(), 422, "invalid-body"),
        ("application/json", b"[\"Ana Souza\",\"Casa Verde\"]".to_vec(), 422, "invalid-body"),
        ("text/plain", b"{}".to_vec(), 415, "unsupported-media-type"),
        ("application/json", vec![b' '; 10 * 1024 * 1024], 413, "body-too-large"),
    ];
    for (content_type, body, status, code) in bodies {
        let answer = house
            .ask(Method::POST, "/v1/advisors", |request| {
                request.header("Idempotency-Key", unique("bad")).header("Content-Type", content_type).body(body)
            })
            .await;
        answer.is_problem(status, code);
    }
    let nul = json!({"name": "a\u{0}b", "firm": "c"});
    let answer = house.post("/v1/advisors", &unique("bad"), &nul).await;
    answer.is_problem(422, "invalid-body");
    assert_eq!(answer.errors(), [("#/name".to_owned(), "control-character".to_owned())]);
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_key_that_is_missing_or_unusable_is_refused_and_nothing_is_written() {
    let house = House::open().await;
    let before = house.written().await;
    let body = json!({"name": "Ana Souza", "firm": "Casa Verde"});
    house
        .ask(Method::POST, "/v1/advisors", |request| request.json(&body))
        .await
        .is_problem(400, "idempotency-key-missing");
    for key in ["", "two words", &"k".repeat(256)] {
        house.post("/v1/advisors", key, &body).await.is_problem(400, "idempotency-key-invalid");
    }
    let twice = house.ask(Method::POST, "/v1/advisors", |request| {
        request.header("Idempotency-Key", "a").header("Idempotency-Key", "b").json(&body)
    });
    twice.await.is_problem(400, "idempotency-key-invalid");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_change_of_another_version_is_refused_and_nothing_is_written() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let client = house.client(&advisor).await;
    let path = format!("/v1/portfolios/{id}");
    let renamed = house.change(Method::PATCH, &path, "\"1\"", &json!({"name": "Steady", "reason": "because"})).await;
    assert_eq!((renamed.status.as_u16(), renamed.header("etag")), (200, "\"2\""));
    let before = house.written().await;
    let rename = json!({"name": "Other", "reason": "because"});
    let reallocate = json!({"allocation": halves("MSFT", "AAPL"), "reason": "because"});
    let recommend = json!({"client_ids": [client], "rationale": "because"});
    let changes = [
        (Method::PATCH, path.clone(), &rename),
        (Method::PUT, format!("{path}/allocation"), &reallocate),
        (Method::POST, format!("{path}/recommendations"), &recommend),
    ];
    for (method, path, body) in changes {
        let ask = |version: Option<&str>| {
            let version = version.map(str::to_owned);
            house.ask(method.clone(), &path, move |request| {
                let request = request.header("Idempotency-Key", unique("change")).json(body);
                match version {
                    Some(version) => request.header("If-Match", version),
                    None => request,
                }
            })
        };
        ask(None).await.is_problem(428, "if-match-missing");
        for rubbish in ["*", "2", "W/\"2\"", "\"1\", \"2\"", "\"zwei\""] {
            ask(Some(rubbish)).await.is_problem(400, "if-match-invalid");
        }
        for stale in ["\"1\"", "\"3\""] {
            let answer = ask(Some(stale)).await;
            answer.is_problem(412, "stale");
            assert_eq!(answer.header("etag"), "\"2\"", "the present version is told");
        }
    }
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_nothing_is_written() {
    let house = House::open().await;
    let before = house.written().await;
    for id in [NOBODY, "nobody", &NOBODY.to_uppercase(), "%ff", "..%2f"] {
        for (noun, code) in [
            ("advisors", "advisor-unknown"),
            ("clients", "client-unknown"),
            ("portfolios", "portfolio-unknown"),
            ("recommendations", "recommendation-unknown"),
            ("assets", "asset-unknown"),
        ] {
            house.get(&format!("/v1/{noun}/{id}")).await.is_problem(404, code);
        }
        house.get(&format!("/v1/portfolios/{id}/figures")).await.is_problem(404, "portfolio-unknown");
        house.get(&format!("/v1/portfolios/{id}/events")).await.is_problem(404, "portfolio-unknown");
    }
    let path = format!("/v1/portfolios/{NOBODY}");
    let rename = house.change(Method::PATCH, &path, "\"1\"", &json!({"name": "x", "reason": "because"})).await;
    rename.is_problem(404, "portfolio-unknown");
    let bars = json!({"source": "x", "basis": "raw", "bars": [{"date": "2024-01-02", "close": "1"}]});
    house.post("/v1/assets/NONE/prices", "k", &bars).await.is_problem(404, "asset-unknown");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_client_of_nobody_leaves_no_data_key() {
    let house = House::open().await;
    let before = house.written().await;
    let body = json!({"advisor": NOBODY, "name": "José da Silva", "email": "jose@client.example"});
    house.post("/v1/clients", "k", &body).await.is_problem(422, "no-such-advisor");
    let body = json!({"advisor": NOBODY, "name": "José da Silva", "email": "jose"});
    let answer = house.post("/v1/clients", "k", &body).await;
    answer.is_problem(422, "invalid-body");
    assert!(!answer.body.to_string().contains("jose\""), "an address is not repeated: {answer:?}");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_recommendation_to_the_wrong_people_is_refused_and_nothing_is_written() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let theirs = house.client(&house.advisor().await).await;
    let ours = house.client(&advisor).await;
    let before = house.written().await;
    let cases: [(Value, u16, &str, &str); 5] = [
        (json!([]), 422, "recommendation-without-clients", ""),
        (json!([ours, NOBODY]), 422, "no-such-clients", "#/client_ids/1"),
        (json!([theirs, ours]), 422, "clients-of-another-advisor", "#/client_ids/0"),
        (json!([ours, ours]), 422, "invalid-body", "#/client_ids/1"),
        (json!([ours, "x"]), 422, "invalid-body", "#/client_ids/1"),
    ];
    for (clients, status, code, place) in cases {
        let body = json!({"client_ids": clients, "rationale": "because"});
        let path = format!("/v1/portfolios/{id}/recommendations");
        let answer = house
            .ask(Method::POST, &path, |request| {
                request.header("If-Match", "\"1\"").header("Idempotency-Key", unique("r")).json(&body)
            })
            .await;
        answer.is_problem(status, code);
        assert_eq!(answer.errors().first().map_or("", |(place, _)| place.as_str()), place);
    }
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn prices_that_contradict_are_refused_and_nothing_is_written() {
    let house = House::open().await;
    house.asset("AAPL", &[("2024-01-02", "185.64")]).await;
    let before = house.written().await;
    let bars = |basis: &str, date: &str, close: &str| json!({"source": "x", "basis": basis, "bars": [{"date": date, "close": close}]});
    let post = async |body: Value| house.post("/v1/assets/AAPL/prices", &unique("p"), &body).await;
    post(bars("adjusted", "2024-01-02", "185.65")).await.is_problem(409, "price-differs");
    post(bars("raw", "2024-01-03", "1")).await.is_problem(409, "price-basis-differs");
    post(bars("guessed", "2024-01-03", "1")).await.is_problem(422, "invalid-body");
    post(bars("adjusted", "2024-02-30", "1")).await.is_problem(422, "invalid-body");
    post(bars("adjusted", "2024-01-03", "-1")).await.is_problem(422, "invalid-body");
    let listed = json!({"id": "AAPL", "name": "Another", "currency": "USD"});
    house.post("/v1/assets", "k", &listed).await.is_problem(409, "asset-already-listed");
    assert_eq!(house.written().await, before);
    let prices = house.get_now("/v1/assets/AAPL/prices").await.body["bars"].clone();
    let same = post(bars("adjusted", "2024-01-02", "185.640")).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (200, "\"3\""), "what is known is confirmed");
    assert_eq!(house.get_now("/v1/assets/AAPL/prices").await.body["bars"], prices);
}

#[tokio::test]
async fn a_parameter_that_an_operation_does_not_know_is_refused_and_nothing_is_written() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let before = house.written().await;
    for path in [format!("/v1/portfolios/{id}"), format!("/v1/advisors/{advisor}"), "/healthz".to_owned()] {
        assert_eq!(house.get_now(&path).await.status, 200, "{path}");
        house.get(&format!("{path}?nonsense=1")).await.is_problem(400, "invalid-parameter");
    }
    let allocation = json!({"allocation": halves("MSFT", "AAPL"), "reason": "a hopeful trial"});
    let path = format!("/v1/portfolios/{id}/allocation?dry_run=true");
    house.change(Method::PUT, &path, "1", &allocation).await.is_problem(400, "invalid-parameter");
    let wish = portfolio(&advisor);
    house.post("/v1/portfolios?x=1", &unique("create"), &wish).await.is_problem(400, "invalid-parameter");
    assert_eq!(house.written().await, before);
}
