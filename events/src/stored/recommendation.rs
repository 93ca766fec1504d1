//! Stored forms of a recommendation's events.

use serde::{Deserialize, Serialize};

use super::parts::{AllocationV1, CurrencyV1, FiguresV1, IdV1, OutOfRange, currency, id};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::recommendation::{Advice, RecommendationEvent};
use crate::values::{AdvisorId, ClientId, Name, Note, PortfolioId};

const MADE_V1: &str = "insights.recommendation.made.v1";
const EMAIL_CLAIMED_V1: &str = "insights.recommendation.email_claimed.v1";
const EMAILED_V1: &str = "insights.recommendation.emailed.v1";
const EMAIL_DEFERRED_V1: &str = "insights.recommendation.email_deferred.v1";
const EMAIL_FAILED_V1: &str = "insights.recommendation.email_failed.v1";
const EMAIL_UNKNOWN_V1: &str = "insights.recommendation.email_unknown.v1";
const EMAIL_RELEASED_V1: &str = "insights.recommendation.email_released.v1";

#[derive(Serialize, Deserialize)]
struct MadeV1 {
    portfolio: IdV1,
    portfolio_version: u64,
    portfolio_name: String,
    currency: CurrencyV1,
    client: IdV1,
    advisor: IdV1,
    allocation: AllocationV1,
    rationale: String,
    figures: FiguresV1,
}

/// An attempt, with nothing to say about it: claimed, emailed.
#[derive(Serialize, Deserialize)]
struct AttemptV1 {
    attempt: u32,
}

/// An attempt and what came of it: deferred, failed, unknown.
#[derive(Serialize, Deserialize)]
struct AttemptBecauseV1 {
    attempt: u32,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct ReleasedV1 {
    reason: String,
}

impl Stored for RecommendationEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Made(_) => MADE_V1,
            Self::EmailClaimed { .. } => EMAIL_CLAIMED_V1,
            Self::Emailed { .. } => EMAILED_V1,
            Self::EmailDeferred { .. } => EMAIL_DEFERRED_V1,
            Self::EmailFailed { .. } => EMAIL_FAILED_V1,
            Self::EmailUnknown { .. } => EMAIL_UNKNOWN_V1,
            Self::EmailReleased { .. } => EMAIL_RELEASED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Made(advice) => to_bytes(&MadeV1::from(advice.as_ref())),
            Self::EmailClaimed { attempt } | Self::Emailed { attempt } => to_bytes(&AttemptV1 { attempt: *attempt }),
            Self::EmailDeferred { attempt, reason }
            | Self::EmailFailed { attempt, reason }
            | Self::EmailUnknown { attempt, reason } => {
                to_bytes(&AttemptBecauseV1 { attempt: *attempt, reason: reason.as_str().to_owned() })
            }
            Self::EmailReleased { reason } => to_bytes(&ReleasedV1 { reason: reason.as_str().to_owned() }),
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let attempt = || from_bytes::<AttemptV1>(event_type, bytes).map(|form| form.attempt);
        let because = || {
            from_bytes::<AttemptBecauseV1>(event_type, bytes)
                .map(|form| (form.attempt, Note::from_history(form.reason)))
        };
        match event_type {
            MADE_V1 => {
                let advice = Advice::try_from(from_bytes::<MadeV1>(event_type, bytes)?);
                Ok(Self::Made(Box::new(advice.map_err(|what| out_of_range(event_type, what))?)))
            }
            EMAIL_CLAIMED_V1 => Ok(Self::EmailClaimed { attempt: attempt()? }),
            EMAILED_V1 => Ok(Self::Emailed { attempt: attempt()? }),
            EMAIL_DEFERRED_V1 => because().map(|(attempt, reason)| Self::EmailDeferred { attempt, reason }),
            EMAIL_FAILED_V1 => because().map(|(attempt, reason)| Self::EmailFailed { attempt, reason }),
            EMAIL_UNKNOWN_V1 => because().map(|(attempt, reason)| Self::EmailUnknown { attempt, reason }),
            EMAIL_RELEASED_V1 => {
                let form: ReleasedV1 = from_bytes(event_type, bytes)?;
                Ok(Self::EmailReleased { reason: Note::from_history(form.reason) })
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}

impl From<&Advice> for MadeV1 {
    fn from(advice: &Advice) -> Self {
        Self {
            portfolio: advice.portfolio.uuid().into_bytes(),
            portfolio_version: advice.portfolio_version,
            portfolio_name: advice.portfolio_name.as_str().to_owned(),
            currency: advice.currency.bytes(),
            client: advice.client.uuid().into_bytes(),
            advisor: advice.advisor.uuid().into_bytes(),
            allocation: (&advice.allocation).into(),
            rationale: advice.rationale.as_str().to_owned(),
            figures: (&advice.figures).into(),
        }
    }
}

impl TryFrom<MadeV1> for Advice {
    type Error = OutOfRange;

    fn try_from(form: MadeV1) -> Result<Self, OutOfRange> {
        Ok(Self {
            portfolio: PortfolioId::new(id(form.portfolio)),
            portfolio_version: form.portfolio_version,
            portfolio_name: Name::from_history(form.portfolio_name),
            currency: currency(form.currency),
            client: ClientId::new(id(form.client)),
            advisor: AdvisorId::new(id(form.advisor)),
            allocation: form.allocation.try_into()?,
            rationale: Note::from_history(form.rationale),
            figures: form.figures.try_into()?,
        })
    }
}
