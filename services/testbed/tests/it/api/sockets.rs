//! Events over a WebSocket: the same as in pages, once, and only to who may know them.

use events::Stream;
use futures::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use testbed::PATIENCE;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::cast::Cast;
use super::house::unique;

/// A subscriber over a WebSocket.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What comes of it.
#[derive(Debug, PartialEq)]
enum Heard {
    Event(String, Value),
    Nothing(String),
    Closed(CloseCode),
}

impl Socket {
    /// The socket; the status of the refusal where there is none.
    async fn open(address: &str, token: &str, query: &str) -> Result<Self, u16> {
        let url = format!("{}/v1/stream/advisory{query}", address.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().unwrap());
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(refused)) => Err(refused.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn hear(&mut self) -> Heard {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("it is silent");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let mut said: Value = serde_json::from_str(&text).unwrap();
                    let id = said["id"].as_str().unwrap().to_owned();
                    let event = said["event"].take();
                    return if event.is_null() { Heard::Nothing(id) } else { Heard::Event(id, event) };
                }
                Some(Ok(Message::Close(Some(frame)))) => return Heard::Closed(frame.code),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next event.
    async fn event(&mut self) -> (String, Value) {
        loop {
            match self.hear().await {
                Heard::Event(id, event) => return (id, event),
                Heard::Nothing(_) => {}
                closed @ Heard::Closed(_) => panic!("{closed:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_socket_tells_what_pages_tell_in_their_order_and_then_what_is_new() {
    let cast = Cast::assemble().await;
    assert_eq!(cast.house.get_now("/v1/advisors").await.status, 200);
    for (token, narrowed) in [(&cast.compliance, ""), (&cast.ana.token, ""), (&cast.ana.token, "kind=portfolio")] {
        let page = cast.get_by(token, &format!("/v1/events?limit=100&{narrowed}")).await;
        let expected = page.body["items"].as_array().unwrap().clone();
        assert!(page.body["next"].is_null() && !expected.is_empty());
        let query = format!("?after=advisory-0&{narrowed}");
        let mut socket = Socket::open(&cast.house.address, token, query.trim_end_matches('&')).await.unwrap();
        assert_eq!(socket.hear().await, Heard::Nothing("advisory-0".to_owned()));
        for expected in &expected {
            let (id, event) = socket.event().await;
            assert_eq!((&event, &event["position"]), (expected, &json!(id)));
        }
        cast.house.client(&cast.rui.id).await;
        let body = json!({"name": unique("name"), "reason": "because"});
        let path = format!("/v1/portfolios/{}", cast.ana.portfolio);
        let version = cast.house.get_now(&path).await.header("etag").to_owned();
        let renamed = cast.house.change(Method::PATCH, &path, &version, &body).await;
        let mut told = socket.event().await;
        if token == &cast.compliance {
            assert_eq!(told.1["type"], "insights.client.registered.v1");
            told = socket.event().await;
        }
        assert_eq!(told.0, renamed.header("insights-position"));
        assert_eq!(told.1["data"]["renamed"]["name"], body["name"]);
    }
}

#[tokio::test]
async fn a_socket_ends_with_its_caller_s_access_and_with_the_service() {
    let cast = Cast::assemble().await;
    let body = json!({"label": "a subscriber", "valid_days": 1, "role": "compliance"});
    let made = cast.house.post("/v1/tokens", &unique("token"), &body).await;
    let (id, token) = (made.created(), made.body["secret"].as_str().unwrap().to_owned());
    let mut socket = Socket::open(&cast.house.address, &token, "").await.unwrap();
    let mut other = Socket::open(&cast.house.address, &cast.compliance, "").await.unwrap();
    assert!(matches!(socket.hear().await, Heard::Nothing(_)));
    assert!(matches!(other.hear().await, Heard::Nothing(_)));
    let revoked = cast.house.ask(Method::DELETE, &format!("/v1/tokens/{id}"), |request| request).await;
    assert!(revoked.status.is_success(), "{revoked:?}");
    let after = cast.house.client(&cast.ana.id).await;
    assert_eq!(socket.hear().await, Heard::Closed(CloseCode::Away));
    assert_eq!(Socket::open(&cast.house.address, &token, "").await.err(), Some(401));
    assert_eq!(other.event().await.1["subject"], format!("client/{after}"));
    cast.house.stop();
    assert_eq!(other.hear().await, Heard::Closed(CloseCode::Away));
}

#[tokio::test]
async fn a_socket_is_for_listening_and_for_who_asks_for_one() {
    const OF_ONE_MAX: usize = 8;
    let cast = Cast::assemble().await;
    let mut socket = Socket::open(&cast.house.address, &cast.ana.token, "").await.unwrap();
    assert!(matches!(socket.hear().await, Heard::Nothing(_)));
    socket.0.send(Message::Ping("are you there".into())).await.unwrap();
    socket.0.send(Message::text("let me tell you")).await.unwrap();
    assert_eq!(socket.hear().await, Heard::Closed(CloseCode::Unsupported));

    let plain = cast.get_by(&cast.ana.token, "/v1/stream/advisory").await;
    plain.is_problem(426, "upgrade-required");
    assert_eq!(plain.header("upgrade"), "websocket");
    cast.get_by(&cast.ana.token, "/v1/stream/market").await.is_problem(404, "not-found");
    let end = cast.house.journal.last_position(Stream::Advisory).await.unwrap().sequence;
    for bad in ["?after=7".to_owned(), "?kind=asset".to_owned(), format!("?after=advisory-{}", end + 1_000)] {
        assert_eq!(Socket::open(&cast.house.address, &cast.ana.token, &bad).await.err(), Some(400), "{bad}");
    }
    assert_eq!(Socket::open(&cast.house.address, "nobody", "").await.err(), Some(401));

    let mut open = Vec::new();
    for _ in 0..OF_ONE_MAX {
        open.push(Socket::open(&cast.house.address, &cast.rui.token, "").await.unwrap());
    }
    assert_eq!(Socket::open(&cast.house.address, &cast.rui.token, "").await.err(), Some(503));
    open.pop();
    testbed::eventually("a place", async || Socket::open(&cast.house.address, &cast.rui.token, "").await.ok()).await;
}
