//! Tries to log in, counted by address in the database: every process sees them, and whoever guesses waits longer and
//! longer.

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};

use crate::secrets::hash;
use crate::{Vault, VaultError};

/// Failures in a row that cost nothing but themselves.
const FREE_FAILURES: i32 = 4;
/// The first wait, in seconds; each failure more doubles it.
const FIRST_WAIT_S: f64 = 30.0;
/// The longest wait, in seconds: whoever the account belongs to must not be kept out for ever by a stranger.
const LONGEST_WAIT_S: f64 = 3_600.0;
/// Hours after which failures are forgotten.
const REMEMBERED_H: i32 = 24;

/// Whether somebody may try now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// They may. It counts as a failure until [`Vault::attempt_succeeded`].
    Go,
    /// Not before then.
    Locked {
        /// From when on they may try again.
        until: Timestamp,
    },
}

impl Vault {
    /// Whether somebody may try to log in under this address now, known or not.
    ///
    /// The try is counted before it is made, so that many at once are not more than as many one after the other.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn begin_attempt(&self, email: &str, now: Timestamp) -> Result<Attempt, VaultError> {
        let subject = subject(email);
        sqlx::query!(
            "delete from vault.login_attempts where last_at < $1::timestamptz - make_interval(hours => $2)",
            now.to_sqlx() as SqlTimestamp,
            REMEMBERED_H,
        )
        .execute(&self.pool)
        .await?;
        let begun = sqlx::query!(
            "insert into vault.login_attempts as a (subject, failures, last_at, locked_until) values ($1, 1, $2, $2)
             on conflict (subject) do update
             set failures = a.failures + 1, last_at = $2,
                 locked_until = case when a.failures < $3 then $2 else
                     $2 + make_interval(secs => least($5::float8, $4::float8 * power(2, least(a.failures - $3, 20)))) end
             where a.locked_until <= $2",
            subject,
            now.to_sqlx() as SqlTimestamp,
            FREE_FAILURES,
            FIRST_WAIT_S,
            LONGEST_WAIT_S,
        )
        .execute(&self.pool)
        .await?;
        if begun.rows_affected() == 1 {
            return Ok(Attempt::Go);
        }
        let until = sqlx::query_scalar!(
            r#"select locked_until as "until: SqlTimestamp" from vault.login_attempts where subject = $1"#,
            subject,
        )
        .fetch_optional(&self.pool)
        .await?;
        // Gone in between: then somebody logged in, and may do so again.
        Ok(until.map_or(Attempt::Go, |until| Attempt::Locked { until: until.to_jiff() }))
    }

    /// Forgets the failures under this address.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn attempt_succeeded(&self, email: &str) -> Result<(), VaultError> {
        sqlx::query!("delete from vault.login_attempts where subject = $1", subject(email)).execute(&self.pool).await?;
        Ok(())
    }
}

/// A hash, so that addresses that strangers type in, of whomever, are not collected here.
fn subject(email: &str) -> Vec<u8> {
    hash(&email.to_lowercase())
}
