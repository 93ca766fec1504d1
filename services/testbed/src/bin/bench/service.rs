//! Roles in a process of their own. The program is this one again, and runs what `insights api` and `insights all` run:
//! a process apart has its own memory to be measured and takes no thread from the callers' runtime.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use insights::private::{Process, leashed};
use insights::roles::{self, Role};
use insights::settings::Settings;
use insights::{signals, telemetry};
use tokio_util::sync::CancellationToken;

use crate::http::Connection;

/// How long a service may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long to wait before asking again whether it is.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// A running service.
pub struct Service {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// A token that it takes.
    pub token: String,
}

impl Service {
    /// Starts these roles with this environment; returns when they are ready.
    pub async fn start(roles: &str, environment: &[(&str, String)], token: String, log: &Path) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = leashed(std::env::current_exe()?);
        command.args(["serve", roles]).env("INSIGHTS_LISTEN", address.to_string());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let process = Process::spawn("the service", &mut command, log)?;
        let mut service = Self { process, address, token };
        tokio::time::timeout(READY_WITHIN, service.ready()).await.context("the service does not get ready")??;
        Ok(service)
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// What it keeps in memory, in KiB.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is no number")
    }

    /// A connection to it.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.address, &self.token).await
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        loop {
            if let Ok(mut connection) = self.connect().await
                && let Ok(answer) = connection.ask("GET", "/readyz", "", "").await
                && answer.status == 200
            {
                return Ok(());
            }
            self.process.check_running()?;
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

/// Runs roles until it is told to stop.
pub fn serve(roles: &str) -> anyhow::Result<()> {
    let roles = match roles {
        "api" => &[Role::Api][..],
        _ => &Role::ALL,
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is installed already"))?;
    let settings = Settings::read()?;
    let telemetry = telemetry::start(&settings, "insights-bench")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        signals::cancel_on_signal(stop.clone())?;
        roles::run(&settings, roles, stop).await
    });
    drop(runtime);
    telemetry.shutdown();
    served
}
