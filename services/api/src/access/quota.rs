//! Quotas: how often somebody may ask, as a bucket that refills evenly (GCRA). One number for each caller.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue};

/// Callers whose use is remembered at once; who asked least recently is forgotten, and begins with a full bucket.
const CALLERS_MAX: u64 = 100_000;
/// What is left of the quota, and how long until there is more.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What the quota is.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// One quota, for each of its callers.
pub struct Quota<K> {
    name: &'static str,
    policy: HeaderValue,
    begun: Instant,
    interval_ns: u64,
    window_ns: u64,
    /// When each caller's bucket will be full again, in nanoseconds since the beginning.
    full_at: moka::sync::Cache<K, Arc<AtomicU64>>,
}

/// How a caller stands after asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether they may do what they asked for.
    pub granted: bool,
    /// How often they may ask at once from now on.
    pub left: u64,
    /// How long until they may ask once more than that.
    pub more_in: Duration,
}

impl<K: Hash + Eq + Send + Sync + 'static> Quota<K> {
    /// So many requests in each window, all of them at once or evenly.
    #[must_use]
    pub fn new(name: &'static str, requests: u32, window: Duration) -> Self {
        let requests = u64::from(requests.max(1));
        let window_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let policy = format!("\"{name}\";q={requests};w={}", window.as_secs());
        Self {
            name,
            policy: HeaderValue::try_from(policy).expect("a name of ours and numbers are visible ASCII"),
            begun: Instant::now(),
            interval_ns: (window_ns / requests).max(1),
            window_ns,
            full_at: moka::sync::Cache::builder().max_capacity(CALLERS_MAX).time_to_idle(window * 2).build(),
        }
    }

    /// How the caller stands who asks now.
    pub fn ask(&self, caller: K) -> Standing {
        self.ask_at(caller, u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn ask_at(&self, caller: K, now_ns: u64) -> Standing {
        let full_at = self.full_at.get_with(caller, || Arc::new(AtomicU64::new(0)));
        let next = |full_at: u64| {
            let next = full_at.max(now_ns) + self.interval_ns;
            (next <= now_ns + self.window_ns).then_some(next)
        };
        match full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(before) => self.standing(true, before.max(now_ns) + self.interval_ns - now_ns),
            Err(full) => self.standing(false, full.saturating_sub(now_ns)),
        }
    }

    fn standing(&self, granted: bool, used_ns: u64) -> Standing {
        let left = self.window_ns.saturating_sub(used_ns) / self.interval_ns;
        let more_ns = (used_ns + (left + 1) * self.interval_ns).saturating_sub(self.window_ns);
        Standing { granted, left, more_in: Duration::from_nanos(more_ns) }
    }

    /// The headers that tell a caller how they stand.
    pub fn headers(&self, standing: Standing) -> [(HeaderName, HeaderValue); 2] {
        let limit = format!("\"{}\";r={};t={}", self.name, standing.left, seconds(standing.more_in));
        let limit = HeaderValue::try_from(limit).expect("a name of ours and numbers are visible ASCII");
        [(RATE_LIMIT_POLICY, self.policy.clone()), (RATE_LIMIT, limit)]
    }
}

/// The time in whole seconds, rounded up: who waits that long has waited long enough.
#[must_use]
pub fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Quota;

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn a_full_bucket_is_emptied_at_once_and_refills_evenly() {
        let quota = Quota::new("test", 4, Duration::from_secs(8));
        let left: Vec<u64> = (0..4).map(|_| quota.ask_at("ana", SECOND_NS).left).collect();
        assert_eq!(left, [3, 2, 1, 0]);
        let refused = quota.ask_at("ana", SECOND_NS);
        assert!(!refused.granted);
        assert_eq!((refused.left, refused.more_in), (0, Duration::from_secs(2)));
        assert!(quota.ask_at("rui", SECOND_NS).granted, "each has a bucket of their own");
        assert!(!quota.ask_at("ana", 3 * SECOND_NS - 1).granted);
        assert!(quota.ask_at("ana", 3 * SECOND_NS).granted);
        assert!(!quota.ask_at("ana", 3 * SECOND_NS).granted);
        assert_eq!(quota.ask_at("ana", 60 * SECOND_NS).left, 3, "full again, and no fuller");
    }

    #[test]
    fn headers_say_the_policy_and_what_is_left() {
        let quota = Quota::new("requests", 4, Duration::from_secs(8));
        let [(_, policy), (_, limit)] = quota.headers(quota.ask_at("ana", 0));
        assert_eq!(policy, "\"requests\";q=4;w=8");
        assert_eq!(limit, "\"requests\";r=3;t=2");
    }
}
