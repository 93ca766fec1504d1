//! Stored forms of a portfolio's events.

use serde::{Deserialize, Serialize};

use super::parts::{
    AllocationV1, CashV1, CurrencyV1, FiguresV1, IdV1, LimitsV1, MissingV1, OutOfRange, PolicyV1, TermsV1, currency, id,
};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::portfolio::{Composition, ModelVersion, Origin, PortfolioEvent};
use crate::values::{AdvisorId, ClientId, FiguresSnapshot, Limits, Name, Note, PortfolioId, Terms};

const CREATED_V1: &str = "insights.portfolio.created.v1";
const CREATED_V2: &str = "insights.portfolio.created.v2";
const CREATED_V3: &str = "insights.portfolio.created.v3";
const RENAMED_V1: &str = "insights.portfolio.renamed.v1";
const RENAMED_V2: &str = "insights.portfolio.renamed.v2";
const REALLOCATED_V1: &str = "insights.portfolio.reallocated.v1";
const REALLOCATED_V2: &str = "insights.portfolio.reallocated.v2";
const POLICY_SET_V1: &str = "insights.portfolio.policy_set.v1";
const HANDED_OVER_V1: &str = "insights.portfolio.handed_over.v1";
const ARCHIVED_V1: &str = "insights.portfolio.archived.v1";
const RESTORED_V1: &str = "insights.portfolio.restored.v1";
const SUBSCRIBED_V1: &str = "insights.portfolio.subscribed.v1";
const TAKEN_OVER_V1: &str = "insights.portfolio.taken_over.v1";
const UNSUBSCRIBED_V1: &str = "insights.portfolio.unsubscribed.v1";
const RECOMMENDED_V1: &str = "insights.portfolio.recommended.v1";
const RECOMMENDED_V2: &str = "insights.portfolio.recommended.v2";
const RECOMMENDED_V3: &str = "insights.portfolio.recommended.v3";
const RECOMMENDED_V4: &str = "insights.portfolio.recommended.v4";

#[derive(Serialize, Deserialize)]
struct CreatedV1 {
    advisor: IdV1,
    name: String,
    currency: CurrencyV1,
    allocation: AllocationV1,
}

#[derive(Serialize, Deserialize)]
struct CreatedV2 {
    first: CreatedV1,
    limits: LimitsV1,
    policy: PolicyV1,
    origin: Option<(IdV1, u64)>,
}

#[derive(Serialize, Deserialize)]
struct CreatedV3 {
    second: CreatedV2,
    model_of: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct RenamedV1 {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct RenamedV2 {
    name: String,
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ReallocatedV1 {
    allocation: AllocationV1,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct ReallocatedV2 {
    allocation: AllocationV1,
    limits: LimitsV1,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct PolicySetV1 {
    policy: PolicyV1,
    reason: String,
}

/// Subscribed and taken over.
#[derive(Serialize, Deserialize)]
struct TakenV1 {
    model: IdV1,
    version: u64,
    allocation: AllocationV1,
    limits: LimitsV1,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct HandedOverV1 {
    from: IdV1,
    to: IdV1,
    reason: String,
}

/// Archived, restored and unsubscribed.
#[derive(Serialize, Deserialize)]
struct ReasonV1 {
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct RecommendedV4 {
    first: RecommendedV3,
    missing: MissingV1,
}

#[derive(Serialize, Deserialize)]
struct RecommendedV3 {
    first: RecommendedV2,
    cash: CashV1,
}

#[derive(Serialize, Deserialize)]
struct RecommendedV2 {
    first: RecommendedV1,
    terms: TermsV1,
}

#[derive(Serialize, Deserialize)]
struct RecommendedV1 {
    advisor: IdV1,
    clients: Vec<IdV1>,
    name: String,
    currency: CurrencyV1,
    allocation: AllocationV1,
    rationale: String,
    figures: FiguresV1,
}

impl Stored for PortfolioEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Created(_) => CREATED_V3,
            Self::Renamed { .. } => RENAMED_V2,
            Self::Reallocated { .. } => REALLOCATED_V2,
            Self::PolicySet { .. } => POLICY_SET_V1,
            Self::HandedOver { .. } => HANDED_OVER_V1,
            Self::Archived { .. } => ARCHIVED_V1,
            Self::Restored { .. } => RESTORED_V1,
            Self::Subscribed { .. } => SUBSCRIBED_V1,
            Self::TakenOver { .. } => TAKEN_OVER_V1,
            Self::Unsubscribed { .. } => UNSUBSCRIBED_V1,
            Self::Recommended { .. } => RECOMMENDED_V4,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Created(composition) => to_bytes(&CreatedV3 {
                second: composition.as_ref().into(),
                model_of: composition.model_of.as_ref().map(|firm| firm.as_str().to_owned()),
            }),
            Self::Renamed { name, reason } => to_bytes(&RenamedV2 {
                name: name.as_str().to_owned(),
                reason: reason.as_ref().map(|reason| reason.as_str().to_owned()),
            }),
            Self::Reallocated { allocation, limits, reason } => to_bytes(&ReallocatedV2 {
                allocation: allocation.into(),
                limits: limits.into(),
                reason: reason.as_str().to_owned(),
            }),
            Self::PolicySet { policy, reason } => {
                to_bytes(&PolicySetV1 { policy: policy.into(), reason: reason.as_str().to_owned() })
            }
            Self::Subscribed { taken, reason } | Self::TakenOver { taken, reason } => to_bytes(&TakenV1 {
                model: taken.model.uuid().into_bytes(),
                version: taken.version,
                allocation: (&taken.allocation).into(),
                limits: (&taken.limits).into(),
                reason: reason.as_str().to_owned(),
            }),
            Self::HandedOver { from, to, reason } => to_bytes(&HandedOverV1 {
                from: from.uuid().into_bytes(),
                to: to.uuid().into_bytes(),
                reason: reason.as_str().to_owned(),
            }),
            Self::Archived { reason } | Self::Restored { reason } | Self::Unsubscribed { reason } => {
                to_bytes(&ReasonV1 { reason: reason.as_str().to_owned() })
            }
            Self::Recommended { advisor, clients, name, currency, allocation, rationale, figures, terms } => {
                let first = RecommendedV1 {
                    advisor: advisor.uuid().into_bytes(),
                    clients: clients.iter().map(|client| client.uuid().into_bytes()).collect(),
                    name: name.as_str().to_owned(),
                    currency: currency.bytes(),
                    allocation: allocation.into(),
                    rationale: rationale.as_str().to_owned(),
                    figures: figures.as_ref().into(),
                };
                let first = RecommendedV2 { first, terms: terms.as_ref().into() };
                let first = RecommendedV3 { first, cash: figures.as_ref().into() };
                to_bytes(&RecommendedV4 { first, missing: figures.as_ref().into() })
            }
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(event_type, bytes)?.map_err(|what| out_of_range(event_type, what))
    }
}

fn decode(event_type: &str, bytes: &[u8]) -> Result<Result<PortfolioEvent, OutOfRange>, DecodeError> {
    let reason = || Ok(Note::from_history(from_bytes::<ReasonV1>(event_type, bytes)?.reason));
    Ok(match event_type {
        CREATED_V1 => created(from_bytes::<CreatedV1>(event_type, bytes)?.try_into()),
        CREATED_V2 => created(from_bytes::<CreatedV2>(event_type, bytes)?.try_into()),
        CREATED_V3 => {
            let form: CreatedV3 = from_bytes(event_type, bytes)?;
            let model_of = form.model_of.map(Name::from_history);
            created(Composition::try_from(form.second).map(|is| Composition { model_of, ..is }))
        }
        RENAMED_V1 => {
            let form: RenamedV1 = from_bytes(event_type, bytes)?;
            Ok(PortfolioEvent::Renamed { name: Name::from_history(form.name), reason: None })
        }
        RENAMED_V2 => {
            let form: RenamedV2 = from_bytes(event_type, bytes)?;
            let reason = form.reason.map(Note::from_history);
            Ok(PortfolioEvent::Renamed { name: Name::from_history(form.name), reason })
        }
        REALLOCATED_V1 => from_bytes::<ReallocatedV1>(event_type, bytes)?.try_into(),
        REALLOCATED_V2 => from_bytes::<ReallocatedV2>(event_type, bytes)?.try_into(),
        POLICY_SET_V1 => {
            let form: PolicySetV1 = from_bytes(event_type, bytes)?;
            let reason = Note::from_history(form.reason);
            form.policy.try_into().map(|policy| PortfolioEvent::PolicySet { policy, reason })
        }
        SUBSCRIBED_V1 => {
            taken(from_bytes(event_type, bytes)?).map(|(taken, reason)| PortfolioEvent::Subscribed { taken, reason })
        }
        TAKEN_OVER_V1 => {
            taken(from_bytes(event_type, bytes)?).map(|(taken, reason)| PortfolioEvent::TakenOver { taken, reason })
        }
        UNSUBSCRIBED_V1 => Ok(PortfolioEvent::Unsubscribed { reason: reason()? }),
        HANDED_OVER_V1 => {
            let form: HandedOverV1 = from_bytes(event_type, bytes)?;
            let (from, to) = (AdvisorId::new(id(form.from)), AdvisorId::new(id(form.to)));
            Ok(PortfolioEvent::HandedOver { from, to, reason: Note::from_history(form.reason) })
        }
        ARCHIVED_V1 => Ok(PortfolioEvent::Archived { reason: reason()? }),
        RESTORED_V1 => Ok(PortfolioEvent::Restored { reason: reason()? }),
        RECOMMENDED_V1 => recommended(from_bytes(event_type, bytes)?, Ok(Terms::default()), Ok),
        RECOMMENDED_V2 => {
            let form: RecommendedV2 = from_bytes(event_type, bytes)?;
            recommended(form.first, form.terms.try_into(), Ok)
        }
        RECOMMENDED_V3 => {
            let RecommendedV3 { first: form, cash } = from_bytes(event_type, bytes)?;
            let with_cash = |figures| Ok(FiguresSnapshot { cash: cash.try_into()?, ..figures });
            recommended(form.first, form.terms.try_into(), with_cash)
        }
        RECOMMENDED_V4 => {
            let RecommendedV4 { first: RecommendedV3 { first: form, cash }, missing } = from_bytes(event_type, bytes)?;
            let with_both =
                |figures| Ok(FiguresSnapshot { cash: cash.try_into()?, missing: missing.try_into()?, ..figures });
            recommended(form.first, form.terms.try_into(), with_both)
        }
        other => return Err(DecodeError::UnknownType(other.to_owned())),
    })
}

fn taken(form: TakenV1) -> Result<(Box<ModelVersion>, Note), OutOfRange> {
    let TakenV1 { model, version, allocation, limits, reason } = form;
    let (model, allocation, limits) = (PortfolioId::new(id(model)), allocation.try_into()?, limits.try_into()?);
    Ok((Box::new(ModelVersion { model, version, allocation, limits }), Note::from_history(reason)))
}

fn created(composition: Result<Composition, OutOfRange>) -> Result<PortfolioEvent, OutOfRange> {
    composition.map(|composition| PortfolioEvent::Created(Box::new(composition)))
}

impl From<&Composition> for CreatedV2 {
    fn from(is: &Composition) -> Self {
        Self {
            first: CreatedV1 {
                advisor: is.advisor.uuid().into_bytes(),
                name: is.name.as_str().to_owned(),
                currency: is.currency.bytes(),
                allocation: (&is.allocation).into(),
            },
            limits: (&is.limits).into(),
            policy: (&is.policy).into(),
            origin: is.origin.map(|origin| (origin.portfolio.uuid().into_bytes(), origin.version)),
        }
    }
}

impl TryFrom<CreatedV1> for Composition {
    type Error = OutOfRange;

    fn try_from(form: CreatedV1) -> Result<Self, OutOfRange> {
        let (advisor, name) = (AdvisorId::new(id(form.advisor)), Name::from_history(form.name));
        Ok(Self::new(advisor, name, currency(form.currency), form.allocation.try_into()?))
    }
}

impl TryFrom<CreatedV2> for Composition {
    type Error = OutOfRange;

    fn try_from(form: CreatedV2) -> Result<Self, OutOfRange> {
        let origin =
            form.origin.map(|(portfolio, version)| Origin { portfolio: PortfolioId::new(id(portfolio)), version });
        let (limits, policy) = (form.limits.try_into()?, form.policy.try_into()?);
        Ok(Self { limits, policy, origin, ..Self::try_from(form.first)? })
    }
}

impl TryFrom<ReallocatedV1> for PortfolioEvent {
    type Error = OutOfRange;

    fn try_from(form: ReallocatedV1) -> Result<Self, OutOfRange> {
        let (allocation, limits) = (form.allocation.try_into()?, Limits::default());
        Ok(Self::Reallocated { allocation, limits, reason: Note::from_history(form.reason) })
    }
}

impl TryFrom<ReallocatedV2> for PortfolioEvent {
    type Error = OutOfRange;

    fn try_from(form: ReallocatedV2) -> Result<Self, OutOfRange> {
        let (allocation, limits) = (form.allocation.try_into()?, form.limits.try_into()?);
        Ok(Self::Reallocated { allocation, limits, reason: Note::from_history(form.reason) })
    }
}

fn recommended(
    form: RecommendedV1,
    terms: Result<Terms, OutOfRange>,
    with_more: impl FnOnce(FiguresSnapshot) -> Result<FiguresSnapshot, OutOfRange>,
) -> Result<PortfolioEvent, OutOfRange> {
    let figures = with_more(form.figures.try_into()?)?;
    Ok(PortfolioEvent::Recommended {
        advisor: AdvisorId::new(id(form.advisor)),
        clients: form.clients.into_iter().map(|client| ClientId::new(id(client))).collect(),
        name: Name::from_history(form.name),
        currency: currency(form.currency),
        allocation: form.allocation.try_into()?,
        rationale: Note::from_history(form.rationale),
        figures: Box::new(figures),
        terms: Box::new(terms?),
    })
}
