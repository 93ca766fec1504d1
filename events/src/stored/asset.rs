//! Stored forms of an asset's events.

use serde::{Deserialize, Serialize};

use super::parts::{BarsV1, CurrencyV1, currency};
use super::{DecodeError, Stored, from_bytes, out_of_range, to_bytes};
use crate::asset::{AssetEvent, PriceBasis};
use crate::values::Name;

const LISTED_V1: &str = "insights.asset.listed.v1";
const PRICED_V1: &str = "insights.asset.priced.v1";

#[derive(Serialize, Deserialize)]
struct ListedV1 {
    name: String,
    currency: CurrencyV1,
}

#[derive(Serialize, Deserialize)]
struct PricedV1 {
    source: String,
    basis: BasisV1,
    bars: BarsV1,
}

#[derive(Serialize, Deserialize)]
enum BasisV1 {
    Raw,
    Adjusted,
}

impl Stored for AssetEvent {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Listed { .. } => LISTED_V1,
            Self::Priced { .. } => PRICED_V1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Listed { name, currency } => {
                to_bytes(&ListedV1 { name: name.as_str().to_owned(), currency: currency.bytes() })
            }
            Self::Priced { source, basis, bars } => to_bytes(&PricedV1 {
                source: source.as_str().to_owned(),
                basis: match basis {
                    PriceBasis::Raw => BasisV1::Raw,
                    PriceBasis::Adjusted => BasisV1::Adjusted,
                },
                bars: bars.into(),
            }),
        }
    }

    fn decode(event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        match event_type {
            LISTED_V1 => {
                let form: ListedV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Listed { name: Name::from_history(form.name), currency: currency(form.currency) })
            }
            PRICED_V1 => {
                let form: PricedV1 = from_bytes(event_type, bytes)?;
                Ok(Self::Priced {
                    source: Name::from_history(form.source),
                    basis: match form.basis {
                        BasisV1::Raw => PriceBasis::Raw,
                        BasisV1::Adjusted => PriceBasis::Adjusted,
                    },
                    bars: form.bars.try_into().map_err(|what| out_of_range(event_type, what))?,
                })
            }
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}
