//! Who asks in the matrix, and what they ask about: all of it there, with an owner.

use events::values::{AdvisorId, EmailAddress};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use testbed::eventually;
use uuid::Uuid;
use vault::{Maker, Role, Scope, TokenMade, TokenWish};

use super::About;
use crate::api::browser::Browser;
use crate::api::cast::{Cast, advisor_of, token};
use crate::api::house::{Answer, House, halves, unique};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Stranger,
    Admin,
    AdminReading,
    /// Ana, by a token of her account. All that is asked about is hers.
    Owner,
    OwnerReading,
    /// Ana, by a browser in which she is logged in.
    OwnerBrowsing,
    /// The same browser, without the word by which its page shows that it meant the request.
    OwnerLured,
    /// An advisor of Ana's firm.
    Colleague,
    /// An advisor of another firm.
    Outsider,
    /// An advisor who was suspended.
    Suspended,
    Compliance,
    ComplianceReading,
}

impl Caller {
    pub const ALL: [Self; 12] = [
        Self::Stranger,
        Self::Admin,
        Self::AdminReading,
        Self::Owner,
        Self::OwnerReading,
        Self::OwnerBrowsing,
        Self::OwnerLured,
        Self::Colleague,
        Self::Outsider,
        Self::Suspended,
        Self::Compliance,
        Self::ComplianceReading,
    ];

    pub fn is_owner(self) -> bool {
        matches!(self, Self::Owner | Self::OwnerReading | Self::OwnerBrowsing | Self::OwnerLured)
    }

    pub fn is_admin(self) -> bool {
        matches!(self, Self::Admin | Self::AdminReading)
    }

    pub fn is_compliance(self) -> bool {
        matches!(self, Self::Compliance | Self::ComplianceReading)
    }

    pub fn only_reads(self) -> bool {
        matches!(self, Self::AdminReading | Self::OwnerReading | Self::ComplianceReading)
    }
}

/// The callers' credentials, and what they ask about.
pub struct Stage {
    pub cast: Cast,
    account: Uuid,
    owner: String,
    owner_reads: String,
    browser: Browser,
    outsider: String,
    suspended: String,
    admin_reads: String,
    compliance_reads: String,
    refused: String,
    model: String,
    backtest: String,
    /// One for each time that somebody may end one.
    tokens: Vec<Uuid>,
    accounts: Vec<Uuid>,
    /// The one that was asked about last.
    session: Option<Uuid>,
}

impl Stage {
    /// The stage, with so many tokens and accounts to ask about.
    pub async fn set(subjects: usize) -> Self {
        let cast = Cast::assemble().await;
        let house = &cast.house;
        let role = cast.ana.role();
        let account = account(house, role).await;
        let owner = token_of(house, account, role, Scope::Write).await;
        let owner_reads = token_of(house, account, role, Scope::Read).await;
        let outsider = advisor_of(house, "Eva Lima", "Outra Casa").await;
        let outsider = token(house, Role::Advisor(AdvisorId::parse(&outsider).unwrap()), Scope::Write).await;
        let suspended = suspended(house).await;
        let admin_reads = token(house, Role::Admin, Scope::Read).await;
        let compliance_reads = token(house, Role::Compliance, Scope::Read).await;
        let refused = cast.refused_by_ana().await;
        let (model, backtest) = (model(&cast).await, backtest(&cast).await);
        let (mut tokens, mut accounts) = (Vec::new(), Vec::new());
        for _ in 0..subjects {
            tokens.push(made_token(house, account, role, Scope::Write).await.0);
            accounts.push(self::account(house, Role::Compliance).await);
        }
        let browser = Browser::opened(house, account).await;
        Self {
            account,
            owner,
            owner_reads,
            browser,
            outsider,
            suspended,
            admin_reads,
            compliance_reads,
            refused,
            model,
            backtest,
            tokens,
            accounts,
            session: None,
            cast,
        }
    }

    /// The path about what is Ana's. What somebody may end is another one each time.
    pub async fn path(&mut self, template: &str, about: About) -> String {
        let ana = &self.cast.ana;
        let id = match about {
            About::Nobody => "AAPL".to_owned(),
            About::Advisor => ana.id.clone(),
            About::Client => ana.client.clone(),
            About::Portfolio => ana.portfolio.clone(),
            About::Recommendation => ana.recommendation.clone(),
            About::Refused => self.refused.clone(),
            About::Model => self.model.clone(),
            About::Token => self.tokens.pop().expect("a token for each cell").to_string(),
            About::Account => self.accounts.pop().expect("an account for each cell").to_string(),
            About::Job => self.job().await,
            About::Session => self.another_session().await,
        };
        template
            .replace("{id}", &id)
            .replace("{code}", "stale")
            .replace("{version}", "1")
            .replace("{backtest}", &self.backtest)
            .replace("{stream}", "advisory")
    }

    /// The answer to a request by this caller.
    pub async fn ask(
        &self,
        caller: Caller,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let (house, cast) = (&self.cast.house, &self.cast);
        let token = match caller {
            Caller::Stranger => return house.ask_as_stranger(method, path, complete).await,
            Caller::OwnerBrowsing => return self.browser.ask(house, method, path, complete).await,
            Caller::OwnerLured => {
                let cookie = &self.browser.cookie;
                return house.ask_as_stranger(method, path, |it| complete(it.header("Cookie", cookie))).await;
            }
            Caller::Admin => &house.token,
            Caller::AdminReading => &self.admin_reads,
            Caller::Owner => &self.owner,
            Caller::OwnerReading => &self.owner_reads,
            Caller::Colleague => &cast.rui.token,
            Caller::Outsider => &self.outsider,
            Caller::Suspended => &self.suspended,
            Caller::Compliance => &cast.compliance,
            Caller::ComplianceReading => &self.compliance_reads,
        };
        cast.ask_by(token, method, path, complete).await
    }

    /// Logs Ana's browser in again, after a request that may have ended its session.
    pub async fn log_in_again(&mut self) {
        self.browser = Browser::opened(&self.cast.house, self.account).await;
    }

    /// A session of Ana's beside that of her browser.
    async fn another_session(&mut self) -> String {
        let (vault, now) = (&self.cast.house.vault, Timestamp::now());
        // An account has so many at once, and the oldest would be the browser's.
        if let Some(last) = self.session.take() {
            assert!(vault.end_session_of(self.account, last, now).await.unwrap());
        }
        let id = vault.open_session(self.account, now).await.unwrap().id;
        self.session = Some(id);
        id.to_string()
    }

    /// A job that Ana has asked for. It has ended: so many at once are hers, and a busy machine is slow.
    async fn job(&self) -> String {
        let body = json!({"assets": ["AAPL", "MSFT"], "points": 2});
        let asked = self
            .ask(Caller::Owner, Method::POST, "/v1/frontier", |it| it.header("Prefer", "respond-async").json(&body))
            .await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let path = asked.header("location");
        eventually("the end of a job", async || {
            let told = self.ask(Caller::Owner, Method::GET, path, |it| it).await.body;
            (told["state"] == "done").then_some(())
        })
        .await;
        asked.body["id"].as_str().unwrap().to_owned()
    }
}

async fn account(house: &House, role: Role) -> Uuid {
    let id = Uuid::new_v4();
    let email = EmailAddress::parse(&format!("{id}@firm.example")).unwrap();
    house.vault.create_account(id, &email, role, Timestamp::now()).await.unwrap();
    id
}

async fn token_of(house: &House, account: Uuid, role: Role, scope: Scope) -> String {
    made_token(house, account, role, scope).await.1
}

/// The id and the secret of a new token of the account.
async fn made_token(house: &House, account: Uuid, role: Role, scope: Scope) -> (Uuid, String) {
    let (id, maker) = (Uuid::new_v4(), Maker::Operator);
    let wish = TokenWish { id, account: Some(account), role, scope, label: "a test", request: None, maker };
    match house.vault.make_token(&wish, Timestamp::now(), SignedDuration::from_hours(1)).await.unwrap() {
        TokenMade::New(token) => (id, token.secret),
        other => panic!("{other:?}"),
    }
}

/// A token of an advisor who may not advise.
async fn suspended(house: &House) -> String {
    let id = advisor_of(house, "Sol Reis", "Casa Verde").await;
    let suspend = json!({"standing": "suspended", "reason": "the register says so"});
    let done = house.change(Method::PUT, &format!("/v1/advisors/{id}/standing"), "\"1\"", &suspend).await;
    assert_eq!(done.status, 200, "{done:?}");
    token(house, Role::Advisor(AdvisorId::parse(&id).unwrap()), Scope::Write).await
}

/// A model that Ana has composed for her firm.
async fn model(cast: &Cast) -> String {
    let body = json!({
        "advisor": cast.ana.id, "name": "House view", "currency": "USD", "allocation": halves("AAPL", "MSFT"),
        "model": true,
    });
    cast.house.post("/v1/portfolios", &unique("model"), &body).await.created()
}

/// A recorded backtest of Ana's portfolio.
async fn backtest(cast: &Cast) -> String {
    let path = format!("/v1/portfolios/{}/backtests", cast.ana.portfolio);
    let terms = json!({"rebalancing": "none"});
    cast.house.get_now("/v1/assets").await;
    let shown = cast.house.ask(Method::POST, &path, |request| request.json(&terms)).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let body = json!({
        "portfolio_version": shown.body["portfolio_version"], "prices_position": shown.body["prices_position"],
        "fingerprint": shown.body["fingerprint"], "terms": terms,
    });
    cast.house.post(&format!("{path}/records"), &unique("k"), &body).await.created()
}
