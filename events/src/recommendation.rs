//! Recommendations: one portfolio, as it was, to one client, and the letter that carries it.
//!
//! A letter cannot be unsent and SMTP does not say twice what became of it. So each attempt is claimed in the log
//! before it is made and settled after it; an attempt that was claimed and never settled is *unknown*, and only a
//! person may release it for another attempt.
//!
//! Three gates stand before a recommendation (see [`crate::suitability`]). One that stays shut refuses this client and no
//! other; the refusal is an event too, so that it is seen, and so that somebody in compliance can decide otherwise.

use jiff::civil::Date;
use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::suitability::{GateShut, Profile, gates_shut};
use crate::values::{
    Actor, AdvisorId, Allocation, ClientId, Currency, FiguresSnapshot, Name, Note, PortfolioId, RecommendationId,
    Regime, Terms,
};

#[cfg(test)]
mod tests;

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

/// Whom advice meets, and under which rules, when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Whether the client is in the advisor's care.
    pub in_care: bool,
    /// Which risk the client may be advised to take; `None` where nobody has asked.
    pub profile: Option<Profile>,
    /// Under whose rules the advisor works.
    pub regime: Regime,
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
            | Self::NotOpen { .. }
            | Self::StillValid
            | Self::AttemptClaimed { .. }
            | Self::NotTheNextAttempt { .. }
            | Self::LetterIs { .. } => RejectionClass::Conflict,
        }
    }
}

/// How the letter of a recommendation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    /// Not sent, and free to be: after so many attempts.
    Due {
        /// Attempts made so far.
        attempts: u32,
    },
    /// An attempt is claimed and not settled.
    Claimed {
        /// Which attempt.
        attempt: u32,
    },
    /// Taken by the mail server.
    Sent {
        /// At which attempt.
        attempt: u32,
    },
    /// Refused for good.
    Failed {
        /// At which attempt.
        attempt: u32,
    },
    /// Nobody knows.
    OutcomeUnknown {
        /// At which attempt.
        attempt: u32,
    },
}

impl Letter {
    /// The state in one word, for people: `due`, `claimed`, `sent`, `failed`, `outcome unknown`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Due { .. } => "due",
            Self::Claimed { .. } => "claimed",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::OutcomeUnknown { .. } => "outcome unknown",
        }
    }
}

/// Whether advice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    Open,
    /// It never did: gates stayed shut.
    Refused,
    /// It was taken back.
    Withdrawn,
    /// Another took its place.
    Superseded,
    /// Its last day is over.
    Expired,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 5] = [Self::Open, Self::Refused, Self::Withdrawn, Self::Superseded, Self::Expired];

    /// The standing in one word: `open`, `refused`, `withdrawn`, `superseded`, `expired`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
        }
    }

    /// The standing with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
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
    },
    /// It was made.
    Made {
        /// What was recommended to whom.
        advice: Box<Advice>,
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
            (Self::Refused { shut, regime, .. }, C::Override { by, reason }) => {
                may_override(shut, *regime, by)?;
                Ok(Some(E::Overridden { reason: reason.clone() }))
            }
            (Self::Made { .. }, C::Override { .. }) => Err(RecommendationRejection::NotRefused),
            // What never went out needs no other in its place and no end.
            (Self::Refused { .. }, C::Supersede { .. } | C::Expire { .. }) => Ok(None),
            (
                Self::Refused { .. },
                C::Withdraw { .. }
                | C::ClaimEmail { .. }
                | C::RecordEmailed { .. }
                | C::RecordEmailDeferred { .. }
                | C::RecordEmailFailed { .. }
                | C::RecordEmailUnknown { .. }
                | C::ReleaseEmail { .. },
            ) => Err(RecommendationRejection::NotOpen { is: Standing::Refused.word() }),
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
        let open = |advice| {
            let (letter, standing) = (Letter::Due { attempts: 0 }, Standing::Open);
            Self::Made { advice, letter, standing }
        };
        match (self, event) {
            (_, E::Made(advice)) => open(advice.clone()),
            (_, E::Refused { advice, shut, regime }) => {
                Self::Refused { advice: advice.clone(), shut: shut.clone(), regime: *regime }
            }
            (Self::Refused { advice, .. }, E::Overridden { .. }) => open(advice),
            (Self::Made { advice, letter, standing }, event) => {
                let (letter, standing) = (letter_after(letter, event), standing_after(standing, event));
                Self::Made { advice, letter, standing }
            }
            (state @ (Self::Unknown | Self::Refused { .. }), _) => state,
        }
    }
}

fn make(advice: &Advice, recipient: &Recipient) -> RecommendationEvent {
    let classes = &advice.terms.product_classes;
    let products = advice.allocation.iter().map(|(asset, _)| (asset, classes.get(asset).copied()));
    let mut shut = gates_shut(recipient.profile.as_ref(), advice.terms.risk_class, products, recipient.on);
    if !recipient.in_care {
        shut.insert(0, GateShut::NotInCare);
    }
    let advice = Box::new(advice.clone());
    if shut.is_empty() {
        RecommendationEvent::Made(advice)
    } else {
        RecommendationEvent::Refused { advice, shut, regime: recipient.regime }
    }
}

/// Nothing, where this actor may let the advice go out.
fn may_override(shut: &[GateShut], regime: Regime, by: &Actor) -> Result<(), RecommendationRejection> {
    if by.kind() != COMPLIANCE {
        return Err(RecommendationRejection::OverrideNeedsCompliance);
    }
    if shut.contains(&GateShut::NotInCare) {
        return Err(RecommendationRejection::OverrideNotAllowed { reason: GateShut::NotInCare.to_string() });
    }
    if !regime.allows_override() {
        let reason = format!("{regime} forbids what does not suit the client");
        return Err(RecommendationRejection::OverrideNotAllowed { reason });
    }
    Ok(())
}

fn end(
    advice: &Advice,
    standing: Standing,
    command: &RecommendationCommand,
) -> Result<Option<RecommendationEvent>, RecommendationRejection> {
    use RecommendationCommand as C;
    use RecommendationEvent as E;
    match (standing, command) {
        (Standing::Open, C::Withdraw { reason }) => Ok(Some(E::Withdrawn { reason: reason.clone() })),
        (Standing::Withdrawn, C::Withdraw { .. }) => Ok(None),
        (Standing::Open, C::Supersede { by }) => Ok(Some(E::Superseded { by: *by })),
        (Standing::Open, C::Expire { on }) => match advice.terms.valid_until {
            Some(last) if last < *on => Ok(Some(E::Expired { on: *on })),
            _ => Err(RecommendationRejection::StillValid),
        },
        // What has ended needs no other end.
        (ended, C::Supersede { .. } | C::Expire { .. }) if ended != Standing::Open => Ok(None),
        (is, _) => Err(RecommendationRejection::NotOpen { is: is.word() }),
    }
}

/// How the advice stands after the event, which stood like this before it.
#[must_use]
pub const fn standing_after(standing: Standing, event: &RecommendationEvent) -> Standing {
    use RecommendationEvent as E;
    match event {
        E::Made(_) | E::Overridden { .. } => Standing::Open,
        E::Refused { .. } => Standing::Refused,
        E::Withdrawn { .. } => Standing::Withdrawn,
        E::Superseded { .. } => Standing::Superseded,
        E::Expired { .. } => Standing::Expired,
        E::EmailClaimed { .. }
        | E::Emailed { .. }
        | E::EmailDeferred { .. }
        | E::EmailFailed { .. }
        | E::EmailUnknown { .. }
        | E::EmailReleased { .. } => standing,
    }
}

fn claim(letter: Letter, attempt: u32) -> Result<Option<RecommendationEvent>, RecommendationRejection> {
    match letter {
        Letter::Due { attempts } if attempt == attempts + 1 => Ok(Some(RecommendationEvent::EmailClaimed { attempt })),
        Letter::Due { attempts } if attempt <= attempts => Err(RecommendationRejection::AttemptClaimed { attempt }),
        Letter::Due { attempts } => Err(RecommendationRejection::NotTheNextAttempt { attempt, next: attempts + 1 }),
        // Never "nothing happened": whoever claims must know that the claim is theirs.
        Letter::Claimed { .. } => Err(RecommendationRejection::AttemptClaimed { attempt }),
        Letter::Sent { .. } | Letter::Failed { .. } | Letter::OutcomeUnknown { .. } => {
            Err(RecommendationRejection::LetterIs { is: letter.word() })
        }
    }
}

fn settle(
    letter: Letter,
    command: &RecommendationCommand,
) -> Result<Option<RecommendationEvent>, RecommendationRejection> {
    use RecommendationCommand as C;
    use RecommendationEvent as E;
    let refused = Err(RecommendationRejection::LetterIs { is: letter.word() });
    match (letter, command) {
        (
            Letter::Claimed { attempt: claimed } | Letter::OutcomeUnknown { attempt: claimed },
            C::RecordEmailed { attempt },
        ) if claimed == *attempt => Ok(Some(E::Emailed { attempt: *attempt })),
        (Letter::Sent { attempt: sent }, C::RecordEmailed { attempt }) if sent == *attempt => Ok(None),
        (Letter::Claimed { attempt: claimed }, C::RecordEmailDeferred { attempt, reason }) if claimed == *attempt => {
            Ok(Some(E::EmailDeferred { attempt: *attempt, reason: reason.clone() }))
        }
        (Letter::Claimed { attempt: claimed }, C::RecordEmailFailed { attempt, reason }) if claimed == *attempt => {
            Ok(Some(E::EmailFailed { attempt: *attempt, reason: reason.clone() }))
        }
        (Letter::Failed { attempt: failed }, C::RecordEmailFailed { attempt, .. }) if failed == *attempt => Ok(None),
        (Letter::Claimed { attempt: claimed }, C::RecordEmailUnknown { attempt, reason }) if claimed == *attempt => {
            Ok(Some(E::EmailUnknown { attempt: *attempt, reason: reason.clone() }))
        }
        (Letter::OutcomeUnknown { attempt: unknown }, C::RecordEmailUnknown { attempt, .. }) if unknown == *attempt => {
            Ok(None)
        }
        (Letter::OutcomeUnknown { .. } | Letter::Failed { .. }, C::ReleaseEmail { reason }) => {
            Ok(Some(E::EmailReleased { reason: reason.clone() }))
        }
        _ => refused,
    }
}

/// How the letter stands after the event, which stood like this before it.
#[must_use]
pub fn letter_after(letter: Letter, event: &RecommendationEvent) -> Letter {
    use RecommendationEvent as E;
    match event {
        E::Made(_)
        | E::Refused { .. }
        | E::Overridden { .. }
        | E::Withdrawn { .. }
        | E::Superseded { .. }
        | E::Expired { .. } => letter,
        E::EmailClaimed { attempt } => Letter::Claimed { attempt: *attempt },
        E::Emailed { attempt } => Letter::Sent { attempt: *attempt },
        E::EmailDeferred { attempt, .. } => Letter::Due { attempts: *attempt },
        E::EmailFailed { attempt, .. } => Letter::Failed { attempt: *attempt },
        E::EmailUnknown { attempt, .. } => Letter::OutcomeUnknown { attempt: *attempt },
        E::EmailReleased { .. } => match letter {
            Letter::Failed { attempt } | Letter::OutcomeUnknown { attempt } => Letter::Due { attempts: attempt },
            other => other,
        },
    }
}
