//! The mail server that fails as told, and the receiver of traces.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use testbed::{Behaviour, Command, OtlpTap, SmtpSink, eventually};

/// TLS for both clients. Another test of this binary may have been first.
fn with_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn send(sink: &SmtpSink) -> Result<(), Error> {
    with_tls();
    let authority = std::fs::read(sink.authority()).unwrap();
    let tls = TlsParameters::builder("localhost".to_owned())
        .add_root_certificate(Certificate::from_pem(&authority).unwrap())
        .build()
        .unwrap();
    let url: url::Url = sink.url().parse().unwrap();
    let login = Credentials::new(url.username().to_owned(), url.password().unwrap().to_owned());
    let mailer = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(sink.port())
        .tls(Tls::Required(tls))
        .credentials(login)
        .build();
    let address = |name: &str| Mailbox::new(None, format!("{name}@example.com").parse().unwrap());
    let letter = Message::builder()
        .from(address("adviser"))
        .to(address("client"))
        .subject("Your portfolio")
        .message_id(Some("<1@example.com>".to_owned()))
        .body("Dear client".to_owned())
        .unwrap();
    mailer.send(letter).await.map(drop)
}

#[tokio::test]
async fn a_letter_arrives_whole_over_tls_after_a_login() {
    let sink = SmtpSink::start().await;
    send(&sink).await.unwrap();
    let letters = sink.wait_for_letters(1).await;
    assert_eq!(letters[0].mail_from, "adviser@example.com");
    assert_eq!(letters[0].rcpt_tos, ["client@example.com"]);
    assert!(letters[0].tls && letters[0].authenticated);
    assert_eq!(letters[0].header("message-id").as_deref(), Some("<1@example.com>"));
    assert!(letters[0].content.contains("Dear client"));
}

#[tokio::test]
async fn a_refusal_says_what_it_was_told_to_say_and_so_often() {
    let sink = SmtpSink::start().await;
    sink.behave(Behaviour::greylist(2));
    for _ in 0..2 {
        assert!(send(&sink).await.unwrap_err().is_transient());
    }
    send(&sink).await.unwrap();

    sink.behave(Behaviour::Answer { at: Command::Data, line: "550 5.7.1 no", times: None });
    assert!(send(&sink).await.unwrap_err().is_permanent());
    sink.behave(Behaviour::Answer { at: Command::Auth, line: "535 5.7.8 no", times: Some(1) });
    assert!(send(&sink).await.unwrap_err().is_permanent());
    sink.behave(Behaviour::Well);
    send(&sink).await.unwrap();
    assert_eq!(sink.letters().len(), 2);
}

#[tokio::test]
async fn a_cut_after_the_letter_keeps_it_and_tells_nobody() {
    let sink = SmtpSink::start().await;
    sink.behave(Behaviour::KeepAndCut { times: Some(1) });
    let error = send(&sink).await.unwrap_err();
    assert!(!error.is_transient() && !error.is_permanent(), "{error}");
    assert_eq!(sink.wait_for_letters(1).await.len(), 1);

    sink.behave(Behaviour::Cut { at: Command::Rcpt, times: Some(1) });
    assert!(send(&sink).await.is_err());
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn a_hanging_server_answers_late() {
    let sink = SmtpSink::start().await;
    let time = Duration::from_millis(500);
    sink.behave(Behaviour::Hang { at: Command::Mail, time });
    let started = std::time::Instant::now();
    send(&sink).await.unwrap();
    assert!(started.elapsed() >= time);
}

#[tokio::test]
async fn a_span_arrives_with_its_attributes() {
    with_tls();
    let tap = OtlpTap::start().await;
    let endpoint = format!("{}/v1/traces", tap.endpoint());
    let sent = tokio::task::spawn_blocking(move || {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .unwrap();
        let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_simple_exporter(exporter).build();
        let mut span = provider.tracer("harness").start("hello");
        span.set_attribute(opentelemetry::KeyValue::new("answer", 42));
        let id = span.span_context().trace_id().to_string();
        span.end();
        provider.shutdown().unwrap();
        id
    });
    let trace_id = sent.await.unwrap();
    let spans = tap.trace(&trace_id, |spans| !spans.is_empty()).await;
    assert_eq!(spans[0].name, "hello");
    assert_eq!(spans[0].attributes["answer"], "42");
    assert!(spans[0].end_ns >= spans[0].start_ns);
    assert!(!spans[0].failed);
    eventually("the same list", async || (tap.spans() == spans).then_some(())).await;
}
