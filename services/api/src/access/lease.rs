//! The lease: how a process may remember who has access and yet nobody acts by what was taken from them.
//!
//! Whoever takes access away begins a new epoch in the vault, and waits for [`LEASE`] before saying that it is done. A
//! process trusts what it remembers for [`LEASE`] after it asked for the epoch, and asks again while it works. So when
//! the answer to "revoke" is there, every process has asked since, or asks before it lets anybody in; and a request
//! costs no question of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vault::{Vault, VaultError};

/// How long an epoch that was read is taken for the present one.
const LEASE: Duration = Duration::from_millis(100);
/// After this, who uses the lease has it renewed, so that under load nobody waits for it.
const RENEWED_AFTER: Duration = Duration::from_millis(50);

/// Longer than a lease by what two clocks may differ over so short a time.
const SETTLED_AFTER: Duration = Duration::from_millis(110);

/// Nothing, once no process lets in anybody who lost access before.
pub async fn settled() {
    // Nobody tells when the last lease has run out, so the time itself is what is waited for.
    tokio::time::sleep(SETTLED_AFTER).await;
}

/// The epoch that this process knows, and until when.
pub struct Lease {
    vault: Vault,
    held: Mutex<Option<Held>>,
    being_renewed: AtomicBool,
    one_asks: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy)]
struct Held {
    epoch: i64,
    asked_at: Instant,
}

impl Held {
    fn is_good(self) -> bool {
        self.asked_at.elapsed() < LEASE
    }
}

impl Lease {
    /// A lease that has asked nothing yet.
    #[must_use]
    pub fn new(vault: Vault) -> Self {
        Self {
            vault,
            held: Mutex::new(None),
            being_renewed: AtomicBool::new(false),
            one_asks: tokio::sync::Mutex::new(()),
        }
    }

    /// The present epoch, or one that was so less than [`LEASE`] ago.
    ///
    /// # Errors
    /// Where the vault does not answer.
    pub async fn epoch(self: &Arc<Self>) -> Result<i64, VaultError> {
        if let Some(held) = self.held().filter(|held| held.is_good()) {
            if held.asked_at.elapsed() >= RENEWED_AFTER && !self.being_renewed.swap(true, Ordering::AcqRel) {
                let this = Arc::clone(self);
                tokio::spawn(async move {
                    if let Err(error) = this.ask().await {
                        // Whoever comes after the lease's end asks again and tells the caller.
                        tracing::debug!(%error, "the epoch could not be read");
                    }
                    this.being_renewed.store(false, Ordering::Release);
                });
            }
            return Ok(held.epoch);
        }
        let _turn = self.one_asks.lock().await;
        match self.held().filter(|held| held.is_good()) {
            Some(held) => Ok(held.epoch),
            None => self.ask().await,
        }
    }

    async fn ask(&self) -> Result<i64, VaultError> {
        let asked_at = Instant::now();
        let epoch = self.vault.epoch().await?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two that asked at once, what was asked later counts.
        if held.is_none_or(|held| held.asked_at < asked_at) {
            *held = Some(Held { epoch, asked_at });
        }
        Ok(epoch)
    }

    fn held(&self) -> Option<Held> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
