//! How much of the large tables a list reads: rows and blocks, as PostgreSQL counts them.

use std::future::Future;

use projections::connect;
use sqlx::{Executor, PgPool, Row};

/// Reads of one connection, which is counted.
pub struct Counted {
    pub pool: PgPool,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Rows of tables that were looked through, and entries of indexes.
    pub rows: i64,
    /// Blocks of both.
    pub blocks: i64,
}

impl Counted {
    /// A single connection, such as every role has.
    pub async fn connect(url: &str) -> Self {
        let pool = connect(url, 1).await.unwrap();
        // What reading it for the first time costs is no matter of the plan.
        pool.execute("SELECT count(*) FROM pg_class, pg_attribute WHERE pg_class.oid = attrelid").await.unwrap();
        Self { pool }
    }

    /// What comes of this, and how much of the tables it read.
    pub async fn read<T>(&self, asking: impl Future<Output = Result<T, sqlx::Error>>) -> (T, Read) {
        let before = self.so_far().await;
        let found = asking.await.unwrap();
        let after = self.so_far().await;
        (found, Read { rows: after.rows - before.rows, blocks: after.blocks - before.blocks })
    }

    /// The tables are read by nobody else, and the counts of this connection are handed in before they are looked at.
    async fn so_far(&self) -> Read {
        self.pool.execute("SELECT pg_stat_force_next_flush()").await.unwrap();
        let row = self
            .pool
            .fetch_one(
                "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint
                        + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint,
                        (SELECT sum(heap_blks_read + heap_blks_hit + COALESCE(idx_blks_read + idx_blks_hit, 0))
                         FROM pg_statio_user_tables)::bigint",
            )
            .await
            .unwrap();
        Read { rows: row.get(0), blocks: row.get(1) }
    }
}
