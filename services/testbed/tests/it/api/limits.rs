//! Strangers, crowds and servers that are away: refused clearly, within bounds.

use std::time::Duration;

use api::Limits;
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::{House, portfolio, unique};

#[tokio::test]
async fn strangers_get_nothing_and_learn_nothing() {
    let house = House::open().await;
    let before = house.written().await;
    let body = json!({"name": "Ana", "firm": "Casa Verde"});
    for path in ["/v1/advisors", "/v1/there/is/no/such", "/v1", "/v1/advisors/132e374d-2bfb-5564-814d-e201e6e41209"] {
        for authorization in ["", "Bearer", "Bearer x", "Basic YTpi", &format!("Bearer ins_{}", "A".repeat(43))] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let answer = house
                    .ask_as_stranger(method, path, |request| {
                        request.header("Authorization", authorization).header("Idempotency-Key", "k").json(&body)
                    })
                    .await;
                answer.is_problem(401, "unauthenticated");
                assert!(answer.header("www-authenticate").starts_with("Bearer"));
            }
        }
    }
    assert_eq!(house.written().await, before);
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let house = House::open().await;
    house.get("/v1/advisers").await.is_problem(404, "not-found");
    house.get("/nothing").await.is_problem(404, "not-found");
    let answer = house.ask(Method::DELETE, "/v1/advisors", |request| request).await;
    answer.is_problem(405, "method-not-allowed");
    let allowed = answer.header("allow");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn answers_carry_security_headers_and_the_trace() {
    let house = House::open().await;
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = house.ask(Method::GET, "/v1/nothing", |request| request.header("traceparent", caller)).await;
    assert_eq!(answer.body["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    answer.is_problem(404, "not-found");
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
    {
        assert_eq!(answer.header(name), value);
    }
}

#[tokio::test]
async fn a_crowd_over_the_bound_is_told_so_at_once() {
    const CROWD: usize = 50;
    let house = House::with(Limits { requests_in_flight_max: 1, ..Limits::default() }, false).await;
    house.advisor().await;
    // Each waits two seconds for read models that nobody keeps up to date.
    let waiting = (0..CROWD).map(|_| {
        house.ask(Method::GET, "/v1/advisors", |request| request.header("Insights-Min-Position", "advisory-1"))
    });
    let answers = join_all(waiting).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.body["type"] == "/problems/busy").collect();
    assert_eq!(busy.len(), CROWD - 1, "one is worked on, the others are told");
    busy[0].is_problem(503, "busy");
    assert_eq!(busy[0].header("retry-after"), "1");
}

#[tokio::test]
async fn a_request_that_takes_too_long_ends() {
    let limits = Limits { request_time: Duration::from_millis(200), ..Limits::default() };
    let house = House::with(limits, false).await;
    let patient = house.another().await;
    let body = json!({"name": "Ana Souza", "firm": "Casa Verde"});
    house.post_at(&patient, "/v1/advisors", "k", &body).await.created();
    let answer =
        house.ask(Method::GET, "/v1/advisors", |request| request.header("Insights-Min-Position", "advisory-1"));
    answer.await.is_problem(503, "timed-out");
}

#[tokio::test]
async fn headers_without_bound_are_refused() {
    let house = House::open().await;
    let mut stream = TcpStream::connect(house.address.trim_start_matches("http://")).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "y".repeat(64 * 1024));
    // The server may hang up before it has read all of it.
    let sent = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(sent.is_err() || read.is_err() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn without_the_log_commands_are_refused_and_reads_go_on() {
    let mut house = House::open().await;
    let advisor = house.advisor().await;
    let id = house.portfolio(&advisor).await;
    let read = testbed::eventually("the portfolio", async || {
        let read = house.get(&format!("/v1/portfolios/{id}")).await;
        (read.status == 200).then_some(read)
    })
    .await;
    assert_eq!(read.body["name"], "Growth");
    house.nats.node(0).kill_9().await.unwrap();
    let refused = house
        .change(Method::PATCH, &format!("/v1/portfolios/{id}"), "\"1\"", &json!({"name": "x", "reason": "because"}))
        .await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(house.get(&format!("/v1/portfolios/{id}")).await.status, 200);
    house.ask_as_stranger(Method::GET, "/readyz", |request| request).await.is_problem(503, "not-ready");
    let live = house.ask_as_stranger(Method::GET, "/healthz", |request| request).await;
    assert_eq!(live.status, 200);
    house.nats.node(0).restart().await.unwrap();
    testbed::eventually("a command that is taken again", async || {
        let answer = house.post("/v1/portfolios", &unique("again"), &portfolio(&advisor)).await;
        (answer.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_the_database_reads_are_refused() {
    let house = House::open().await;
    assert_eq!(house.get("/v1/advisors").await.status, 200);
    house.pool.close().await;
    let answer = house.get("/v1/advisors").await;
    answer.is_problem(503, "database-unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_request_that_is_open_is_answered_before_the_service_ends() {
    let house = House::open().await;
    let address = house.address.trim_start_matches("http://");
    let body = json!({"name": "Ana Souza", "firm": "Casa Verde"}).to_string();
    let mut open = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/advisors HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        house.token,
        body.len()
    );
    open.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    open.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"), "the request is being worked on");
    house.stop();
    let ended = async || TcpStream::connect(address).await.is_err().then_some(());
    testbed::eventually("the end of listening", ended).await;
    open.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
}
