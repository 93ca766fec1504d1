//! People in front of browsers: invited, logged in, with the cookie and the word that every change repeats.

use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::house::{Answer, House, unique};

pub const PASSWORD: &str = "correct horse battery";

/// A browser that is logged in.
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

impl Browser {
    pub fn of(login: &Answer) -> Self {
        assert_eq!(login.status, 201, "{login:?}");
        let set = login.header("set-cookie");
        for attribute in ["__Host-insights-session=inss_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
            assert!(set.contains(attribute), "{attribute}: {set}");
        }
        let cookie = set.split(';').next().unwrap().to_owned();
        Self { cookie, csrf: login.body["csrf_token"].as_str().unwrap().to_owned() }
    }

    /// A browser with a new session of the account, as after a log-in.
    pub async fn opened(house: &House, account: Uuid) -> Self {
        let secret = house.vault.open_session(account, Timestamp::now()).await.unwrap().secret;
        let cookie = format!("__Host-insights-session={secret}");
        let shown = house.get_at(&house.address, "/v1/sessions/current", &cookie).await;
        Self { cookie, csrf: shown.body["csrf_token"].as_str().unwrap().to_owned() }
    }

    /// The answer to a request that this browser's page means, completed so.
    pub async fn ask(
        &self,
        house: &House,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let meant = |it: RequestBuilder| it.header("Cookie", &self.cookie).header("Insights-CSRF", &self.csrf);
        house.ask_as_stranger(method, path, |request| complete(meant(request))).await
    }

    pub async fn get(&self, house: &House, path: &str) -> Answer {
        house.ask_as_stranger(Method::GET, path, |request| request.header("Cookie", &self.cookie)).await
    }

    pub async fn change(&self, house: &House, method: Method, path: &str, body: &Value) -> Answer {
        self.ask(house, method, path, |request| request.header("Idempotency-Key", unique("k")).json(body)).await
    }
}

pub async fn log_in(house: &House, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    house.ask_as_stranger(Method::POST, "/v1/sessions", |request| request.json(&body)).await
}

pub async fn choose(house: &House, invitation: &str, email: Option<&str>) -> Answer {
    let mut body = json!({"invitation": invitation, "password": PASSWORD});
    if let Some(email) = email {
        body["email"] = json!(email);
    }
    house.ask_as_stranger(Method::POST, "/v1/passwords", |request| request.json(&body)).await
}

/// The account's id, and that of the advisor whose it is.
pub async fn account_of_ana(house: &House) -> (String, String) {
    let advisor = house.advisor().await;
    let body = json!({"email": "Ana@firm.example", "role": "advisor", "advisor": advisor});
    let made = house.post("/v1/accounts", "account-1", &body).await;
    let id = made.created();
    let invitation = made.body["invitation"].as_str().unwrap();
    // The same request again makes nothing, and does not show the secret again.
    let again = house.post("/v1/accounts", "account-1", &body).await;
    assert_eq!((again.created(), &again.body["invitation"]), (id.clone(), &Value::Null));
    assert_eq!(again.header("idempotent-replayed"), "true");
    // Another request under the key is that, whether the address is free or not; the address is taken under any other key.
    for (email, role, of) in [("eva", "advisor", &json!(advisor)), ("ana", "compliance", &Value::Null)] {
        let other = json!({"email": format!("{email}@firm.example"), "role": role, "advisor": of});
        house.post("/v1/accounts", "account-1", &other).await.is_problem(422, "idempotency-key-reused");
    }
    house.post("/v1/accounts", "account-2", &body).await.is_problem(409, "email-taken");
    let chosen = choose(house, invitation, None).await;
    assert_eq!((chosen.status.as_u16(), &chosen.body["account"]), (200, &json!(id)), "{chosen:?}");
    choose(house, invitation, None).await.is_problem(404, "invitation-unknown");
    (id, advisor)
}
