//! What a mail server's refusal says, in words that name nobody.
//!
//! Servers like to repeat the recipient's address in their answers, and reasons stand in the log in clear. So only the
//! numbers are kept: the reply code, and the enhanced code of RFC 3463 with its meaning.

use lettre::transport::smtp::Error;

/// The reason in words: `the recipient was refused: 550 5.1.1 (address)`.
pub(super) fn reason(step: &str, error: &Error) -> String {
    match error.status() {
        Some(code) => {
            let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            match enhanced(&text) {
                Some(status) => format!("{step}: {code} {status}{}", meaning(status)),
                None => format!("{step}: {code}"),
            }
        }
        None if error.is_response() => format!("{step}: the connection ended, or the answer was no answer"),
        // Of the own making or of the system's: a certificate, a name, a connection. The mail server has no say in it.
        None => format!("{step}: {error}"),
    }
}

/// The enhanced status code at the beginning of a reply's text: `5.1.1`.
fn enhanced(text: &str) -> Option<&str> {
    let word = text.split_whitespace().next()?;
    let mut parts = word.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (matches!(class, "4" | "5") && number(subject) && number(detail) && parts.next().is_none()).then_some(word)
}

/// What the second number of an enhanced status code is about: RFC 3463, section 3.
fn meaning(status: &str) -> &'static str {
    match status.split('.').nth(1) {
        Some("1") => " (address)",
        Some("2") => " (mailbox)",
        Some("3") => " (mail system)",
        Some("4") => " (network or routing)",
        Some("5") => " (protocol)",
        Some("6") => " (content)",
        Some("7") => " (security or policy)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{enhanced, meaning};

    #[test]
    fn only_a_status_code_is_taken_from_an_answer() {
        assert_eq!(enhanced("5.1.1 <ana@example.com>: nobody here"), Some("5.1.1"));
        assert_eq!(enhanced("4.7.1 greylisted"), Some("4.7.1"));
        for other in ["", "ana@example.com", "<ana.b.c> 5.1.1", "5.1", "5.1.1.ana", "2.0.0 ok", "5.a.1", "5.1.1234"] {
            assert_eq!(enhanced(other), None, "{other}");
        }
    }

    #[test]
    fn a_status_code_says_what_it_is_about() {
        assert_eq!(meaning("5.1.1"), " (address)");
        assert_eq!(meaning("5.0.0"), "");
    }
}
