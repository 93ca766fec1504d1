//! E-mail addresses that a letter can be sent to.

use std::fmt;

/// Characters that an address may have (RFC 5321, 4.5.3.1.3 less the angle brackets).
pub const EMAIL_ADDRESS_CHARS_MAX: usize = 254;
const LOCAL_CHARS_MAX: usize = 64;

/// An address with an unquoted local part and a domain of letters, digits, dots and hyphens.
///
/// It has no `Display` and its `Debug` masks it: an address is personal data and must not reach a log by chance.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address that the text spells, its domain in lower case.
    ///
    /// # Errors
    /// Where the text is not of the form above. Quoted local parts, comments and addresses outside ASCII are refused:
    /// they are legal, hardly used, and a way to smuggle headers.
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError::NoAt)?;
        if text.len() > EMAIL_ADDRESS_CHARS_MAX || local.len() > LOCAL_CHARS_MAX {
            return Err(EmailAddressError::TooLong);
        }
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
        if !local.split('.').all(|part| !part.is_empty() && part.chars().all(atom)) {
            return Err(EmailAddressError::LocalPart);
        }
        let label = |part: &str| {
            (1..=63).contains(&part.len())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        if !domain.contains('.') || !domain.split('.').all(label) {
            return Err(EmailAddressError::Domain);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The address. Whoever calls this takes care where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

/// Why a text is no address. Says what is wrong without repeating the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    /// There is no `@`.
    #[error("an e-mail address has an `@`")]
    NoAt,
    /// Longer than mail systems take.
    #[error(
        "the e-mail address is longer than {EMAIL_ADDRESS_CHARS_MAX} characters, or its local part than {LOCAL_CHARS_MAX}"
    )]
    TooLong,
    /// What stands before the `@`.
    #[error("the part before the `@` is empty or has a character that is not allowed there")]
    LocalPart,
    /// What stands behind the `@`.
    #[error("the part behind the `@` is not a domain name")]
    Domain,
}

#[cfg(test)]
mod tests {
    use super::{EmailAddress, EmailAddressError};

    #[test]
    fn usual_addresses_are_taken() {
        assert_eq!(EmailAddress::parse("ana.souza+fund@Example.COM").unwrap().expose(), "ana.souza+fund@example.com");
    }

    #[test]
    fn smuggled_headers_and_rubbish_are_refused() {
        for (text, why) in [
            ("ana", EmailAddressError::NoAt),
            ("@example.com", EmailAddressError::LocalPart),
            ("a..b@example.com", EmailAddressError::LocalPart),
            ("a\r\nBcc: b@example.com", EmailAddressError::LocalPart),
            ("\"a b\"@example.com", EmailAddressError::LocalPart),
            ("a@b@example.com", EmailAddressError::LocalPart),
            ("a@localhost", EmailAddressError::Domain),
            ("a@example.com>", EmailAddressError::Domain),
            ("a@-example.com", EmailAddressError::Domain),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn debugging_does_not_show_an_address() {
        let address = EmailAddress::parse("ana@example.com").unwrap();
        assert!(!format!("{address:?}").contains("ana"));
    }
}
