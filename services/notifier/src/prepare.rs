//! Everything that a letter needs, gathered before anything is claimed: what fails here costs no attempt.

use events::advisor;
use events::recommendation::Advice;
use events::suitability::GateShut;
use events::values::{Note, RecommendationId};
use events::{Advisor, Client};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use vault::VaultError;

use crate::Notifier;
use crate::letter::{Content, letter};
use crate::mailer::note;
use crate::message::{Message, MessageId, message};

/// A letter, or why there is none.
#[derive(Debug)]
pub enum Prepared {
    /// Ready to be sent.
    Message(Box<Message>),
    /// There can never be one.
    Never(Note),
    /// The log or the vault cannot be read now.
    NotNow(String),
    /// Something is as it should not be: an operator has to look at it.
    Wrong(String),
}

impl Notifier {
    /// The letter of a recommendation that was made at this time, and that compliance let through these gates.
    pub(crate) async fn prepare(
        &self,
        id: RecommendationId,
        advice: &Advice,
        let_through: &[GateShut],
        made_at: Timestamp,
    ) -> Prepared {
        let now = (self.clock)();
        let today = now.to_zoned(TimeZone::UTC).date();
        // Roles that were away over midnight come back to letters that hold no more.
        if let Some(last) = advice.terms.valid_until.filter(|last| *last < today) {
            return Prepared::Never(note(&format!("the advice's last day was {last}")));
        }
        let client = match self.journal.state::<Client>(&advice.client).await {
            Ok(versioned) => versioned.state,
            Err(error) => return Prepared::NotNow(error.to_string()),
        };
        let advisor = match self.journal.state::<Advisor>(&advice.advisor).await {
            Ok(versioned) => versioned.state,
            Err(error) => return Prepared::NotNow(error.to_string()),
        };
        let identity = match client {
            Client::Registered { advisor, identity, .. } if advisor == advice.advisor => identity,
            // Handed over since: their advice is another's now.
            Client::Registered { .. } => {
                return Prepared::Never(note("the client is not in the advisor's care any more"));
            }
            Client::Removed { .. } => return Prepared::Never(note("the client was removed")),
            Client::Unknown => return Prepared::Never(note("the client is not registered")),
        };
        let details = match advisor {
            Advisor::Registered { details, standing: advisor::Standing::Active } => details,
            // Nobody is written to in the name of somebody who may not advise.
            Advisor::Registered { standing, .. } => {
                return Prepared::Never(note(&format!("the advisor is {}", standing.word())));
            }
            Advisor::Unknown => return Prepared::Wrong(format!("advisor {} is not registered", advice.advisor)),
        };
        let identity = match self.vault.open_identity(advice.client, &identity).await {
            Ok(identity) => identity,
            Err(VaultError::KeyDestroyed { .. }) => {
                return Prepared::Never(note("the client's data key is destroyed: nobody knows any more who they are"));
            }
            Err(error @ (VaultError::Database(_) | VaultError::NoRandomness | VaultError::OtherKek { .. })) => {
                return Prepared::NotNow(error.to_string());
            }
            Err(error) => return Prepared::Wrong(error.to_string()),
        };
        let day = made_at.to_zoned(TimeZone::UTC).date();
        let content = Content { recommendation: id, advice, let_through, client: &identity, advisor: &details, day };
        let letter = match letter(&content) {
            Ok(letter) => letter,
            // Not what the template engine says: it may show what the template was filled with.
            Err(error) => return Prepared::Wrong(format!("the letter's template fails: {:?}", error.kind())),
        };
        let message_id = MessageId::of(id, &self.settings.from);
        let from = &self.settings.from;
        match message(message_id, from, &identity.name, &identity.email, &letter, now) {
            Ok(message) => Prepared::Message(Box::new(message)),
            Err(error) => Prepared::Never(note(&error.to_string())),
        }
    }
}
