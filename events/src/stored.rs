//! The forms in which events are kept. Postcard is positional, so a form once written is frozen.
//!
//! * Each version of each event has a struct of its own in a file of this module, named `...V1`, `...V2`.
//! * Its bytes are pinned by a file under `golden/`, which every later build must decode.
//! * Encoding writes the newest version; decoding takes every version and turns it into today's event.
//! * Decoding does not apply today's rules: what was once accepted stays readable.

mod advisor;
mod any;
mod asset;
mod backtest;
mod bars;
mod client;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod models;
mod parts;
mod portfolio;
mod recommendation;
#[cfg(test)]
mod replays;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use any::AnyEvent;
pub use bars::{bars_from_bytes, bars_to_bytes};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An event that can be kept.
pub trait Stored: Clone + Send + Sync + std::fmt::Debug + 'static {
    /// The type and version of the form that [`Stored::encode`] writes: `insights.portfolio.created.v1`.
    fn event_type(&self) -> &'static str;

    /// The bytes of the newest form.
    fn encode(&self) -> Vec<u8>;

    /// The event that the bytes hold, whatever the version of their form.
    ///
    /// # Errors
    /// Where this build does not know the type, or the bytes are not of its form.
    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// Why bytes are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A type, or a version of one, that this build does not know: a newer build may have written it.
    #[error("events of type `{0}` are not known to this build")]
    UnknownType(String),
    /// The bytes are not of the type's form.
    #[error("the bytes are no `{event_type}`")]
    Malformed {
        /// The type.
        event_type: String,
        /// What postcard says.
        #[source]
        source: postcard::Error,
    },
    /// The bytes are of the type's form, and go on after it.
    #[error("{trailing} bytes follow the `{event_type}`")]
    TrailingBytes {
        /// The type.
        event_type: String,
        /// How many.
        trailing: usize,
    },
    /// The bytes are of the type's form, and a value in it is out of range.
    #[error("the `{event_type}` holds a value that cannot be: {what}")]
    OutOfRange {
        /// The type.
        event_type: String,
        /// Which value.
        what: &'static str,
    },
}

fn to_bytes<T: Serialize>(form: &T) -> Vec<u8> {
    postcard::to_allocvec(form).expect("stored forms are plain data, which postcard can always write to memory")
}

fn from_bytes<T: DeserializeOwned>(event_type: &str, bytes: &[u8]) -> Result<T, DecodeError> {
    let (form, rest) = postcard::take_from_bytes(bytes)
        .map_err(|source| DecodeError::Malformed { event_type: event_type.to_owned(), source })?;
    if rest.is_empty() {
        Ok(form)
    } else {
        Err(DecodeError::TrailingBytes { event_type: event_type.to_owned(), trailing: rest.len() })
    }
}

/// The error for a value that the form allows and the domain does not.
fn out_of_range(event_type: &str, parts::OutOfRange(what): parts::OutOfRange) -> DecodeError {
    DecodeError::OutOfRange { event_type: event_type.to_owned(), what }
}
