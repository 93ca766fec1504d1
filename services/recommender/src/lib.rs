//! The `recommend` role: a portfolio was recommended to several clients; each gets a recommendation of their own.
//!
//! One event cannot be written together with five hundred others, and need not be: each recommendation is a command of
//! its own, whose id follows from the portfolio's event and the client. Killed half-way, the role gives all of them
//! again; those that were recorded are answered from their history.

use std::time::Duration;

use events::portfolio::PortfolioEvent;
use events::recommendation::{Advice, RecommendationCommand};
use events::values::{Actor, AggregateId, ClientId, CommandId, PortfolioId, RecommendationId};
use events::{AnyEvent, Kind, Metadata, Recommendation};
use futures::StreamExt;
use journal::{CommandContext, Effect, EffectError, ExecuteError, Expect, Journal, Recorded, Verdict};
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
        figures,
    };
    Ok(Some(Recommended { portfolio, metadata, clients, advice }))
}

/// How the recommendation to one client went.
enum Made {
    /// It is in the log, now or since before.
    Recorded,
    /// The log could not take it now.
    NotNow(String),
    /// The rules refuse it: no other attempt will go better.
    Refused(String),
}

async fn make_all(journal: &Journal, recommended: &Recommended) -> Verdict {
    let mut outcomes = futures::stream::iter(recommended.clients.iter().copied())
        .map(|client| make(journal, recommended, client).instrument(Span::current()))
        .buffer_unordered(AT_ONCE);
    let (mut not_now, mut refused) = (None, None);
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Made::Recorded => {}
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

async fn make(journal: &Journal, recommended: &Recommended, client: ClientId) -> Made {
    let cause = recommended.metadata.event_id;
    let command_id = CommandId::of(&["recommend", &cause.to_string(), &client.to_string()]);
    let id = RecommendationId::created_by(command_id);
    let advice = Advice { client, ..recommended.advice.clone() };
    let context = CommandContext {
        command_id,
        // Not the clock's: given again, it is the same command.
        time: recommended.metadata.time,
        actor: Actor::parse(ACTOR).expect("the constant names an actor"),
        expect: Expect::New,
        request_digest: None,
        causation_id: Some(cause),
    };
    let done = journal.execute::<Recommendation>(&id, &RecommendationCommand::Make(Box::new(advice)), &context).await;
    match done {
        Ok(_) => Made::Recorded,
        Err(
            error @ (ExecuteError::Busy
            | ExecuteError::Conflicts { .. }
            | ExecuteError::Unknown(_)
            | ExecuteError::Refused(_)
            | ExecuteError::Read(_)),
        ) => Made::NotNow(error.to_string()),
        Err(error @ (ExecuteError::Rejected(_) | ExecuteError::Stale { .. } | ExecuteError::RequestDiffers)) => {
            Made::Refused(format!("the recommendation to client {client} is refused: {error}"))
        }
    }
}
