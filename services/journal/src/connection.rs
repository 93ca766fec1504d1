//! A connection to the log.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, ServerAddr};
use events::Stream;

use crate::aggregates::Aggregates;
use crate::recorded::ReadError;

/// How a journal connects and what bounds it keeps.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    /// The servers, each as `nats://user:password@host:port`.
    pub servers: Vec<String>,
    /// Which part of Insights writes, as a CloudEvents source: `/insights/api`.
    pub source: String,
    /// How long one append may stay unacknowledged before it counts as unknown. 2 s.
    pub append_timeout: Duration,
    /// How long one command may take in all, queue and retries included. 10 s: longer than a leader's election.
    pub execute_deadline: Duration,
    /// Events whose effect is kept in memory, over all cached aggregates. 1,000,000 take about 200 MB.
    pub cached_events_max: u64,
}

impl JournalSettings {
    /// Settings with the usual bounds.
    #[must_use]
    pub fn new(servers: Vec<String>, source: &str) -> Self {
        Self {
            servers,
            source: source.to_owned(),
            append_timeout: Duration::from_secs(2),
            execute_deadline: Duration::from_secs(10),
            cached_events_max: 1_000_000,
        }
    }
}

/// The log. Cheap to clone; clones share one connection and one cache.
#[derive(Clone)]
pub struct Journal(pub(crate) Arc<Connected>);

/// What the clones of a journal share. Handlers of requests clone it often; so that costs one count and not twenty.
pub(crate) struct Connected {
    client: Client,
    pub(crate) context: jetstream::Context,
    pub(crate) settings: JournalSettings,
    pub(crate) aggregates: Aggregates,
    streams: [stream::Stream<()>; 2],
}

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Events that may wait in memory for a reader that is slower than the server.
const SUBSCRIPTION_CAPACITY: usize = 128 * 1024;
/// How often the server is asked whether it is still there. A server that hangs keeps its connections open: after three
/// questions without an answer the next server is tried.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// The longest wait between two attempts to connect again.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(1);

impl Journal {
    /// A journal on these servers.
    ///
    /// # Errors
    /// Where an address cannot be read or no server answers in time.
    pub async fn connect(settings: &JournalSettings) -> Result<Self, ConnectError> {
        let client = connect(&settings.servers, &settings.source).await?;
        let mut context = jetstream::context::ContextBuilder::new()
            .timeout(settings.append_timeout)
            .ack_timeout(settings.append_timeout)
            .build(client.clone());
        context.set_timeout(settings.append_timeout);
        let mut streams = Vec::new();
        for stream in Stream::ALL {
            let handle = context.get_stream_no_info(stream.name()).await;
            streams.push(handle.map_err(|source| ConnectError::Stream { stream, source })?);
        }
        let streams = <[stream::Stream<()>; 2]>::try_from(streams).map_err(|_| ConnectError::NoServer)?;
        let aggregates = Aggregates::new(settings.cached_events_max);
        Ok(Self(Arc::new(Connected { client, context, aggregates, settings: settings.clone(), streams })))
    }

    /// Succeeds when the server answers for both streams.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn ready(&self) -> Result<(), ReadError> {
        for stream in Stream::ALL {
            self.last_position(stream).await?;
        }
        Ok(())
    }

    /// The underlying connection, for benchmarks and doctors that speak to the server directly.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The JetStream API of this connection, for those who look at streams and consumers directly.
    #[must_use]
    pub fn context(&self) -> &jetstream::Context {
        &self.0.context
    }

    pub(crate) fn stream(&self, stream: Stream) -> &stream::Stream<()> {
        match stream {
            Stream::Advisory => &self.0.streams[0],
            Stream::Market => &self.0.streams[1],
        }
    }
}

/// A plain connection to the servers, for those who need no journal: provisioning, doctors, benchmarks.
///
/// # Errors
/// Where an address cannot be read or no server answers in time.
pub async fn connect(servers: &[String], name: &str) -> Result<Client, ConnectError> {
    if servers.is_empty() {
        return Err(ConnectError::NoServer);
    }
    let servers = servers
        .iter()
        .map(|address| address.parse::<ServerAddr>().map_err(|source| ConnectError::Address { source }))
        .collect::<Result<Vec<_>, _>>()?;
    // The client itself does not log in with what an address says: we hand it over.
    let mut options = async_nats::ConnectOptions::new();
    let login = servers.iter().find_map(|server| Some((server.username()?, server.password()?)));
    if let Some((user, password)) = login {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    options
        .name(name)
        .connection_timeout(CONNECT_TIMEOUT)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|attempts| {
            let step = u32::try_from(attempts).unwrap_or(u32::MAX).min(10);
            (Duration::from_millis(10) * 2_u32.pow(step)).min(RECONNECT_DELAY_MAX)
        })
        .connect(servers)
        .await
        .map_err(|source| ConnectError::Connect { source })
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The list of servers is empty.
    #[error("no nats server is named")]
    NoServer,
    /// An address is none. It is not repeated: it may hold a password.
    #[error("a nats server's address cannot be read")]
    Address {
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// No server answered.
    #[error("no nats server answers")]
    Connect {
        /// What the client says.
        #[source]
        source: async_nats::ConnectError,
    },
    /// A stream cannot be spoken of.
    #[error("the stream {} cannot be used", stream.name())]
    Stream {
        /// Which one.
        stream: Stream,
        /// What the client says.
        #[source]
        source: async_nats::jetstream::context::GetStreamError,
    },
}
