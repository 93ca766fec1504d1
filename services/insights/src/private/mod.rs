//! Private servers: real ones, started by us, for `insights up` and for tests.
//!
//! # Layout
//!
//! * `tools`: where the servers' programs are on this machine
//! * `folder`: folders that one process owns, and the sweeping of those whose owner died
//! * `process`: a child that does not outlive us, whatever ends us
//! * `account`: the user that PostgreSQL runs as when we are root
//! * `monitor`: questions to a nats-server's monitoring port
//! * `nats`: one nats-server or three, with the configuration files of production
//! * `postgres`: one PostgreSQL

mod account;
mod folder;
mod monitor;
mod nats;
mod postgres;
mod process;
mod tools;

pub use account::AccountError;
pub use folder::{Folder, FolderError};
pub use monitor::MonitorError;
pub use nats::{Nats, NatsError, Node};
pub use postgres::{Durability, Postgres, PostgresError};
pub use process::{Process, ProcessError, leashed, leashed_with_warning};
pub use tools::{Tools, ToolsError};

/// How long we wait before we look again at a state that cannot be awaited, such as a file that a server writes.
const POLL: std::time::Duration = std::time::Duration::from_millis(10);

/// How often a killed server is started again when its old port is taken for the moment, by a connection that waits
/// to close.
const RESTART_ATTEMPTS_MAX: u32 = 20;
/// The pause between two of these attempts.
const RESTART_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// Whether a server ended because its port is taken.
fn is_port_taken(error: &ProcessError) -> bool {
    matches!(error, ProcessError::Ended { log, .. } if log.to_lowercase().contains("address already in use"))
}

/// A fresh password: 122 random bits. It begins with a letter, because a NATS configuration may read
/// a value that begins with a digit as a number.
fn random_password() -> String {
    format!("p{}", uuid::Uuid::new_v4().simple())
}
