//! Advisors: who gives advice.

use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{AdvisorId, Name};

#[cfg(test)]
mod tests;

/// What can be wished of an advisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvisorCommand {
    /// Put an advisor on the register.
    Register {
        /// The advisor's name, as clients read it in letters.
        name: Name,
        /// The firm that the advisor works for.
        firm: Name,
    },
}

/// What has happened to an advisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvisorEvent {
    /// The advisor is on the register.
    Registered {
        /// The advisor's name.
        name: Name,
        /// The advisor's firm.
        firm: Name,
    },
}

/// Why a wish about an advisor was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvisorRejection {
    /// Another advisor stands under this id.
    #[error("the advisor is registered already, with other details")]
    AlreadyRegistered,
}

impl Refusal for AdvisorRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyRegistered => "advisor-already-registered",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::AlreadyRegistered => RejectionClass::Conflict,
        }
    }
}

/// An advisor, as history left them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Advisor {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// On the register.
    Registered {
        /// The advisor's name.
        name: Name,
        /// The advisor's firm.
        firm: Name,
    },
}

impl Decider for Advisor {
    const KIND: Kind = Kind::Advisor;
    type Id = AdvisorId;
    type Command = AdvisorCommand;
    type Event = AdvisorEvent;
    type Rejection = AdvisorRejection;

    fn decide(&self, command: &AdvisorCommand) -> Result<Option<AdvisorEvent>, AdvisorRejection> {
        match (self, command) {
            (Self::Unknown, AdvisorCommand::Register { name, firm }) => {
                Ok(Some(AdvisorEvent::Registered { name: name.clone(), firm: firm.clone() }))
            }
            (Self::Registered { name: known, firm: at }, AdvisorCommand::Register { name, firm }) => {
                if (known, at) == (name, firm) { Ok(None) } else { Err(AdvisorRejection::AlreadyRegistered) }
            }
        }
    }

    fn evolve(self, event: &AdvisorEvent) -> Self {
        match event {
            AdvisorEvent::Registered { name, firm } => Self::Registered { name: name.clone(), firm: firm.clone() },
        }
    }
}
