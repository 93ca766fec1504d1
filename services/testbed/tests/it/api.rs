//! The web API over real HTTP, on a real log and a real database.

mod advice;
mod as_of;
mod backtests;
mod cash;
pub mod cast;
mod client_reads;
mod computations;
mod contract;
mod edge;
mod events;
mod figures_then;
pub mod house;
mod imports;
mod jobs;
mod keeping;
mod limits;
mod logins;
mod market_events;
mod matrix;
mod models;
mod nasty;
mod operation;
mod people;
mod reads;
mod refusals;
mod repeats;
mod tokens;
