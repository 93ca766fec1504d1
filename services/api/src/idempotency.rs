//! `Idempotency-Key`: the same command again is the same command, for ever.
//!
//! The command's id is derived from who stands behind the request, what for and the key; the aggregate's own history is the
//! ledger. The log's actor is what was presented; the caller outlives it, so that a new token under the same advisor or
//! account is the same caller.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use events::values::{Actor, CommandId};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::access::{Caller, Reach};
use crate::problem::{Problem, ProblemType};

/// The header that carries the key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Characters that a key may have.
pub const KEY_CHARS_MAX: usize = 255;

/// Who asks, and under which key: for what must have one.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// Who asks, as the log names them.
    pub actor: Actor,
    /// Whose things they reach.
    pub reach: Reach,
    caller: Actor,
    key: String,
}

/// Who asks, and under which key if there is one: for changes, which `If-Match` protects already.
#[derive(Debug, Clone)]
pub struct MaybeKeyed {
    /// Who asks, as the log names them.
    pub actor: Actor,
    caller: Actor,
    /// Whose things they reach.
    pub reach: Reach,
    key: Option<String>,
}

impl Keyed {
    /// The id of the command that this caller gives with this key. `route` is the method and the path's template;
    /// `ids` are what fills it, and whatever else tells one target from another.
    #[must_use]
    pub fn command(&self, route: &str, ids: &[&str]) -> CommandId {
        command(&self.caller, route, ids, &self.key)
    }
}

impl MaybeKeyed {
    /// As [`Keyed::command`]; without a key, an id that nobody had before.
    #[must_use]
    pub fn command(&self, route: &str, ids: &[&str]) -> CommandId {
        match &self.key {
            Some(key) => command(&self.caller, route, ids, key),
            None => CommandId::new(Uuid::new_v4()),
        }
    }
}

fn command(caller: &Actor, route: &str, ids: &[&str], key: &str) -> CommandId {
    let mut words = Vec::with_capacity(ids.len() + 3);
    words.extend([caller.as_str(), route]);
    words.extend_from_slice(ids);
    words.push(key);
    CommandId::of(&words)
}

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Caller { actor, reach, principal } = Caller::from_request_parts(parts, state).await?;
        let key = parse(&parts.headers)?.ok_or_else(|| Problem::of(ProblemType::IdempotencyKeyMissing))?;
        Ok(Self { actor, reach, caller: principal.caller.clone(), key })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeKeyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Caller { actor, principal, reach, .. } = Caller::from_request_parts(parts, state).await?;
        Ok(Self { actor, caller: principal.caller.clone(), reach, key: parse(&parts.headers)? })
    }
}

/// How the header is described where it must be there.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read by `Keyed`")]
pub struct KeyHeader {
    /// The caller's own name for this request. The same key again gets the first answer again.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "create-growth-1"
    )]
    idempotency_key: String,
}

/// How the header is described where it may be there.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header; the header is read by `MaybeKeyed`")]
pub struct OptionalKeyHeader {
    /// The caller's own name for this request. The same key again gets the first answer again.
    #[param(
        rename = "Idempotency-Key",
        value_type = String,
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "rename-growth-1"
    )]
    idempotency_key: (),
}

fn parse(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let visible = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if values.next().is_none() && (1..=KEY_CHARS_MAX).contains(&key.len()) && visible(key.as_bytes()) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(Problem::of(ProblemType::IdempotencyKeyInvalid)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use events::values::Actor;

    use super::{IDEMPOTENCY_KEY, Keyed, MaybeKeyed, parse};
    use crate::access::Reach;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let name = HeaderName::from_static(IDEMPOTENCY_KEY);
        values.iter().map(|value| (name.clone(), HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn a_key_is_visible_ascii_within_its_bounds_and_stands_once() {
        assert_eq!(parse(&headers(&[])).unwrap(), None);
        assert_eq!(parse(&headers(&[b"a-1"])).unwrap().as_deref(), Some("a-1"));
        assert!(parse(&headers(&["k".repeat(255).as_bytes()])).is_ok());
        for bad in [&[b"".as_slice()][..], &[b"a b"], &[b"\xc3\xa9"], &["k".repeat(256).as_bytes()], &[b"a", b"a"]] {
            assert!(parse(&headers(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_command_is_one_caller_s_one_wish_under_one_key() {
        let keyed = |caller, key: &str| Keyed {
            actor: Actor::parse("admin:whoever").unwrap(),
            reach: Reach::Everybody,
            caller: Actor::parse(caller).unwrap(),
            key: key.to_owned(),
        };
        let first = keyed("admin:1", "k").command("PUT /v1/x/{id}", &["7"]);
        assert_eq!(first, keyed("admin:1", "k").command("PUT /v1/x/{id}", &["7"]));
        for other in [
            keyed("admin:2", "k").command("PUT /v1/x/{id}", &["7"]),
            keyed("admin:1", "l").command("PUT /v1/x/{id}", &["7"]),
            keyed("admin:1", "k").command("PUT /v1/y/{id}", &["7"]),
            keyed("admin:1", "k").command("PUT /v1/x/{id}", &["8"]),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn without_a_key_each_command_is_its_own() {
        let actor = Actor::parse("admin:1").unwrap();
        let unkeyed = MaybeKeyed { caller: actor.clone(), actor, reach: Reach::Everybody, key: None };
        assert_ne!(unkeyed.command("PUT /v1/x/{id}", &["7"]), unkeyed.command("PUT /v1/x/{id}", &["7"]));
    }
}
