//! Who calls, in tests of access: one of each role, and two advisors who must not see each other's things.

use std::time::Duration;

use api::Limits;
use events::values::{AdvisorId, EmailAddress};
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, JournalSettings};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
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
        let recommending = Recommending::begin(&house).await;
        house.asset("AAPL", &[("2024-01-02", "185"), ("2024-01-03", "184"), ("2024-01-04", "182")]).await;
        house.asset("MSFT", &[("2024-01-02", "370"), ("2024-01-03", "371"), ("2024-01-04", "368")]).await;
        let ana = Advisor::at_work(&house, "Ana Souza").await;
        let rui = Advisor::at_work(&house, "Rui Costa").await;
        recommending.end().await;
        let compliance = token(&house, Role::Compliance, Scope::Write).await;
        let ana_reads = token(&house, ana.role(), Scope::Read).await;
        Self { house, ana, rui, compliance, ana_reads }
    }

    /// A recommendation of Ana's portfolio that is refused: the client has no profile.
    pub async fn refused_by_ana(&self) -> String {
        let recommending = Recommending::begin(&self.house).await;
        let client = self.house.client(&self.ana.id).await;
        let refused = recommended(&self.house, &self.ana.portfolio, "\"2\"", &client).await;
        recommending.end().await;
        let shown = self.house.get_now(&format!("/v1/recommendations/{refused}")).await;
        assert_eq!(shown.body["standing"], "refused", "{shown:?}");
        refused
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
        let id = advisor_of(house, name, "Casa Verde").await;
        let client = house.client(&id).await;
        let profile = json!({"class": "aggressive", "reason": "as agreed"});
        let path = format!("/v1/clients/{client}/suitability");
        let assessed = house.change(Method::PUT, &path, "\"1\"", &profile).await;
        assert_eq!(assessed.status, 200, "{assessed:?}");
        let body = json!({
            "advisor": id, "name": "Growth", "currency": "USD", "allocation": halves("AAPL", "MSFT"),
        });
        let portfolio = house.post("/v1/portfolios", &unique("portfolio"), &body).await.created();
        let recommendation = recommended(house, &portfolio, "\"1\"", &client).await;
        let role = Role::Advisor(AdvisorId::parse(&id).unwrap());
        Self { token: token(house, role, Scope::Write).await, id, client, portfolio, recommendation }
    }
}

/// The role that makes recommendations, at work.
struct Recommending {
    stop: CancellationToken,
    role: JoinHandle<()>,
}

impl Recommending {
    async fn begin(house: &House) -> Self {
        let stop = CancellationToken::new();
        let settings = JournalSettings::new(house.nats.urls(), "/insights/recommend");
        let role = recommender::run(Journal::connect(&settings).await.unwrap(), Timestamp::now, stop.clone());
        Self { stop, role: tokio::spawn(async move { role.await.unwrap() }) }
    }

    async fn end(self) {
        self.stop.cancel();
        self.role.await.unwrap();
    }
}

/// The id of a new advisor of this firm.
pub async fn advisor_of(house: &House, name: &str, firm: &str) -> String {
    let body = json!({"name": name, "firm": firm});
    house.post("/v1/advisors", &unique("advisor"), &body).await.created()
}

/// The id of the recommendation of this version of the portfolio to the client, once it is made.
async fn recommended(house: &House, portfolio: &str, version: &str, client: &str) -> String {
    let body = json!({"client_ids": [client], "rationale": "It fits."});
    let asked = house
        .ask(Method::POST, &format!("/v1/portfolios/{portfolio}/recommendations"), |request| {
            request.header("If-Match", version).header("Idempotency-Key", unique("k")).json(&body)
        })
        .await;
    assert_eq!(asked.status, 202, "{asked:?}");
    testbed::eventually("the recommendation", async || {
        let listed = house.get(&format!("/v1/recommendations?client={client}")).await;
        listed.body["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await
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
