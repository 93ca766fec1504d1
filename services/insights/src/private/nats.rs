//! One private nats-server, or a cluster of three on loopback, with the configuration files of production.

mod node;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::monitor::{self, MonitorError};
use super::{POLL, ProcessError, Tools, random_password};
pub use node::Node;

/// Nodes of a cluster: the fewest that can lose one.
const NODES: usize = 3;
/// How often we choose ports for the cluster's routes before we give up. Another process may take a port between
/// our choice and the server's start.
const START_ATTEMPTS_MAX: u32 = 5;
/// How long a server may take until it says it is healthy. A cluster first elects a leader.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Running servers. Dropping the value kills them; [`Nats::stop`] is the gentle way.
#[derive(Debug)]
pub struct Nats {
    nodes: Vec<Node>,
    passwords: Passwords,
}

/// What each user of `deploy/nats/accounts.conf` logs in with.
#[derive(Debug, Clone)]
struct Passwords {
    operator: String,
    app: String,
    sys: String,
    route: String,
}

/// Why a private nats-server is not there for us.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// It could not be started, or it ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It runs, but does not get ready.
    #[error("nats-server {name} is not ready after {seconds} s")]
    NotReady {
        /// The node's name.
        name: String,
        /// The bound.
        seconds: u64,
        /// What it said last.
        #[source]
        source: Option<MonitorError>,
    },
    /// Its files could not be written or read.
    #[error("cannot use {path}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The node was killed or stopped, and something was asked of it.
    #[error("nats-server {name} is not running")]
    NotRunning {
        /// The node's name.
        name: String,
    },
    /// Nobody knows a leader of this stream, within the bound.
    #[error("no leader of the stream {stream} is known")]
    NoLeader {
        /// The stream.
        stream: String,
    },
}

impl Nats {
    /// One server, ready, on ports that it chose. Its data lives in `home` and is there again next time.
    ///
    /// # Errors
    /// [`NatsError`] if it does not start or does not get ready.
    pub async fn one(tools: &Tools, home: &Path) -> Result<Self, NatsError> {
        let passwords = Passwords::random();
        let mut node = Node::new(tools, home, "n1", &passwords, None)?;
        node.start().await?;
        node.wait_ready().await?;
        Ok(Self { nodes: vec![node], passwords })
    }

    /// Three servers, `n1`, `n2` and `n3`, ready, each with its data in a folder of `home`.
    ///
    /// # Errors
    /// [`NatsError`] if they do not start or do not get ready.
    pub async fn three(tools: &Tools, home: &Path) -> Result<Self, NatsError> {
        let passwords = Passwords::random();
        let mut attempt = 1;
        loop {
            match start_cluster(tools, home, &passwords).await {
                Ok(nodes) => return Ok(Self { nodes, passwords }),
                Err(NatsError::Process(error)) if attempt < START_ATTEMPTS_MAX => {
                    tracing::info!(%error, attempt, "a cluster did not start; trying other ports");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the roles connect: one URL per node, with their user and password.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.urls_as("app", &self.passwords.app)
    }

    /// Where `insights provision` connects: one URL per node, with the user who may create streams.
    #[must_use]
    pub fn operator_urls(&self) -> Vec<String> {
        self.urls_as("operator", &self.passwords.operator)
    }

    /// Where the system account connects: one URL per node.
    #[must_use]
    pub fn system_urls(&self) -> Vec<String> {
        self.urls_as("sys", &self.passwords.sys)
    }

    /// The monitoring port's URL of each node.
    #[must_use]
    pub fn monitor_urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::monitor_url).collect()
    }

    /// The nodes, in the order of their names.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at `index` (0 is `n1`), to be killed, paused or started again.
    ///
    /// # Panics
    /// If there are not so many nodes.
    pub fn node(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    /// Waits until every node that runs is healthy.
    ///
    /// # Errors
    /// [`NatsError::NotReady`] after a bound.
    pub async fn wait_ready(&mut self) -> Result<(), NatsError> {
        for node in self.nodes.iter_mut().filter(|node| node.is_running()) {
            node.wait_ready().await?;
        }
        Ok(())
    }

    /// The index of the node that leads `stream`, as soon as a running node knows it.
    ///
    /// # Errors
    /// [`NatsError::NoLeader`] if none does within a bound.
    pub async fn leader_of(&self, stream: &str) -> Result<usize, NatsError> {
        let found = async {
            loop {
                for node in self.nodes.iter().filter(|node| node.is_running()) {
                    let leader = leader_according_to(node, stream).await;
                    let index = leader
                        .and_then(|name| self.nodes.iter().position(|node| node.is_running() && node.name() == name));
                    if let Some(index) = index {
                        return index;
                    }
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, found).await.map_err(|_| NatsError::NoLeader { stream: stream.to_owned() })
    }

    /// Starts again every node that has ended though nobody here ended it; tells whether one had.
    ///
    /// # Errors
    /// [`NatsError`] if one cannot be started again.
    pub async fn revive(&mut self) -> Result<bool, NatsError> {
        let mut any = false;
        for node in &mut self.nodes {
            any |= node.revive().await?;
        }
        Ok(any)
    }

    /// Stops all nodes at once and waits until they are gone.
    ///
    /// # Errors
    /// [`NatsError::Process`] if one could not be waited for.
    pub async fn stop(self) -> Result<(), NatsError> {
        let stopping: Vec<_> =
            self.nodes.into_iter().map(|mut node| tokio::spawn(async move { node.stop().await })).collect();
        for node in stopping {
            node.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
        Ok(())
    }

    fn urls_as(&self, user: &str, password: &str) -> Vec<String> {
        self.nodes.iter().map(|node| format!("nats://{user}:{password}@127.0.0.1:{}", node.client_port())).collect()
    }
}

impl Passwords {
    fn random() -> Self {
        Self { operator: random_password(), app: random_password(), sys: random_password(), route: random_password() }
    }
}

/// Three nodes that know of each other, all ready.
async fn start_cluster(tools: &Tools, home: &Path, passwords: &Passwords) -> Result<Vec<Node>, NatsError> {
    let routes = free_ports::<NODES>().map_err(|source| NatsError::Io { path: home.to_path_buf(), source })?;
    let mut nodes = Vec::with_capacity(NODES);
    for (index, &port) in routes.iter().enumerate() {
        let name = format!("n{}", index + 1);
        let cluster = Some(node::Routes { port, all: &routes });
        nodes.push(Node::new(tools, &home.join(&name), &name, passwords, cluster)?);
    }
    for node in &mut nodes {
        node.start().await?;
    }
    for node in &mut nodes {
        node.wait_ready().await?;
    }
    Ok(nodes)
}

/// The name of the leader of `stream`, if `node` answers and knows it.
async fn leader_according_to(node: &Node, stream: &str) -> Option<String> {
    let answer = monitor::ask(node.monitor_port(), "/jsz?streams=1&accounts=1").await.ok()?;
    answer["account_details"]
        .as_array()?
        .iter()
        .filter_map(|account| account["stream_detail"].as_array())
        .flatten()
        .find(|detail| detail["name"] == stream)
        .and_then(|detail| detail["cluster"]["leader"].as_str())
        .filter(|leader| !leader.is_empty())
        .map(str::to_owned)
}

/// Ports on loopback that were free a moment ago, all different.
pub(super) fn free_ports<const N: usize>() -> std::io::Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
