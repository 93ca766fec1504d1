//! A lean HTTP/1.1 client: one connection kept alive, requests that are bytes already, answers read as far as needed.
//! It must not take the machine from what it measures.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of an answer that we read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// One connection.
pub struct Connection {
    stream: TcpStream,
    host: String,
    token: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// What matters of an answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The version in `ETag`.
    pub version: u64,
    /// The sequence in `Insights-Position`.
    pub sequence: Option<u64>,
    /// The path in `Location`.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

impl Connection {
    /// A connection to this address for the bearer of this token.
    pub async fn open(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            host: address.to_string(),
            token: token.to_owned(),
            request: Vec::with_capacity(1_024),
            answer: Vec::with_capacity(2_048),
        })
    }

    /// The answer to one request. `headers` are whole lines, each with its line end.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> anyhow::Result<Answer> {
        use std::io::Write;
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{headers}",
            self.host, self.token
        )?;
        if body.is_empty() {
            self.request.extend_from_slice(b"\r\n");
        } else {
            let length = body.len();
            write!(self.request, "content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")?;
        }
        self.stream.write_all(&self.request).await?;
        self.read().await
    }

    async fn read(&mut self) -> anyhow::Result<Answer> {
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the connection was closed before the answer");
            }
            if let Some(answer) = parse(&self.answer)? {
                return Ok(answer);
            }
            if self.answer.len() > ANSWER_BYTES_MAX {
                bail!("an answer has more than {ANSWER_BYTES_MAX} bytes");
            }
        }
    }
}

/// The answer, once all of it is there.
fn parse(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).context("an answer's head is no text")?;
    let status = head.get(9..12).and_then(|code| code.parse().ok()).context("an answer without a status")?;
    let mut answer = Answer { status, version: 0, sequence: None, location: None, body: String::new() };
    let mut length = 0;
    for line in head.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().context("a content length that is no number")?;
        } else if name.eq_ignore_ascii_case("etag") {
            answer.version = value.trim_matches('"').parse().context("an ETag that is no version")?;
        } else if name.eq_ignore_ascii_case("insights-position") {
            answer.sequence = value.rsplit('-').next().and_then(|sequence| sequence.parse().ok());
        } else if name.eq_ignore_ascii_case("location") {
            answer.location = Some(value.to_owned());
        }
    }
    let Some(body) = bytes.get(end + 4..end + 4 + length) else { return Ok(None) };
    answer.body = String::from_utf8_lossy(body).into_owned();
    Ok(Some(answer))
}
