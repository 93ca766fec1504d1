//! Suitability: which risk a client may be advised to take, and whether advice fits.
//!
//! # Rules, version 1
//!
//! A questionnaire has five questions; each answer gives 0 to 4 points. The points of *objective*, *horizon*,
//! *knowledge* and *liquidity need* are averaged; the average, rounded down, is what the client *wants and can plan
//! for*. *Loss capacity* is what the client *can bear*. The class is the lower of the two: nobody is advised to bear
//! more than they can, whatever they wish.
//!
//! A class is good for 60, 48, 36, 24 or 12 months, from conservative to aggressive: the more risk, the sooner it is
//! asked for again, and never after more than five years. A class set by hand needs a reason and is good for as long.
//! Missing or expired counts as conservative, and still fails the gate that asks for a valid profile. So does a class by
//! hand under a regime that has the client answer ([`Regime::takes_classes_by_hand`]): there it is as if there were none.
//!
//! Three gates stand before a recommendation: the profile exists and is valid; the portfolio carries no more risk than
//! the client's class; no single product does. Each failed gate is named.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use crate::values::{AssetId, Note, Regime, RiskClass};

#[cfg(test)]
mod tests;
mod words;

/// The version of the rules above. A change of the rules is a new version beside this one.
pub const RULES_VERSION: u16 = 1;

/// What the client wants the money for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// To keep it.
    Preservation,
    /// To draw an income from it.
    Income,
    /// Income with some growth.
    Balanced,
    /// To let it grow.
    Growth,
    /// To let it grow as much as possible.
    Speculation,
}

/// When the client needs the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    /// Within a year.
    UnderOneYear,
    /// In one to three years.
    OneToThreeYears,
    /// In three to five years.
    ThreeToFiveYears,
    /// In five to ten years.
    FiveToTenYears,
    /// Later.
    OverTenYears,
}

/// How much of the money the client can lose without changing their way of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LossCapacity {
    /// Nothing.
    None,
    /// Up to 10 %.
    UpToTenPercent,
    /// Up to 20 %.
    UpToTwentyPercent,
    /// Up to 35 %.
    UpToThirtyFivePercent,
    /// More than that.
    More,
}

/// What the client knows of investing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Knowledge {
    /// Nothing.
    None,
    /// Deposits and funds.
    Basic,
    /// Has held shares or bonds.
    Informed,
    /// Has traded for years.
    Experienced,
    /// By profession.
    Professional,
}

/// How much of the money the client may need at short notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LiquidityNeed {
    /// All of it.
    All,
    /// Most of it.
    Most,
    /// About half.
    Half,
    /// A small part.
    Little,
    /// None.
    None,
}

/// A client's answers to the questionnaire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Answers {
    /// What the money is for.
    pub objective: Objective,
    /// When it is needed.
    pub horizon: Horizon,
    /// How much of it can be lost.
    pub loss_capacity: LossCapacity,
    /// What the client knows.
    pub knowledge: Knowledge,
    /// How much may be needed soon.
    pub liquidity_need: LiquidityNeed,
}

/// How a profile came about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// By the rules, from answers.
    Answers {
        /// The answers.
        answers: Answers,
        /// The version of the rules.
        rules: u16,
    },
    /// By hand.
    ByHand {
        /// Why.
        reason: Note,
    },
}

/// Which risk a client may be advised to take, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Profile {
    /// The class.
    pub class: RiskClass,
    /// How it came about.
    pub basis: Basis,
    /// The day it was taken.
    pub since: Date,
    /// The last day it is good for.
    pub until: Date,
}

impl Profile {
    /// The profile that the rules give for these answers.
    #[must_use]
    pub fn from_answers(answers: Answers, since: Date) -> Self {
        let class = class_of(&answers);
        let basis = Basis::Answers { answers, rules: RULES_VERSION };
        Self { class, basis, since, until: good_until(class, since) }
    }

    /// The profile that a person has set.
    #[must_use]
    pub fn by_hand(class: RiskClass, reason: Note, since: Date) -> Self {
        Self { class, basis: Basis::ByHand { reason }, since, until: good_until(class, since) }
    }

    /// Whether it counts under this regime.
    #[must_use]
    pub const fn counts_under(&self, regime: Regime) -> bool {
        match self.basis {
            Basis::Answers { .. } => true,
            Basis::ByHand { .. } => regime.takes_classes_by_hand(),
        }
    }

    /// Whether it is good on this day.
    #[must_use]
    pub fn is_valid_on(&self, day: Date) -> bool {
        (self.since..=self.until).contains(&day)
    }
}

/// Why advice does not fit a client. Each is a gate that stayed shut.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "gate")]
pub enum GateShut {
    /// The client is not in the care of whoever advises, or in nobody's any more.
    #[error("the client is not in the advisor's care")]
    NotInCare,
    /// Nobody has asked the client, which a class that was set by hand stands for under most regimes.
    #[error("the client has no suitability profile")]
    NoProfile,
    /// The client was asked too long ago.
    #[error("the client's suitability profile was good until {until}")]
    ProfileExpired {
        /// The last day it was good for.
        until: Date,
    },
    /// The portfolio as a whole carries too much.
    #[error("the portfolio is {portfolio}, the client {client}")]
    PortfolioTooRisky {
        /// The portfolio's class.
        portfolio: RiskClass,
        /// The client's.
        client: RiskClass,
    },
    /// One product carries too much.
    #[error("`{asset}` is {product}, the client {client}")]
    ProductTooRisky {
        /// Which product.
        asset: AssetId,
        /// Its class.
        product: RiskClass,
        /// The client's.
        client: RiskClass,
    },
    /// One product cannot be bought any more.
    #[error("`{asset}` is traded no more since {since}")]
    ProductDelisted {
        /// Which product.
        asset: AssetId,
        /// The first day without trading.
        since: Date,
    },
}

/// The gates that stay shut for this client under this regime, none where the advice fits. A portfolio or product without a class of its
/// own counts as aggressive: what nobody has rated is not sold as safe.
#[must_use]
pub fn gates_shut<'a>(
    profile: Option<&Profile>,
    regime: Regime,
    portfolio: Option<RiskClass>,
    products: impl IntoIterator<Item = (&'a AssetId, Option<RiskClass>)>,
    day: Date,
) -> Vec<GateShut> {
    let mut shut = Vec::new();
    let client = match profile.filter(|profile| profile.counts_under(regime)) {
        Some(profile) if profile.is_valid_on(day) => profile.class,
        Some(profile) => {
            shut.push(GateShut::ProfileExpired { until: profile.until });
            RiskClass::Conservative
        }
        None => {
            shut.push(GateShut::NoProfile);
            RiskClass::Conservative
        }
    };
    let portfolio = portfolio.unwrap_or(RiskClass::Aggressive);
    if portfolio > client {
        shut.push(GateShut::PortfolioTooRisky { portfolio, client });
    }
    for (asset, product) in products {
        let product = product.unwrap_or(RiskClass::Aggressive);
        if product > client {
            shut.push(GateShut::ProductTooRisky { asset: asset.clone(), product, client });
        }
    }
    shut
}

fn class_of(answers: &Answers) -> RiskClass {
    let wish = [
        answers.objective as usize,
        answers.horizon as usize,
        answers.knowledge as usize,
        answers.liquidity_need as usize,
    ];
    let wish = wish.iter().sum::<usize>() / wish.len();
    let capacity = answers.loss_capacity as usize;
    RiskClass::ALL[wish.min(capacity)]
}

fn good_until(class: RiskClass, since: Date) -> Date {
    let months: i32 = match class {
        RiskClass::Conservative => 60,
        RiskClass::ModeratelyConservative => 48,
        RiskClass::Moderate => 36,
        RiskClass::ModeratelyAggressive => 24,
        RiskClass::Aggressive => 12,
    };
    // Past the calendar's end there is no later day.
    since.checked_add(months.months()).unwrap_or(Date::MAX)
}
