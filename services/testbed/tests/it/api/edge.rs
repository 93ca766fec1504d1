//! What stands between the service and its callers: pages of other sites, proxies, and other processes.

use std::collections::BTreeSet;
use std::time::Duration;

use api::{Edge, Limits};
use reqwest::{Client, Method, Response};
use serde_json::json;

use super::house::{House, portfolio, unique};

/// A service that still lets a suspended advisor act after this does so for ever.
const NEVER: Duration = Duration::from_secs(60);
const SITE: &str = "https://console.example";

fn edge(origins: &[&str], proxies: &[&str]) -> Edge {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Edge::new(&owned(origins), &owned(proxies)).unwrap()
}

/// Asks as a browser does before a page of this site may change anything.
async fn preflight(address: &str, site: &str) -> Response {
    let request = Client::new().request(Method::OPTIONS, format!("{address}/v1/portfolios")).header("Origin", site);
    let request = request.header("Access-Control-Request-Method", "POST");
    request.header("Access-Control-Request-Headers", "authorization,idempotency-key").send().await.unwrap()
}

/// The headers that the document's operations take, and those that they answer with.
async fn headers_of_the_document(house: &House) -> (BTreeSet<String>, BTreeSet<String>) {
    let document = house.ask_as_stranger(Method::GET, "/openapi.json", |request| request).await.body;
    let (mut sent, mut read) = (BTreeSet::new(), BTreeSet::new());
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    for operation in operations {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let headers = parameters.filter(|parameter| parameter["in"] == "header");
        sent.extend(headers.map(|parameter| parameter["name"].as_str().unwrap().to_lowercase()));
        let responses = operation["responses"].as_object().unwrap().values();
        let headers =
            responses.filter_map(|response| response["headers"].as_object()).flat_map(|headers| headers.keys());
        read.extend(headers.map(|name| name.to_lowercase()));
    }
    // No page may read this one, whatever is listed.
    read.remove("set-cookie");
    (sent, read)
}

#[tokio::test]
async fn pages_of_listed_sites_may_call_with_a_token_and_no_others() {
    let house = House::with(Limits::default(), false).await;
    let open = house.another_within(Limits::default(), edge(&[SITE], &[])).await;

    let allowed = preflight(&open, SITE).await;
    assert_eq!(allowed.status(), 200);
    let header = |name: &str| allowed.headers()[name].to_str().unwrap().to_lowercase();
    assert_eq!(header("access-control-allow-origin"), SITE);
    assert!(header("access-control-allow-methods").contains("post"));
    let (sent, read) = headers_of_the_document(&house).await;
    assert!(sent.contains("idempotency-key") && read.contains("insights-position"), "{sent:?} {read:?}");
    let listed = |list: &str| list.split(',').map(|name| name.trim().to_owned()).collect::<BTreeSet<_>>();
    let may_send = listed(&header("access-control-allow-headers"));
    assert!(may_send.is_superset(&sent), "{sent:?} are sent, {may_send:?} may be");
    // A cookie is for pages that come from here.
    assert!(!allowed.headers().contains_key("access-control-allow-credentials"));
    let asked = Client::new().get(format!("{open}/v1/portfolios")).bearer_auth(&house.token).header("Origin", SITE);
    let told = asked.send().await.unwrap();
    assert_eq!((told.status().as_u16(), &told.headers()["access-control-allow-origin"]), (200, &SITE.parse().unwrap()));
    let may_read = listed(&told.headers()["access-control-expose-headers"].to_str().unwrap().to_lowercase());
    assert!(may_read.is_superset(&read), "{read:?} are answered, {may_read:?} may be read");

    for (address, site) in [(&open, "https://elsewhere.example"), (&open, "null"), (&house.address, SITE)] {
        let refused = preflight(address, site).await;
        assert!(!refused.headers().contains_key("access-control-allow-origin"), "{site}: {refused:?}");
    }
}

#[tokio::test]
async fn tries_to_log_in_are_counted_for_whoever_stands_behind_a_trusted_proxy() {
    let limits = Limits { logins_per_minute: 1, ..Limits::default() };
    let house = House::with(limits, false).await;
    let behind = house.another_within(limits, edge(&[], &["127.0.0.0/8", "::1"])).await;
    let try_from = async |address: &str, from: &str| {
        let body = json!({"email": format!("{}@firm.example", unique("nobody")), "password": "a long password"});
        let request = Client::new().post(format!("{address}/v1/sessions")).header("X-Forwarded-For", from);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    for from in ["192.0.2.1", "192.0.2.1, 192.0.2.2"] {
        assert_eq!([try_from(&behind, from).await, try_from(&behind, from).await], [401, 429], "{from}");
    }
    // Whoever puts something before what the proxy wrote is still the same.
    assert_eq!(try_from(&behind, "198.51.100.9, 192.0.2.2").await, 429);
    // Where no proxy is trusted, the header is anybody's word.
    let direct = [try_from(&house.address, "192.0.2.1").await, try_from(&house.address, "192.0.2.2").await];
    assert_eq!(direct, [401, 429]);
}

#[tokio::test]
async fn whoever_is_suspended_in_one_process_is_suspended_in_one_that_never_stops_working_for_them() {
    let house = House::open().await;
    let advisor = house.advisor().await;
    house.portfolio(&advisor).await;
    let busy = house.another().await;
    let work = async || house.post_at(&busy, "/v1/portfolios", &unique("p"), &portfolio(&advisor)).await;
    assert_eq!(work().await.status, 201);
    let suspend = json!({"standing": "suspended", "reason": "the register says so"});
    let path = format!("/v1/advisors/{advisor}/standing");
    assert_eq!(house.change(Method::PUT, &path, "\"1\"", &suspend).await.status, 200);

    let refused = async {
        loop {
            let answer = work().await;
            if answer.status != 201 {
                return answer;
            }
        }
    };
    let refused = tokio::time::timeout(NEVER, refused).await.expect("the other process trusts them still");
    refused.is_problem(409, "advisor-not-active");
}
