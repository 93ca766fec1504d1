//! Who calls, in tests of access: one of each role, and two advisors who must not see each other's things.

use std::time::Duration;

use api::Limits;
use events::values::{AdvisorId, EmailAddress};
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, JournalSettings};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vault::{Maker, Role, Scope, TokenMade, TokenWish};

use super::house::{Answer, House, halves, unique};

/// A house in which Ana and Rui work beside each other.
pub struct Cast {
    pub house: House,
    pub ana: Advisor,
    pub rui: Advisor,
    pub compliance: String,
    /// A token of Ana's role that is for reading only.
    pub ana_reads: String,
}

/// An advisor with one of everything.
pub struct Advisor {
    pub token: String,
    pub id: String,
    pub client: String,
    pub portfolio: String,
    pub recommendation: String,
}

impl Cast {
    pub async fn assemble() -> Self {
        Self::within(Limits::default()).await
    }

    /// The cast in a house within these limits.
    pub async fn within(limits: Limits) -> Self {
        let house = House::with(limits, true).await;
        let stop = CancellationToken::new();
        let settings = JournalSettings::new(house.nats.urls(), "/insights/recommend");
        let journal = Journal::connect(&settings).await.unwrap();
        let recommending = tokio::spawn(recommender::run(journal, stop.clone()));
        house.asset("AAPL", &[("2024-01-02", "185"), ("2024-01-03", "184"), ("2024-01-04", "182")]).await;
        house.asset("MSFT", &[("2024-01-02", "370"), ("2024-01-03", "371"), ("2024-01-04", "368")]).await;
        let ana = Advisor::at_work(&house, "Ana Souza").await;
        let rui = Advisor::at_work(&house, "Rui Costa").await;
        stop.cancel();
        recommending.await.unwrap().unwrap();
        let compliance = token(&house, Role::Compliance, Scope::Write).await;
        let ana_reads = token(&house, ana.role(), Scope::Read).await;
        Self { house, ana, rui, compliance, ana_reads }
    }

    /// The answer to a request with this token.
    pub async fn ask_by(
        &self,
        token: &str,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        self.house.ask_as_stranger(method, path, |request| complete(request.bearer_auth(token))).await
    }

    pub async fn get_by(&self, token: &str, path: &str) -> Answer {
        self.ask_by(token, Method::GET, path, |request| request).await
    }

    pub async fn post_by(&self, token: &str, path: &str, body: &Value) -> Answer {
        let key = unique("k");
        self.ask_by(token, Method::POST, path, |request| request.header("Idempotency-Key", key).json(body)).await
    }
}

impl Advisor {
    pub fn role(&self) -> Role {
        Role::Advisor(AdvisorId::parse(&self.id).unwrap())
    }

    async fn at_work(house: &House, name: &str) -> Self {
        let body = json!({"name": name, "firm": "Casa Verde"});
        let id = house.post("/v1/advisors", &unique("advisor"), &body).await.created();
        let client = house.client(&id).await;
        let body = json!({
            "advisor": id, "name": "Growth", "currency": "USD", "allocation": halves("AAPL", "MSFT"),
        });
        let portfolio = house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
        let body = json!({"client_ids": [client], "rationale": "It fits."});
        let recommended = house
            .ask(Method::POST, &format!("/v1/portfolios/{portfolio}/recommendations"), |request| {
                request.header("If-Match", "\"1\"").header("Idempotency-Key", unique("k")).json(&body)
            })
            .await;
        assert_eq!(recommended.status, 202, "{recommended:?}");
        let path = recommended.header("location").to_owned();
        let recommendation = testbed::eventually("the recommendation", async || {
            let listed = house.get(&path).await;
            listed.body["items"][0]["id"].as_str().map(str::to_owned)
        })
        .await;
        let role = Role::Advisor(AdvisorId::parse(&id).unwrap());
        Self { token: token(house, role, Scope::Write).await, id, client, portfolio, recommendation }
    }
}

/// A new token of no account.
pub async fn token(house: &House, role: Role, scope: Scope) -> String {
    token_under(house, None, role, scope).await
}

/// A new token of a new account.
pub async fn token_of_account(house: &House, role: Role, email: &str) -> String {
    let (account, email) = (uuid::Uuid::new_v4(), EmailAddress::parse(email).unwrap());
    house.vault.create_account(account, &email, role, Timestamp::now()).await.unwrap();
    token_under(house, Some(account), role, Scope::Write).await
}

async fn token_under(house: &House, account: Option<uuid::Uuid>, role: Role, scope: Scope) -> String {
    let id = uuid::Uuid::new_v4();
    let maker = Maker::Operator;
    let wish = TokenWish { id, account, role, scope, label: "a test", request: None, maker };
    let hour = SignedDuration::try_from(Duration::from_secs(3_600)).unwrap();
    match house.vault.make_token(&wish, Timestamp::now(), hour).await.unwrap() {
        TokenMade::New(token) => token.secret,
        other => panic!("{other:?}"),
    }
}
