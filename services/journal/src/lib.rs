//! The adapter to NATS JetStream: the one way to write events, and the ways to read them.
//!
//! # Layout
//!
//! * [`Journal`] (`connection.rs`): a connection with its settings and the cache of aggregates.
//! * `execute.rs`: history, decide, append, again on conflict: the one way to write.
//! * `state.rs`: an aggregate's state, folded from its history or caught up.
//! * `append.rs`: one attempt to append one event, and what its outcome means.
//! * `history.rs`: all events of one aggregate, read through the stream's leader.
//! * `aggregates.rs`: the bounded cache of states and the queue before each aggregate.
//! * `reader.rs`: a whole stream in order, for projections, replays and auditors.
//! * [`effect`]: durable consumers for work that cannot be undone; `parked.rs` keeps what they gave up on.
//! * [`topology`]: streams as data, provisioned and compared with what the server has.
//! * `trace.rs`: trace context in headers. `recorded.rs`: an event as it stands in the log.

#![warn(clippy::large_futures)]

mod aggregates;
mod append;
mod connection;
pub mod effect;
mod execute;
mod history;
mod parked;
mod reader;
mod recorded;
mod state;
pub mod topology;
mod trace;

pub use aggregates::QUEUE_MAX;
pub use append::AppendError;
pub use connection::{ConnectError, Journal, JournalSettings, connect};
pub use effect::{Effect, EffectError, Verdict};
pub use execute::{APPEND_ATTEMPTS_MAX, CommandContext, Done, ExecuteError, Expect, Outcome};
pub use parked::{Parked, ParkedError};
pub use reader::{Batch, Reader};
pub use recorded::{ReadError, Recorded, RecordedError};
pub use state::Versioned;
pub use trace::{follow_trace, trace_parent};
