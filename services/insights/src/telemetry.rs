//! Telemetry: log lines for people or machines, and traces to an OTLP receiver.

use std::io::IsTerminal;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::settings::{LogFormat, Settings};

/// What the trace exporter itself uses must not be traced, or each export makes another.
const NOT_TRACED: &str =
    "info,h2=off,hyper=off,hyper_util=off,tonic=off,tower=off,reqwest=off,rustls=off,sqlx=off,async_nats=off";

/// Telemetry at work. Dropping it loses what was not exported yet; [`Telemetry::shutdown`] does not.
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter cannot be read.
    #[error("the log filter cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be made.
    #[error("the trace exporter cannot be made")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something else has set up telemetry in this process.
    #[error("telemetry is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging, and tracing where a receiver is set. Without a receiver spans still have trace ids, so that
/// problems and events can name them. `service` names this process in traces, such as `insights-api`.
///
/// # Errors
/// Where the filter is wrong, the exporter cannot be made, or telemetry is running already.
pub fn start(settings: &Settings, service: &str) -> Result<Telemetry, TelemetryError> {
    let mut provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_attribute(KeyValue::new("service.name", service.to_owned())).build());
    if !settings.otlp_endpoint.is_empty() {
        let endpoint = format!("{}/v1/traces", settings.otlp_endpoint.trim_end_matches('/'));
        let exporter =
            SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(endpoint).build()?;
        provider = provider.with_batch_exporter(exporter);
    }
    let provider = provider.build();
    // What a span says of threads, source lines and idle time is read by nobody and measured on every request.
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("insights"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(EnvFilter::try_new(NOT_TRACED)?);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(traces)
        .with(lines.with_filter(EnvFilter::try_new(&settings.log)?))
        .try_init()?;
    Ok(Telemetry { provider })
}

impl Telemetry {
    /// Exports what is left. Blocks; to be called outside the asynchronous runtime.
    pub fn shutdown(self) {
        if let Err(error) = self.provider.shutdown() {
            eprintln!("insights: the last traces could not be exported: {error}");
        }
    }
}
