//! A cookie and a crumb, for who wants to ask with them. Charts are given without, so this is off unless it is wanted.

use reqwest::header;
use url::Url;

use crate::source::SourceError;

/// Where the cookie is given, whatever else is answered there.
const COOKIE_URL: &str = "https://fc.yahoo.com/";
/// Characters that a crumb may have.
const CRUMB_CHARS_MAX: usize = 64;

/// What is sent along with each question.
#[derive(Debug, Clone)]
pub struct Crumb {
    pub cookie: String,
    pub crumb: String,
}

/// A fresh crumb. `base` is Yahoo, or what stands in for it: then it gives the cookie, too.
pub async fn fetch(http: &reqwest::Client, base: &Url) -> Result<Crumb, SourceError> {
    let unavailable = |error: reqwest::Error| SourceError::Unavailable(error.to_string());
    let is_yahoo = base.host_str().is_some_and(|host| host.ends_with(".yahoo.com"));
    let cookie_url = if is_yahoo { Url::parse(COOKIE_URL).ok() } else { base.join("/cookie").ok() };
    let cookie_url = cookie_url.ok_or_else(|| SourceError::Unavailable("no address gives cookies".to_owned()))?;
    let answer = http.get(cookie_url).send().await.map_err(unavailable)?;
    let cookies = answer.headers().get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let cookie = cookies.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ");
    let crumb_url = base.join("/v1/test/getcrumb").map_err(|error| SourceError::Unavailable(error.to_string()))?;
    let answer = http.get(crumb_url).header(header::COOKIE, &cookie).send().await.map_err(unavailable)?;
    let status = answer.status();
    let crumb = answer.text().await.map_err(unavailable)?;
    let is_crumb = status.is_success()
        && (1..=CRUMB_CHARS_MAX).contains(&crumb.len())
        && crumb.chars().all(|c| c.is_ascii_graphic() && c != '<');
    if is_crumb { Ok(Crumb { cookie, crumb }) } else { Err(SourceError::Unavailable("it gives no crumb".to_owned())) }
}
