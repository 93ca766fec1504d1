//! Stored forms of a client's events.

use serde::{Deserialize, Serialize};

use super::parts::{IdV1, id};
use super::{DecodeError, Stored, from_bytes, to_bytes};
use crate::client::ClientEvent;
use crate::values::{AdvisorId, EventId, Sealed, SealedIdentity};

const REGISTERED_V1: &str = "insights.client.registered.v1";

#[derive(Serialize, Deserialize)]
struct RegisteredV1 {
    advisor: IdV1,
    sealed_for: IdV1,
    key_version: u32,
    name: Vec<u8>,
    email: Vec<u8>,
}

impl Stored for ClientEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Registered { .. } => REGISTERED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Registered { advisor, identity } => to_bytes(&RegisteredV1 {
                advisor: advisor.uuid().into_bytes(),
                sealed_for: identity.sealed_for.uuid().into_bytes(),
                key_version: identity.key_version,
                name: identity.name.bytes().to_vec(),
                email: identity.email.bytes().to_vec(),
            }),
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        match event_type {
            REGISTERED_V1 => {
                let form: RegisteredV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Registered {
                    advisor: AdvisorId::new(id(form.advisor)),
                    identity: SealedIdentity {
                        sealed_for: EventId::new(id(form.sealed_for)),
                        key_version: form.key_version,
                        name: Sealed::new(form.name),
                        email: Sealed::new(form.email),
                    },
                })
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}
