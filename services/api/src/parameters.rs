//! Query parameters, read strictly: one that is not known is an error, not ignored.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem};

/// The query's parameters, of exactly the form `T`.
pub struct Parameters<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                let source = std::error::Error::source(&rejection);
                let message = source.map_or_else(|| rejection.to_string(), ToString::to_string);
                Err(misfit(&message))
            }
        }
    }
}

fn misfit(message: &str) -> Problem {
    const MESSAGE_CHARS_MAX: usize = 300;
    let message: String = message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect();
    let name = message.split('`').nth(1).unwrap_or_default().to_owned();
    let code = if message.contains("unknown field") {
        "unknown-parameter"
    } else if message.contains("duplicate field") {
        "duplicate-parameter"
    } else if message.contains("missing field") {
        "missing-parameter"
    } else {
        "malformed"
    };
    invalid_parameters(vec![FieldError::in_parameter(&name, code, message.replace("field", "parameter"))])
}

#[cfg(test)]
mod tests {
    use axum::extract::{FromRequestParts, Request};
    use serde::Deserialize;

    use super::Parameters;
    use crate::problem::Problem;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        limit: Option<String>,
    }

    async fn read(uri: &str) -> Result<Option<String>, Problem> {
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        Parameters::<Form>::from_request_parts(&mut parts, &()).await.map(|Parameters(form)| form.limit)
    }

    #[tokio::test]
    async fn an_unknown_or_doubled_parameter_is_named() {
        assert_eq!(read("/x?limit=5").await.unwrap().as_deref(), Some("5"));
        for (uri, name, code) in
            [("/x?limti=5", "limti", "unknown-parameter"), ("/x?limit=5&limit=6", "limit", "duplicate-parameter")]
        {
            let problem = format!("{:?}", read(uri).await.unwrap_err());
            assert!(problem.contains(name) && problem.contains(code), "{problem}");
        }
    }
}
