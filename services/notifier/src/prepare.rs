//! Everything that a letter needs, gathered before anything is claimed: what fails here costs no attempt.

use events::advisor;
use events::recommendation::Advice;
use events::suitability::{GateShut, Profile};
use events::values::{Note, RecommendationId};
use events::{Advisor, Client, Position};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use vault::VaultError;

use crate::Notifier;
use crate::letter::{Content, letter};
use crate::mailer::note;
use crate::message::{Message, MessageId, message};

/// What the letter is to say.
#[derive(Clone, Copy)]
pub struct Advised<'a> {
    /// What is recommended to whom.
    pub advice: &'a Advice,
    /// The gates that compliance let it through.
    pub let_through: &'a [GateShut],
}

/// How a recommendation was made, or refused before somebody let it out: its gates and its letter are of that day.
#[derive(Clone, Copy)]
pub struct Making {
    /// When.
    pub at: Timestamp,
    /// Where in the log. What stands before it is what was known of the client.
    pub position: Position,
}

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
    /// The letter of a recommendation that says this and was made so.
    pub(crate) async fn prepare(&self, id: RecommendationId, advised: Advised<'_>, made: Making) -> Prepared {
        let Advised { advice, let_through } = advised;
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
        let profile = match self.journal.state_at::<Client>(&advice.client, made.position).await {
            Ok(then) => profile_of(then.state),
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
        let content = Content {
            recommendation: id,
            advice,
            let_through,
            basis: profile.as_ref().map(|profile| &profile.basis),
            client: &identity,
            advisor: &details,
            day: made.at.to_zoned(TimeZone::UTC).date(),
        };
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

fn profile_of(client: Client) -> Option<Profile> {
    match client {
        Client::Registered { profile, .. } | Client::Removed { profile, .. } => profile,
        Client::Unknown => None,
    }
}
