//! Room for computations: they hold a core for long, so only as many run as there are cores, away from the async
//! threads, and only so many wait.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;
use crate::problem::{Problem, ProblemType};

/// The places at which computations run, and the queue before them.
#[derive(Clone)]
pub struct Desk {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// A place at the desk, kept for as long as its computation runs.
pub struct Place(OwnedSemaphorePermit);

/// Tells a computation whether anybody still waits for its answer, and whoever waits how far it has come.
#[derive(Clone, Default)]
pub struct Asker(Arc<Asked>);

#[derive(Default)]
struct Asked {
    gone: AtomicBool,
    /// The bits of the share that is done: those of greater positive numbers are greater.
    share: AtomicU64,
}

impl Asker {
    /// Whether the answer is wanted no more: the caller has hung up, or the request's time is over.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        self.0.gone.load(Ordering::Relaxed)
    }

    /// Hears the share that is done, and says whether to go on.
    pub fn heard(&self, share: f64) -> ControlFlow<()> {
        self.0.share.fetch_max(share.max(0.0).to_bits(), Ordering::Relaxed);
        if self.has_gone() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The greatest share that was heard of.
    #[must_use]
    pub fn share(&self) -> f64 {
        f64::from_bits(self.0.share.load(Ordering::Relaxed))
    }
}

/// Tells that nobody waits any more when it is dropped.
struct Waiting {
    asker: Asker,
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.asker.0.gone.store(true, Ordering::Relaxed);
        if !self.answered {
            tracing::info!(share = self.asker.share(), "a computation ends early: nobody waits for it any more");
        }
    }
}

impl Desk {
    /// A desk within these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.figures_at_once.max(1))),
            queue: Arc::new(Semaphore::new(limits.computations_waiting_max.max(1))),
        }
    }

    /// A place, once there is one. Taken before prices are: prices that wait for a free core would only fill the memory.
    ///
    /// # Errors
    /// `busy` where too many wait already.
    pub async fn place(&self) -> Result<Place, Problem> {
        let _queued = self.queue.try_acquire().map_err(|_| Problem::of(ProblemType::Busy))?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.map(Place).map_err(|_| Problem::of(ProblemType::Internal))
    }
}

impl Place {
    /// What the work comes to. The place is free when the work has ended, not when its asker has gone.
    ///
    /// # Errors
    /// `internal` where the work panicked.
    pub async fn compute<T: Send + 'static>(
        self,
        work: impl FnOnce(&Asker) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.compute_for(Asker::default(), work).await
    }

    /// As [`Place::compute`], for somebody who looks how far it has come.
    ///
    /// # Errors
    /// As [`Place::compute`].
    pub async fn compute_for<T: Send + 'static>(
        self,
        asker: Asker,
        work: impl FnOnce(&Asker) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let mut waiting = Waiting { asker: asker.clone(), answered: false };
        let computing = tokio::task::spawn_blocking(move || {
            let _place = self.0;
            work(&asker)
        });
        let computed = computing.await.map_err(|error| {
            tracing::error!(%error, "a computation did not end well");
            Problem::of(ProblemType::Internal)
        });
        waiting.answered = true;
        computed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::Desk;
    use crate::limits::Limits;
    use crate::problem::ProblemType;

    #[tokio::test]
    async fn a_computation_learns_that_its_asker_has_gone() {
        let desk = Desk::new(&Limits::default());
        let ((told, tell), (begun, begin)) = (mpsc::channel(), tokio::sync::oneshot::channel());
        let asking = desk.place().await.unwrap().compute(move |asker| {
            begun.send(()).map_err(|()| "nobody waits").ok();
            while !asker.has_gone() {
                std::thread::yield_now();
            }
            told.send(true).ok();
        });
        let asking = tokio::spawn(asking);
        begin.await.unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        assert!(tokio::task::spawn_blocking(move || tell.recv().unwrap()).await.unwrap());
    }

    #[tokio::test]
    async fn when_too_many_wait_the_next_is_told_so() {
        let limits = Limits { figures_at_once: 1, computations_waiting_max: 1, ..Limits::default() };
        let desk = Desk::new(&limits);
        let taken = desk.place().await.unwrap();
        let other = desk.clone();
        let mut waiting = Box::pin(async move { other.place().await.map(|_| ()) });
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(desk.place().await.map(|_| ()).unwrap_err().kind(), ProblemType::Busy);
        drop(taken);
        assert!(waiting.await.is_ok());
    }
}
