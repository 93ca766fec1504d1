//! What effects gave up on: kept with its reason until an operator has seen to it.

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use events::Position;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::connection::Journal;
use crate::recorded::{Recorded, Source};

/// The stream that keeps them: one message for each event, the last one counts.
pub(crate) const STREAM: &str = "PARKED";

/// An event that an effect gave up on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Which effect.
    pub effect: String,
    /// Where the event stands, as [`Position`] writes it.
    pub position: String,
    /// On which subject.
    pub subject: String,
    /// Of which type.
    pub event_type: String,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether an operator has seen to it since.
    pub resolved: bool,
}

/// Why parked events could not be kept or listed.
#[derive(Debug, thiserror::Error)]
#[error("parked events: {what}")]
pub struct ParkedError {
    what: &'static str,
    #[source]
    source: Source,
}

fn failed(what: &'static str, source: impl Into<Source>) -> ParkedError {
    ParkedError { what, source: source.into() }
}

impl Journal {
    /// Parks an event for good: returns when the server has taken it.
    pub(crate) async fn park(
        &self,
        effect: &str,
        recorded: &Recorded,
        reason: &str,
        attempts: u32,
    ) -> Result<(), ParkedError> {
        self.write_parked(&Parked {
            effect: effect.to_owned(),
            position: recorded.position().to_string(),
            subject: recorded.subject().to_owned(),
            event_type: recorded.event_type().to_owned(),
            reason: reason.to_owned(),
            attempts,
            resolved: false,
        })
        .await
    }

    /// Marks a parked event as seen to.
    ///
    /// # Errors
    /// Where the server does not take it.
    pub async fn resolve_parked(&self, parked: &Parked) -> Result<(), ParkedError> {
        self.write_parked(&Parked { resolved: true, ..parked.clone() }).await
    }

    async fn write_parked(&self, parked: &Parked) -> Result<(), ParkedError> {
        let subject = format!("insights.parked.{}.{}", parked.effect, parked.position);
        let payload = serde_json::to_vec(parked).map_err(|error| failed("one could not be written", error))?;
        let acknowledged = self.0.context.publish_with_headers(subject, HeaderMap::new(), payload.into()).await;
        let acknowledged = acknowledged.map_err(|error| failed("one could not be kept", error))?.await;
        acknowledged.map_err(|error| failed("one could not be kept", error))?;
        Ok(())
    }

    /// The events that effects gave up on and nobody has seen to, oldest first.
    ///
    /// # Errors
    /// Where the server cannot give them.
    pub async fn parked(&self) -> Result<Vec<Parked>, ParkedError> {
        let unlisted = "they could not be listed";
        let stream = self.0.context.get_stream(STREAM).await.map_err(|error| failed(unlisted, error))?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| failed(unlisted, error))?;
        let mut parked = Vec::new();
        loop {
            let batch = consumer.fetch().max_messages(1_000).messages().await;
            let mut batch = batch.map_err(|error| failed(unlisted, error))?;
            let mut empty = true;
            while let Some(message) = batch.next().await {
                let message = message.map_err(|error| failed(unlisted, error))?;
                empty = false;
                let one: Parked =
                    serde_json::from_slice(&message.payload).map_err(|error| failed("one cannot be read", error))?;
                parked.extend((!one.resolved).then_some(one));
            }
            if empty {
                return Ok(parked);
            }
        }
    }
}

impl Parked {
    /// Where the event stands.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position.parse().ok()
    }
}
