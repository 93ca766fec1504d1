//! The work that has to be quick. `peers/compare.py` runs this and the Python peers in one go and prints the ratios.

#![expect(clippy::unwrap_used, reason = "without its material there is nothing to measure")]
#![expect(missing_docs, reason = "the macros of the harness write items without one")]
#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "material is read, and results are shown")]

mod cpu_time;
mod material;

use std::hint::black_box;

use analytics::backtest::{Allocation, BacktestParams, Policy, backtest, backtest_many};
use analytics::figures::{constant_mix_returns, simple_returns};
use analytics::moments::{Covariance, arithmetic_mean, sample_covariance};
use analytics::optimise::{Constraints, Problem, frontier};
use analytics::{FigureParams, Figures, PeriodsPerYear, portfolio_figures};
use cpu_time::CpuTime;
use criterion::{Criterion, criterion_group, criterion_main};

const YEAR: PeriodsPerYear = PeriodsPerYear::SESSIONS;
const COST_RATE: f64 = 0.001;

fn figures(criterion: &mut Criterion<CpuTime>) {
    let (prices, index) = (material::prices("sp500_20_adjclose.csv.gz"), material::prices("sp500_index.csv"));
    let weights = vec![0.05; 20];
    let params = FigureParams::default();
    criterion.bench_function("figures_20x8000", |bench| {
        bench.iter(|| {
            let returns = constant_mix_returns(black_box(prices.columns()), &weights);
            let benchmark = simple_returns(black_box(index.column(0)));
            let mut wealth = Vec::with_capacity(returns.len() + 1);
            wealth.push(1.0);
            returns.iter().enumerate().for_each(|(row, r)| wealth.push(wealth[row] * (1.0 + r)));
            Figures::of_returns(prices.dates(), &wealth, &returns, Some(&benchmark), &params)
        });
    });
    criterion.bench_function("portfolio_page_20x8000", |bench| {
        bench.iter(|| portfolio_figures(black_box(&prices), &weights, Policy::MONTHLY, &params).unwrap());
    });
}

fn moments_of(returns: &[Vec<f64>]) -> (Covariance, Vec<f64>) {
    let mu = returns.iter().map(|series| arithmetic_mean(series, YEAR).unwrap()).collect();
    (sample_covariance(returns, YEAR).unwrap(), mu)
}

fn frontiers(criterion: &mut Criterion<CpuTime>) {
    let real = material::prices("sp500_20_adjclose.csv.gz").returns();
    for (name, returns, cap) in
        [("frontier_20", real, 0.2), ("frontier_500", material::synthetic_returns(1_500, 500), 0.05)]
    {
        let (covariance, mu) = moments_of(&returns);
        let constraints = Constraints::within(mu.len(), 0.0, cap);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        criterion.bench_function(name, |bench| bench.iter(|| frontier(black_box(&problem), 50).unwrap()));
    }
}

fn backtests(criterion: &mut Criterion<CpuTime>) {
    let prices = material::prices("sp500_20_adjclose.csv.gz");
    let allocation = Allocation::Weights(vec![0.05; 20]);
    let params = BacktestParams { policy: Policy::MONTHLY, cost_rate: COST_RATE, contributions: Vec::new() };
    criterion.bench_function("backtest_single", |bench| {
        bench.iter(|| backtest(black_box(&prices), &allocation, &params).unwrap());
    });
    let many = material::weights(1_000, 20);
    let mut slow = criterion.benchmark_group("backtest_many");
    slow.sample_size(30);
    slow.bench_function("1000", |bench| {
        bench.iter(|| backtest_many(&prices, black_box(&many), Policy::MONTHLY, COST_RATE).unwrap());
    });
    slow.finish();
}

/// Wall time of the same jobs on one thread and on two: `scaling/<work>/1` over `scaling/<work>/2` is the gain.
fn scaling(criterion: &mut Criterion) {
    let prices = material::prices("sp500_20_adjclose.csv.gz");
    let many = material::weights(1_000, 20);
    let halves = many.chunks(many.len() / 2).collect::<Vec<_>>();
    on_threads(criterion, "backtests", 2, &|job| {
        black_box(backtest_many(&prices, black_box(halves[job]), Policy::MONTHLY, COST_RATE).unwrap());
    });
    let (weights, params) = (vec![0.05; 20], FigureParams::default());
    on_threads(criterion, "figures", 32, &|_| {
        black_box(portfolio_figures(black_box(&prices), &weights, Policy::MONTHLY, &params).unwrap());
    });
    let (covariance, mu) = moments_of(&prices.returns());
    let constraints = Constraints::within(mu.len(), 0.0, 0.2);
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    on_threads(criterion, "frontiers", 64, &|_| {
        black_box(frontier(black_box(&problem), 50).unwrap());
    });
}

/// The jobs `0..jobs`, all on this thread, or half of them on another one.
fn on_threads(criterion: &mut Criterion, work: &str, jobs: usize, job: &(impl Fn(usize) + Sync)) {
    let mut group = criterion.benchmark_group(format!("scaling/{work}"));
    group.sample_size(30);
    group.bench_function("1", |bench| bench.iter(|| (0..jobs).for_each(job)));
    group.bench_function("2", |bench| {
        bench.iter(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| (jobs / 2..jobs).for_each(job));
                (0..jobs / 2).for_each(job);
            });
        });
    });
    group.finish();
}

fn covariances(criterion: &mut Criterion<CpuTime>) {
    let returns = material::synthetic_returns(5_000, 500);
    let covariance = sample_covariance(&returns, PeriodsPerYear::new(1.0).unwrap()).unwrap();
    // The peers' check value of the same series: that both measure the same work.
    println!("S00 {:e} S01 {:e}", covariance.variance(0), covariance.row(0)[1]);
    criterion
        .bench_function("cov_500x5000", |bench| bench.iter(|| sample_covariance(black_box(&returns), YEAR).unwrap()));
}

criterion_group!(
    name = speed;
    config = Criterion::default().with_measurement(CpuTime);
    targets = figures, frontiers, backtests, covariances
);
criterion_group!(threads, scaling);
criterion_main!(speed, threads);
