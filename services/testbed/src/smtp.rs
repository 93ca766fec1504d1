//! A mail server that keeps what it gets and fails as it is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use insights::private::{Folder, Process};
use serde::Deserialize;

use crate::certificates::Certificates;
use crate::python::{python, text_if_there};
use crate::{eventually, must};

/// The server, written by us on top of a Python library.
const SCRIPT: &str = include_str!("../smtp_sink.py");
/// Who may log in.
const USER: &str = "insights";

/// A running mail server with a certificate of its own authority.
#[derive(Debug)]
pub struct SmtpSink {
    // In this order: the server ends before its folder goes.
    _process: Process,
    port: u16,
    password: String,
    orders: AtomicU32,
    folder: Folder,
}

/// A step of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The login.
    Auth,
    /// The sender.
    Mail,
    /// The recipient.
    Rcpt,
    /// The letter, complete.
    Data,
}

/// How the server treats a step from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// As it should.
    Well,
    /// Answers with this line, such as `451 4.3.0 later` or `550 5.1.1 nobody here`.
    Answer {
        /// The step.
        at: Command,
        /// The line.
        line: &'static str,
        /// So many times; `None` is every time.
        times: Option<u32>,
    },
    /// Waits before it goes on.
    Hang {
        /// The step.
        at: Command,
        /// How long.
        time: Duration,
    },
    /// Closes the connection instead of an answer.
    Cut {
        /// The step.
        at: Command,
        /// So many times; `None` is every time.
        times: Option<u32>,
    },
    /// Keeps the letter, then waits before it says so.
    KeepAndHang {
        /// How long.
        time: Duration,
    },
    /// Keeps the letter, then closes the connection instead of saying so.
    KeepAndCut {
        /// So many times; `None` is every time.
        times: Option<u32>,
    },
}

impl Behaviour {
    /// Refuses every recipient so many times, as greylisting servers do.
    #[must_use]
    pub fn greylist(times: u32) -> Self {
        Self::Answer { at: Command::Rcpt, line: "451 4.7.1 greylisted, come again", times: Some(times) }
    }
}

/// A letter that the server kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The envelope's sender.
    pub mail_from: String,
    /// The envelope's recipients.
    pub rcpt_tos: Vec<String>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Whether the client had logged in.
    pub authenticated: bool,
    /// Headers and body as they came.
    pub content: String,
}

impl Letter {
    /// The plain text, which comes first and in base64.
    ///
    /// # Panics
    /// If the letter has none.
    #[must_use]
    pub fn text(&self) -> String {
        let encoded = self.content.split("base64\r\n\r\n").nth(1).and_then(|part| part.split("\r\n--").next());
        let encoded = encoded.map(|encoded| encoded.replace("\r\n", "")).unwrap_or_default();
        must("a letter's text in UTF-8", String::from_utf8(must("a letter's text", STANDARD.decode(encoded))))
    }

    /// The value of a header, unfolded, if it is there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let (headers, _) = self.content.split_once("\r\n\r\n")?;
        let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

impl SmtpSink {
    /// A server that listens and behaves well.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let folder = must("a folder for the mail server", Folder::temporary());
        must("a certificate", write_certificates(folder.path()));
        let password = uuid::Uuid::new_v4().simple().to_string();
        let script = folder.path().join("smtp_sink.py");
        must("the mail server's script", fs::write(&script, SCRIPT));
        let mut command = python();
        command
            .arg(script)
            .arg(folder.path())
            .arg("--cert")
            .arg(folder.path().join("server.pem"))
            .arg("--key")
            .arg(folder.path().join("server.key"))
            .args(["--user", USER])
            .env("SINK_PASSWORD", &password);
        let log = folder.path().join("log");
        let mut process = must("starting the mail server", Process::spawn("smtp_sink.py", &mut command, &log));
        let port = eventually("the mail server", async || {
            must("the mail server", process.check_running());
            text_if_there(&folder.path().join("port"))?.parse().ok()
        })
        .await;
        Self { _process: process, port, password, orders: AtomicU32::new(1), folder }
    }

    /// The port on loopback. The certificate is for `localhost`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where to send: user and password, `localhost`, STARTTLS required.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{USER}:{}@localhost:{}?tls=required", self.password, self.port)
    }

    /// The certificate of the authority that vouches for the server, as PEM.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Has the server behave so from the next command on.
    ///
    /// # Panics
    /// If the order cannot be written.
    pub fn behave(&self, behaviour: Behaviour) {
        let id = self.orders.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join("behaviour.json");
        let half = self.folder.path().join("behaviour.half");
        let written = fs::write(&half, order(id, behaviour).to_string());
        must("an order for the mail server", written);
        must("an order for the mail server", fs::rename(&half, &path));
    }

    /// Every letter so far, in the order of arrival.
    ///
    /// # Panics
    /// If they cannot be read.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        let folder = self.folder.path().join("letters");
        let entries = must("the letters", fs::read_dir(folder));
        let mut facts: Vec<_> = entries
            .map(|entry| must("the letters", entry).path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .collect();
        facts.sort();
        facts.iter().map(|path| letter(path)).collect()
    }

    /// Every letter, as soon as there are at least `count`.
    ///
    /// # Panics
    /// If there are not so many in time.
    pub async fn wait_for_letters(&self, count: usize) -> Vec<Letter> {
        eventually(&format!("letter number {count}"), async || {
            let letters = self.letters();
            (letters.len() >= count).then_some(letters)
        })
        .await
    }
}

/// What the server's script understands.
fn order(id: u32, behaviour: Behaviour) -> serde_json::Value {
    let (at, what, answer, seconds, times) = match behaviour {
        Behaviour::Well => ("nothing", "answer", "", 0.0, Some(0)),
        Behaviour::Answer { at, line, times } => (word(at), "answer", line, 0.0, times),
        Behaviour::Hang { at, time } => (word(at), "hang", "", time.as_secs_f64(), None),
        Behaviour::Cut { at, times } => (word(at), "cut", "", 0.0, times),
        Behaviour::KeepAndHang { time } => (word(Command::Data), "store-and-hang", "", time.as_secs_f64(), None),
        Behaviour::KeepAndCut { times } => (word(Command::Data), "store-and-cut", "", 0.0, times),
    };
    serde_json::json!({
        "id": id, "at": at, "do": what, "answer": answer, "seconds": seconds, "times": times,
    })
}

fn word(command: Command) -> &'static str {
    match command {
        Command::Auth => "AUTH",
        Command::Mail => "MAIL",
        Command::Rcpt => "RCPT",
        Command::Data => "DATA",
    }
}

fn letter(facts: &Path) -> Letter {
    #[derive(Deserialize)]
    struct Facts {
        mail_from: String,
        rcpt_tos: Vec<String>,
        tls: bool,
        authenticated: bool,
    }
    let text = must("a letter", fs::read_to_string(facts));
    let content = must("a letter", fs::read(facts.with_extension("eml")));
    let facts: Facts = must("a letter", serde_json::from_str(&text));
    Letter {
        mail_from: facts.mail_from,
        rcpt_tos: facts.rcpt_tos,
        tls: facts.tls,
        authenticated: facts.authenticated,
        content: String::from_utf8_lossy(&content).into_owned(),
    }
}

/// Writes an authority, and a certificate for `localhost` that it vouches for, made for this one server.
fn write_certificates(folder: &Path) -> anyhow::Result<()> {
    let certificates = Certificates::new()?;
    fs::write(folder.join("authority.pem"), certificates.authority)?;
    fs::write(folder.join("server.pem"), certificates.server)?;
    fs::write(folder.join("server.key"), certificates.key)?;
    Ok(())
}
