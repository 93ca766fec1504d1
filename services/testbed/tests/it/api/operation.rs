//! What operators and programs ask without a token.

use reqwest::Method;
use serde_json::Value;

use super::house::{Answer, House};

async fn ask(house: &House, path: &str) -> Answer {
    house.ask_as_stranger(Method::GET, path, |request| request).await
}

#[tokio::test]
async fn the_service_tells_how_it_is_and_what_it_offers() {
    let house = House::open().await;
    assert_eq!(ask(&house, "/healthz").await.body["status"], "ok");
    let ready = ask(&house, "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["status"]), (200, &Value::from("ready")));
    assert!(ready.body["read_models"].as_array().unwrap().iter().any(|lag| lag["name"] == "portfolios"), "{ready:?}");

    let document = ask(&house, "/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let page = ask(&house, "/docs").await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));

    let kinds = ask(&house, "/problems").await;
    for kind in kinds.body.as_array().unwrap() {
        let uri = kind["type"].as_str().unwrap();
        assert_eq!(&ask(&house, uri).await.body, kind);
    }
    ask(&house, "/problems/no-such-type").await.is_problem(404, "not-found");
}
