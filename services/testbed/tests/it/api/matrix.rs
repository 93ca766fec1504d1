//! Role x operation x owner: every operation of the document, asked by everybody, about what is theirs and what is not.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::cast::{Advisor, Cast};
use super::house::{halves, unique};

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

/// Whose is what the path's id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// There is no id, or it is of something that belongs to nobody.
    Nobody,
    Advisor,
    Client,
    Portfolio,
    Recommendation,
    /// A token or an account that was never made: nobody's.
    Nothing,
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
    // A model is a whole firm's: models.rs has who sees it.
    ("getModel", May::AnyRole, About::Nothing),
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
    ("getBacktest", May::AnyRole, About::Nothing),
    ("computeBacktest", May::AnyRole, About::Nobody),
    ("computeFrontier", May::AnyRole, About::Nobody),
    ("computeProjection", May::AnyRole, About::Nobody),
    ("getJob", May::AnyRole, About::Nothing),
    ("cancelJob", May::AnyRole, About::Nothing),
    ("listRecommendations", May::AnyRole, About::Nobody),
    ("getRecommendation", May::AnyRole, About::Recommendation),
    ("overrideGates", May::Decide, About::Recommendation),
    ("endRecommendation", May::Advise, About::Recommendation),
    ("logIn", May::Anybody, About::Nobody),
    ("choosePassword", May::Anybody, About::Nobody),
    ("getCurrentSession", May::AnyRole, About::Nobody),
    // A token has no session to end, so that all are refused here; logins.rs has who is not.
    ("logOut", May::AnyRole, About::Nobody),
    ("createToken", May::AnyRole, About::Nobody),
    ("listTokens", May::AnyRole, About::Nobody),
    ("getToken", May::AnyRole, About::Nothing),
    ("revokeToken", May::AnyRole, About::Nothing),
    ("createAccount", May::Administer, About::Nobody),
    ("listAccounts", May::Oversee, About::Nobody),
    ("getAccount", May::Oversee, About::Nothing),
    ("closeAccount", May::Administer, About::Nothing),
    ("inviteAgain", May::Administer, About::Nothing),
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
    Forbidden,
    Absent,
    Admitted,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Stranger,
    Admin,
    Owner,
    OtherAdvisor,
    Compliance,
    OwnerReading,
}

const CALLERS: [Caller; 6] =
    [Caller::Stranger, Caller::Admin, Caller::Owner, Caller::OtherAdvisor, Caller::Compliance, Caller::OwnerReading];

/// What must come out.
fn expected(may: May, about: About, caller: Caller, changes: bool) -> Outcome {
    let has_role = match (may, caller) {
        (May::Anybody, _) => return Outcome::Admitted,
        (_, Caller::Stranger) => return Outcome::Unauthenticated,
        (May::Decide, caller) => caller == Caller::Compliance,
        (_, Caller::Admin) | (May::AnyRole, _) => true,
        (May::Advise, Caller::Owner | Caller::OtherAdvisor | Caller::OwnerReading) => true,
        (May::Oversee, Caller::Compliance) => true,
        (May::Advise | May::Administer | May::Oversee, _) => false,
    };
    if !has_role || (changes && caller == Caller::OwnerReading) {
        return Outcome::Forbidden;
    }
    match (about, caller) {
        (About::Nothing, _) => Outcome::Absent,
        (About::Nobody, _) => Outcome::Admitted,
        (_, Caller::OtherAdvisor) => Outcome::Absent,
        _ => Outcome::Admitted,
    }
}

/// One operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    is_computation: bool,
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

/// The path with the owner's ids in it.
fn filled(path: &str, about: About, owner: &Advisor) -> String {
    let none = "132e374d-2bfb-5564-814d-e201e6e41209";
    let id = match about {
        About::Nobody => "AAPL",
        About::Advisor => &owner.id,
        About::Client => &owner.client,
        About::Portfolio => &owner.portfolio,
        About::Recommendation => &owner.recommendation,
        About::Nothing => none,
    };
    let path = path.replace("{id}", id).replace("{code}", "stale").replace("{version}", "1");
    path.replace("{backtest}", none).replace("{stream}", "advisory")
}

#[tokio::test]
async fn every_operation_lets_in_whom_it_must_and_nobody_else() {
    let cast = Cast::assemble().await;
    let rows: BTreeMap<&str, (May, About)> = ROWS.iter().map(|&(id, may, about)| (id, (may, about))).collect();
    let operations = operations(&cast).await;
    let of_document: BTreeSet<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    let of_rows: BTreeSet<&str> = rows.keys().copied().collect();
    assert_eq!(of_document, of_rows, "each operation has a row, and each row an operation");
    let before = cast.house.written().await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    for operation in &operations {
        let (may, about) = rows[operation.id.as_str()];
        let changes = !operation.method.is_safe() && !operation.is_computation;
        let path = filled(&operation.path, about, &cast.ana);
        for caller in CALLERS {
            let token = match caller {
                Caller::Stranger => None,
                Caller::Admin => Some(&cast.house.token),
                Caller::Owner => Some(&cast.ana.token),
                Caller::OtherAdvisor => Some(&cast.rui.token),
                Caller::Compliance => Some(&cast.compliance),
                Caller::OwnerReading => Some(&cast.ana_reads),
            };
            // A body that means nothing: who is let in gets as far as being told so, and nothing is changed.
            let answer = cast
                .house
                .ask_as_stranger(operation.method.clone(), &path, |request| {
                    let request = request.header("If-Match", "\"9\"").header("Idempotency-Key", unique("k"));
                    let request = if operation.method.is_safe() { request } else { request.json(&json!({})) };
                    token.iter().fold(request, |request, token| request.bearer_auth(token))
                })
                .await;
            let code = answer.body["type"].as_str().unwrap_or_default();
            let outcome = match answer.status.as_u16() {
                401 if code == "/problems/unauthenticated" => Outcome::Unauthenticated,
                403 if answer.body["detail"] == "a token has no session to end" => Outcome::Admitted,
                403 if code == "/problems/forbidden" => Outcome::Forbidden,
                404 => Outcome::Absent,
                200..=299 | 400 | 409 | 412 | 415 | 422 | 426 => Outcome::Admitted,
                _ => panic!("{} by {caller:?}: {answer:?}", operation.id),
            };
            let must = expected(may, about, caller, changes);
            if outcome != must {
                wrong.push(format!("{} by {caller:?}: {outcome:?}, not {must:?}: {}", operation.id, answer.body));
            }
            cells += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(cast.house.written().await, before, "nobody has changed anything");
}

#[tokio::test]
async fn what_is_another_s_answers_as_what_is_not_there() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let none = "132e374d-2bfb-5564-814d-e201e6e41209";
    // All but the trace, which is each request's own.
    let told = |mut body: Value| {
        body.as_object_mut().unwrap().remove("trace_id");
        body
    };
    for (path, of_ana) in [
        ("/v1/advisors/{}", &ana.id),
        ("/v1/clients/{}", &ana.client),
        ("/v1/portfolios/{}", &ana.portfolio),
        ("/v1/portfolios/{}/figures", &ana.portfolio),
        ("/v1/portfolios/{}/events", &ana.portfolio),
        ("/v1/recommendations/{}", &ana.recommendation),
    ] {
        let theirs = cast.get_by(&rui.token, &path.replace("{}", of_ana)).await;
        let absent = cast.get_by(&rui.token, &path.replace("{}", none)).await;
        assert_eq!(theirs.status, 404, "{path}: {theirs:?}");
        assert_eq!(told(theirs.body), told(absent.body), "{path}");
        assert_eq!(cast.get_by(&ana.token, &path.replace("{}", of_ana)).await.status, 200, "{path}");
    }
    for (path, body) in [
        ("/v1/clients", json!({"advisor": "{}", "name": "Eva", "email": "eva@client.example"})),
        (
            "/v1/portfolios",
            json!({"advisor": "{}", "name": "Growth", "currency": "USD", "allocation": halves("AAPL", "MSFT")}),
        ),
    ] {
        let with = |id: &str| serde_json::from_str::<Value>(&body.to_string().replace("{}", id)).unwrap();
        let theirs = cast.post_by(&rui.token, path, &with(&ana.id)).await;
        theirs.is_problem(422, "no-such-advisor");
        let absent = cast.post_by(&rui.token, path, &with(none)).await;
        assert_eq!(theirs.body.to_string().replace(&ana.id, none).len(), absent.body.to_string().len());
        assert_eq!(cast.post_by(&ana.token, path, &with(&ana.id)).await.status, 201, "{path}");
    }
    // In bodies, too.
    let frontier = json!({"portfolio": ana.portfolio});
    cast.post_by(&rui.token, "/v1/frontier", &frontier).await.is_problem(404, "portfolio-unknown");
    let path = format!("/v1/portfolios/{}/recommendations", rui.portfolio);
    for client in [&ana.client, none] {
        let body = json!({"client_ids": [client], "rationale": "It fits."});
        let answer = cast
            .ask_by(&rui.token, Method::POST, &path, |request| {
                request.header("If-Match", "\"2\"").header("Idempotency-Key", unique("k")).json(&body)
            })
            .await;
        answer.is_problem(422, "no-such-clients");
    }
}

#[tokio::test]
async fn whoever_lost_a_client_or_their_standing_reaches_nothing_any_more() {
    let cast = Cast::assemble().await;
    let (ana, rui) = (&cast.ana, &cast.rui);
    let path = format!("/v1/clients/{}", ana.client);
    let seen = async |token: &str| cast.get_by(token, &path).await.status.as_u16();
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (200, 404));
    let body = json!({"advisor": rui.id, "reason": "They moved."});
    let handed = cast.house.change(Method::PUT, &format!("{path}/advisor"), "\"1\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (404, 200));
    // For changes, from the very next request on.
    let rename = json!({"name": "José", "email": "jose@client.example"});
    let change = async |token: &str| {
        let answer =
            cast.ask_by(token, Method::PUT, &path, |request| request.header("If-Match", "\"2\"").json(&rename));
        answer.await.status.as_u16()
    };
    assert_eq!((change(&ana.token).await, change(&rui.token).await), (404, 200));

    // Portfolios alike.
    let path = format!("/v1/portfolios/{}", ana.portfolio);
    let seen = async |token: &str| cast.get_by(token, &path).await.status.as_u16();
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (200, 404));
    let handed = cast.house.change(Method::PUT, &format!("{path}/advisor"), "\"2\"", &body).await;
    assert_eq!(handed.status, 200, "{handed:?}");
    assert_eq!((seen(&ana.token).await, seen(&rui.token).await), (404, 200));
    let rename = json!({"name": "Theirs", "reason": "They asked."});
    let change = async |token: &str| {
        let answer =
            cast.ask_by(token, Method::PATCH, &path, |request| request.header("If-Match", "\"3\"").json(&rename));
        answer.await.status.as_u16()
    };
    assert_eq!((change(&ana.token).await, change(&rui.token).await), (404, 200));

    let another = cast.house.another().await;
    let status =
        async |address: &str| cast.house.get_with_token_at(address, "/v1/clients", &rui.token).await.status.as_u16();
    assert_eq!((status(&cast.house.address).await, status(&another).await), (200, 200));
    let path = format!("/v1/advisors/{}/standing", rui.id);
    let body = json!({"standing": "suspended", "reason": "The registration lapsed."});
    assert_eq!(cast.house.change(Method::PUT, &path, "\"1\"", &body).await.status, 200);
    assert_eq!((status(&cast.house.address).await, status(&another).await), (401, 401));
    let body = json!({"standing": "active", "reason": "It is renewed."});
    assert_eq!(cast.house.change(Method::PUT, &path, "\"2\"", &body).await.status, 200);
    assert_eq!((status(&cast.house.address).await, status(&another).await), (200, 200));
}

#[tokio::test]
async fn lists_show_an_advisor_their_own_and_others_all() {
    let cast = Cast::assemble().await;
    let analyst = projections::analyze::Analyst::new(cast.house.journal.clone(), cast.house.pool.clone());
    let stop = CancellationToken::new();
    let _stopped_at_the_end = stop.clone().drop_guard();
    tokio::spawn(async move { analyst.run(stop).await.unwrap() });
    testbed::eventually("kept figures", async || {
        let listed = cast.house.get_now("/v1/figures").await;
        (listed.body["items"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let ids = async |token: &str, path: &str| -> Vec<String> {
        let listed = cast.get_by(token, path).await;
        assert_eq!(listed.status, 200, "{path}: {listed:?}");
        let items = listed.body["items"].as_array().unwrap();
        let id = |item: &Value| item.get("id").unwrap_or(&item["portfolio"]).as_str().unwrap().to_owned();
        items.iter().map(id).collect()
    };
    let (ana, rui) = (&cast.ana, &cast.rui);
    for (path, of_ana, of_rui) in [
        ("/v1/advisors", &ana.id, &rui.id),
        ("/v1/clients", &ana.client, &rui.client),
        ("/v1/portfolios", &ana.portfolio, &rui.portfolio),
        ("/v1/figures", &ana.portfolio, &rui.portfolio),
        ("/v1/recommendations", &ana.recommendation, &rui.recommendation),
    ] {
        assert_eq!(ids(&ana.token, path).await, vec![of_ana.as_str()], "{path}");
        assert_eq!(ids(&rui.token, path).await, vec![of_rui.as_str()], "{path}");
        for all in [&cast.house.token, &cast.compliance] {
            assert_eq!(ids(all, path).await, vec![of_ana.as_str(), of_rui.as_str()], "{path}");
        }
    }
    // Asking for another's, or for nobody's, finds the same: nothing.
    for asked in [&ana.id, "132e374d-2bfb-5564-814d-e201e6e41209"] {
        for path in ["/v1/clients", "/v1/portfolios", "/v1/figures"] {
            assert!(ids(&rui.token, &format!("{path}?advisor={asked}")).await.is_empty());
        }
    }
    for path in [
        format!("/v1/recommendations?client={}", ana.client),
        format!("/v1/recommendations?portfolio={}", ana.portfolio),
    ] {
        assert!(ids(&rui.token, &path).await.is_empty(), "{path}");
        assert_eq!(ids(&ana.token, &path).await, vec![ana.recommendation.as_str()]);
    }
}
