//! The letter of a recommendation: claimed before it is sent, settled after, and never sent again on a guess.

use super::{RecommendationCommand, RecommendationEvent, RecommendationRejection};

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

/// The event by which this attempt is claimed.
pub(super) fn claim(letter: Letter, attempt: u32) -> Result<Option<RecommendationEvent>, RecommendationRejection> {
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

/// The event that says what became of the attempt.
pub(super) fn settle(
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
