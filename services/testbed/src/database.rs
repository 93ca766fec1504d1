//! Databases for tests.
//!
//! One server serves all tests of a run. The migrations run once, in a template; a test's own database is a
//! copy of it, made in some 50 ms. A test that kills its server has one for itself.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

use insights::private::{self, Durability, Folder};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::sync::OnceCell;

use crate::{must, tools};

/// The migrated database that the others are copies of.
const TEMPLATE: &str = "template_insights";
/// Connections of one test's pool.
const POOL_CONNECTIONS_MAX: u32 = 8;

/// The one server of this run. It ends with the process: the leash sees to that.
static SHARED: OnceCell<Postgres> = OnceCell::const_new();
/// Makes the names of databases differ.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A database for one test, with all tables and no rows.
#[derive(Debug, Clone)]
pub struct Database {
    url: String,
}

impl Database {
    /// A copy of the template on the shared server.
    ///
    /// # Panics
    /// If the server does not start or the migrations fail.
    pub async fn fresh() -> Self {
        let server = SHARED.get_or_init(start_shared).await;
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let copy = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        must("copying the template database", run(server, &copy).await);
        Self { url: server.url_of(&name) }
    }

    /// Where to connect.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool of connections, new with every call.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn pool(&self) -> PgPool {
        pool(&self.url).await
    }
}

/// A server for one test, gone with its data when the value is dropped. What can be done with it stands at
/// [`private::Postgres`]: kill, restart, stop.
#[derive(Debug)]
pub struct Postgres {
    // In this order: the server ends before its folder goes.
    server: private::Postgres,
    _folder: Folder,
}

impl Postgres {
    /// A server whose database `insights` has all tables and no rows.
    ///
    /// # Panics
    /// If the server does not start or the migrations fail.
    pub async fn start(durability: Durability) -> Self {
        let this = Self::bare(durability).await;
        migrate(&this.url()).await;
        this
    }

    async fn bare(durability: Durability) -> Self {
        let folder = must("a folder for PostgreSQL", Folder::temporary());
        let home = folder.path().join("postgres");
        let server = private::Postgres::start(&tools(), &home, durability).await;
        Self { server: must("starting PostgreSQL", server), _folder: folder }
    }
}

impl Deref for Postgres {
    type Target = private::Postgres;

    fn deref(&self) -> &private::Postgres {
        &self.server
    }
}

impl DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut private::Postgres {
        &mut self.server
    }
}

async fn start_shared() -> Postgres {
    let server = Postgres::bare(Durability::Fast).await;
    let create = format!("CREATE DATABASE {TEMPLATE}");
    must("making the template database", run(&server, &create).await);
    migrate(&server.url_of(TEMPLATE)).await;
    server
}

/// Makes all tables. Nobody is connected afterwards, which is what copying a template asks for.
async fn migrate(url: &str) {
    let pool = pool(url).await;
    must("migrating the schema `vault`", vault::migrate(&pool).await);
    must("migrating the schema `read`", projections::migrate(&pool).await);
    pool.close().await;
}

async fn pool(url: &str) -> PgPool {
    must("connecting to PostgreSQL", projections::connect(url, POOL_CONNECTIONS_MAX).await)
}

/// Runs one statement beside all databases of tests.
async fn run(server: &Postgres, statement: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(&server.url_of("postgres")).await?;
    connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await?;
    connection.close().await
}
