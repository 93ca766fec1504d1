//! The `notify` role: a recommendation becomes a letter, and the letter leaves once.
//!
//! # Layout
//!
//! * `notify.rs`: what becomes of one event: claim, send, record. Read its head for what is promised and what cannot be.
//! * `ledger.rs`: claims and outcomes in the log. `in_flight.rs`: what this process is sending now.
//! * `prepare.rs`: everything that a letter needs, gathered before anything is claimed.
//! * [`letter`]: the words, a pure function, from templates. [`message`]: the same as mail systems carry it.
//! * [`mailer`]: where messages go: SMTP or a folder.

mod in_flight;
mod ledger;
pub mod letter;
pub mod mailer;
pub mod message;
mod notify;
mod prepare;

use std::sync::Arc;
use std::time::Duration;

use events::Kind;
use jiff::Timestamp;
use journal::{Effect, EffectError, Journal, Verdict};
use tokio_util::sync::CancellationToken;
use vault::Vault;

pub use mailer::{Mailer, Outbox, SmtpMailer, SmtpSettings, SmtpUrl};
pub use message::{MessageId, Sender};

/// The durable consumer of this role and its bounds.
pub const EFFECT: Effect = Effect {
    name: "notify",
    kinds: &[Kind::Recommendation],
    ack_wait: Duration::from_secs(30),
    // With the rest of ten seconds between them, two hours without a vault or a log.
    attempts_max: 720,
    in_flight_max: 16,
};

/// Who letters come from, and how patient the role is.
#[derive(Debug, Clone)]
pub struct LetterSettings {
    /// Who letters come from. The address's domain is part of every Message-ID: changing it makes old letters new.
    pub from: Sender,
    /// How long after a first failed attempt the second comes; each further pause is four times as long.
    pub retry_first: Duration,
    /// The longest pause between attempts.
    pub retry_max: Duration,
    /// Attempts before a letter is given up; a person may release it for as many again.
    pub attempts_max: u32,
    /// How much longer than a send a claim may stay open before its outcome counts as unknown. Has to cover what
    /// stands around the send, and by how much the clocks of two machines may differ.
    pub claim_margin: Duration,
}

impl LetterSettings {
    /// Letters from this sender, attempted twelve times within about seven hours.
    #[must_use]
    pub const fn new(from: Sender) -> Self {
        Self {
            from,
            retry_first: Duration::from_secs(5),
            retry_max: Duration::from_secs(3_600),
            attempts_max: 12,
            claim_margin: Duration::from_secs(60),
        }
    }

    /// The pause after this many attempts.
    fn pause_after(&self, attempt: u32) -> Duration {
        let round = (attempt.saturating_sub(1)) % self.attempts_max.max(1);
        4_u32
            .checked_pow(round)
            .map_or(self.retry_max, |factor| self.retry_first.saturating_mul(factor))
            .min(self.retry_max)
    }

    /// Whether a letter is given up when this attempt fails. Attempts are counted through releases, so each release
    /// gives a letter the rest of a round.
    fn is_last(&self, attempt: u32) -> bool {
        attempt.is_multiple_of(self.attempts_max.max(1))
    }
}

/// Sends the letters of recommendations.
pub struct Notifier {
    journal: Journal,
    vault: Vault,
    mailer: Mailer,
    settings: LetterSettings,
    clock: fn() -> Timestamp,
    in_flight: in_flight::InFlight,
}

impl Notifier {
    /// A notifier that reads and records in this journal and sends by this mailer. `clock` tells the time, and with it
    /// whether advice still holds.
    #[must_use]
    pub fn new(
        journal: Journal,
        vault: Vault,
        mailer: Mailer,
        settings: LetterSettings,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { journal, vault, mailer, settings, clock, in_flight: in_flight::InFlight::default() }
    }

    /// How long a claim stays good: the longest send, and the margin.
    fn claim_lifetime(&self) -> Duration {
        self.mailer.send_bound() + self.settings.claim_margin
    }
}

/// Sends letters until it is told to stop; letters under way are then finished. `clock` tells the time.
///
/// # Errors
/// Where the effect cannot run; a server that is away is waited for.
pub async fn run(
    journal: Journal,
    vault: Vault,
    mailer: Mailer,
    settings: LetterSettings,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<(), EffectError> {
    let notifier = Arc::new(Notifier::new(journal.clone(), vault, mailer, settings, clock));
    journal::effect::run(&journal, &EFFECT, stop, move |recorded| {
        let notifier = notifier.clone();
        async move { handle(&notifier, recorded).await }
    })
    .await
}

/// What becomes of one event of a recommendation. The same event again sends nothing again.
pub async fn handle(notifier: &Notifier, recorded: journal::Recorded) -> Verdict {
    notify::handle(notifier, recorded).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LetterSettings, Sender};

    #[test]
    fn pauses_grow_up_to_the_longest_and_begin_anew_after_a_round() {
        let settings = LetterSettings::new(Sender::parse("Casa Verde <letters@casaverde.example>").unwrap());
        let pauses: Vec<u64> = (1..=13).map(|attempt| settings.pause_after(attempt).as_secs()).collect();
        assert_eq!(pauses, [5, 20, 80, 320, 1280, 3600, 3600, 3600, 3600, 3600, 3600, 3600, 5]);
        assert_eq!(settings.pause_after(u32::MAX).max(Duration::from_secs(3_600)), Duration::from_secs(3_600));
        let last: Vec<u32> = (1..=30).filter(|attempt| settings.is_last(*attempt)).collect();
        assert_eq!(last, [12, 24]);
    }
}
