//! Advisors and clients over the years: edited, suspended, handed over, asked what they can bear, removed.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::{House, portfolio, unique};

fn because(what: &str) -> Value {
    json!({"standing": what, "reason": "the register says so"})
}

fn bold() -> Value {
    json!({"answers": {"objective": "speculation", "horizon": "over_ten_years", "loss_capacity": "more",
        "knowledge": "professional", "liquidity_need": "none"}})
}

#[tokio::test]
async fn an_advisor_is_registered_under_a_regime_and_edited() {
    let house = House::open().await;
    let mut body = json!({"name": "Ana Souza", "firm": "Casa Verde", "regime": "cvm_178", "language": "pt-BR",
        "currency": "BRL"});
    let before = house.written().await;
    house.post("/v1/advisors", "a", &body).await.is_problem(422, "advisor-registration-missing");
    for (field, bad, fault) in
        [("regime", "cvm", "not-one-of"), ("language", "pt", "not-one-of"), ("currency", "R$", "not-a-currency")]
    {
        let mut body = body.clone();
        body[field] = json!(bad);
        let answer = house.post("/v1/advisors", "a", &body).await;
        answer.is_problem(422, "invalid-body");
        assert_eq!(answer.errors(), [(format!("#/{field}"), fault.to_owned())]);
    }
    assert_eq!(house.written().await, before);

    body["registration"] = json!("A12345");
    let registered = house.post("/v1/advisors", "a", &body).await;
    let path = registered.header("location").to_owned();
    let read = house.get_after(&path, &registered).await;
    for field in ["name", "firm", "regime", "registration", "language", "currency"] {
        assert_eq!(read.body[field], body[field], "{field}");
    }
    assert_eq!((&read.body["standing"], &read.body["standing_reason"]), (&json!("active"), &Value::Null));

    // Rules and language are said in any case: nobody should lose a notice in a letter by saying nothing.
    let silent = json!({"name": "Ana S. Lima", "firm": "Casa Verde"});
    let refused = house.change(Method::PUT, &path, "\"1\"", &silent).await;
    refused.is_problem(422, "invalid-body");
    let missing = ["regime", "language"].map(|field| (format!("#/{field}"), "missing-field".to_owned()));
    assert_eq!(refused.errors(), missing);
    let plain = json!({"name": "Ana S. Lima", "firm": "Casa Verde", "regime": "other", "language": "en"});
    let edited = house.change(Method::PUT, &path, "\"1\"", &plain).await;
    assert_eq!((edited.status.as_u16(), edited.header("etag")), (200, "\"2\""));
    let read = house.get_after(&path, &edited).await;
    assert_eq!((&read.body["regime"], &read.body["registration"]), (&json!("other"), &Value::Null));
    house.change(Method::PUT, &path, "\"1\"", &plain).await.is_problem(412, "stale");

    let then = house.get(&format!("{path}?as_of={}", registered.header("insights-position"))).await;
    assert_eq!((then.header("etag"), &then.body["regime"]), ("\"1\"", &json!("cvm_178")));
    let time = then.body["registered_at"].as_str().unwrap();
    assert_eq!(house.get(&format!("{path}?as_of={time}")).await.body, then.body);
    house.get(&format!("{path}?as_of=2001-01-01T00:00:00Z")).await.is_problem(404, "advisor-unknown");
    for bad in ["advisory-9999", "yesterday", "advisory-", ""] {
        house.get(&format!("{path}?as_of={bad}")).await.is_problem(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn a_suspended_advisor_does_nothing_until_they_are_reinstated_and_a_removed_one_never_again() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let made = house.portfolio(&advisor).await;
    let client = house.client(&advisor).await;
    let path = format!("/v1/advisors/{advisor}");
    let stand = async |version: &str, what: &str| {
        house.change(Method::PUT, &format!("{path}/standing"), version, &because(what)).await
    };
    let wish = async || {
        let new = json!({"advisor": advisor, "name": "Rui Lima", "email": "rui@client.example"});
        let recommend = json!({"client_ids": [client], "rationale": "because"});
        [
            house.post("/v1/clients", &unique("c"), &new).await,
            house.post("/v1/portfolios", &unique("p"), &portfolio(&advisor)).await,
            house
                .ask(Method::POST, &format!("/v1/portfolios/{made}/recommendations"), |request| {
                    request.header("If-Match", "\"1\"").header("Idempotency-Key", unique("r")).json(&recommend)
                })
                .await,
        ]
    };
    let rui = json!({"advisor": advisor, "name": "Rui Lima", "email": "rui@client.example"});
    let first = house.post("/v1/clients", "rui", &rui).await;
    let suspended = stand("\"1\"", "suspended").await;
    assert_eq!(suspended.header("etag"), "\"2\"");
    let before = house.written().await;
    for refused in wish().await {
        refused.is_problem(409, "advisor-not-active");
    }
    assert_eq!(house.written().await, before, "and nothing is written, no data key either");
    let again = house.post("/v1/clients", "rui", &rui).await;
    assert_eq!(
        (again.created(), again.header("idempotent-replayed")),
        (first.created(), "true"),
        "what was done is done"
    );
    let read = house.get_after(&path, &suspended).await;
    let (standing, reason) = (&read.body["standing"], &read.body["standing_reason"]);
    assert_eq!((standing, reason), (&json!("suspended"), &json!("the register says so")));

    assert_eq!(stand("\"2\"", "active").await.header("etag"), "\"3\"");
    assert_eq!(wish().await.map(|done| done.status.as_u16()), [201, 201, 202]);

    let removed = stand("\"3\"", "removed").await;
    for refused in wish().await {
        refused.is_problem(409, "advisor-not-active");
    }
    stand("\"4\"", "active").await.is_problem(409, "advisor-removed");
    let edit = json!({"name": "Ana Lima", "firm": "Casa Verde", "regime": "other", "language": "en"});
    house.change(Method::PUT, &path, "\"4\"", &edit).await.is_problem(409, "advisor-removed");
    let listed = house.get_after("/v1/advisors?standing=removed&search=CASA", &removed).await;
    assert_eq!(listed.body["items"][0]["id"], json!(advisor), "the record stays");
    assert_eq!(house.get("/v1/advisors?standing=active").await.body["items"], json!([]));
    house.get("/v1/advisors?standing=away").await.is_problem(400, "invalid-parameter");
    stand("\"4\"", "away").await.is_problem(422, "invalid-body");
}

#[tokio::test]
async fn a_client_moves_house_changes_hands_and_leaves() {
    let house = House::open().await;
    let (advisor, colleague) = (house.advisor().await, house.advisor().await);
    let client = house.client(&advisor).await;
    let path = format!("/v1/clients/{client}");
    let nobody = "/v1/clients/132e374d-2bfb-5564-814d-e201e6e41209";
    let moved = json!({"name": "José Lima", "email": "lima@client.example"});

    let before = house.written().await;
    house.change(Method::PUT, nobody, "\"1\"", &moved).await.is_problem(404, "client-unknown");
    assert_eq!(house.written().await, before, "no data key is made for nobody");
    let edited = house.change(Method::PUT, &path, "\"1\"", &moved).await;
    let read = house.get_after(&path, &edited).await;
    assert_eq!((&read.body["identity"], &read.body["version"]), (&moved, &json!(2)));
    let first = house.get(&format!("{path}?as_of=advisory-3")).await;
    assert_eq!(first.body["identity"]["name"], "José da Silva", "{first:?}");

    let hand_over = |to: &str| json!({"advisor": to, "reason": "moved to Lisbon"});
    let to = format!("{path}/advisor");
    let unknown = hand_over("132e374d-2bfb-5564-814d-e201e6e41209");
    house.change(Method::PUT, &to, "\"2\"", &unknown).await.is_problem(422, "no-such-advisor");
    let handed = house.change(Method::PUT, &to, "\"2\"", &hand_over(&colleague)).await;
    assert_eq!(handed.header("etag"), "\"3\"");
    let of = async |advisor: &str| house.get_after(&format!("/v1/clients?advisor={advisor}"), &handed).await.body;
    assert_eq!(of(&advisor).await["items"], json!([]));
    assert_eq!(of(&colleague).await["items"][0]["id"], json!(client));

    let standing = format!("{path}/standing");
    let removed = house.change(Method::PUT, &standing, "\"3\"", &because("removed")).await;
    assert_eq!(house.get_after(&path, &removed).await.body["standing"], "removed");
    house.change(Method::PUT, &path, "\"4\"", &moved).await.is_problem(409, "client-removed");
    house.change(Method::PUT, &to, "\"4\"", &hand_over(&advisor)).await.is_problem(409, "client-removed");
    house.change(Method::PUT, &format!("{path}/suitability"), "\"4\"", &bold()).await.is_problem(409, "client-removed");
    let again = house.change(Method::PUT, &standing, "\"4\"", &because("removed")).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, "\"4\""), "so already");
    let made = house.portfolio(&colleague).await;
    let recommend = json!({"client_ids": [client], "rationale": "because"});
    let refused = house
        .ask(Method::POST, &format!("/v1/portfolios/{made}/recommendations"), |request| {
            request.header("If-Match", "\"1\"").header("Idempotency-Key", unique("r")).json(&recommend)
        })
        .await;
    refused.is_problem(409, "clients-removed");
}

#[tokio::test]
async fn answers_become_a_profile_that_is_shown_with_its_days() {
    let house = House::open().await;
    let client = house.client(&house.advisor().await).await;
    let path = format!("/v1/clients/{client}/suitability");
    let shown = house.get_now(&path).await;
    assert_eq!((&shown.body["class"], &shown.body["reason"]), (&json!("conservative"), &json!("no-profile")));

    let assessed = house.change(Method::PUT, &path, "\"1\"", &bold()).await;
    assert_eq!(assessed.header("etag"), "\"2\"");
    let shown = house.get_after(&path, &assessed).await;
    assert_eq!((&shown.body["class"], &shown.body["valid"]), (&json!("aggressive"), &json!(true)));
    let profile = &shown.body["profile"];
    assert_eq!(profile["basis"]["answers"]["rules"], 1);
    assert_eq!(profile["basis"]["answers"]["answers"]["objective"], "speculation");
    assert!(profile["until"].as_str() > profile["since"].as_str(), "{profile}");

    let by_hand = json!({"class": "moderate", "reason": "wants to sleep well"});
    let set = house.change(Method::PUT, &path, "\"2\"", &by_hand).await;
    let shown = house.get_after(&path, &set).await;
    assert_eq!(shown.body["profile"]["basis"], json!({"by_hand": {"reason": "wants to sleep well"}}));
    house.change(Method::PUT, &path, "\"3\"", &json!({"class": "moderate"})).await.is_problem(422, "invalid-body");
    house.change(Method::PUT, &path, "\"2\"", &bold()).await.is_problem(412, "stale");
    let then = house.get(&format!("{path}?as_of={}", assessed.header("insights-position"))).await;
    assert_eq!((then.header("etag"), &then.body["class"]), ("\"2\"", &json!("aggressive")));
}

#[tokio::test]
async fn a_portfolio_of_which_no_currency_is_said_is_kept_in_its_advisors() {
    let house = House::open().await;
    let brazilian = json!({"name": "Ana Souza", "firm": "Casa Verde", "currency": "BRL"});
    let ana = house.post("/v1/advisors", &unique("ana"), &brazilian).await.created();
    let bia = house.advisor().await;
    let mut body = portfolio(&ana);
    house.portfolio(&bia).await;
    body.as_object_mut().unwrap().remove("currency");
    let composed = house.post("/v1/portfolios", "k-1", &body).await;
    let path = format!("/v1/portfolios/{}", composed.created());
    assert_eq!(house.get_after(&path, &composed).await.body["currency"], "BRL");
    // Whatever the register says by now: the same request again is the same.
    let moved = json!({"name": "Ana Souza", "firm": "Casa Verde", "regime": "other", "language": "en"});
    assert_eq!(house.change(Method::PUT, &format!("/v1/advisors/{ana}"), "\"1\"", &moved).await.status, 200);
    let again = house.post("/v1/portfolios", "k-1", &body).await;
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&composed.body, "true"));
    let mut said = body.clone();
    said["currency"] = json!("BRL");
    house.post("/v1/portfolios", "k-1", &said).await.is_problem(422, "idempotency-key-reused");
    for advisor in [&ana, &bia] {
        body["advisor"] = json!(advisor);
        let refused = house.post("/v1/portfolios", &unique("k"), &body).await;
        refused.is_problem(422, "invalid-body");
        assert_eq!(refused.errors(), [("#/currency".to_owned(), "currency-not-said".to_owned())]);
    }
}
