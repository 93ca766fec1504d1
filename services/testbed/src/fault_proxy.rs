//! A network that fails as it is told, between a client and one server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::must;

/// Bytes that are passed on at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// How the network fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    None,
    /// What the server says never arrives. The connection stays open.
    SwallowReplies,
    /// What the client says never arrives. The connection stays open.
    SwallowRequests,
    /// Everything takes this much longer, each way.
    Delay(Duration),
    /// After so many bytes more from the client the connection is reset, in the middle of whatever it is saying.
    ResetAfter {
        /// Bytes that still arrive, over all connections.
        bytes: u64,
    },
}

/// A proxy before one server. Connections through it end with it.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    connections: watch::Sender<u64>,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Bytes that did not arrive.
    swallowed: AtomicU64,
    /// Bytes from clients that did, since the fault was set.
    passed: AtomicU64,
}

#[derive(Clone)]
struct Line {
    fault: watch::Receiver<Fault>,
    generation: watch::Receiver<u64>,
    counts: Arc<Counts>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

impl FaultProxy {
    /// A proxy before the server at this port on loopback; faultless until told otherwise.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn before(port: u16) -> Self {
        let listener = must("listening", TcpListener::bind(("127.0.0.1", 0)).await);
        let address = must("finding the proxy's port", listener.local_addr());
        let (fault, faults) = watch::channel(Fault::None);
        let (connections, generation) = watch::channel(0);
        let counts = Arc::<Counts>::default();
        let line = Line { fault: faults, generation, counts: counts.clone() };
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, port, line.clone()));
            }
        });
        Self { address, fault, connections, counts, accepting }
    }

    /// The server's URL with the proxy in the server's place.
    #[must_use]
    pub fn instead_of(&self, url: &str) -> String {
        let before_port = url.rsplit_once(':').map_or(url, |(before, _)| before);
        format!("{before_port}:{}", self.address.port())
    }

    /// Fails like this from now on. Ending a fault that swallowed something resets the connections, as what was
    /// swallowed would be missing in the middle of a sentence.
    pub fn set(&self, fault: Fault) {
        self.counts.passed.store(0, Ordering::Relaxed);
        let before = self.fault.send_replace(fault);
        if matches!(before, Fault::SwallowReplies | Fault::SwallowRequests) && before != fault {
            self.reset();
        }
    }

    /// Resets every connection.
    pub fn reset(&self) {
        self.connections.send_modify(|generation| *generation += 1);
    }

    /// Bytes that did not arrive so far.
    #[must_use]
    pub fn swallowed(&self) -> u64 {
        self.counts.swallowed.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.reset();
    }
}

async fn connect(client: TcpStream, port: u16, mut line: Line) {
    line.generation.mark_unchanged();
    // A server that is away resets the client, as the system would.
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return reset(&client) };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut generation = line.generation.clone();
    tokio::select! {
        () = pass(&mut from_client, &mut to_server, Way::ToServer, line.clone()) => {}
        () = pass(&mut from_server, &mut to_client, Way::ToClient, line) => {}
        _ = generation.changed() => {}
    }
    if let Ok(client) = from_client.reunite(to_client) {
        reset(&client);
    }
    if let Ok(server) = from_server.reunite(to_server) {
        reset(&server);
    }
}

/// Closes without a farewell. Where the system does not let us, the connection is closed politely instead.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Passes bytes on until a side ends or the fault says so.
async fn pass(from: &mut (impl AsyncReadExt + Unpin), to: &mut (impl AsyncWriteExt + Unpin), way: Way, line: Line) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let Ok(read @ 1..) = from.read(&mut chunk).await else { return };
        let fault = *line.fault.borrow();
        let arriving = line.arriving(fault, way, read);
        line.counts.swallowed.fetch_add(count(read - arriving), Ordering::Relaxed);
        if let Fault::Delay(time) = fault {
            tokio::time::sleep(time).await;
        }
        let written = to.write_all(chunk.get(..arriving).unwrap_or_default()).await;
        if written.is_err() || (arriving < read && matches!(fault, Fault::ResetAfter { .. })) {
            return;
        }
    }
}

impl Line {
    /// How many of so many bytes arrive.
    fn arriving(&self, fault: Fault, way: Way, read: usize) -> usize {
        match (fault, way) {
            (Fault::SwallowReplies, Way::ToClient) | (Fault::SwallowRequests, Way::ToServer) => 0,
            (Fault::ResetAfter { bytes }, Way::ToServer) => {
                let before = self.counts.passed.fetch_add(count(read), Ordering::Relaxed);
                usize::try_from(bytes.saturating_sub(before)).unwrap_or(usize::MAX).min(read)
            }
            (Fault::None | Fault::Delay(_), _)
            | (Fault::SwallowReplies, Way::ToServer)
            | (Fault::SwallowRequests | Fault::ResetAfter { .. }, Way::ToClient) => read,
        }
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
