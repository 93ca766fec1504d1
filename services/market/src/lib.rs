//! Market data: what sources say of assets becomes events, once.
//!
//! # Layout
//!
//! * [`source`]: what a source gives, and the trait that both sources have.
//! * [`yahoo`]: Yahoo's chart API, politely. [`files`]: tables of prices in CSV.
//! * [`mod@unit`]: currencies and their hundredths. [`left_out`]: what was not taken, and why.
//! * [`mod@load`]: a source's words compared with what is known, and what is new or different turned into commands.
//! * [`keep_fresh`]: the `load` role: loads assets after each day's close, in their exchange's time zone.
//!
//! A source is never believed twice: prices that are known change nothing, and prices that differ from known ones become
//! corrections that keep both values.

pub mod files;
pub mod keep_fresh;
pub mod left_out;
pub mod load;
mod settled;
pub mod source;
pub mod unit;
pub mod yahoo;

pub use files::{Files, FilesError, FilesSettings};
pub use keep_fresh::{FreshSettings, KeepFreshError};
pub use left_out::{Dropped, LeftOut};
pub use load::{LoadOptions, Loaded, Progress, Report, load};
pub use source::{Fetched, Quotes, Source, SourceError, Window};
pub use unit::Unit;
pub use yahoo::{Politeness, Yahoo, YahooSettings};
