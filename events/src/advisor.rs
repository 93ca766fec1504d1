//! Advisors: who gives advice.

use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{AdvisorId, Currency, Language, Name, Note, Regime};

#[cfg(test)]
mod tests;

/// What the register says of an advisor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct AdvisorDetails {
    /// The advisor's name, as clients read it in letters.
    pub name: Name,
    /// The firm that the advisor works for.
    pub firm: Name,
    /// Under whose rules they work.
    pub regime: Regime,
    /// Their number in that regime's register.
    pub registration: Option<Name>,
    /// In which language their clients are written to.
    pub language: Language,
    /// In which currency they work where nothing else is said.
    pub currency: Option<Currency>,
}

impl AdvisorDetails {
    /// The details of whom nothing but name and firm is known.
    #[must_use]
    pub fn new(name: Name, firm: Name) -> Self {
        let (regime, language) = (Regime::default(), Language::default());
        Self { name, firm, regime, registration: None, language, currency: None }
    }
}

/// What can be wished of an advisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvisorCommand {
    /// Put an advisor on the register.
    Register(AdvisorDetails),
    /// Change what the register says.
    Edit(AdvisorDetails),
    /// Let them give no advice for now.
    Suspend {
        /// Why.
        reason: Note,
    },
    /// Let them give advice again.
    Reinstate {
        /// Why.
        reason: Note,
    },
    /// Let them give no advice ever again. What they did stays on record.
    Remove {
        /// Why.
        reason: Note,
    },
}

/// What has happened to an advisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvisorEvent {
    /// The advisor is on the register.
    Registered(AdvisorDetails),
    /// The register says something else.
    Edited(AdvisorDetails),
    /// They give no advice for now.
    Suspended {
        /// Why.
        reason: Note,
    },
    /// They give advice again.
    Reinstated {
        /// Why.
        reason: Note,
    },
    /// They will give no advice any more.
    Removed {
        /// Why.
        reason: Note,
    },
}

/// Why a wish about an advisor was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvisorRejection {
    /// There is no such advisor.
    #[error("there is no such advisor")]
    Unknown,
    /// Another advisor stands under this id.
    #[error("the advisor is registered already, with other details")]
    AlreadyRegistered,
    /// The regime has a register, and no number in it is given.
    #[error("an advisor under {regime} needs a registration number")]
    RegistrationMissing {
        /// The regime.
        regime: Regime,
    },
    /// The advisor was removed, which is for ever.
    #[error("the advisor was removed")]
    Removed,
}

impl Refusal for AdvisorRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "advisor-unknown",
            Self::AlreadyRegistered => "advisor-already-registered",
            Self::RegistrationMissing { .. } => "advisor-registration-missing",
            Self::Removed => "advisor-removed",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyRegistered | Self::Removed => RejectionClass::Conflict,
            Self::RegistrationMissing { .. } => RejectionClass::Invalid,
        }
    }
}

/// Whether an advisor may give advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They may.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Removed,
}

impl Standing {
    /// The standing in one word: `active`, `suspended`, `removed`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }

    /// The standing with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Removed].into_iter().find(|standing| standing.word() == word)
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
        /// What the register says.
        details: AdvisorDetails,
        /// Whether they may give advice.
        standing: Standing,
    },
}

impl Decider for Advisor {
    const KIND: Kind = Kind::Advisor;
    type Id = AdvisorId;
    type Command = AdvisorCommand;
    type Event = AdvisorEvent;
    type Rejection = AdvisorRejection;

    fn decide(&self, command: &AdvisorCommand) -> Result<Option<AdvisorEvent>, AdvisorRejection> {
        use AdvisorCommand as C;
        use AdvisorEvent as E;
        match (self, command) {
            (Self::Unknown, C::Register(details)) => complete(details).map(|()| Some(E::Registered(details.clone()))),
            (Self::Unknown, C::Edit(_) | C::Suspend { .. } | C::Reinstate { .. } | C::Remove { .. }) => {
                Err(AdvisorRejection::Unknown)
            }
            (Self::Registered { details, .. }, C::Register(wished)) => {
                if details == wished {
                    Ok(None)
                } else {
                    Err(AdvisorRejection::AlreadyRegistered)
                }
            }
            (Self::Registered { standing: Standing::Removed, .. }, C::Remove { .. }) => Ok(None),
            (
                Self::Registered { standing: Standing::Removed, .. },
                C::Edit(_) | C::Suspend { .. } | C::Reinstate { .. },
            ) => Err(AdvisorRejection::Removed),
            (Self::Registered { details, standing: Standing::Active | Standing::Suspended }, C::Edit(wished)) => {
                complete(wished).map(|()| (details != wished).then(|| E::Edited(wished.clone())))
            }
            (Self::Registered { standing: Standing::Active, .. }, C::Suspend { reason }) => {
                Ok(Some(E::Suspended { reason: reason.clone() }))
            }
            (Self::Registered { standing: Standing::Suspended, .. }, C::Reinstate { reason }) => {
                Ok(Some(E::Reinstated { reason: reason.clone() }))
            }
            (Self::Registered { standing: Standing::Suspended, .. }, C::Suspend { .. })
            | (Self::Registered { standing: Standing::Active, .. }, C::Reinstate { .. }) => Ok(None),
            (Self::Registered { standing: Standing::Active | Standing::Suspended, .. }, C::Remove { reason }) => {
                Ok(Some(E::Removed { reason: reason.clone() }))
            }
        }
    }

    fn evolve(self, event: &AdvisorEvent) -> Self {
        match (self, event) {
            (_, AdvisorEvent::Registered(details)) => {
                Self::Registered { details: details.clone(), standing: Standing::Active }
            }
            (Self::Registered { standing, .. }, AdvisorEvent::Edited(details)) => {
                Self::Registered { details: details.clone(), standing }
            }
            (Self::Registered { details, .. }, AdvisorEvent::Suspended { .. }) => {
                Self::Registered { details, standing: Standing::Suspended }
            }
            (Self::Registered { details, .. }, AdvisorEvent::Reinstated { .. }) => {
                Self::Registered { details, standing: Standing::Active }
            }
            (Self::Registered { details, .. }, AdvisorEvent::Removed { .. }) => {
                Self::Registered { details, standing: Standing::Removed }
            }
            // No rule of ours ever wrote this; history is accepted all the same.
            (Self::Unknown, _) => Self::Unknown,
        }
    }
}

/// Nothing, where the details say all that their regime asks for.
fn complete(details: &AdvisorDetails) -> Result<(), AdvisorRejection> {
    if details.regime.has_register() && details.registration.is_none() {
        return Err(AdvisorRejection::RegistrationMissing { regime: details.regime });
    }
    Ok(())
}
