//! `insights.metrics.v1.Metrics`.

use std::sync::Arc;

use analytics::backtest::{Allocation, BacktestOutcome, BacktestParams, Policy, backtest};
use analytics::moments::{arithmetic_mean, sample_covariance};
use analytics::optimise::{Constraints, FRONTIER_POINTS_MAX, Problem, frontier};
use analytics::{FigureParams, Figures, NoFigure, PeriodsPerYear, PriceTable};
use events::values::{AssetId, PortfolioId};
use projections::figures::DEFINITIONS;
use projections::prices::AsOf;
use rust_decimal::prelude::ToPrimitive;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::Service;
use crate::asked::{as_of, asset, assets, day, window};
use crate::caller::caller;
use crate::fault::{bad_field, database, fault, nothing};
use crate::proto::metrics::get_metrics_request::Subject;
use crate::proto::metrics::metrics_server::Metrics;
use crate::proto::metrics::run_backtest_response::Step;
use crate::proto::metrics::{
    FrontierPoint, GetFrontierRequest, GetFrontierResponse, GetMetricsRequest, GetMetricsResponse, Metric, Outcome,
    Progress, Rebalancing, RunBacktestRequest, RunBacktestResponse,
};
use crate::table::table;

/// Points of a frontier where nothing is said.
const FRONTIER_POINTS: usize = 20;
/// Questions whose numbers are computed at once.
const COMPUTING_MAX: usize = 4;
/// How far the weights of a backtest may be from adding up to 1.
const WEIGHTS_SLACK: f64 = 1e-9;
/// Annual rates of interest that are taken for ones.
const RATES: std::ops::RangeInclusive<f64> = -0.5..=1.0;

/// The service.
pub struct MetricsService {
    service: Service,
    desk: Arc<Semaphore>,
}

impl MetricsService {
    pub fn new(service: Service) -> Self {
        Self { service, desk: Arc::new(Semaphore::new(COMPUTING_MAX)) }
    }

    /// What the computation comes to, away from the threads that answer.
    async fn compute<T: Send + 'static>(
        &self,
        computation: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        compute(&self.desk, computation).await
    }
}

async fn compute<T: Send + 'static>(
    desk: &Arc<Semaphore>,
    computation: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let internal = || fault(Code::Internal, "INTERNAL", "the numbers could not be computed");
    let place = desk.clone().acquire_owned().await.map_err(|_| internal())?;
    let computing = tokio::task::spawn_blocking(move || {
        let _place = place;
        computation()
    });
    computing.await.map_err(|error| {
        tracing::error!(%error, "numbers could not be computed");
        internal()
    })?
}

#[tonic::async_trait]
impl Metrics for MetricsService {
    async fn get_metrics(&self, request: Request<GetMetricsRequest>) -> Result<Response<GetMetricsResponse>, Status> {
        let caller = caller(&self.service, request.metadata()).await?;
        let asked = request.into_inner();
        if !RATES.contains(&asked.risk_free_rate) {
            return Err(bad_field("risk_free_rate", format!("{} is not between -0.5 and 1", asked.risk_free_rate)));
        }
        let (since, as_of) = (day("since", &asked.since)?, as_of(&asked.as_of)?);
        let pool = &self.service.pool;
        let mut kept_in = None;
        let (assets, weights): (Vec<AssetId>, Vec<f64>) = match &asked.subject {
            None => return Err(bad_field("subject", "name an asset or a portfolio")),
            Some(Subject::Asset(text)) => (vec![asset("asset", text)?], vec![1.0]),
            Some(Subject::Portfolio(text)) => {
                let id = PortfolioId::parse(text).ok_or_else(|| bad_field("portfolio", "it is no id"))?;
                let row = projections::portfolios::get(pool, id).await.map_err(|error| database(&error))?;
                let unknown = || fault(Code::NotFound, "PORTFOLIO_UNKNOWN", format!("there is no portfolio {id}"));
                // What is another advisor's is not there.
                let row = row.filter(|row| caller.role.advisor().is_none_or(|own| own == row.advisor));
                let row = row.ok_or_else(unknown)?;
                kept_in = Some(row.currency);
                row.allocation.into_iter().map(|(asset, weight)| (asset, weight.to_f64().unwrap_or(f64::NAN))).unzip()
            }
        };
        let (table, position) = table(pool, &assets, kept_in.as_deref(), (since, None), as_of).await?;
        let params = FigureParams { rf_annual: asked.risk_free_rate, ..FigureParams::default() };
        let outcome = self.compute(move || run(&table, weights, Policy::MONTHLY)).await?;
        Ok(Response::new(GetMetricsResponse {
            start: outcome.dates.first().map(ToString::to_string).unwrap_or_default(),
            end: outcome.dates.last().map(ToString::to_string).unwrap_or_default(),
            returns: u32::try_from(outcome.returns.len()).unwrap_or(u32::MAX),
            metrics: metrics(&outcome.figures(&params)),
            prices_position: position.to_string(),
            definitions: DEFINITIONS.to_owned(),
        }))
    }

    async fn get_frontier(
        &self,
        request: Request<GetFrontierRequest>,
    ) -> Result<Response<GetFrontierResponse>, Status> {
        caller(&self.service, request.metadata()).await?;
        let asked = request.into_inner();
        let assets = assets("assets", asked.assets.iter().map(String::as_str), 2)?;
        let points = match usize::try_from(asked.points).unwrap_or(usize::MAX) {
            0 => FRONTIER_POINTS,
            points if (2..=FRONTIER_POINTS_MAX.min(100)).contains(&points) => points,
            points => return Err(bad_field("points", format!("{points} is not between 2 and 100"))),
        };
        let window = window(&asked.from, &asked.to)?;
        let (table, position) = table(&self.service.pool, &assets, None, window, AsOf::Now).await?;
        let points = self.compute(move || curve(&table, points)).await?;
        let assets = assets.iter().map(ToString::to_string).collect();
        Ok(Response::new(GetFrontierResponse { assets, points, prices_position: position.to_string() }))
    }

    type RunBacktestStream = ReceiverStream<Result<RunBacktestResponse, Status>>;

    async fn run_backtest(
        &self,
        request: Request<RunBacktestRequest>,
    ) -> Result<Response<Self::RunBacktestStream>, Status> {
        caller(&self.service, request.metadata()).await?;
        let asked = request.into_inner();
        let assets = assets("targets", asked.targets.iter().map(|target| target.asset.as_str()), 1)?;
        let weights: Vec<f64> = asked.targets.iter().map(|target| target.weight).collect();
        let sum: f64 = weights.iter().sum();
        let adds_up = (sum - 1.0).abs() <= WEIGHTS_SLACK;
        if !adds_up || weights.iter().any(|weight| *weight < 0.0) {
            return Err(bad_field("targets", "weights are not negative and add up to 1"));
        }
        let policy = match asked.rebalancing() {
            Rebalancing::None => Policy::NONE,
            Rebalancing::Unspecified | Rebalancing::Monthly => Policy::MONTHLY,
            Rebalancing::Quarterly => Policy::QUARTERLY,
            Rebalancing::Yearly => Policy::YEARLY,
        };
        let window = window(&asked.from, &asked.to)?;
        let (send, steps) = mpsc::channel(4);
        let (pool, desk) = (self.service.pool.clone(), self.desk.clone());
        tokio::spawn(async move {
            // Three steps: prices, values, figures. A caller who hangs up ends it at the next one.
            let outcome = async {
                told(&send, 0).await?;
                let (table, _) = table(&pool, &assets, None, window, AsOf::Now).await?;
                told(&send, 1).await?;
                let outcome = compute(&desk, move || run(&table, weights, policy)).await?;
                told(&send, 2).await?;
                let figures = outcome.figures(&FigureParams::default());
                told(&send, STEPS).await?;
                Ok::<_, Status>(Outcome {
                    start: outcome.dates.first().map(ToString::to_string).unwrap_or_default(),
                    end: outcome.dates.last().map(ToString::to_string).unwrap_or_default(),
                    values: outcome.index(),
                    metrics: metrics(&figures),
                })
            };
            let last = outcome.await.map(|outcome| RunBacktestResponse { step: Some(Step::Outcome(outcome)) });
            if send.send(last).await.is_err() {
                tracing::debug!("nobody waits for a backtest any more");
            }
        });
        Ok(Response::new(ReceiverStream::new(steps)))
    }
}

/// Steps of a backtest.
const STEPS: u32 = 3;

async fn told(send: &mpsc::Sender<Result<RunBacktestResponse, Status>>, done: u32) -> Result<(), Status> {
    let progress = Step::Progress(Progress { done, total: STEPS });
    let gone = |_| fault(Code::Cancelled, "CANCELLED", "the caller has gone");
    send.send(Ok(RunBacktestResponse { step: Some(progress) })).await.map_err(gone)
}

fn run(table: &PriceTable, weights: Vec<f64>, policy: Policy) -> Result<BacktestOutcome, Status> {
    let params = BacktestParams { policy, ..BacktestParams::default() };
    backtest(table, &Allocation::Weights(weights), &params).map_err(|error| nothing("NOT_COMPUTABLE", error))
}

fn curve(table: &PriceTable, points: usize) -> Result<Vec<FrontierPoint>, Status> {
    let returns = table.returns();
    let covariance = sample_covariance(&returns, PeriodsPerYear::SESSIONS);
    let covariance = covariance.map_err(|error| nothing("NOT_COMPUTABLE", error))?;
    let mu = returns.iter().map(|returns| arithmetic_mean(returns, PeriodsPerYear::SESSIONS));
    let mu = mu.collect::<Result<Vec<f64>, NoFigure>>().map_err(|error| nothing("NOT_COMPUTABLE", error))?;
    let constraints = Constraints::long_only(mu.len());
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    let optima = frontier(&problem, points).map_err(|error| nothing("NOT_COMPUTABLE", error))?;
    Ok(optima
        .into_iter()
        .map(|optimum| FrontierPoint {
            expected_return: optimum.expected_return,
            volatility: optimum.volatility,
            weights: optimum.weights,
        })
        .collect())
}

fn metrics(figures: &Figures) -> Vec<Metric> {
    // There is no benchmark to compare with, so what needs one is not told.
    let told = figures.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
    told.map(|(figure, value)| {
        let definition = figure.definition();
        Metric {
            id: definition.id.to_owned(),
            name: definition.name.to_owned(),
            value: value.ok(),
            reason: value.err().map(|reason| reason.to_string()).unwrap_or_default(),
            unit: definition.unit.name().to_owned(),
        }
    })
    .collect()
}
