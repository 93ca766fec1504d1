//! Clients: who is advised. Their identity is sealed; the rules never see it in clear.

use jiff::civil::Date;
use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::suitability::{Answers, Profile};
use crate::values::{AdvisorId, ClientId, Note, RiskClass, SealedIdentity};

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
    /// Take down another name or address.
    ChangeIdentity {
        /// Name and e-mail address, sealed anew.
        identity: SealedIdentity,
    },
    /// Give the client into another advisor's care.
    HandOver {
        /// Whose client it will be.
        to: AdvisorId,
        /// Why.
        reason: Note,
    },
    /// Derive the risk profile from the client's answers.
    AssessSuitability {
        /// The answers.
        answers: Answers,
        /// The day they were given.
        on: Date,
    },
    /// Set the risk profile by hand.
    SetProfile {
        /// The class.
        class: RiskClass,
        /// Why.
        reason: Note,
        /// The day it is set.
        on: Date,
    },
    /// Advise them no more. What was done stays on record.
    Remove {
        /// Why.
        reason: Note,
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
    /// Name or address are others.
    IdentityChanged {
        /// Name and e-mail address, sealed anew.
        identity: SealedIdentity,
    },
    /// The client is in another advisor's care.
    HandedOver {
        /// Whose client it was.
        from: AdvisorId,
        /// Whose client it is.
        to: AdvisorId,
        /// Why.
        reason: Note,
    },
    /// The client has a risk profile, until the day it names.
    Profiled(Profile),
    /// The client is advised no more.
    Removed {
        /// Why.
        reason: Note,
    },
}

/// Why a wish about a client was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientRejection {
    /// There is no such client.
    #[error("there is no such client")]
    Unknown,
    /// A client stands under this id.
    #[error("the client is registered already")]
    AlreadyRegistered,
    /// The client was removed, which is for ever.
    #[error("the client was removed")]
    Removed,
}

impl Refusal for ClientRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "client-unknown",
            Self::AlreadyRegistered => "client-already-registered",
            Self::Removed => "client-removed",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyRegistered | Self::Removed => RejectionClass::Conflict,
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
        /// Which risk they may be advised to take; `None` where nobody has asked.
        profile: Option<Profile>,
    },
    /// Advised no more.
    Removed {
        /// Whose client it was.
        advisor: AdvisorId,
        /// Name and e-mail address, sealed.
        identity: SealedIdentity,
        /// The last risk profile.
        profile: Option<Profile>,
    },
}

impl Client {
    /// Whose client it is or was.
    #[must_use]
    pub const fn advisor(&self) -> Option<AdvisorId> {
        match self {
            Self::Unknown => None,
            Self::Registered { advisor, .. } | Self::Removed { advisor, .. } => Some(*advisor),
        }
    }
}

impl Decider for Client {
    const KIND: Kind = Kind::Client;
    type Id = ClientId;
    type Command = ClientCommand;
    type Event = ClientEvent;
    type Rejection = ClientRejection;

    fn decide(&self, command: &ClientCommand) -> Result<Option<ClientEvent>, ClientRejection> {
        use ClientCommand as C;
        use ClientEvent as E;
        match (self, command) {
            (Self::Unknown, C::Register { advisor, identity }) => {
                Ok(Some(E::Registered { advisor: *advisor, identity: identity.clone() }))
            }
            (
                Self::Unknown,
                C::ChangeIdentity { .. }
                | C::HandOver { .. }
                | C::AssessSuitability { .. }
                | C::SetProfile { .. }
                | C::Remove { .. },
            ) => Err(ClientRejection::Unknown),
            // Two sealings of one name differ, so nobody can tell here whether it is the same person: the same
            // command again is answered from the history, any other is refused.
            (Self::Registered { .. } | Self::Removed { .. }, C::Register { .. }) => {
                Err(ClientRejection::AlreadyRegistered)
            }
            // For the same reason a change of identity is always one.
            (Self::Registered { .. }, C::ChangeIdentity { identity }) => {
                Ok(Some(E::IdentityChanged { identity: identity.clone() }))
            }
            (Self::Registered { advisor, .. }, C::HandOver { to, reason }) => {
                Ok((advisor != to).then(|| E::HandedOver { from: *advisor, to: *to, reason: reason.clone() }))
            }
            // The same answers later are a new profile: it is good for longer.
            (Self::Registered { profile, .. }, C::AssessSuitability { answers, on }) => {
                Ok(unless_known(profile.as_ref(), Profile::from_answers(*answers, *on)))
            }
            (Self::Registered { profile, .. }, C::SetProfile { class, reason, on }) => {
                Ok(unless_known(profile.as_ref(), Profile::by_hand(*class, reason.clone(), *on)))
            }
            (Self::Registered { .. }, C::Remove { reason }) => Ok(Some(E::Removed { reason: reason.clone() })),
            (Self::Removed { .. }, C::Remove { .. }) => Ok(None),
            (
                Self::Removed { .. },
                C::ChangeIdentity { .. } | C::HandOver { .. } | C::AssessSuitability { .. } | C::SetProfile { .. },
            ) => Err(ClientRejection::Removed),
        }
    }

    fn evolve(self, event: &ClientEvent) -> Self {
        use ClientEvent as E;
        match (self, event) {
            (_, E::Registered { advisor, identity }) => {
                Self::Registered { advisor: *advisor, identity: identity.clone(), profile: None }
            }
            (Self::Registered { advisor, profile, .. }, E::IdentityChanged { identity }) => {
                Self::Registered { advisor, identity: identity.clone(), profile }
            }
            (Self::Registered { identity, profile, .. }, E::HandedOver { to, .. }) => {
                Self::Registered { advisor: *to, identity, profile }
            }
            (Self::Registered { advisor, identity, .. }, E::Profiled(profile)) => {
                Self::Registered { advisor, identity, profile: Some(profile.clone()) }
            }
            (Self::Registered { advisor, identity, profile }, E::Removed { .. }) => {
                Self::Removed { advisor, identity, profile }
            }
            // No rule of ours ever wrote these; history is accepted all the same.
            (state @ (Self::Removed { .. } | Self::Unknown), _) => state,
        }
    }
}

fn unless_known(known: Option<&Profile>, profile: Profile) -> Option<ClientEvent> {
    (known != Some(&profile)).then_some(ClientEvent::Profiled(profile))
}
