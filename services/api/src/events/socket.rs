//! `GET /v1/stream/{stream}`: events as they happen, over a WebSocket. The same subscriber as of server-sent events, for those
//! whom a WebSocket suits better.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use events::{Position, Stream};
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::live::{Audience, Said, Subscriber};
use super::views::{FactView, Facts};
use super::{EventsQuery, fact, wanted};
use crate::access::Caller;
use crate::described::problems;
use crate::paging::{invalid_parameters, word_parameter};
use crate::parameters::Parameters;
use crate::paths::StreamInPath;
use crate::problem::{FieldError, Problem, ProblemType};

/// Bytes of a message from the subscriber, who has nothing to say.
const HEARD_BYTES_MAX: usize = 1_024;
/// The operation by which clients' identities are read here, as the document names it.
const WATCH: &str = "watchStream";
/// How long a message waits for a subscriber who does not read.
const SEND_WAIT: Duration = Duration::from_secs(10);

/// Which events are wanted, and from where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Only what happened to an `advisor`, a `client`, a `portfolio`, a `recommendation` or a `backtest`.
    kind: Option<String>,
    /// Only what happened to the one with this id.
    #[param(min_length = 1, max_length = 36, example = "1de44776-fcf6-5175-b615-e6829eedd301")]
    id: Option<String>,
    /// Only events of this type, without its name space and the version of its form.
    #[serde(rename = "type")]
    #[param(rename = "type", min_length = 1, max_length = 80, example = "portfolio.created")]
    fact: Option<String>,
    /// Only from behind this position on: the `id` of the last message that was received. Only new ones where nothing is said.
    #[param(example = "advisory-1", pattern = "^advisory-[0-9]{1,18}$")]
    after: Option<String>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// Up to where the subscriber knows everything now: what `after` takes.
    #[schema(value_type = String, example = "advisory-42")]
    id: Position,
    /// What happened there; `null` in the first message, and where there was nothing to tell for five seconds.
    #[schema(required)]
    event: Option<FactView>,
}

problems!(WatchProblems: ANY, GUARDED; NotFound, UpgradeRequired);

/// Tells of events as they happen, over a WebSocket.
///
/// The same events in the same order as `GET /v1/events` sends them, and to the same callers. Each is a text message
/// (`MessageView`); what the subscriber says is not listened to, and ends it. The connection is closed with the caller's
/// access, and where the service stops: go on with the last `id` in `after`, and nothing is missed or told twice.
#[utoipa::path(get, path = "/v1/stream/{stream}", tag = "operation", operation_id = "watchStream",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("stream" = String, Path, pattern = "^advisory$", example = "advisory"), StreamQuery),
    responses((status = 101, description = "Messages follow, each a `MessageView`."), WatchProblems))]
pub async fn watch(
    State(facts): State<Facts>,
    State(audience): State<Audience>,
    StreamInPath: StreamInPath,
    caller: Caller,
    headers: HeaderMap,
    Parameters(query): Parameters<StreamQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let kind = word_parameter("kind", query.kind.as_deref(), &super::kinds(Stream::Advisory), events::Kind::token)?;
    let after = query.after.as_deref().map(sequence).transpose()?;
    let asked = EventsQuery { id: query.id, fact: query.fact, ..EventsQuery::default() };
    let wanted = wanted(&asked, kind, fact(&asked)?, &caller)?;
    let Ok(upgrade) = upgrade else {
        let refused = Problem::of(ProblemType::UpgradeRequired).into_response();
        return Ok(([(header::UPGRADE, HeaderValue::from_static("websocket"))], refused).into_response());
    };
    // There is nobody within whose reach is nothing at all.
    let wanted = wanted.ok_or_else(|| Problem::of(ProblemType::NotFound))?;
    let facts = Facts { operation: WATCH, ..facts };
    let subscriber = audience.place(facts, caller, headers, wanted, after, "after").await?;
    let upgrade = upgrade.max_message_size(HEARD_BYTES_MAX).max_frame_size(HEARD_BYTES_MAX);
    Ok(upgrade.on_upgrade(|socket| talk(socket, subscriber)))
}

fn sequence(text: &str) -> Result<u64, Problem> {
    match text.parse() {
        Ok(Position { stream: Stream::Advisory, sequence }) => Ok(sequence),
        _ => {
            let detail = "after is the id of a message, such as advisory-42".to_owned();
            Err(invalid_parameters(vec![FieldError::in_parameter("after", "not-a-position", detail)]))
        }
    }
}

/// Tells the subscriber everything, until either ends it.
async fn talk(socket: WebSocket, mut subscriber: Subscriber) {
    let (mut sink, mut source) = socket.split();
    loop {
        let said = {
            let said = subscriber.said();
            tokio::pin!(said);
            loop {
                tokio::select! {
                    said = &mut said => break said,
                    heard = source.next() => match heard {
                        // Answered by the protocol's own code.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                            return close(sink, close_code::UNSUPPORTED, "nobody listens here").await;
                        }
                        // They hang up, or speak no WebSocket.
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    },
                }
            }
        };
        let Some(text) = said.and_then(written) else {
            return close(sink, close_code::AWAY, "come again with the last id").await;
        };
        match tokio::time::timeout(SEND_WAIT, sink.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => {}
            // Who does not read, or is gone, comes back when they like.
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

fn written(said: Said) -> Option<String> {
    let message = match said {
        Said::Welcome(id) | Said::Nothing(id) => MessageView { id, event: None },
        Said::Fact(fact) => MessageView { id: fact.position, event: Some(*fact) },
    };
    serde_json::to_string(&message)
        .inspect_err(|error| tracing::error!(%error, position = %message.id, "an event cannot be told"))
        .ok()
}

async fn close(mut sink: SplitSink<WebSocket, Message>, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let closing = async {
        sink.send(Message::Close(Some(frame))).await?;
        sink.close().await
    };
    match tokio::time::timeout(SEND_WAIT, closing).await {
        Ok(Ok(())) => {}
        // Then it is closed without a word.
        Ok(Err(error)) => tracing::debug!(%error, "a subscriber was gone before"),
        Err(_) => tracing::debug!("a subscriber does not read"),
    }
}
