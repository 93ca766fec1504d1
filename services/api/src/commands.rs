//! Commands: given to the journal, answered with a receipt.
//!
//! A caller who hangs up drops the handler's future. That is left so: `Journal::execute` may be dropped at any point,
//! an append that was under way is found again by its command id, and the caller who asks again with the same key gets
//! its answer. Commands therefore run in the handler itself, not in tasks of their own; but an import, which is many, does.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::values::{Actor, CommandId};
use events::{Decider, Position};
use jiff::Timestamp;
use journal::{CommandContext, Done, Expect, Journal, Outcome};
use serde::Serialize;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder, Type};
use utoipa::{IntoResponses, ToSchema};
use vault::VaultError;

use crate::preconditions::etag;
use crate::problem::Problem;

/// Where the command's event stands: for `Insights-Min-Position` of later reads.
pub const INSIGHTS_POSITION: HeaderName = HeaderName::from_static("insights-position");
/// Says that this is the first answer again.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What the journal is told about a command that came from outside.
#[must_use]
pub fn context(command_id: CommandId, actor: Actor, time: Timestamp, expect: Expect, digest: String) -> CommandContext {
    CommandContext { command_id, time, actor, expect, request_digest: Some(digest), causation_id: None }
}

/// Nothing, where what the command needs is there, or where the command was given before: then it has its first answer,
/// whatever has become of what it named.
///
/// # Errors
/// What is missing, or that the log cannot be read.
pub async fn unless_given<D: Decider>(
    journal: &Journal,
    id: &D::Id,
    command: CommandId,
    needed: Result<(), Problem>,
) -> Result<(), Problem> {
    match needed {
        Ok(()) => Ok(()),
        Err(problem) if journal.was_given::<D>(id, command).await? => {
            tracing::debug!(?problem, "a command that was given before is not held up");
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

/// Nothing, where what is needed to make something in the vault is there, or where the vault says that it was made before:
/// then the same request has its first answer, whatever has become of what it named.
///
/// # Errors
/// What is missing, or that the vault cannot be asked.
pub async fn unless_made(
    needed: Result<(), Problem>,
    made: impl Future<Output = Result<bool, VaultError>>,
) -> Result<(), Problem> {
    match needed {
        Ok(()) => Ok(()),
        Err(problem) if made.await? => {
            tracing::debug!(?problem, "what was made before is not held up");
            Ok(())
        }
        Err(problem) => Err(problem),
    }
}

/// What a command came to. The resource itself is read with a GET.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receipt {
    /// What the command was about.
    #[schema(example = "1de44776-fcf6-5175-b615-e6829eedd301")]
    pub id: String,
    /// Its version after the command, as in `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// Where its last event then stood, as in `Insights-Position`.
    #[schema(value_type = String, example = "advisory-42")]
    pub position: Option<Position>,
}

/// The answer to a command.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    location: Option<String>,
    replayed: bool,
    receipt: Receipt,
}

impl Answer {
    /// 201: something was created under this path; 200 where it was there already.
    #[must_use]
    pub fn created<D>(collection: &str, id: String, done: &Done<D>) -> Self {
        // What was there already has an event before this one, or none of this one.
        let status = match done.outcome {
            Outcome::Recorded | Outcome::Replayed if done.version == 1 => StatusCode::CREATED,
            Outcome::Recorded | Outcome::Replayed | Outcome::Unchanged => StatusCode::OK,
        };
        Self { status, location: Some(format!("{collection}/{id}")), ..Self::changed(id, done) }
    }

    /// 200: something changed, or was so already.
    #[must_use]
    pub fn changed<D>(id: String, done: &Done<D>) -> Self {
        let receipt = Receipt { id, version: done.version, position: done.position };
        Self { status: StatusCode::OK, location: None, replayed: done.outcome == Outcome::Replayed, receipt }
    }

    /// 202: it is recorded, and what follows from it will be found under this path.
    #[must_use]
    pub fn accepted<D>(location: String, id: String, done: &Done<D>) -> Self {
        Self { status: StatusCode::ACCEPTED, location: Some(location), ..Self::changed(id, done) }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self { status, location, replayed, receipt } = self;
        let (version, position) = (receipt.version, receipt.position);
        let mut response = (status, Json(receipt)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag(version));
        if let Some(position) = position {
            headers.insert(INSIGHTS_POSITION, visible(position.to_string()));
        }
        if let Some(location) = location {
            headers.insert(header::LOCATION, visible(location));
        }
        if replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

fn visible(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("positions, ids and our own paths are visible ASCII")
}

/// How the answers to a creating command are described.
pub struct CreatedAnswer;
/// How the answer to a changing command is described.
pub struct ChangedAnswer;
/// How the answer to a command with later consequences is described.
pub struct AcceptedAnswer;

type Responses = std::collections::BTreeMap<String, RefOr<utoipa::openapi::Response>>;

impl IntoResponses for CreatedAnswer {
    fn responses() -> Responses {
        Responses::from([
            ("201".to_owned(), described("Created, or the first answer again.", true)),
            ("200".to_owned(), described("It was there already, exactly so: nothing changed.", true)),
        ])
    }
}

impl IntoResponses for ChangedAnswer {
    fn responses() -> Responses {
        Responses::from([("200".to_owned(), described("Changed, or so already, or the first answer again.", false))])
    }
}

impl IntoResponses for AcceptedAnswer {
    fn responses() -> Responses {
        Responses::from([("202".to_owned(), described("Recorded; the rest follows. Or the first answer again.", true))])
    }
}

fn described(description: &str, with_location: bool) -> RefOr<utoipa::openapi::Response> {
    let text = |description: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(Ref::from_schema_name("Receipt"))).build())
        .header("ETag", text("The version, for If-Match: `\"1\"`"))
        .header("Insights-Position", text("Where the event stands, for Insights-Min-Position: `advisory-42`"))
        .header("Idempotent-Replayed", text("`true` where this is the first answer again"));
    if with_location {
        response = response.header("Location", text("Where to find it"));
    }
    RefOr::T(response.build())
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use axum::response::IntoResponse;
    use events::{Position, Stream};
    use journal::{Done, Outcome};

    use super::{Answer, IDEMPOTENT_REPLAYED, INSIGHTS_POSITION};

    fn done(outcome: Outcome, version: u64) -> Done<()> {
        Done { outcome, version, position: Some(Position { stream: Stream::Advisory, sequence: 7 }), state: () }
    }

    #[test]
    fn an_answer_says_version_position_and_place() {
        let response = Answer::created("/v1/things", "x".to_owned(), &done(Outcome::Recorded, 1)).into_response();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()[header::ETAG], "\"1\"");
        assert_eq!(response.headers()[INSIGHTS_POSITION], "advisory-7");
        assert_eq!(response.headers()[header::LOCATION], "/v1/things/x");
        assert!(!response.headers().contains_key(IDEMPOTENT_REPLAYED));
    }

    #[test]
    fn the_first_answer_again_differs_in_one_header_only() {
        let again = Answer::created("/v1/things", "x".to_owned(), &done(Outcome::Replayed, 1)).into_response();
        assert_eq!((again.status().as_u16(), &again.headers()[IDEMPOTENT_REPLAYED]), (201, &"true".parse().unwrap()));
    }

    #[test]
    fn what_was_there_already_was_not_created() {
        for (outcome, version) in [(Outcome::Unchanged, 1), (Outcome::Recorded, 2), (Outcome::Replayed, 2)] {
            let answer = Answer::created("/v1/things", "x".to_owned(), &done(outcome, version)).into_response();
            assert_eq!(answer.status(), 200, "{outcome:?}");
        }
    }
}
