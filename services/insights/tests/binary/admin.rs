//! `insights admin`: the first accounts of a new instance, made by hand, with which people then log in.

use insights::instance::Instance;
use insights::private::Folder;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::instance::up;
use crate::{ended, insights, interrupt};

const PASSWORD: &str = "a password that is long";

async fn post(url: &str, path: &str, body: &Value) -> Response {
    Client::new().post(format!("{url}{path}")).json(body).send().await.unwrap()
}

/// The word that stands after this one at the beginning of a line.
#[track_caller]
fn after<'a>(word: &str, said: &'a str) -> &'a str {
    let line = said.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no {word}: {said}"));
    line.split_whitespace().nth(1).unwrap()
}

#[tokio::test]
async fn an_operator_makes_the_first_accounts_and_their_owners_log_in() {
    // Fails only where another test of this binary was first, with the same one.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let folder = Folder::temporary().unwrap();
    let running = up(folder.path()).await;
    let url = Instance::running(&folder.path().join(".insights")).unwrap().url;
    let admin = async |arguments: &[&str]| ended(&mut insights(folder.path(), &[&["admin"], arguments].concat())).await;
    let choose = async |invitation: &str, email: Option<&str>| {
        let mut body = json!({"invitation": invitation, "password": PASSWORD});
        if let Some(email) = email {
            body["email"] = json!(email);
        }
        post(&url, "/v1/passwords", &body).await.status().as_u16()
    };
    let role_of = async |email: &str| {
        let answer = post(&url, "/v1/sessions", &json!({"email": email, "password": PASSWORD})).await;
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["role"].clone())
    };

    // Each token of the set-up replaces the one before.
    let (well, first, complained) = admin(&["setup-token"]).await;
    assert!(well, "{complained}");
    let (well, second, complained) = admin(&["setup-token"]).await;
    assert!(well, "{complained}");
    assert_eq!(choose(first.trim(), Some("root@firm.example")).await, 404);
    assert_eq!(choose(second.trim(), Some("root@firm.example")).await, 200);
    assert_eq!(role_of("root@firm.example").await, (201, json!("admin")));
    let (well, _, complained) = admin(&["setup-token"]).await;
    assert!(!well && complained.contains("there is an administrator already"), "{complained}");

    let ana = ["create-advisor", "--name", "Ana Souza", "--firm", "Casa Verde", "--email", "ana@firm.example"];
    let (well, said, complained) = admin(&ana).await;
    assert!(well, "{complained}");
    // Given twice it makes nobody twice, and the newer invitation is the good one.
    let (well, again, complained) = admin(&ana).await;
    assert!(well, "{complained}");
    assert_eq!(
        (after("advisor", &said), after("account", &said)),
        (after("advisor", &again), after("account", &again))
    );
    assert_eq!(choose(after("invitation", &said), None).await, 404);
    assert_eq!(choose(after("invitation", &again), None).await, 200);
    assert_eq!(role_of("ana@firm.example").await, (201, json!("advisor")));

    let rui = ["create-account", "--role", "compliance", "--email", "rui@firm.example"];
    let (well, said, complained) = admin(&rui).await;
    assert!(well, "{complained}");
    assert_eq!(choose(after("invitation", &said), None).await, 200);
    assert_eq!(role_of("rui@firm.example").await, (201, json!("compliance")));
    // Where that account was closed, the address gets another one.
    let root = post(&url, "/v1/sessions", &json!({"email": "root@firm.example", "password": PASSWORD})).await;
    let cookie = root.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let word = root.json::<Value>().await.unwrap()["csrf_token"].as_str().unwrap().to_owned();
    let closing = Client::new().delete(format!("{url}/v1/accounts/{}", after("account", &said)));
    let closed = closing.header("Cookie", cookie).header("Insights-CSRF", word).send().await.unwrap();
    assert_eq!(closed.status(), 204);
    let (well, anew, complained) = admin(&rui).await;
    assert!(well, "{complained}");
    assert_ne!(after("account", &said), after("account", &anew));
    assert_eq!(role_of("rui@firm.example").await.0, 401);
    assert_eq!(choose(after("invitation", &anew), None).await, 200);
    assert_eq!(role_of("rui@firm.example").await, (201, json!("compliance")));

    for (arguments, because) in [
        (&["create-account", "--role", "admin", "--email", "ana@firm.example"][..], "another account has this address"),
        (&["create-account", "--role", "advisor", "--email", "eva@firm.example"], "needs --advisor"),
        (&["create-account", "--role", "admin", "--email", "nobody"], "is no address"),
        (&["create-account", "--role", "king", "--email", "eva@firm.example"], "invalid value"),
    ] {
        let (well, _, complained) = admin(arguments).await;
        assert!(!well && complained.contains(because), "{arguments:?}: {complained}");
    }
    assert!(interrupt(running).await.success());
}
