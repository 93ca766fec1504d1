//! Imports that are under way: each in a task of its own, so that nothing stays half-done when its caller hangs up.

use std::sync::Arc;

use axum::response::Response;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::problem::{Problem, ProblemType};

/// Imports that one process carries out at once; more are refused at once.
const UNDER_WAY_MAX: u32 = 16;

/// The imports that this process carries out. Clones share them.
#[derive(Clone)]
pub struct UnderWay(Arc<Semaphore>);

impl UnderWay {
    /// No imports yet.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(UNDER_WAY_MAX).expect("a small number fits any machine's word"))))
    }

    /// What the import comes to. Dropping this leaves it under way.
    ///
    /// # Errors
    /// The import's own problem, or `busy` where too many are under way: then it has not begun.
    pub async fn see_through(
        &self,
        import: impl Future<Output = Result<Response, Problem>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let place = Arc::clone(&self.0).try_acquire_owned().map_err(|_| Problem::of(ProblemType::Busy))?;
        let import = async move {
            let _place = place;
            let answer = import.await;
            if let Err(problem) = &answer {
                // Whoever asked may be gone, and then nobody else is told.
                tracing::warn!(code = problem.kind().code(), "an import was not carried out as a whole");
            }
            answer
        };
        tokio::spawn(import.in_current_span()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "an import ended early");
            Err(Problem::of(ProblemType::Internal))
        })
    }

    /// Nothing, once none is under way. None begins afterwards.
    pub async fn ended(&self) {
        match self.0.acquire_many(UNDER_WAY_MAX).await {
            Ok(all) => all.forget(),
            // Nobody closes it; closed, it would give no places either.
            Err(_closed) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::{UNDER_WAY_MAX, UnderWay};
    use crate::problem::ProblemType;

    #[tokio::test]
    async fn an_import_whose_caller_hung_up_ends_before_the_service_does() {
        let under_way = UnderWay::none();
        let (go_on, wait) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let import = async move {
            wait.await.unwrap();
            tell.send("done").unwrap();
            Ok(().into_response())
        };
        let mut asked = Box::pin(under_way.see_through(import));
        assert!(asked.as_mut().now_or_never().is_none());
        drop(asked);
        let mut ended = Box::pin(under_way.ended());
        assert!(ended.as_mut().now_or_never().is_none(), "one is under way");
        go_on.send(()).unwrap();
        ended.await;
        assert_eq!(told.await, Ok("done"));
        let late = under_way.see_through(async { Ok(().into_response()) }).await;
        assert_eq!(late.unwrap_err().kind(), ProblemType::Busy);
    }

    #[tokio::test]
    async fn more_than_so_many_are_refused_and_a_place_is_given_back() {
        let under_way = UnderWay::none();
        let mut asked = Vec::new();
        for _ in 0..UNDER_WAY_MAX {
            let mut one = Box::pin(under_way.see_through(std::future::pending()));
            assert!(one.as_mut().now_or_never().is_none());
            asked.push(one);
        }
        let one_more = under_way.see_through(async { Ok(().into_response()) }).await;
        assert_eq!(one_more.unwrap_err().kind(), ProblemType::Busy);
        let under_way = UnderWay::none();
        for _ in 0..=UNDER_WAY_MAX {
            assert!(under_way.see_through(async { Ok(().into_response()) }).await.is_ok());
        }
    }
}
