//! What mail systems get.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::values::{CommandId, EmailAddress, Name, RecommendationId};
use proptest::prelude::{any, prop_assert_eq, proptest};

use super::{Message, MessageError, MessageId, Sender, SenderError, message};
use crate::letter::Letter;

/// The headers of every letter, and no others.
const HEADERS: [&str; 8] =
    ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"];

fn sender() -> Sender {
    Sender::parse("Casa Verde <letters@casaverde.example>").unwrap()
}

fn recommendation() -> RecommendationId {
    RecommendationId::created_by(CommandId::of(&["a letter"]))
}

fn built(to_name: &Name, letter: &Letter) -> Result<Message, MessageError> {
    let sender = sender();
    let to = EmailAddress::parse("jose@example.com").unwrap();
    let at = "2026-03-04T05:06:07Z".parse().unwrap();
    message(MessageId::of(recommendation(), &sender), &sender, to_name, &to, letter, at)
}

fn letter(subject: &str, text: &str, html: &str) -> Letter {
    Letter { subject: subject.to_owned(), text: text.to_owned(), html: html.to_owned() }
}

/// Names and values of the headers, unfolded.
fn headers(bytes: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (headers, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded
        .split("\r\n")
        .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap())
        .collect()
}

fn names(headers: &[(String, String)]) -> Vec<&str> {
    headers.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_message_as_it_crosses_the_wire() {
    let message = built(&Name::parse("José da Silva").unwrap(), &letter("Grüße", "Olá,\n.\nfim", "<p>Olá</p>"));
    let bytes = message.unwrap().bytes;
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap().replace("\r\n", "\n"));
}

#[test]
fn a_letter_keeps_its_id_and_another_letter_has_another() {
    let (first, again) = (MessageId::of(recommendation(), &sender()), MessageId::of(recommendation(), &sender()));
    assert_eq!(first, again);
    assert_eq!(first.as_str(), format!("{}@casaverde.example", recommendation()));
    let other = RecommendationId::created_by(CommandId::of(&["another letter"]));
    assert_ne!(MessageId::of(other, &sender()), first);
}

#[test]
fn a_control_character_in_any_header_makes_no_message() {
    for subject in ["a\r\nBcc: eve@example.com", "a\nb", "a\u{0}", "a\u{85}b", "\r"] {
        let refused = built(&Name::parse("José").unwrap(), &letter(subject, "t", "h"));
        assert_eq!(refused.err(), Some(MessageError::ControlCharacter("Subject")), "{subject:?}");
    }
}

#[test]
fn bodies_are_base64_and_cannot_end_the_message() {
    let text = "one\r\n.\r\nMAIL FROM:<eve@example.com>\r\n----letter\r\nFrom eve\n";
    let bytes = built(&Name::parse("José").unwrap(), &letter("s", text, text)).unwrap().bytes;
    let wire = std::str::from_utf8(&bytes).unwrap();
    assert_eq!(wire.matches("Content-Transfer-Encoding: base64\r\n").count(), 2);
    assert!(wire.is_ascii() && !wire.contains("MAIL FROM"));
    assert!(wire.split("\r\n").all(|line| line.len() <= 998 && line != "."), "RFC 5322's longest line");
    let encoded = wire.split("base64\r\n\r\n").nth(1).unwrap().split("\r\n--").next().unwrap();
    let decoded = STANDARD.decode(encoded.replace("\r\n", "")).unwrap();
    assert!(decoded.starts_with(b"one\r\n.\r\nMAIL FROM"));
}

#[test]
fn names_with_marks_and_letters_of_mail_headers_stay_one_recipient() {
    for odd in ["Silva, José", "a <eve@example.com>", "\"quoted\" \\ back", "x;y:z", "=?utf-8?b?QQ==?=", "日本 太郎"]
    {
        let built = built(&Name::parse(odd).unwrap(), &letter("s", "t", "h")).unwrap();
        let headers = headers(&built.bytes);
        assert_eq!(names(&headers), HEADERS, "{odd}");
        let to = &headers.iter().find(|(name, _)| name == "To").unwrap().1;
        assert!(to.ends_with("<jose@example.com>"), "{to}");
        assert!(!to.contains("<eve@example.com>") || to.starts_with('"'), "{to}");
        assert_eq!(built.to.to_string(), "jose@example.com", "the envelope has one recipient");
    }
}

#[test]
fn a_sender_is_a_name_and_an_address() {
    assert_eq!(sender().name.as_str(), "Casa Verde");
    assert_eq!(Sender::parse("letters@casaverde.example"), Err(SenderError::Form));
    assert!(matches!(Sender::parse("<letters@casaverde.example>"), Err(SenderError::Name(_))));
    assert!(matches!(Sender::parse("A\nB <a@b.example>"), Err(SenderError::Name(_))));
    assert!(matches!(Sender::parse("Casa <a@b.example\r\nBcc: c@d.example>"), Err(SenderError::Address(_))));
}

proptest! {
    #[test]
    fn no_text_adds_a_header(name in any::<String>(), subject in any::<String>(), text in any::<String>()) {
        let Ok(name) = Name::parse(&name) else { return Ok(()) };
        let Ok(message) = built(&name, &letter(&subject, &text, &text)) else { return Ok(()) };
        let headers = headers(&message.bytes);
        prop_assert_eq!(names(&headers), HEADERS);
    }
}
