//! The `recommend` role: a portfolio was recommended to several clients; each gets a recommendation of their own.
//!
//! One event cannot be written together with five hundred others, and need not be: each recommendation is a command of
//! its own, whose id follows from the portfolio's event and the client. Killed half-way, the role gives all of them
//! again; those that were recorded are answered from their history.
//!
//! What the gates need to know of a client, their care and their profile, is read from the log when the recommendation is
//! made. Once it is made, the recommendation to the same client before it, if there is one, is superseded.

pub mod expire;

use std::collections::BTreeMap;
use std::time::Duration;

use events::portfolio::PortfolioEvent;
use events::recommendation::{Advice, Recipient, RecommendationCommand, RecommendationRejection};
use events::values::{Actor, AggregateId, ClientId, CommandId, EventId, PortfolioId, RecommendationId, Regime};
use events::{Advisor, AnyEvent, Client, Kind, Metadata, Recommendation, Subject};
use futures::StreamExt;
use jiff::tz::TimeZone;
use journal::{CommandContext, Done, Effect, EffectError, ExecuteError, Expect, Journal, Recorded, Verdict};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info_span, warn};

/// The durable consumer of this role and its bounds.
pub const EFFECT: Effect = Effect {
    name: "recommend",
    kinds: &[Kind::Portfolio],
    ack_wait: Duration::from_secs(30),
    // With the rest between them, two hours of a log that takes nothing.
    attempts_max: 720,
    in_flight_max: 8,
};

/// Clients of one portfolio whose recommendations are recorded at once.
const AT_ONCE: usize = 32;
/// How long an event rests whose recommendations could not all be recorded.
const REST: Duration = Duration::from_secs(10);
/// Who acts.
const ACTOR: &str = "role:recommend";

/// Makes recommendations until it is told to stop.
///
/// # Errors
/// Where the effect cannot run; a server that is away is waited for.
pub async fn run(journal: Journal, stop: CancellationToken) -> Result<(), EffectError> {
    let handler = journal.clone();
    journal::effect::run(&journal, &EFFECT, stop, move |recorded| {
        let journal = handler.clone();
        async move { handle(&journal, recorded).await }
    })
    .await
}

/// What becomes of one event of a portfolio. The same event again changes nothing.
pub async fn handle(journal: &Journal, recorded: Recorded) -> Verdict {
    let read = match read(&recorded) {
        Ok(Some(read)) => read,
        Ok(None) => return Verdict::Done,
        Err(reason) => return Verdict::Park { reason },
    };
    let span = info_span!("recommend", portfolio = %read.portfolio, clients = read.clients.len());
    recorded.follow_trace(&span);
    make_all(journal, &read).instrument(span).await
}

/// A portfolio's recommendation, as its event tells it.
struct Recommended {
    portfolio: PortfolioId,
    metadata: Metadata,
    clients: Vec<ClientId>,
    /// The advice to the first client; the others' differ in the client only.
    advice: Advice,
    sequence: u64,
}

/// What all of a portfolio's recommendations rest on besides their event.
struct Around {
    /// Under whose rules the advisor works.
    regime: Regime,
    /// The event by which each client was recommended this portfolio before, the last one.
    before: BTreeMap<ClientId, EventId>,
}

/// What the event recommends, `None` where it is about something else, or why it cannot be read.
fn read(recorded: &Recorded) -> Result<Option<Recommended>, String> {
    let event = recorded.decode().map_err(|error| error.to_string())?;
    let AnyEvent::Portfolio(PortfolioEvent::Recommended {
        advisor,
        clients,
        name,
        currency,
        allocation,
        rationale,
        figures,
        terms,
    }) = event
    else {
        return Ok(None);
    };
    let metadata = recorded.metadata().map_err(|error| error.to_string())?;
    let (_, token) = recorded.kind_and_token().map_err(|error| error.to_string())?;
    let portfolio = PortfolioId::from_token(token).ok_or_else(|| format!("`{token}` is no portfolio's id"))?;
    let clients: Vec<ClientId> = clients.into_iter().collect();
    let Some(first) = clients.first().copied() else { return Ok(None) };
    let advice = Advice {
        portfolio,
        portfolio_version: metadata.version,
        portfolio_name: name,
        currency,
        client: first,
        advisor,
        allocation,
        rationale,
        figures: *figures,
        terms: *terms,
    };
    let sequence = recorded.position().sequence;
    Ok(Some(Recommended { portfolio, metadata, clients, advice, sequence }))
}

/// How the recommendation to one client went.
enum Made {
    /// It is in the log, now or since before, as made or as refused by a gate.
    Recorded { refused: bool },
    /// The log could not take it now.
    NotNow(String),
    /// The rules refuse it: no other attempt will go better.
    Refused(String),
}

/// What stands around the event in the log.
async fn look_around(journal: &Journal, recommended: &Recommended) -> Result<Around, String> {
    let advisor = journal.state::<Advisor>(&recommended.advice.advisor).await.map_err(|error| error.to_string())?;
    let regime = match advisor.state {
        Advisor::Registered { details, .. } => details.regime,
        Advisor::Unknown => Regime::default(),
    };
    let subject = Subject::new(Kind::Portfolio, &recommended.portfolio.token());
    let history = journal.history(&subject).await.map_err(|error| error.to_string())?;
    let mut before = BTreeMap::new();
    for earlier in history.iter().take_while(|event| event.position().sequence < recommended.sequence) {
        if let Ok(Some(earlier)) = read(earlier) {
            before.extend(earlier.clients.into_iter().map(|client| (client, earlier.metadata.event_id)));
        }
    }
    Ok(Around { regime, before })
}

async fn make_all(journal: &Journal, recommended: &Recommended) -> Verdict {
    let around = match look_around(journal, recommended).await {
        Ok(around) => around,
        Err(reason) => {
            warn!(reason, "recommendations have to wait for the log");
            return Verdict::Later { after: REST };
        }
    };
    let mut outcomes = futures::stream::iter(recommended.clients.iter().copied())
        .map(|client| see_to(journal, recommended, &around, client).instrument(Span::current()))
        .buffer_unordered(AT_ONCE);
    let (mut not_now, mut refused) = (None, None);
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Made::Recorded { .. } => {}
            Made::NotNow(reason) => not_now = Some(reason),
            Made::Refused(reason) => refused = Some(reason),
        }
    }
    match (not_now, refused) {
        (None, None) => Verdict::Done,
        (None, Some(reason)) => Verdict::Park { reason },
        (Some(reason), _) => {
            warn!(reason, "not all recommendations could be recorded; they are given again");
            Verdict::Later { after: REST }
        }
    }
}

/// Makes one client's recommendation, then lets it take the place of the one before.
async fn see_to(journal: &Journal, recommended: &Recommended, around: &Around, client: ClientId) -> Made {
    let made = make(journal, recommended, around.regime, client).await;
    let (Made::Recorded { refused: false }, Some(before)) = (&made, around.before.get(&client)) else { return made };
    let cause = recommended.metadata.event_id;
    let (old, by) = (recommendation_id(*before, client), recommendation_id(cause, client));
    let command_id = CommandId::of(&["supersede", &cause.to_string(), &client.to_string()]);
    let supersede = RecommendationCommand::Supersede { by };
    match give(journal, recommended, &old, command_id, &supersede, Expect::Any).await {
        Ok(_) => made,
        // It was recommended before this role had made it known: there is nothing whose place could be taken.
        Err(ExecuteError::Rejected(RecommendationRejection::Unknown)) => made,
        Err(error) => outcome_of(&error, client),
    }
}

async fn make(journal: &Journal, recommended: &Recommended, regime: Regime, client: ClientId) -> Made {
    let known = match journal.state::<Client>(&client).await {
        Ok(known) => known.state,
        Err(error) => return Made::NotNow(error.to_string()),
    };
    let (in_care, profile) = match known {
        Client::Registered { advisor, profile, .. } => (advisor == recommended.advice.advisor, profile),
        Client::Removed { profile, .. } => (false, profile),
        Client::Unknown => (false, None),
    };
    let on = recommended.metadata.time.to_zoned(TimeZone::UTC).date();
    let recipient = Recipient { in_care, profile, regime, on };
    let advice = Box::new(Advice { client, ..recommended.advice.clone() });
    let cause = recommended.metadata.event_id;
    let (id, command_id) = (recommendation_id(cause, client), command_id(cause, client));
    let make = RecommendationCommand::Make { advice, recipient };
    match give(journal, recommended, &id, command_id, &make, Expect::New).await {
        Ok(done) => Made::Recorded { refused: matches!(done.state, Recommendation::Refused { .. }) },
        Err(error) => outcome_of(&error, client),
    }
}

/// The command that makes the recommendation of this event to this client.
fn command_id(cause: EventId, client: ClientId) -> CommandId {
    CommandId::of(&["recommend", &cause.to_string(), &client.to_string()])
}

/// The recommendation that it makes.
fn recommendation_id(cause: EventId, client: ClientId) -> RecommendationId {
    RecommendationId::created_by(command_id(cause, client))
}

async fn give(
    journal: &Journal,
    recommended: &Recommended,
    id: &RecommendationId,
    command_id: CommandId,
    command: &RecommendationCommand,
    expect: Expect,
) -> Result<Done<Recommendation>, ExecuteError<RecommendationRejection>> {
    let context = CommandContext {
        command_id,
        // Not the clock's: given again, it is the same command.
        time: recommended.metadata.time,
        actor: Actor::parse(ACTOR).expect("the constant names an actor"),
        expect,
        request_digest: None,
        causation_id: Some(recommended.metadata.event_id),
    };
    journal.execute::<Recommendation>(id, command, &context).await
}

fn outcome_of(error: &ExecuteError<RecommendationRejection>, client: ClientId) -> Made {
    match error {
        ExecuteError::Busy
        | ExecuteError::Conflicts { .. }
        | ExecuteError::Unknown(_)
        | ExecuteError::Refused(_)
        | ExecuteError::Read(_) => Made::NotNow(error.to_string()),
        ExecuteError::Rejected(_) | ExecuteError::Stale { .. } | ExecuteError::RequestDiffers => {
            Made::Refused(format!("the recommendation to client {client} is refused: {error}"))
        }
    }
}
