//! The same request again: one effect, and the first answer for ever.

use events::values::AdvisorId;
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use vault::{Role, Scope};

use super::cast::{token, token_of_account};
use super::house::{Answer, House, halves, portfolio, unique};

fn is_the_first_answer_again(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    for header in ["etag", "insights-position", "location"] {
        assert_eq!(first.headers.get(header), again.headers.get(header), "{header}");
    }
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer_again() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.portfolio(&advisor).await;
    let body = portfolio(&advisor);
    let first = house.post("/v1/portfolios", "k-1", &body).await;
    let path = format!("/v1/portfolios/{}", first.created());
    let renamed = house.change(Method::PATCH, &path, "\"1\"", &json!({"name": "Steady", "reason": "because"})).await;
    assert_eq!(renamed.status, 200);
    let before = house.written().await;
    // Long after, with the members in another order and other white space: it is what was asked that counts.
    let respelt = format!(
        r#"{{ "allocation": [{{"weight":"0.50","asset":"MSFT"}},{{"asset":"AAPL","weight":"0.5"}}],
            "currency":"USD","name":" Growth ","advisor":"{advisor}" }}"#
    );
    let again = house.ask(Method::POST, "/v1/portfolios", |request| {
        request.header("Idempotency-Key", "k-1").header("Content-Type", "application/json").body(respelt)
    });
    is_the_first_answer_again(&first, &again.await);
    // A process that has never heard of it answers the same.
    let another = house.another().await;
    is_the_first_answer_again(&first, &house.post_at(&another, "/v1/portfolios", "k-1", &body).await);
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_refused() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.portfolio(&advisor).await;
    house.post("/v1/portfolios", "k-1", &portfolio(&advisor)).await.created();
    let client = json!({"advisor": advisor, "name": "José da Silva", "email": "jose@client.example"});
    house.post("/v1/clients", "k-1", &client).await.created();
    let before = house.written().await;
    let mut other = portfolio(&advisor);
    other["name"] = json!("Income");
    house.post("/v1/portfolios", "k-1", &other).await.is_problem(422, "idempotency-key-reused");
    let mut other = client.clone();
    other["email"] = json!("joao@client.example");
    house.post("/v1/clients", "k-1", &other).await.is_problem(422, "idempotency-key-reused");
    assert_eq!(house.post("/v1/clients", "k-1", &client).await.header("idempotent-replayed"), "true");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn a_change_under_a_key_is_repeated_even_after_the_version_has_moved_on() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let path = format!("/v1/portfolios/{}", house.portfolio(&advisor).await);
    let change = async |key: &str, name: &str| {
        let body = json!({"name": name, "reason": "because"});
        house
            .ask(Method::PATCH, &path, |request| {
                request.header("If-Match", "\"1\"").header("Idempotency-Key", key).json(&body)
            })
            .await
    };
    let first = change("k-1", "Steady").await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, "\"2\""));
    is_the_first_answer_again(&first, &change("k-1", "Steady").await);
    change("k-1", "Other").await.is_problem(422, "idempotency-key-reused");
    change("k-2", "Steady").await.is_problem(412, "stale");
}

#[tokio::test]
async fn many_callers_with_one_key_have_one_effect() {
    const CALLERS: usize = 64;
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.portfolio(&advisor).await;
    let before = house.journal.last_position(events::Stream::Advisory).await.unwrap().sequence;
    let body = portfolio(&advisor);
    let another = house.another().await;
    let answers = join_all((0..CALLERS).map(|caller| {
        let address = if caller % 2 == 0 { &house.address } else { &another };
        house.post_at(address, "/v1/portfolios", "k-1", &body)
    }))
    .await;
    let first = &answers[0];
    assert!(answers.iter().all(|answer| (answer.status.as_u16(), &answer.body) == (201, &first.body)), "{answers:?}");
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
    assert_eq!(replayed, CALLERS - 1);
    assert_eq!(house.journal.last_position(events::Stream::Advisory).await.unwrap().sequence, before + 1);
}

#[tokio::test]
async fn of_many_changes_of_one_version_one_wins() {
    const CALLERS: usize = 32;
    let house = House::open().await;
    let advisor = house.advisor().await;
    let path = format!("/v1/portfolios/{}/allocation", house.portfolio(&advisor).await);
    house.asset("KO", &[]).await;
    let body = json!({"allocation": halves("AAPL", "KO"), "reason": "because"});
    let answers = join_all((0..CALLERS).map(|_| house.change(Method::PUT, &path, "\"1\"", &body))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let stale = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((won, stale), (1, CALLERS - 1));
}

#[tokio::test]
async fn a_recommendation_asked_for_twice_is_made_once() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let client = house.client(&advisor).await;
    let ask = async |one_off: &str| {
        let costs = json!({"one_off": one_off, "yearly": "0"});
        let body = json!({"client_ids": [client], "rationale": "It fits.", "costs": costs});
        house
            .ask(Method::POST, &format!("/v1/portfolios/{id}/recommendations"), |request| {
                request.header("If-Match", "\"1\"").header("Idempotency-Key", "k-1").json(&body)
            })
            .await
    };
    let first = ask("0.01").await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (202, "\"2\""));
    // Prices that came in between change the figures, not the answer.
    house.asset("KO", &[("2024-01-02", "60")]).await;
    // However the number is spelt.
    is_the_first_answer_again(&first, &ask("0.010").await);
    let path = format!("/v1/portfolios/{id}/recommendations");
    let body = json!({"client_ids": [client], "rationale": "It fits."});
    let stale = house.ask(Method::POST, &path, |request| {
        request.header("If-Match", "\"1\"").header("Idempotency-Key", unique("k")).json(&body)
    });
    stale.await.is_problem(412, "stale");
}

/// Everything that an asset can be told twice, as what stands under it when it is told what it was before.
#[tokio::test]
async fn a_request_that_found_all_to_be_so_has_no_effect_after_somebody_elses() {
    let house = House::open().await;
    house.asset("AAPL", &[("2024-01-02", "10"), ("2024-01-03", "11")]).await;
    let cash = json!({"id": "CASH", "name": "Cash", "currency": "USD", "class": "cash"});
    house.post("/v1/assets", "cash", &cash).await.created();
    let rating = |class: &str| json!({"class": class, "reason": "as every year"});
    let interest = |rate: &str| json!({"from": "2024-01-02", "rate": rate, "reason": "the bank has decided"});
    let correction =
        |close: &str| json!({"source": "Ana", "reason": "a slip", "bars": [{"date": "2024-01-03", "close": close}]});
    let split = |new: &str| json!({"source": "Ana", "date": "2024-01-03", "new_units": new, "old_units": "1"});
    let payment = |amount: &str| json!({"source": "Ana", "ex_date": "2024-01-03", "amount": amount});
    let delisting = |date: &str| json!({"date": date, "reason": "taken over"});
    let wishes = [
        ("/v1/assets/AAPL/ratings", rating("moderate"), rating("aggressive")),
        ("/v1/assets/CASH/interest", interest("0.05"), interest("0.04")),
        ("/v1/assets/AAPL/corrections", correction("12"), correction("13")),
        ("/v1/assets/AAPL/splits", split("4"), split("5")),
        ("/v1/assets/AAPL/dividends", payment("0.2"), payment("0.3")),
        ("/v1/assets/AAPL/delisting", delisting("2024-01-05"), delisting("2024-01-08")),
    ];
    for (path, wish, others) in wishes {
        assert_eq!(house.post(path, "first", &wish).await.status, 200, "{path}");
        let so_already = house.post(path, "k-1", &wish).await;
        assert_eq!(so_already.status, 200, "{so_already:?}");
        assert_eq!(house.post(path, "others", &others).await.status, 200, "{path}");
        let before = house.written().await;
        is_the_first_answer_again(&so_already, &house.post(path, "k-1", &wish).await);
        house.post(path, "k-1", &others).await.is_problem(422, "idempotency-key-reused");
        assert_eq!(house.written().await, before, "{path}");
    }
}

#[tokio::test]
async fn an_asset_that_is_listed_again_exactly_so_was_there_already_for_ever() {
    let house = House::open().await;
    let listed = json!({"id": "KO", "name": "Coca-Cola", "currency": "USD"});
    assert_eq!(house.post("/v1/assets", "k-1", &listed).await.status, 201);
    let again = house.post("/v1/assets", "k-2", &listed).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (200, "/v1/assets/KO"));
    let version = again.header("etag").to_owned();
    let edited = json!({"name": "The Coca-Cola Company", "reason": "its name"});
    assert_eq!(house.change(Method::PUT, "/v1/assets/KO", &version, &edited).await.status, 200);
    is_the_first_answer_again(&again, &house.post("/v1/assets", "k-2", &listed).await);
    house.post("/v1/assets", "k-3", &listed).await.is_problem(409, "asset-already-listed");
}

#[tokio::test]
async fn many_callers_who_say_what_is_known_under_one_key_have_said_it_once() {
    const CALLERS: usize = 64;
    let house = House::open().await;
    house.asset("KO", &[]).await;
    let body = json!({"class": "moderate", "reason": "as every year"});
    assert_eq!(house.post("/v1/assets/KO/ratings", "first", &body).await.status, 200);
    let before = house.written().await;
    let another = house.another().await;
    let answers = join_all((0..CALLERS).map(|caller| {
        let address = if caller % 2 == 0 { &house.address } else { &another };
        house.post_at(address, "/v1/assets/KO/ratings", "k-1", &body)
    }))
    .await;
    let first = &answers[0];
    assert!(answers.iter().all(|answer| (answer.status.as_u16(), &answer.body) == (200, &first.body)), "{answers:?}");
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
    assert_eq!(replayed, CALLERS - 1);
    assert_eq!(house.written().await.market(), before.market() + 1);
}

#[tokio::test]
async fn who_tells_of_an_asset_may_name_the_version_that_they_saw() {
    let house = House::open().await;
    house.asset("KO", &[("2024-01-02", "60")]).await;
    let rate = async |version: &str, key: &str, class: &str| {
        let body = json!({"class": class, "reason": "as every year"});
        let path = "/v1/assets/KO/ratings";
        let request =
            |request: reqwest::RequestBuilder| request.header("If-Match", version).header("Idempotency-Key", key);
        house.ask(Method::POST, path, |asked| request(asked).json(&body)).await
    };
    let seen = rate("\"2\"", "k-1", "moderate").await;
    assert_eq!((seen.status.as_u16(), seen.header("etag")), (200, "\"3\""));
    let before = house.written().await;
    rate("\"2\"", "k-2", "aggressive").await.is_problem(412, "stale");
    rate("3", "k-3", "aggressive").await.is_problem(400, "if-match-invalid");
    is_the_first_answer_again(&seen, &rate("\"2\"", "k-1", "moderate").await);
    assert_eq!(house.written().await, before);
    let nobody = house.ask(Method::POST, "/v1/assets/NONE/ratings", |request| {
        let body = json!({"class": "moderate", "reason": "as every year"});
        request.header("If-Match", "\"1\"").header("Idempotency-Key", "k-4").json(&body)
    });
    nobody.await.is_problem(404, "asset-unknown");
}

#[tokio::test]
async fn whoever_exchanges_their_token_and_asks_again_is_the_same_caller() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.portfolio(&advisor).await;
    let body = portfolio(&advisor);
    let compose = async |token: &str| {
        house
            .ask_as_stranger(Method::POST, "/v1/portfolios", |request| {
                request.bearer_auth(token).header("Idempotency-Key", "k-1").json(&body)
            })
            .await
    };
    let role = Role::Advisor(AdvisorId::parse(&advisor).unwrap());
    let first = compose(&token(&house, role, Scope::Write).await).await;
    first.created();
    // Another token, and one of an account, under which the same advisor logs in.
    is_the_first_answer_again(&first, &compose(&token(&house, role, Scope::Write).await).await);
    let of_account = token_of_account(&house, role, "ana@firm.example").await;
    is_the_first_answer_again(&first, &compose(&of_account).await);

    // Of administrators each account is one caller, and a token behind which nobody stands another.
    let one = token_of_account(&house, Role::Admin, "root@firm.example").await;
    let of_admin = compose(&one).await;
    assert_ne!(of_admin.created(), first.created());
    assert!(!of_admin.headers.contains_key("idempotent-replayed"));
    let of_nobody = [token(&house, Role::Admin, Scope::Write).await, token(&house, Role::Admin, Scope::Write).await];
    let mut ids = vec![first.created(), of_admin.created()];
    for token in &of_nobody {
        ids.push(compose(token).await.created());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    // Who acted is still what was presented: the token, not whoever stands behind it.
    let versions = house.get_now(&format!("{}/versions", first.header("location"))).await;
    let actor = versions.body["items"][0]["actor"].as_str().unwrap();
    assert!(actor.starts_with("advisor:") && !actor.ends_with(&advisor), "{actor}");
}
