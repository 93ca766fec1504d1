//! The cookie of a browser's session, and the word by which its page shows that it meant a request.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest;
use vault::NewSession;

use super::SECRET_CHARS_MAX;

/// The cookie's name. With this prefix a browser takes it only over TLS, for this host alone and all of its paths.
pub const COOKIE: &str = "__Host-insights-session";
/// The header in which a page repeats what the log-in told it.
const CSRF: HeaderName = HeaderName::from_static("insights-csrf");
/// Keeps this use of a session's secret apart from all others.
const CSRF_PURPOSE: &[u8] = b"insights csrf 1";

/// The session's secret in these headers, where they hold it once.
pub fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    let secret = found.next()?;
    (found.next().is_none() && secret.len() <= SECRET_CHARS_MAX).then_some(secret)
}

/// What the page of this session sends with every change.
#[must_use]
pub fn csrf_token(secret: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(CSRF_PURPOSE);
    context.update(secret.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// What the page of the session in these headers sends with every change.
#[must_use]
pub fn csrf_of(headers: &HeaderMap) -> Option<String> {
    session(headers).map(csrf_token)
}

/// Whether the page of this session meant the request: it repeats the session's word.
pub fn is_meant(headers: &HeaderMap, secret: &str) -> bool {
    let mut words = headers.get_all(CSRF).iter();
    let expected = csrf_token(secret);
    // As hashes, so that the time of comparing tells nothing about how near a guess is.
    let hashed = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
    let repeats =
        words.next().is_some_and(|word| hashed(word.as_bytes()).as_ref() == hashed(expected.as_bytes()).as_ref());
    repeats && words.next().is_none()
}

/// The header that has a browser remember the session until its end.
#[must_use]
pub fn remembered(session: &NewSession, now: Timestamp) -> HeaderValue {
    let seconds = session.expires_at.duration_since(now).as_secs().max(0);
    let text = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}", session.secret);
    HeaderValue::try_from(text).expect("a name, a secret in base64 and attributes are visible ASCII")
}

/// The header that has a browser forget its session.
#[must_use]
pub fn forgotten() -> HeaderValue {
    const FORGOTTEN: &str = "__Host-insights-session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
    HeaderValue::from_static(FORGOTTEN)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

    use super::{COOKIE, CSRF, csrf_token, forgotten, is_meant, session};

    fn with(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_session_is_found_among_other_cookies_and_only_once() {
        let one = with(&[(header::COOKIE, "theme=dark; __Host-insights-session=inss_x; a=b")]);
        assert_eq!(session(&one), Some("inss_x"));
        for other in ["", "insights-session=inss_x", "__Host-insights-session", "theme=__Host-insights-session=x"] {
            assert_eq!(session(&with(&[(header::COOKIE, other)])), None, "{other}");
        }
        let twice = with(&[(header::COOKIE, "__Host-insights-session=a; __Host-insights-session=b")]);
        assert_eq!(session(&twice), None);
    }

    #[test]
    fn only_the_page_of_the_session_itself_can_have_meant_a_request() {
        let word = csrf_token("inss_x");
        assert!(is_meant(&with(&[(CSRF, &word)]), "inss_x"));
        assert!(!is_meant(&with(&[(CSRF, &word), (CSRF, &word)]), "inss_x"), "twice is not once");
        assert!(!is_meant(&with(&[(CSRF, &word)]), "inss_y"), "another session's word");
        assert!(!is_meant(&with(&[(CSRF, "inss_x")]), "inss_x"), "the secret itself");
        assert!(!is_meant(&with(&[]), "inss_x"));
    }

    #[test]
    fn forgetting_names_the_cookie_that_was_remembered() {
        assert!(forgotten().to_str().unwrap().starts_with(&format!("{COOKIE}=;")));
    }
}
