//! One span for each request: part of the caller's trace where there is one, and named in the answer.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// The header of W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace of one request.
pub struct RequestTrace {
    span: Span,
    context: SpanContext,
}

impl RequestTrace {
    /// The trace of this request, from now on. The span has the method and the route's template, never a path or a
    /// query: those may hold what does not belong into telemetry.
    #[must_use]
    pub fn begin(request: &Request) -> Self {
        let method = request.method().as_str();
        let route = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str);
        let span = info_span!(
            "http.request",
            otel.name = format!("{method} {route}"),
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            trace_id = Empty,
        );
        let remote = caller_context(request.headers());
        if let Some(remote) = remote.clone() {
            let parent = opentelemetry::Context::new().with_remote_span_context(remote);
            // Fails only where no telemetry is installed; then there is nothing to be part of.
            if let Err(error) = span.set_parent(parent) {
                tracing::trace!(%error, "the span takes no parent");
            }
        }
        let telemetry = span.context().span().span_context().clone();
        let context = if telemetry.is_valid() { telemetry } else { own_context(remote.as_ref()) };
        span.record("trace_id", tracing::field::display(context.trace_id()));
        Self { span, context }
    }

    /// The request's span.
    #[must_use]
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// The trace's id in hexadecimal.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.context.trace_id().to_string()
    }

    /// The span's `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> HeaderValue {
        let (trace, span) = (self.context.trace_id(), self.context.span_id());
        let text = format!("00-{trace}-{span}-{:02x}", self.context.trace_flags().to_u8());
        HeaderValue::try_from(text).expect("hexadecimal digits and hyphens are a header value")
    }

    /// Notes how the request went.
    pub fn end(&self, status: StatusCode) {
        self.span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// The trace context that the caller sent, if it is one.
fn caller_context(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let mut parts = value.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, len| text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let complete = version != "00" || parts.next().is_none();
    if !hex(version, 2) || version == "ff" || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) || !complete {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// A context for a request that no telemetry follows, so that its problem can still be found in the logs.
fn own_context(remote: Option<&SpanContext>) -> SpanContext {
    let chance = Uuid::new_v4();
    let (high, low) = chance.as_u64_pair();
    let trace = remote.map_or_else(|| TraceId::from(chance.as_u128()), SpanContext::trace_id);
    SpanContext::new(trace, SpanId::from(high ^ low), TraceFlags::default(), false, TraceState::default())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::{HeaderMap, HeaderValue};

    use super::{RequestTrace, TRACEPARENT, caller_context};

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(TRACEPARENT, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_caller_s_trace_is_taken_up_and_rubbish_is_not() {
        assert!(caller_context(&headers(CALLER)).is_some());
        for rubbish in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert!(caller_context(&headers(rubbish)).is_none(), "{rubbish}");
        }
    }

    #[test]
    fn without_telemetry_the_trace_id_is_the_caller_s_or_a_new_one() {
        let request = Request::builder().header(TRACEPARENT, CALLER).body(Body::empty()).unwrap();
        let trace = RequestTrace::begin(&request);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(trace.traceparent(), CALLER);
        let (one, other) = (Request::new(Body::empty()), Request::new(Body::empty()));
        assert_ne!(RequestTrace::begin(&one).trace_id(), RequestTrace::begin(&other).trace_id());
    }
}
