//! What stands beside each event in the log: CloudEvents attributes in headers, spelt in one place.

use jiff::Timestamp;
use serde::Serialize;

use crate::values::{Actor, CommandId, EventId};

/// Header names. CloudEvents 1.0, binary mode; extension attributes have small letters and digits only.
pub mod header {
    /// The version of CloudEvents.
    pub const SPEC_VERSION: &str = "ce-specversion";
    /// The event's id, derived from its command's.
    pub const ID: &str = "ce-id";
    /// The event's type and the version of its stored form.
    pub const TYPE: &str = "ce-type";
    /// Which part of Insights recorded it.
    pub const SOURCE: &str = "ce-source";
    /// When its command was given.
    pub const TIME: &str = "ce-time";
    /// Extension: who gave the command.
    pub const ACTOR: &str = "ce-actor";
    /// Extension: the aggregate's version after the event, from 1.
    pub const VERSION: &str = "ce-aggregateversion";
    /// Extension: the command's id.
    pub const COMMAND: &str = "ce-commandid";
    /// Extension: a digest of what was asked, so that a reused idempotency key with another body is noticed.
    pub const DIGEST: &str = "ce-requestdigest";
    /// Extension: the event that a consumer acted on.
    pub const CAUSATION: &str = "ce-causationid";
    /// W3C trace context.
    pub const TRACE_PARENT: &str = "traceparent";
}

const SPEC_VERSION: &str = "1.0";

/// The attributes of one recorded event, less its trace context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// The event's id.
    pub event_id: EventId,
    /// The command that led to it.
    pub command_id: CommandId,
    /// When the command was given. Order comes from positions, never from this.
    pub time: Timestamp,
    /// Who gave it.
    pub actor: Actor,
    /// Which part of Insights recorded it: `/insights/api`.
    pub source: String,
    /// The aggregate's version after the event, from 1.
    pub version: u64,
    /// Hexadecimal digest of what was asked, where somebody from outside asked.
    pub request_digest: Option<String>,
    /// The event that a consumer acted on, where one did.
    pub causation_id: Option<EventId>,
}

impl Metadata {
    /// The headers that say this, with the event's type.
    #[must_use]
    pub fn to_headers(&self, event_type: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (header::SPEC_VERSION, SPEC_VERSION.to_owned()),
            (header::ID, self.event_id.to_string()),
            (header::TYPE, event_type.to_owned()),
            (header::SOURCE, self.source.clone()),
            (header::TIME, self.time.to_string()),
            (header::ACTOR, self.actor.to_string()),
            (header::VERSION, self.version.to_string()),
            (header::COMMAND, self.command_id.to_string()),
        ];
        headers.extend(self.request_digest.clone().map(|digest| (header::DIGEST, digest)));
        headers.extend(self.causation_id.map(|id| (header::CAUSATION, id.to_string())));
        headers
    }

    /// The attributes that these headers say.
    ///
    /// # Errors
    /// The first header that is missing or cannot be read.
    pub fn from_headers<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, MetadataError> {
        let need = |name| get(name).ok_or(MetadataError::Missing(name));
        let bad =
            |name| MetadataError::Unreadable { name, value: get(name).unwrap_or_default().chars().take(80).collect() };
        if need(header::SPEC_VERSION)? != SPEC_VERSION {
            return Err(bad(header::SPEC_VERSION));
        }
        Ok(Self {
            event_id: EventId::parse(need(header::ID)?).ok_or_else(|| bad(header::ID))?,
            command_id: CommandId::parse(need(header::COMMAND)?).ok_or_else(|| bad(header::COMMAND))?,
            time: need(header::TIME)?.parse().map_err(|_| bad(header::TIME))?,
            actor: Actor::parse(need(header::ACTOR)?).map_err(|_| bad(header::ACTOR))?,
            source: need(header::SOURCE)?.to_owned(),
            version: need(header::VERSION)?.parse().map_err(|_| bad(header::VERSION))?,
            request_digest: get(header::DIGEST).map(str::to_owned),
            causation_id: match get(header::CAUSATION) {
                Some(id) => Some(EventId::parse(id).ok_or_else(|| bad(header::CAUSATION))?),
                None => None,
            },
        })
    }
}

/// Why headers say no attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A header is not there.
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    /// A header does not say what it should.
    #[error("the header `{name}` cannot be read: `{value}`")]
    Unreadable {
        /// Which one.
        name: &'static str,
        /// What it says.
        value: String,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Metadata, MetadataError, header};
    use crate::values::{Actor, CommandId, EventId};

    fn metadata() -> Metadata {
        let command_id = CommandId::of(&["a test"]);
        Metadata {
            event_id: EventId::of(command_id),
            command_id,
            time: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            actor: Actor::parse("role:notify").unwrap(),
            source: "/insights/notify".to_owned(),
            version: 3,
            request_digest: Some("00ff".to_owned()),
            causation_id: Some(EventId::of(CommandId::of(&["the cause"]))),
        }
    }

    #[test]
    fn headers_say_back_what_was_put_in() {
        let headers: BTreeMap<_, _> = metadata().to_headers("insights.x.y.v1").into_iter().collect();
        let back = Metadata::from_headers(|name| headers.get(name).map(String::as_str));
        assert_eq!(back, Ok(metadata()));
        assert_eq!(headers[header::TYPE], "insights.x.y.v1");
    }

    #[test]
    fn a_missing_header_is_named() {
        let headers: BTreeMap<_, _> =
            metadata().to_headers("t").into_iter().filter(|(name, _)| *name != header::ACTOR).collect();
        let back = Metadata::from_headers(|name| headers.get(name).map(String::as_str));
        assert_eq!(back, Err(MetadataError::Missing(header::ACTOR)));
    }
}
