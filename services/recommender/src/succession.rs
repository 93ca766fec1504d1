//! Of one portfolio's recommendations to one client at most one stands: the last that went out, in the order of the
//! portfolio's history. Effects come in any order and more than once, from several processes; this holds all the same:
//!
//! * No recommendation is made before those that the portfolio's history has before it (`lib.rs`), whosever work it was to
//!   make them. So what goes out finds all that it has to take the place of.
//! * What goes out, because it fits or because compliance lets it, is followed by an event that is seen to until it is
//!   done: then each earlier one is told. A refused one is told too, and is not let out any more. Whether somebody lets it
//!   out or it is told first is settled where it stands, by its own history: either way it does not stand in the end.
//! * What came to be made late looks whether a later one has gone out already.

use std::time::Duration;

use events::recommendation::{Advice, RecommendationCommand, RecommendationEvent, RecommendationRejection};
use events::values::{AggregateId, CommandId, RecommendationId};
use events::{AnyEvent, Kind, Recommendation};
use jiff::Timestamp;
use journal::{Done, Effect, ExecuteError, Expect, Journal, Outcome, Recorded, Verdict};
use tracing::{Instrument, info_span, warn};

use crate::{Cause, REST, Stop, give, recommended_by};

/// The durable consumer that sees what compliance lets out, and its bounds.
pub const EFFECT: Effect = Effect {
    name: "supersede",
    kinds: &[Kind::Recommendation],
    ack_wait: Duration::from_secs(30),
    // With the rest between them, two hours of a log that takes nothing.
    attempts_max: 720,
    in_flight_max: 8,
};

/// What becomes of one event of a recommendation that is seen to now. The same event again changes nothing.
pub async fn handle(journal: &Journal, now: Timestamp, recorded: Recorded) -> Verdict {
    let (id, cause) = match let_out(&recorded, now) {
        Ok(Some(let_out)) => let_out,
        Ok(None) => return Verdict::Done,
        Err(reason) => return Verdict::Park { reason },
    };
    let span = info_span!("supersede", recommendation = %id);
    recorded.follow_trace(&span);
    match settle(journal, id, cause).instrument(span).await {
        Ok(()) => Verdict::Done,
        Err(Stop::NotNow(reason)) => {
            warn!(reason, "what a recommendation takes the place of has to wait for the log");
            Verdict::Later { after: REST }
        }
        Err(Stop::Refused(reason)) => Verdict::Park { reason },
    }
}

/// The recommendation that the event lets out, `None` where it is about something else, or why it cannot be read.
fn let_out(recorded: &Recorded, now: Timestamp) -> Result<Option<(RecommendationId, Cause)>, String> {
    let event = recorded.decode().map_err(|error| error.to_string())?;
    let AnyEvent::Recommendation(RecommendationEvent::Overridden { .. }) = event else { return Ok(None) };
    let (_, token) = recorded.kind_and_token().map_err(|error| error.to_string())?;
    let id = RecommendationId::from_token(token).ok_or_else(|| format!("`{token}` is no recommendation's id"))?;
    let metadata = recorded.metadata().map_err(|error| error.to_string())?;
    Ok(Some((id, Cause { event_id: metadata.event_id, now })))
}

/// Sees to it that of this recommendation, which was let out, and those around it one stands at the most.
async fn settle(journal: &Journal, id: RecommendationId, cause: Cause) -> Result<(), Stop> {
    let advice = match journal.state::<Recommendation>(&id).await?.state {
        Recommendation::Made { advice, .. } => advice,
        Recommendation::Refused { .. } | Recommendation::Unknown => {
            return Err(Stop::Refused(format!("recommendation {id} was let out, and its history does not say so")));
        }
    };
    let (before, behind) = around(journal, &advice, cause.now).await?;
    give_way(journal, cause, id, &behind).await?;
    take_over(journal, cause, id, &before).await
}

/// This portfolio's recommendations to this client before the advice and behind it, each in the order of the history.
async fn around(
    journal: &Journal,
    advice: &Advice,
    now: Timestamp,
) -> Result<(Vec<RecommendationId>, Vec<RecommendationId>), Stop> {
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    for one in recommended_by(journal, advice.portfolio, now).await? {
        if !one.clients.contains(&advice.client) {
            continue;
        }
        match one.metadata.version.cmp(&advice.portfolio_version) {
            std::cmp::Ordering::Less => before.push(one.recommendation(advice.client)),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => behind.push(one.recommendation(advice.client)),
        }
    }
    Ok((before, behind))
}

/// Lets this recommendation take the place of those before it, the last of them first.
pub(crate) async fn take_over(
    journal: &Journal,
    cause: Cause,
    by: RecommendationId,
    before: &[RecommendationId],
) -> Result<(), Stop> {
    for old in before.iter().rev() {
        match supersede(journal, cause, old, by).await {
            // It went out and had ended: those before it are the matter of the event by which it went out.
            Ok(Done { outcome: Outcome::Unchanged, state: Recommendation::Made { .. }, .. }) => return Ok(()),
            Ok(_) => {}
            // Its event could not be read, and is parked. Once it is made it looks for this one.
            Err(ExecuteError::Rejected(RecommendationRejection::Unknown)) => {}
            Err(error) => return Err(Stop::from(&error)),
        }
    }
    Ok(())
}

/// Lets the last of those behind this recommendation that has gone out, if there is one, take its place.
pub(crate) async fn give_way(
    journal: &Journal,
    cause: Cause,
    id: RecommendationId,
    behind: &[RecommendationId],
) -> Result<(), Stop> {
    for later in behind.iter().rev() {
        match journal.state::<Recommendation>(later).await?.state {
            Recommendation::Made { .. } => {
                return supersede(journal, cause, &id, *later).await.map(|_| ()).map_err(|error| Stop::from(&error));
            }
            Recommendation::Refused { .. } | Recommendation::Unknown => {}
        }
    }
    Ok(())
}

async fn supersede(
    journal: &Journal,
    cause: Cause,
    old: &RecommendationId,
    by: RecommendationId,
) -> Result<Done<Recommendation>, ExecuteError<RecommendationRejection>> {
    let command_id = CommandId::of(&["supersede", &old.to_string(), &by.to_string()]);
    give(journal, cause, old, command_id, &RecommendationCommand::Supersede { by }, Expect::Any).await
}
