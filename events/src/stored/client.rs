//! Stored forms of a client's events.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::parts::{DateV1, IdV1, OutOfRange, id};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::client::ClientEvent;
use crate::suitability::{Answers, Basis, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{AdvisorId, EventId, Note, RiskClass, Sealed, SealedIdentity};

const REGISTERED_V1: &str = "insights.client.registered.v1";
const IDENTITY_CHANGED_V1: &str = "insights.client.identity_changed.v1";
const HANDED_OVER_V1: &str = "insights.client.handed_over.v1";
const PROFILED_V1: &str = "insights.client.profiled.v1";
const REMOVED_V1: &str = "insights.client.removed.v1";

#[derive(Serialize, Deserialize)]
struct RegisteredV1 {
    advisor: IdV1,
    identity: IdentityV1,
}

/// Field for field what stood in `RegisteredV1` before it had a name of its own: the bytes are the same.
#[derive(Serialize, Deserialize)]
struct IdentityV1 {
    sealed_for: IdV1,
    key_version: u32,
    name: Vec<u8>,
    email: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct HandedOverV1 {
    from: IdV1,
    to: IdV1,
    reason: String,
}

/// Class and answers in their words.
#[derive(Serialize, Deserialize)]
pub(super) struct ProfileV1 {
    class: String,
    basis: BasisV1,
    since: DateV1,
    until: DateV1,
}

#[derive(Serialize, Deserialize)]
enum BasisV1 {
    Answers {
        rules: u16,
        objective: String,
        horizon: String,
        loss_capacity: String,
        knowledge: String,
        liquidity_need: String,
    },
    ByHand {
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct RemovedV1 {
    reason: String,
}

impl Stored for ClientEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => REGISTERED_V1,
            Self::IdentityChanged { .. } => IDENTITY_CHANGED_V1,
            Self::HandedOver { .. } => HANDED_OVER_V1,
            Self::Profiled(_) => PROFILED_V1,
            Self::Removed { .. } => REMOVED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Registered { advisor, identity } => {
                to_bytes(&RegisteredV1 { advisor: advisor.uuid().into_bytes(), identity: identity.into() })
            }
            Self::IdentityChanged { identity } => to_bytes(&IdentityV1::from(identity)),
            Self::HandedOver { from, to, reason } => to_bytes(&HandedOverV1 {
                from: from.uuid().into_bytes(),
                to: to.uuid().into_bytes(),
                reason: reason.as_str().to_owned(),
            }),
            Self::Profiled(profile) => to_bytes(&ProfileV1::from(profile)),
            Self::Removed { reason } => to_bytes(&RemovedV1 { reason: reason.as_str().to_owned() }),
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        match event_type {
            REGISTERED_V1 => {
                let form: RegisteredV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Registered { advisor: AdvisorId::new(id(form.advisor)), identity: form.identity.into() })
            }
            IDENTITY_CHANGED_V1 => {
                let form: IdentityV1 = from_bytes(event_type, bytes)?;
                Ok(Self::IdentityChanged { identity: form.into() })
            }
            HANDED_OVER_V1 => {
                let form: HandedOverV1 = from_bytes(event_type, bytes)?;
                let (from, to) = (AdvisorId::new(id(form.from)), AdvisorId::new(id(form.to)));
                Ok(Self::HandedOver { from, to, reason: Note::from_history(form.reason) })
            }
            PROFILED_V1 => {
                let form: ProfileV1 = from_bytes(event_type, bytes)?;
                form.try_into().map(Self::Profiled).map_err(|what| out_of_range(event_type, what))
            }
            REMOVED_V1 => {
                let form: RemovedV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Removed { reason: Note::from_history(form.reason) })
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}

impl From<&SealedIdentity> for IdentityV1 {
    fn from(identity: &SealedIdentity) -> Self {
        Self {
            sealed_for: identity.sealed_for.uuid().into_bytes(),
            key_version: identity.key_version,
            name: identity.name.bytes().to_vec(),
            email: identity.email.bytes().to_vec(),
        }
    }
}

impl From<IdentityV1> for SealedIdentity {
    fn from(form: IdentityV1) -> Self {
        Self {
            sealed_for: EventId::new(id(form.sealed_for)),
            key_version: form.key_version,
            name: Sealed::new(form.name),
            email: Sealed::new(form.email),
        }
    }
}

impl From<&Profile> for ProfileV1 {
    fn from(profile: &Profile) -> Self {
        let basis = match &profile.basis {
            Basis::Answers { answers, rules } => BasisV1::Answers {
                rules: *rules,
                objective: answers.objective.word().to_owned(),
                horizon: answers.horizon.word().to_owned(),
                loss_capacity: answers.loss_capacity.word().to_owned(),
                knowledge: answers.knowledge.word().to_owned(),
                liquidity_need: answers.liquidity_need.word().to_owned(),
            },
            Basis::ByHand { reason } => BasisV1::ByHand { reason: reason.as_str().to_owned() },
        };
        let class = profile.class.word().to_owned();
        Self { class, basis, since: profile.since.into(), until: profile.until.into() }
    }
}

impl TryFrom<ProfileV1> for Profile {
    type Error = OutOfRange;

    fn try_from(form: ProfileV1) -> Result<Self, OutOfRange> {
        let basis = match form.basis {
            BasisV1::Answers { rules, objective, horizon, loss_capacity, knowledge, liquidity_need } => {
                let answers = Answers {
                    objective: Objective::parse(&objective).ok_or(OutOfRange("an objective"))?,
                    horizon: Horizon::parse(&horizon).ok_or(OutOfRange("a horizon"))?,
                    loss_capacity: LossCapacity::parse(&loss_capacity).ok_or(OutOfRange("a loss capacity"))?,
                    knowledge: Knowledge::parse(&knowledge).ok_or(OutOfRange("a knowledge"))?,
                    liquidity_need: LiquidityNeed::parse(&liquidity_need).ok_or(OutOfRange("a liquidity need"))?,
                };
                Basis::Answers { answers, rules }
            }
            BasisV1::ByHand { reason } => Basis::ByHand { reason: Note::from_history(reason) },
        };
        Ok(Self {
            class: RiskClass::parse(&form.class).ok_or(OutOfRange("a risk class"))?,
            basis,
            since: Date::try_from(form.since)?,
            until: Date::try_from(form.until)?,
        })
    }
}
