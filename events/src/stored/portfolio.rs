//! Stored forms of a portfolio's events.

use serde::{Deserialize, Serialize};

use super::parts::{AllocationV1, CurrencyV1, FiguresV1, IdV1, OutOfRange, currency, id};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::portfolio::PortfolioEvent;
use crate::values::{AdvisorId, ClientId, Name, Note};

const CREATED_V1: &str = "insights.portfolio.created.v1";
const RENAMED_V1: &str = "insights.portfolio.renamed.v1";
const REALLOCATED_V1: &str = "insights.portfolio.reallocated.v1";
const RECOMMENDED_V1: &str = "insights.portfolio.recommended.v1";

#[derive(Serialize, Deserialize)]
struct CreatedV1 {
    advisor: IdV1,
    name: String,
    currency: CurrencyV1,
    allocation: AllocationV1,
}

#[derive(Serialize, Deserialize)]
struct RenamedV1 {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct ReallocatedV1 {
    allocation: AllocationV1,
    reason: String,
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
            Self::Created { .. } => CREATED_V1,
            Self::Renamed { .. } => RENAMED_V1,
            Self::Reallocated { .. } => REALLOCATED_V1,
            Self::Recommended { .. } => RECOMMENDED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Created { advisor, name, currency, allocation } => to_bytes(&CreatedV1 {
                advisor: advisor.uuid().into_bytes(),
                name: name.as_str().to_owned(),
                currency: currency.bytes(),
                allocation: allocation.into(),
            }),
            Self::Renamed { name } => to_bytes(&RenamedV1 { name: name.as_str().to_owned() }),
            Self::Reallocated { allocation, reason } => {
                to_bytes(&ReallocatedV1 { allocation: allocation.into(), reason: reason.as_str().to_owned() })
            }
            Self::Recommended { advisor, clients, name, currency, allocation, rationale, figures } => {
                to_bytes(&RecommendedV1 {
                    advisor: advisor.uuid().into_bytes(),
                    clients: clients.iter().map(|client| client.uuid().into_bytes()).collect(),
                    name: name.as_str().to_owned(),
                    currency: currency.bytes(),
                    allocation: allocation.into(),
                    rationale: rationale.as_str().to_owned(),
                    figures: figures.into(),
                })
            }
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(event_type, bytes)?.map_err(|what| out_of_range(event_type, what))
    }
}

fn decode(event_type: &str, bytes: &[u8]) -> Result<Result<PortfolioEvent, OutOfRange>, DecodeError> {
    Ok(match event_type {
        CREATED_V1 => from_bytes::<CreatedV1>(event_type, bytes)?.try_into(),
        RENAMED_V1 => {
            let form: RenamedV1 = from_bytes(event_type, bytes)?;
            Ok(PortfolioEvent::Renamed { name: Name::from_history(form.name) })
        }
        REALLOCATED_V1 => from_bytes::<ReallocatedV1>(event_type, bytes)?.try_into(),
        RECOMMENDED_V1 => from_bytes::<RecommendedV1>(event_type, bytes)?.try_into(),
        other => return Err(DecodeError::UnknownType(other.to_owned())),
    })
}

impl TryFrom<CreatedV1> for PortfolioEvent {
    type Error = OutOfRange;

    fn try_from(form: CreatedV1) -> Result<Self, OutOfRange> {
        Ok(Self::Created {
            advisor: AdvisorId::new(id(form.advisor)),
            name: Name::from_history(form.name),
            currency: currency(form.currency),
            allocation: form.allocation.try_into()?,
        })
    }
}

impl TryFrom<ReallocatedV1> for PortfolioEvent {
    type Error = OutOfRange;

    fn try_from(form: ReallocatedV1) -> Result<Self, OutOfRange> {
        Ok(Self::Reallocated { allocation: form.allocation.try_into()?, reason: Note::from_history(form.reason) })
    }
}

impl TryFrom<RecommendedV1> for PortfolioEvent {
    type Error = OutOfRange;

    fn try_from(form: RecommendedV1) -> Result<Self, OutOfRange> {
        Ok(Self::Recommended {
            advisor: AdvisorId::new(id(form.advisor)),
            clients: form.clients.into_iter().map(|client| ClientId::new(id(client))).collect(),
            name: Name::from_history(form.name),
            currency: currency(form.currency),
            allocation: form.allocation.try_into()?,
            rationale: Note::from_history(form.rationale),
            figures: form.figures.try_into()?,
        })
    }
}
