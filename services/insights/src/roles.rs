//! Roles: each one job, each its own process when deployed, all in one for `up` and tests.

use std::time::Duration;

use anyhow::{Context, bail};
use api::{Api, Limits};
use jiff::Timestamp;
use journal::{Journal, JournalSettings};
use notifier::{LetterSettings, Mailer, Outbox, Sender, SmtpMailer, SmtpSettings, SmtpUrl};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vault::{KeyEncryptionKey, Vault};

use crate::settings::Settings;
use crate::{loading, sync_always};

/// One job of the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves the web API.
    Api,
    /// Keeps the read models current.
    Project,
    /// Keeps the figures of every portfolio current.
    Analyze,
    /// Turns recommended portfolios into one recommendation a client.
    Recommend,
    /// Ends advice whose last day is over.
    Expire,
    /// Sends the letters.
    Notify,
    /// Serves prices and figures over gRPC.
    Grpc,
    /// Keeps prices fresh.
    Load,
}

impl Role {
    /// Every role that needs nothing but the servers: what `all` and `up` run.
    pub const ALL: [Self; 6] = [Self::Api, Self::Project, Self::Analyze, Self::Recommend, Self::Expire, Self::Notify];

    const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Project => "project",
            Self::Analyze => "analyze",
            Self::Recommend => "recommend",
            Self::Expire => "expire",
            Self::Notify => "notify",
            Self::Grpc => "grpc",
            Self::Load => "load",
        }
    }
}

/// How long roles may take to finish what they are at before the process ends without them: the longest is a letter,
/// with 60 s to be taken and 30 s for its outcome to be recorded. A letter cut off there would need a person.
const DRAIN_WITHIN: Duration = Duration::from_secs(100);

/// Runs these roles until told to stop, on the address that the settings name.
///
/// # Errors
/// Where a server cannot be reached, is not what it should be, or a role ends by itself.
pub async fn run(settings: &Settings, roles: &[Role], stop: CancellationToken) -> anyhow::Result<()> {
    let listener = if roles.contains(&Role::Api) {
        let listener = TcpListener::bind(&settings.listen).await;
        Some(listener.with_context(|| format!("cannot listen on {}", settings.listen))?)
    } else {
        None
    };
    run_on(settings, roles, listener, stop).await
}

/// As [`run`], with a listener that is there already.
///
/// # Errors
/// As [`run`].
pub async fn run_on(
    settings: &Settings,
    roles: &[Role],
    mut listener: Option<TcpListener>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    sync_always::check(settings).await?;
    let pool = pool(settings).await?;
    let mut running = JoinSet::new();
    for &role in roles {
        let journal = journal(settings, role.name()).await?;
        journal::topology::verify(journal.context(), None).await.context("the log is not as it should be")?;
        let (pool, stop) = (pool.clone(), stop.clone());
        match role {
            Role::Api => {
                let listener = listener.take().context("the api role needs a listener")?;
                let vault = vault(settings, pool.clone())?;
                let limits = Limits {
                    requests_per_minute: settings.requests_per_minute,
                    logins_per_minute: settings.logins_per_minute,
                    ..Limits::default()
                };
                let edge = settings.edge()?;
                let api = Api { journal, pool, vault, clock: Timestamp::now, limits, edge };
                running.spawn(async move { (role, api::serve(listener, api, stop).await.map_err(Into::into)) });
            }
            Role::Project => {
                running.spawn(async move {
                    (role, projections::follow::run(journal, pool, stop).await.map_err(anyhow::Error::from))
                });
            }
            Role::Analyze => {
                running.spawn(async move {
                    (role, projections::analyze::run(journal, pool, stop).await.map_err(anyhow::Error::from))
                });
            }
            Role::Recommend => {
                running.spawn(async move {
                    (role, recommender::run(journal, Timestamp::now, stop).await.map_err(Into::into))
                });
            }
            Role::Expire => {
                running.spawn(async move {
                    recommender::expire::run(journal, pool, Timestamp::now, stop).await;
                    (role, Ok(()))
                });
            }
            Role::Grpc => {
                let vault = vault(settings, pool.clone())?;
                let service = grpc::Service { journal, pool, vault, clock: Timestamp::now };
                let listener = TcpListener::bind(&settings.grpc_listen).await;
                let listener = listener.with_context(|| format!("cannot listen on {}", settings.grpc_listen))?;
                let tls = grpc_tls(settings)?;
                running
                    .spawn(async move { (role, grpc::serve(listener, service, tls, stop).await.map_err(Into::into)) });
            }
            Role::Load => {
                let fresh = loading::fresh(settings)?;
                running.spawn(async move {
                    (role, market::keep_fresh::run(journal, fresh, stop).await.map_err(Into::into))
                });
            }
            Role::Notify => {
                let (vault, mailer) = (vault(settings, pool)?, mailer(settings)?);
                let letters = letters(settings)?;
                running.spawn(async move {
                    (
                        role,
                        notifier::run(journal, vault, mailer, letters, Timestamp::now, stop).await.map_err(Into::into),
                    )
                });
            }
        }
    }
    supervise(running, stop).await
}

/// Waits for every role; the first that ends by itself, or fails, stops the others.
async fn supervise(mut running: JoinSet<(Role, anyhow::Result<()>)>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut first_failure = None;
    let mut deadline = None;
    loop {
        let ended = match deadline {
            None => tokio::select! {
                ended = running.join_next() => ended,
                () = stop.cancelled() => {
                    deadline = Some(tokio::time::Instant::now() + DRAIN_WITHIN);
                    continue;
                }
            },
            Some(deadline) => match tokio::time::timeout_at(deadline, running.join_next()).await {
                Ok(ended) => ended,
                Err(_) => bail!("{} roles did not finish within {DRAIN_WITHIN:?}", running.len()),
            },
        };
        let Some(ended) = ended else { return first_failure.map_or(Ok(()), Err) };
        let failure = match ended {
            Ok((_, Ok(()))) if stop.is_cancelled() => None,
            Ok((role, Ok(()))) => Some(anyhow::anyhow!("the role {} ended by itself", role.name())),
            Ok((role, Err(error))) => Some(error.context(format!("the role {} failed", role.name()))),
            Err(error) => Some(anyhow::Error::from(error).context("a role panicked")),
        };
        if let Some(failure) = failure {
            tracing::error!(error = format!("{failure:#}"), "a role ended");
            first_failure.get_or_insert(failure);
            stop.cancel();
        }
    }
}

/// A connection to the log for the role.
///
/// # Errors
/// Where no server is set or none answers.
pub async fn journal(settings: &Settings, role: &str) -> anyhow::Result<Journal> {
    let servers = settings.nats_servers();
    if servers.is_empty() {
        bail!("no nats server: set INSIGHTS_NATS_URL, or run `insights up` in this folder");
    }
    Ok(Journal::connect(&JournalSettings::new(servers, &format!("/insights/{role}"))).await?)
}

/// Connections to the read models.
///
/// # Errors
/// Where no database is set or it does not answer.
pub async fn pool(settings: &Settings) -> anyhow::Result<PgPool> {
    if settings.database_url.is_empty() {
        bail!("no database: set INSIGHTS_DATABASE_URL, or run `insights up` in this folder");
    }
    projections::connect(&settings.database_url, settings.database_connections_max)
        .await
        .context("the database does not answer")
}

/// The vault, with the key that the settings name.
///
/// # Errors
/// Where the key cannot be read or made.
pub fn vault(settings: &Settings, pool: PgPool) -> anyhow::Result<Vault> {
    Ok(Vault::new(pool, KeyEncryptionKey::read_or_create(&settings.key_file)?))
}

/// Where letters go.
///
/// # Errors
/// Where the address of the mail server cannot be read.
pub fn mailer(settings: &Settings) -> anyhow::Result<Mailer> {
    Ok(if settings.smtp_url.is_empty() {
        Mailer::Outbox(Outbox::open(&settings.outbox)?)
    } else {
        let mut smtp = SmtpSettings::new(SmtpUrl::parse(&settings.smtp_url)?);
        smtp.root_certificates.clone_from(&settings.smtp_ca_file);
        Mailer::Smtp(SmtpMailer::new(smtp)?)
    })
}

/// The certificates of the gRPC services and their key, where both are set.
fn grpc_tls(settings: &Settings) -> anyhow::Result<Option<grpc::Tls>> {
    let read =
        |path: &std::path::PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    match (&settings.grpc_certificate_file, &settings.grpc_key_file) {
        (Some(certificates), Some(key)) => Ok(Some(grpc::Tls { certificates: read(certificates)?, key: read(key)? })),
        (None, None) => Ok(None),
        _ => bail!("grpc_certificate_file and grpc_key_file are set together or not at all"),
    }
}

/// Whom letters come from.
///
/// # Errors
/// Where the sender cannot be read.
pub fn letters(settings: &Settings) -> anyhow::Result<LetterSettings> {
    Ok(LetterSettings::new(Sender::parse(&settings.letter_from)?))
}
