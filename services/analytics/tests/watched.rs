//! Long computations hear whether anybody still waits, and tell how far they have come.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use analytics::backtest::{
    Allocation, BacktestError, BacktestParams, Policy, backtest, backtest_quotes, backtest_quotes_watched,
    backtest_watched,
};
use analytics::moments::{arithmetic_mean, sample_covariance};
use analytics::optimise::{
    Constraints, OptimiseError, Problem, frontier, frontier_watched, max_sharpe, max_sharpe_watched,
};
use analytics::{PeriodsPerYear, PriceTable, Quotes};
use jiff::civil::{Date, date};

fn returns() -> Vec<Vec<f64>> {
    (1..=12_u32)
        .map(|asset| {
            let wave = |day: u32| (f64::from(day * asset) * 0.7).sin() * 0.01 + f64::from(asset % 5) * 1e-4;
            (0..300).map(wave).collect()
        })
        .collect()
}

fn table() -> PriceTable {
    let days: Vec<Date> = (0..301).map(|day| date(2020, 1, 1) + jiff::Span::new().days(day)).collect();
    let returns = returns();
    let columns = returns.iter().map(|series| {
        let grow = |value: &mut f64, r: &f64| {
            *value *= 1.0 + r;
            Some(*value)
        };
        std::iter::once(100.0).chain(series.iter().scan(100.0, grow)).collect()
    });
    let columns: Vec<Vec<f64>> = columns.collect();
    PriceTable::new((0..12).map(|asset| format!("A{asset}")).collect(), days, columns).unwrap()
}

/// How often a watch was asked, and the greatest share that it heard.
type Heard = Rc<Cell<(usize, f64)>>;

/// A watch that lets a computation go on so many times, and the shares that it heard.
fn asked(times: usize) -> (impl Fn(f64) -> ControlFlow<()>, Heard) {
    let heard = Heard::default();
    let shared = Rc::clone(&heard);
    let watch = move |share: f64| {
        assert!((0.0..=1.0).contains(&share), "{share}");
        let (count, most) = shared.get();
        shared.set((count + 1, most.max(share)));
        if count < times { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    (watch, heard)
}

#[test]
fn a_watched_frontier_is_the_same_and_can_be_cancelled_anywhere() {
    let returns = returns();
    let covariance = sample_covariance(&returns, PeriodsPerYear::SESSIONS).unwrap();
    let mu: Vec<f64> = returns.iter().map(|one| arithmetic_mean(one, PeriodsPerYear::SESSIONS).unwrap()).collect();
    let constraints = Constraints::within(12, 0.0, 0.5);
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    let (watch, heard) = asked(usize::MAX);
    assert_eq!(frontier_watched(&problem, 20, &watch).unwrap(), frontier(&problem, 20).unwrap());
    let (times, most) = heard.get();
    assert!(times > 30 && most > 0.9, "{times} {most}");
    for stop in 0..times {
        let (watch, heard) = asked(stop);
        assert_eq!(frontier_watched(&problem, 20, &watch), Err(OptimiseError::Cancelled));
        assert_eq!(heard.get().0, stop + 1, "nothing is done after it");
    }
    let (watch, _) = asked(usize::MAX);
    assert_eq!(max_sharpe_watched(&problem, 0.0, &watch).unwrap(), max_sharpe(&problem, 0.0).unwrap());
    let (watch, _) = asked(3);
    assert_eq!(max_sharpe_watched(&problem, 0.0, &watch), Err(OptimiseError::Cancelled));
}

#[test]
fn a_watched_backtest_is_the_same_and_can_be_cancelled_anywhere() {
    let table = table();
    let all = Allocation::Weights(vec![1.0 / 12.0; 12]);
    let params = BacktestParams { policy: Policy::MONTHLY, ..BacktestParams::default() };
    let (watch, heard) = asked(usize::MAX);
    assert_eq!(backtest_watched(&table, &all, &params, &watch).unwrap(), backtest(&table, &all, &params).unwrap());
    let times = heard.get().0;
    assert!(times >= 9, "{times}");
    for stop in 0..times {
        let (watch, _) = asked(stop);
        let cancelled = backtest_watched(&table, &all, &params, &watch);
        assert!(matches!(cancelled, Err(BacktestError::Cancelled(_))), "{cancelled:?}");
    }
    let columns = table.columns().iter().map(|column| column.iter().copied().map(Some).collect()).collect();
    let quotes = Quotes::new(table.assets().to_vec(), table.dates().to_vec(), columns).unwrap();
    let (watch, _) = asked(usize::MAX);
    let whole = backtest_quotes_watched(&quotes, &all, &params, &watch).unwrap();
    assert_eq!(whole, backtest_quotes(&quotes, &all, &params).unwrap());
    let (watch, _) = asked(1);
    assert!(backtest_quotes_watched(&quotes, &all, &params, &watch).is_err());
}
