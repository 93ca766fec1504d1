//! Logging in and out: accounts, invitations, cookies, and what keeps strangers from guessing.

use std::time::{Duration, Instant};

use api::{Edge, Limits};
use events::values::EmailAddress;
use futures::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use vault::Role;

use super::browser::{Browser, PASSWORD, account_of_ana, choose, log_in};
use super::house::{Answer, House, unique};

#[tokio::test]
async fn the_first_administrator_sets_the_house_up_and_invites_an_advisor() {
    let house = House::open().await;
    let setup = house.vault.setup_token(Timestamp::now()).await.unwrap().unwrap();
    let nameless = choose(&house, &setup, None).await;
    nameless.is_problem(422, "invalid-body");
    assert_eq!(nameless.errors()[0].0, "#/email");
    assert_eq!(choose(&house, &setup, Some("root@firm.example")).await.status, 200);
    choose(&house, &setup, Some("evil@firm.example")).await.is_problem(404, "invitation-unknown");
    assert_eq!(house.vault.setup_token(Timestamp::now()).await.unwrap(), None, "there is an administrator now");

    let admin = Browser::of(&log_in(&house, "ROOT@firm.example", PASSWORD).await);
    let body = json!({"name": "Ana Souza", "firm": "Casa Verde"});
    let advisor = admin.change(&house, Method::POST, "/v1/advisors", &body).await.created();
    let body = json!({"email": "ana@firm.example", "role": "advisor", "advisor": advisor});
    let made = admin.change(&house, Method::POST, "/v1/accounts", &body).await;
    let account = made.created();
    assert_eq!(choose(&house, made.body["invitation"].as_str().unwrap(), None).await.status, 200);

    let login = log_in(&house, "ana@firm.example", PASSWORD).await;
    let ana = Browser::of(&login);
    let current = ana.get(&house, login.header("location")).await;
    assert_eq!(current.body, login.body);
    for (name, value) in [("role", "advisor"), ("advisor", &advisor), ("account", &account), ("credential", "session")]
    {
        assert_eq!(current.body[name], value, "{current:?}");
    }
    ana.change(&house, Method::POST, "/v1/accounts", &body).await.is_problem(403, "forbidden");
    let body = json!({"advisor": advisor, "name": "José da Silva", "email": "jose@client.example"});
    let client = ana.change(&house, Method::POST, "/v1/clients", &body).await.created();
    let listed = house.get_now("/v1/clients").await;
    assert_eq!(listed.body["items"][0]["id"], client);
    // The account is the actor: logging in again is the same caller, so that a key holds from one day to the next.
    let again = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    assert_ne!(again.cookie, ana.cookie);
    assert_eq!(again.get(&house, "/v1/sessions/current").await.body["actor"], login.body["actor"]);
}

#[tokio::test]
async fn a_cookie_alone_reads_and_changes_nothing() {
    let house = House::open().await;
    account_of_ana(&house).await;
    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    assert_eq!(ana.get(&house, "/v1/portfolios").await.status, 200);
    let before = house.written().await;
    let body = json!({"label": "mine", "valid_days": 1});
    for (name, value) in [("X-Nothing", "x"), ("Insights-CSRF", "guess"), ("Insights-CSRF", &ana.cookie)] {
        let answer = house
            .ask_as_stranger(Method::POST, "/v1/tokens", |request| {
                request.header("Cookie", &ana.cookie).header("Idempotency-Key", "k").header(name, value).json(&body)
            })
            .await;
        answer.is_problem(403, "csrf-token-missing");
    }
    let from_elsewhere = house
        .ask_as_stranger(Method::POST, "/v1/tokens", |request| {
            let request = request.header("Cookie", &ana.cookie).header("Insights-CSRF", &ana.csrf);
            request.header("Sec-Fetch-Site", "cross-site").header("Idempotency-Key", "k").json(&body)
        })
        .await;
    from_elsewhere.is_problem(403, "csrf-token-missing");
    assert_eq!(house.written().await, before);
    assert_eq!(ana.change(&house, Method::POST, "/v1/tokens", &body).await.status, 201);
    // The secret of a session is no token, and a token is no session.
    let secret = ana.cookie.split_once('=').unwrap().1;
    let as_token = house.ask_as_stranger(Method::GET, "/v1/portfolios", |request| request.bearer_auth(secret)).await;
    as_token.is_problem(401, "unauthenticated");
    let cookie = format!("__Host-insights-session={}", house.token);
    let as_session = house.ask_as_stranger(Method::GET, "/v1/portfolios", |request| request.header("Cookie", cookie));
    as_session.await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_cookie_is_never_taken_from_another_site() {
    const PUBLIC: &str = "https://insights.example";
    let house = House::open().await;
    account_of_ana(&house).await;
    let behind = house.another_within(Limits::default(), Edge::new(&[PUBLIC.to_owned()], &[]).unwrap()).await;
    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let body = json!({"label": "mine", "valid_days": 1});
    let said = |header: (&'static str, String)| {
        let ana = &ana;
        let body = &body;
        let house = &house;
        async move {
            let read = ana.ask(house, Method::GET, "/v1/clients", |it| it.header(header.0, &header.1)).await;
            let changed = ana
                .ask(house, Method::POST, "/v1/tokens", |it| {
                    it.header(header.0, &header.1).header("Idempotency-Key", unique("k")).json(body)
                })
                .await;
            (read, changed)
        }
    };
    let before = house.written().await;
    for foreign in [
        ("Origin", "https://elsewhere.example"),
        ("Origin", "null"),
        ("Origin", PUBLIC),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let (read, changed) = said((foreign.0, foreign.1.to_owned())).await;
        read.is_problem(401, "unauthenticated");
        changed.is_problem(403, "csrf-token-missing");
    }
    assert_eq!(house.written().await, before);
    for own in [("Origin", house.address.clone()), ("Sec-Fetch-Site", "same-origin".to_owned())] {
        let (read, changed) = said(own).await;
        assert_eq!((read.status.as_u16(), changed.status.as_u16()), (200, 201), "{read:?} {changed:?}");
    }
    // Behind a proxy that writes another `Host`, the public origin is one of those that are listed.
    let listed = reqwest::Client::new().get(format!("{behind}/v1/clients")).header("Cookie", &ana.cookie);
    assert_eq!(listed.header("Origin", PUBLIC).send().await.unwrap().status(), 200);
    // Who comes with a token comes from wherever they like: no browser adds it by itself.
    let by_token =
        house.ask(Method::GET, "/v1/clients", |request| request.header("Origin", "https://elsewhere.example"));
    assert_eq!(by_token.await.status, 200);
}

#[tokio::test]
async fn whoever_is_logged_in_sees_where_else_and_ends_it_there() {
    let house = House::open().await;
    account_of_ana(&house).await;
    let another = house.another().await;
    let laptop = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let phone = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let root = account_of(&house, "root@firm.example").await;
    let root = Browser::opened(&house, root).await;
    let listed = laptop.get(&house, "/v1/sessions").await;
    let items = listed.body["items"].as_array().unwrap();
    assert_eq!((items.len(), &listed.body["next"]), (2, &Value::Null), "{listed:?}");
    assert_eq!((&items[0]["current"], &items[1]["current"]), (&json!(true), &json!(false)));
    let current = laptop.get(&house, "/v1/sessions/current").await.body;
    assert_eq!(items[0]["expires_at"], current["expires_at"]);
    assert!(items[0]["created_at"].as_str() <= items[1]["created_at"].as_str(), "the oldest first");
    for browser in [&laptop, &phone] {
        let secret = browser.cookie.split_once('=').unwrap().1;
        assert!(!listed.body.to_string().contains(secret), "an id is no secret, and the secret is not told");
    }

    let of_phone = format!("/v1/sessions/{}", items[1]["id"].as_str().unwrap());
    let end = async |browser: &Browser, path: &str| browser.change(&house, Method::DELETE, path, &json!({})).await;
    // Another account's is not there, whoever asks: an administrator closes the account.
    for answer in [end(&root, &of_phone).await, house.ask(Method::DELETE, &of_phone, |request| request).await] {
        answer.is_problem(404, "session-unknown");
    }
    for nobody_s in ["/v1/sessions/132e374d-2bfb-5564-814d-e201e6e41209", "/v1/sessions/x"] {
        end(&laptop, nobody_s).await.is_problem(404, "session-unknown");
    }
    assert_eq!(house.get("/v1/sessions").await.body["items"], json!([]), "a token beside all accounts has none");
    let statuses = async || {
        let mut all = Vec::new();
        for address in [&house.address, &another] {
            for browser in [&laptop, &phone] {
                all.push(house.get_at(address, "/v1/portfolios", &browser.cookie).await.status.as_u16());
            }
        }
        all
    };
    assert_eq!(statuses().await, [200; 4]);
    let ended = end(&laptop, &of_phone).await;
    assert_eq!((ended.status.as_u16(), ended.headers.contains_key("set-cookie")), (204, false), "{ended:?}");
    assert_eq!(statuses().await, [200, 401, 200, 401]);
    assert_eq!(end(&laptop, &of_phone).await.status, 204, "again changes nothing");

    let listed = laptop.get(&house, "/v1/sessions").await;
    let [own] = listed.body["items"].as_array().unwrap().as_slice() else { panic!("{listed:?}") };
    let ended = end(&laptop, &format!("/v1/sessions/{}", own["id"].as_str().unwrap())).await;
    assert!(ended.header("set-cookie").contains("Max-Age=0"), "the browser forgets what has ended");
    assert_eq!(statuses().await, [401; 4]);
}

/// An administrator's account.
async fn account_of(house: &House, email: &str) -> uuid::Uuid {
    let id = uuid::Uuid::new_v4();
    let email = EmailAddress::parse(email).unwrap();
    house.vault.create_account(id, &email, Role::Admin, Timestamp::now()).await.unwrap();
    id
}

#[tokio::test]
async fn whoever_logs_out_is_out_in_every_process_at_once() {
    let house = House::open().await;
    account_of_ana(&house).await;
    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let another = house.another().await;
    let at_another = async || house.get_at(&another, "/v1/portfolios", &ana.cookie).await.status.as_u16();
    assert_eq!((ana.get(&house, "/v1/portfolios").await.status.as_u16(), at_another().await), (200, 200));
    let out = ana.change(&house, Method::DELETE, "/v1/sessions/current", &json!({})).await;
    assert_eq!(out.status, 204, "{out:?}");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(at_another().await, 401);
    ana.get(&house, "/v1/portfolios").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_of_the_old_one_and_a_closed_account_ends_all() {
    let house = House::open().await;
    let (account, _) = account_of_ana(&house).await;
    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let invite = async || {
        let path = format!("/v1/accounts/{account}");
        let version = house.get(&path).await.header("etag").to_owned();
        house.ask(Method::PUT, &format!("{path}/invitation"), |request| request.header("If-Match", version)).await
    };
    let first = invite().await.body["invitation"].as_str().unwrap().to_owned();
    let second = invite().await.body["invitation"].as_str().unwrap().to_owned();
    choose(&house, &first, None).await.is_problem(404, "invitation-unknown");
    assert_eq!(ana.get(&house, "/v1/clients").await.status, 200, "nothing has been chosen yet");
    assert_eq!(choose(&house, &second, None).await.status, 200);
    ana.get(&house, "/v1/clients").await.is_problem(401, "unauthenticated");

    let ana = Browser::of(&log_in(&house, "ana@firm.example", PASSWORD).await);
    let body = json!({"label": "mine", "valid_days": 1});
    let made = ana.change(&house, Method::POST, "/v1/tokens", &body).await;
    let token = made.body["secret"].as_str().unwrap().to_owned();
    // What a log-in makes stands by itself, and ends later.
    let shown = ana.get(&house, made.header("location")).await.body;
    assert_eq!((&shown["made_with"], &shown["made_by"]), (&Value::Null, &json!(format!("advisor:{account}"))));
    let (now, expires_at) = (Timestamp::now(), shown["expires_at"].as_str().unwrap().parse::<Timestamp>().unwrap());
    assert!(expires_at > now + jiff::SignedDuration::from_hours(23), "{expires_at}");
    let by_token =
        async || house.ask_as_stranger(Method::GET, "/v1/clients", |request| request.bearer_auth(&token)).await;
    assert_eq!(by_token().await.status, 200);
    let path = format!("/v1/accounts/{account}");
    assert_eq!(house.ask(Method::DELETE, &path, |request| request).await.status, 204);
    by_token().await.is_problem(401, "unauthenticated");
    ana.get(&house, "/v1/clients").await.is_problem(401, "unauthenticated");
    log_in(&house, "ana@firm.example", PASSWORD).await.is_problem(401, "login-refused");
    assert_eq!(invite().await.status, 404);
    assert_ne!(house.get(&path).await.body["closed_at"], Value::Null);
}

#[tokio::test]
async fn an_address_that_nobody_can_have_is_refused_as_any_other() {
    let house = House::open().await;
    for email in ["a\u{0}@firm.example", "\u{0}", "", "no address", "\u{fffd}\u{202e}@x"] {
        log_in(&house, email, PASSWORD).await.is_problem(401, "login-refused");
    }
}

#[tokio::test]
async fn guessing_is_locked_out_and_learns_nothing_of_who_is_there() {
    let house = House::open().await;
    account_of_ana(&house).await;
    let told = |answer: &Answer| {
        let mut body = answer.body.clone();
        body.as_object_mut().unwrap().remove("trace_id");
        (answer.status.as_u16(), body)
    };
    let emails = ["ana@firm.example", "nobody@firm.example"];
    let mut answers = [const { Vec::new() }; 2];
    let mut quickest = [Duration::MAX; 2];
    // In turns, so that what else the machine does slows both alike.
    for _ in 0..5 {
        for (n, email) in emails.into_iter().enumerate() {
            let began = Instant::now();
            let answer = log_in(&house, email, "wrong horse battery").await;
            quickest[n] = quickest[n].min(began.elapsed());
            answer.is_problem(401, "login-refused");
            answers[n].push(told(&answer));
        }
    }
    for (n, email) in emails.into_iter().enumerate() {
        let locked = log_in(&house, email, PASSWORD).await;
        locked.is_problem(429, "login-locked");
        let wait: u64 = locked.header("retry-after").parse().unwrap();
        assert!((1..=31).contains(&wait), "{wait} s");
        answers[n].push(told(&locked));
    }
    assert_eq!(answers[0], answers[1]);
    // A hash is computed in both cases. Without it, one would be answered in a small part of the time.
    let [known, unknown] = quickest;
    assert!(known < unknown * 5 && unknown < known * 5, "{known:?} and {unknown:?}");
}

#[tokio::test]
async fn many_guesses_at_once_are_not_more_than_one_after_the_other() {
    const GUESSES: usize = 64;
    let house = House::with(Limits { logins_per_minute: 1_000, ..Limits::default() }, true).await;
    account_of_ana(&house).await;
    let guesses = (0..GUESSES).map(|n| {
        let house = &house;
        async move { log_in(house, "ana@firm.example", &format!("wrong horse {n:04}")).await }
    });
    let answers = join_all(guesses).await;
    let with = |code: &str| answers.iter().filter(|a| a.body["type"] == format!("/problems/{code}")).count();
    assert_eq!((with("login-refused"), with("login-locked")), (5, GUESSES - 5));
}

#[tokio::test]
async fn tries_from_one_address_have_a_quota() {
    let house = House::with(Limits { logins_per_minute: 3, ..Limits::default() }, false).await;
    for n in 0..3 {
        log_in(&house, &format!("nobody-{n}@firm.example"), PASSWORD).await.is_problem(401, "login-refused");
    }
    let answer = log_in(&house, "nobody-9@firm.example", PASSWORD).await;
    answer.is_problem(429, "too-many-requests");
    assert_eq!(answer.header("ratelimit-policy"), "\"logins\";q=3;w=60");
    assert!(answer.header("ratelimit").starts_with("\"logins\";r=0;t="), "{answer:?}");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait} s");
    choose(&house, "insi_x", None).await.is_problem(429, "too-many-requests");
}

#[tokio::test]
async fn each_caller_has_a_quota_and_is_told_how_much_is_left() {
    let house = House::with(Limits { requests_per_minute: 3, ..Limits::default() }, true).await;
    for left in [2, 1, 0] {
        let answer = house.get("/v1/advisors").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"requests\";q=3;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"requests\";r={left};t=")), "{answer:?}");
    }
    let answer = house.get("/v1/advisors").await;
    answer.is_problem(429, "too-many-requests");
    assert!(Duration::from_secs(answer.header("retry-after").parse().unwrap()) <= Duration::from_secs(20));
    let another = super::cast::token(&house, vault::Role::Admin, vault::Scope::Write).await;
    let other = house.ask_as_stranger(Method::GET, "/v1/advisors", |request| request.bearer_auth(another)).await;
    assert_eq!(other.status, 200, "one caller's quota is not another's");
}

#[tokio::test]
async fn more_tokens_are_no_larger_quota_and_no_more_streams() {
    const REQUESTS: u32 = 40;
    let house = House::with(Limits { requests_per_minute: REQUESTS, ..Limits::default() }, true).await;
    let advisor = house.advisor().await;
    let role = vault::Role::Advisor(events::values::AdvisorId::parse(&advisor).unwrap());
    let mut tokens = vec![super::cast::token(&house, role, vault::Scope::Write).await];
    for _ in 1..4 {
        tokens.push(super::cast::token(&house, role, vault::Scope::Write).await);
    }
    let get = async |token: &str, accept: &'static str| {
        let client = reqwest::Client::new().get(format!("{}/v1/events", house.address)).bearer_auth(token);
        client.header("Accept", accept).send().await.unwrap()
    };
    let mut streams = Vec::new();
    for token in tokens.iter().cycle().take(8) {
        streams.push(get(token, "text/event-stream").await);
    }
    assert!(streams.iter().all(|stream| stream.status() == 200), "{streams:?}");
    assert_eq!(get(&tokens[0], "text/event-stream").await.status(), 503, "eight are open already");
    let mut granted = 9;
    while get(&tokens[granted % 4], "application/json").await.status() == 200 {
        granted += 1;
    }
    // Some time has passed meanwhile, and given a part of the quota back.
    assert!(granted < 2 * usize::try_from(REQUESTS).unwrap(), "{granted} requests");
}
