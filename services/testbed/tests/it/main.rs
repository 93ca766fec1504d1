//! The one integration-test binary: real servers, started privately.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod effects;
mod expiring;
mod faults;
mod given;
mod harness;
mod journal;
mod letters;
mod market;
mod projections;
mod succession;
mod vault;
