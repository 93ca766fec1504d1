//! A mail server's address in one line: `smtp://user:password@host:port`.

use std::fmt;
use std::net::IpAddr;

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use url::Url;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// `smtp://`: in clear until STARTTLS, without which nothing is said.
    StartTls,
    /// `smtps://`: TLS from the first byte.
    Tls,
    /// `smtp+plain://`: none. To this machine only.
    None,
}

/// A mail server and how to log in there. Its `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    pub(super) protection: Protection,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) credentials: Option<Credentials>,
}

impl SmtpUrl {
    /// The server that the URL names.
    ///
    /// `smtp://` asks for STARTTLS (port 587 unless given), `smtps://` is TLS from the start (465), `smtp+plain://` is
    /// without (25) and only to a loopback address.
    ///
    /// # Errors
    /// Where the URL is of another form. No error repeats the URL, for it may hold a password.
    pub fn parse(text: &str) -> Result<Self, SmtpUrlError> {
        let url = Url::parse(text).map_err(SmtpUrlError::Unreadable)?;
        let (protection, default_port) = match url.scheme() {
            "smtp" => (Protection::StartTls, 587),
            "smtps" => (Protection::Tls, 465),
            "smtp+plain" => (Protection::None, 25),
            other => return Err(SmtpUrlError::Scheme(other.to_owned())),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SmtpUrlError::NoHost)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if protection == Protection::None && !is_loopback(&host) {
            return Err(SmtpUrlError::PlainToAnotherMachine);
        }
        let only_tls = url.query_pairs().all(|(key, value)| key == "tls" && value == "required");
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() || !only_tls {
            return Err(SmtpUrlError::Rest);
        }
        let decoded = |part: &str| {
            percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| SmtpUrlError::Login)
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some(Credentials::new(decoded(user)?, decoded(password)?)),
            _ => return Err(SmtpUrlError::Login),
        };
        Ok(Self { protection, host, port: url.port().unwrap_or(default_port), credentials })
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = if self.credentials.is_some() { "***@" } else { "" };
        write!(f, "SmtpUrl({:?} {login}{}:{})", self.protection, self.host, self.port)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Why a URL names no mail server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpUrlError {
    /// It is no URL.
    #[error("the mail server's URL cannot be read: {0}")]
    Unreadable(url::ParseError),
    /// Another scheme.
    #[error("`{0}` is no scheme of a mail server: smtp, smtps, or smtp+plain to this machine")]
    Scheme(String),
    /// No host.
    #[error("the mail server's URL names no host")]
    NoHost,
    /// Letters would cross a network in clear.
    #[error("smtp+plain is for this machine only: letters name people and must not cross a network in clear")]
    PlainToAnotherMachine,
    /// A user without a password, a password without a user, or one that is no text.
    #[error("the mail server's URL needs a user and a password, or neither, percent-encoded")]
    Login,
    /// A path, a query or a fragment.
    #[error("the mail server's URL ends after the port; `?tls=required` may follow")]
    Rest,
}

#[cfg(test)]
mod tests {
    use super::{Protection, SmtpUrl, SmtpUrlError};

    #[test]
    fn tls_is_asked_for_unless_the_server_is_on_this_machine_and_the_scheme_says_so() {
        let parse = |text| SmtpUrl::parse(text).map(|url| (url.protection, url.host, url.port));
        let host = || "mail.example.com".to_owned();
        assert_eq!(parse("smtp://mail.example.com"), Ok((Protection::StartTls, host(), 587)));
        assert_eq!(parse("smtp://mail.example.com:25?tls=required"), Ok((Protection::StartTls, host(), 25)));
        assert_eq!(parse("smtps://mail.example.com/"), Ok((Protection::Tls, host(), 465)));
        assert_eq!(parse("smtp+plain://127.0.0.1:2525"), Ok((Protection::None, "127.0.0.1".to_owned(), 2525)));
        assert_eq!(parse("smtp+plain://[::1]:2525"), Ok((Protection::None, "::1".to_owned(), 2525)));
        assert_eq!(parse("smtp+plain://mail.example.com"), Err(SmtpUrlError::PlainToAnotherMachine));
        assert_eq!(parse("smtp+plain://localhost.example.com"), Err(SmtpUrlError::PlainToAnotherMachine));
    }

    #[test]
    fn a_login_is_percent_decoded_and_never_shown() {
        let url = SmtpUrl::parse("smtp://us%40er:p%2Bss%3Aw@mail.example.com").unwrap();
        let expected = lettre::transport::smtp::authentication::Credentials::new("us@er".into(), "p+ss:w".into());
        assert_eq!(url.credentials, Some(expected));
        let shown = format!("{url:?}");
        assert!(!shown.contains("p+ss") && !shown.contains("us@er"), "{shown}");
    }

    #[test]
    fn other_forms_are_refused_without_repeating_them() {
        for text in [
            "mail.example.com",
            "http://mail.example.com",
            "smtp://:secret@mail.example.com",
            "smtp://user@mail.example.com",
            "smtp://user:secret@mail.example.com/path",
            "smtp://user:secret@mail.example.com?tls=none",
            "smtp://user:secret@mail.example.com?timeout=1",
            "smtp://user:secret@mail.example.com#x",
            "smtp://user:secret@:25",
        ] {
            let error = SmtpUrl::parse(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
