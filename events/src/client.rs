//! Clients: who is advised. Their identity is sealed; the rules never see it in clear.

use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{AdvisorId, ClientId, SealedIdentity};

#[cfg(test)]
mod tests;

/// What can be wished of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCommand {
    /// Put a client on an advisor's list.
    Register {
        /// Whose client it is.
        advisor: AdvisorId,
        /// Name and e-mail address, sealed under the client's own data key.
        identity: SealedIdentity,
    },
}

/// What has happened to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEvent {
    /// The client is on the advisor's list.
    Registered {
        /// Whose client it is.
        advisor: AdvisorId,
        /// Name and e-mail address, sealed.
        identity: SealedIdentity,
    },
}

/// Why a wish about a client was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientRejection {
    /// A client stands under this id.
    #[error("the client is registered already")]
    AlreadyRegistered,
}

impl Refusal for ClientRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyRegistered => "client-already-registered",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::AlreadyRegistered => RejectionClass::Conflict,
        }
    }
}

/// A client, as history left them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Client {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// On an advisor's list.
    Registered {
        /// Whose client it is.
        advisor: AdvisorId,
        /// Name and e-mail address, sealed.
        identity: SealedIdentity,
    },
}

impl Decider for Client {
    const KIND: Kind = Kind::Client;
    type Id = ClientId;
    type Command = ClientCommand;
    type Event = ClientEvent;
    type Rejection = ClientRejection;

    fn decide(&self, command: &ClientCommand) -> Result<Option<ClientEvent>, ClientRejection> {
        match (self, command) {
            (Self::Unknown, ClientCommand::Register { advisor, identity }) => {
                Ok(Some(ClientEvent::Registered { advisor: *advisor, identity: identity.clone() }))
            }
            // Two sealings of one name differ, so nobody can tell here whether it is the same person: the same
            // command again is answered from the history, any other is refused.
            (Self::Registered { .. }, ClientCommand::Register { .. }) => Err(ClientRejection::AlreadyRegistered),
        }
    }

    fn evolve(self, event: &ClientEvent) -> Self {
        match event {
            ClientEvent::Registered { advisor, identity } => {
                Self::Registered { advisor: *advisor, identity: identity.clone() }
            }
        }
    }
}
