//! The pure domain of investment advice: what can be wished, what has happened, and what is refused.
//!
//! # Layout
//!
//! * [`decider`]: the shape that every aggregate has: `decide(state, command)` and `evolve(state, event)`.
//! * [`advisor`], [`client`], [`portfolio`], [`recommendation`], [`backtest`], [`asset`]: one decider a file, in the order
//!   command, event, rejection, state, `decide`, `evolve`.
//! * [`calendar`]: on which days an exchange trades.
//! * [`suitability`]: which risk a client may be advised to take, and whether advice fits.
//! * [`values`]: parsed once at the edge, trusted afterwards: weights, money, names, addresses, ids.
//! * [`subject`]: where an aggregate's events stand in the log. [`metadata`]: what stands beside each event.
//! * [`stored`]: the frozen forms in which events are kept, one struct for each version.
//!
//! Nothing here knows a clock, a source of chance, a file or a socket: time and ids come in with the command.

pub mod advisor;
pub mod asset;
pub mod backtest;
pub mod calendar;
pub mod client;
pub mod decider;
pub mod metadata;
pub mod portfolio;
pub mod recommendation;
#[cfg(test)]
mod scenario;
pub mod stored;
pub mod subject;
pub mod suitability;
pub mod values;

pub use advisor::Advisor;
pub use asset::Asset;
pub use backtest::Backtest;
pub use calendar::Calendar;
pub use client::Client;
pub use decider::{Decider, Refusal, RejectionClass};
pub use metadata::Metadata;
pub use portfolio::Portfolio;
pub use recommendation::Recommendation;
pub use stored::{AnyEvent, DecodeError, Stored};
pub use subject::{Kind, Position, Stream, Subject};
