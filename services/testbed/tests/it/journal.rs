//! The journal on a real server: what it writes, what it reads, and what it refuses.

mod checker;
mod commands;
mod dropped;
mod ledger;
mod old_caches;
mod queue;
mod reading;
mod topology;
mod tracing_context;
