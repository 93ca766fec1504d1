//! Stored forms of a recommendation's events.

use serde::{Deserialize, Serialize};

use jiff::civil::Date;

use super::parts::{
    AllocationV1, CashV1, CurrencyV1, DateV1, FiguresV1, IdV1, MissingV1, OutOfRange, TermsV1, currency, id, risk_class,
};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::recommendation::{Advice, RecommendationEvent};
use crate::suitability::GateShut;
use crate::values::{AdvisorId, AssetId, ClientId, Name, Note, PortfolioId, RecommendationId, Regime, Terms};

const MADE_V1: &str = "insights.recommendation.made.v1";
const MADE_V2: &str = "insights.recommendation.made.v2";
const MADE_V3: &str = "insights.recommendation.made.v3";
const MADE_V4: &str = "insights.recommendation.made.v4";
const REFUSED_V1: &str = "insights.recommendation.refused.v1";
const REFUSED_V2: &str = "insights.recommendation.refused.v2";
const REFUSED_V3: &str = "insights.recommendation.refused.v3";
const REFUSED_V4: &str = "insights.recommendation.refused.v4";
const OVERRIDDEN_V1: &str = "insights.recommendation.overridden.v1";
const WITHDRAWN_V1: &str = "insights.recommendation.withdrawn.v1";
const SUPERSEDED_V1: &str = "insights.recommendation.superseded.v1";
const EXPIRED_V1: &str = "insights.recommendation.expired.v1";
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

#[derive(Serialize, Deserialize)]
struct MadeV2 {
    first: MadeV1,
    terms: TermsV1,
}

#[derive(Serialize, Deserialize)]
struct MadeV3 {
    first: MadeV2,
    cash: CashV1,
}

#[derive(Serialize, Deserialize)]
struct MadeV4 {
    first: MadeV3,
    missing: MissingV1,
}

#[derive(Deserialize)]
struct RefusedV1 {
    advice: MadeV2,
    shut: Vec<GateV1>,
    regime: String,
}

#[derive(Deserialize)]
struct RefusedV2 {
    advice: MadeV3,
    shut: Vec<GateV1>,
    regime: String,
}

#[derive(Deserialize)]
struct RefusedV3 {
    advice: MadeV3,
    shut: Vec<GateV2>,
    regime: String,
}

#[derive(Serialize, Deserialize)]
struct RefusedV4 {
    advice: MadeV4,
    shut: Vec<GateV2>,
    regime: String,
}

/// A gate that stayed shut; classes in their words.
#[derive(Serialize, Deserialize)]
enum GateV1 {
    NotInCare,
    NoProfile,
    ProfileExpired { until: DateV1 },
    PortfolioTooRisky { portfolio: String, client: String },
    ProductTooRisky { asset: String, product: String, client: String },
}

#[derive(Serialize, Deserialize)]
enum GateV2 {
    First(GateV1),
    ProductDelisted { asset: String, since: DateV1 },
}

#[derive(Serialize, Deserialize)]
struct SupersededV1 {
    by: IdV1,
}

#[derive(Serialize, Deserialize)]
struct ExpiredV1 {
    on: DateV1,
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

/// Released, overridden, withdrawn.
#[derive(Serialize, Deserialize)]
struct ReasonV1 {
    reason: String,
}

impl Stored for RecommendationEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Made(_) => MADE_V4,
            Self::Refused { .. } => REFUSED_V4,
            Self::Overridden { .. } => OVERRIDDEN_V1,
            Self::Withdrawn { .. } => WITHDRAWN_V1,
            Self::Superseded { .. } => SUPERSEDED_V1,
            Self::Expired { .. } => EXPIRED_V1,
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
            Self::Made(advice) => to_bytes(&MadeV4::from(advice.as_ref())),
            Self::Refused { advice, shut, regime } => to_bytes(&RefusedV4 {
                advice: advice.as_ref().into(),
                shut: shut.iter().map(GateV2::from).collect(),
                regime: regime.word().to_owned(),
            }),
            Self::Superseded { by } => to_bytes(&SupersededV1 { by: by.uuid().into_bytes() }),
            Self::Expired { on } => to_bytes(&ExpiredV1 { on: (*on).into() }),
            Self::EmailClaimed { attempt } | Self::Emailed { attempt } => to_bytes(&AttemptV1 { attempt: *attempt }),
            Self::EmailDeferred { attempt, reason }
            | Self::EmailFailed { attempt, reason }
            | Self::EmailUnknown { attempt, reason } => {
                to_bytes(&AttemptBecauseV1 { attempt: *attempt, reason: reason.as_str().to_owned() })
            }
            Self::EmailReleased { reason } | Self::Overridden { reason } | Self::Withdrawn { reason } => {
                to_bytes(&ReasonV1 { reason: reason.as_str().to_owned() })
            }
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let attempt = || from_bytes::<AttemptV1>(event_type, bytes).map(|form| form.attempt);
        let because = || {
            from_bytes::<AttemptBecauseV1>(event_type, bytes)
                .map(|form| (form.attempt, Note::from_history(form.reason)))
        };
        let reason = || Ok(Note::from_history(from_bytes::<ReasonV1>(event_type, bytes)?.reason));
        match event_type {
            MADE_V1 => {
                let form: MadeV1 = from_bytes(event_type, bytes)?;
                let advice = advice(form, Ok(Terms::default())).map_err(|what| out_of_range(event_type, what))?;
                Ok(Self::Made(Box::new(advice)))
            }
            MADE_V2 => {
                let form: MadeV2 = from_bytes(event_type, bytes)?;
                let advice = Advice::try_from(form).map_err(|what| out_of_range(event_type, what))?;
                Ok(Self::Made(Box::new(advice)))
            }
            MADE_V3 => {
                let form: MadeV3 = from_bytes(event_type, bytes)?;
                let advice = Advice::try_from(form).map_err(|what| out_of_range(event_type, what))?;
                Ok(Self::Made(Box::new(advice)))
            }
            MADE_V4 => {
                let form: MadeV4 = from_bytes(event_type, bytes)?;
                let advice = Advice::try_from(form).map_err(|what| out_of_range(event_type, what))?;
                Ok(Self::Made(Box::new(advice)))
            }
            REFUSED_V1 => {
                let RefusedV1 { advice, shut, regime } = from_bytes(event_type, bytes)?;
                refused(advice.try_into(), shut, &regime).map_err(|what| out_of_range(event_type, what))
            }
            REFUSED_V2 => {
                let RefusedV2 { advice, shut, regime } = from_bytes(event_type, bytes)?;
                refused(advice.try_into(), shut, &regime).map_err(|what| out_of_range(event_type, what))
            }
            REFUSED_V3 => {
                let RefusedV3 { advice, shut, regime } = from_bytes(event_type, bytes)?;
                refused(advice.try_into(), shut, &regime).map_err(|what| out_of_range(event_type, what))
            }
            REFUSED_V4 => {
                let RefusedV4 { advice, shut, regime } = from_bytes(event_type, bytes)?;
                refused(advice.try_into(), shut, &regime).map_err(|what| out_of_range(event_type, what))
            }
            OVERRIDDEN_V1 => Ok(Self::Overridden { reason: reason()? }),
            WITHDRAWN_V1 => Ok(Self::Withdrawn { reason: reason()? }),
            SUPERSEDED_V1 => {
                let form: SupersededV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Superseded { by: RecommendationId::new(id(form.by)) })
            }
            EXPIRED_V1 => {
                let form: ExpiredV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Expired { on: Date::try_from(form.on).map_err(|what| out_of_range(event_type, what))? })
            }
            EMAIL_CLAIMED_V1 => Ok(Self::EmailClaimed { attempt: attempt()? }),
            EMAILED_V1 => Ok(Self::Emailed { attempt: attempt()? }),
            EMAIL_DEFERRED_V1 => because().map(|(attempt, reason)| Self::EmailDeferred { attempt, reason }),
            EMAIL_FAILED_V1 => because().map(|(attempt, reason)| Self::EmailFailed { attempt, reason }),
            EMAIL_UNKNOWN_V1 => because().map(|(attempt, reason)| Self::EmailUnknown { attempt, reason }),
            EMAIL_RELEASED_V1 => Ok(Self::EmailReleased { reason: reason()? }),
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

impl From<&Advice> for MadeV2 {
    fn from(advice: &Advice) -> Self {
        Self { first: advice.into(), terms: (&advice.terms).into() }
    }
}

impl From<&Advice> for MadeV3 {
    fn from(advice: &Advice) -> Self {
        Self { first: advice.into(), cash: (&advice.figures).into() }
    }
}

impl From<&Advice> for MadeV4 {
    fn from(advice: &Advice) -> Self {
        Self { first: advice.into(), missing: (&advice.figures).into() }
    }
}

impl TryFrom<MadeV4> for Advice {
    type Error = OutOfRange;

    fn try_from(form: MadeV4) -> Result<Self, OutOfRange> {
        let mut advice = Self::try_from(form.first)?;
        advice.figures.missing = form.missing.try_into()?;
        Ok(advice)
    }
}

impl TryFrom<MadeV3> for Advice {
    type Error = OutOfRange;

    fn try_from(form: MadeV3) -> Result<Self, OutOfRange> {
        let mut advice = Self::try_from(form.first)?;
        advice.figures.cash = form.cash.try_into()?;
        Ok(advice)
    }
}

impl TryFrom<MadeV2> for Advice {
    type Error = OutOfRange;

    fn try_from(form: MadeV2) -> Result<Self, OutOfRange> {
        advice(form.first, form.terms.try_into())
    }
}

fn advice(form: MadeV1, terms: Result<Terms, OutOfRange>) -> Result<Advice, OutOfRange> {
    Ok(Advice {
        portfolio: PortfolioId::new(id(form.portfolio)),
        portfolio_version: form.portfolio_version,
        portfolio_name: Name::from_history(form.portfolio_name),
        currency: currency(form.currency),
        client: ClientId::new(id(form.client)),
        advisor: AdvisorId::new(id(form.advisor)),
        allocation: form.allocation.try_into()?,
        rationale: Note::from_history(form.rationale),
        figures: form.figures.try_into()?,
        terms: terms?,
    })
}

fn refused<G>(advice: Result<Advice, OutOfRange>, shut: Vec<G>, regime: &str) -> Result<RecommendationEvent, OutOfRange>
where
    GateShut: TryFrom<G, Error = OutOfRange>,
{
    Ok(RecommendationEvent::Refused {
        advice: Box::new(advice?),
        shut: shut.into_iter().map(GateShut::try_from).collect::<Result<_, _>>()?,
        regime: Regime::parse(regime).ok_or(OutOfRange("a regime"))?,
    })
}

impl From<&GateShut> for GateV2 {
    fn from(shut: &GateShut) -> Self {
        let word = |class: &crate::values::RiskClass| class.word().to_owned();
        let text = |asset: &AssetId| asset.as_str().to_owned();
        Self::First(match shut {
            GateShut::NotInCare => GateV1::NotInCare,
            GateShut::NoProfile => GateV1::NoProfile,
            GateShut::ProfileExpired { until } => GateV1::ProfileExpired { until: (*until).into() },
            GateShut::PortfolioTooRisky { portfolio, client } => {
                GateV1::PortfolioTooRisky { portfolio: word(portfolio), client: word(client) }
            }
            GateShut::ProductTooRisky { asset, product, client } => {
                GateV1::ProductTooRisky { asset: text(asset), product: word(product), client: word(client) }
            }
            GateShut::ProductDelisted { asset, since } => {
                return Self::ProductDelisted { asset: text(asset), since: (*since).into() };
            }
        })
    }
}

impl TryFrom<GateV2> for GateShut {
    type Error = OutOfRange;

    fn try_from(form: GateV2) -> Result<Self, OutOfRange> {
        match form {
            GateV2::First(first) => first.try_into(),
            GateV2::ProductDelisted { asset, since } => {
                Ok(Self::ProductDelisted { asset: AssetId::from_history(asset), since: since.try_into()? })
            }
        }
    }
}

impl TryFrom<GateV1> for GateShut {
    type Error = OutOfRange;

    fn try_from(form: GateV1) -> Result<Self, OutOfRange> {
        Ok(match form {
            GateV1::NotInCare => Self::NotInCare,
            GateV1::NoProfile => Self::NoProfile,
            GateV1::ProfileExpired { until } => Self::ProfileExpired { until: until.try_into()? },
            GateV1::PortfolioTooRisky { portfolio, client } => {
                Self::PortfolioTooRisky { portfolio: risk_class(&portfolio)?, client: risk_class(&client)? }
            }
            GateV1::ProductTooRisky { asset, product, client } => Self::ProductTooRisky {
                asset: AssetId::from_history(asset),
                product: risk_class(&product)?,
                client: risk_class(&client)?,
            },
        })
    }
}
