//! Rows of a read model as text, to compare one replay with another.

use sqlx::{AssertSqlSafe, PgPool, query_scalar};

use crate::model::ReadModel;

/// Every row of the read model, in the order of its tables' keys. A table's rows come after a line with its name.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn dump(pool: &PgPool, model: &ReadModel) -> Result<Vec<String>, sqlx::Error> {
    let mut lines = Vec::new();
    for table in model.tables {
        let sql = format!("SELECT t::text FROM {} t ORDER BY {}", table.name, table.key);
        lines.push(table.name.to_owned());
        lines.extend(query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(pool).await?);
    }
    Ok(lines)
}
