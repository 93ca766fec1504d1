//! How problems stand in the OpenAPI document: by status, each with its types.

use std::collections::BTreeMap;

use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::{PROBLEM_JSON, ProblemType};

/// What any request may meet.
pub const ANY: &[ProblemType] = &[
    ProblemType::MalformedRequest,
    ProblemType::InvalidParameter,
    ProblemType::Busy,
    ProblemType::TimedOut,
    ProblemType::Internal,
];
/// What any request under `/v1` may meet besides.
pub const GUARDED: &[ProblemType] = &[
    ProblemType::Unauthenticated,
    ProblemType::Forbidden,
    ProblemType::CsrfTokenMissing,
    ProblemType::TooManyRequests,
    ProblemType::DatabaseUnavailable,
    ProblemType::LogUnavailable,
];
/// What any read may meet besides.
pub const READ: &[ProblemType] = &[ProblemType::ProjectionBehind];
/// What anything with a body may meet besides.
pub const BODY: &[ProblemType] = &[
    ProblemType::UnsupportedMediaType,
    ProblemType::BodyTooLarge,
    ProblemType::MalformedJson,
    ProblemType::InvalidBody,
];
/// What any command may meet besides.
pub const COMMAND: &[ProblemType] = &[
    ProblemType::UnsupportedMediaType,
    ProblemType::BodyTooLarge,
    ProblemType::MalformedJson,
    ProblemType::InvalidBody,
    ProblemType::IdempotencyKeyInvalid,
    ProblemType::IdempotencyKeyReused,
    ProblemType::OutcomeUnknown,
    ProblemType::ConflictingWrites,
    ProblemType::LogUnavailable,
];
/// What any import may meet besides.
pub const IMPORT: &[ProblemType] = &[
    ProblemType::UnsupportedMediaType,
    ProblemType::BodyTooLarge,
    ProblemType::MalformedCsv,
    ProblemType::ImportRefused,
    ProblemType::IdempotencyKeyInvalid,
    ProblemType::IdempotencyKeyReused,
    ProblemType::OutcomeUnknown,
    ProblemType::ConflictingWrites,
    ProblemType::LogUnavailable,
];
/// What any computation may meet besides: it has a body, reads, and records nothing.
pub const COMPUTATION: &[ProblemType] = &[
    ProblemType::UnsupportedMediaType,
    ProblemType::BodyTooLarge,
    ProblemType::MalformedJson,
    ProblemType::InvalidBody,
    ProblemType::ProjectionBehind,
    ProblemType::NoSuchAssets,
    ProblemType::NotComputable,
    ProblemType::ComputationTooLarge,
    ProblemType::LogUnavailable,
];
/// What any POST may meet besides.
pub const KEYED: &[ProblemType] = &[ProblemType::IdempotencyKeyMissing];
/// What any change of a version may meet besides.
pub const CONDITIONAL: &[ProblemType] = &[ProblemType::IfMatchMissing, ProblemType::IfMatchInvalid, ProblemType::Stale];

/// What a change may meet besides that may say which version it is for.
pub const PERHAPS_CONDITIONAL: &[ProblemType] = &[ProblemType::IfMatchInvalid, ProblemType::Stale];

/// The responses that describe these problems.
#[must_use]
pub fn problem_responses(groups: &[&[ProblemType]]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<ProblemType>> = BTreeMap::new();
    for &kind in groups.iter().copied().flatten() {
        let of_status = by_status.entry(kind.status().as_u16()).or_default();
        if !of_status.contains(&kind) {
            of_status.push(kind);
        }
    }
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), RefOr::T(response(status, &kinds)))).collect()
}

fn response(status: u16, kinds: &[ProblemType]) -> Response {
    let lines: Vec<String> = kinds.iter().map(|kind| format!("* `{}`: {}", kind.uri(), kind.title())).collect();
    let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    for kind in kinds {
        let example = serde_json::json!({
            "type": kind.uri(),
            "title": kind.title(),
            "status": status,
            "detail": kind.about(),
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        });
        content = content.examples_from_iter([(
            kind.code(),
            ExampleBuilder::new().summary(kind.title()).value(Some(example)).build(),
        )]);
    }
    ResponseBuilder::new().description(lines.join("\n")).content(PROBLEM_JSON, content.build()).build()
}

/// A type that describes problems as responses: `problems!(pub CreateProblems: ANY, KEYED; NoSuchAdvisor)`.
macro_rules! problems {
    ($name:ident: $($group:ident),*; $($kind:ident),* $(,)?) => {
        /// The problems that the operation may meet.
        pub struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                let own: &[$crate::problem::ProblemType] = &[$($crate::problem::ProblemType::$kind),*];
                $crate::described::problem_responses(&[$($crate::described::$group,)* own])
            }
        }
    };
}
pub(crate) use problems;
