//! A receiver of traces: OTLP over HTTP in, spans to ask for out.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;

use insights::private::{Folder, Process};
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::python::{python, text_if_there};
use crate::{eventually, must};

/// How often we choose a port: another process may take it between our choice and the receiver's start.
const START_ATTEMPTS_MAX: u32 = 5;

/// A running receiver.
#[derive(Debug)]
pub struct OtlpTap {
    // In this order: the receiver ends before its folder goes.
    _process: Process,
    port: u16,
    lines: PathBuf,
    _folder: Folder,
}

/// A span as it arrived. Ids are hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The trace that it is part of.
    pub trace_id: String,
    /// Its own id.
    pub span_id: String,
    /// The span that it is a part of, empty for the first.
    pub parent_span_id: String,
    /// What it is called.
    pub name: String,
    /// Start, in nanoseconds since 1970.
    pub start_ns: u64,
    /// End, in nanoseconds since 1970.
    pub end_ns: u64,
    /// Attributes; numbers and truth values as text.
    pub attributes: BTreeMap<String, String>,
    /// (trace id, span id) of the spans that it is linked to.
    pub links: Vec<(String, String)>,
    /// Whether it says that it failed.
    pub failed: bool,
}

impl OtlpTap {
    /// A receiver that listens.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        for _ in 1..START_ATTEMPTS_MAX {
            if let Some(tap) = Self::try_start().await {
                return tap;
            }
        }
        panic!("no receiver of traces after {START_ATTEMPTS_MAX} attempts");
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` should say, with `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every span so far, in the order of arrival.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        text_if_there(&self.lines).unwrap_or_default().lines().filter_map(parse).collect()
    }

    /// The spans of one trace, as soon as `complete` says that they are all there.
    ///
    /// # Panics
    /// If it does not say so in time; the message lists what has arrived.
    pub async fn trace(&self, trace_id: &str, complete: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        eventually(&format!("the trace {trace_id}"), async || {
            let mut spans = self.spans();
            spans.retain(|span| span.trace_id == trace_id);
            complete(&spans).then_some(spans)
        })
        .await
    }

    /// A receiver on a port that was free a moment ago, or none if it was taken.
    async fn try_start() -> Option<Self> {
        let folder = must("a folder for the receiver", Folder::temporary());
        let listener = must("a free port", TcpListener::bind(("127.0.0.1", 0)));
        let port = must("a free port", listener.local_addr()).port();
        drop(listener);
        let lines = folder.path().join("spans");
        let mut command = python();
        command.args(["-m", "oteltap", "--port", &port.to_string()]);
        let mut process = must("starting oteltap", Process::spawn("oteltap", &mut command, &lines));
        let listens = eventually("the receiver of traces", async || {
            if process.check_running().is_err() {
                return Some(false);
            }
            TcpStream::connect(("127.0.0.1", port)).await.ok()?;
            Some(true)
        });
        listens.await.then_some(Self { _process: process, port, lines, _folder: folder })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    links: Vec<Link>,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Attribute {
    key: String,
    /// `{"stringValue": ".."}`, `{"intValue": ".."}`, ...
    value: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: String,
    span_id: String,
}

#[derive(Deserialize)]
struct Status {
    code: i32,
}

/// `STATUS_CODE_ERROR`.
const FAILED: i32 = 2;

/// The span that a line holds, if it is whole and holds one.
fn parse(line: &str) -> Option<Span> {
    let line: Line = serde_json::from_str(line).ok()?;
    let attributes = line.attributes.into_iter().map(|attribute| {
        let value = attribute.value.into_values().next().unwrap_or_default();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (attribute.key, text)
    });
    Some(Span {
        trace_id: line.trace_id,
        span_id: line.span_id,
        parent_span_id: line.parent_span_id,
        name: line.name,
        start_ns: line.start_time_unix_nano.parse().ok()?,
        end_ns: line.end_time_unix_nano.parse().ok()?,
        attributes: attributes.collect(),
        links: line.links.into_iter().map(|link| (link.trace_id, link.span_id)).collect(),
        failed: line.status.is_some_and(|status| status.code == FAILED),
    })
}
