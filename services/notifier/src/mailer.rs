//! Where letters go: a mail server, or a folder.

use std::time::Duration;

use events::values::Note;

use crate::message::{Message, MessageId};

mod outbox;
mod reply;
mod smtp;
mod smtp_url;

pub use outbox::{Outbox, OutboxError};
pub use smtp::{SmtpError, SmtpMailer, SmtpSettings};
pub use smtp_url::{SmtpUrl, SmtpUrlError};

/// The way that letters go out.
#[derive(Debug)]
pub enum Mailer {
    /// To a mail server.
    Smtp(SmtpMailer),
    /// Into a folder, for those who have no mail server.
    Outbox(Outbox),
}

/// What became of an attempt to send a letter. No reason names the recipient: reasons stand in the log in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The letter was taken.
    Taken,
    /// Surely not taken; a later attempt may go better.
    Deferred(Note),
    /// Not taken, and no later attempt will go better.
    Refused(Note),
    /// Nobody knows: the letter was handed over, and no answer came.
    Unknown(Note),
}

impl Mailer {
    /// What becomes of the message. Within a bound of time.
    pub async fn send(&self, message: &Message) -> Delivery {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await,
            Self::Outbox(outbox) => outbox.send(message).await,
        }
    }

    /// The longest that [`Mailer::send`] to a mail server takes. A folder needs no such bound: it can be asked.
    #[must_use]
    pub const fn send_bound(&self) -> Duration {
        match self {
            Self::Smtp(smtp) => smtp.send_timeout(),
            Self::Outbox(_) => Duration::ZERO,
        }
    }

    /// Whether a message with this id was taken, where that can be found out: `None` where it cannot.
    ///
    /// # Errors
    /// Where the outbox cannot be looked into.
    pub async fn has_taken(&self, id: &MessageId) -> Result<Option<bool>, OutboxError> {
        match self {
            // SMTP has no such question.
            Self::Smtp(_) => Ok(None),
            Self::Outbox(outbox) => outbox.holds(id).await.map(Some),
        }
    }
}

/// Characters of a reason; what a mail server says can be long.
const REASON_CHARS_MAX: usize = 300;

/// The reason as a note: on one line, cut at a bound, without control characters.
pub(crate) fn note(reason: &str) -> Note {
    let line: String =
        reason.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(REASON_CHARS_MAX).collect();
    Note::parse(&line).unwrap_or_else(|_| Note::parse("no reason given").expect("the constant is a note"))
}
