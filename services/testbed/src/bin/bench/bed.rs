//! Private servers for one measurement.

use anyhow::Context;
use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy, PersistenceMode, StorageType};
use events::Stream;
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, JournalSettings};
use sqlx::PgPool;
use tempfile::TempDir;
use testbed::{Durability, Nats, Postgres};
use vault::{KeyEncryptionKey, Role, Vault};

use crate::service::Service;

/// How long the token of a measurement is good for, in hours.
const TOKEN_HOURS: i64 = 24;
/// Connections of a pool of ours.
const CONNECTIONS_MAX: u32 = 16;

/// Servers with streams and tables.
pub struct Bed {
    nats: Nats,
    postgres: Postgres,
    folder: TempDir,
}

impl Bed {
    /// One nats-server with the shipped configuration.
    pub async fn one() -> anyhow::Result<Self> {
        let bed = Self::with(Nats::one().await).await?;
        bed.provision(1).await?;
        Ok(bed)
    }

    /// Three nats-servers with the shipped configuration.
    pub async fn three() -> anyhow::Result<Self> {
        let bed = Self::with(Nats::three().await).await?;
        bed.provision(3).await?;
        Ok(bed)
    }

    /// One nats-server that writes to the disk when it likes, for a large log that only reads are measured on. The
    /// stream is what it is in production otherwise.
    pub async fn one_relaxed() -> anyhow::Result<Self> {
        let bed = Self::with(Nats::one().await).await?;
        let context = bed.operator().await?;
        let relaxed = Config {
            name: Stream::Advisory.name().to_owned(),
            subjects: vec!["insights.advisory.*.*.*".to_owned()],
            storage: StorageType::File,
            compression: Some(Compression::S2),
            discard: DiscardPolicy::New,
            num_replicas: 1,
            duplicate_window: std::time::Duration::from_secs(120),
            deny_delete: true,
            deny_purge: true,
            persist_mode: Some(PersistenceMode::Async),
            ..Default::default()
        };
        context.create_stream(relaxed).await.context("a relaxed stream")?;
        bed.provision(1).await?;
        Ok(bed)
    }

    async fn with(nats: Nats) -> anyhow::Result<Self> {
        let postgres = Postgres::start(Durability::Safe).await;
        Ok(Self { nats, postgres, folder: tempfile::tempdir()? })
    }

    async fn operator(&self) -> anyhow::Result<async_nats::jetstream::Context> {
        let client = journal::connect(&self.nats.operator_urls(), "bench").await?;
        Ok(async_nats::jetstream::new(client))
    }

    async fn provision(&self, replicas: usize) -> anyhow::Result<()> {
        Ok(journal::topology::provision(&self.operator().await?, replicas).await?)
    }

    /// The nats-servers' process ids.
    pub fn nats_processes(&self) -> Vec<u32> {
        self.nats.nodes().iter().filter_map(|node| node.process_id()).collect()
    }

    /// A journal of its own connection.
    pub async fn journal(&self) -> anyhow::Result<Journal> {
        Ok(Journal::connect(&JournalSettings::new(self.nats.urls(), "/insights/bench")).await?)
    }

    /// The pool of a new database with all tables and no rows.
    pub async fn new_database(&self, name: &str) -> anyhow::Result<PgPool> {
        let admin = projections::connect(&self.postgres.url(), 1).await?;
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await?;
        admin.close().await;
        let pool = projections::connect(&self.postgres.url_of(name), CONNECTIONS_MAX).await?;
        projections::migrate(&pool).await?;
        Ok(pool)
    }

    /// These roles in a process of their own, ready.
    pub async fn serve(&self, roles: &str) -> anyhow::Result<Service> {
        let pool = projections::connect(&self.postgres.url(), 2).await?;
        let key_file = self.folder.path().join("key");
        let vault = Vault::new(pool.clone(), KeyEncryptionKey::read_or_create(&key_file)?);
        let valid_for = SignedDuration::from_hours(TOKEN_HOURS);
        let token = vault.create_token(Role::Admin, "bench", Timestamp::now(), valid_for).await?;
        pool.close().await;
        let environment = [
            ("INSIGHTS_NATS_URL", self.nats.urls().join(",")),
            ("INSIGHTS_NATS_MONITOR_URL", self.nats.monitor_urls().join(",")),
            ("INSIGHTS_DATABASE_URL", self.postgres.url()),
            ("INSIGHTS_KEY_FILE", key_file.display().to_string()),
            // It is the service that is measured, not its patience.
            ("INSIGHTS_REQUESTS_PER_MINUTE", u32::MAX.to_string()),
            ("INSIGHTS_OUTBOX", self.folder.path().join("outbox").display().to_string()),
        ];
        Service::start(roles, &environment, token.secret, &self.folder.path().join("log")).await
    }
}
