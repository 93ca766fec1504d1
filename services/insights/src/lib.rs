//! The one binary: roles, settings, telemetry, and the commands of operators and auditors.

pub mod client;
pub mod demo_prices;
pub mod instance;
pub mod private;
pub mod settings;
pub mod signals;
pub mod sync_always;
pub mod telemetry;
