//! Tokens: shown once, scoped, and dead everywhere at once when they are revoked.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use vault::{LINE_MAX, Maker, Role, Scope, TokenMade, TokenWish};

use super::cast::Cast;
use super::house::{House, unique};

#[tokio::test]
async fn a_revoked_token_is_dead_in_every_process_when_the_answer_is_there() {
    const ROUNDS: usize = 10;
    const CALLERS: usize = 8;
    let house = House::open().await;
    let another = house.another().await;
    for round in 0..ROUNDS {
        let body = json!({"label": "to be revoked", "valid_days": 1});
        let made = house.post("/v1/tokens", &unique("token"), &body).await;
        let (id, secret) = (made.created(), made.body["secret"].as_str().unwrap().to_owned());
        let status =
            async |address: &str| house.get_with_token_at(address, "/v1/advisors", &secret).await.status.as_u16();
        // Both processes know it, and are busy with it while it is revoked.
        assert_eq!((status(&house.address).await, status(&another).await), (200, 200));
        let path = format!("/v1/tokens/{id}");
        let busy = join_all((0..CALLERS).map(|n| {
            let address = if n % 2 == 0 { &house.address } else { &another };
            let status = &status;
            async move {
                for _ in 0..10 {
                    status(address).await;
                }
            }
        }));
        let revoke = async {
            assert_eq!(house.ask(Method::DELETE, &path, |request| request).await.status, 204);
            (status(&house.address).await, status(&another).await)
        };
        let (after, _) = tokio::join!(revoke, busy);
        assert_eq!(after, (401, 401), "round {round}");
        assert_eq!(house.ask(Method::DELETE, &path, |request| request).await.status, 204, "again changes nothing");
    }
}

#[tokio::test]
async fn a_token_that_an_operator_revokes_by_hand_is_dead_within_a_lease() {
    let house = House::open().await;
    assert_eq!(house.get("/v1/advisors").await.status, 200);
    sqlx::query("update vault.tokens set revoked_at = now()").execute(&house.pool).await.unwrap();
    testbed::eventually("the token's end", async || (house.get("/v1/advisors").await.status == 401).then_some(()))
        .await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_a_key_makes_one_token() {
    let house = House::open().await;
    let body = json!({"label": "The nightly export", "scope": "read", "valid_days": 90});
    let first = house.post("/v1/tokens", "k-1", &body).await;
    let secret = first.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("ins_"), "{secret}");
    let again = house.post("/v1/tokens", "k-1", &body).await;
    assert_eq!((again.created(), &again.body["secret"]), (first.created(), &Value::Null));
    assert_eq!(again.body["expires_at"], first.body["expires_at"]);
    assert_eq!(house.get(first.header("location")).await.body["label"], json!("The nightly export"));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = json!({"label": "Another", "scope": "read", "valid_days": 90});
    house.post("/v1/tokens", "k-1", &other).await.is_problem(422, "idempotency-key-reused");
    let listed = house.get("/v1/tokens?limit=1").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    let listed = house.get(&format!("/v1/tokens?cursor={}", listed.body["next"].as_str().unwrap())).await;
    let token = &listed.body["items"][0];
    assert_eq!((&token["id"], &token["scope"]), (&json!(first.created()), &json!("read")));
    assert!(!listed.body.to_string().contains(secret));
    for days in [0, 367] {
        let refused = house.post("/v1/tokens", &unique("k"), &json!({"label": "x", "valid_days": days})).await;
        refused.is_problem(422, "invalid-body");
    }
}

#[tokio::test]
async fn nobody_makes_or_revokes_what_is_beyond_their_role() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let mine = json!({"label": "mine", "valid_days": 1});
    let made = cast.post_by(&ana.token, "/v1/tokens", &mine).await;
    let secret = made.body["secret"].as_str().unwrap().to_owned();
    let current = cast.get_by(&secret, "/v1/sessions/current").await;
    assert_eq!((&current.body["role"], &current.body["advisor"]), (&json!("advisor"), &json!(ana.id)));
    for wish in [
        json!({"label": "x", "valid_days": 1, "role": "admin"}),
        json!({"label": "x", "valid_days": 1, "role": "compliance"}),
        json!({"label": "x", "valid_days": 1, "role": "advisor", "advisor": rui.id}),
        json!({"label": "x", "valid_days": 1, "advisor": rui.id}),
    ] {
        let refused = cast.post_by(&ana.token, "/v1/tokens", &wish).await;
        assert!(matches!(refused.status.as_u16(), 403 | 422), "{wish}: {refused:?}");
        assert_eq!(refused.body.get("secret"), None);
    }
    cast.post_by(&cast.ana_reads, "/v1/tokens", &mine).await.is_problem(403, "forbidden");
    let path = format!("/v1/tokens/{}", made.created());
    for stranger in [&rui.token, &cast.compliance] {
        cast.ask_by(stranger, Method::DELETE, &path, |request| request).await.is_problem(404, "token-unknown");
    }
    let listed = async |by: &str| cast.get_by(by, "/v1/tokens").await.body.to_string();
    assert!(!listed(&rui.token).await.contains(&made.created()));
    cast.get_by(&rui.token, &path).await.is_problem(404, "token-unknown");
    // Compliance reads everything, but no secret.
    let seen = listed(&cast.compliance).await;
    assert!(seen.contains(&made.created()) && !seen.contains(&secret), "{seen}");
    assert_eq!(cast.get_by(&cast.compliance, &path).await.body["label"], json!("mine"));
    assert_eq!(cast.get_by(&secret, "/v1/portfolios").await.status, 200);
    let wish = json!({"label": "for Rui", "valid_days": 1, "role": "advisor", "advisor": rui.id});
    let of_rui = cast.post_by(&cast.house.token, "/v1/tokens", &wish).await;
    let seen = cast.get_by(of_rui.body["secret"].as_str().unwrap(), "/v1/portfolios").await;
    assert_eq!(seen.body["items"][0]["id"], json!(rui.portfolio));
}

/// The id, secret and place of a token that is made by the bearer of another.
async fn made_with(house: &House, token: &str, wish: &Value) -> (String, String, String) {
    let made = house
        .ask_as_stranger(Method::POST, "/v1/tokens", |request| {
            request.bearer_auth(token).header("Idempotency-Key", unique("k")).json(wish)
        })
        .await;
    let secret = made.body["secret"].as_str().expect("a new token shows its secret").to_owned();
    (made.created(), secret, made.header("location").to_owned())
}

#[tokio::test]
async fn what_a_token_makes_ends_with_it_in_every_process() {
    let house = House::open().await;
    let (advisor, another) = (house.advisor().await, house.another().await);
    let year = json!({"label": "for a year", "valid_days": 366});
    let of_advisor = json!({"label": "a program", "valid_days": 1, "role": "advisor", "advisor": advisor});
    let (parent, secret, _) = made_with(&house, &house.token, &of_advisor).await;
    let (child, of_child, path) = made_with(&house, &secret, &year).await;
    let (grandchild, of_grandchild, _) = made_with(&house, &of_child, &year).await;

    let get = async |path: &str, token: &str| house.get_with_token_at(&house.address, path, token).await;
    let shown = get(&path, &secret).await;
    assert_eq!((shown.status.as_u16(), &shown.body["made_with"]), (200, &json!(parent)), "{shown:?}");
    assert_eq!(shown.body["made_by"], json!(format!("advisor:{parent}")));
    let itself = get(&format!("/v1/tokens/{parent}"), &secret).await;
    assert_eq!(shown.body["expires_at"], itself.body["expires_at"], "not after the token that it was made with");
    let end_of_admin = house.get("/v1/sessions/current").await.body["expires_at"].clone();
    assert_eq!(shown.body["expires_at"], end_of_admin, "nor after the one before");
    let ids = async |token: &str| -> Vec<Value> {
        let listed = get("/v1/tokens", token).await.body["items"].as_array().unwrap().clone();
        listed.into_iter().map(|item| item["id"].clone()).collect()
    };
    assert_eq!(ids(&secret).await, [json!(parent), json!(child), json!(grandchild)], "whoever made it sees it");
    assert_eq!(ids(&of_child).await, [json!(child), json!(grandchild)]);
    get(&format!("/v1/tokens/{parent}"), &of_child).await.is_problem(404, "token-unknown");

    let statuses = async || {
        let mut all = Vec::new();
        for address in [&house.address, &another] {
            for token in [&secret, &of_child, &of_grandchild] {
                all.push(house.get_with_token_at(address, "/v1/portfolios", token).await.status.as_u16());
            }
        }
        all
    };
    assert_eq!(statuses().await, [200; 6]);
    let revoke = async |id: &str, token: &str| {
        let path = format!("/v1/tokens/{id}");
        house.ask_as_stranger(Method::DELETE, &path, |request| request.bearer_auth(token)).await.status.as_u16()
    };
    assert_eq!(revoke(&parent, &of_child).await, 404);
    assert_eq!(revoke(&grandchild, &secret).await, 204, "by whom it was made, over two steps");
    assert_eq!(statuses().await, [200, 200, 401, 200, 200, 401]);
    assert_eq!(revoke(&parent, &house.token).await, 204);
    assert_eq!(statuses().await, [401; 6]);
}

#[tokio::test]
async fn a_token_ends_with_the_account_whose_token_made_it_and_by_an_operator_s_own_statement() {
    let house = House::open().await;
    let (account, now) = (uuid::Uuid::new_v4(), Timestamp::now());
    let email = events::values::EmailAddress::parse("root@firm.example").unwrap();
    house.vault.create_account(account, &email, Role::Admin, now).await.unwrap();
    let (id, maker) = (uuid::Uuid::new_v4(), Maker::Operator);
    let (role, scope, label) = (Role::Admin, Scope::Write, "an administrator's own");
    let wish = TokenWish { id, account: Some(account), role, scope, label, request: None, maker };
    let TokenMade::New(of_admin) = house.vault.make_token(&wish, now, SignedDuration::from_hours(1)).await.unwrap()
    else {
        panic!("it is new");
    };
    let advisor = house.advisor().await;
    let wish = json!({"label": "for Ana", "valid_days": 1, "role": "advisor", "advisor": advisor});
    let (_, by_account, _) = made_with(&house, &of_admin.secret, &wish).await;
    let (first, by_token, _) = made_with(&house, &house.token, &wish).await;
    let (_, below, _) = made_with(&house, &by_token, &json!({"label": "x", "valid_days": 1})).await;
    let status = async |token: &str| house.get_with_token_at(&house.address, "/v1/portfolios", token).await.status;
    assert_eq!((status(&by_account).await.as_u16(), status(&below).await.as_u16()), (200, 200));
    assert_eq!(house.ask(Method::DELETE, &format!("/v1/accounts/{account}"), |request| request).await.status, 204);
    assert_eq!((status(&by_account).await.as_u16(), status(&below).await.as_u16()), (401, 200));
    // By a row that is not there any more, too.
    let first = uuid::Uuid::parse_str(&first).unwrap();
    sqlx::query("delete from vault.tokens where id = $1").bind(first).execute(&house.pool).await.unwrap();
    testbed::eventually("the end of what it made", async || (status(&below).await == 401).then_some(())).await;
}

#[tokio::test]
async fn tokens_make_each_other_only_so_often_in_a_row() {
    let house = House::open().await;
    let wish = json!({"label": "the next", "valid_days": 1});
    let mut token = house.token.clone();
    for _ in 0..LINE_MAX {
        token = made_with(&house, &token, &wish).await.1;
    }
    let before = house.written().await;
    let refused = house
        .ask_as_stranger(Method::POST, "/v1/tokens", |request| {
            request.bearer_auth(&token).header("Idempotency-Key", unique("k")).json(&wish)
        })
        .await;
    refused.is_problem(403, "forbidden");
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn an_expired_token_is_nobody_s_even_where_it_is_remembered() {
    let house = House::open().await;
    let (now, moment) = (Timestamp::now(), SignedDuration::from_millis(1_500));
    let token = house.vault.create_token(Role::Admin, "short", now, moment).await.unwrap();
    let status = async || house.get_with_token_at(&house.address, "/v1/advisors", &token.secret).await.status;
    assert_eq!(status().await, 200);
    testbed::eventually("its end", async || (status().await == 401).then_some(())).await;
    assert!(Timestamp::now() >= now + moment, "not before its time");
}

#[tokio::test]
async fn what_was_made_for_an_advisor_is_answered_again_after_they_were_suspended() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    let token = json!({"label": "a program", "valid_days": 1, "role": "advisor", "advisor": advisor});
    let account = json!({"email": "ana@firm.example", "role": "advisor", "advisor": advisor});
    let wishes = [("/v1/tokens", &token, "secret"), ("/v1/accounts", &account, "invitation")];
    let mut made = Vec::new();
    for (path, body, secret) in wishes {
        let first = house.post(path, "k-1", body).await;
        assert!(first.body[secret].is_string(), "{first:?}");
        made.push(first.created());
    }
    let suspend = json!({"standing": "suspended", "reason": "the register says so"});
    let path = format!("/v1/advisors/{advisor}/standing");
    assert_eq!(house.change(Method::PUT, &path, "\"1\"", &suspend).await.status, 200);

    for ((path, body, secret), id) in wishes.into_iter().zip(made) {
        let again = house.post(path, "k-1", body).await;
        assert_eq!((again.created(), again.header("idempotent-replayed")), (id, "true"), "{path}");
        assert_eq!(again.body[secret], Value::Null, "{path}");
        house.post(path, "k-2", body).await.is_problem(409, "advisor-not-active");
        let mut other = body.clone();
        for (field, value) in [("label", "another"), ("email", "eva@firm.example")] {
            if body.get(field).is_some() {
                other[field] = json!(value);
            }
        }
        house.post(path, "k-1", &other).await.is_problem(422, "idempotency-key-reused");
    }
}

#[tokio::test]
async fn tokens_are_narrowed_to_a_role_a_scope_and_how_they_stand() {
    let cast = Cast::assemble().await;
    let secret_of = |made: &super::house::Answer| made.body["secret"].as_str().unwrap().to_owned();
    let wish = json!({"label": "x", "valid_days": 1});
    let parent = cast.post_by(&cast.compliance, "/v1/tokens", &wish).await;
    let child =
        cast.post_by(&secret_of(&parent), "/v1/tokens", &json!({"label": "y", "valid_days": 1, "scope": "read"})).await;
    let listed = async |query: &str| {
        let listed = cast.get_by(&cast.compliance, &format!("/v1/tokens?limit=100&{query}")).await;
        let items = listed.body["items"].as_array().unwrap().clone();
        items.into_iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (parent_id, child_id) = (parent.created(), child.created());
    let all = listed("").await;
    let mut by_role = Vec::new();
    for role in ["admin", "advisor", "compliance"] {
        by_role.extend(listed(&format!("role={role}")).await);
    }
    by_role.sort();
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(by_role, sorted, "each has one role");
    assert!(listed("role=compliance&scope=read").await == [child_id.clone()], "one of compliance only reads");
    assert!(listed("role=advisor&scope=read").await.len() == 1, "Ana's, that only reads");
    assert_eq!(listed("standing=active").await, all);
    assert!(listed("standing=ended").await.is_empty());
    // What was made with it ends with it, although nobody revoked that.
    let path = format!("/v1/tokens/{parent_id}");
    assert_eq!(cast.house.ask(Method::DELETE, &path, |request| request).await.status, 204);
    assert_eq!(listed("standing=ended").await, [parent_id, child_id.clone()]);
    assert_eq!(listed("standing=active").await.len(), all.len() - 2);
    let shown = cast.get_by(&cast.compliance, &format!("/v1/tokens/{child_id}")).await.body;
    assert_eq!((&shown["standing"], &shown["revoked_at"]), (&json!("ended"), &Value::Null));
    for query in ["role=boss", "scope=all", "standing=good"] {
        cast.get_by(&cast.compliance, &format!("/v1/tokens?{query}")).await.is_problem(400, "invalid-parameter");
    }
}
