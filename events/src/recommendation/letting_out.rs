//! Letting refused advice out: who may, and whether the world is still one in which it can go out.
//!
//! A gate stays as it was found when the advice was to be made. All else is asked of the day on which somebody decides:
//! whoever lets advice out sends a letter today, in the name of an advisor, to a client.

use jiff::civil::Date;

use super::{Advice, COMPLIANCE, RecommendationRejection};
use crate::advisor;
use crate::suitability::GateShut;
use crate::values::{Actor, Delisted, RecommendationId, Regime};

/// In whose care the client of refused advice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// In that of the advisor who advises.
    Theirs,
    /// In another's, or nobody knows of them.
    Elsewhere,
    /// In nobody's any more: the client was removed.
    Ended,
}

/// How things stand when refused advice is to be let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// In whose care the client is.
    pub care: Care,
    /// Whether the advisor may give advice.
    pub advisor: advisor::Standing,
    /// Under whose rules the advisor works now.
    pub regime: Regime,
    /// Whether the portfolio is put aside.
    pub portfolio_archived: bool,
    /// What is traded no more.
    pub delisted: Delisted,
    /// The later recommendation of the same portfolio that went out to the client, whatever has become of it since.
    pub later: Option<RecommendationId>,
    /// The day.
    pub on: Date,
}

/// Nothing, where this actor may let the advice go out, things being as they are.
pub(super) fn may_let_out(
    advice: &Advice,
    shut: &[GateShut],
    regime: Regime,
    by: &Actor,
    now: &Circumstances,
) -> Result<(), RecommendationRejection> {
    use RecommendationRejection as R;
    if by.kind() != COMPLIANCE {
        return Err(R::OverrideNeedsCompliance);
    }
    if let Some(by) = now.later {
        return Err(R::Overtaken { by });
    }
    match now.care {
        Care::Ended => return Err(R::ClientRemoved),
        Care::Theirs if !shut.contains(&GateShut::NotInCare) => {}
        Care::Theirs | Care::Elsewhere => {
            return Err(R::OverrideNotAllowed { reason: GateShut::NotInCare.to_string() });
        }
    }
    if now.advisor != advisor::Standing::Active {
        return Err(R::AdvisorNotActive { is: now.advisor.word() });
    }
    if let Some(strict) = [regime, now.regime].into_iter().find(|regime| !regime.allows_override()) {
        return Err(R::OverrideNotAllowed { reason: format!("{strict} forbids what does not suit the client") });
    }
    if now.portfolio_archived {
        return Err(R::PortfolioArchived);
    }
    let delisted = now.delisted.held_by(&advice.allocation);
    if !delisted.is_empty() {
        return Err(R::AssetsDelisted(delisted));
    }
    match advice.terms.valid_until {
        Some(last) if last < now.on => Err(R::LastDayOver { last }),
        _ => Ok(()),
    }
}
