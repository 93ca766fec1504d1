//! Ids of aggregates, commands and events, and who acts.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

/// An id that can stand as the last word of a subject.
pub trait AggregateId: Clone + Eq + std::hash::Hash + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The id as a subject's word: no dot, no white space, no wildcard.
    fn token(&self) -> String;
    /// The id that the word stands for, if it is one.
    fn from_token(token: &str) -> Option<Self>;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this UUID.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The id in hyphenated form with lower-case digits, and in no other.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let id = Uuid::try_parse(text).ok()?;
                (id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(Self(id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    };
}

macro_rules! aggregate_id {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// The id of the aggregate that this command creates: the same command creates the same aggregate.
            #[must_use]
            pub fn created_by(command: CommandId) -> Self {
                Self(Uuid::new_v5(&command.uuid(), stringify!($name).as_bytes()))
            }
        }

        impl AggregateId for $name {
            fn token(&self) -> String {
                self.to_string()
            }

            fn from_token(token: &str) -> Option<Self> {
                Self::parse(token)
            }
        }
    };
}

id!(
    /// The id of a command. The same id again is the same command again.
    CommandId
);
id!(
    /// The id of an event, derived from its command's.
    EventId
);
aggregate_id!(
    /// The id of an advisor.
    AdvisorId
);
aggregate_id!(
    /// The id of a client.
    ClientId
);
aggregate_id!(
    /// The id of a portfolio.
    PortfolioId
);
aggregate_id!(
    /// The id of a recommendation.
    RecommendationId
);
aggregate_id!(
    /// The id of a backtest.
    BacktestId
);

/// The name space of ids that are derived from words. Frozen: changing it would make old commands new.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1b_0c8e_5d0e_4f7a_9a53_1b1d_7a0c_2e61);

impl CommandId {
    /// The command that these words name, such as principal, route and idempotency key. Words are kept apart, so
    /// `["ab", "c"]` and `["a", "bc"]` are two commands.
    #[must_use]
    pub fn of(words: &[&str]) -> Self {
        let mut name = Vec::new();
        for word in words {
            name.extend_from_slice(&(word.len() as u64).to_be_bytes());
            name.extend_from_slice(word.as_bytes());
        }
        Self(Uuid::new_v5(&NAMESPACE, &name))
    }
}

impl EventId {
    /// The id of the event that this command leads to. A command leads to one event at the most.
    #[must_use]
    pub fn of(command: CommandId) -> Self {
        Self(Uuid::new_v5(&command.uuid(), b"event"))
    }
}

/// Characters that an actor may have.
const ACTOR_CHARS_MAX: usize = 80;

/// Who acts: `admin:<token id>`, `advisor:<id>`, `role:notify`. Never a name or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// The actor that the text names.
    ///
    /// # Errors
    /// Where the text is not `<kind>:<id>` of small letters, digits and hyphens.
    pub fn parse(text: &str) -> Result<Self, ActorError> {
        let word = |w: &str| {
            !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        };
        match text.split_once(':') {
            Some((kind, id)) if word(kind) && word(id) && text.len() <= ACTOR_CHARS_MAX => Ok(Self(text.to_owned())),
            _ => Err(ActorError(text.chars().take(ACTOR_CHARS_MAX).collect())),
        }
    }

    /// The actor's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of actor it is: `admin`, `compliance`, `role`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an actor; one looks like `role:notify`")]
pub struct ActorError(pub String);

#[cfg(test)]
mod tests {
    use super::{CommandId, EventId, PortfolioId};

    #[test]
    fn derived_ids_are_frozen() {
        let command = CommandId::of(&["admin:1", "POST /v1/portfolios", "key-1"]);
        assert_eq!(command.to_string(), "132e374d-2bfb-5564-814d-e201e6e41209");
        assert_eq!(EventId::of(command).to_string(), "bcd87619-0eb1-5d61-8358-6f93adf106b3");
        assert_eq!(PortfolioId::created_by(command).to_string(), "1de44776-fcf6-5175-b615-e6829eedd301");
    }

    #[test]
    fn words_of_a_command_do_not_run_together() {
        assert_ne!(CommandId::of(&["ab", "c"]), CommandId::of(&["a", "bc"]));
    }

    #[test]
    fn one_id_has_one_spelling() {
        let id = "6f1b0c8e-5d0e-4f7a-9a53-1b1d7a0c2e61";
        assert!(PortfolioId::parse(id).is_some());
        for other in [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}")] {
            assert!(PortfolioId::parse(&other).is_none(), "{other}");
        }
    }
}
