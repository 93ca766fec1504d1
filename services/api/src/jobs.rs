//! `/v1/jobs/{id}`: computations that outlast a request. They live in this process and are recorded nowhere: whoever
//! misses one asks for the computation again, and gets the same answer.

mod asking;
mod kept;
mod view;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::access::Caller;
use crate::described::problems;
use crate::desk::Asker;
use crate::paths::Id;
use crate::problem::{Problem, ProblemType};
use crate::state::Office;

use asking::RESPOND_ASYNC;
pub use asking::{Asking, PreferHeader};
pub use kept::{JobId, Jobs};
pub use view::{JobState, JobView};

/// Seconds after which it makes sense to look again.
const LOOK_AGAIN_S: HeaderValue = HeaderValue::from_static("1");
/// What was done of the caller's preferences.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The answer, or a job that will have it where it was asked for as one or takes long.
///
/// # Errors
/// Why there is no answer, or no job.
pub async fn answered<T, W>(
    office: &Office,
    asking: Asking,
    takes_long: bool,
    work: impl FnOnce(Office, Asker) -> W,
) -> Result<Response, Problem>
where
    T: Serialize,
    W: Future<Output = Result<T, Problem>> + Send + 'static,
{
    if !(takes_long || asking.as_job) {
        return Ok(Json(work(office.clone(), Asker::default()).await?).into_response());
    }
    let id = office.jobs.start(asking.caller, |asker| work(office.clone(), asker))?;
    let view = JobView { id: id.0, state: JobState::Waiting, progress: 0.0, result: None, problem: None };
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    let location = HeaderValue::try_from(format!("/v1/jobs/{}", id.0)).expect("an id is visible ASCII");
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::RETRY_AFTER, LOOK_AGAIN_S);
    if asking.as_job {
        headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
    }
    Ok(response)
}

problems!(JobProblems: ANY, GUARDED; JobUnknown);

/// Shows a job, with its result once it is done.
///
/// Jobs live in the process that took the request, for ten minutes after they have ended. One that is gone is asked for
/// again: the same request with the same prices has the same answer.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "computations", operation_id = "getJob",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid)), responses((status = 200, body = JobView), JobProblems))]
pub async fn show(State(office): State<Office>, caller: Caller, Id(id): Id<JobId>) -> Result<Response, Problem> {
    let view = office.jobs.show(id, &caller.principal.caller).ok_or_else(|| Problem::of(ProblemType::JobUnknown))?;
    let open = matches!(view.state, JobState::Waiting | JobState::Running);
    let mut response = Json(view).into_response();
    if open {
        response.headers_mut().insert(header::RETRY_AFTER, LOOK_AGAIN_S);
    }
    Ok(response)
}

/// Cancels a job, and forgets it.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "computations", operation_id = "cancelJob",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, format = Uuid)), responses((status = 204, description = "It is gone."), JobProblems))]
pub async fn cancel(State(office): State<Office>, caller: Caller, Id(id): Id<JobId>) -> Result<StatusCode, Problem> {
    if office.jobs.cancel(id, &caller.principal.caller) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::of(ProblemType::JobUnknown))
    }
}
