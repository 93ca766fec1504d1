//! One trace from the command to whoever follows its event.

use events::Portfolio;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use testbed::Log;
use tracing::instrument::WithSubscriber;
use tracing::{Instrument, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use crate::given::{context, create, created, portfolio, subject};

fn trace_of(span: &tracing::Span) -> String {
    span.context().span().span_context().trace_id().to_string()
}

#[tokio::test]
async fn an_event_carries_the_trace_of_its_command_to_its_consumers() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);

    let traced = async {
        let span = info_span!("request");
        let id = portfolio("savings");
        let (command, context) = (create("savings"), context(&["create"]));
        journal.execute::<Portfolio>(&id, &command, &context).instrument(span.clone()).await.unwrap();
        let event = journal.history(&subject(id)).await.unwrap().remove(0);
        let parent = event.trace_parent().unwrap().to_owned();
        let consumer = info_span!("consumer");
        event.follow_trace(&consumer);
        (trace_of(&span), parent, trace_of(&consumer))
    };
    let (request, parent, consumer) = traced.with_subscriber(subscriber).await;

    assert_ne!(request, "0".repeat(32));
    assert_eq!(consumer, request);
    assert!(parent.starts_with(&format!("00-{request}-")), "{parent} is not of {request}");
}

#[tokio::test]
async fn without_telemetry_an_event_carries_no_trace() {
    let log = Log::one().await;
    let journal = log.journal().await;
    let id = created(&journal, "savings").await;
    let event = journal.history(&subject(id)).await.unwrap().remove(0);
    assert_eq!(event.trace_parent(), None);
}
