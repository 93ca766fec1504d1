//! A circuit breaker: a source that fails again and again is left alone for a while.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// Counts failures in a row.
#[derive(Debug)]
pub struct Breaker {
    failures_max: u32,
    left_alone_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when nobody asks; then one may.
    open_until: Option<Instant>,
}

impl Breaker {
    pub fn new(failures_max: u32, left_alone_for: Duration) -> Self {
        Self { failures_max, left_alone_for, state: Mutex::default() }
    }

    /// Whether a question may be asked now; if not, after how many failures.
    pub fn may_ask(&self) -> Result<(), u32> {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match state.open_until {
            Some(until) if Instant::now() < until => Err(state.failures),
            Some(_) => {
                // This one tries; the others go on waiting until it knows.
                state.open_until = Some(Instant::now() + self.left_alone_for);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = State::default();
    }

    pub fn failed(&self) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.failures += 1;
        if state.failures >= self.failures_max {
            state.open_until = Some(Instant::now() + self.left_alone_for);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Breaker;

    #[tokio::test(start_paused = true)]
    async fn after_some_failures_the_source_is_left_alone_and_then_one_tries() {
        let breaker = Breaker::new(3, Duration::from_secs(60));
        for _ in 0..3 {
            assert_eq!(breaker.may_ask(), Ok(()));
            breaker.failed();
        }
        assert_eq!(breaker.may_ask(), Err(3));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(breaker.may_ask(), Ok(()), "one may try");
        assert_eq!(breaker.may_ask(), Err(3), "the others wait for it");
        breaker.succeeded();
        assert_eq!(breaker.may_ask(), Ok(()));
        assert_eq!(breaker.may_ask(), Ok(()));
    }
}
