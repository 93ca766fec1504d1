//! One nats-server: started, asked, paused, killed, started again where it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::{NatsError, POLL, Passwords, READY_WITHIN};
use crate::private::monitor;
use crate::private::{Process, ProcessError, RESTART_ATTEMPTS_MAX, RESTART_PAUSE, Tools, is_port_taken, leashed};

/// The files of production, carried along so that the binary needs no source tree.
const ONE_CONF: &str = include_str!("../../../../../deploy/nats/one.conf");
const NODE_CONF: &str = include_str!("../../../../../deploy/nats/node.conf");
const ACCOUNTS_CONF: &str = include_str!("../../../../../deploy/nats/accounts.conf");

/// How long a server may take to listen. It first reads what it has stored.
const LISTENING_WITHIN: Duration = Duration::from_secs(60);
/// How long a server may take to stop when asked, before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// One server of a [`Nats`](super::Nats).
#[derive(Debug)]
pub struct Node {
    name: String,
    program: PathBuf,
    home: PathBuf,
    configuration: PathBuf,
    environment: Vec<(&'static str, String)>,
    ports: Option<Ports>,
    process: Option<Process>,
}

/// Where a member of a cluster finds the others: ports on loopback.
pub(super) struct Routes<'a> {
    /// Its own.
    pub port: u16,
    /// Everybody's.
    pub all: &'a [u16],
}

/// Where a server listens on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ports {
    client: u16,
    monitor: u16,
}

impl Node {
    /// A server that is not started yet, with its configuration written to `home`.
    pub(super) fn new(
        tools: &Tools,
        home: &Path,
        name: &str,
        passwords: &Passwords,
        routes: Option<Routes<'_>>,
    ) -> Result<Self, NatsError> {
        // The server runs in this folder, where a relative path would mean another place.
        let home = &at(home, std::path::absolute(home))?;
        let mut environment = vec![
            ("INSIGHTS_NATS_STORE", quoted(&home.join("store").display().to_string())),
            ("INSIGHTS_NATS_OPERATOR_PASSWORD", passwords.operator.clone()),
            ("INSIGHTS_NATS_APP_PASSWORD", passwords.app.clone()),
            ("INSIGHTS_NATS_SYS_PASSWORD", passwords.sys.clone()),
        ];
        let mut file = ("one.conf", ONE_CONF);
        if let Some(routes) = routes {
            file = ("node.conf", NODE_CONF);
            let urls: Vec<_> = routes
                .all
                .iter()
                .map(|port| quoted(&format!("nats-route://route:{}@127.0.0.1:{port}", passwords.route)))
                .collect();
            environment.extend([
                ("INSIGHTS_NATS_ROUTE_PASSWORD", passwords.route.clone()),
                ("INSIGHTS_NATS_CLUSTER_LISTEN", quoted(&format!("127.0.0.1:{}", routes.port))),
                ("INSIGHTS_NATS_ROUTES", format!("[{}]", urls.join(", "))),
            ]);
        }
        let configuration = home.join(file.0);
        at(home, fs::create_dir_all(home))?;
        at(&configuration, fs::write(&configuration, file.1))?;
        let accounts = home.join("accounts.conf");
        at(&accounts, fs::write(&accounts, ACCOUNTS_CONF))?;
        Ok(Self {
            name: name.to_owned(),
            program: tools.nats_server.clone(),
            home: home.clone(),
            configuration,
            environment,
            ports: None,
            process: None,
        })
    }

    /// Its name in the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port for clients.
    #[must_use]
    pub fn client_port(&self) -> u16 {
        self.ports.map_or(0, |ports| ports.client)
    }

    /// The port for monitoring.
    #[must_use]
    pub fn monitor_port(&self) -> u16 {
        self.ports.map_or(0, |ports| ports.monitor)
    }

    /// The URL of the monitoring port.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port())
    }

    /// Its process id, if it was started and neither killed nor stopped by us.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Whether it was started and neither killed nor stopped by us.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The folder with its messages, for tests that measure or damage them.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.home.join("store")
    }

    /// Kills it as a power cut would; back when it is gone.
    ///
    /// # Errors
    /// [`NatsError::NotRunning`] if it was not running.
    pub async fn kill_9(&mut self) -> Result<(), NatsError> {
        let process = self.process.take().ok_or_else(|| self.not_running())?;
        Ok(process.kill_9().await?)
    }

    /// Starts it again, with the same store and on the same ports; back when it listens. A member of a
    /// cluster is healthy only with the others: see [`Node::wait_ready`].
    ///
    /// # Errors
    /// [`NatsError`] if it does not start.
    pub async fn restart(&mut self) -> Result<(), NatsError> {
        for _ in 1..RESTART_ATTEMPTS_MAX {
            match self.start().await {
                Err(NatsError::Process(error)) if is_port_taken(&error) => tokio::time::sleep(RESTART_PAUSE).await,
                done => return done,
            }
        }
        self.start().await
    }

    /// Starts it again if it has ended though nobody here ended it; tells whether it had.
    ///
    /// # Errors
    /// [`NatsError`] if it cannot be started again.
    pub async fn revive(&mut self) -> Result<bool, NatsError> {
        match self.process.as_mut().map(Process::check_running) {
            None | Some(Ok(())) => return Ok(false),
            Some(Err(error @ ProcessError::Ended { .. })) => tracing::error!(%error, "nats-server is started again"),
            Some(Err(error)) => return Err(error.into()),
        }
        self.process = None;
        self.restart().await?;
        Ok(true)
    }

    /// Stops it where it stands, as a machine that hangs: connections stay open, nothing is answered.
    ///
    /// # Errors
    /// [`NatsError::NotRunning`] if it was not running.
    pub fn pause(&self) -> Result<(), NatsError> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// [`NatsError::NotRunning`] if it was not running.
    pub fn resume(&self) -> Result<(), NatsError> {
        self.signal(Signal::CONT)
    }

    /// Asks it to stop, and kills it if it does not within a bound. Nothing to do if it is not running.
    ///
    /// # Errors
    /// [`NatsError::Process`] if it could not be waited for.
    pub async fn stop(&mut self) -> Result<(), NatsError> {
        match self.process.take() {
            Some(process) => Ok(process.stop(Signal::TERM, STOP_WITHIN).await?),
            None => Ok(()),
        }
    }

    /// Waits until it says that it is healthy.
    ///
    /// # Errors
    /// [`NatsError::NotReady`] after a bound, [`NatsError::Process`] at once if it ends.
    pub async fn wait_ready(&mut self) -> Result<(), NatsError> {
        let mut last = None;
        let port = self.monitor_port();
        let ready = async {
            while let Err(error) = monitor::ask(port, "/healthz").await {
                last = Some(error);
                self.check_running()?;
                tokio::time::sleep(POLL).await;
            }
            Ok(())
        };
        match tokio::time::timeout(READY_WITHIN, ready).await {
            Ok(done) => done,
            Err(_) => Err(self.not_ready(READY_WITHIN, last)),
        }
    }

    /// Starts it; back when it listens. The first time it chooses its ports, and keeps them afterwards.
    pub(super) async fn start(&mut self) -> Result<(), NatsError> {
        let folder = self.home.join("ports");
        if folder.exists() {
            // What a killed server left behind would be taken for the new one's.
            at(&folder, fs::remove_dir_all(&folder))?;
        }
        at(&folder, fs::create_dir(&folder))?;
        let argument = |port: Option<u16>| port.map_or("-1".to_owned(), |port| port.to_string());
        let mut command = leashed(&self.program);
        command
            .arg("-c")
            .arg(&self.configuration)
            .args(["-a", "127.0.0.1", "-n", &self.name])
            .args(["-p", &argument(self.ports.map(|ports| ports.client))])
            .args(["-m", &argument(self.ports.map(|ports| ports.monitor))])
            .arg("--ports_file_dir")
            .arg(&folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home);
        let process = Process::spawn("nats-server", &mut command, &self.home.join("log"))?;
        self.process = Some(process);
        let listening = async {
            loop {
                if let Some(ports) = at(&folder, read_ports(&folder))? {
                    return Ok(ports);
                }
                self.check_running()?;
                tokio::time::sleep(POLL).await;
            }
        };
        let found = tokio::time::timeout(LISTENING_WITHIN, listening).await;
        match found.unwrap_or_else(|_| Err(self.not_ready(LISTENING_WITHIN, None))) {
            Ok(ports) => {
                self.ports = Some(ports);
                Ok(())
            }
            Err(error) => {
                self.process = None;
                Err(error)
            }
        }
    }

    fn check_running(&mut self) -> Result<(), NatsError> {
        let missing = self.not_running();
        Ok(self.process.as_mut().ok_or(missing)?.check_running()?)
    }

    fn signal(&self, signal: Signal) -> Result<(), NatsError> {
        let process = self.process.as_ref().ok_or_else(|| self.not_running())?;
        Ok(process.signal(signal)?)
    }

    fn not_running(&self) -> NatsError {
        NatsError::NotRunning { name: self.name.clone() }
    }

    fn not_ready(&self, within: Duration, source: Option<monitor::MonitorError>) -> NatsError {
        NatsError::NotReady { name: self.name.clone(), seconds: within.as_secs(), source }
    }
}

/// A value that the configuration's reader takes as one string whatever it begins with.
fn quoted(value: &str) -> String {
    format!("\"{value}\"")
}

/// The ports that the server wrote, once it has written them whole.
fn read_ports(folder: &Path) -> io::Result<Option<Ports>> {
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        let Ok(ports) = serde_json::from_str::<serde_json::Value>(&text) else {
            continue; // half written
        };
        let port = |kind: &str| {
            let url = ports[kind][0].as_str()?;
            url.rsplit(':').next()?.parse().ok()
        };
        if let (Some(client), Some(monitor)) = (port("nats"), port("monitoring")) {
            return Ok(Some(Ports { client, monitor }));
        }
    }
    Ok(None)
}

/// The result with the path that it is about.
fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, NatsError> {
    result.map_err(|source| NatsError::Io { path: path.to_path_buf(), source })
}
