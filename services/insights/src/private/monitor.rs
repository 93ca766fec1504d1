//! Questions to a nats-server's monitoring port: plain HTTP on loopback, answered in JSON.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The longest answer we read, in bytes.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// No connection, or it broke.
    #[error("cannot ask the monitoring port {port} for {path}")]
    Io {
        /// The port on loopback.
        port: u16,
        /// What was asked.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An answer that is not 200 with JSON.
    #[error("the monitoring port {port} answers {path} with: {answer}")]
    Refused {
        /// The port on loopback.
        port: u16,
        /// What was asked.
        path: String,
        /// The first line of the answer.
        answer: String,
    },
}

/// What the server with this monitoring port says to `GET path`.
///
/// # Errors
/// [`MonitorError`] if it is not there, not in time, or says no.
pub(super) async fn ask(port: u16, path: &str) -> Result<serde_json::Value, MonitorError> {
    let answer = tokio::time::timeout(ANSWER_WITHIN, get(port, path))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| MonitorError::Io { port, path: path.to_owned(), source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    let refused = || MonitorError::Refused { port, path: path.to_owned(), answer: format!("{status}: {body}") };
    if status.split(' ').nth(1) != Some("200") {
        return Err(refused());
    }
    serde_json::from_str(body).map_err(|_| refused())
}

/// The whole answer as text. HTTP/1.0, so that it is neither chunked nor kept alive.
async fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}
