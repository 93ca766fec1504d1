//! `insights up`: everything in one folder, for a first look and for development.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::instance::{FOLDER, Instance};
use crate::private::{Durability, Folder, FolderError, Nats, Postgres, Tools};
use crate::roles::{self, Role};
use crate::settings::{NatsSync, Settings};
use crate::{demo_prices, operator};

/// How long the token that is printed is good for, in hours. The next `up` prints another.
const TOKEN_HOURS: i64 = 12;

/// How often servers that end by themselves are started again. One that ends so often is ill.
const REVIVALS_MAX: u32 = 20;

/// Servers that were started for this folder; none where the settings name others.
struct Servers {
    nats: Option<Nats>,
    postgres: Option<Postgres>,
}

impl Servers {
    /// Starts a server again that ends before it is told to. Comes back only where that cannot be done.
    async fn keep_alive(&mut self) -> anyhow::Result<()> {
        let mut child_ended = signal(SignalKind::child()).context("cannot listen for servers that end")?;
        let mut revived = 0;
        loop {
            // Looked at first: one may have ended before anybody listened.
            if let Some(nats) = &mut self.nats {
                revived += u32::from(nats.revive().await.context("nats-server ended and does not start again")?);
            }
            if let Some(postgres) = &mut self.postgres {
                revived += u32::from(postgres.revive().await.context("PostgreSQL ended and does not start again")?);
            }
            if revived > REVIVALS_MAX {
                bail!("servers ended by themselves {revived} times; what they say stands in their logs");
            }
            if child_ended.recv().await.is_none() {
                bail!("nobody tells any more of servers that end");
            }
        }
    }
}

/// An instance that runs, and what is needed to end it.
pub struct Running {
    /// Where it is to be found.
    pub instance: Instance,
    /// A fresh admin token.
    pub token: String,
    /// A one-time token for the first administrator's account; none where there is one.
    pub setup_token: Option<String>,
    /// Its settings.
    pub settings: Settings,
    servers: Servers,
    roles: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    folder: Folder,
}

/// Runs everything in the current folder until told to stop.
///
/// # Errors
/// Where another instance runs here, a server does not start, or a role fails.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let began = Instant::now();
    let running = start(settings, stop.clone()).await?;
    let loaded = tokio::select! {
        // Looked at first: whoever stops us also ends the web API, and then the load fails for that alone.
        biased;
        () = stop.cancelled() => None,
        loaded = load_prices(&running.instance.url, &running.token) => Some(loaded),
    };
    match loaded {
        Some(Ok(_)) => {}
        Some(Err(error)) if !stop.is_cancelled() => {
            running.end().await?;
            return Err(error.context("the demo prices could not be loaded"));
        }
        Some(Err(_)) | None => {
            println!("Interrupted while the demo prices were loaded. The next `./x up` goes on from there.");
            return running.end().await;
        }
    }
    println!();
    println!("  Insights runs, after {:.1} s.", began.elapsed().as_secs_f64());
    println!();
    println!("  web API      {}", running.instance.url);
    println!("  reference    {}/docs", running.instance.url);
    println!("  admin token  {}   (shown once, good for {TOKEN_HOURS} hours)", running.token);
    if let Some(setup_token) = &running.setup_token {
        println!("  set-up token {setup_token}   (once: POST /v1/passwords makes the first administrator's account)");
    }
    if running.settings.smtp_url.is_empty() {
        println!("  letters      {}", running.instance.outbox.display());
    } else {
        println!("  letters      to the mail server");
    }
    println!("  data         {}   (stays when this ends)", running.folder.path().display());
    println!();
    println!("  In another terminal: ./x demo     Here: Ctrl-C ends it.");
    println!();
    running.wait().await
}

/// Starts everything in the current folder; returns when the web API answers.
///
/// # Errors
/// Where another instance runs here, or a server does not start.
pub async fn start(mut settings: Settings, stop: CancellationToken) -> anyhow::Result<Running> {
    let folder = match Folder::claim(Path::new(FOLDER)) {
        Ok(folder) => folder,
        Err(FolderError::InUse { owner, .. }) => match Instance::running(FOLDER.as_ref()) {
            Some(running) => bail!("an instance runs in this folder already (process {owner}), at {}", running.url),
            None => bail!("an instance is starting or ending in this folder (process {owner})"),
        },
        Err(error) => return Err(error.into()),
    };
    let home = std::path::absolute(folder.path())?;
    let servers = servers(&mut settings, &home).await?;
    for path in [&mut settings.outbox, &mut settings.key_file] {
        *path = std::path::absolute(&*path)?;
    }
    operator::provision(&settings).await?;
    operator::migrate(&settings).await?;

    let listener = listener(&settings).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let vault = roles::vault(&settings, roles::pool(&settings).await?)?;
    let valid_for = SignedDuration::from_hours(TOKEN_HOURS);
    let token = vault.create_token(vault::Role::Admin, "insights up", Timestamp::now(), valid_for).await?;

    let setup_token = vault.setup_token(Timestamp::now()).await?;

    let roles = tokio::spawn({
        let (settings, stop) = (settings.clone(), stop.clone());
        async move { roles::run_on(&settings, &Role::ALL, Some(listener), stop).await }
    });
    let instance = Instance {
        process_id: std::process::id(),
        url,
        nats_url: settings.nats_url.clone(),
        nats_operator_url: settings.nats_operator_url.clone(),
        nats_monitor_url: settings.nats_monitor_url.clone(),
        database_url: settings.database_url.clone(),
        outbox: settings.outbox.clone(),
        key_file: settings.key_file.clone(),
    };
    let mut running = Running { instance, token: token.secret, setup_token, settings, servers, roles, stop, folder };
    if let Err(error) = Client::new(&running.instance.url, &running.token)?.ready().await {
        // The role that failed knows better why nobody answers than the one who waited for the answer.
        running.stop.cancel();
        (&mut running.roles).await??;
        return Err(error);
    }
    running.instance.write(running.folder.path())?;
    Ok(running)
}

impl Running {
    /// Waits until the roles end, which they do when told to stop, and then ends the servers.
    ///
    /// # Errors
    /// Where a role failed or a server could not be ended.
    pub async fn wait(mut self) -> anyhow::Result<()> {
        let ended = tokio::select! {
            ended = &mut self.roles => ended?,
            lost = self.servers.keep_alive() => {
                self.stop.cancel();
                // Why the roles end is known: they have lost a server.
                lost.and((&mut self.roles).await?)
            }
        };
        Instance::forget(self.folder.path())?;
        // Servers last: what the roles wrote at the end is still taken.
        if let Some(nats) = self.servers.nats.take() {
            nats.stop().await?;
        }
        if let Some(mut postgres) = self.servers.postgres.take() {
            postgres.stop().await?;
        }
        ended
    }

    /// Tells it to stop, and waits until it has.
    ///
    /// # Errors
    /// As [`Running::wait`].
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.wait().await
    }
}

/// Private servers for whatever the settings do not name; the settings then name them.
async fn servers(settings: &mut Settings, home: &Path) -> anyhow::Result<Servers> {
    let mut servers = Servers { nats: None, postgres: None };
    let tools = || Tools::find().context("the servers' programs: `./x up` fetches them");
    if settings.nats_url.is_empty() {
        let nats = Nats::one(&tools()?, &home.join("nats")).await?;
        settings.nats_url = nats.urls().join(",");
        settings.nats_operator_url = nats.operator_urls().join(",");
        settings.nats_monitor_url = nats.monitor_urls().join(",");
        servers.nats = Some(nats);
    } else if settings.nats_monitors().is_empty() && settings.nats_sync == NatsSync::Checked {
        // Here somebody tries things out on servers of theirs, and is told. Roles that are deployed refuse.
        eprintln!(
            "insights: warning: nobody has asked the given nats servers whether they write to the disk before they"
        );
        eprintln!(
            "  acknowledge, so a power cut may lose what was acknowledged; INSIGHTS_NATS_MONITOR_URL has them asked"
        );
        settings.nats_sync = NatsSync::Unchecked;
    }
    if settings.database_url.is_empty() {
        let postgres = Postgres::start(&tools()?, &home.join("postgres"), Durability::Safe).await?;
        settings.database_url = postgres.url();
        servers.postgres = Some(postgres);
    }
    Ok(servers)
}

/// On the address that was set; on any free port where none was.
async fn listener(settings: &Settings) -> anyhow::Result<TcpListener> {
    let address = if settings.listen == Settings::default().listen { "127.0.0.1:0" } else { &settings.listen };
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Loads the demo prices through the web API. What is there already is not loaded again.
///
/// # Errors
/// Where the web API does not take them.
pub async fn load_prices(url: &str, token: &str) -> anyhow::Result<usize> {
    let client = Client::new(url, token)?;
    let assets = demo_prices::all()?;
    for asset in &assets {
        client.load(asset).await?;
    }
    Ok(assets.len())
}

/// The path of the letters' folder, for those who print it.
#[must_use]
pub fn outbox(instance: &Instance) -> PathBuf {
    instance.outbox.clone()
}
