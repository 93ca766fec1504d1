//! Stored forms of an advisor's events.

use serde::{Deserialize, Serialize};

use super::parts::{CurrencyV1, OutOfRange, currency};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::advisor::{AdvisorDetails, AdvisorEvent};
use crate::values::{Language, Name, Note, Regime};

const REGISTERED_V1: &str = "insights.advisor.registered.v1";
const REGISTERED_V2: &str = "insights.advisor.registered.v2";
const EDITED_V1: &str = "insights.advisor.edited.v1";
const SUSPENDED_V1: &str = "insights.advisor.suspended.v1";
const REINSTATED_V1: &str = "insights.advisor.reinstated.v1";
const REMOVED_V1: &str = "insights.advisor.removed.v1";

#[derive(Serialize, Deserialize)]
struct RegisteredV1 {
    name: String,
    firm: String,
}

/// What the register says; regime and language in their words.
#[derive(Serialize, Deserialize)]
struct DetailsV1 {
    name: String,
    firm: String,
    regime: String,
    registration: Option<String>,
    language: String,
    currency: Option<CurrencyV1>,
}

#[derive(Serialize, Deserialize)]
struct ReasonV1 {
    reason: String,
}

impl Stored for AdvisorEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Registered(_) => REGISTERED_V2,
            Self::Edited(_) => EDITED_V1,
            Self::Suspended { .. } => SUSPENDED_V1,
            Self::Reinstated { .. } => REINSTATED_V1,
            Self::Removed { .. } => REMOVED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Registered(details) | Self::Edited(details) => to_bytes(&DetailsV1::from(details)),
            Self::Suspended { reason } | Self::Reinstated { reason } | Self::Removed { reason } => {
                to_bytes(&ReasonV1 { reason: reason.as_str().to_owned() })
            }
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        let reason = || Ok(Note::from_history(from_bytes::<ReasonV1>(event_type, bytes)?.reason));
        let details = || {
            let form: DetailsV1 = from_bytes(event_type, bytes)?;
            AdvisorDetails::try_from(form).map_err(|what| out_of_range(event_type, what))
        };
        match event_type {
            REGISTERED_V1 => {
                let form: RegisteredV1 = from_bytes(event_type, bytes)?;
                let (name, firm) = (Name::from_history(form.name), Name::from_history(form.firm));
                Ok(Self::Registered(AdvisorDetails::new(name, firm)))
            }
            REGISTERED_V2 => Ok(Self::Registered(details()?)),
            EDITED_V1 => Ok(Self::Edited(details()?)),
            SUSPENDED_V1 => Ok(Self::Suspended { reason: reason()? }),
            REINSTATED_V1 => Ok(Self::Reinstated { reason: reason()? }),
            REMOVED_V1 => Ok(Self::Removed { reason: reason()? }),
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}

impl From<&AdvisorDetails> for DetailsV1 {
    fn from(details: &AdvisorDetails) -> Self {
        Self {
            name: details.name.as_str().to_owned(),
            firm: details.firm.as_str().to_owned(),
            regime: details.regime.word().to_owned(),
            registration: details.registration.as_ref().map(|number| number.as_str().to_owned()),
            language: details.language.tag().to_owned(),
            currency: details.currency.map(crate::values::Currency::bytes),
        }
    }
}

impl TryFrom<DetailsV1> for AdvisorDetails {
    type Error = OutOfRange;

    fn try_from(form: DetailsV1) -> Result<Self, OutOfRange> {
        Ok(Self {
            name: Name::from_history(form.name),
            firm: Name::from_history(form.firm),
            regime: Regime::parse(&form.regime).ok_or(OutOfRange("a regime"))?,
            registration: form.registration.map(Name::from_history),
            language: Language::parse(&form.language).ok_or(OutOfRange("a language"))?,
            currency: form.currency.map(currency),
        })
    }
}
