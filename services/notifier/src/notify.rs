//! What becomes of one event: a letter is claimed in the log, sent, and its outcome recorded.
//!
//! # What is promised, and what cannot be
//!
//! SMTP does not say twice what became of a letter. So:
//!
//! * No attempt is made without a claim in the log, and each attempt is claimed once, whoever asks: the log takes one
//!   claim for each attempt, from one handling in one process.
//! * A letter is handed to a mail server again only where the attempt before is *recorded* as not taken.
//! * A claim without an outcome means that a process died between the two, or is slow. Within the claim's lifetime it
//!   may be slow, and is waited for; after it the outcome is recorded as unknown, the event is parked, and only a
//!   person releases the letter. Should the slow one come after all and say that the letter was taken, that is recorded.
//! * Two processes agree on a claim's age by its time in the log, so their clocks may differ by the claim's margin. A
//!   larger difference makes an outcome unknown too early; it never sends a letter.
//! * The outbox can be asked, so there a claim without an outcome is settled at once.
//!
//! What is left is the moment between the server's taking a letter and our hearing of it. That letter's outcome stays
//! unknown until a person has asked; it is never sent again on a guess.

use std::time::Duration;

use events::metadata::MetadataError;
use events::recommendation::{Letter, RecommendationEvent, Standing};
use events::values::{AggregateId, EventId, RecommendationId};
use events::{AnyEvent, Kind, Metadata, Position, Recommendation, Subject};
use jiff::Timestamp;
use journal::{ExecuteError, ReadError, Recorded, Verdict, Versioned};
use tokio::time::Instant;
use tracing::{Instrument, Span, error, info, info_span, warn};

use crate::Notifier;
use crate::ledger::{Claim, Outcome};
use crate::mailer::{Delivery, note};
use crate::message::{Message, MessageId};
use crate::prepare::{Advised, Making, Prepared};

/// How long an event rests whose letter is in other hands, or whose log cannot be read.
const REST: Duration = Duration::from_secs(10);

pub async fn handle(notifier: &Notifier, recorded: Recorded) -> Verdict {
    let work = match Work::of(&recorded) {
        Ok(Some(work)) => work,
        Ok(None) => return Verdict::Done,
        Err(reason) => return Verdict::Park { reason },
    };
    let span = info_span!("notify", recommendation = %work.id, outcome = tracing::field::Empty);
    recorded.follow_trace(&span);
    notifier.see_to(&work).instrument(span).await
}

/// A letter to see to.
struct Work {
    id: RecommendationId,
    /// The event that asks for it.
    cause: EventId,
    /// How the recommendation was made, where the event says so.
    made: Option<Making>,
}

impl Work {
    /// The letter that the event asks for, `None` where it asks for none, or why the event cannot be read.
    fn of(recorded: &Recorded) -> Result<Option<Self>, String> {
        use RecommendationEvent as E;
        let is_made = match recorded.decode().map_err(|error| error.to_string())? {
            AnyEvent::Recommendation(E::Made(_)) => true,
            // Advice that compliance let go out is of the day on which it was refused.
            AnyEvent::Recommendation(E::Overridden { .. } | E::EmailReleased { .. }) => false,
            AnyEvent::Recommendation(
                E::Refused { .. }
                | E::Withdrawn { .. }
                | E::Superseded { .. }
                | E::Expired { .. }
                | E::EmailClaimed { .. }
                | E::Emailed { .. }
                | E::EmailDeferred { .. }
                | E::EmailFailed { .. }
                | E::EmailUnknown { .. },
            )
            | AnyEvent::Advisor(_)
            | AnyEvent::Client(_)
            | AnyEvent::Portfolio(_)
            | AnyEvent::Backtest(_)
            | AnyEvent::Asset(_) => return Ok(None),
        };
        let metadata = recorded.metadata().map_err(|error| error.to_string())?;
        let (_, token) = recorded.kind_and_token().map_err(|error| error.to_string())?;
        let id = RecommendationId::from_token(token).ok_or_else(|| format!("`{token}` is no recommendation's id"))?;
        let made = Making { at: metadata.time, position: recorded.position() };
        Ok(Some(Self { id, cause: metadata.event_id, made: is_made.then_some(made) }))
    }
}

/// Why a letter is left for another time, or for an operator.
enum Stop {
    /// The log cannot be read, or written, now.
    NotNow(String),
    /// Something is as it should not be.
    Wrong(String),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::NotNow(error.to_string())
    }
}

impl From<MetadataError> for Stop {
    fn from(error: MetadataError) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl Notifier {
    async fn see_to(&self, work: &Work) -> Verdict {
        let Some(_in_hand) = self.in_flight.take(work.id) else {
            return Verdict::Later { after: REST };
        };
        match self.look_and_act(work).await {
            Ok(verdict) => verdict,
            Err(Stop::NotNow(reason)) => {
                info!(reason, "a letter has to wait");
                Verdict::Later { after: REST }
            }
            Err(Stop::Wrong(reason)) => Verdict::Park { reason },
        }
    }

    async fn look_and_act(&self, work: &Work) -> Result<Verdict, Stop> {
        let Versioned { state, position, .. } = self.journal.state::<Recommendation>(&work.id).await?;
        let (advice, let_through, letter, standing) = match state {
            Recommendation::Made { advice, let_through, letter, standing } => (advice, let_through, letter, standing),
            Recommendation::Refused { .. } => return Ok(Verdict::Done),
            Recommendation::Unknown => return Err(Stop::Wrong("the recommendation was never made".to_owned())),
        };
        if standing != Standing::Open && matches!(letter, Letter::Due { .. }) {
            info!(standing = standing.word(), "advice that does not stand any more is not written about");
            return Ok(Verdict::Done);
        }
        let advised = Advised { advice: &advice, let_through: &let_through };
        match (letter, position) {
            (Letter::Sent { .. } | Letter::Failed { .. }, _) => Ok(Verdict::Done),
            (Letter::OutcomeUnknown { attempt }, _) => Ok(park_unknown(attempt)),
            (Letter::Due { attempts }, _) => self.attempt(work, advised, attempts + 1).await,
            (Letter::Claimed { attempt }, Some(position)) => self.found_claimed(work, advised, attempt, position).await,
            (Letter::Claimed { .. }, None) => Err(Stop::Wrong("a claim stands nowhere in the log".to_owned())),
        }
    }

    /// Claims the attempt and makes it.
    async fn attempt(&self, work: &Work, advised: Advised<'_>, attempt: u32) -> Result<Verdict, Stop> {
        let message = match self.prepare(work.id, advised, self.making(work).await?).await {
            Prepared::Message(message) => Ok(message),
            Prepared::Never(reason) => Err(reason),
            Prepared::NotNow(reason) => return Err(Stop::NotNow(reason)),
            Prepared::Wrong(reason) => return Err(Stop::Wrong(reason)),
        };
        let since = Instant::now();
        match self.claim(work.id, attempt, work.cause).await {
            Ok(Claim::Ours) => {}
            // Not Done: should its owner die, this event is one more that will come to see.
            Ok(Claim::Another) => return Err(Stop::NotNow(format!("attempt {attempt} is in other hands"))),
            Err(error) => return Err(Stop::NotNow(error.to_string())),
        }
        let outcome = match message {
            Err(reason) => Outcome::Failed(reason),
            // A process that stood still does not know what others have made of its claim.
            Ok(_) if since.elapsed() > self.settings.claim_margin / 2 => {
                self.outcome(attempt, Delivery::Deferred(note("the claim was too old before anything was sent")))
            }
            Ok(message) => self.outcome(attempt, self.send(&message, attempt).await),
        };
        self.settle(work, attempt, &outcome).await
    }

    /// A claim was there before: a process died over it, or is at it now.
    async fn found_claimed(
        &self,
        work: &Work,
        advised: Advised<'_>,
        attempt: u32,
        claim: Position,
    ) -> Result<Verdict, Stop> {
        let message_id = MessageId::of(work.id, &self.settings.from);
        match self.mailer.has_taken(&message_id).await {
            Ok(Some(true)) => self.settle(work, attempt, &Outcome::Emailed).await,
            // Not taken, and writing it twice is writing it once: the claim is as good as ours.
            Ok(Some(false)) => {
                let outcome = match self.prepare(work.id, advised, self.making(work).await?).await {
                    Prepared::Message(message) => self.outcome(attempt, self.send(&message, attempt).await),
                    Prepared::Never(reason) => Outcome::Failed(reason),
                    Prepared::NotNow(reason) => return Err(Stop::NotNow(reason)),
                    Prepared::Wrong(reason) => return Err(Stop::Wrong(reason)),
                };
                self.settle(work, attempt, &outcome).await
            }
            Ok(None) => {
                let left = self.left_of(self.metadata_at(claim).await?.time);
                if left.is_zero() {
                    let reason = note("a claim was found without an outcome: the process died, or lost the log");
                    self.settle(work, attempt, &Outcome::Unknown(reason)).await
                } else {
                    Ok(Verdict::Later { after: left })
                }
            }
            Err(error) => Err(Stop::NotNow(error.to_string())),
        }
    }

    async fn send(&self, message: &Message, attempt: u32) -> Delivery {
        let span = info_span!("notify.send", message_id = %message.id, attempt, outcome = tracing::field::Empty);
        let delivery = self.mailer.send(message).instrument(span.clone()).await;
        span.record("outcome", self.outcome(attempt, delivery.clone()).word());
        delivery
    }

    /// What a delivery comes to: an attempt too many makes a letter fail.
    fn outcome(&self, attempt: u32, delivery: Delivery) -> Outcome {
        match delivery {
            Delivery::Taken => Outcome::Emailed,
            Delivery::Deferred(reason) if self.settings.is_last(attempt) => {
                Outcome::Failed(note(&format!("given up after attempt {attempt}: {reason}")))
            }
            Delivery::Deferred(reason) => Outcome::Deferred(reason),
            Delivery::Refused(reason) => Outcome::Failed(reason),
            Delivery::Unknown(reason) => Outcome::Unknown(reason),
        }
    }

    /// Records the outcome and says what it means for the event.
    async fn settle(&self, work: &Work, attempt: u32, outcome: &Outcome) -> Result<Verdict, Stop> {
        Span::current().record("outcome", outcome.word());
        match self.record(work.id, attempt, work.cause, outcome).await {
            Ok(()) => Ok(match outcome {
                Outcome::Emailed => Verdict::Done,
                Outcome::Failed(_) => {
                    error!(recommendation = %work.id, attempt, "a letter failed and is not tried again");
                    Verdict::Done
                }
                Outcome::Deferred(_) => {
                    // The reason stands in the event: servers' words may name the client.
                    let after = self.settings.pause_after(attempt);
                    warn!(recommendation = %work.id, attempt, ?after, "a letter did not leave and is tried again later");
                    Verdict::Later { after }
                }
                Outcome::Unknown(_) => park_unknown(attempt),
            }),
            Err(ExecuteError::Rejected(rejection)) => {
                Err(Stop::Wrong(format!("attempt {attempt} came to `{}`, and {rejection}", outcome.word())))
            }
            Err(error) => {
                // The claim stays open; whoever finds it will take its outcome for unknown.
                error!(%error, recommendation = %work.id, attempt, outcome = outcome.word(), "an outcome is not recorded");
                Err(Stop::NotNow(error.to_string()))
            }
        }
    }

    /// How the recommendation was made.
    async fn making(&self, work: &Work) -> Result<Making, Stop> {
        if let Some(made) = work.made {
            return Ok(made);
        }
        let history = self.journal.history(&Subject::new(Kind::Recommendation, &work.id.token())).await?;
        let first = history.first().ok_or_else(|| Stop::Wrong("the recommendation has no history".to_owned()))?;
        Ok(Making { at: first.metadata()?.time, position: first.position() })
    }

    async fn metadata_at(&self, position: Position) -> Result<Metadata, Stop> {
        let event = self.journal.event_at(position).await?;
        let event = event.ok_or_else(|| Stop::Wrong(format!("there is no event at {position}")))?;
        Ok(event.metadata()?)
    }

    /// How much of a claim's lifetime is left; all of it where its time is still to come.
    fn left_of(&self, claimed_at: Timestamp) -> Duration {
        let lifetime = self.claim_lifetime();
        let age = (self.clock)().duration_since(claimed_at);
        lifetime.saturating_sub(Duration::try_from(age).unwrap_or_default())
    }
}

fn park_unknown(attempt: u32) -> Verdict {
    Verdict::Park {
        reason: format!(
            "nobody knows whether attempt {attempt} delivered the letter; ask the mail server, then release it if not"
        ),
    }
}
