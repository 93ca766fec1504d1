//! How a job travels.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{FieldError, Problem};

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// For its turn, or for prices.
    Waiting,
    /// It is computed.
    Running,
    /// It has a result.
    Done,
    /// It has a problem instead.
    Failed,
}

/// A computation that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    /// Its id.
    pub(super) id: Uuid,
    /// How it stands.
    pub(super) state: JobState,
    /// The share that is done, about: 1 is all.
    pub(super) progress: f64,
    /// The answer that the request would have had; `null` until the job is done.
    #[schema(required, value_type = Option<Object>)]
    pub(super) result: Option<Box<RawValue>>,
    /// Why there is no answer; `null` unless the job has failed.
    #[schema(required)]
    pub(super) problem: Option<JobProblem>,
}

/// The problem that the request would have been answered with.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobProblem {
    /// The problem's type.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-computable")]
    pub(super) kind: String,
    /// The type in a few words.
    title: &'static str,
    /// The HTTP status that goes with it.
    pub(super) status: u16,
    /// What happened this time, for people.
    detail: String,
    /// The places that it lies in, where there are such.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl From<&Problem> for JobProblem {
    fn from(problem: &Problem) -> Self {
        let kind = problem.kind();
        Self {
            kind: kind.uri(),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: problem.detail().to_owned(),
            errors: problem.errors().to_vec(),
        }
    }
}
