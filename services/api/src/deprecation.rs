//! What is going away: an operation that the document calls deprecated says so in every answer, with `Deprecation`
//! (RFC 9745) and `Sunset` (RFC 8594).
//!
//! Such an operation carries two dates beside `deprecated`, in RFC 3339: `x-deprecated-at`, since when nobody new should
//! call it, and `x-sunset-at`, before which it does not go away.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{Timestamp, tz};
use serde_json::Value;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");
/// The document's names of the two dates.
const DEPRECATED_AT: &str = "x-deprecated-at";
const SUNSET_AT: &str = "x-sunset-at";

/// How long an operation is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    since: HeaderValue,
    until: HeaderValue,
}

impl Deprecation {
    /// What the document says of this operation: `None` where it is there to stay, an error where it goes away and does
    /// not say when.
    ///
    /// # Errors
    /// The name of the date that is missing or none.
    pub fn of(operation: &Value) -> Result<Option<Self>, &'static str> {
        if operation["deprecated"] != true {
            return Ok(None);
        }
        let date = |name: &'static str| -> Result<Timestamp, &'static str> {
            operation[name].as_str().and_then(|text| text.parse().ok()).ok_or(name)
        };
        let (since, until) = (date(DEPRECATED_AT)?, date(SUNSET_AT)?);
        let until = until.to_zoned(tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let visible = |text| HeaderValue::try_from(text).expect("a date is visible ASCII");
        Ok(Some(Self { since: visible(format!("@{}", since.as_second())), until: visible(until) }))
    }

    /// Tells the caller.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(DEPRECATION, self.since.clone());
        headers.insert(SUNSET, self.until.clone());
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use serde_json::json;

    use super::Deprecation;

    #[test]
    fn what_goes_away_says_since_when_and_until_when() {
        let operation = json!({
            "deprecated": true, "x-deprecated-at": "2026-11-22T00:00:00Z", "x-sunset-at": "2027-11-22T12:30:00Z",
        });
        let mut headers = HeaderMap::new();
        Deprecation::of(&operation).unwrap().unwrap().tell(&mut headers);
        assert_eq!(headers["deprecation"], "@1795305600");
        assert_eq!(headers["sunset"], "Mon, 22 Nov 2027 12:30:00 GMT");
    }

    #[test]
    fn what_stays_says_nothing_and_what_goes_must_say_when() {
        assert_eq!(Deprecation::of(&json!({})), Ok(None));
        assert_eq!(Deprecation::of(&json!({"deprecated": false})), Ok(None));
        assert_eq!(Deprecation::of(&json!({"deprecated": true})), Err("x-deprecated-at"));
        let without_end = json!({"deprecated": true, "x-deprecated-at": "2026-11-22T00:00:00Z"});
        assert_eq!(Deprecation::of(&without_end), Err("x-sunset-at"));
    }
}
