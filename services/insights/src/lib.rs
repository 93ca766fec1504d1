//! The one binary: roles, settings, telemetry, and the commands of operators and auditors.

pub mod private;
