//! How far read models have come, and waiting until they have come far enough.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use events::{Position, Stream};
use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool, query};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::columns::natural;

/// PostgreSQL's channel that tells of moved checkpoints.
const CHANNEL: &str = "insights_checkpoint";
/// Checkpoints are read again this often even where nobody tells of them: a notice may get lost with its connection.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Up to where every read model of a stream has come that readers wait for.
type Reached = BTreeMap<Stream, u64>;

/// The checkpoints, watched by one task for as many waiters as there are. Cheap to clone; the task ends with the last
/// clone.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    reached: watch::Receiver<Reached>,
    _watcher: Arc<AbortOnDropHandle<()>>,
}

impl Checkpoints {
    /// Checkpoints as this database has them. While PostgreSQL does not answer, nothing is known to have been reached.
    #[must_use]
    pub fn watch(pool: PgPool) -> Self {
        let (tell, reached) = watch::channel(Reached::new());
        Self { reached, _watcher: Arc::new(AbortOnDropHandle::new(tokio::spawn(watch_checkpoints(pool, tell)))) }
    }

    /// Returns once every read model of the position's stream has reached it.
    ///
    /// # Errors
    /// [`Behind`] where that has not come about within the bound.
    pub async fn wait_for(&self, position: Position, bound: Duration) -> Result<(), Behind> {
        let mut reached = self.reached.clone();
        let far_enough = reached.wait_for(|reached| reached_in(reached, position.stream) >= position.sequence);
        if matches!(tokio::time::timeout(bound, far_enough).await, Ok(Ok(_))) {
            return Ok(());
        }
        Err(Behind { needed: position, reached: self.reached(position.stream) })
    }

    /// Up to where every read model of the stream has come, as far as is known here.
    #[must_use]
    pub fn reached(&self, stream: Stream) -> Position {
        Position { stream, sequence: reached_in(&self.reached.borrow(), stream) }
    }
}

/// Read models have not come as far as was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read models have reached {reached}, not {needed}")]
pub struct Behind {
    /// Where they should be.
    pub needed: Position,
    /// Where they are.
    pub reached: Position,
}

fn reached_in(reached: &Reached, stream: Stream) -> u64 {
    reached.get(&stream).copied().unwrap_or(0)
}

/// Keeps what is known up to date for as long as anybody looks.
async fn watch_checkpoints(pool: PgPool, tell: watch::Sender<Reached>) {
    while !tell.is_closed() {
        if let Err(error) = listen(&pool, &tell).await {
            tracing::warn!(%error, "checkpoints cannot be watched");
        }
        // What there is to wait for is a server that answers again, and it tells nobody.
        tokio::time::sleep(READ_AGAIN_AFTER).await;
    }
}

async fn listen(pool: &PgPool, tell: &watch::Sender<Reached>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Whoever listens first and reads then misses nothing in between.
        let now = read_reached(pool).await?;
        tell.send_if_modified(|reached| {
            *reached != now && {
                *reached = now;
                true
            }
        });
        let deadline = tokio::time::sleep(READ_AGAIN_AFTER);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                notice = listener.try_recv() => match notice? {
                    Some(notice) => {
                        if let Ok(position) = notice.payload().parse::<Position>() {
                            tell.send_if_modified(|reached| {
                                reached.insert(position.stream, position.sequence) != Some(position.sequence)
                            });
                        }
                    }
                    // The connection was lost and is made again; notices in between are lost too.
                    None => break,
                },
                () = &mut deadline => break,
            }
        }
    }
}

async fn read_reached(pool: &PgPool) -> Result<Reached, sqlx::Error> {
    let rows = query!(r#"SELECT stream, MIN(position) AS "position!" FROM checkpoints WHERE awaited GROUP BY stream"#)
        .fetch_all(pool)
        .await?;
    let mut reached = Reached::new();
    for row in rows {
        if let Some(stream) = Stream::ALL.into_iter().find(|stream| stream.token() == row.stream) {
            reached.insert(stream, natural(row.position)?);
        }
    }
    Ok(reached)
}

/// Tells everybody who watches, once the transaction is committed, that all read models of the stream have come here.
pub(crate) async fn notify(connection: &mut PgConnection, reached: Position) -> Result<(), sqlx::Error> {
    query!("SELECT pg_notify($1, $2)", CHANNEL, reached.to_string()).execute(connection).await?;
    Ok(())
}

/// Where each of these read models stands.
pub(crate) async fn read(pool: &PgPool, names: &[&str]) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let rows = query!("SELECT read_model, position FROM checkpoints WHERE read_model = ANY($1::text[])", names as _)
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(|row| Ok((row.read_model, natural(row.position)?))).collect()
}

/// A checkpoint whose row is locked until the transaction ends.
#[derive(Debug)]
pub(crate) struct Held {
    pub read_model: String,
    pub position: u64,
    /// Whether the read model has parked events.
    pub has_parked: bool,
}

/// Locks these read models' checkpoints and says where they stand. Whoever comes second waits here, and then sees what
/// the first has done: that is the fence between two projectors.
pub(crate) async fn hold(connection: &mut PgConnection, names: &[&str]) -> Result<Vec<Held>, sqlx::Error> {
    let rows = query!(
        r#"SELECT c.read_model, c.position,
                  EXISTS (SELECT FROM parked p WHERE p.read_model = c.read_model) AS "has_parked!"
           FROM checkpoints c WHERE c.read_model = ANY($1::text[]) ORDER BY c.read_model FOR UPDATE OF c"#,
        names as _
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Held { read_model: row.read_model, position: natural(row.position)?, has_parked: row.has_parked })
        })
        .collect()
}

/// Moves these checkpoints, each from where it was held, to the position. Returns how many it has moved.
pub(crate) async fn advance(connection: &mut PgConnection, held: &[&Held], to: i64) -> Result<u64, sqlx::Error> {
    let names: Vec<&str> = held.iter().map(|held| held.read_model.as_str()).collect();
    let from: Vec<i64> = held.iter().map(|held| i64::try_from(held.position).unwrap_or(i64::MAX)).collect();
    let moved = query!(
        "UPDATE checkpoints c SET position = $3
         FROM UNNEST($1::text[], $2::bigint[]) AS h (read_model, position)
         WHERE c.read_model = h.read_model AND c.position = h.position",
        &names as _,
        &from,
        to
    )
    .execute(connection)
    .await?;
    Ok(moved.rows_affected())
}
