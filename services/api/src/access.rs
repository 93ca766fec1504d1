//! Who calls: bearer tokens, looked up in the vault and trusted for a moment.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use events::values::Actor;
use jiff::Timestamp;
use ring::digest;
use vault::{Principal, Vault};

use crate::problem::{Problem, ProblemType};

/// How long a token that was found good is trusted without asking again. A token that is revoked is dead everywhere
/// after this time.
pub const TOKEN_TRUSTED_FOR: Duration = Duration::from_secs(2);
/// Tokens that are remembered at once. Only good ones are, so guessing fills nothing.
const TOKENS_REMEMBERED_MAX: u64 = 10_000;
/// Characters that a presented secret may have.
const SECRET_CHARS_MAX: usize = 200;

/// The look-up of tokens.
#[derive(Clone)]
pub struct Tokens {
    vault: Vault,
    clock: fn() -> Timestamp,
    // By hash: a dump of this process's memory should not hold more secrets than it must.
    good: moka::future::Cache<[u8; 32], Arc<Principal>>,
}

impl Tokens {
    /// The look-up in this vault.
    #[must_use]
    pub fn new(vault: Vault, clock: fn() -> Timestamp) -> Self {
        let good =
            moka::future::Cache::builder().max_capacity(TOKENS_REMEMBERED_MAX).time_to_live(TOKEN_TRUSTED_FOR).build();
        Self { vault, clock, good }
    }

    /// Who presents the token in these headers.
    ///
    /// # Errors
    /// `unauthenticated` where there is no token or it is not good; `database-unavailable` where that cannot be told.
    pub async fn principal(&self, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
        let secret = bearer(headers).ok_or_else(|| Problem::of(ProblemType::Unauthenticated))?;
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        if let Some(principal) = self.good.get(&key).await {
            return Ok(principal);
        }
        // Callers with one token wait for one look-up, not for one each.
        let looked_up = self.good.try_get_with(key, async {
            match self.vault.authenticate(secret, (self.clock)()).await {
                Ok(Some(principal)) => Ok(Arc::new(principal)),
                Ok(None) => Err(Problem::of(ProblemType::Unauthenticated)),
                Err(error) => Err(error.into()),
            }
        });
        looked_up.await.map_err(|problem| (*problem).clone())
    }
}

/// The token in `Authorization: Bearer <token>`, where that header stands once and is well-formed.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, secret) = values.next()?.to_str().ok()?.split_once(' ')?;
    let well_formed = secret.len() <= SECRET_CHARS_MAX && secret.bytes().all(|b| b.is_ascii_graphic());
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer") && well_formed).then_some(secret)
}

/// Who gives a command, as the log names them. Comes from the token, never from the body.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their name in the log.
    pub actor: Actor,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The guard has put it there before any handler runs; without it nobody may do anything.
        let principal = parts.extensions.get::<Arc<Principal>>();
        let principal = principal.ok_or_else(|| Problem::of(ProblemType::Unauthenticated))?;
        Ok(Self { actor: principal.actor.clone() })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::bearer;

    #[test]
    fn only_one_well_formed_bearer_token_is_taken() {
        let with = |values: &[&str]| -> HeaderMap {
            values.iter().map(|v| (header::AUTHORIZATION, HeaderValue::from_str(v).unwrap())).collect()
        };
        assert_eq!(bearer(&with(&["Bearer ins_x"])), Some("ins_x"));
        assert_eq!(bearer(&with(&["bearer ins_x"])), Some("ins_x"));
        for bad in [&[][..], &["ins_x"], &["Basic ins_x"], &["Bearer ins x"], &["Bearer ins_x", "Bearer ins_x"]] {
            assert_eq!(bearer(&with(bad)), None, "{bad:?}");
        }
    }
}
