//! Recommendations: one portfolio, as it was, to one client, and the letter that carries it.
//!
//! A letter cannot be unsent and SMTP does not say twice what became of it. So each attempt is claimed in the log
//! before it is made and settled after it; an attempt that was claimed and never settled is *unknown*, and only a
//! person may release it for another attempt.

use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::Kind;
use crate::values::{
    AdvisorId, Allocation, ClientId, Currency, FiguresSnapshot, Name, Note, PortfolioId, RecommendationId,
};

#[cfg(test)]
mod tests;

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
}

/// What can be wished of a recommendation.
#[derive(Debug, Clone, PartialEq)]
pub enum RecommendationCommand {
    /// Make it.
    Make(Box<Advice>),
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
            Self::AttemptClaimed { .. } => "email-attempt-claimed",
            Self::NotTheNextAttempt { .. } => "email-attempt-out-of-order",
            Self::LetterIs { .. } => "email-settled",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyMade
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

/// A recommendation, as history left it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Recommendation {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// It was made.
    Made {
        /// What was recommended to whom.
        advice: Box<Advice>,
        /// How its letter stands.
        letter: Letter,
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
        match (self, command) {
            (Self::Unknown, C::Make(advice)) => Ok(Some(RecommendationEvent::Made(advice.clone()))),
            (
                Self::Unknown,
                C::ClaimEmail { .. }
                | C::RecordEmailed { .. }
                | C::RecordEmailDeferred { .. }
                | C::RecordEmailFailed { .. }
                | C::RecordEmailUnknown { .. }
                | C::ReleaseEmail { .. },
            ) => Err(RecommendationRejection::Unknown),
            (Self::Made { advice: made, .. }, C::Make(advice)) => {
                if made == advice {
                    Ok(None)
                } else {
                    Err(RecommendationRejection::AlreadyMade)
                }
            }
            (Self::Made { letter, .. }, C::ClaimEmail { attempt }) => claim(*letter, *attempt),
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
        match (self, event) {
            (_, E::Made(advice)) => Self::Made { advice: advice.clone(), letter: Letter::Due { attempts: 0 } },
            (Self::Made { advice, letter }, event) => Self::Made { advice, letter: letter_after(letter, event) },
            (Self::Unknown, _) => Self::Unknown,
        }
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
        E::Made(_) => letter,
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
