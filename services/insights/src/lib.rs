//! The one binary: roles, settings, telemetry, and the commands of operators and auditors.
//!
//! # Layout
//!
//! * [`cli`]: the command line; [`settings`]: what can be set; [`telemetry`], [`signals`]
//! * [`roles`]: each job of the binary, and running several of them
//! * [`up`], [`demo`]: everything in one folder, and the main job through the web API; [`instance`] is how other commands
//!   find it, [`client`] how both speak to it, [`demo_prices`] what they load
//! * [`loading`]: prices from Yahoo or from tables, once or day by day
//! * [`operator`], [`auditor`]: the commands of both; [`sync_always`] and [`verify`] are what they check
//! * [`offline`]: figures, frontier and backtest of prices in a file, without any server
//! * [`private`]: real servers of our own, for `up` and for tests

pub mod admin;
pub mod auditor;
pub mod cli;
pub mod client;
pub mod demo;
pub mod demo_prices;
pub mod instance;
pub mod loading;
pub mod offline;
pub mod operator;
pub mod private;
pub mod roles;
pub mod settings;
pub mod signals;
pub mod sync_always;
pub mod telemetry;
pub mod up;
pub mod verify;

/// Events are made of many small strings that one thread allocates and another frees, which the system's allocator is
/// slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
