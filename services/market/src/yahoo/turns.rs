//! When the next question may be asked: spaced, and not before the source itself wants one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The longest pause that is believed: a year. Who says more means never, and is asked again then.
const RETRY_AFTER_TOLD_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The turns of everybody who asks.
#[derive(Debug)]
pub struct Turns {
    between: Duration,
    retry_after_max: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next question may be asked.
    next: Instant,
    /// Before this, nothing is asked: whoever had a turn already takes another.
    quiet_until: Instant,
    /// Until when the source wants to be left alone, where that is too long to wait; and the same as people tell the time.
    closed: Option<(Instant, Timestamp)>,
}

impl Turns {
    pub fn new(between: Duration, retry_after_max: Duration) -> Self {
        let now = Instant::now();
        Self { between, retry_after_max, state: Mutex::new(State { next: now, quiet_until: now, closed: None }) }
    }

    /// Comes back when it is this one's turn; or says when to come again, where that is too late to wait for.
    pub async fn wait(&self) -> Result<(), Timestamp> {
        loop {
            let turn = self.take();
            tokio::time::sleep_until(turn).await;
            if let Some(at) = self.come_again() {
                return Err(at);
            }
            if Instant::now() >= self.state().quiet_until {
                return Ok(());
            }
        }
    }

    /// When to come again, where the source wants to be left alone for so long that nobody waits.
    pub fn come_again(&self) -> Option<Timestamp> {
        self.state().closed.filter(|(until, _)| Instant::now() < *until).map(|(_, at)| at)
    }

    /// Nobody asks for so long, whatever the asset.
    pub fn leave_alone(&self, pause: Duration, now: Timestamp) {
        let pause = pause.min(RETRY_AFTER_TOLD_MAX);
        let until = Instant::now() + pause;
        let mut state = self.state();
        if pause <= self.retry_after_max {
            state.quiet_until = state.quiet_until.max(until);
            state.next = state.next.max(until);
        } else {
            // In whole seconds, as people tell the time, and not too early.
            let second =
                now.checked_add(pause).map_or(i64::MAX, |at| at.as_second() + i64::from(at.subsec_nanosecond() > 0));
            let at = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
            tracing::warn!(%at, "the source wants to be left alone");
            state.closed = Some((until, at));
        }
    }

    /// The next turn, which nobody else has then.
    fn take(&self) -> Instant {
        let mut state = self.state();
        let turn = state.next.max(Instant::now());
        state.next = turn + self.between;
        turn
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::Turns;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_spaced_and_everybody_waits_for_as_long_as_the_source_wants() {
        let turns = Turns::new(seconds(1), seconds(300));
        let began = Instant::now();
        turns.wait().await.unwrap();
        // This one has its turn already when the source says so.
        let (waited, ()) = tokio::join!(turns.wait(), async { turns.leave_alone(seconds(30), NOW) });
        assert_eq!((waited, began.elapsed()), (Ok(()), seconds(30)));
        turns.wait().await.unwrap();
        assert_eq!(began.elapsed(), seconds(31));
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_bound_nobody_waits_and_all_are_told_when_to_come_again() {
        let turns = Turns::new(seconds(1), seconds(300));
        turns.leave_alone(seconds(301), NOW);
        let at = NOW + seconds(301);
        assert_eq!((turns.wait().await, turns.come_again()), (Err(at), Some(at)));
        tokio::time::advance(seconds(301)).await;
        assert_eq!((turns.wait().await, turns.come_again()), (Ok(()), None));
        turns.leave_alone(seconds(u64::MAX), NOW);
        assert!(turns.come_again().is_some_and(|at| at > NOW + seconds(365 * 86_400)), "nobody means that");
    }
}
