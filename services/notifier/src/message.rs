//! The letter as mail systems carry it: headers, and both bodies in base64.
//!
//! Everything in a header was parsed before it came here. It is looked at once more all the same, since what an old
//! history holds may be older than today's rules: a value with a control character makes no message at all. Bodies are
//! always base64, so nothing in a text can end a line, a part or the message.

use std::fmt;

use events::values::{EmailAddress, Name, RecommendationId};
use jiff::Timestamp;
use lettre::address::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use crate::letter::Letter;

/// Who letters come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name that clients see.
    pub name: Name,
    /// The address.
    pub address: EmailAddress,
}

impl Sender {
    /// The sender that the text names: `Casa Verde <letters@casaverde.example>`.
    ///
    /// # Errors
    /// Where the text is not of this form, or its parts are no name and no address.
    pub fn parse(text: &str) -> Result<Self, SenderError> {
        let (name, rest) = text.rsplit_once('<').ok_or(SenderError::Form)?;
        let address = rest.trim_end().strip_suffix('>').ok_or(SenderError::Form)?;
        Ok(Self { name: Name::parse(name)?, address: EmailAddress::parse(address)? })
    }
}

/// Why a text names no sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// It is not of the form.
    #[error("a sender is given as `Name <address>`")]
    Form,
    /// What stands before the address is no name.
    #[error("the sender's name cannot be used: {0}")]
    Name(#[from] events::values::TextError),
    /// What stands between the brackets is no address.
    #[error("the sender's address cannot be used: {0}")]
    Address(#[from] events::values::EmailAddressError),
}

/// The id of a recommendation's letter, without angle brackets: the same for each attempt to send it, so that a letter
/// that was sent twice can be counted as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// The id of this recommendation's letter from this sender.
    #[must_use]
    pub fn of(recommendation: RecommendationId, sender: &Sender) -> Self {
        let (_, domain) = domain_of(&sender.address);
        Self(format!("{recommendation}@{domain}"))
    }

    /// The id: letters, digits, `-`, `.` and one `@`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A letter to one recipient, ready to be sent. Its `Debug` shows its id only.
#[derive(Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The envelope's sender.
    pub(crate) from: Address,
    /// The envelope's one recipient.
    pub(crate) to: Address,
    /// Headers and body, with CRLF at the ends of lines, all ASCII.
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The letter as a message from the sender to one recipient.
///
/// # Errors
/// Where a value cannot stand in a header or an address cannot be used.
pub fn message(
    id: MessageId,
    sender: &Sender,
    to_name: &Name,
    to: &EmailAddress,
    letter: &Letter,
    at: Timestamp,
) -> Result<Message, MessageError> {
    for (header, value) in [
        ("Message-ID", id.as_str()),
        ("From", sender.name.as_str()),
        ("From", sender.address.expose()),
        ("To", to_name.as_str()),
        ("To", to.expose()),
        ("Subject", &letter.subject),
    ] {
        if value.chars().any(char::is_control) {
            return Err(MessageError::ControlCharacter(header));
        }
    }
    let from = address("From", &sender.address)?;
    let to = address("To", to)?;
    let built = lettre::Message::builder()
        .message_id(Some(format!("<{id}>")))
        .date(at.into())
        .from(Mailbox::new(Some(sender.name.as_str().to_owned()), from.clone()))
        .to(Mailbox::new(Some(to_name.as_str().to_owned()), to.clone()))
        .subject(&letter.subject)
        // No machine is to answer: RFC 3834.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(
            // The boundary need not be random: base64 has no hyphen, so no body can hold it.
            MultiPart::alternative()
                .boundary(format!("--letter-{}", id.as_str().split('@').next().unwrap_or_default()))
                .singlepart(part(ContentType::TEXT_PLAIN, &letter.text)?)
                .singlepart(part(ContentType::TEXT_HTML, &letter.html)?),
        )
        .map_err(|error| MessageError::Build(error.to_string()))?;
    Ok(Message { id, from, to, bytes: built.formatted() })
}

fn part(content_type: ContentType, text: &str) -> Result<SinglePart, MessageError> {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::Base64)
        .map_err(|_| MessageError::Build("a body is not taken as base64".to_owned()))?;
    Ok(SinglePart::builder().header(content_type).body(body))
}

fn domain_of(address: &EmailAddress) -> (&str, &str) {
    // An address has an `@`: it was parsed.
    address.expose().rsplit_once('@').unwrap_or((address.expose(), ""))
}

fn address(header: &'static str, address: &EmailAddress) -> Result<Address, MessageError> {
    let (local, domain) = domain_of(address);
    Address::new(local, domain).map_err(|_| MessageError::Address(header))
}

/// Why a letter cannot be sent as a message. Says nothing of who it is to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A header's value holds a control character.
    #[error("a value for the header {0} holds a control character")]
    ControlCharacter(&'static str),
    /// An address cannot be used.
    #[error("the address for the header {0} cannot be used")]
    Address(&'static str),
    /// The message cannot be put together.
    #[error("the message cannot be put together: {0}")]
    Build(String),
}

#[cfg(test)]
mod tests;
