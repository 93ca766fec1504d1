//! What a portfolio is, and what it is made from.

use serde::Serialize;

use crate::values::{AdvisorId, Allocation, Currency, Limits, Name, Policy, PortfolioId};

/// What a portfolio was copied from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// Which portfolio.
    pub portfolio: PortfolioId,
    /// Which version of it.
    pub version: u64,
}

/// Which model a portfolio follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Subscription {
    /// Which model.
    pub model: PortfolioId,
    /// Which version of it was taken over last.
    pub version: u64,
}

/// What is taken over from a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelVersion {
    /// Which model.
    pub model: PortfolioId,
    /// Which version of it.
    pub version: u64,
    /// The target weights of that version.
    pub allocation: Allocation,
    /// Their limits.
    pub limits: Limits,
}

/// All that a portfolio is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Composition {
    /// Whose it is.
    pub advisor: AdvisorId,
    /// How the advisor calls it.
    pub name: Name,
    /// In which currency it is kept.
    pub currency: Currency,
    /// The target weights.
    pub allocation: Allocation,
    /// Between which bounds they may change.
    pub limits: Limits,
    /// How it is to be kept.
    pub policy: Policy,
    /// What it was copied from, where it was.
    pub origin: Option<Origin>,
    /// The firm whose model it is, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_of: Option<Name>,
    /// The model that it follows, where it does. Nothing begins as a follower: history says later that it became one.
    #[serde(skip)]
    pub subscription: Option<Subscription>,
}

impl Composition {
    /// A portfolio without limits, with the usual policy, made from nothing.
    #[must_use]
    pub fn new(advisor: AdvisorId, name: Name, currency: Currency, allocation: Allocation) -> Self {
        let (limits, policy) = (Limits::default(), Policy::default());
        let (origin, model_of, subscription) = (None, None, None);
        Self { advisor, name, currency, allocation, limits, policy, origin, model_of, subscription }
    }
}
