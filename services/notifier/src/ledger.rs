//! Claims and outcomes of letters in the log.

use std::time::Duration;

use events::Recommendation;
use events::recommendation::{RecommendationCommand, RecommendationRejection};
use events::values::{Actor, CommandId, EventId, Note, RecommendationId};
use journal::{CommandContext, Done, ExecuteError, Expect};
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use crate::Notifier;

/// Who acts.
const ACTOR: &str = "role:notify";
/// How long a command is given again while the log cannot take it.
const INSIST_FOR: Duration = Duration::from_secs(30);
/// The first pause before a command is given again, and the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Whose an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Ours: nobody else will make it.
    Ours,
    /// Somebody else's, or an earlier delivery's.
    Another,
}

/// What came of an attempt, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The letter was taken.
    Emailed,
    /// Not taken this time.
    Deferred(Note),
    /// Never to be taken.
    Failed(Note),
    /// Nobody knows.
    Unknown(Note),
}

impl Outcome {
    /// The outcome in a word, for command ids and spans. Frozen.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Emailed => "emailed",
            Self::Deferred(_) => "deferred",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }

    fn command(&self, attempt: u32) -> RecommendationCommand {
        use RecommendationCommand as C;
        match self.clone() {
            Self::Emailed => C::RecordEmailed { attempt },
            Self::Deferred(reason) => C::RecordEmailDeferred { attempt, reason },
            Self::Failed(reason) => C::RecordEmailFailed { attempt, reason },
            Self::Unknown(reason) => C::RecordEmailUnknown { attempt, reason },
        }
    }
}

type Refused = ExecuteError<RecommendationRejection>;

impl Notifier {
    /// Claims an attempt.
    ///
    /// The command's id follows from the attempt, so there is one claim of each. Who claimed is told by a digest that
    /// each handling makes up: an answer that was lost and found again is ours, anybody else's differs.
    ///
    /// # Errors
    /// Where the log could not take the claim; it may hold it all the same.
    pub(crate) async fn claim(&self, id: RecommendationId, attempt: u32, cause: EventId) -> Result<Claim, Refused> {
        let claimant = Some(Uuid::new_v4().simple().to_string());
        let context = self.context("claim", id, attempt, cause, claimant);
        match self.insist(id, &RecommendationCommand::ClaimEmail { attempt }, &context).await {
            Ok(_) => Ok(Claim::Ours),
            Err(ExecuteError::RequestDiffers | ExecuteError::Rejected(_)) => Ok(Claim::Another),
            Err(error) => Err(error),
        }
    }

    /// Records what came of an attempt.
    ///
    /// # Errors
    /// Where the rules refuse it, as after somebody else has settled the attempt, or the log could not take it.
    pub(crate) async fn record(
        &self,
        id: RecommendationId,
        attempt: u32,
        cause: EventId,
        outcome: &Outcome,
    ) -> Result<(), Refused> {
        let context = self.context(outcome.word(), id, attempt, cause, None);
        self.insist(id, &outcome.command(attempt), &context).await.map(|_| ())
    }

    /// The command, given again for a while where the log cannot take it: what is known now would be lost with it.
    async fn insist(
        &self,
        id: RecommendationId,
        command: &RecommendationCommand,
        context: &CommandContext,
    ) -> Result<Done<Recommendation>, Refused> {
        let deadline = Instant::now() + INSIST_FOR;
        let mut pause = PAUSE;
        loop {
            match self.journal.execute::<Recommendation>(&id, command, context).await {
                Err(
                    error @ (ExecuteError::Busy
                    | ExecuteError::Conflicts { .. }
                    | ExecuteError::Unknown(_)
                    | ExecuteError::Refused(_)
                    | ExecuteError::Read(_)),
                ) if Instant::now() + pause < deadline => {
                    warn!(%error, recommendation = %id, "the log could not take a letter's outcome; it is given again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                answer => return answer,
            }
        }
    }

    fn context(
        &self,
        word: &str,
        id: RecommendationId,
        attempt: u32,
        cause: EventId,
        request_digest: Option<String>,
    ) -> CommandContext {
        CommandContext {
            command_id: CommandId::of(&["email", word, &id.to_string(), &attempt.to_string()]),
            time: (self.clock)(),
            actor: Actor::parse(ACTOR).expect("the constant names an actor"),
            expect: Expect::Any,
            request_digest,
            causation_id: Some(cause),
        }
    }
}
