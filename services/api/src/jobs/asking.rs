//! Who asks for a computation, and whether they would rather look for the answer later.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use events::values::Actor;
use utoipa::IntoParams;

use crate::access::Caller;
use crate::problem::Problem;

/// The preference for a job (RFC 7240).
pub(super) const RESPOND_ASYNC: &str = "respond-async";
/// Where it stands.
const PREFER: &str = "prefer";

/// Who asks for a computation, and whether as a job.
#[derive(Debug, Clone)]
pub struct Asking {
    pub(super) caller: Actor,
    pub(super) as_job: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Caller { principal, .. } = Caller::from_request_parts(parts, state).await?;
        Ok(Self { caller: principal.caller.clone(), as_job: prefers_job(&parts.headers) })
    }
}

/// Whether one of the preferences is to be answered later; others are none of ours, and are passed over.
fn prefers_job(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(RESPOND_ASYNC)))
}

/// How the header is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read by `Asking`")]
pub struct PreferHeader {
    /// `respond-async` asks for a job (RFC 7240). What takes long becomes one in any case.
    #[param(rename = "Prefer", value_type = String, required = false, example = "respond-async")]
    prefer: (),
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::prefers_job;

    #[test]
    fn only_the_preference_for_a_job_makes_one() {
        let with = |values: &[&'static str]| -> HeaderMap {
            values
                .iter()
                .map(|value| (axum::http::HeaderName::from_static("prefer"), HeaderValue::from_static(value)))
                .collect()
        };
        assert!(prefers_job(&with(&["respond-async"])) && prefers_job(&with(&["wait=5", "x, Respond-Async"])));
        for other in [&[][..], &["respond-asynchronously"], &["return=minimal"]] {
            assert!(!prefers_job(&with(other)), "{other:?}");
        }
    }
}
