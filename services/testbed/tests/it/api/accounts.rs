//! Accounts over the years: closed, made anew under the same address, corrected.

use reqwest::Method;
use serde_json::{Value, json};
use vault::Role;

use super::browser::{Browser, PASSWORD, account_of_ana, choose, log_in};
use super::cast::token_of_account;
use super::house::{Answer, House, unique};

/// The account corrected as it is now, whatever that is.
async fn correct(house: &House, account: &str, body: &Value) -> Answer {
    let path = format!("/v1/accounts/{account}");
    let shown = house.get(&path).await;
    let version = shown.headers.get("etag").map_or("\"1\"", |tag| tag.to_str().unwrap()).to_owned();
    house.change(Method::PUT, &path, &version, body).await
}

#[tokio::test]
async fn who_changes_an_account_names_the_version_they_saw_and_a_key_has_its_first_answer() {
    let house = House::open().await;
    let (account, advisor) = account_of_ana(&house).await;
    let path = format!("/v1/accounts/{account}");
    let put = async |path: &str, key: &str, version: &str, body: &Value| {
        house
            .ask(Method::PUT, path, |request| {
                request.header("Idempotency-Key", key).header("If-Match", version).json(body)
            })
            .await
    };
    let (compliance, as_it_was) = (json!({"role": "compliance"}), json!({"role": "advisor", "advisor": advisor}));
    let no_version = house.ask(Method::PUT, &path, |request| request.json(&compliance)).await;
    no_version.is_problem(428, "if-match-missing");
    let first = put(&path, "k-1", "\"1\"", &compliance).await;
    assert_eq!((first.status.as_u16(), first.header("etag"), &first.body["version"]), (200, "\"2\"", &json!(2)));
    put(&path, "k-2", "\"1\"", &as_it_was).await.is_problem(412, "stale");
    assert_eq!(put(&path, "k-2", "\"2\"", &as_it_was).await.header("etag"), "\"3\"");
    // Whatever others have said since.
    let again = put(&path, "k-1", "\"1\"", &compliance).await;
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&first.body, "true"), "{again:?}");
    assert_eq!((again.header("etag"), &house.get(&path).await.body["role"]), ("\"2\"", &json!("advisor")));
    put(&path, "k-1", "\"3\"", &json!({"role": "admin"})).await.is_problem(422, "idempotency-key-reused");

    let invitation = format!("{path}/invitation");
    let invited = put(&invitation, "k-1", "\"3\"", &json!({})).await;
    assert_eq!((invited.status.as_u16(), invited.header("etag")), (200, "\"4\""), "{invited:?}");
    let again = put(&invitation, "k-1", "\"3\"", &json!({})).await;
    assert_eq!((again.header("idempotent-replayed"), &again.body["invitation"]), ("true", &Value::Null));
    put(&invitation, "k-2", "\"3\"", &json!({})).await.is_problem(412, "stale");
    assert_eq!(choose(&house, invited.body["invitation"].as_str().unwrap(), None).await.status, 200);
}

#[tokio::test]
async fn the_address_of_a_closed_account_is_free_for_a_new_one() {
    let house = House::open().await;
    let (first, _) = account_of_ana(&house).await;
    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let wish = json!({"email": "ANA@firm.example", "role": "compliance"});
    house.post("/v1/accounts", "k-2", &wish).await.is_problem(409, "email-taken");
    let closed = house.ask(Method::DELETE, &format!("/v1/accounts/{first}"), |request| request).await;
    assert_eq!(closed.status, 204, "{closed:?}");

    let made = house.post("/v1/accounts", "k-2", &wish).await;
    let second = made.created();
    assert_ne!(second, first);
    log_in(&house, "ana@firm.example", PASSWORD).await.is_problem(401, "login-refused");
    assert_eq!(choose(&house, made.body["invitation"].as_str().unwrap(), None).await.status, 200);
    let login = log_in(&house, "ana@firm.example", PASSWORD).await;
    assert_eq!((&login.body["account"], &login.body["role"]), (&json!(second), &json!("compliance")));
    ana.get(&house, "/v1/clients").await.is_problem(401, "unauthenticated");
    // The closed one stays as it was, with its key; an address has one open account still.
    let shown = house.get(&format!("/v1/accounts/{first}")).await.body;
    assert_eq!((&shown["email"], &shown["role"]), (&json!("ana@firm.example"), &json!("advisor")));
    assert_ne!(shown["closed_at"], Value::Null);
    house.post("/v1/accounts", "k-3", &wish).await.is_problem(409, "email-taken");
    assert_eq!(house.post("/v1/accounts", "k-2", &wish).await.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn a_corrected_account_has_lost_what_was_given_under_its_old_role_in_every_process() {
    let house = House::open().await;
    let another = house.another().await;
    let (account, advisor) = account_of_ana(&house).await;
    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let wish = json!({"label": "mine", "valid_days": 1});
    let made = ana.change(&house, Method::POST, "/v1/tokens", &wish).await;
    let token = made.body["secret"].as_str().unwrap().to_owned();
    let child = house
        .ask_as_stranger(Method::POST, "/v1/tokens", |request| {
            request.bearer_auth(&token).header("Idempotency-Key", unique("k")).json(&wish)
        })
        .await;
    let child = child.body["secret"].as_str().unwrap().to_owned();
    let beside = token_of_account(&house, Role::Compliance, "eva@firm.example").await;
    let statuses = async || {
        let mut all = Vec::new();
        for address in [&house.address, &another] {
            all.push(house.get_at(address, "/v1/portfolios", &ana.cookie).await.status.as_u16());
            for token in [&token, &child, &beside] {
                all.push(house.get_with_token_at(address, "/v1/portfolios", token).await.status.as_u16());
            }
        }
        all
    };
    assert_eq!(statuses().await, [200; 8]);

    // What it is already ends nothing.
    let same = correct(&house, &account, &json!({"role": "advisor", "advisor": advisor})).await;
    assert_eq!((same.status.as_u16(), &same.body["role"]), (200, &json!("advisor")), "{same:?}");
    assert_eq!(statuses().await, [200; 8]);
    let corrected = correct(&house, &account, &json!({"role": "compliance"})).await;
    assert_eq!(statuses().await, [401, 401, 401, 200, 401, 401, 401, 200]);
    assert_eq!((corrected.status.as_u16(), &corrected.body["advisor"]), (200, &Value::Null), "{corrected:?}");
    assert_eq!(corrected.body, house.get(&format!("/v1/accounts/{account}")).await.body);
    let login = log_in(&house, "ana@firm.example", PASSWORD).await;
    assert_eq!((&login.body["role"], &login.body["advisor"]), (&json!("compliance"), &Value::Null));

    // From one advisor to another: who was Ana's is Rui's, and sees no more of Ana.
    let rui = house.advisor().await;
    let eva = Browser::of(&login);
    let corrected = correct(&house, &account, &json!({"role": "advisor", "advisor": rui})).await;
    assert_eq!((corrected.status.as_u16(), &corrected.body["advisor"]), (200, &json!(rui)), "{corrected:?}");
    eva.get(&house, "/v1/clients").await.is_problem(401, "unauthenticated");
    let login = log_in(&house, "ana@firm.example", PASSWORD).await;
    assert_eq!(login.body["advisor"], json!(rui));
    // Nothing given under an old role comes back with it.
    correct(&house, &account, &json!({"role": "advisor", "advisor": advisor})).await;
    assert_eq!(statuses().await, [401, 401, 401, 200, 401, 401, 401, 200]);
    // The request that made the account has its first answer still.
    let body = json!({"email": "Ana@firm.example", "role": "advisor", "advisor": advisor});
    correct(&house, &account, &json!({"role": "compliance"})).await;
    let again = house.post("/v1/accounts", "account-1", &body).await;
    assert_eq!((again.created(), again.header("idempotent-replayed")), (account, "true"));
}

#[tokio::test]
async fn what_no_account_can_be_is_not_made_of_one() {
    let house = House::open().await;
    let (account, advisor) = account_of_ana(&house).await;
    let nobody = "132e374d-2bfb-5564-814d-e201e6e41209";
    for (body, status, code) in [
        (json!({"role": "advisor"}), 422, "invalid-body"),
        (json!({"role": "admin", "advisor": advisor}), 422, "invalid-body"),
        (json!({"role": "advisor", "advisor": "Ana"}), 422, "invalid-body"),
        (json!({"role": "compliance", "email": "new@firm.example"}), 422, "invalid-body"),
        (json!({"role": "advisor", "advisor": nobody}), 422, "no-such-advisor"),
    ] {
        correct(&house, &account, &body).await.is_problem(status, code);
    }
    let admin = json!({"role": "admin"});
    for absent in [nobody, "x"] {
        correct(&house, absent, &admin).await.is_problem(404, "account-unknown");
    }
    assert_eq!(house.ask(Method::DELETE, &format!("/v1/accounts/{account}"), |it| it).await.status, 204);
    correct(&house, &account, &admin).await.is_problem(404, "account-unknown");
    assert_eq!(house.get(&format!("/v1/accounts/{account}")).await.body["role"], "advisor");
}

#[tokio::test]
async fn what_an_administrator_made_for_others_ends_with_their_account() {
    for closed in [true, false] {
        let house = House::open().await;
        let advisor = house.advisor().await;
        let made = house.post("/v1/accounts", "k-1", &json!({"email": "eva@firm.example", "role": "admin"})).await;
        let account = made.created();
        assert_eq!(choose(&house, made.body["invitation"].as_str().unwrap(), None).await.status, 200);
        let eva = Browser::of(&log_in(&house, "eva@firm.example", PASSWORD).await);
        let mut secrets = Vec::new();
        for role in [json!({"role": "advisor", "advisor": advisor}), json!({"role": "compliance"})] {
            let mut wish = json!({"label": "a program", "valid_days": 366});
            wish.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
            let made = eva.change(&house, Method::POST, "/v1/tokens", &wish).await;
            secrets.push(made.body["secret"].as_str().unwrap().to_owned());
        }
        let status =
            async |token: &str| house.get_with_token_at(&house.address, "/v1/portfolios", token).await.status.as_u16();
        for secret in &secrets {
            assert_eq!(status(secret).await, 200);
        }
        let ended = match closed {
            true => house.ask(Method::DELETE, &format!("/v1/accounts/{account}"), |request| request).await,
            false => correct(&house, &account, &json!({"role": "compliance"})).await,
        };
        assert!(ended.status.is_success(), "{ended:?}");
        for secret in &secrets {
            assert_eq!(status(secret).await, 401, "closed: {closed}");
        }
    }
}
