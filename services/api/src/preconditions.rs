//! `ETag` and `If-Match`: a change names the version that it is meant for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use journal::Expect;
use utoipa::IntoParams;

use crate::problem::{Problem, ProblemType};

/// The tag of a version: `"3"`.
#[must_use]
pub fn etag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits in quotation marks are a header value")
}

/// The response with its version's tag.
#[must_use]
pub fn tagged(version: u64, mut response: Response) -> Response {
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}

/// The version that a change is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub u64);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(&parts.headers).map(Self)
    }
}

/// How an asset has to stand that is told something: at the version that `If-Match` names, or anyhow where it names none. What
/// is told of an asset mostly comes from a source that knows of no versions; what somebody decides may name what they saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaybeIfMatch(pub Expect);

impl<S: Sync> FromRequestParts<S> for MaybeIfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.headers.contains_key(header::IF_MATCH) {
            parse(&parts.headers).map(|version| Self(Expect::Version(version)))
        } else {
            Ok(Self(Expect::Any))
        }
    }
}

/// How the header is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read by `IfMatch`")]
pub struct IfMatchHeader {
    /// The ETag of the version that the change is meant for.
    #[param(rename = "If-Match", example = "\"1\"", pattern = r#"^"[1-9][0-9]*"$"#)]
    if_match: String,
}

/// How the header is described where it may be there.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read by `MaybeIfMatch`")]
pub struct OptionalIfMatchHeader {
    /// The ETag of the only version that this is meant for; of any version where it is not there.
    #[param(
        rename = "If-Match",
        value_type = String,
        required = false,
        example = "\"1\"",
        pattern = r#"^"[1-9][0-9]*"$"#
    )]
    if_match: (),
}

fn parse(headers: &HeaderMap) -> Result<u64, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let value = values.next().ok_or_else(|| Problem::of(ProblemType::IfMatchMissing))?;
    let invalid = || Problem::of(ProblemType::IfMatchInvalid);
    if values.next().is_some() {
        return Err(invalid());
    }
    let digits = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')).ok_or_else(invalid)?;
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    digits.parse().map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{etag, parse};
    use crate::problem::ProblemType;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_tag_reads_back() {
        for version in [1, 42, u64::MAX] {
            assert_eq!(parse(&HeaderMap::from_iter([(header::IF_MATCH, etag(version))])).unwrap(), version);
        }
    }

    #[test]
    fn a_change_without_a_version_is_told_apart_from_one_with_rubbish() {
        assert_eq!(parse(&HeaderMap::new()).unwrap_err().kind(), ProblemType::IfMatchMissing);
        for rubbish in
            ["*", "1", "W/\"1\"", "\"1\", \"2\"", "\"0\"", "\"01\"", "\"\"", "\"-1\"", "\"99999999999999999999\""]
        {
            assert_eq!(parse(&headers(rubbish)).unwrap_err().kind(), ProblemType::IfMatchInvalid, "{rubbish}");
        }
    }
}
