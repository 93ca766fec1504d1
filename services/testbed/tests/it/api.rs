//! The web API over real HTTP, on a real log and a real database.

mod computations;
pub mod house;
mod limits;
mod operation;
mod people;
mod reads;
mod refusals;
mod repeats;
