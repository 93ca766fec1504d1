//! Stored forms of an advisor's events.

use serde::{Deserialize, Serialize};

use super::{DecodeError, Stored, from_bytes, to_bytes};
use crate::advisor::AdvisorEvent;
use crate::values::Name;

const REGISTERED_V1: &str = "insights.advisor.registered.v1";

#[derive(Serialize, Deserialize)]
struct RegisteredV1 {
    name: String,
    firm: String,
}

impl Stored for AdvisorEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => REGISTERED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Registered { name, firm } => {
                to_bytes(&RegisteredV1 { name: name.as_str().to_owned(), firm: firm.as_str().to_owned() })
            }
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        match event_type {
            REGISTERED_V1 => {
                let form: RegisteredV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Registered { name: Name::from_history(form.name), firm: Name::from_history(form.firm) })
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}
