//! The `recommend` role: a portfolio was recommended to several clients; each gets a recommendation of their own.
//!
//! One event cannot be written together with five hundred others, and need not be: each recommendation is a command of
//! its own, whose id follows from the portfolio's event and the client. Killed half-way, the role gives all of them
//! again; those that were recorded are answered from their history.
//!
//! What the gates need to know of a client, their care and their profile, is read from the log when the recommendation is
//! made. Once it is made it takes the place of the portfolio's recommendations to the client before it: [`succession`].

pub mod expire;
pub mod succession;

use std::collections::BTreeSet;
use std::time::Duration;

use events::portfolio::PortfolioEvent;
use events::recommendation::{Advice, Recipient, RecommendationCommand, RecommendationRejection, making};
use events::values::{
    Actor, AggregateId, Allocation, AssetId, ClientId, CommandId, Delisted, EventId, PortfolioId, RecommendationId,
    Regime,
};
use events::{Advisor, AnyEvent, Asset, Client, Kind, Metadata, Recommendation, Subject};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journal::{CommandContext, Done, Effect, EffectError, ExecuteError, Expect, Journal, ReadError, Recorded, Verdict};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info_span, warn};

/// The durable consumer that makes recommendations, and its bounds.
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

/// Makes recommendations, and lets them take the place of earlier ones, until it is told to stop. `clock` tells when.
///
/// # Errors
/// Where the effect cannot run; a server that is away is waited for.
pub async fn run(journal: Journal, clock: fn() -> Timestamp, stop: CancellationToken) -> Result<(), EffectError> {
    let (makes, succeeds) = (journal.clone(), journal.clone());
    let making = journal::effect::run(&journal, &EFFECT, stop.clone(), move |recorded| {
        let journal = makes.clone();
        async move { handle(&journal, clock(), recorded).await }
    });
    let succeeding = journal::effect::run(&journal, &succession::EFFECT, stop, move |recorded| {
        let journal = succeeds.clone();
        async move { succession::handle(&journal, clock(), recorded).await }
    });
    futures::future::try_join(making, succeeding).await.map(|_| ())
}

/// What becomes of one event of a portfolio that is seen to now. The same event again changes nothing.
pub async fn handle(journal: &Journal, now: Timestamp, recorded: Recorded) -> Verdict {
    let read = match read(&recorded, now) {
        Ok(Some(read)) => read,
        Ok(None) => return Verdict::Done,
        Err(reason) => return Verdict::Park { reason },
    };
    let span = info_span!("recommend", portfolio = %read.portfolio, clients = read.clients.len());
    recorded.follow_trace(&span);
    make_all(journal, &read).instrument(span).await
}

/// Why something is recorded, and when. The time is not that of the event that it comes of: whoever asks for a time is told what
/// the log had then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    event_id: EventId,
    now: Timestamp,
}

/// A portfolio's recommendation, as its event tells it.
struct Recommended {
    portfolio: PortfolioId,
    cause: Cause,
    metadata: Metadata,
    clients: BTreeSet<ClientId>,
    /// The advice to the first client; the others' differ in the client only.
    advice: Advice,
    sequence: u64,
    /// What of the portfolio is traded no more, once somebody has asked.
    delisted: OnceCell<Delisted>,
}

impl Recommended {
    /// The recommendation that it becomes for this client.
    fn recommendation(&self, client: ClientId) -> RecommendationId {
        RecommendationId::created_by(making(self.metadata.event_id, client))
    }

    /// The day on which it was recommended, in UTC.
    fn day(&self) -> Date {
        self.metadata.time.to_zoned(TimeZone::UTC).date()
    }
}

/// Why something is left undone.
enum Stop {
    /// The log could not take it, or tell, now.
    NotNow(String),
    /// The rules refuse it: no other attempt will go better.
    Refused(String),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::NotNow(error.to_string())
    }
}

impl From<&ExecuteError<RecommendationRejection>> for Stop {
    fn from(error: &ExecuteError<RecommendationRejection>) -> Self {
        match error {
            ExecuteError::Busy
            | ExecuteError::Conflicts { .. }
            | ExecuteError::Unknown(_)
            | ExecuteError::Refused(_)
            | ExecuteError::Read(_) => Self::NotNow(error.to_string()),
            ExecuteError::Rejected(_) | ExecuteError::Stale { .. } | ExecuteError::RequestDiffers => {
                Self::Refused(error.to_string())
            }
        }
    }
}

/// What all of a portfolio's recommendations rest on besides their event.
struct Around {
    /// Under whose rules the advisor works.
    regime: Regime,
    /// All that the portfolio recommends, before this event and behind it.
    history: Vec<Recommended>,
}

/// What the event recommends, `None` where it is about something else, or why it cannot be read.
fn read(recorded: &Recorded, now: Timestamp) -> Result<Option<Recommended>, String> {
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
    let cause = Cause { event_id: metadata.event_id, now };
    Ok(Some(Recommended { portfolio, cause, metadata, clients, advice, sequence, delisted: OnceCell::new() }))
}

/// All that the portfolio recommends, in the order of its history. What cannot be read is parked where it is met.
async fn recommended_by(
    journal: &Journal,
    portfolio: PortfolioId,
    now: Timestamp,
) -> Result<Vec<Recommended>, ReadError> {
    let history = journal.history(&Subject::new(Kind::Portfolio, &portfolio.token())).await?;
    Ok(history.iter().filter_map(|event| read(event, now).ok().flatten()).collect())
}

/// What stands around the event in the log.
async fn look_around(journal: &Journal, recommended: &Recommended) -> Result<Around, ReadError> {
    let regime = match journal.state::<Advisor>(&recommended.advice.advisor).await?.state {
        Advisor::Registered { details, .. } => details.regime,
        Advisor::Unknown => Regime::default(),
    };
    Ok(Around { regime, history: recommended_by(journal, recommended.portfolio, recommended.cause.now).await? })
}

/// What of the allocation is traded no more on the day.
async fn delisted(journal: &Journal, allocation: &Allocation, on: Date) -> Result<Delisted, ReadError> {
    let assets: Vec<AssetId> = allocation.iter().map(|(asset, _)| asset.clone()).collect();
    futures::stream::iter(assets)
        .map(|id| async move { Ok((journal.state::<Asset>(&id).await?.state.delisted_by(on), id)) })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|(since, id)| async move { Ok(since.map(|since| (id, since))) })
        .try_collect::<Vec<_>>()
        .await
        .map(Delisted::from_iter)
}

async fn make_all(journal: &Journal, recommended: &Recommended) -> Verdict {
    let around = match look_around(journal, recommended).await {
        Ok(around) => around,
        Err(error) => {
            warn!(%error, "recommendations have to wait for the log");
            return Verdict::Later { after: REST };
        }
    };
    let mut outcomes = futures::stream::iter(recommended.clients.iter().copied())
        .map(|client| see_to(journal, recommended, &around, client).instrument(Span::current()))
        .buffer_unordered(AT_ONCE);
    let (mut not_now, mut refused) = (None, None);
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(()) => {}
            Err(Stop::NotNow(reason)) => not_now = Some(reason),
            Err(Stop::Refused(reason)) => refused = Some(reason),
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

/// Makes one client's recommendation, and before it those that the portfolio's history has before it and that are not made
/// yet, the first first: events may come in any order, and letters should not.
async fn see_to(journal: &Journal, recommended: &Recommended, around: &Around, client: ClientId) -> Result<(), Stop> {
    let theirs: Vec<&Recommended> = around.history.iter().filter(|one| one.clients.contains(&client)).collect();
    let here = theirs.iter().position(|one| one.sequence == recommended.sequence);
    let here = here.ok_or_else(|| Stop::NotNow("the portfolio's history does not have the event".to_owned()))?;
    for place in first_missing(journal, &theirs[..here], client).await?..=here {
        match make_and_succeed(journal, &theirs, place, around.regime, client).await {
            Ok(()) => {}
            Err(Stop::Refused(reason)) if place < here => {
                warn!(reason, "an earlier recommendation is left to its own event");
            }
            Err(stop) => return Err(stop),
        }
    }
    Ok(())
}

/// The place from which on none of these is made yet.
async fn first_missing(journal: &Journal, before: &[&Recommended], client: ClientId) -> Result<usize, Stop> {
    for (place, earlier) in before.iter().enumerate().rev() {
        match journal.state::<Recommendation>(&earlier.recommendation(client)).await?.state {
            Recommendation::Unknown => {}
            // Whoever made it has made those before it.
            Recommendation::Refused { .. } | Recommendation::Made { .. } => return Ok(place + 1),
        }
    }
    Ok(0)
}

/// Makes the recommendation at this place; one that goes out takes the place of those before it.
async fn make_and_succeed(
    journal: &Journal,
    theirs: &[&Recommended],
    place: usize,
    regime: Regime,
    client: ClientId,
) -> Result<(), Stop> {
    let recommended = theirs[place];
    match make(journal, recommended, regime, client).await? {
        Recommendation::Made { .. } => {}
        Recommendation::Refused { .. } | Recommendation::Unknown => return Ok(()),
    }
    let ids: Vec<RecommendationId> = theirs.iter().map(|one| one.recommendation(client)).collect();
    let cause = recommended.cause;
    succession::give_way(journal, cause, ids[place], &ids[place + 1..]).await?;
    succession::take_over(journal, cause, ids[place], &ids[..place]).await
}

/// The recommendation as it was when it was made, just now or before.
async fn make(
    journal: &Journal,
    recommended: &Recommended,
    regime: Regime,
    client: ClientId,
) -> Result<Recommendation, Stop> {
    let (in_care, profile) = match journal.state::<Client>(&client).await?.state {
        Client::Registered { advisor, profile, .. } => (advisor == recommended.advice.advisor, profile),
        Client::Removed { profile, .. } => (false, profile),
        Client::Unknown => (false, None),
    };
    let on = recommended.day();
    // Whoever recommended has asked, and something may have been delisted in between.
    let ask = || delisted(journal, &recommended.advice.allocation, on);
    let delisted = recommended.delisted.get_or_try_init(ask).await?.clone();
    let recipient = Recipient { in_care, profile, regime, delisted, on };
    let advice = Box::new(Advice { client, ..recommended.advice.clone() });
    let (cause, id) = (recommended.cause, recommended.recommendation(client));
    let make = RecommendationCommand::Make { advice, recipient };
    match give(journal, cause, &id, making(cause.event_id, client), &make, Expect::New).await {
        Ok(done) => Ok(done.state),
        Err(error) => match Stop::from(&error) {
            Stop::Refused(why) => {
                Err(Stop::Refused(format!("the recommendation to client {client} is refused: {why}")))
            }
            not_now @ Stop::NotNow(_) => Err(not_now),
        },
    }
}

async fn give(
    journal: &Journal,
    cause: Cause,
    id: &RecommendationId,
    command_id: CommandId,
    command: &RecommendationCommand,
    expect: Expect,
) -> Result<Done<Recommendation>, ExecuteError<RecommendationRejection>> {
    let context = CommandContext {
        command_id,
        time: cause.now,
        actor: Actor::parse(ACTOR).expect("the constant names an actor"),
        expect,
        request_digest: None,
        causation_id: Some(cause.event_id),
    };
    journal.execute::<Recommendation>(id, command, &context).await
}
