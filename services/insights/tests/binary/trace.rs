//! One trace, from the HTTP request to the letter, at a real receiver and with a real mail server.

use insights::private::Folder;
use testbed::{OtlpTap, SmtpSink};

use crate::{ended, insights};

#[tokio::test]
async fn a_recommendation_is_one_trace_from_the_request_to_the_mail_server() {
    let (folder, tap, sink) = (Folder::temporary().unwrap(), OtlpTap::start().await, SmtpSink::start().await);
    let mut demo = insights(folder.path(), &["demo"]);
    demo.env("OTEL_EXPORTER_OTLP_ENDPOINT", tap.endpoint())
        .env("INSIGHTS_SMTP_URL", sink.url())
        .env("INSIGHTS_SMTP_CA_FILE", sink.authority());
    let (well, printed, complained) = ended(&mut demo).await;
    assert!(well, "{printed}\n{complained}");
    assert_eq!(sink.letters().len(), 1);

    let trace = printed.lines().find_map(|line| line.strip_prefix("trace ")).expect("it says which trace").trim();
    let named = |spans: &[testbed::Span], name: &str| spans.iter().any(|span| span.name.contains(name));
    let spans = tap.trace(trace, |spans| named(spans, "notify.send") && named(spans, "/recommendations")).await;

    // Every span hangs on another of the same trace, up to the request's own.
    let request = spans.iter().find(|span| span.parent_span_id.is_empty()).expect("a span that began it");
    assert!(request.name.contains("/v1/portfolios/{id}/recommendations"), "{}", request.name);
    for span in &spans {
        let hangs = span.span_id == request.span_id || spans.iter().any(|other| other.span_id == span.parent_span_id);
        assert!(hangs, "{} hangs on nothing", span.name);
    }
    let send = spans.iter().find(|span| span.name.contains("notify.send")).unwrap();
    let mut way = vec![send.name.as_str()];
    let mut at = send;
    while let Some(parent) = spans.iter().find(|span| span.span_id == at.parent_span_id) {
        way.push(&parent.name);
        at = parent;
    }
    assert_eq!(at.span_id, request.span_id, "{way:?}");

    for span in tap.spans() {
        let all = format!("{span:?}");
        assert!(!all.contains("joao.pereira") && !all.contains("João"), "personal data in {all}");
    }
}
