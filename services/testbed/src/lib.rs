//! Real servers for tests, started privately and gone afterwards.
//!
//! # Layout
//!
//! * [`Nats`]: one nats-server or three, for one test
//! * [`Log`]: the log on such servers, provisioned; [`events_after`] reads it, [`assert_whole`] checks it after a fault
//! * [`FaultProxy`]: a network that fails as it is told
//! * [`Database`]: a migrated database for one test, on one server that a whole test run shares
//! * [`Postgres`]: a server for one test, to be killed
//! * [`SmtpSink`]: a mail server that fails as it is told
//! * [`OtlpTap`]: a receiver of traces
//! * [`YahooStandIn`]: a source of prices that is as nasty as it is told
//! * [`Certificates`]: an authority and a server's certificate
//!
//! A harness that cannot start is no result of a test: these functions panic with the whole chain of causes.

mod certificates;
mod database;
mod fault_proxy;
mod log;
mod nats;
mod otlp;
mod python;
mod smtp;
pub mod yahoo;

pub use certificates::Certificates;
pub use database::{Database, Postgres};
pub use fault_proxy::{Fault, FaultProxy};
pub use insights::private::Durability;
pub use log::{Log, assert_whole, events_after, operator};
pub use nats::Nats;
pub use otlp::{OtlpTap, Span};
pub use python::{python, python_of_the_contract};
pub use smtp::{Behaviour, Command, Letter, SmtpSink};
pub use yahoo::YahooStandIn;

use std::time::Duration;

use insights::private::Tools;

/// How long a test waits for a state before it fails, where it has no tighter bound of its own.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long we wait before we look again at a state that cannot be awaited.
const POLL: Duration = Duration::from_millis(10);

/// The first value that `look` finds, asked again and again for at most [`PATIENCE`].
///
/// # Panics
/// If it finds none in time; the message says that `what` did not come.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(value) = look().await {
                return value;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(PATIENCE, found).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// The value, or a panic that tells `what` failed and why, cause by cause.
fn must<T, E: Into<anyhow::Error>>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {:#}", error.into()),
    }
}

/// The servers' programs.
fn tools() -> Tools {
    must("looking for the servers' programs", Tools::find())
}
