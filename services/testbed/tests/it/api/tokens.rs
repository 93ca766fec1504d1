//! Tokens: shown once, scoped, and dead everywhere at once when they are revoked.

use futures::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

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
    let began = std::time::Instant::now();
    testbed::eventually("the token's end", async || (house.get("/v1/advisors").await.status == 401).then_some(()))
        .await;
    assert!(began.elapsed().as_millis() < 1_000, "{:?}", began.elapsed());
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
        let listed = cast.get_by(stranger, "/v1/tokens").await;
        assert!(!listed.body.to_string().contains(&made.created()));
    }
    assert_eq!(cast.get_by(&secret, "/v1/portfolios").await.status, 200);
    let wish = json!({"label": "for Rui", "valid_days": 1, "role": "advisor", "advisor": rui.id});
    let of_rui = cast.post_by(&cast.house.token, "/v1/tokens", &wish).await;
    let seen = cast.get_by(of_rui.body["secret"].as_str().unwrap(), "/v1/portfolios").await;
    assert_eq!(seen.body["items"][0]["id"], json!(rui.portfolio));
}

#[tokio::test]
async fn an_expired_token_is_nobody_s_even_where_it_is_remembered() {
    let house = House::open().await;
    let (now, moment) = (Timestamp::now(), jiff::SignedDuration::from_millis(1_500));
    let token = house.vault.create_token(vault::Role::Admin, "short", now, moment).await.unwrap();
    let status = async || house.get_with_token_at(&house.address, "/v1/advisors", &token.secret).await.status;
    assert_eq!(status().await, 200);
    testbed::eventually("its end", async || (status().await == 401).then_some(())).await;
    assert!(Timestamp::now() >= now + moment, "not before its time");
}
