//! Events as they are told, read from the log, with the identities of clients opened for who may read them.

use events::client::ClientEvent;
use events::values::{AggregateId, ClientId, SealedIdentity};
use events::{AnyEvent, Position, Stream};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use journal::{Journal, Recorded};
use projections::happenings::{self, Filter, Stretch};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use utoipa::ToSchema;
use vault::{Vault, VaultError};

use crate::access::Caller;
use crate::problem::{Problem, ProblemType};

/// Events of one page that are read at once.
const READ_AT_ONCE: usize = 8;
/// The version of CloudEvents.
const SPEC_VERSION: &str = "1.0";

/// Something that happened: a CloudEvent, with attributes of our own beside the standard's.
#[derive(Debug, Serialize, ToSchema)]
pub struct FactView {
    /// The version of CloudEvents: `1.0`.
    #[schema(example = "1.0")]
    specversion: &'static str,
    /// The event's id; `null` where it cannot be read.
    #[schema(required, format = Uuid)]
    id: Option<String>,
    /// Which part of Insights recorded it.
    #[schema(required, example = "/insights/api")]
    source: Option<String>,
    /// Its type and the version of its stored form.
    #[serde(rename = "type")]
    #[schema(example = "insights.portfolio.created.v2")]
    event_type: String,
    /// What it happened to, with its id.
    #[schema(example = "portfolio/1de44776-fcf6-5175-b615-e6829eedd301")]
    subject: String,
    /// When its command was given.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// What `data` is: `application/json`.
    datacontenttype: &'static str,
    /// Where it stands in the log.
    #[schema(value_type = String, example = "advisory-3")]
    pub(super) position: Position,
    /// The version of what it happened to, from 1.
    #[schema(required, minimum = 1)]
    aggregateversion: Option<u64>,
    /// Who gave the command.
    #[schema(required, example = "admin:1de44776-fcf6-5175-b615-e6829eedd301")]
    actor: Option<String>,
    /// The command that led to it.
    #[schema(required, format = Uuid)]
    commandid: Option<String>,
    /// The event that a consumer acted on, where one did.
    #[schema(required, format = Uuid)]
    causationid: Option<String>,
    /// The trace in which it was recorded, as W3C spells it, where there was one.
    #[schema(required, example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    traceparent: Option<String>,
    /// The trace's id alone.
    #[schema(required, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    traceid: Option<String>,
    /// The event itself; `null` where this build does not know its type. A client's `identity` is in clear, or `null`
    /// where it was erased.
    #[schema(required, value_type = Option<Object>)]
    data: Option<Value>,
    /// Why something is `null` that should not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What events are read from.
#[derive(Clone)]
pub struct Facts {
    /// The log.
    pub journal: Journal,
    /// The read models: where what stands in the log.
    pub pool: PgPool,
    /// Who clients are.
    pub vault: Vault,
}

impl Facts {
    /// The events that fit, as this caller is told them, and behind which sequence to go on, if anywhere.
    ///
    /// # Errors
    /// That the log, a read model or the vault does not answer.
    pub(super) async fn read(
        &self,
        _caller: &Caller,
        filter: &Filter,
        stretch: Stretch,
    ) -> Result<(Vec<FactView>, Option<u64>), Problem> {
        let found = happenings::find(&self.pool, filter, stretch).await?;
        let views = futures::stream::iter(found.sequences).map(|sequence| self.one(sequence)).buffered(READ_AT_ONCE);
        Ok((views.try_collect().await?, found.next))
    }

    async fn one(&self, sequence: u64) -> Result<FactView, Problem> {
        let position = Position { stream: Stream::Advisory, sequence };
        let Some(recorded) = self.journal.event_at(position).await? else {
            // The stream deletes nothing: these rows are of another log.
            tracing::error!(%position, "a read model knows an event that the log does not have");
            return Err(Problem::of(ProblemType::Internal));
        };
        let (data, reason) = self.data(&recorded).await?;
        Ok(view(&recorded, data, reason))
    }

    /// The event as it is told, or why it is not.
    async fn data(&self, recorded: &Recorded) -> Result<(Option<Value>, Option<String>), Problem> {
        let event = match recorded.decode() {
            Ok(event) => event,
            Err(error) => return Ok((None, Some(error.to_string()))),
        };
        let identity = match &event {
            AnyEvent::Client(ClientEvent::Registered { identity, .. } | ClientEvent::IdentityChanged { identity }) => {
                Some(identity.clone())
            }
            _ => None,
        };
        let mut data = match serde_json::to_value(&event) {
            Ok(data) => data,
            Err(error) => return Ok((None, Some(error.to_string()))),
        };
        let Some(identity) = identity else { return Ok((Some(data), None)) };
        let client = recorded.kind_and_token().ok().and_then(|(_, token)| ClientId::from_token(token));
        let (clear, reason) = match client {
            Some(client) => self.clear(client, &identity).await?,
            None => (Value::Null, Some("its subject names no client".to_owned())),
        };
        // What is sealed is told in clear or not at all.
        for fact in data.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            fact["identity"] = clear.clone();
        }
        Ok((Some(data), reason))
    }

    async fn clear(&self, client: ClientId, sealed: &SealedIdentity) -> Result<(Value, Option<String>), Problem> {
        match self.vault.open_identity(client, sealed).await {
            Ok(identity) => Ok((json!({"name": identity.name.as_str(), "email": identity.email.expose()}), None)),
            Err(VaultError::KeyDestroyed { .. }) => Ok((Value::Null, Some("erased".to_owned()))),
            Err(error) => Err(error.into()),
        }
    }
}

fn view(recorded: &Recorded, data: Option<Value>, reason: Option<String>) -> FactView {
    let (metadata, unread) = match recorded.metadata() {
        Ok(metadata) => (Some(metadata), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let subject = recorded.kind_and_token().map(|(kind, token)| format!("{}/{token}", kind.token()));
    let told = metadata.as_ref();
    let traceparent = recorded.trace_parent().map(str::to_owned);
    FactView {
        specversion: SPEC_VERSION,
        id: told.map(|metadata| metadata.event_id.to_string()),
        source: told.map(|metadata| metadata.source.clone()),
        event_type: recorded.event_type().to_owned(),
        subject: subject.unwrap_or_else(|_| recorded.subject().to_owned()),
        time: told.map(|metadata| metadata.time),
        datacontenttype: "application/json",
        position: recorded.position(),
        aggregateversion: told.map(|metadata| metadata.version),
        actor: told.map(|metadata| metadata.actor.to_string()),
        commandid: told.map(|metadata| metadata.command_id.to_string()),
        causationid: told.and_then(|metadata| metadata.causation_id).map(|id| id.to_string()),
        traceid: traceparent.as_deref().and_then(|parent| parent.split('-').nth(1)).map(str::to_owned),
        traceparent,
        data,
        reason: reason.or(unread),
    }
}
