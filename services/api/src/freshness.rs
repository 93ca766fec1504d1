//! `Insights-Min-Position`: a read that must not be older than a command waits for the read models.

use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use events::{Position, Stream};
use journal::Journal;
use projections::{Behind, Checkpoints};
use utoipa::IntoParams;

use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem, ProblemType};

/// The header that names the position.
pub const MIN_POSITION: &str = "insights-min-position";
/// How long a read waits.
pub const MIN_POSITION_WAIT: Duration = Duration::from_secs(2);

/// The read models have reached what the caller has seen.
pub struct CaughtUp;

impl<S> FromRequestParts<S> for CaughtUp
where
    S: Send + Sync,
    Checkpoints: FromRef<S>,
    Journal: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let positions = parse(&parts.headers)?;
        if !positions.is_empty() {
            let (checkpoints, journal) = (Checkpoints::from_ref(state), Journal::from_ref(state));
            let waits = positions.into_iter().map(|position| wait_for(&checkpoints, &journal, position));
            futures::future::try_join_all(waits).await?;
        }
        Ok(Self)
    }
}

async fn wait_for(checkpoints: &Checkpoints, journal: &Journal, position: Position) -> Result<(), Problem> {
    if position.sequence <= checkpoints.reached(position.stream).sequence {
        return Ok(());
    }
    // What has not happened yet is not worth waiting for. A log that does not answer now cannot tell; then we wait.
    match journal.last_position(position.stream).await {
        Ok(end) if position.sequence > end.sequence => {
            let detail = format!("the log has no {position} yet; it ends at {end}");
            Err(invalid_parameters(vec![FieldError::in_parameter(MIN_POSITION, "position-ahead-of-log", detail)]))
        }
        Ok(_) | Err(_) => Ok(checkpoints.wait_for(position, MIN_POSITION_WAIT).await?),
    }
}

impl From<Behind> for Problem {
    fn from(behind: Behind) -> Self {
        Self::new(ProblemType::ProjectionBehind, behind.to_string())
    }
}

/// How the header is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read by `CaughtUp`")]
pub struct MinPositionHeader {
    /// Waits until the read models have reached this `Insights-Position`, 2 s at most. Of each stream one may be named,
    /// separated by a comma.
    #[param(
        rename = "Insights-Min-Position",
        example = "advisory-1",
        pattern = "^(advisory-[0-9]{1,18}|market-[0-9]{1,18}|advisory-[0-9]{1,18}, ?market-[0-9]{1,18})$"
    )]
    insights_min_position: Option<String>,
}

fn parse(headers: &HeaderMap) -> Result<Vec<Position>, Problem> {
    let mut positions: Vec<Position> = Vec::new();
    for value in headers.get_all(MIN_POSITION) {
        for text in value.to_str().unwrap_or("?").split(',') {
            let invalid = |code, detail| invalid_parameters(vec![FieldError::in_parameter(MIN_POSITION, code, detail)]);
            let position: Position =
                text.trim().parse().map_err(|error| invalid("not-a-position", format!("{error}")))?;
            if positions.iter().any(|other| other.stream == position.stream) {
                return Err(invalid("stream-named-twice", format!("{} is named twice", position.stream.token())));
            }
            positions.push(position);
        }
    }
    debug_assert!(positions.len() <= Stream::ALL.len(), "each stream once");
    Ok(positions)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{MIN_POSITION, parse};

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(MIN_POSITION), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn one_position_of_each_stream_may_be_named() {
        assert!(parse(&HeaderMap::new()).unwrap().is_empty());
        assert_eq!(parse(&headers("advisory-4, market-2")).unwrap().len(), 2);
        for bad in ["4", "advisory", "advisory-4,advisory-5", "advisory-4,", ""] {
            assert!(parse(&headers(bad)).is_err(), "{bad}");
        }
    }
}
