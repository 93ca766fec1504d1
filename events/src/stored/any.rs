//! An event of whatever kind, for those who read the whole log.

use serde::Serialize;

use super::{DecodeError, Stored};
use crate::advisor::AdvisorEvent;
use crate::asset::AssetEvent;
use crate::backtest::BacktestEvent;
use crate::client::ClientEvent;
use crate::portfolio::PortfolioEvent;
use crate::recommendation::RecommendationEvent;
use crate::subject::Kind;

/// An event of any kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AnyEvent {
    /// Of an advisor.
    Advisor(AdvisorEvent),
    /// Of a client.
    Client(ClientEvent),
    /// Of a portfolio.
    Portfolio(PortfolioEvent),
    /// Of a recommendation.
    Recommendation(RecommendationEvent),
    /// Of a backtest.
    Backtest(BacktestEvent),
    /// Of an asset.
    Asset(AssetEvent),
}

impl AnyEvent {
    /// The event that the bytes hold, of an aggregate of this kind.
    ///
    /// # Errors
    /// As [`Stored::decode`].
    pub fn decode(kind: Kind, event_type: &str, bytes: &[u8]) -> Result<Self, DecodeError> {
        match kind {
            Kind::Advisor => AdvisorEvent::decode(event_type, bytes).map(Self::Advisor),
            Kind::Client => ClientEvent::decode(event_type, bytes).map(Self::Client),
            Kind::Portfolio => PortfolioEvent::decode(event_type, bytes).map(Self::Portfolio),
            Kind::Recommendation => RecommendationEvent::decode(event_type, bytes).map(Self::Recommendation),
            Kind::Backtest => BacktestEvent::decode(event_type, bytes).map(Self::Backtest),
            Kind::Asset => AssetEvent::decode(event_type, bytes).map(Self::Asset),
        }
    }
}
