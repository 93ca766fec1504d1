//! Events as they are told, read from the log, with the identities of clients opened for who may read them.

use events::client::ClientEvent;
use events::portfolio::PortfolioEvent;
use events::values::{AdvisorId, AggregateId, AssetId, ClientId, SealedIdentity};
use events::{AnyEvent, Kind, Position, Stream, Subject};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use journal::{Journal, Recorded};
use projections::Order;
use projections::happenings::{self, Filter, Stretch};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use utoipa::ToSchema;
use uuid::Uuid;
use vault::Identity;

use crate::access::{Caller, Reach};
use crate::identities::Identities;
use crate::problem::{Problem, ProblemType};

/// Events of one page that are read at once.
const READ_AT_ONCE: usize = 8;
/// The operation by which clients' identities are read in pages, as the document names it.
pub const LIST: &str = "listEvents";
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
    #[schema(example = "insights.portfolio.created.v3")]
    event_type: String,
    /// What it happened to, with its id, or an asset's symbol.
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
    /// where it was erased. To whom a portfolio was recommended, and in what words, is `null` for another advisor than who
    /// recommended it.
    #[schema(required, value_type = Option<Object>)]
    data: Option<Value>,
    /// Why something is `null` that should not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Which events are wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What they have to fit.
    pub filter: Filter,
    /// Of this aggregate alone.
    pub aggregate: Option<Uuid>,
}

/// What events are read from.
#[derive(Clone)]
pub struct Facts {
    /// The log.
    pub journal: Journal,
    /// The read models: where what stands in the log.
    pub pool: PgPool,
    /// Who clients are.
    pub identities: Identities,
    /// The operation by which clients' identities are read, as the document names it.
    pub operation: &'static str,
}

impl Facts {
    /// The events that fit, as this caller is told them, and behind which sequence to go on, if anywhere.
    ///
    /// # Errors
    /// That the log, a read model or the vault does not answer.
    pub(super) async fn read(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        stretch: Stretch,
    ) -> Result<(Vec<FactView>, Option<u64>), Problem> {
        let (events, next) = match wanted.aggregate {
            Some(aggregate) => self.of_one(aggregate, &wanted.filter, stretch).await?,
            None => self.of_all(&wanted.filter, stretch).await?,
        };
        let read: Vec<(Recorded, Told)> = events
            .into_iter()
            .map(|recorded| {
                let told = Told::of(&recorded);
                (recorded, told)
            })
            .collect();
        let sealed = read.iter().filter_map(|(_, told)| told.sealed.clone()).collect();
        let mut opened = self.identities.opened(caller, self.operation, sealed).await?.into_iter();
        let views = read.into_iter().map(|(recorded, mut told)| {
            if told.is_of_another(caller.reach) {
                told.reason = withhold(&mut told.data);
            }
            if told.sealed.is_some() {
                told.disclose(opened.next().flatten());
            }
            view(&recorded, told.data, told.reason)
        });
        Ok((views.collect(), next))
    }

    async fn of_all(&self, filter: &Filter, stretch: Stretch) -> Result<(Vec<Recorded>, Option<u64>), Problem> {
        let found = happenings::find(&self.pool, filter, stretch).await?;
        let events = futures::stream::iter(found.sequences).map(|sequence| self.one(sequence)).buffered(READ_AT_ONCE);
        Ok((events.try_collect().await?, found.next))
    }

    /// What happened to one aggregate: the log knows its history, and the read model whose it is.
    async fn of_one(
        &self,
        aggregate: Uuid,
        filter: &Filter,
        stretch: Stretch,
    ) -> Result<(Vec<Recorded>, Option<u64>), Problem> {
        let nothing = Ok((Vec::new(), None));
        let fits = |kind: &Kind| kind.stream() == Stream::Advisory && filter.kind.is_none_or(|wanted| wanted == *kind);
        let histories = Kind::ALL
            .into_iter()
            .filter(fits)
            .map(|kind| async move { self.journal.history(&Subject::new(kind, &aggregate.to_string())).await });
        // An id is one aggregate's, whose kind it does not tell.
        let histories = futures::future::try_join_all(histories).await?;
        let Some(mut events) = histories.into_iter().find(|history| !history.is_empty()) else { return nothing };
        if let (Some(advisor), Some(first)) = (filter.advisor, events.first())
            && happenings::owner(&self.pool, first.position().sequence).await? != Some(advisor)
        {
            return nothing;
        }
        events.retain(|event| {
            let sequence = event.position().sequence;
            let is_fact = |fact: &String| happenings::fact(event.event_type()) == fact;
            sequence > stretch.after && sequence <= stretch.until && filter.fact.as_ref().is_none_or(is_fact)
        });
        if stretch.order == Order::NewestFirst {
            events.reverse();
        }
        let limit = stretch.rows();
        let more = events.len() > limit;
        events.truncate(limit);
        let next = events.last().filter(|_| more).map(|last| last.position().sequence);
        Ok((events, next))
    }

    async fn one(&self, sequence: u64) -> Result<Recorded, Problem> {
        let position = Position { stream: Stream::Advisory, sequence };
        self.journal.event_at(position).await?.ok_or_else(|| {
            // The stream deletes nothing: these rows are of another log.
            tracing::error!(%position, "a read model knows an event that the log does not have");
            Problem::of(ProblemType::Internal)
        })
    }
}

/// The event as everybody may be told it: one of the stream of the market, where nobody's identity stands.
pub(super) fn of_the_market(recorded: &Recorded) -> FactView {
    let told = Told::of(recorded);
    view(recorded, told.data, told.reason)
}

/// What is told of an event.
struct Told {
    data: Option<Value>,
    /// Why there is none, or not all of it.
    reason: Option<String>,
    /// Whose identity is in it, sealed.
    sealed: Option<(ClientId, SealedIdentity)>,
    /// Whose advice it is, where it is advice.
    by: Option<AdvisorId>,
}

/// Whose advice the event is, where a portfolio was recommended.
pub fn advice_of(event: &AnyEvent) -> Option<AdvisorId> {
    match event {
        AnyEvent::Portfolio(PortfolioEvent::Recommended { advisor, .. }) => Some(*advisor),
        _ => None,
    }
}

/// Takes out to whom a portfolio was recommended, and in what words: who takes a portfolio over does not take the clients of
/// who had it. Tells why it is not there.
pub fn withhold(data: &mut Option<Value>) -> Option<String> {
    if let Some(advice) = data.as_mut().and_then(|data| data.get_mut("recommended")) {
        advice["clients"] = Value::Null;
        advice["rationale"] = Value::Null;
    }
    Some("another advisor's advice".to_owned())
}

impl Told {
    fn of(recorded: &Recorded) -> Self {
        let unreadable = |reason: String| Self { data: None, reason: Some(reason), sealed: None, by: None };
        let event = match recorded.decode() {
            Ok(event) => event,
            Err(error) => return unreadable(error.to_string()),
        };
        let data = match serde_json::to_value(&event) {
            Ok(data) => data,
            Err(error) => return unreadable(error.to_string()),
        };
        let mut told = Self { data: Some(data), reason: None, sealed: None, by: advice_of(&event) };
        if let AnyEvent::Client(ClientEvent::Registered { identity, .. } | ClientEvent::IdentityChanged { identity }) =
            event
        {
            let client = recorded.kind_and_token().ok().and_then(|(_, token)| ClientId::from_token(token));
            told.disclose(None);
            told.sealed = client.map(|client| (client, identity));
        }
        told
    }

    /// Whether it is the advice of another than the advisor who is told of it.
    fn is_of_another(&self, reach: Reach) -> bool {
        self.by.is_some_and(|by| !reach.covers(by))
    }

    /// Puts the identity in the place of what is sealed, which is never told; or nothing, where nobody can tell it.
    fn disclose(&mut self, identity: Option<Identity>) {
        self.reason = identity.is_none().then(|| "erased".to_owned());
        let clear = identity.map(|identity| json!({"name": identity.name.as_str(), "email": identity.email.expose()}));
        let facts = self.data.as_mut().and_then(Value::as_object_mut);
        for fact in facts.into_iter().flat_map(serde_json::Map::values_mut) {
            fact["identity"] = clear.clone().unwrap_or(Value::Null);
        }
    }
}

fn view(recorded: &Recorded, data: Option<Value>, reason: Option<String>) -> FactView {
    let (metadata, unread) = match recorded.metadata() {
        Ok(metadata) => (Some(metadata), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let subject = recorded.kind_and_token().map(|(kind, token)| match (kind, AssetId::from_token(token)) {
        // Symbols are spelt otherwise in the log's subjects.
        (Kind::Asset, Some(asset)) => format!("{}/{asset}", kind.token()),
        _ => format!("{}/{token}", kind.token()),
    });
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
