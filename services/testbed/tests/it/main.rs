//! The one integration-test binary: real servers, started privately.

mod harness;
