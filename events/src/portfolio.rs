//! Portfolios: what an advisor composes, changes and recommends.
//!
//! A portfolio can be its firm's *model*: then others of the firm can follow it. Who begins to follow takes over the model's
//! weights and limits, and from then on they change only when the advisor takes over a later version of the model, seen
//! and with a reason, until the portfolio stops following. Nothing is pushed: a model that changes, or is archived, changes
//! no other portfolio.
//!
//! A portfolio can be given to another advisor, whether it is put aside or not, and a model within its firm alone: so a house
//! keeps its models when whoever composed them leaves.

mod composition;
mod rejection;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::decider::Decider;
use crate::subject::Kind;
use crate::values::{
    AdvisorId, Allocation, ClientId, Currency, Delisted, FiguresSnapshot, Firm, Limits, Name, Note, Policy,
    PortfolioId, Terms,
};

pub use self::composition::{Composition, ModelVersion, Origin, Subscription};
pub use self::rejection::PortfolioRejection;

/// Clients that one recommendation may go to.
pub const RECIPIENTS_MAX: usize = 500;

/// What can be wished of a portfolio.
#[derive(Debug, Clone, PartialEq)]
pub enum PortfolioCommand {
    /// Compose a portfolio.
    Create(Box<Composition>),
    /// Call it something else.
    Rename {
        /// The new name.
        name: Name,
        /// Why, where it is said.
        reason: Option<Note>,
    },
    /// Change the target weights and their limits.
    Reallocate {
        /// The new target weights.
        allocation: Allocation,
        /// Between which bounds they may change from now on.
        limits: Limits,
        /// Why.
        reason: Note,
    },
    /// Keep it another way.
    SetPolicy {
        /// How.
        policy: Policy,
        /// Why.
        reason: Note,
    },
    /// Give it to another advisor.
    HandOver {
        /// Whose it will be.
        to: AdvisorId,
        /// For which firm they work.
        firm: Name,
        /// Why.
        reason: Note,
    },
    /// Put it aside.
    Archive {
        /// Why.
        reason: Note,
    },
    /// Take it up again.
    Restore {
        /// For which firm its advisor works.
        firm: Name,
        /// Why.
        reason: Note,
    },
    /// Be as this version of the model is: follow it from now on, or take over what is new in it.
    Follow {
        /// What is taken over.
        taken: Box<ModelVersion>,
        /// In which currency the model is kept.
        currency: Currency,
        /// Why.
        reason: Note,
    },
    /// Follow the model no longer; weights and limits stay.
    Unsubscribe {
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
        figures: Box<FiguresSnapshot>,
        /// What else the advice comes with. The portfolio's own risk class is taken from its policy.
        terms: Terms,
        /// What is traded no more on the day.
        delisted: Delisted,
    },
}

/// What has happened to a portfolio.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PortfolioEvent {
    /// It was composed.
    Created(Box<Composition>),
    /// It is called something else.
    Renamed {
        /// The new name.
        name: Name,
        /// Why, where it was said.
        reason: Option<Note>,
    },
    /// Its target weights or their limits changed.
    Reallocated {
        /// The new target weights.
        allocation: Allocation,
        /// Between which bounds they may change.
        limits: Limits,
        /// Why.
        reason: Note,
    },
    /// It is kept another way.
    PolicySet {
        /// How.
        policy: Policy,
        /// Why.
        reason: Note,
    },
    /// It is another advisor's.
    HandedOver {
        /// Whose it was.
        from: AdvisorId,
        /// Whose it is.
        to: AdvisorId,
        /// Why.
        reason: Note,
    },
    /// It was put aside.
    Archived {
        /// Why.
        reason: Note,
    },
    /// It was taken up again.
    Restored {
        /// Why.
        reason: Note,
    },
    /// It follows a model, and has its weights and limits.
    Subscribed {
        /// What was taken over.
        taken: Box<ModelVersion>,
        /// Why.
        reason: Note,
    },
    /// It has the weights and limits of a later version of its model.
    TakenOver {
        /// What was taken over.
        taken: Box<ModelVersion>,
        /// Why.
        reason: Note,
    },
    /// It follows its model no longer.
    Unsubscribed {
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
        figures: Box<FiguresSnapshot>,
        /// What else the advice comes with.
        terms: Box<Terms>,
    },
}

/// A portfolio, as history left it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Portfolio {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// It exists.
    Active(Box<Composition>),
    /// It is put aside.
    Archived(Box<Composition>),
}

impl Portfolio {
    /// All that it is, whether it is put aside or not.
    #[must_use]
    pub fn composition(&self) -> Option<&Composition> {
        match self {
            Self::Unknown => None,
            Self::Active(composition) | Self::Archived(composition) => Some(composition),
        }
    }
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
            (Self::Unknown, C::Create(wished)) => {
                within(&wished.allocation, &wished.limits)?;
                // Whose weights are a model's says an event with its reason, and a creation has none.
                let is = Composition { subscription: None, ..wished.as_ref().clone() };
                Ok(Some(E::Created(Box::new(is))))
            }
            (
                Self::Unknown,
                C::Rename { .. }
                | C::Reallocate { .. }
                | C::SetPolicy { .. }
                | C::HandOver { .. }
                | C::Archive { .. }
                | C::Restore { .. }
                | C::Follow { .. }
                | C::Unsubscribe { .. }
                | C::Recommend { .. },
            ) => Err(PortfolioRejection::Unknown),
            (Self::Active(is) | Self::Archived(is), C::Create(wished)) => {
                if is == wished {
                    Ok(None)
                } else {
                    Err(PortfolioRejection::AlreadyCreated)
                }
            }
            (Self::Active(is), C::Rename { name, reason }) => {
                Ok((is.name != *name).then(|| E::Renamed { name: name.clone(), reason: reason.clone() }))
            }
            (Self::Active(is), C::Reallocate { allocation, limits, reason }) => {
                if let Some(Subscription { model, .. }) = is.subscription {
                    return Err(PortfolioRejection::FollowsModel { model });
                }
                locked(is, allocation)?;
                within(allocation, limits)?;
                let changes = (&is.allocation, &is.limits) != (allocation, limits);
                Ok(changes.then(|| E::Reallocated {
                    allocation: allocation.clone(),
                    limits: limits.clone(),
                    reason: reason.clone(),
                }))
            }
            (Self::Active(is), C::SetPolicy { policy, reason }) => {
                Ok((is.policy != *policy).then(|| E::PolicySet { policy: policy.clone(), reason: reason.clone() }))
            }
            (Self::Active(is) | Self::Archived(is), C::HandOver { to, firm, reason }) => {
                hand_over(is, *to, firm, reason)
            }
            (Self::Active(_), C::Archive { reason }) => Ok(Some(E::Archived { reason: reason.clone() })),
            (Self::Archived(is), C::Restore { firm, reason }) => {
                of_the_firm(is, firm)?;
                Ok(Some(E::Restored { reason: reason.clone() }))
            }
            (Self::Active(_), C::Restore { .. }) | (Self::Archived(_), C::Archive { .. }) => Ok(None),
            (
                Self::Archived(_),
                C::Rename { .. }
                | C::Reallocate { .. }
                | C::SetPolicy { .. }
                | C::Follow { .. }
                | C::Unsubscribe { .. }
                | C::Recommend { .. },
            ) => Err(PortfolioRejection::Archived),
            (Self::Active(is), C::Follow { taken, currency, reason }) => follow(is, taken, *currency, reason),
            (Self::Active(is), C::Unsubscribe { reason }) => {
                Ok(is.subscription.map(|_| E::Unsubscribed { reason: reason.clone() }))
            }
            (Self::Active(is), C::Recommend { clients, rationale, figures, terms, delisted }) => {
                can_be_recommended(is, clients.len(), delisted)?;
                Ok(Some(E::Recommended {
                    advisor: is.advisor,
                    clients: clients.clone(),
                    name: is.name.clone(),
                    currency: is.currency,
                    allocation: is.allocation.clone(),
                    rationale: rationale.clone(),
                    figures: figures.clone(),
                    terms: Box::new(Terms { risk_class: is.policy.risk_class, ..terms.clone() }),
                }))
            }
        }
    }

    fn evolve(self, event: &PortfolioEvent) -> Self {
        use PortfolioEvent as E;
        let (mut is, archived) = match (self, event) {
            (_, E::Created(composition)) => return Self::Active(composition.clone()),
            // No rule of ours ever wrote anything else; history is accepted all the same.
            (Self::Unknown, _) => return Self::Unknown,
            (Self::Active(is), _) => (is, false),
            (Self::Archived(is), _) => (is, true),
        };
        match event {
            E::Renamed { name, .. } => is.name = name.clone(),
            E::Reallocated { allocation, limits, .. } => {
                is.allocation = allocation.clone();
                is.limits = limits.clone();
            }
            E::PolicySet { policy, .. } => is.policy = policy.clone(),
            E::HandedOver { to, .. } => is.advisor = *to,
            E::Subscribed { taken, .. } | E::TakenOver { taken, .. } => {
                let ModelVersion { model, version, allocation, limits } = taken.as_ref().clone();
                is.allocation = allocation;
                is.limits = limits;
                is.subscription = Some(Subscription { model, version });
            }
            E::Unsubscribed { .. } => is.subscription = None,
            E::Archived { .. } => return Self::Archived(is),
            E::Restored { .. } => return Self::Active(is),
            E::Created(_) | E::Recommended { .. } => {}
        }
        if archived { Self::Archived(is) } else { Self::Active(is) }
    }
}

/// Nothing, where somebody is to get the advice, not too many are, and all that it names can be bought.
fn can_be_recommended(is: &Composition, clients: usize, delisted: &Delisted) -> Result<(), PortfolioRejection> {
    match clients {
        0 => return Err(PortfolioRejection::NoClients),
        n if n > RECIPIENTS_MAX => return Err(PortfolioRejection::TooManyClients(n)),
        _ => {}
    }
    let delisted = delisted.held_by(&is.allocation);
    if delisted.is_empty() { Ok(()) } else { Err(PortfolioRejection::AssetsDelisted(delisted)) }
}

/// Nothing, where every limit is on a position and every weight within its band.
fn within(allocation: &Allocation, limits: &Limits) -> Result<(), PortfolioRejection> {
    for (asset, limit) in limits.iter() {
        let weight = allocation.weight(asset);
        let weight = weight.ok_or_else(|| PortfolioRejection::LimitWithoutPosition { asset: asset.clone() })?;
        if let Some(band) = limit.band.filter(|band| !band.holds(weight)) {
            let (asset, weight) = (asset.clone(), weight.value().normalize());
            return Err(PortfolioRejection::WeightOutOfBand { asset, weight, min: band.min(), max: band.max() });
        }
    }
    Ok(())
}

/// That the portfolio is given to this advisor, who works for this firm; nothing where it is theirs.
fn hand_over(
    is: &Composition,
    to: AdvisorId,
    firm: &Name,
    reason: &Note,
) -> Result<Option<PortfolioEvent>, PortfolioRejection> {
    if to == is.advisor {
        return Ok(None);
    }
    of_the_firm(is, firm)?;
    Ok(Some(PortfolioEvent::HandedOver { from: is.advisor, to, reason: reason.clone() }))
}

/// Nothing, where the portfolio is no model of another firm than this one.
fn of_the_firm(is: &Composition, firm: &Name) -> Result<(), PortfolioRejection> {
    match &is.model_of {
        Some(house) if Firm::named(house) != Firm::named(firm) => {
            Err(PortfolioRejection::ModelOfAnotherFirm { model_of: house.clone(), firm: firm.clone() })
        }
        _ => Ok(()),
    }
}

/// That the portfolio begins to follow the model, or takes over what is later than what it has; nothing where it has that.
fn follow(
    is: &Composition,
    taken: &ModelVersion,
    currency: Currency,
    reason: &Note,
) -> Result<Option<PortfolioEvent>, PortfolioRejection> {
    if is.model_of.is_some() {
        return Err(PortfolioRejection::ModelCannotFollow);
    }
    if currency != is.currency {
        return Err(PortfolioRejection::ModelInOtherCurrency { model: currency, portfolio: is.currency });
    }
    let (given, boxed, reason) = (taken.version, Box::new(taken.clone()), reason.clone());
    match is.subscription {
        None => {
            locked(is, &taken.allocation)?;
            within(&taken.allocation, &taken.limits)?;
            Ok(Some(PortfolioEvent::Subscribed { taken: boxed, reason }))
        }
        Some(Subscription { model, .. }) if model != taken.model => {
            Err(PortfolioRejection::FollowsAnotherModel { model })
        }
        Some(Subscription { version, .. }) if version == given => Ok(None),
        Some(Subscription { version, .. }) if version > given => {
            Err(PortfolioRejection::ModelVersionEarlier { taken: version, given })
        }
        // What was locked is locked by the model, which may say otherwise now.
        Some(_) => {
            within(&taken.allocation, &taken.limits)?;
            Ok(Some(PortfolioEvent::TakenOver { taken: boxed, reason }))
        }
    }
}

/// Nothing, where no weight changes that is locked. To unlock one is to give its weight again without the lock.
fn locked(is: &Composition, wished: &Allocation) -> Result<(), PortfolioRejection> {
    for (asset, _) in is.limits.iter().filter(|(_, limit)| limit.locked) {
        let weight = is.allocation.weight(asset);
        if weight != wished.weight(asset) {
            let weight = weight.map(|weight| weight.value().normalize()).unwrap_or_default();
            return Err(PortfolioRejection::PositionLocked { asset: asset.clone(), weight });
        }
    }
    Ok(())
}
