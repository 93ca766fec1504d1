//! How advice stands, and the ways in which it ends.

use serde::Serialize;

use super::{Advice, RecommendationCommand, RecommendationEvent, RecommendationRejection};
use crate::values::RecommendationId;

/// Whether advice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    Open,
    /// It never did: gates stayed shut, and somebody in compliance may decide otherwise.
    Refused,
    /// It was taken back.
    Withdrawn,
    /// Another took its place, or went out after it while it was refused.
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

    /// How advice stands that never went out.
    pub(super) const fn of_refused(superseded_by: Option<RecommendationId>) -> Self {
        if superseded_by.is_some() { Self::Superseded } else { Self::Refused }
    }

    /// The standing with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// The event by which advice that stands like this ends.
pub(super) fn end(
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
