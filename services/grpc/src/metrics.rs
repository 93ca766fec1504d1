//! `insights.metrics.v1.Metrics`.

use analytics::backtest::{Allocation, BacktestOutcome, BacktestParams, Policy, backtest_watched};
use analytics::moments::{arithmetic_mean, sample_covariance};
use analytics::optimise::{Constraints, FRONTIER_POINTS_MAX, Problem, frontier_watched};
use analytics::{FigureParams, Figures, NoFigure, PeriodsPerYear, PriceTable, Short};
use events::values::{AggregateId, AssetId, PortfolioId};
use events::{Kind, Subject};
use projections::as_of::{of_prices, until_beside_prices};
use projections::figures::DEFINITIONS;
use projections::portfolios::PortfolioRow;
use projections::prices::AsOf;
use projections::replay::replay;
use rust_decimal::prelude::ToPrimitive;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use vault::Principal;

use crate::Service;
use crate::asked::{asset, assets, day, unless_empty, window};
use crate::caller::caller;
use crate::desk::{Asker, Desk};
use crate::fault::{bad_field, database, fault, log, not_as_of, nothing};
use crate::proto::metrics::get_metrics_request::Subject as Whose;
use crate::proto::metrics::metrics_server::Metrics;
use crate::proto::metrics::run_backtest_response::Step;
use crate::proto::metrics::{
    FrontierPoint, GetFrontierRequest, GetFrontierResponse, GetMetricsRequest, GetMetricsResponse, Metric, Outcome,
    Progress, Rebalancing, RunBacktestRequest, RunBacktestResponse,
};
use crate::table::table;

/// Points of a frontier where nothing is said.
const FRONTIER_POINTS: usize = 20;
/// How far the weights of a backtest may be from adding up to 1.
const WEIGHTS_SLACK: f64 = 1e-9;
/// Annual rates of interest that are taken for ones.
const RATES: std::ops::RangeInclusive<f64> = -0.5..=1.0;

/// The service.
pub struct MetricsService {
    service: Service,
    desk: Desk,
}

impl MetricsService {
    pub fn new(service: Service) -> Self {
        Self { service, desk: Desk::new() }
    }

    /// The portfolio as it is, or as it was then; what is another advisor's is not there.
    async fn portfolio(&self, caller: &Principal, text: &str, as_of: Option<&str>) -> Result<PortfolioRow, Status> {
        let id = PortfolioId::parse(text).ok_or_else(|| bad_field("portfolio", "it is no id"))?;
        let unknown = || fault(Code::NotFound, "PORTFOLIO_UNKNOWN", format!("there is no portfolio {id}"));
        let row = projections::portfolios::get(&self.service.pool, id).await.map_err(|error| database(&error))?;
        let row = row.filter(|row| caller.role.advisor().is_none_or(|own| own == row.advisor)).ok_or_else(unknown)?;
        let journal = &self.service.journal;
        let Some(until) = until_beside_prices(journal, as_of).await.map_err(not_as_of)? else { return Ok(row) };
        let history =
            journal.history(&Subject::new(Kind::Portfolio, &id.token())).await.map_err(|error| log(&error))?;
        let then = replay::<projections::portfolios::Changed>(history, until).map_err(|error| {
            tracing::error!(%error, "a portfolio cannot be replayed");
            fault(Code::Internal, "INTERNAL", "the portfolio as it was then cannot be replayed")
        })?;
        then.ok_or_else(unknown)
    }
}

#[tonic::async_trait]
impl Metrics for MetricsService {
    async fn get_metrics(&self, request: Request<GetMetricsRequest>) -> Result<Response<GetMetricsResponse>, Status> {
        let caller = caller(&self.service, request.metadata()).await?;
        let asked = request.into_inner();
        if !RATES.contains(&asked.risk_free_rate) {
            return Err(bad_field(
                "risk_free_rate",
                format!("{} is not between -0.5 and 1", Short(asked.risk_free_rate)),
            ));
        }
        let since = day("since", &asked.since)?;
        let as_of_text = unless_empty(&asked.as_of);
        let as_of = of_prices(&self.service.journal, as_of_text).await.map_err(not_as_of)?;
        let pool = &self.service.pool;
        let mut kept_in = None;
        let (assets, weights): (Vec<AssetId>, Vec<f64>) = match &asked.subject {
            None => return Err(bad_field("subject", "name an asset or a portfolio")),
            Some(Whose::Asset(text)) => (vec![asset("asset", text)?], vec![1.0]),
            Some(Whose::Portfolio(text)) => {
                let row = self.portfolio(&caller, text, as_of_text).await?;
                kept_in = Some(row.currency);
                row.allocation.into_iter().map(|(asset, weight)| (asset, weight.to_f64().unwrap_or(f64::NAN))).unzip()
            }
        };
        let (table, position) = table(pool, &assets, kept_in.as_deref(), (since, None), as_of).await?;
        let params = FigureParams { rf_annual: asked.risk_free_rate, ..FigureParams::default() };
        let outcome = self.desk.compute(move |asker| run(&table, weights, Policy::MONTHLY, asker)).await?;
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
        let points = self.desk.compute(move |asker| curve(&table, points, asker)).await?;
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
        // The number may be none that this server knows; it is not taken for another.
        let unknown = |_| bad_field("rebalancing", format!("{} is no way of rebalancing", asked.rebalancing));
        let policy = match Rebalancing::try_from(asked.rebalancing).map_err(unknown)? {
            Rebalancing::None => Policy::NONE,
            Rebalancing::Unspecified | Rebalancing::Monthly => Policy::MONTHLY,
            Rebalancing::Quarterly => Policy::QUARTERLY,
            Rebalancing::Yearly => Policy::YEARLY,
        };
        let window = window(&asked.from, &asked.to)?;
        let (send, steps) = mpsc::channel(4);
        let (pool, desk) = (self.service.pool.clone(), self.desk.clone());
        tokio::spawn(async move {
            let prices = async move { table(&pool, &assets, None, window, AsOf::Now).await.map(|(table, _)| table) };
            let backtest = move |table: PriceTable, asker: &Asker| run(&table, weights, policy, asker);
            tested(&send, &desk, prices, backtest).await;
        });
        Ok(Response::new(ReceiverStream::new(steps)))
    }
}

/// Steps of a backtest.
const STEPS: u32 = 3;

type Steps = mpsc::Sender<Result<RunBacktestResponse, Status>>;

/// Tells how far a backtest has come, and what it came to, for as long as somebody listens: who hangs up lets go of all of
/// it, whatever step it is at.
async fn tested(
    send: &Steps,
    desk: &Desk,
    prices: impl Future<Output = Result<PriceTable, Status>>,
    backtest: impl FnOnce(PriceTable, &Asker) -> Result<BacktestOutcome, Status> + Send + 'static,
) {
    tokio::select! {
        () = send.closed() => tracing::debug!("nobody waits for a backtest any more"),
        () = steps(send, desk, prices, backtest) => {}
    }
}

/// Three steps: prices, values, figures.
async fn steps(
    send: &Steps,
    desk: &Desk,
    prices: impl Future<Output = Result<PriceTable, Status>>,
    backtest: impl FnOnce(PriceTable, &Asker) -> Result<BacktestOutcome, Status> + Send + 'static,
) {
    let outcome = async {
        told(send, 0).await?;
        let table = prices.await?;
        told(send, 1).await?;
        let outcome = desk.compute(move |asker| backtest(table, asker)).await?;
        told(send, 2).await?;
        let figures = outcome.figures(&FigureParams::default());
        told(send, STEPS).await?;
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
}

async fn told(send: &Steps, done: u32) -> Result<(), Status> {
    let progress = Step::Progress(Progress { done, total: STEPS });
    let gone = |_| fault(Code::Cancelled, "CANCELLED", "the caller has gone");
    send.send(Ok(RunBacktestResponse { step: Some(progress) })).await.map_err(gone)
}

fn run(table: &PriceTable, weights: Vec<f64>, policy: Policy, asker: &Asker) -> Result<BacktestOutcome, Status> {
    let params = BacktestParams { policy, ..BacktestParams::default() };
    backtest_watched(table, &Allocation::Weights(weights), &params, &|_| asker.waits())
        .map_err(|error| nothing("NOT_COMPUTABLE", error))
}

fn curve(table: &PriceTable, points: usize, asker: &Asker) -> Result<Vec<FrontierPoint>, Status> {
    let returns = table.returns();
    let covariance = sample_covariance(&returns, PeriodsPerYear::SESSIONS);
    let covariance = covariance.map_err(|error| nothing("NOT_COMPUTABLE", error))?;
    let mu = returns.iter().map(|returns| arithmetic_mean(returns, PeriodsPerYear::SESSIONS));
    let mu = mu.collect::<Result<Vec<f64>, NoFigure>>().map_err(|error| nothing("NOT_COMPUTABLE", error))?;
    let constraints = Constraints::long_only(mu.len());
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    let optima = frontier_watched(&problem, points, &|_| asker.waits());
    let optima = optima.map_err(|error| nothing("NOT_COMPUTABLE", error))?;
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use analytics::PriceTable;
    use jiff::civil::date;
    use tokio::sync::mpsc;
    use tonic::Code;

    use super::{Desk, Policy, Step, nothing, run, tested};

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn table() -> PriceTable {
        let days = (1..=20).map(|day| date(2024, 1, day)).collect();
        PriceTable::new(vec!["ABC".to_owned()], days, vec![(1..=20).map(f64::from).collect()]).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_ends_the_backtest_in_the_middle_of_its_work() {
        let desk = Desk::new();
        let places = desk.free();
        let (send, mut steps) = mpsc::channel(4);
        let (ended, has_ended) = channel();
        let running = tokio::spawn({
            let desk = desk.clone();
            async move {
                let backtest = move |table: PriceTable, asker: &super::Asker| loop {
                    // It would go on for ever; only its asker can end it.
                    let round = run(&table, vec![1.0], Policy::MONTHLY, asker);
                    if round.is_err() {
                        ended.send(()).unwrap();
                        return Err(nothing("NOT_COMPUTABLE", "cancelled"));
                    }
                };
                tested(&send, &desk, async { Ok(table()) }, backtest).await;
            }
        });
        let done = async |steps: &mut mpsc::Receiver<_>| {
            let step: Result<super::RunBacktestResponse, _> = steps.recv().await.unwrap();
            match step.unwrap().step {
                Some(Step::Progress(progress)) => progress.done,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((done(&mut steps).await, done(&mut steps).await), (0, 1));
        drop(steps);
        tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
        tokio::task::spawn_blocking(move || has_ended.recv_timeout(PATIENCE)).await.unwrap().unwrap();
        tokio::time::timeout(PATIENCE, async {
            while desk.free() < places {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }

    #[test]
    fn a_backtest_that_nobody_waits_for_is_not_computed() {
        let asker = super::Asker::default();
        assert!(run(&table(), vec![1.0], Policy::MONTHLY, &asker).is_ok());
        let none = run(&table(), vec![0.5], Policy::MONTHLY, &asker).unwrap_err();
        assert_eq!(none.code(), Code::FailedPrecondition);
    }
}
