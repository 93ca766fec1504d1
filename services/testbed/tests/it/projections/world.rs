//! What these tests start from: a migrated database, a provisioned log, and drafts appended to it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use events::{Stream, Subject};
use futures::{StreamExt, TryStreamExt, stream};
use journal::{Journal, JournalSettings, Recorded};
use projections::apply::{self, ApplyError, Target};
use projections::{ReadModel, dump, model};
use sqlx::PgPool;
use testbed::{Database, Nats};

use super::story::Draft;

/// Publishes on their way at once.
const IN_FLIGHT_MAX: usize = 256;
/// Connections of one pool.
const CONNECTIONS_MAX: u32 = 6;

/// A pool on a database of its own, with the read models' tables.
pub async fn database() -> PgPool {
    let database = Database::fresh().await;
    migrated(database.url()).await
}

pub async fn migrated(url: &str) -> PgPool {
    let pool = projections::connect(url, CONNECTIONS_MAX).await.unwrap();
    projections::migrate(&pool).await.unwrap();
    pool
}

/// A server with the streams, and a journal on it.
pub async fn log() -> (Nats, Journal) {
    let nats = Nats::one().await;
    let operator = journal::connect(&nats.operator_urls(), "tests").await.unwrap();
    journal::topology::provision(&async_nats::jetstream::new(operator), 1).await.unwrap();
    let journal = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/test")).await.unwrap();
    (nats, journal)
}

/// Appends the drafts in their order, each behind its aggregate's event before it; back when all are acknowledged. Nobody
/// else may write meanwhile: where a draft will stand is known before it is sent.
pub async fn append(journal: &Journal, drafts: &[Draft]) {
    let context = async_nats::jetstream::new(journal.client().clone());
    let mut ends = HashMap::new();
    let mut last = HashMap::new();
    // One after the other onto the wire, and only then all acknowledgements: that is what keeps the order.
    for drafts in drafts.chunks(IN_FLIGHT_MAX) {
        let mut acknowledgements = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let (kind, token) = Subject::parse(&draft.subject).unwrap();
            let end = match ends.entry(kind.stream()) {
                Entry::Occupied(end) => end.into_mut(),
                Entry::Vacant(end) => end.insert(journal.last_position(kind.stream()).await.unwrap().sequence),
            };
            *end += 1;
            let before = match last.insert(draft.subject.as_str(), *end) {
                Some(before) => before,
                None => {
                    let history = journal.history(&Subject::new(kind, token)).await.unwrap();
                    history.last().map_or(0, |event| event.position().sequence)
                }
            };
            let mut headers = async_nats::HeaderMap::new();
            for (name, value) in &draft.headers {
                headers.insert(*name, value.as_str());
            }
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, before.to_string());
            let payload = draft.payload.clone().into();
            let published = context.publish_with_headers(draft.subject.clone(), headers, payload).await;
            acknowledgements.push(published.unwrap());
        }
        let acknowledged = stream::iter(acknowledgements).then(IntoFuture::into_future);
        acknowledged.try_for_each(|_| async { Ok(()) }).await.unwrap();
    }
}

/// The read models of a stream.
pub fn models(stream: Stream) -> Vec<ReadModel> {
    model::ALL.into_iter().filter(|model| model.stream == stream).collect()
}

/// Applies events to the live tables of their stream's read models.
pub async fn apply(pool: &PgPool, stream: Stream, events: &[Recorded]) -> Result<(), ApplyError> {
    let models = models(stream);
    let target = Target { pool, schema: projections::connect::SCHEMA, models: &models };
    apply::batch(&target, stream, events.to_vec()).await
}

/// Every row of every read model of the stream, as text.
pub async fn rows(pool: &PgPool, stream: Stream) -> Vec<String> {
    let mut rows = Vec::new();
    for model in models(stream) {
        rows.extend(dump::dump(pool, &model).await.unwrap());
    }
    rows
}

/// Where each read model of the stream stands.
pub async fn checkpoints(pool: &PgPool, stream: Stream) -> Vec<i64> {
    sqlx::query_scalar("SELECT position FROM checkpoints WHERE stream = $1 AND awaited ORDER BY read_model")
        .bind(stream.token())
        .fetch_all(pool)
        .await
        .unwrap()
}
