//! Connections to PostgreSQL, and the tables.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

/// The schema that read models live in.
pub const SCHEMA: &str = "read";

/// The tables, one file for each read model.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a query waits for a free connection: a caller is better served by an early refusal than by a late answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A statement that takes longer is logged.
const SLOW_STATEMENT: Duration = Duration::from_secs(1);

/// How to connect so that queries find the read models' tables without naming their schema, and each statement has one plan,
/// whatever it is asked for.
///
/// A plan for values that it knows may look for what two filters have in common among all rows, where each alone is of many:
/// where nothing has both, it reads the whole table.
///
/// # Errors
/// Where the address cannot be read.
pub fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    use sqlx::ConnectOptions;
    let settings = [("search_path", SCHEMA), ("timezone", "UTC"), ("plan_cache_mode", "force_generic_plan")];
    let options = PgConnectOptions::from_str(url)?.options(settings);
    Ok(options.log_slow_statements(tracing::log::LevelFilter::Warn, SLOW_STATEMENT))
}

/// A pool of at most so many connections, whose queries find the read models' tables.
///
/// # Errors
/// Where the address cannot be read or PostgreSQL does not answer.
pub async fn connect(url: &str, connections_max: u32) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(connections_max).acquire_timeout(ACQUIRE_TIMEOUT);
    pool.connect_with(options(url)?).await
}

/// Creates what is missing of schema `read` and its tables.
///
/// # Errors
/// Where PostgreSQL does not answer, or its tables are of a newer build.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await?.detach();
    migrate_schema(&mut connection, SCHEMA).await?;
    connection.close().await?;
    Ok(())
}

/// Creates what is missing of this schema and its tables. The connection is of no other use afterwards.
pub(crate) async fn migrate_schema(connection: &mut PgConnection, schema: &str) -> Result<(), MigrateError> {
    // Two that start at once must not both create the schema: one waits for the other here.
    const LOCK: &str = "SELECT pg_advisory_lock(hashtext('insights read models'))";
    const UNLOCK: &str = "SELECT pg_advisory_unlock(hashtext('insights read models'))";
    connection.execute(LOCK).await?;
    connection.execute(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"))).await?;
    connection.execute(AssertSqlSafe(format!("SET search_path TO {schema}"))).await?;
    MIGRATIONS.run_direct(None, connection, false).await?;
    connection.execute(UNLOCK).await?;
    Ok(())
}
