//! Letters that have not left: how many, in which state, and since when the oldest has been waiting.

use jiff::Timestamp;
use sqlx::{PgPool, query};

use crate::columns::natural;

/// Letters that are counted in one state. Where there are more, something is so wrong that their number does not matter.
pub const COUNTED_MAX: i64 = 10_000;

/// Letters in one state other than sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The state: `due`, `claimed`, `failed` or `outcome unknown`.
    pub letter: String,
    /// How many there are, [`COUNTED_MAX`] at the most.
    pub count: u64,
    /// When the oldest of their recommendations was made.
    pub since: Timestamp,
}

/// The letters that have not left, by state. Nobody is written to about advice that does not stand: what was not sent by then
/// is not due.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn unsent(pool: &PgPool) -> Result<Vec<Unsent>, sqlx::Error> {
    let rows = query!(
        r#"SELECT state AS "letter!", letters.count AS "count!", letters.since AS "since!: jiff_sqlx::Timestamp"
           FROM unnest(ARRAY['claimed', 'due', 'failed', 'outcome unknown']) AS state
           CROSS JOIN LATERAL (
               SELECT count(*) AS count, min(made_at) AS since
               FROM (SELECT made_at FROM recommendations
                     WHERE letter = state AND letter <> 'sent' AND (letter <> 'due' OR standing = 'open')
                     ORDER BY made_at LIMIT $1) AS oldest
           ) AS letters
           WHERE letters.count > 0 ORDER BY state"#,
        COUNTED_MAX
    );
    let rows = rows.fetch_all(pool).await?;
    let unsent = rows
        .into_iter()
        .map(|row| Ok(Unsent { letter: row.letter, count: natural(row.count)?, since: row.since.to_jiff() }));
    unsent.collect()
}
