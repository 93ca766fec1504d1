//! Portfolios: what an advisor composes, changes and recommends.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{AdvisorId, Allocation, ClientId, Currency, FiguresSnapshot, Name, Note, PortfolioId};

#[cfg(test)]
mod tests;

/// Clients that one recommendation may go to.
pub const RECIPIENTS_MAX: usize = 500;

/// What can be wished of a portfolio.
#[derive(Debug, Clone, PartialEq)]
pub enum PortfolioCommand {
    /// Compose a portfolio.
    Create {
        /// Who composes it.
        advisor: AdvisorId,
        /// How the advisor calls it.
        name: Name,
        /// In which currency it is kept.
        currency: Currency,
        /// The target weights.
        allocation: Allocation,
    },
    /// Call it something else.
    Rename {
        /// The new name.
        name: Name,
    },
    /// Change the target weights.
    Reallocate {
        /// The new target weights.
        allocation: Allocation,
        /// Why.
        reason: Note,
    },
    /// Recommend the portfolio as it is now to clients.
    Recommend {
        /// To whom.
        clients: BTreeSet<ClientId>,
        /// Why, in words for the clients.
        rationale: Note,
        /// The figures that the advice rests on.
        figures: FiguresSnapshot,
    },
}

/// What has happened to a portfolio.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PortfolioEvent {
    /// It was composed.
    Created {
        /// By whom.
        advisor: AdvisorId,
        /// Its name.
        name: Name,
        /// Its currency.
        currency: Currency,
        /// Its target weights.
        allocation: Allocation,
    },
    /// It is called something else.
    Renamed {
        /// The new name.
        name: Name,
    },
    /// Its target weights changed.
    Reallocated {
        /// The new target weights.
        allocation: Allocation,
        /// Why.
        reason: Note,
    },
    /// It was recommended. Carries all that the clients' recommendations need, so that later changes cannot alter them.
    Recommended {
        /// Who recommends.
        advisor: AdvisorId,
        /// To whom.
        clients: BTreeSet<ClientId>,
        /// The portfolio's name then.
        name: Name,
        /// Its currency.
        currency: Currency,
        /// Its target weights then.
        allocation: Allocation,
        /// Why, in words for the clients.
        rationale: Note,
        /// The figures then.
        figures: FiguresSnapshot,
    },
}

/// Why a wish about a portfolio was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortfolioRejection {
    /// There is no such portfolio.
    #[error("there is no such portfolio")]
    Unknown,
    /// Another portfolio stands under this id.
    #[error("the portfolio exists already, with other details")]
    AlreadyCreated,
    /// A recommendation to nobody.
    #[error("a recommendation needs at least one client")]
    NoClients,
    /// More clients than the bound.
    #[error("{0} clients are more than {RECIPIENTS_MAX}")]
    TooManyClients(usize),
}

impl Refusal for PortfolioRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "portfolio-unknown",
            Self::AlreadyCreated => "portfolio-already-created",
            Self::NoClients => "recommendation-without-clients",
            Self::TooManyClients(_) => "recommendation-to-too-many-clients",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyCreated => RejectionClass::Conflict,
            Self::NoClients | Self::TooManyClients(_) => RejectionClass::Invalid,
        }
    }
}

/// A portfolio, as history left it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Portfolio {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// It exists.
    Active {
        /// Whose it is.
        advisor: AdvisorId,
        /// Its name.
        name: Name,
        /// Its currency.
        currency: Currency,
        /// Its target weights.
        allocation: Allocation,
    },
}

impl Decider for Portfolio {
    const KIND: Kind = Kind::Portfolio;
    type Id = PortfolioId;
    type Command = PortfolioCommand;
    type Event = PortfolioEvent;
    type Rejection = PortfolioRejection;

    fn decide(&self, command: &PortfolioCommand) -> Result<Option<PortfolioEvent>, PortfolioRejection> {
        use PortfolioCommand as C;
        use PortfolioEvent as E;
        match (self, command) {
            (Self::Unknown, C::Create { advisor, name, currency, allocation }) => Ok(Some(E::Created {
                advisor: *advisor,
                name: name.clone(),
                currency: *currency,
                allocation: allocation.clone(),
            })),
            (Self::Unknown, C::Rename { .. } | C::Reallocate { .. } | C::Recommend { .. }) => {
                Err(PortfolioRejection::Unknown)
            }
            (
                Self::Active { advisor, name, currency, allocation },
                C::Create { advisor: by, name: called, currency: held_in, allocation: targets },
            ) => {
                if (advisor, name, currency, allocation) == (by, called, held_in, targets) {
                    Ok(None)
                } else {
                    Err(PortfolioRejection::AlreadyCreated)
                }
            }
            (Self::Active { name, .. }, C::Rename { name: new }) => {
                Ok((name != new).then(|| E::Renamed { name: new.clone() }))
            }
            (Self::Active { allocation, .. }, C::Reallocate { allocation: new, reason }) => {
                Ok((allocation != new).then(|| E::Reallocated { allocation: new.clone(), reason: reason.clone() }))
            }
            (Self::Active { advisor, name, currency, allocation }, C::Recommend { clients, rationale, figures }) => {
                match clients.len() {
                    0 => Err(PortfolioRejection::NoClients),
                    n if n > RECIPIENTS_MAX => Err(PortfolioRejection::TooManyClients(n)),
                    _ => Ok(Some(E::Recommended {
                        advisor: *advisor,
                        clients: clients.clone(),
                        name: name.clone(),
                        currency: *currency,
                        allocation: allocation.clone(),
                        rationale: rationale.clone(),
                        figures: figures.clone(),
                    })),
                }
            }
        }
    }

    fn evolve(self, event: &PortfolioEvent) -> Self {
        match (self, event) {
            (_, PortfolioEvent::Created { advisor, name, currency, allocation }) => Self::Active {
                advisor: *advisor,
                name: name.clone(),
                currency: *currency,
                allocation: allocation.clone(),
            },
            (Self::Active { advisor, currency, allocation, .. }, PortfolioEvent::Renamed { name }) => {
                Self::Active { advisor, name: name.clone(), currency, allocation }
            }
            (Self::Active { advisor, name, currency, .. }, PortfolioEvent::Reallocated { allocation, .. }) => {
                Self::Active { advisor, name, currency, allocation: allocation.clone() }
            }
            (state @ Self::Active { .. }, PortfolioEvent::Recommended { .. }) => state,
            // No rule of ours ever wrote this; history is accepted all the same.
            (Self::Unknown, _) => Self::Unknown,
        }
    }
}
