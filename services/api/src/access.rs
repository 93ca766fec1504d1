//! Who calls, and what they reach: credentials looked up in the vault, and what handlers are told of the caller.

mod cookie;
mod door;
mod lease;
mod peer;
pub mod quota;
mod site;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use events::advisor::{Advisor, Standing};
use events::values::{Actor, AdvisorId};
use jiff::Timestamp;
use journal::Journal;
use ring::digest;
use vault::{Principal, Role, SecretKind, Vault};

use crate::problem::{Problem, ProblemType};

pub use self::cookie::{COOKIE, csrf_of, csrf_token, forgotten, remembered};
pub use self::door::Door;
use self::lease::Lease;
pub use self::lease::settled;
pub use self::peer::Peer;

/// Callers that are remembered at once. Only good ones are, so guessing fills nothing.
const CALLERS_REMEMBERED_MAX: u64 = 10_000;
/// How long a caller is remembered where no epoch ends it. Whether an advisor may act stands in the log, and a process
/// that dies between suspending one and beginning an epoch leaves them in for so long.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);
/// Characters that a presented secret may have.
const SECRET_CHARS_MAX: usize = 200;

/// The look-up of callers.
#[derive(Clone)]
pub struct Callers {
    vault: Vault,
    journal: Journal,
    clock: fn() -> Timestamp,
    origins: Arc<[HeaderValue]>,
    lease: Arc<Lease>,
    // By hash: a dump of this process's memory should not hold more secrets than it must.
    good: moka::future::Cache<[u8; 32], Remembered>,
}

/// A caller who was found good, and in which epoch.
#[derive(Clone)]
struct Remembered {
    principal: Arc<Principal>,
    epoch: i64,
}

impl Remembered {
    fn is_good(&self, epoch: i64, now: Timestamp) -> bool {
        self.epoch == epoch && self.principal.expires_at > now
    }
}

impl Callers {
    /// The look-up in this vault. Pages of these origins are taken for the service's own, as far as `Origin` goes.
    #[must_use]
    pub fn new(vault: Vault, journal: Journal, clock: fn() -> Timestamp, origins: &[HeaderValue]) -> Self {
        let good = moka::future::Cache::builder().max_capacity(CALLERS_REMEMBERED_MAX);
        let good = good.time_to_live(REMEMBERED_FOR).build();
        Self { lease: Arc::new(Lease::new(vault.clone())), vault, journal, clock, origins: origins.into(), good }
    }

    /// Who presents the credential in these headers, for a request of this method.
    ///
    /// # Errors
    /// `unauthenticated` where there is none or it is not good, or where a page of another site wants to read by a cookie;
    /// `csrf-token-missing` where a browser does not show that our own page meant a change; `database-unavailable` where that cannot be told.
    pub async fn principal(&self, method: &Method, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
        let unauthenticated = || Problem::of(ProblemType::Unauthenticated);
        if headers.contains_key(header::AUTHORIZATION) {
            let secret = bearer(headers).ok_or_else(unauthenticated)?;
            return self.look_up(secret, false).await;
        }
        let is_foreign = site::is_another(headers, &self.origins);
        // A page of another site reads as if the browser had no cookie.
        let taken = cookie::session(headers).filter(|_| !(is_foreign && method.is_safe()));
        let secret = taken.ok_or_else(unauthenticated)?;
        let principal = self.look_up(secret, true).await?;
        // Only who can read our answers knows the word; a foreign page can send the cookie and read nothing.
        if !method.is_safe() && (is_foreign || !cookie::is_meant(headers, secret)) {
            return Err(Problem::of(ProblemType::CsrfTokenMissing));
        }
        Ok(principal)
    }

    async fn look_up(&self, secret: &str, is_session: bool) -> Result<Arc<Principal>, Problem> {
        // One kind never passes for the other, remembered or not.
        if SecretKind::Session.is_spelt(secret) != is_session {
            return Err(Problem::of(ProblemType::Unauthenticated));
        }
        let (epoch, now) = (self.lease.epoch().await?, (self.clock)());
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        if let Some(found) = self.good.get(&key).await {
            if found.is_good(epoch, now) {
                return Ok(found.principal);
            }
            self.good.invalidate(&key).await;
        }
        // Boxed: the question is seldom asked, and every request would move what it needs.
        Box::pin(self.look_up_in_vault(key, secret, is_session, epoch, now)).await
    }

    async fn look_up_in_vault(
        &self,
        key: [u8; 32],
        secret: &str,
        is_session: bool,
        epoch: i64,
        now: Timestamp,
    ) -> Result<Arc<Principal>, Problem> {
        // Callers with one secret wait for one look-up, not for one each.
        let found = self.good.try_get_with(key, async {
            // The epoch was read before the look-up: what ended since then has begun a later one.
            self.ask_vault(secret, is_session, now).await.map(|principal| Remembered { principal, epoch })
        });
        let found = found.await.map_err(|problem| (*problem).clone())?;
        if found.is_good(epoch, now) {
            return Ok(found.principal);
        }
        // A look-up that another began in an earlier epoch is no word on this one.
        self.ask_vault(secret, is_session, now).await
    }

    async fn ask_vault(&self, secret: &str, is_session: bool, now: Timestamp) -> Result<Arc<Principal>, Problem> {
        let found = if is_session {
            self.vault.authenticate_session(secret, now).await?
        } else {
            self.vault.authenticate(secret, now).await?
        };
        let unauthenticated = || Problem::of(ProblemType::Unauthenticated);
        let principal = found.ok_or_else(unauthenticated)?;
        if let Role::Advisor(id) = principal.role {
            match self.journal.state::<Advisor>(&id).await?.state {
                Advisor::Registered { standing: Standing::Active, .. } => {}
                Advisor::Registered { .. } | Advisor::Unknown => return Err(unauthenticated()),
            }
        }
        Ok(Arc::new(principal))
    }
}

/// The token in `Authorization: Bearer <token>`, where that header stands once and is well-formed.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, secret) = values.next()?.to_str().ok()?.split_once(' ')?;
    let well_formed = secret.len() <= SECRET_CHARS_MAX && secret.bytes().all(|b| b.is_ascii_graphic());
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer") && well_formed).then_some(secret)
}

/// Whose clients, portfolios and recommendations a caller reaches. What is beyond is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's.
    Everybody,
    /// This advisor's.
    Only(AdvisorId),
}

impl Reach {
    /// What this role reaches.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Admin | Role::Compliance => Self::Everybody,
            Role::Advisor(id) => Self::Only(id),
        }
    }

    /// Whether it reaches what is this advisor's.
    #[must_use]
    pub fn covers(self, advisor: AdvisorId) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(own) => own == advisor,
        }
    }

    /// Whose things a list shows that was asked for those of one advisor or for all; `None` where there are none to show.
    #[must_use]
    pub fn narrowed(self, asked: Option<AdvisorId>) -> Option<Option<AdvisorId>> {
        match (self, asked) {
            (Self::Everybody, asked) => Some(asked),
            (Self::Only(own), None) => Some(Some(own)),
            (Self::Only(own), Some(asked)) => (own == asked).then_some(Some(own)),
        }
    }
}

/// Who calls, for handlers. Comes from the credential, never from the body.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Their name in the log.
    pub actor: Actor,
    /// Whose things they reach.
    pub reach: Reach,
    /// All that is known of them.
    pub principal: Arc<Principal>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The guard has put it there before any handler runs; without it nobody may do anything.
        let principal = parts.extensions.get::<Arc<Principal>>();
        let principal = Arc::clone(principal.ok_or_else(|| Problem::of(ProblemType::Unauthenticated))?);
        Ok(Self { actor: principal.actor.clone(), reach: Reach::of(principal.role), principal })
    }
}

impl<S: Sync> FromRequestParts<S> for Reach {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Caller::from_request_parts(parts, state).await?.reach)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use events::values::AdvisorId;
    use uuid::Uuid;

    use super::{Reach, bearer};

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

    #[test]
    fn an_advisor_reaches_their_own_and_nothing_else() {
        let [ana, rui] = [1, 2].map(|n| AdvisorId::new(Uuid::from_u128(n)));
        assert!(Reach::Only(ana).covers(ana) && !Reach::Only(ana).covers(rui) && Reach::Everybody.covers(rui));
        assert_eq!(Reach::Everybody.narrowed(None), Some(None));
        assert_eq!(Reach::Everybody.narrowed(Some(rui)), Some(Some(rui)));
        assert_eq!(Reach::Only(ana).narrowed(None), Some(Some(ana)));
        assert_eq!(Reach::Only(ana).narrowed(Some(ana)), Some(Some(ana)));
        assert_eq!(Reach::Only(ana).narrowed(Some(rui)), None);
    }
}
