//! The jobs of one process: begun, looked at, ended, and forgotten after a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::values::{Actor, AdvisorId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::view::{JobProblem, JobState, JobView};
use crate::desk::Asker;
use crate::paths::InPath;
use crate::problem::{Problem, ProblemType};
use crate::references::References;

/// Jobs that one process keeps, ended ones among them.
const JOBS_MAX: usize = 64;
/// Jobs of one caller that have not ended.
const OPEN_JOBS_OF_ONE_MAX: usize = 4;
/// Bytes of all results together; the oldest leave first.
const RESULTS_BYTES_MAX: usize = 64 << 20;
/// How long a job is kept after it has ended.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// How long one job may compute.
const JOB_TIME_MAX: Duration = Duration::from_secs(300);

/// The jobs of this process. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Kept>);

struct Kept {
    jobs: Mutex<BTreeMap<JobId, Job>>,
    /// Fewer than there are places to compute at: jobs leave room for those who wait for their answer.
    running: Arc<Semaphore>,
}

/// A job's id. Nobody guesses it, and it is of use to its owner only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub(super) Uuid);

struct Job {
    owner: Actor,
    asker: Asker,
    state: Stage,
}

enum Stage {
    /// It waits or computes; dropping this cancels it.
    Open(#[expect(dead_code, reason = "held for what its drop does")] AbortOnDropHandle<()>),
    /// It has an answer.
    Done { at: Instant, result: Box<RawValue> },
    /// It has none.
    Failed { at: Instant, problem: Problem },
}

impl Job {
    fn ended(&self) -> Option<Instant> {
        match &self.state {
            Stage::Open(_) => None,
            Stage::Done { at, .. } | Stage::Failed { at, .. } => Some(*at),
        }
    }

    fn bytes(&self) -> usize {
        if let Stage::Done { result, .. } = &self.state { result.get().len() } else { 0 }
    }
}

impl Jobs {
    /// No jobs yet, of a process that computes so much at once.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let running = Arc::new(Semaphore::new((places / 2).max(1)));
        Self(Arc::new(Kept { jobs: Mutex::default(), running }))
    }

    /// Begins a job.
    ///
    /// # Errors
    /// `busy` where there are too many already.
    pub fn start<T, W>(&self, owner: Actor, work: impl FnOnce(Asker) -> W) -> Result<JobId, Problem>
    where
        T: Serialize,
        W: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let mut jobs = self.0.lock();
        sweep(&mut jobs, JOBS_MAX - 1, RESULTS_BYTES_MAX);
        let open = jobs.values().filter(|job| job.ended().is_none() && job.owner == owner).count();
        if jobs.len() >= JOBS_MAX || open >= OPEN_JOBS_OF_ONE_MAX {
            return Err(Problem::of(ProblemType::Busy));
        }
        let (id, asker) = (JobId(Uuid::new_v4()), Asker::default());
        let (work, kept) = (work(asker.clone()), Arc::downgrade(&self.0));
        let running = Arc::clone(&self.0.running);
        let task = tokio::spawn(async move {
            // A semaphore that nobody closes gives a permit, sooner or later.
            let _permit = running.acquire_owned().await;
            let answer = match tokio::time::timeout(JOB_TIME_MAX, work).await {
                Ok(answer) => answer.and_then(|answer| written(&answer)),
                Err(_elapsed) => {
                    let detail = format!("a job may compute for {} s", JOB_TIME_MAX.as_secs());
                    Err(Problem::new(ProblemType::ComputationTooLarge, detail))
                }
            };
            if let Some(kept) = kept.upgrade() {
                kept.end(id, answer);
            }
        });
        jobs.insert(id, Job { owner, asker, state: Stage::Open(AbortOnDropHandle::new(task)) });
        Ok(id)
    }

    /// How the job stands, for whom it was begun.
    pub(super) fn show(&self, id: JobId, caller: &Actor) -> Option<JobView> {
        let mut jobs = self.0.lock();
        sweep(&mut jobs, JOBS_MAX, RESULTS_BYTES_MAX);
        let job = jobs.get(&id).filter(|job| job.owner == *caller)?;
        let view = |state, result, problem| JobView { id: id.0, state, progress: job.asker.share(), result, problem };
        Some(match &job.state {
            Stage::Open(_) if job.asker.share() > 0.0 => view(JobState::Running, None, None),
            Stage::Open(_) => view(JobState::Waiting, None, None),
            Stage::Done { result, .. } => JobView { progress: 1.0, ..view(JobState::Done, Some(result.clone()), None) },
            Stage::Failed { problem, .. } => view(JobState::Failed, None, Some(JobProblem::from(problem))),
        })
    }

    /// Forgets the job, and ends it where it has not ended.
    pub(super) fn cancel(&self, id: JobId, caller: &Actor) -> bool {
        let mut jobs = self.0.lock();
        jobs.get(&id).is_some_and(|job| job.owner == *caller) && jobs.remove(&id).is_some()
    }
}

impl Kept {
    /// A map that a panic left half-written cannot be: each change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, id: JobId, answer: Result<Box<RawValue>, Problem>) {
        let mut jobs = self.lock();
        let at = Instant::now();
        if let Some(job) = jobs.get_mut(&id) {
            job.state = match answer {
                Ok(result) => Stage::Done { at, result },
                Err(problem) => Stage::Failed { at, problem },
            };
        }
        sweep(&mut jobs, JOBS_MAX, RESULTS_BYTES_MAX);
    }
}

fn written<T: Serialize>(answer: &T) -> Result<Box<RawValue>, Problem> {
    to_raw_value(answer).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::of(ProblemType::Internal)
    })
}

/// Lets go of what ended long ago, and of the oldest results where there are more than fit.
fn sweep(jobs: &mut BTreeMap<JobId, Job>, most: usize, bytes_max: usize) {
    jobs.retain(|_, job| job.ended().is_none_or(|at| at.elapsed() < KEPT_FOR));
    while jobs.len() > most || jobs.values().map(Job::bytes).sum::<usize>() > bytes_max {
        let oldest = jobs.iter().filter_map(|(id, job)| Some((job.ended()?, *id))).min();
        let Some((_, id)) = oldest else { return };
        jobs.remove(&id);
    }
}

impl InPath for JobId {
    const ABSENT: ProblemType = ProblemType::JobUnknown;

    fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().filter(|id| id.to_string() == text).map(Self)
    }

    /// Whose it is, the jobs themselves know: each belongs to one caller.
    async fn is_of(&self, _: AdvisorId, _: &References) -> Result<bool, Problem> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::ops::ControlFlow;

    use events::values::Actor;

    use super::{JOBS_MAX, JobId, JobState, Jobs, OPEN_JOBS_OF_ONE_MAX};
    use crate::problem::{Problem, ProblemType};

    fn actor(name: &str) -> Actor {
        Actor::parse(name).unwrap()
    }

    async fn ended(jobs: &Jobs, id: JobId, owner: &Actor) -> super::JobView {
        loop {
            match jobs.show(id, owner) {
                Some(view) if matches!(view.state, JobState::Waiting | JobState::Running) => {
                    tokio::task::yield_now().await;
                }
                view => return view.unwrap(),
            }
        }
    }

    #[tokio::test]
    async fn a_job_belongs_to_whom_it_was_begun_for() {
        let (jobs, mine) = (Jobs::new(2), actor("role:me"));
        let id = jobs.start(mine.clone(), async |_| Ok::<_, Problem>([1, 2])).unwrap();
        let view = ended(&jobs, id, &mine).await;
        assert_eq!((view.state, view.result.unwrap().get()), (JobState::Done, "[1,2]"));
        assert!(jobs.show(id, &actor("role:other")).is_none());
        assert!(!jobs.cancel(id, &actor("role:other")));
        assert!(jobs.cancel(id, &mine) && !jobs.cancel(id, &mine));
    }

    #[tokio::test]
    async fn a_job_that_fails_says_why() {
        let (jobs, mine) = (Jobs::new(2), actor("role:me"));
        let work = async |_| Err::<(), _>(Problem::new(ProblemType::NotComputable, "no price"));
        let id = jobs.start(mine.clone(), work).unwrap();
        let view = ended(&jobs, id, &mine).await;
        let problem = view.problem.unwrap();
        assert_eq!(
            (view.state, problem.kind.as_str(), problem.status),
            (JobState::Failed, "/problems/not-computable", 422)
        );
    }

    #[tokio::test]
    async fn cancelling_a_job_drops_its_work() {
        let (jobs, mine) = (Jobs::new(2), actor("role:me"));
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let work = |asker: crate::desk::Asker| {
            assert_eq!(asker.heard(0.5), ControlFlow::Continue(()));
            async move {
                let _dropped_with_the_work = tell;
                pending::<Result<(), Problem>>().await
            }
        };
        let id = jobs.start(mine.clone(), work).unwrap();
        let view = jobs.show(id, &mine).unwrap();
        assert_eq!((view.state, view.progress.to_string().as_str()), (JobState::Running, "0.5"));
        assert!(jobs.cancel(id, &mine));
        assert!(told.await.is_err(), "the work was dropped");
        assert!(jobs.show(id, &mine).is_none());
    }

    #[tokio::test]
    async fn jobs_are_bounded_by_caller_and_in_all() {
        let jobs = Jobs::new(2);
        let begin = |name: &str| jobs.start(actor(name), |_| pending::<Result<(), Problem>>());
        for _ in 0..OPEN_JOBS_OF_ONE_MAX {
            begin("role:me").unwrap();
        }
        assert_eq!(begin("role:me").unwrap_err().kind(), ProblemType::Busy);
        for n in 0..JOBS_MAX - OPEN_JOBS_OF_ONE_MAX {
            begin(&format!("role:other{}", n / OPEN_JOBS_OF_ONE_MAX)).unwrap();
        }
        assert_eq!(begin("role:another").unwrap_err().kind(), ProblemType::Busy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_is_forgotten_some_time_after_its_end() {
        let (jobs, mine) = (Jobs::new(2), actor("role:me"));
        let id = jobs.start(mine.clone(), async |_| Ok::<_, Problem>(1)).unwrap();
        ended(&jobs, id, &mine).await;
        tokio::time::advance(super::KEPT_FOR).await;
        assert!(jobs.show(id, &mine).is_none());
    }
}
