//! Trace context: into an event's headers, and from there into the consumers' spans.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::recorded::Recorded;

/// The span's W3C trace context, where it is part of a trace.
#[must_use]
pub fn trace_parent(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8()))
}

impl Recorded {
    /// Makes the span a part of the trace that the event was recorded in, where there was one.
    pub fn follow_trace(&self, span: &tracing::Span) {
        if let Some(context) = self.trace_parent() {
            follow_trace(context, span);
        }
    }
}

/// Makes the span a part of the trace with this W3C trace context, where it is one.
pub fn follow_trace(context: &str, span: &tracing::Span) {
    if let Some(remote) = parse(context) {
        let parent = opentelemetry::Context::new().with_remote_span_context(remote);
        // Fails only where no telemetry is installed; then there is no trace to be part of.
        if let Err(error) = span.set_parent(parent) {
            tracing::trace!(%error, "the span takes no parent");
        }
    }
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_trace_parent_is_read_and_rubbish_is_not() {
        let context = parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(context.is_sampled() && context.is_remote());
        for rubbish in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        ] {
            assert!(parse(rubbish).is_none(), "{rubbish}");
        }
    }
}
