//! Letters that have not left: how many, in which state, and since when the oldest has been waiting.

use jiff::Timestamp;
use sqlx::{PgPool, query};

use crate::columns::natural;

/// Letters in one state other than sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The state: `due`, `claimed`, `failed` or `outcome unknown`.
    pub letter: String,
    /// How many there are.
    pub count: u64,
    /// When the oldest of their recommendations was made.
    pub since: Timestamp,
}

/// The letters that have not left, by state.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn unsent(pool: &PgPool) -> Result<Vec<Unsent>, sqlx::Error> {
    let rows = query!(
        r#"SELECT letter, count(*) AS "count!", min(made_at) AS "since!: jiff_sqlx::Timestamp"
           FROM recommendations WHERE letter <> 'sent' GROUP BY letter ORDER BY letter"#
    );
    let rows = rows.fetch_all(pool).await?;
    let unsent = rows
        .into_iter()
        .map(|row| Ok(Unsent { letter: row.letter, count: natural(row.count)?, since: row.since.to_jiff() }));
    unsent.collect()
}
