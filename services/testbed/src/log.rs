//! The log on private servers, provisioned as in production.

use async_nats::jetstream;
use events::Stream;
use events::values::CommandId;
use journal::{Journal, JournalSettings, Recorded};

use crate::{Nats, PATIENCE, eventually, must};

/// How many events are asked for at a time.
const EVENTS_AT_ONCE: usize = 1_000;

/// One nats-server or three with the streams of `deploy/nats/topology.json`.
#[derive(Debug)]
pub struct Log {
    /// The servers, to be killed and paused.
    pub nats: Nats,
}

impl Log {
    /// On one server.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn one() -> Self {
        Self::provisioned(Nats::one().await, 1).await
    }

    /// On three servers, every stream on all of them.
    ///
    /// # Panics
    /// If they do not start.
    pub async fn three() -> Self {
        Self::provisioned(Nats::three().await, 3).await
    }

    async fn provisioned(nats: Nats, replicas: usize) -> Self {
        let log = Self { nats };
        must("provisioning", journal::topology::provision(&log.operator().await, replicas).await);
        log
    }

    /// The usual settings of a journal here.
    #[must_use]
    pub fn settings(&self) -> JournalSettings {
        JournalSettings::new(self.nats.urls(), "/insights/test")
    }

    /// A journal with a connection and a cache of its own: as another process has it.
    ///
    /// # Panics
    /// If no server answers.
    pub async fn journal(&self) -> Journal {
        must("connecting a journal", Journal::connect(&self.settings()).await)
    }

    /// JetStream as the user who may make and change streams.
    ///
    /// # Panics
    /// If no server answers.
    pub async fn operator(&self) -> jetstream::Context {
        operator(&self.nats).await
    }
}

/// JetStream on these servers as the user who may make and change streams.
///
/// # Panics
/// If no server answers.
pub async fn operator(nats: &Nats) -> jetstream::Context {
    let client = must("connecting as operator", journal::connect(&nats.operator_urls(), "operator").await);
    jetstream::new(client)
}

/// Every event behind this sequence, up to where the stream ends now. A reader's answer is no whole: it waits for its
/// first event and for no other.
///
/// # Panics
/// If the log cannot be read, or nothing more comes before the end within the patience of a test.
pub async fn events_after(journal: &Journal, stream: Stream, sequence: u64) -> Vec<Recorded> {
    let end = must("the end of the stream", journal.last_position(stream).await).sequence;
    let mut reader = must("a reader", journal.reader(stream, sequence).await);
    let mut events = Vec::new();
    while reader.after() < end {
        let batch = must("reading the stream", reader.next(EVENTS_AT_ONCE, PATIENCE).await);
        assert!(!batch.events.is_empty(), "nothing came behind {} of {end} within {PATIENCE:?}", reader.after());
        events.extend(batch.events);
    }
    events
}

/// Panics unless both streams are as they must be and hold every acknowledged command of the advisory stream: no
/// position missing, no event or command twice, versions 1, 2, 3 of every aggregate, every event readable.
///
/// # Panics
/// With every violation, or if the log cannot be read within the patience of a test.
pub async fn assert_whole(journal: &Journal, acknowledged: &[CommandId]) {
    for (stream, acknowledged) in [(Stream::Advisory, acknowledged), (Stream::Market, &[][..])] {
        // A cluster that has just lost a member may need a moment before all of it can be read.
        let read = async || insights::verify::log(journal, stream, acknowledged).await.ok();
        let report = eventually("a reading of the whole log", read).await;
        assert_eq!(report.violations(), 0, "{report}");
    }
}
