//! Letters over SMTP, step by step, so that each failure is known for what it is.
//!
//! Before the letter itself is handed over nothing can have been taken: whatever goes wrong there, the attempt is
//! deferred, or refused where the server says so of the recipient. From the first byte of the letter on, only the
//! server's answer tells; without one the outcome is unknown. A send in one call could not tell the two apart.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::{Instant, timeout};

use super::reply::reason;
use super::smtp_url::{Protection, SmtpUrl};
use super::{Delivery, note};
use crate::message::Message;

/// How long one letter may take from the connection to the server's last answer.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may take to each address of the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that are kept for the next letter.
const IDLE_MAX: usize = 16;
/// How long one is kept; servers close idle connections after minutes.
const IDLE_FOR: Duration = Duration::from_secs(30);

/// Which mail server, and how to trust it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server.
    pub server: SmtpUrl,
    /// A file of certificates in PEM that vouch for the server, instead of the system's.
    pub root_certificates: Option<PathBuf>,
    /// How long one letter may take. A letter without an answer until then is unknown.
    pub send_timeout: Duration,
}

impl SmtpSettings {
    /// The settings for this server, trusted as the system says.
    #[must_use]
    pub const fn new(server: SmtpUrl) -> Self {
        Self { server, root_certificates: None, send_timeout: SEND_TIMEOUT }
    }
}

/// A mail server that letters are handed to. Connections are kept for a while and used again.
pub struct SmtpMailer {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl SmtpMailer {
    /// The mailer with these settings. Does not connect yet.
    ///
    /// # Errors
    /// Where the file of certificates cannot be used.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let tls = match settings.server.protection {
            Protection::None => None,
            Protection::StartTls | Protection::Tls => Some(tls(&settings)?),
        };
        Ok(Self { settings, tls, hello: ClientId::default(), idle: Mutex::default() })
    }

    /// The longest that sending one letter takes.
    #[must_use]
    pub const fn send_timeout(&self) -> Duration {
        self.settings.send_timeout
    }

    pub(super) async fn send(&self, message: &Message) -> Delivery {
        let handed_over = AtomicBool::new(false);
        match timeout(self.settings.send_timeout, self.deliver(message, &handed_over)).await {
            Ok(delivery) => delivery,
            Err(_) => {
                let seconds = self.settings.send_timeout.as_secs_f32();
                if handed_over.load(Ordering::Relaxed) {
                    Delivery::Unknown(note(&format!(
                        "the letter was handed over and not answered for within {seconds} s"
                    )))
                } else {
                    Delivery::Deferred(note(&format!("the mail server did not take the letter within {seconds} s")))
                }
            }
        }
    }

    async fn deliver(&self, message: &Message, handed_over: &AtomicBool) -> Delivery {
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            // Even where the server says "never": it says so of us, and the settings can be put right.
            Err((step, error)) => return Delivery::Deferred(note(&reason(step, &error))),
        };
        if let Err(error) = connection.command(Mail::new(Some(message.from.clone()), Vec::new())).await {
            return self.not_taken(connection, "the sender was refused", &error, false);
        }
        if let Err(error) = connection.command(Rcpt::new(message.to.clone(), Vec::new())).await {
            return self.not_taken(connection, "the recipient was refused", &error, true);
        }
        if let Err(error) = connection.command(Data).await {
            return self.not_taken(connection, "the letter was not asked for", &error, true);
        }
        handed_over.store(true, Ordering::Relaxed);
        match connection.message(&message.bytes).await {
            Ok(_) => {
                self.keep(connection);
                Delivery::Taken
            }
            Err(error) if error.is_transient() || error.is_permanent() => {
                self.not_taken(connection, "the letter was refused", &error, true)
            }
            Err(error) => Delivery::Unknown(note(&reason("the letter was handed over", &error))),
        }
    }

    /// What a failure means while nothing can have been taken: the server said no, or said nothing.
    fn not_taken(&self, connection: AsyncSmtpConnection, step: &str, error: &Error, may_be_for_good: bool) -> Delivery {
        // A server that answers at all can be spoken to again.
        if error.status().is_some() {
            self.keep(connection);
        }
        let reason = note(&reason(step, error));
        if error.is_permanent() && may_be_for_good { Delivery::Refused(reason) } else { Delivery::Deferred(reason) }
    }

    /// A connection that is logged in and in no transaction, or the step that failed.
    async fn connection(&self) -> Result<AsyncSmtpConnection, (&'static str, Error)> {
        while let Some(idle) = self.take_idle() {
            let mut connection = idle.connection;
            if idle.since.elapsed() < IDLE_FOR && connection.command(Rset).await.is_ok() {
                return Ok(connection);
            }
        }
        let SmtpUrl { protection, host, port, credentials } = &self.settings.server;
        let from_the_start = self.tls.clone().filter(|_| *protection == Protection::Tls);
        let server = (host.as_str(), *port);
        let connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT_TIMEOUT), &self.hello, from_the_start, None);
        let mut connection = connection.await.map_err(|error| ("no connection to the mail server", error))?;
        if let (Protection::StartTls, Some(tls)) = (protection, &self.tls) {
            let upgraded = connection.starttls(tls.clone(), &self.hello).await;
            upgraded.map_err(|error| ("no TLS with the mail server", error))?;
        }
        if let Some(credentials) = credentials {
            let login = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            login.map_err(|error| ("no login at the mail server", error))?;
        }
        Ok(connection)
    }

    fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn tls(settings: &SmtpSettings) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(settings.server.host.clone());
    if let Some(path) = &settings.root_certificates {
        let pem = std::fs::read(path).map_err(|source| SmtpError::File { path: path.clone(), source })?;
        let certificate = Certificate::from_pem(&pem).map_err(SmtpError::Tls)?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().map_err(SmtpError::Tls)
}

/// Why there is no mailer.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The file of certificates cannot be read.
    #[error("the certificates in {path} cannot be read")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// TLS cannot be set up with them.
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] Error),
}
