//! Events that a read model could not take. Its aggregate waits for a fix, with all that happens to it; others flow.

mod retry;

use std::collections::HashMap;

use events::{Position, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool, query};

use crate::apply;
use crate::columns::{damaged, natural};
use crate::incoming::{Applied, Incoming};
use crate::model;

pub use retry::{Retried, RetryError, retry, retry_into};

/// The name under which events are parked whose subject names no kind that this build knows.
pub const UNROUTED: &str = "unrouted";

/// Characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 500;
/// Why an event is parked that is sound itself.
const BEHIND: &str = "it stands behind a parked event";
/// The earliest time that is kept beside a parked event: PostgreSQL's calendar begins later than ours.
const TIME_MIN: Timestamp = Timestamp::constant(-62_135_596_800, 0);
/// Parked events that one listing shows.
pub const LISTED_MAX: i64 = 1_000;

/// An event that a read model did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Which read model, or [`UNROUTED`].
    pub read_model: String,
    /// Where the event stands.
    pub position: Position,
    /// On which subject.
    pub subject: String,
    /// Its type, as it says.
    pub event_type: String,
    /// When its command was given, where it says so.
    pub time: Option<Timestamp>,
    /// Why it was not taken.
    pub reason: String,
}

/// Parked events in the order of read model and position, [`LISTED_MAX`] at the most.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool) -> Result<Vec<ParkedEvent>, sqlx::Error> {
    let rows = query!(
        r#"SELECT read_model, position, subject, event_type, event_time AS "event_time: jiff_sqlx::Timestamp", reason
           FROM parked ORDER BY read_model, position LIMIT $1"#,
        LISTED_MAX
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let stream = stream_of(&row.read_model, &row.subject)?;
            Ok(ParkedEvent {
                position: Position { stream, sequence: natural(row.position)? },
                read_model: row.read_model,
                subject: row.subject,
                event_type: row.event_type,
                time: row.event_time.map(jiff_sqlx::Timestamp::to_jiff),
                reason: row.reason,
            })
        })
        .collect()
}

/// How many events each read model has parked; one that has none is not there.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn counts(pool: &PgPool) -> Result<Vec<(String, u64)>, sqlx::Error> {
    let rows =
        query!(r#"SELECT read_model, COUNT(*) AS "events!" FROM parked GROUP BY read_model ORDER BY read_model"#)
            .fetch_all(pool)
            .await?;
    rows.into_iter().map(|row| Ok((row.read_model, natural(row.events)?))).collect()
}

fn stream_of(read_model: &str, subject: &str) -> Result<Stream, sqlx::Error> {
    if let Ok(model) = model::named(read_model) {
        return Ok(model.stream);
    }
    let stream = Stream::ALL.into_iter().find(|stream| subject.split('.').nth(1) == Some(stream.token()));
    stream.ok_or_else(|| damaged(format!("`{subject}` is parked and of no stream")))
}

/// Which of these events' subjects have parked events already.
pub(crate) async fn subjects(
    connection: &mut PgConnection,
    read_model: &str,
    events: &[&Incoming],
) -> Result<Vec<String>, sqlx::Error> {
    let subjects = apply::subjects(events);
    let rows = query!(
        "SELECT DISTINCT subject FROM parked WHERE read_model = $1 AND subject = ANY($2::text[])",
        read_model,
        &subjects as _
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.subject).collect())
}

/// What one read model parks of one batch.
#[derive(Debug)]
pub(crate) struct Parking {
    read_model: &'static str,
    /// Subjects that wait for a fix, each with the first of its sequences that does.
    blocked: HashMap<String, u64>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    sequence: i64,
    subject: String,
    event_type: String,
    time: Option<Timestamp>,
    reason: String,
}

impl Parking {
    pub fn new(read_model: &'static str) -> Self {
        Self { read_model, blocked: HashMap::new(), rows: Vec::new() }
    }

    /// Parks from now on whatever happens to these subjects: they have parked events from before.
    pub fn block(&mut self, subjects: Vec<String>) {
        self.blocked.extend(subjects.into_iter().map(|subject| (subject, 0)));
    }

    /// Parks the event, and from now on what comes behind it on its subject.
    pub fn park(&mut self, event: &Incoming, reason: &str) {
        let first = self.blocked.entry(event.subject.clone()).or_insert(event.sequence());
        *first = event.sequence().min(*first);
        self.rows.push(Row {
            sequence: i64::try_from(event.sequence()).unwrap_or(i64::MAX),
            subject: storable(&event.subject),
            event_type: storable(&event.event_type),
            time: event.time.filter(|time| *time >= TIME_MIN),
            reason: storable(reason),
        });
    }

    /// The events that can be folded, in order. Those that are no events, or stand behind parked ones, are parked; one
    /// that was parked by itself is left out.
    pub fn sift<'a>(&mut self, events: &[&'a Incoming]) -> Vec<(&'a Incoming, &'a Applied)> {
        let mut taken = Vec::with_capacity(events.len());
        for &event in events {
            match (self.blocked.get(&event.subject), &event.event) {
                (Some(first), _) if event.sequence() == *first => {}
                (Some(first), _) if event.sequence() > *first => self.park(event, BEHIND),
                (_, Ok(applied)) => taken.push((event, applied)),
                (_, Err(reason)) => self.park(event, reason),
            }
        }
        taken
    }

    /// How many events were parked.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Writes what was parked.
    pub async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        tracing::warn!(read_model = self.read_model, events = self.rows.len(), first = %self.rows[0].reason, "parked");
        let positions: Vec<i64> = self.rows.iter().map(|row| row.sequence).collect();
        let subjects: Vec<&str> = self.rows.iter().map(|row| row.subject.as_str()).collect();
        let event_types: Vec<&str> = self.rows.iter().map(|row| row.event_type.as_str()).collect();
        let times: Vec<_> = self.rows.iter().map(|row| row.time.map(ToSqlx::to_sqlx)).collect();
        let reasons: Vec<&str> = self.rows.iter().map(|row| row.reason.as_str()).collect();
        query!(
            "INSERT INTO parked (read_model, position, subject, event_type, event_time, reason)
             SELECT $1, * FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
             ON CONFLICT (read_model, position) DO NOTHING",
            self.read_model,
            &positions,
            &subjects as _,
            &event_types as _,
            &times as _,
            &reasons as _
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The text as PostgreSQL can keep it: what is wrong with an event must not stop it from being parked.
fn storable(text: &str) -> String {
    text.chars().map(|c| if c == '\0' { '\u{fffd}' } else { c }).take(REASON_CHARS_MAX).collect()
}
