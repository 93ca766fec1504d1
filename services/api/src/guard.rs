//! What every request goes through, in one place: its trace, how many run at once, who calls, how long it may take, a
//! net under panics, problems written down, and security headers.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use events::values::Actor;
use futures::FutureExt;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::access::Callers;
use crate::access::quota::{Quota, Standing, seconds};
use crate::as_of::has_come;
use crate::limits::Limits;
use crate::operations::{Operation, Operations};
use crate::problem::{Problem, ProblemType, render};
use crate::queries;
use crate::rights::{self, May};
use crate::state::Clock;
use crate::trace::{RequestTrace, TRACEPARENT};

/// Below this, nothing is done for strangers: not even a resource's absence is told.
const GUARDED: &str = "/v1";

/// The window of the quota for requests.
const QUOTA_WINDOW: Duration = Duration::from_secs(60);

/// What the guard works with.
pub struct Guard {
    callers: Callers,
    operations: Operations,
    requests: Quota<Actor>,
    in_flight: Semaphore,
    limits: Limits,
    clock: Clock,
}

impl Guard {
    /// A guard that lets callers do what these operations let them, within these limits.
    #[must_use]
    pub fn new(callers: Callers, operations: Operations, limits: Limits, clock: Clock) -> Self {
        let requests = Quota::new("requests", limits.requests_per_minute, QUOTA_WINDOW);
        let in_flight = Semaphore::new(limits.requests_in_flight_max);
        Self { callers, operations, requests, in_flight, limits, clock }
    }

    /// Lets the request in: its caller, noted for the handler, may ask this, and all that its query says is understood.
    async fn admit(
        &self,
        request: &mut Request,
        operation: Option<&Operation>,
        standing: &OnceLock<Standing>,
    ) -> Result<(), Problem> {
        if is_guarded(request.uri().path()) && operation.is_none_or(|operation| operation.may != May::Anybody) {
            let principal = self.callers.principal(request.method(), request.headers()).await?;
            // Who stands behind the credential: whoever makes themselves more tokens may not ask more often.
            let asked = self.requests.ask(principal.caller.clone());
            standing.get_or_init(|| asked);
            if !asked.granted {
                return Err(Problem::of(ProblemType::TooManyRequests).with_retry_after(seconds(asked.more_in)));
            }
            if let Some(operation) = operation {
                rights::check(&operation.may, &principal, request.method())?;
            }
            request.extensions_mut().insert(principal);
        }
        let Some(Operation { parameters, .. }) = operation else { return Ok(()) };
        queries::check(parameters, request.uri().query())?;
        if parameters.contains("as_of") { has_come(request.uri().query(), self.clock.now()) } else { Ok(()) }
    }

    async fn answer(
        &self,
        mut request: Request,
        next: Next,
        operation: Option<&Operation>,
        standing: &OnceLock<Standing>,
    ) -> Result<Response, Problem> {
        let _permit = self.in_flight.try_acquire().map_err(|_| Problem::of(ProblemType::Busy))?;
        let answered = async {
            self.admit(&mut request, operation, standing).await?;
            Ok(next.run(request).await)
        };
        // Nothing that a handler shares is left half-done by a panic: caches take whole values, the journal's queue is
        // built for futures that end anywhere.
        let caught = AssertUnwindSafe(answered).catch_unwind();
        match tokio::time::timeout(self.limits.request_time, caught).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => {
                // The panic hook has told what; its words may be anybody's and are not repeated.
                tracing::error!("a handler panicked");
                Err(Problem::of(ProblemType::Internal))
            }
            Err(_elapsed) => {
                tracing::warn!("a request was not answered within its time");
                Err(Problem::of(ProblemType::TimedOut))
            }
        }
    }
}

/// The answer to the request, whatever happens.
pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let trace = RequestTrace::begin(&request);
    let (operation, standing) = (guard.operations.asked_for(&request), OnceLock::new());
    let answer = guard.answer(request, next, operation, &standing).instrument(trace.span().clone()).await;
    let mut response = render(answer.into_response(), || trace.trace_id());
    trace.end(response.status());
    let headers = response.headers_mut();
    headers.insert(TRACEPARENT, trace.traceparent());
    if let Some(&standing) = standing.get() {
        headers.extend(guard.requests.headers(standing));
    }
    if let Some(deprecation) = operation.and_then(|operation| operation.deprecation.as_ref()) {
        deprecation.tell(headers);
    }
    secure(headers);
    response
}

fn is_guarded(path: &str) -> bool {
    path.strip_prefix(GUARDED).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Headers that keep a browser from doing more with an answer than it is for. A handler may have said it more precisely.
fn secure(headers: &mut HeaderMap) {
    const SECURITY: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in SECURITY {
        headers.entry(name).or_insert_with(|| HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::is_guarded;

    #[test]
    fn everything_under_v1_is_guarded_and_nothing_beside_it() {
        for path in ["/v1", "/v1/", "/v1/advisors", "/v1/there/is/no/such"] {
            assert!(is_guarded(path), "{path}");
        }
        for path in ["/", "/v10/advisors", "/healthz", "/problems/v1"] {
            assert!(!is_guarded(path), "{path}");
        }
    }
}
