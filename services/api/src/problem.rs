//! Problems: every answer that is not what was asked for, as `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`]; the one place that writes it down is [`render`], which knows the trace.

mod refusals;
mod types;

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use types::ProblemType;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Seconds after which a caller may try again what could not be done now.
const RETRY_AFTER_S: &str = "1";
/// Field errors that one problem lists; more help nobody.
pub const FIELD_ERRORS_MAX: usize = 50;

/// Why a request was not answered as it asked.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemType,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    version: Option<u64>,
    retry_after_s: Option<u64>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong in one place of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where in the body, as a JSON Pointer in a URI fragment (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "#/allocation/0/weight")]
    pub pointer: Option<String>,
    /// Which query parameter or header, where it is not in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "limit")]
    pub parameter: Option<String>,
    /// A stable name for what is wrong.
    #[schema(example = "weight-not-positive")]
    pub code: &'static str,
    /// What is wrong, for people.
    #[schema(example = "weight -0.1 is not positive")]
    pub detail: String,
}

impl FieldError {
    /// An error at this place of the body, given as a plain JSON Pointer: `/allocation/0`.
    #[must_use]
    pub fn in_body(pointer: &str, code: &'static str, detail: String) -> Self {
        Self { pointer: Some(format!("#{pointer}")), parameter: None, code, detail }
    }

    /// An error in this query parameter or header.
    #[must_use]
    pub fn in_parameter(name: &str, code: &'static str, detail: String) -> Self {
        Self { pointer: None, parameter: Some(name.to_owned()), code, detail }
    }
}

impl Problem {
    /// The problem of this type with these words.
    #[must_use]
    pub fn new(kind: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            version: None,
            retry_after_s: None,
            headers: Vec::new(),
        }
    }

    /// The problem of this type in its own general words.
    #[must_use]
    pub fn of(kind: ProblemType) -> Self {
        Self::new(kind, kind.about())
    }

    /// The problem with the places that it lies in, the first [`FIELD_ERRORS_MAX`] of them.
    #[must_use]
    pub fn with_errors(mut self, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(FIELD_ERRORS_MAX);
        self.errors = errors;
        self
    }

    /// That the resource is at this version, and not at the one that was named.
    #[must_use]
    pub fn stale(current: u64) -> Self {
        Self::new(ProblemType::Stale, format!("the resource has version {current} now")).with_version(current)
    }

    /// The problem with the aggregate's present version as its `ETag`.
    #[must_use]
    pub const fn with_version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// The problem with the seconds after which asking again may help.
    #[must_use]
    pub const fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The problem with headers that say more of it.
    #[must_use]
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// What type of problem it is.
    #[must_use]
    pub const fn kind(&self) -> ProblemType {
        self.kind
    }

    /// What happened this time, for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The places that it lies in.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Whether it says that a resource has moved on, of one to which nothing has happened yet.
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        self.kind == ProblemType::Stale && self.version == Some(0)
    }

    /// The problem, or that there is no such thing where it says that nothing has happened to it: "it has version 0" would
    /// be a strange thing to say.
    #[must_use]
    pub fn or_absent(self, absent: ProblemType) -> Self {
        if self.is_of_nothing() { Self::of(absent) } else { self }
    }

    /// The general problem that goes with a status that no handler of ours explained.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        Self::of(match status {
            StatusCode::NOT_FOUND => ProblemType::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ProblemType::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ProblemType::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemType::UnsupportedMediaType,
            status if status.is_client_error() => ProblemType::MalformedRequest,
            _ => ProblemType::Internal,
        })
    }
}

impl IntoResponse for Problem {
    /// The status with the problem beside it; [`render`] writes the body on the way out.
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A problem as it travels.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// The problem's type: a stable, relative URI that answers with its description.
    #[serde(rename = "type")]
    #[schema(example = "/problems/weights-do-not-add-up")]
    kind: &'a str,
    /// The type in a few words.
    #[schema(example = "The weights do not add up to 1")]
    title: &'static str,
    /// The HTTP status, again.
    #[schema(example = 422)]
    status: u16,
    /// What happened this time, for people.
    #[schema(example = "weights add up to 0.9, not to 1")]
    detail: &'a str,
    /// The places that it lies in, where there are such.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    /// The trace to ask an operator about.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: &'a str,
}

/// The response with its problem written down, or unchanged where it is none. Headers that say more, such as `Allow`,
/// stay.
#[must_use]
pub fn render(mut response: Response, trace_id: impl FnOnce() -> String) -> Response {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.status().is_client_error() || response.status().is_server_error() => {
            Problem::of_status(response.status())
        }
        None => return response,
    };
    let kind = problem.kind;
    let uri = kind.uri();
    let body = ProblemBody {
        kind: &uri,
        title: kind.title(),
        status: kind.status().as_u16(),
        detail: &problem.detail,
        errors: &problem.errors,
        trace_id: &trace_id(),
    };
    let bytes = serde_json::to_vec(&body).expect("a problem is strings and a number, which JSON can always say");
    *response.status_mut() = kind.status();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if kind.status() == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.extend(problem.headers);
    if kind.status() == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"insights\""));
    }
    if let Some(version) = problem.version {
        headers.insert(header::ETAG, crate::preconditions::etag(version));
    }
    *response.body_mut() = Body::from(bytes);
    response
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode, header};
    use axum::response::IntoResponse;

    use super::{FieldError, PROBLEM_JSON, Problem, ProblemType, render};

    async fn json(response: axum::response::Response) -> serde_json::Value {
        let bytes = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_problem_says_its_type_its_places_and_its_trace() {
        let error = FieldError::in_body("/name", "text-empty", "the text is empty".to_owned());
        let problem = Problem::new(ProblemType::InvalidBody, "one error").with_errors(vec![error]);
        let response = render(problem.into_response(), || "abc".to_owned());
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let body = json(response).await;
        assert_eq!(body["type"], "/problems/invalid-body");
        assert_eq!(body["trace_id"], "abc");
        assert_eq!(body["errors"][0]["pointer"], "#/name");
        assert_eq!(body["errors"][0].get("parameter"), None);
    }

    #[tokio::test]
    async fn a_bare_status_becomes_a_problem_and_keeps_its_headers() {
        let mut bare = StatusCode::METHOD_NOT_ALLOWED.into_response();
        bare.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        let response = render(bare, || "abc".to_owned());
        assert_eq!(response.headers()[header::ALLOW], "GET");
        assert_eq!(json(response).await["type"], "/problems/method-not-allowed");
    }

    #[tokio::test]
    async fn what_can_be_tried_again_says_when() {
        let response = render(Problem::of(ProblemType::Busy).into_response(), || "abc".to_owned());
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn a_good_answer_stays_as_it_is() {
        let response = render("fine".into_response(), || "abc".to_owned());
        assert_eq!(response.status(), StatusCode::OK);
    }
}
