//! Recommendations: one portfolio, as it was, to one client, and the letter that carries it.
//!
//! A letter cannot be unsent and SMTP does not say twice what became of it. So each attempt is claimed in the log
//! before it is made and settled after it; an attempt that was claimed and never settled is *unknown*, and only a
//! person may release it for another attempt.
//!
//! Three gates stand before a recommendation (see [`crate::suitability`]). One that stays shut refuses this client and no
//! other; the refusal is an event too, so that it is seen, and so that somebody in compliance can decide otherwise.
//!
//! Of one portfolio's recommendations to one client at most one stands: the last, in the order of the portfolio's history,
//! that went out. Each earlier one is told of it by [`RecommendationCommand::Supersede`], also where it was refused: so it
//! is the same whether that, or letting it out, comes first.

mod letter;
mod letting_out;
mod standing;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::suitability::{GateShut, Profile, gates_shut};
use crate::values::{
    Actor, AdvisorId, Allocation, ClientId, CommandId, Currency, Delisted, EventId, FiguresSnapshot, Name, Note,
    PortfolioId, RecommendationId, Regime, Terms,
};

pub use self::letter::{Letter, letter_after};
use self::letter::{claim, settle};
use self::letting_out::may_let_out;
pub use self::letting_out::{Care, Circumstances};
use self::standing::end;
pub use self::standing::{Standing, standing_after};

/// The role in whose power it is to let refused advice go out, as actors name it.
const COMPLIANCE: &str = "compliance";

/// What is recommended to whom, as it was when it was recommended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// Which portfolio.
    pub portfolio: PortfolioId,
    /// Which version of it.
    pub portfolio_version: u64,
    /// What it was called.
    pub portfolio_name: Name,
    /// In which currency it is kept.
    pub currency: Currency,
    /// To whom.
    pub client: ClientId,
    /// By whom.
    pub advisor: AdvisorId,
    /// The target weights.
    pub allocation: Allocation,
    /// Why, in words for the client.
    pub rationale: Note,
    /// The figures that the advice rests on.
    pub figures: FiguresSnapshot,
    /// What else it comes with: risk, costs, an end.
    pub terms: Terms,
}

/// The command that makes the recommendation to this client of what a portfolio's event recommends. Whoever knows the event
/// knows the recommendation: [`RecommendationId::created_by`] this command.
#[must_use]
pub fn making(recommended: EventId, client: ClientId) -> CommandId {
    CommandId::of(&["recommend", &recommended.to_string(), &client.to_string()])
}

/// Whom advice meets, and under which rules, when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Whether the client is in the advisor's care.
    pub in_care: bool,
    /// Which risk the client may be advised to take; `None` where nobody has asked.
    pub profile: Option<Profile>,
    /// Under whose rules the advisor works.
    pub regime: Regime,
    /// What is traded no more on that day.
    pub delisted: Delisted,
    /// The day of the advice.
    pub on: Date,
}

/// What can be wished of a recommendation.
#[derive(Debug, Clone, PartialEq)]
pub enum RecommendationCommand {
    /// Make it, if every gate is open.
    Make {
        /// What is recommended to whom.
        advice: Box<Advice>,
        /// Whom it meets.
        recipient: Recipient,
    },
    /// Let refused advice go out all the same.
    Override {
        /// Who decides so.
        by: Actor,
        /// Why.
        reason: Note,
        /// How things stand.
        now: Circumstances,
    },
    /// Take the advice back.
    Withdraw {
        /// Why.
        reason: Note,
    },
    /// Another recommendation takes its place.
    Supersede {
        /// Which one.
        by: RecommendationId,
    },
    /// Its last day is over.
    Expire {
        /// The day on which that is found.
        on: Date,
    },
    /// Claim the next attempt to send the letter.
    ClaimEmail {
        /// The attempt's number, from 1.
        attempt: u32,
    },
    /// The mail server has taken the letter.
    RecordEmailed {
        /// Which attempt.
        attempt: u32,
    },
    /// The mail server has not taken the letter and said that a later attempt may succeed.
    RecordEmailDeferred {
        /// Which attempt.
        attempt: u32,
        /// What it said.
        reason: Note,
    },
    /// The letter will never be taken.
    RecordEmailFailed {
        /// Which attempt.
        attempt: u32,
        /// Why.
        reason: Note,
    },
    /// Nobody knows whether the letter was taken.
    RecordEmailUnknown {
        /// Which attempt.
        attempt: u32,
        /// How it came about.
        reason: Note,
    },
    /// A person has found out that the letter was not taken: it may be sent again.
    ReleaseEmail {
        /// How they found out.
        reason: Note,
    },
}

/// What has happened to a recommendation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecommendationEvent {
    /// It was made.
    Made(Box<Advice>),
    /// It was not made: gates stayed shut.
    Refused {
        /// What would have been recommended to whom.
        advice: Box<Advice>,
        /// The gates.
        shut: Vec<GateShut>,
        /// Under whose rules.
        regime: Regime,
    },
    /// Somebody in compliance let it go out all the same.
    Overridden {
        /// Why.
        reason: Note,
    },
    /// It was taken back.
    Withdrawn {
        /// Why.
        reason: Note,
    },
    /// Another took its place.
    Superseded {
        /// Which one.
        by: RecommendationId,
    },
    /// Its last day was over.
    Expired {
        /// The day on which that was found.
        on: Date,
    },
    /// An attempt to send the letter was claimed.
    EmailClaimed {
        /// The attempt's number, from 1.
        attempt: u32,
    },
    /// The letter was taken.
    Emailed {
        /// At which attempt.
        attempt: u32,
    },
    /// The letter was not taken this time.
    EmailDeferred {
        /// At which attempt.
        attempt: u32,
        /// What the mail server said.
        reason: Note,
    },
    /// The letter will never be taken.
    EmailFailed {
        /// At which attempt.
        attempt: u32,
        /// Why.
        reason: Note,
    },
    /// Nobody knows whether the letter was taken.
    EmailUnknown {
        /// At which attempt.
        attempt: u32,
        /// How it came about.
        reason: Note,
    },
    /// A person released the letter for another attempt.
    EmailReleased {
        /// How they found out that it was not taken.
        reason: Note,
    },
}

/// Why a wish about a recommendation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecommendationRejection {
    /// There is no such recommendation.
    #[error("there is no such recommendation")]
    Unknown,
    /// Another recommendation stands under this id.
    #[error("the recommendation was made already, with other details")]
    AlreadyMade,
    /// There is no refusal to decide otherwise about.
    #[error("the recommendation was not refused")]
    NotRefused,
    /// Only compliance may let refused advice go out.
    #[error("only compliance may let refused advice go out")]
    OverrideNeedsCompliance,
    /// Nobody may let it go out.
    #[error("{reason}, so nobody may let this advice go out")]
    OverrideNotAllowed {
        /// Why nobody may.
        reason: String,
    },
    /// A later recommendation of the portfolio went to the client.
    #[error("the client has had the later recommendation {by} of this portfolio")]
    Overtaken {
        /// Which one.
        by: RecommendationId,
    },
    /// The client is advised no more.
    #[error("the client was removed")]
    ClientRemoved,
    /// The advisor gives no advice now, or never again.
    #[error("the advisor is {is}")]
    AdvisorNotActive {
        /// How they stand.
        is: &'static str,
    },
    /// The portfolio is put aside.
    #[error("the portfolio is archived")]
    PortfolioArchived,
    /// It names what is traded no more.
    #[error("the recommendation names what is traded no more: {0}")]
    AssetsDelisted(Delisted),
    /// Its last day came before anybody let it out.
    #[error("its last day was {last}")]
    LastDayOver {
        /// The day.
        last: Date,
    },
    /// The advice does not stand any more, or never did.
    #[error("the recommendation is {is}")]
    NotOpen {
        /// How it stands.
        is: &'static str,
    },
    /// Its last day is not over, or there is none.
    #[error("the recommendation still holds")]
    StillValid,
    /// Somebody has claimed this attempt, or a later one.
    #[error("attempt {attempt} is claimed already")]
    AttemptClaimed {
        /// Which attempt.
        attempt: u32,
    },
    /// Attempts are claimed one by one, each after the one before is settled.
    #[error("attempt {attempt} is not the next one; {next} is")]
    NotTheNextAttempt {
        /// Which attempt was named.
        attempt: u32,
        /// Which one would be next.
        next: u32,
    },
    /// The letter's fate does not allow it now.
    #[error("the letter is {is}: that cannot follow")]
    LetterIs {
        /// How the letter stands.
        is: &'static str,
    },
}

impl Refusal for RecommendationRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "recommendation-unknown",
            Self::AlreadyMade => "recommendation-already-made",
            Self::NotRefused => "recommendation-not-refused",
            Self::OverrideNeedsCompliance => "override-needs-compliance",
            Self::OverrideNotAllowed { .. } => "override-not-allowed",
            Self::Overtaken { .. } => "recommendation-overtaken",
            Self::ClientRemoved => "client-removed",
            Self::AdvisorNotActive { .. } => "advisor-not-active",
            Self::PortfolioArchived => "portfolio-archived",
            Self::AssetsDelisted(_) => "assets-delisted",
            Self::LastDayOver { .. } => "recommendation-over",
            Self::NotOpen { .. } => "recommendation-not-open",
            Self::StillValid => "recommendation-still-valid",
            Self::AttemptClaimed { .. } => "email-attempt-claimed",
            Self::NotTheNextAttempt { .. } => "email-attempt-out-of-order",
            Self::LetterIs { .. } => "email-settled",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::OverrideNeedsCompliance => RejectionClass::Forbidden,
            Self::AlreadyMade
            | Self::NotRefused
            | Self::OverrideNotAllowed { .. }
            | Self::Overtaken { .. }
            | Self::ClientRemoved
            | Self::AdvisorNotActive { .. }
            | Self::PortfolioArchived
            | Self::AssetsDelisted(_)
            | Self::LastDayOver { .. }
            | Self::NotOpen { .. }
            | Self::StillValid
            | Self::AttemptClaimed { .. }
            | Self::NotTheNextAttempt { .. }
            | Self::LetterIs { .. } => RejectionClass::Conflict,
        }
    }
}

/// A recommendation, as history left it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Recommendation {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// Gates stayed shut.
    Refused {
        /// What would have been recommended to whom.
        advice: Box<Advice>,
        /// The gates.
        shut: Vec<GateShut>,
        /// Under whose rules.
        regime: Regime,
        /// The later one that went out to the client: this one is not let out any more.
        superseded_by: Option<RecommendationId>,
    },
    /// It was made.
    Made {
        /// What was recommended to whom.
        advice: Box<Advice>,
        /// The gates that compliance let it through; none where all were open.
        let_through: Vec<GateShut>,
        /// How its letter stands.
        letter: Letter,
        /// Whether the advice stands; never [`Standing::Refused`].
        standing: Standing,
    },
}

impl Decider for Recommendation {
    const KIND: Kind = Kind::Recommendation;
    type Id = RecommendationId;
    type Command = RecommendationCommand;
    type Event = RecommendationEvent;
    type Rejection = RecommendationRejection;

    fn decide(&self, command: &RecommendationCommand) -> Result<Option<RecommendationEvent>, RecommendationRejection> {
        use RecommendationCommand as C;
        use RecommendationEvent as E;
        match (self, command) {
            (Self::Unknown, C::Make { advice, recipient }) => Ok(Some(make(advice, recipient))),
            (
                Self::Unknown,
                C::Override { .. }
                | C::Withdraw { .. }
                | C::Supersede { .. }
                | C::Expire { .. }
                | C::ClaimEmail { .. }
                | C::RecordEmailed { .. }
                | C::RecordEmailDeferred { .. }
                | C::RecordEmailFailed { .. }
                | C::RecordEmailUnknown { .. }
                | C::ReleaseEmail { .. },
            ) => Err(RecommendationRejection::Unknown),
            (Self::Refused { advice: known, .. } | Self::Made { advice: known, .. }, C::Make { advice, .. }) => {
                if known == advice { Ok(None) } else { Err(RecommendationRejection::AlreadyMade) }
            }
            (Self::Refused { advice, shut, regime, superseded_by }, C::Override { by, reason, now }) => {
                let now = Circumstances { later: superseded_by.or(now.later), ..now.clone() };
                may_let_out(advice, shut, *regime, by, &now)?;
                Ok(Some(E::Overridden { reason: reason.clone() }))
            }
            (Self::Made { .. }, C::Override { .. }) => Err(RecommendationRejection::NotRefused),
            // From now on nobody lets it out: so it is the same whether that or the other one came first.
            (Self::Refused { superseded_by: None, .. }, C::Supersede { by }) => Ok(Some(E::Superseded { by: *by })),
            // What never went out needs no second in its place, and no end.
            (Self::Refused { superseded_by: Some(_), .. }, C::Supersede { .. })
            | (Self::Refused { .. }, C::Expire { .. }) => Ok(None),
            (
                Self::Refused { superseded_by, .. },
                C::Withdraw { .. }
                | C::ClaimEmail { .. }
                | C::RecordEmailed { .. }
                | C::RecordEmailDeferred { .. }
                | C::RecordEmailFailed { .. }
                | C::RecordEmailUnknown { .. }
                | C::ReleaseEmail { .. },
            ) => Err(RecommendationRejection::NotOpen { is: Standing::of_refused(*superseded_by).word() }),
            (Self::Made { advice, standing, .. }, C::Withdraw { .. } | C::Supersede { .. } | C::Expire { .. }) => {
                end(advice, *standing, command)
            }
            (Self::Made { letter, standing, .. }, C::ClaimEmail { attempt }) => match standing {
                Standing::Open => claim(*letter, *attempt),
                // Nobody writes to a client about advice that does not stand.
                ended => Err(RecommendationRejection::NotOpen { is: ended.word() }),
            },
            (
                Self::Made { letter, .. },
                C::RecordEmailed { .. }
                | C::RecordEmailDeferred { .. }
                | C::RecordEmailFailed { .. }
                | C::RecordEmailUnknown { .. }
                | C::ReleaseEmail { .. },
            ) => settle(*letter, command),
        }
    }

    fn evolve(self, event: &RecommendationEvent) -> Self {
        use RecommendationEvent as E;
        let open = |advice, let_through| {
            let (letter, standing) = (Letter::Due { attempts: 0 }, Standing::Open);
            Self::Made { advice, let_through, letter, standing }
        };
        match (self, event) {
            (_, E::Made(advice)) => open(advice.clone(), Vec::new()),
            (_, E::Refused { advice, shut, regime }) => {
                Self::Refused { advice: advice.clone(), shut: shut.clone(), regime: *regime, superseded_by: None }
            }
            (Self::Refused { advice, shut, .. }, E::Overridden { .. }) => open(advice, shut),
            (Self::Refused { advice, shut, regime, .. }, E::Superseded { by }) => {
                Self::Refused { advice, shut, regime, superseded_by: Some(*by) }
            }
            (Self::Made { advice, let_through, letter, standing }, event) => {
                let (letter, standing) = (letter_after(letter, event), standing_after(standing, event));
                Self::Made { advice, let_through, letter, standing }
            }
            (state @ (Self::Unknown | Self::Refused { .. }), _) => state,
        }
    }
}

fn make(advice: &Advice, recipient: &Recipient) -> RecommendationEvent {
    let classes = &advice.terms.product_classes;
    let products = advice.allocation.iter().map(|(asset, _)| (asset, classes.get(asset).copied()));
    let Recipient { profile, regime, on, .. } = recipient;
    let mut shut = gates_shut(profile.as_ref(), *regime, advice.terms.risk_class, products, *on);
    if !recipient.in_care {
        shut.insert(0, GateShut::NotInCare);
    }
    let delisted = recipient.delisted.held_by(&advice.allocation);
    shut.extend(delisted.iter().map(|(asset, since)| GateShut::ProductDelisted { asset: asset.clone(), since }));
    let advice = Box::new(advice.clone());
    if shut.is_empty() {
        RecommendationEvent::Made(advice)
    } else {
        RecommendationEvent::Refused { advice, shut, regime: *regime }
    }
}
