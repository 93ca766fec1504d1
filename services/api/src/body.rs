//! JSON bodies, read strictly: declared as JSON, bounded, well-formed, and of exactly the form that is asked for.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::misfits::misfits;
use crate::objects::Object;
use crate::problem::{FieldError, Problem, ProblemType};

/// Bytes that a body may have where nothing else is said.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a body that is too large which are read and thrown away, so that the caller who is still sending gets the
/// answer instead of a broken connection.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A body of the form `T` with at most `BYTES_MAX` bytes.
pub struct JsonBody<T, const BYTES_MAX: usize = BODY_BYTES_MAX>(pub T);

impl<S, T, const BYTES_MAX: usize> FromRequest<S> for JsonBody<T, BYTES_MAX>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::of(ProblemType::UnsupportedMediaType));
        }
        let bytes = read(request.into_body(), BYTES_MAX).await?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let (essence, parameter) = value.split_once(';').unwrap_or((value, ""));
    let parameter = parameter.trim().to_ascii_lowercase();
    essence.trim().eq_ignore_ascii_case("application/json")
        && matches!(parameter.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"")
}

/// The bytes of a body.
///
/// # Errors
/// `body-too-large`, or that it broke off.
pub async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::with_capacity(declared.min(bytes_max));
    let mut total = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ProblemType::MalformedRequest, "the body broke off"))?;
        if total == 0 && chunk.len() == declared && declared <= bytes_max {
            return Ok(chunk);
        }
        total = total.saturating_add(chunk.len());
        if total <= bytes_max && declared <= bytes_max {
            bytes.extend_from_slice(&chunk);
        } else if total > DISCARDED_BYTES_MAX || declared > DISCARDED_BYTES_MAX {
            break;
        }
    }
    if total > bytes_max || declared > bytes_max {
        let detail = format!("the body has more than {bytes_max} bytes");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    Ok(bytes.into())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let detail = format!("the body is not UTF-8 after byte {}", error.valid_up_to());
        return Err(Problem::new(ProblemType::MalformedJson, detail));
    }
    // The path to an error costs an allocation for each field: it is looked for only where there is one.
    let read = serde_json::from_slice::<Object<T>>(bytes).map(|Object(body)| body);
    read.map_err(|error| match error.classify() {
        Category::Data => invalid_body(misfits::<T>(bytes, &error)),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::new(ProblemType::MalformedJson, format!("the body is not JSON: {error}"))
        }
    })
}

/// The problem that lists these errors of a body.
pub fn invalid_body(errors: Vec<FieldError>) -> Problem {
    let detail = match errors.as_slice() {
        [one] => one.detail.clone(),
        many => format!("{} fields are not as they should be", many.len()),
    };
    Problem::new(ProblemType::InvalidBody, detail).with_errors(errors)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::{FromRequest, Request};
    use axum::http::header;
    use axum::response::IntoResponse;
    use serde::Deserialize;

    use super::{DISCARDED_BYTES_MAX, JsonBody};
    use crate::problem::{Problem, ProblemType, render};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        name: String,
        targets: Vec<Target>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Target {
        weight: String,
    }

    async fn read(content_type: &str, body: impl Into<Body>) -> Result<Form, Problem> {
        let request = Request::builder().header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap();
        JsonBody::<Form, 100>::from_request(request, &()).await.map(|JsonBody(form)| form)
    }

    async fn error_of(body: &'static str) -> (String, String) {
        let response = render(read("application/json", body).await.unwrap_err().into_response(), || "t".to_owned());
        let bytes = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["type"], "/problems/invalid-body", "{json}");
        let error = &json["errors"][0];
        (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_body_of_the_right_form_is_read() {
        let form = read("application/json; charset=UTF-8", r#"{"name":"n","targets":[{"weight":"1"}]}"#).await.unwrap();
        assert_eq!((form.name.as_str(), form.targets[0].weight.as_str()), ("n", "1"));
    }

    #[tokio::test]
    async fn each_misfit_is_named_with_its_place() {
        let cases = [
            (r#"{"name":"n","targets":[],"nmae":1}"#, "#/nmae", "unknown-field"),
            (r#"{"name":"n","targets":[{"weight":1}]}"#, "#/targets/0/weight", "wrong-type"),
            (r#"{"name":"n","targets":[{}]}"#, "#/targets/0/weight", "missing-field"),
            (r#"{"targets":[]}"#, "#/name", "missing-field"),
            (r#"{"name":"n","name":"m","targets":[]}"#, "#/name", "duplicate-field"),
            (r#"{"name":null,"targets":[]}"#, "#/name", "wrong-type"),
            (r#"[]"#, "#", "wrong-type"),
            (r#"["n",[]]"#, "#", "wrong-type"),
            (r#""n""#, "#", "wrong-type"),
        ];
        for (body, pointer, code) in cases {
            assert_eq!(error_of(body).await, (pointer.to_owned(), code.to_owned()), "{body}");
        }
    }

    #[tokio::test]
    async fn what_is_not_json_is_told_apart_from_what_does_not_fit() {
        for body in ["", "{", "{\"name\":\"\u{1}\"}", "nope", r#"{"name":"n","targets":[]} x"#] {
            assert_eq!(read("application/json", body).await.unwrap_err().kind(), ProblemType::MalformedJson, "{body}");
        }
        let invalid_utf8 = read("application/json", b"{\"name\":\"\xff\"}".to_vec()).await;
        assert_eq!(invalid_utf8.unwrap_err().kind(), ProblemType::MalformedJson);
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_refused_whether_its_length_was_told_or_not() {
        let told = Body::from("x".repeat(101));
        assert_eq!(read("application/json", told).await.unwrap_err().kind(), ProblemType::BodyTooLarge);
        let chunk = || Ok::<_, std::io::Error>("x".repeat(60));
        let untold = Body::from_stream(futures::stream::iter([chunk(), chunk()]));
        assert_eq!(read("application/json", untold).await.unwrap_err().kind(), ProblemType::BodyTooLarge);
        let endless = Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(65_536))));
        assert_eq!(read("application/json", endless).await.unwrap_err().kind(), ProblemType::BodyTooLarge);
        const { assert!(DISCARDED_BYTES_MAX > 10 * 1024 * 1024, "the answer to 10 MB must reach its sender") };
    }

    #[tokio::test]
    async fn only_json_is_taken_for_json() {
        for content_type in ["text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded"] {
            let refused = read(content_type, "{}").await.unwrap_err();
            assert_eq!(refused.kind(), ProblemType::UnsupportedMediaType, "{content_type}");
        }
    }
}
