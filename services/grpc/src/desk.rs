//! Room for computations: so many at once, away from the threads that answer, each for as long as somebody waits.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use tonic::{Code, Status};

use crate::fault::fault;

/// Questions whose numbers are computed at once.
const COMPUTING_MAX: usize = 4;

/// The places at which computations run. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Semaphore>);

/// Tells a computation whether anybody still waits for its answer.
#[derive(Clone, Default)]
pub struct Asker(Arc<AtomicBool>);

impl Asker {
    /// Whether to go on.
    pub fn waits(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Tells that nobody waits any more when it is dropped.
struct Waiting(Asker);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Desk {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(COMPUTING_MAX)))
    }

    /// What the computation comes to. Its place is free when it has ended; it is told when this is dropped.
    pub async fn compute<T: Send + 'static>(
        &self,
        computation: impl FnOnce(&Asker) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let internal = || fault(Code::Internal, "INTERNAL", "the numbers could not be computed");
        let place = self.0.clone().acquire_owned().await.map_err(|_| internal())?;
        let asker = Asker::default();
        let _waiting = Waiting(asker.clone());
        let computing = tokio::task::spawn_blocking(move || {
            let _place = place;
            computation(&asker)
        });
        computing.await.map_err(|error| {
            tracing::error!(%error, "numbers could not be computed");
            internal()
        })?
    }

    /// Places that are free.
    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}
