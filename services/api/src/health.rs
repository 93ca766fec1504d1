//! `/healthz` and `/readyz`: whether the process lives, and whether it can do its work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use journal::Journal;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::described::problems;
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

/// How long each server has to answer.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// That the process lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// That the process can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`.
    status: &'static str,
    /// How far read models are behind the log.
    read_models: Vec<ReadModelLag>,
}

/// How far a read model is behind the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadModelLag {
    /// Which read model.
    #[schema(example = "portfolios")]
    name: &'static str,
    /// How many events it has yet to take.
    events_behind: u64,
    /// How long the first of them has been waiting, in seconds; `null` where none waits.
    #[schema(required)]
    seconds_behind: Option<f64>,
    /// How many events it could not take.
    parked: u64,
}

problems!(HealthProblems: ANY;);
problems!(ReadyProblems: ANY; NotReady);

/// Says that the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "getHealth", security(()),
    responses((status = 200, body = Health), HealthProblems))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Says whether the log and the database answer, and how far read models are behind.
///
/// A read model that is behind does not make the process unready: commands go on, and readers are told.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "getReadiness", security(()),
    responses((status = 200, body = Readiness), ReadyProblems))]
pub async fn ready(
    State(journal): State<Journal>,
    State(pool): State<PgPool>,
    State(clock): State<Clock>,
) -> Result<Json<Readiness>, Problem> {
    let log = async { journal.ready().await.map_err(|error| error.to_string()) };
    let database = async { pool.acquire().await.map(drop).map_err(|error| error.to_string()) };
    tokio::try_join!(within("the log", log), within("the database", database))?;
    let lag = async { projections::lag::lag(&journal, &pool, clock.now()).await.map_err(|error| error.to_string()) };
    let lags = within("the read models", lag).await?;
    let read_models = lags.into_iter().map(|lag| ReadModelLag {
        name: lag.read_model,
        events_behind: lag.events,
        seconds_behind: lag.age.map(|age| age.as_secs_f64()),
        parked: lag.parked,
    });
    Ok(Json(Readiness { status: "ready", read_models: read_models.collect() }))
}

async fn within<T>(who: &'static str, answer: impl Future<Output = Result<T, String>>) -> Result<T, Problem> {
    let unready = |error: &str| {
        tracing::warn!(who, error, "not ready");
        Problem::new(ProblemType::NotReady, format!("{who} cannot be reached"))
    };
    match tokio::time::timeout(ANSWER_TIME, answer).await {
        Ok(answer) => answer.map_err(|error| unready(&error)),
        Err(_elapsed) => Err(unready("no answer")),
    }
}
