//! Advice that stands although its last day is over.

use events::values::RecommendationId;
use jiff::civil::Date;
use sqlx::{PgPool, query};
use uuid::Uuid;

use crate::page::PAGE_ROWS_MAX;

/// Advice whose last day is over, with that day as it stands in the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Which recommendation.
    pub id: RecommendationId,
    /// Its last day.
    pub last_day: String,
}

/// Some of the advice that stands although its last day was before this one, the longest overdue first; at most
/// [`PAGE_ROWS_MAX`], and only what comes behind `after`.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn overdue(pool: &PgPool, today: Date, after: Option<&Overdue>) -> Result<Vec<Overdue>, sqlx::Error> {
    let (day, id) = after.map_or(("", Uuid::nil()), |after| (after.last_day.as_str(), after.id.uuid()));
    let rows = query!(
        r#"SELECT id, terms ->> 'valid_until' AS "last_day!"
           FROM recommendations
           WHERE standing = 'open' AND terms ->> 'valid_until' IS NOT NULL
             AND (terms ->> 'valid_until') COLLATE "C" < $1
             AND ((terms ->> 'valid_until') COLLATE "C", id) > ($2, $3)
           ORDER BY (terms ->> 'valid_until') COLLATE "C", id LIMIT $4"#,
        today.to_string(),
        day,
        id,
        i64::from(PAGE_ROWS_MAX)
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| Overdue { id: RecommendationId::new(row.id), last_day: row.last_day }).collect())
}
