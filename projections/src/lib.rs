//! Read models in PostgreSQL: rows that follow the log, may be queried by anyone, and can be replayed at any time.
//!
//! # Layout
//!
//! * [`advisors`], [`clients`], [`portfolios`], [`recommendations`], [`backtests`], [`assets`], [`prices`]: one read model a
//!   file: what a batch of events changes in it above, queries below. Their tables are under `migrations/`. [`happenings`]:
//!   where each event stands and whose it is, for those who ask what happened.
//! * [`model`]: what a read model is, and the list of them.
//! * `incoming.rs`: events, decoded once for all read models of a stream. `ahead.rs`: in a replay folded as well, before
//!   their transaction begins.
//! * [`apply`]: one batch, one transaction: rows, parked events and checkpoints together.
//! * [`checkpoint`]: how far read models have come, and waiting for them. [`lag`]: how far they are behind.
//!   [`letters`]: which letters have not left.
//! * [`follow`]: the `project` role: reads, decodes and applies without end.
//! * [`figures`]: a portfolio's figures over prices in memory ([`price_cache`]). [`analyze`]: the `analyze` role, which keeps
//!   them in the read model [`portfolio_figures`].
//! * [`parked`]: events that a read model could not take, and trying them again.
//! * [`as_of`]: what a position or a time means for prices and for what rests on them.
//! * [`replay`]: one aggregate's row as it was at a position or a time, by the same folds.
//! * [`rebuild`]: a read model filled anew beside the live one, and put in its place.
//! * [`mod@connect`]: connections and migrations. [`dump`]: rows as text, to compare one replay with another.
//!
//! Nothing in schema `read` comes from anywhere but the log: no clock, no chance, no sequence of PostgreSQL's. So rows
//! that were replayed equal rows that were followed, byte for byte.

pub mod advisors;
mod ahead;
pub mod analyze;
pub mod apply;
pub mod as_of;
pub mod assets;
pub mod backtests;
pub mod checkpoint;
pub mod clients;
mod columns;
pub mod connect;
pub mod dump;
pub mod figures;
pub mod follow;
pub mod happenings;
mod incoming;
pub mod lag;
pub mod letters;
pub mod model;
mod page;
pub mod parked;
pub mod portfolio_figures;
pub mod portfolios;
pub mod price_cache;
pub mod prices;
pub mod rebuild;
pub mod recommendations;
pub mod replay;

pub use checkpoint::{Behind, Checkpoints};
pub use connect::{connect, migrate};
pub use incoming::Applied;
pub use model::{NoSuchReadModel, ReadModel};
pub use page::{LOOKED_AT_MAX, Looked, Order, PAGE_ROWS_MAX, Page};
pub use price_cache::PriceCache;
