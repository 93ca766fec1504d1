//! Role x operation x owner: every operation of the document, asked by everybody, about what is theirs and what is not.

mod stage;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;

use self::stage::{Caller, Stage};
use super::cast::Cast;
use super::house::unique;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// Strangers too.
    Anybody,
    /// Every role.
    AnyRole,
    /// Admins, and advisors for what is theirs.
    Advise,
    /// Admins alone.
    Administer,
    /// Admins and compliance officers.
    Oversee,
    /// Compliance officers alone.
    Decide,
}

/// What the path's id names: something of Ana's that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// There is no id, or it is of something that belongs to nobody.
    Nobody,
    Advisor,
    Client,
    /// A portfolio, or a backtest of it.
    Portfolio,
    /// One that is open.
    Recommendation,
    /// One that a gate has refused.
    Refused,
    /// A portfolio that Ana composed for all of her firm.
    Model,
    /// A token of Ana's account.
    Token,
    /// Somebody's account: whose things it is about does not matter to those who look after accounts.
    Account,
    /// A job that Ana asked for.
    Job,
    /// A log-in of Ana's, on another machine than the one that she asks from.
    Session,
}

/// Every operation. One without a row fails the test; so does a row without an operation.
const ROWS: &[(&str, May, About)] = &[
    ("registerAdvisor", May::Administer, About::Nobody),
    ("listAdvisors", May::AnyRole, About::Nobody),
    ("getAdvisor", May::AnyRole, About::Advisor),
    ("editAdvisor", May::Administer, About::Advisor),
    ("changeAdvisorStanding", May::Administer, About::Advisor),
    ("editClient", May::Advise, About::Client),
    ("handClientOver", May::Administer, About::Client),
    ("removeClient", May::Advise, About::Client),
    ("assessSuitability", May::Advise, About::Client),
    ("getSuitability", May::AnyRole, About::Client),
    ("recordSplit", May::Administer, About::Nobody),
    ("recordDividend", May::Administer, About::Nobody),
    ("registerClient", May::Advise, About::Nobody),
    ("importClients", May::Advise, About::Nobody),
    ("listClients", May::AnyRole, About::Nobody),
    ("listClientReads", May::Decide, About::Client),
    ("getClient", May::AnyRole, About::Client),
    ("listAsset", May::Administer, About::Nobody),
    ("listAssets", May::AnyRole, About::Nobody),
    ("countAssets", May::AnyRole, About::Nobody),
    ("getAsset", May::AnyRole, About::Nobody),
    ("recordPrices", May::Administer, About::Nobody),
    ("correctPrices", May::Administer, About::Nobody),
    ("delistAsset", May::Administer, About::Nobody),
    ("withdrawAction", May::Administer, About::Nobody),
    ("rateAsset", May::Administer, About::Nobody),
    ("setInterest", May::Administer, About::Nobody),
    ("getInterest", May::AnyRole, About::Nobody),
    ("lookUpAssets", May::AnyRole, About::Nobody),
    ("getPrices", May::AnyRole, About::Nobody),
    ("getPriceQuality", May::AnyRole, About::Nobody),
    ("editAsset", May::Administer, About::Nobody),
    ("createPortfolio", May::Advise, About::Nobody),
    ("importPortfolios", May::Advise, About::Nobody),
    ("listPortfolios", May::AnyRole, About::Nobody),
    ("getPortfolio", May::AnyRole, About::Portfolio),
    ("renamePortfolio", May::Advise, About::Portfolio),
    ("reallocatePortfolio", May::Advise, About::Portfolio),
    ("setPortfolioPolicy", May::Advise, About::Portfolio),
    ("changePortfolioStanding", May::Advise, About::Portfolio),
    ("handPortfolioOver", May::Administer, About::Portfolio),
    ("copyPortfolio", May::Advise, About::Portfolio),
    ("changeSubscription", May::Advise, About::Portfolio),
    ("getSubscription", May::AnyRole, About::Portfolio),
    ("listModels", May::AnyRole, About::Nobody),
    ("getModel", May::AnyRole, About::Model),
    ("listPortfolioVersions", May::AnyRole, About::Portfolio),
    ("getPortfolioVersion", May::AnyRole, About::Portfolio),
    ("getPortfolioFigures", May::AnyRole, About::Portfolio),
    ("listFigures", May::AnyRole, About::Nobody),
    ("getPortfolioRollingFigures", May::AnyRole, About::Portfolio),
    ("listPortfolioEvents", May::AnyRole, About::Portfolio),
    ("recommendPortfolio", May::Advise, About::Portfolio),
    ("listPortfolioRecommendations", May::AnyRole, About::Portfolio),
    ("computePortfolioBacktest", May::AnyRole, About::Portfolio),
    ("recordBacktest", May::Advise, About::Portfolio),
    ("listBacktests", May::AnyRole, About::Portfolio),
    ("getBacktest", May::AnyRole, About::Portfolio),
    ("computeBacktest", May::AnyRole, About::Nobody),
    ("computeFrontier", May::AnyRole, About::Nobody),
    ("computeProjection", May::AnyRole, About::Nobody),
    ("getJob", May::AnyRole, About::Job),
    ("cancelJob", May::AnyRole, About::Job),
    ("listRecommendations", May::AnyRole, About::Nobody),
    ("getRecommendation", May::AnyRole, About::Recommendation),
    ("overrideGates", May::Decide, About::Refused),
    ("endRecommendation", May::Advise, About::Recommendation),
    ("logIn", May::Anybody, About::Nobody),
    ("choosePassword", May::Anybody, About::Nobody),
    ("getCurrentSession", May::AnyRole, About::Nobody),
    // Of all callers one has a session to end; the others have their role and are told that there is none.
    ("logOut", May::AnyRole, About::Nobody),
    ("listSessions", May::AnyRole, About::Nobody),
    ("endSession", May::AnyRole, About::Session),
    ("createToken", May::AnyRole, About::Nobody),
    ("listTokens", May::AnyRole, About::Nobody),
    ("getToken", May::AnyRole, About::Token),
    ("revokeToken", May::AnyRole, About::Token),
    ("createAccount", May::Administer, About::Nobody),
    ("listAccounts", May::Oversee, About::Nobody),
    ("getAccount", May::Oversee, About::Account),
    ("correctAccount", May::Administer, About::Account),
    ("closeAccount", May::Administer, About::Account),
    ("inviteAgain", May::Administer, About::Account),
    ("listEvents", May::AnyRole, About::Nobody),
    // Asked without a WebSocket it says that it is one, to whoever may have it.
    ("watchStream", May::AnyRole, About::Nobody),
    ("getHealth", May::Anybody, About::Nobody),
    ("getReadiness", May::Anybody, About::Nobody),
    ("listProblemTypes", May::Anybody, About::Nobody),
    ("getProblemType", May::Anybody, About::Nobody),
];

/// How a request comes out, as far as access goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Unauthenticated,
    /// A browser sent it that was not asked to by its own page.
    Unmeant,
    Forbidden,
    Absent,
    Admitted,
}

/// What must come out.
fn expected(may: May, about: About, caller: Caller, operation: &Operation) -> Outcome {
    if may == May::Anybody {
        return Outcome::Admitted;
    }
    if matches!(caller, Caller::Stranger | Caller::Suspended) {
        return Outcome::Unauthenticated;
    }
    // Whatever it does: computing for a page of another site is nothing that a browser should be lured into either.
    if caller == Caller::OwnerLured && !operation.method.is_safe() {
        return Outcome::Unmeant;
    }
    let (admin, compliance) = (caller.is_admin(), caller.is_compliance());
    let has_role = match may {
        May::Anybody | May::AnyRole => true,
        May::Advise => !compliance,
        May::Administer => admin,
        May::Oversee => admin || compliance,
        May::Decide => compliance,
    };
    if !has_role || (operation.changes() && caller.only_reads()) {
        return Outcome::Forbidden;
    }
    // Compliance sees everybody's tokens, and revokes its own.
    let is_seen = operation.id == "getToken" && matches!(caller, Caller::Compliance | Caller::ComplianceReading);
    if is_seen || reaches(about, caller) { Outcome::Admitted } else { Outcome::Absent }
}

/// Whether a caller of a role that may ask reaches what is Ana's.
fn reaches(about: About, caller: Caller) -> bool {
    match about {
        About::Nobody | About::Account => true,
        About::Advisor | About::Client | About::Portfolio | About::Recommendation | About::Refused => {
            !matches!(caller, Caller::Colleague | Caller::Outsider)
        }
        About::Model => caller != Caller::Outsider,
        About::Token => caller.is_owner() || caller.is_admin(),
        About::Job | About::Session => caller.is_owner(),
    }
}

/// One operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    is_computation: bool,
}

impl Operation {
    fn changes(&self) -> bool {
        !self.method.is_safe() && !self.is_computation
    }
}

async fn operations(cast: &Cast) -> Vec<Operation> {
    let document = cast.house.ask_as_stranger(Method::GET, "/openapi.json", |request| request).await.body;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                is_computation: operation["tags"][0] == "computations",
            });
        }
    }
    operations
}

#[tokio::test]
async fn every_operation_lets_in_whom_it_must_and_nobody_else() {
    let rows: BTreeMap<&str, (May, About)> = ROWS.iter().map(|&(id, may, about)| (id, (may, about))).collect();
    let cells_about = |what| rows.values().filter(|(_, about)| *about == what).count() * Caller::ALL.len();
    let mut stage = Stage::set(cells_about(About::Token).max(cells_about(About::Account))).await;
    let operations = operations(&stage.cast).await;
    let of_document: BTreeSet<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    let of_rows: BTreeSet<&str> = rows.keys().copied().collect();
    assert_eq!(of_document, of_rows, "each operation has a row, and each row an operation");
    stage.cast.house.get_now("/v1/portfolios").await;
    let before = stage.cast.house.written().await;
    let (mut cells, mut wrong) = (0, Vec::new());
    // Who was let in by each row: one that lets in nobody says nothing about whom it keeps out.
    let mut admitted = BTreeSet::new();
    for operation in &operations {
        let (may, about) = rows[operation.id.as_str()];
        for caller in Caller::ALL {
            let path = stage.path(&operation.path, about).await;
            // A body that means nothing: who is let in gets as far as being told so, and nothing is changed in the log.
            let answer = stage
                .ask(caller, operation.method.clone(), &path, |request| {
                    let request = request.header("If-Match", "\"9\"").header("Idempotency-Key", unique("k"));
                    if operation.method.is_safe() { request } else { request.json(&json!({})) }
                })
                .await;
            let code = answer.body["type"].as_str().unwrap_or_default();
            let outcome = match answer.status.as_u16() {
                401 if code == "/problems/unauthenticated" => Outcome::Unauthenticated,
                403 if code == "/problems/csrf-token-missing" => Outcome::Unmeant,
                403 if answer.body["detail"] == "a token has no session to end" => Outcome::Admitted,
                403 if code == "/problems/forbidden" => Outcome::Forbidden,
                404 => Outcome::Absent,
                200..=299 | 400 | 409 | 412 | 415 | 422 | 426 => Outcome::Admitted,
                _ => panic!("{} by {caller:?}: {answer:?}", operation.id),
            };
            let must = expected(may, about, caller, operation);
            if outcome == Outcome::Admitted {
                admitted.insert(operation.id.as_str());
            }
            if outcome != must {
                wrong.push(format!("{} by {caller:?}: {outcome:?}, not {must:?}: {}", operation.id, answer.body));
            }
            if operation.id == "logOut" && caller == Caller::OwnerBrowsing {
                stage.log_in_again().await;
            }
            cells += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(admitted, of_rows, "each row lets somebody in");
    assert_eq!(stage.cast.house.written().await, before, "nobody has changed anything");
}
