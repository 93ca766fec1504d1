//! The door: logging in, with as much work for a stranger as for who has an account.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OnceCell, Semaphore};
use uuid::Uuid;
use vault::{Attempt, PasswordHash, PasswordRejection, StoredPassword, Vault};

use super::peer::Peer;
use super::quota::{Quota, seconds};
use crate::limits::Limits;
use crate::problem::{Problem, ProblemType};

/// Passwords that are hashed at once: each takes a core and 19 MiB.
const HASHED_AT_ONCE: usize = 2;
/// Passwords that wait to be hashed; more are refused at once.
const WAITING_MAX: usize = 32;
/// The window of the quota for log-ins.
const WINDOW: Duration = Duration::from_secs(60);

/// Where strangers come in.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    vault: Vault,
    tries: Quota<IpAddr>,
    hashing: Semaphore,
    waiting: Semaphore,
    nobody: OnceCell<StoredPassword>,
}

impl Door {
    /// A door to these accounts, within these limits.
    #[must_use]
    pub fn new(vault: Vault, limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            vault,
            tries: Quota::new("logins", limits.logins_per_minute, WINDOW),
            hashing: Semaphore::new(HASHED_AT_ONCE),
            waiting: Semaphore::new(WAITING_MAX),
            nobody: OnceCell::new(),
        }))
    }

    /// Nothing, where this neighbour may try once more.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn knock(&self, peer: Peer) -> Result<(), Problem> {
        let standing = self.0.tries.ask(peer.neighbour());
        if standing.granted {
            return Ok(());
        }
        let problem = Problem::new(ProblemType::TooManyRequests, "too many tries to log in from this address");
        let headers = self.0.tries.headers(standing);
        Err(problem.with_retry_after(seconds(standing.more_in)).with_headers(headers))
    }

    /// The account that is logged in to by this address and password.
    ///
    /// # Errors
    /// `login-refused`, whatever is wrong; `login-locked` after too many failures, whether there is such an account or
    /// not; or that it could not be told.
    pub async fn log_in(&self, email: &str, password: String, now: Timestamp) -> Result<Uuid, Problem> {
        let vault = &self.0.vault;
        let email = email.trim();
        if let Attempt::Locked { until } = vault.begin_attempt(email, now).await? {
            let wait = u64::try_from(until.duration_since(now).as_secs().max(0) + 1).unwrap_or(1);
            return Err(Problem::of(ProblemType::LoginLocked).with_retry_after(wait));
        }
        // An address that is none is looked for all the same: the same work for all.
        let known = vault.stored_password(email).await?;
        let (account, stored) = match known {
            Some((account, stored)) => (Some(account), stored),
            None => (None, self.nobody().await?),
        };
        let is_right = self.hash(move || stored.is(&password)).await??;
        let Some(account) = account.filter(|_| is_right) else {
            return Err(Problem::of(ProblemType::LoginRefused));
        };
        vault.attempt_succeeded(email).await?;
        Ok(account)
    }

    /// The hash of a password that is being chosen.
    ///
    /// # Errors
    /// `busy`, or that it could not be hashed.
    pub async fn choose(&self, password: String) -> Result<Result<PasswordHash, PasswordRejection>, Problem> {
        Ok(self.hash(move || PasswordHash::of(&password)).await??)
    }

    async fn nobody(&self) -> Result<StoredPassword, Problem> {
        let made =
            self.0.nobody.get_or_try_init(async || self.hash(StoredPassword::of_nobody).await?.map_err(Into::into));
        made.await.cloned()
    }

    async fn hash<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _waiting = self.0.waiting.try_acquire().map_err(|_| Problem::of(ProblemType::Busy))?;
        let _place = self.0.hashing.acquire().await.map_err(|_| Problem::of(ProblemType::Internal))?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Problem::of(ProblemType::Internal))
    }
}
