//! No NaN, no infinity and no panic, whatever comes in: an answer is a number or a reason.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;

use analytics::backtest::{
    Allocation, BacktestParams, Flow, Policy, backtest, backtest_many, backtest_quotes, money_weighted_return,
};
use analytics::corporate_actions::{Action, Adjustment};
use analytics::figures::{self as figures, CorrelationMatrix, Tail};
use analytics::moments::{
    Centre, Covariance, Decay, Gaps, correlation_with_gaps, ew_covariance, ew_mean, geometric_mean, ledoit_wolf,
    oracle_approximating, sample_covariance, smallest_eigenvalue,
};
use analytics::optimise::{self as optimise, Confidence, Constraints, Group, Linkage, Market, Problem, Views};
use analytics::projection::{ProjectionParams, project};
use analytics::{FigureParams, Figures, PeriodsPerYear, PriceTable, Quotes, Series};
use jiff::civil::Date;
use proptest::prelude::*;

const YEAR: PeriodsPerYear = PeriodsPerYear::SESSIONS;

fn nasty() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1.0..1.0_f64,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 1e-308, 5e-324, 1e16, 1e-16]),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ]
}

fn price() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.5..2.0_f64, 1 => prop::sample::select(vec![1.0, 1e308, 1e-308, 5e-324, 1e150, 1e-150, f64::MAX])]
}

fn dates(n: usize) -> Vec<Date> {
    let first = jiff::civil::date(2020, 1, 25);
    (0..n).map(|day| first + jiff::Span::new().days(i64::try_from(day).unwrap())).collect()
}

fn square(n: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    // Symmetric, so that some get past the first check.
    prop::collection::vec(nasty(), n * n)
        .prop_map(move |cells| (0..n).map(|i| (0..n).map(|j| cells[i.max(j) * n + i.min(j)]).collect()).collect())
}

/// A covariance that is valid, of any scale, often singular.
fn covariance(n: usize) -> impl Strategy<Value = Covariance> {
    let factor = prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, n), 1..n + 3);
    (factor, prop::sample::select(vec![1e-150, 1e-12, 1.0, 1e12, 1e150])).prop_filter_map(
        "a covariance",
        move |(factor, scale)| {
            let cell = |i: usize, j: usize| factor.iter().map(|row| row[i] * row[j] * scale).sum::<f64>();
            Covariance::from_rows(&(0..n).map(|i| (0..n).map(|j| cell(i, j)).collect()).collect::<Vec<_>>()).ok()
        },
    )
}

fn finite<'a>(values: impl IntoIterator<Item = &'a f64>) -> Result<(), TestCaseError> {
    values.into_iter().try_for_each(|value| {
        prop_assert!(value.is_finite(), "{value}");
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_of_any_returns(returns in prop::collection::vec(nasty(), 0..12), other in prop::collection::vec(nasty(), 0..12), rf in nasty()) {
        let index: Vec<f64> = std::iter::once(&1.0).chain(&returns).copied().collect();
        let params = FigureParams { rf_annual: rf, required_annual: rf, annualise_short_windows: true, ..FigureParams::default() };
        for benchmark in [None, Some(other.as_slice()), Some(returns.as_slice())] {
            let all = Figures::of_returns(&dates(index.len()), &index, &returns, benchmark, &params);
            for (figure, value) in all.iter() {
                prop_assert!(value.is_ok_and(f64::is_finite) || value.is_err(), "{figure:?} {value:?}");
            }
        }
        for confidence in [rf, 0.0, 0.5, 0.999_999, 1.0] {
            if let Ok(tail) = Tail::new(&returns, confidence) {
                let values = [tail.var(confidence), tail.cvar(confidence), tail.cvar_rockafellar_uryasev(confidence)];
                finite(values.iter().flatten())?;
            }
            finite(figures::quantile(&returns, confidence).iter())?;
            finite(figures::cvar_gaussian(&returns, confidence).iter())?;
        }
        let windows = figures::rolling_beta(&returns, &other, 3);
        finite(windows.iter().flatten())?;
        figures::drawdowns(&dates(index.len()), &index);
        figures::monthly_returns(&dates(returns.len()), &returns);
    }

    #[test]
    fn figures_of_any_prices(closes in prop::collection::vec(price(), 1..12)) {
        let series = Series::new(dates(closes.len()), closes).unwrap();
        let all = Figures::of(series.dates(), series.closes(), Some(series.closes()), &FigureParams::default());
        for (figure, value) in all.iter() {
            prop_assert!(value.is_ok_and(f64::is_finite) || value.is_err(), "{figure:?} {value:?}");
        }
    }

    #[test]
    fn prices_that_are_none_are_refused(closes in prop::collection::vec(nasty(), 0..6), shuffled in prop::collection::vec(0..6_usize, 0..6)) {
        let days = dates(6);
        let picked: Vec<Date> = shuffled.iter().map(|&day| days[day]).collect();
        if let Ok(series) = Series::new(picked, closes) {
            prop_assert!(series.closes().iter().all(|close| close.is_finite() && *close > 0.0));
            prop_assert!(series.dates().windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn moments_of_any_returns(returns in (1..5_usize, 0..6_usize).prop_flat_map(|(n, t)| prop::collection::vec(prop::collection::vec(nasty(), t), n)), span in nasty()) {
        let answers = [
            sample_covariance(&returns, YEAR),
            ew_covariance(&returns, Decay::Span(span), Centre::SampleMean, YEAR),
            ew_covariance(&returns, Decay::HalfLife(span), Centre::Zero, YEAR),
            ledoit_wolf(&returns, YEAR).map(|shrunk| shrunk.covariance),
            oracle_approximating(&returns, YEAR).map(|shrunk| shrunk.covariance),
        ];
        for covariance in answers.iter().flatten() {
            finite(covariance.rows().flatten())?;
        }
        finite(ew_mean(&returns[0], Decay::Span(span), YEAR).iter())?;
        finite(geometric_mean(&returns[0], YEAR).iter())?;
        let names: Vec<String> = (0..returns.len()).map(|asset| asset.to_string()).collect();
        finite(CorrelationMatrix::new(&names, &returns).rows().flatten().flatten())?;
    }

    #[test]
    fn matrices_that_are_no_covariance_are_refused(rows in (0..4_usize).prop_flat_map(square)) {
        finite(smallest_eigenvalue(&rows).iter())?;
        if let Ok(covariance) = Covariance::from_rows(&rows) {
            finite(covariance.rows().flatten())?;
            solve_all(&covariance, &vec![0.1; rows.len()], &Constraints::long_only(rows.len()))?;
        }
    }

    #[test]
    fn optimisers_with_any_numbers(
        (covariance, mu, lower, upper) in (1..6_usize).prop_flat_map(|n| {
            let numbers = || prop::collection::vec(nasty(), n);
            (covariance(n), numbers(), numbers(), numbers())
        }),
        limits in (nasty(), nasty()),
    ) {
        let n = covariance.assets();
        let group = Group { name: "half".into(), members: (0..n / 2).collect(), least: limits.0, most: limits.1 };
        let wild = Constraints { lower, upper, groups: vec![group.clone()], budget: 1.0 };
        solve_all(&covariance, &mu, &wild)?;
        solve_all(&covariance, &mu, &Constraints::long_only(n).group(group))?;
        solve_all(&covariance, &mu, &Constraints::long_only(n))?;
        solve_all(&covariance, &vec![0.1; n], &Constraints::within(n, 0.0, 1.0 / f64::from(u32::try_from(n).unwrap())))?;
    }

    #[test]
    fn views_of_any_kind(
        (covariance, weights, pick) in (1..4_usize).prop_flat_map(|n| (covariance(n), prop::collection::vec(nasty(), n), prop::collection::vec(nasty(), n))),
        numbers in (nasty(), nasty(), nasty(), nasty()),
    ) {
        let (risk_aversion, tau, answer, confidence) = numbers;
        for market_weights in [weights, vec![0.5; covariance.assets()]] {
            let market = Market { weights: market_weights, risk_aversion, tau, rf: 0.0 };
            for confidence in [Confidence::Proportional, Confidence::Idzorek(vec![confidence]), Confidence::Variances(vec![confidence])] {
                let views = Views { picks: vec![pick.clone()], answers: vec![answer], confidence };
                if let Ok(posterior) = optimise::black_litterman(&covariance, &market, &views) {
                    finite(posterior.returns.iter().chain(&posterior.prior_returns).chain(&posterior.omega))?;
                    finite(posterior.covariance.rows().flatten())?;
                }
            }
        }
    }

    #[test]
    fn backtests_on_any_prices(
        columns in (1..4_usize, 1..40_usize).prop_flat_map(|(n, t)| prop::collection::vec(prop::collection::vec(price(), t), n)),
        gaps in prop::collection::vec(any::<bool>(), 160),
        numbers in (nasty(), nasty(), nasty()),
        day in 0..45_i64,
    ) {
        let (n, t) = (columns.len(), columns[0].len());
        let names: Vec<String> = (0..n).map(|asset| asset.to_string()).collect();
        let table = PriceTable::new(names.clone(), dates(t), columns.clone()).unwrap();
        let even = Allocation::Weights(vec![1.0 / f64::from(u32::try_from(n).unwrap()); n]);
        let flow = Flow { date: dates(1)[0] + jiff::Span::new().days(day), amount: numbers.1 };
        for (cost_rate, contributions) in [(0.001, vec![]), (numbers.0, vec![flow]), (0.001, vec![flow])] {
            let params = BacktestParams { policy: Policy::MONTHLY, cost_rate, contributions };
            let with_gaps = columns.iter().enumerate().map(|(asset, column)| {
                column.iter().enumerate().map(|(row, close)| gaps[asset * 40 + row].then_some(*close)).collect()
            });
            let quotes = Quotes::new(names.clone(), dates(t), with_gaps.collect()).unwrap();
            correlation_with_gaps(&quotes, Gaps::CarriedForward);
            let answers = [
                backtest(&table, &even, &params),
                backtest_quotes(&quotes, &Allocation::EqualAmongListed, &params),
                backtest_quotes(&quotes, &even, &params),
                backtest(&table, &Allocation::Weights(vec![numbers.2; n]), &params),
            ];
            for outcome in answers.iter().flatten() {
                finite(outcome.equity.iter().chain(&outcome.final_weights))?;
                finite(outcome.money_weighted_return().iter())?;
                for (figure, value) in outcome.figures(&FigureParams::default()).iter() {
                    prop_assert!(value.is_ok_and(f64::is_finite) || value.is_err(), "{figure:?} {value:?}");
                }
            }
            if let (Ok(many), Allocation::Weights(weights)) = (backtest_many(&table, &[vec![numbers.2; n]], Policy::MONTHLY, cost_rate), &even) {
                prop_assert_eq!(many.on(0).len() * weights.len(), weights.len());
                finite(&many.of(0))?;
            }
        }
        finite(money_weighted_return(&[flow], numbers.0, flow.date + jiff::Span::new().days(9)).iter())?;
    }

    #[test]
    fn actions_of_any_size(closes in prop::collection::vec(price(), 1..8), amounts in prop::collection::vec((0..9_i64, nasty(), any::<bool>()), 0..4)) {
        let raw = Series::new(dates(closes.len()), closes).unwrap();
        let action = |&(day, amount, split): &(i64, f64, bool)| {
            let date = raw.dates()[0] + jiff::Span::new().days(day);
            (date, if split { Action::Split(amount) } else { Action::Dividend(amount) })
        };
        if let Ok(adjustment) = Adjustment::new(&raw, &amounts.iter().map(action).collect::<Vec<_>>()) {
            for series in [adjustment.adjusted(), adjustment.split_adjusted()].iter().flatten() {
                finite(series.closes())?;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn projections_with_any_numbers(
        column in prop::collection::vec(price(), 2..20),
        numbers in (nasty(), nasty(), nasty(), nasty(), nasty()),
        counts in (0..30_usize, 0..20_usize, 0..9_usize, 0..9_usize),
    ) {
        let table = PriceTable::new(vec!["A".into()], dates(column.len()), vec![column]).unwrap();
        let (mean_block_sessions, initial, flow, fee_annual, goal) = numbers;
        for (initial, mean_block_sessions) in [(initial, mean_block_sessions), (1.0, 5.0)] {
            let params = ProjectionParams {
                horizon_sessions: counts.0, paths: counts.1, mean_block_sessions, seed: 3, initial, flow,
                flow_every_sessions: counts.2, fee_annual, rebalance_every_sessions: counts.3, point_every_sessions: counts.2,
                percentiles: vec![0.0, 0.5, 1.0], goal: Some(goal),
            };
            if let Ok(projection) = project(&table, &[1.0], &params, |_| ControlFlow::Continue(())) {
                finite(projection.fan.iter().flatten().chain(&projection.paid_in))?;
            }
        }
    }

    #[test]
    fn least_cvar_of_any_returns(
        returns in (1..4_usize, 0..8_usize).prop_flat_map(|(n, t)| prop::collection::vec(prop::collection::vec(nasty(), t), n)),
        confidence in nasty(), cap in nasty(),
    ) {
        for confidence in [confidence, 0.8] {
            for cap in [cap, 1.0] {
                if let Ok(least) = optimise::min_cvar(&returns, confidence, &Constraints::within(returns.len(), 0.0, cap)) {
                    finite(least.weights.iter().chain([&least.cvar]))?;
                }
            }
        }
    }
}

/// Every optimiser on one problem; what comes back is finite.
fn solve_all(covariance: &Covariance, mu: &[f64], constraints: &Constraints) -> Result<(), TestCaseError> {
    let n = covariance.assets();
    let problem = Problem { covariance, mu, constraints };
    let solutions = [
        optimise::min_variance(&problem),
        optimise::max_sharpe(&problem, 0.01),
        optimise::max_utility(&problem, 3.0),
        optimise::target_return(&problem, 0.05),
        optimise::target_risk(&problem, 0.1),
    ];
    let frontier = optimise::frontier(&problem, 4).unwrap_or_default();
    for optimum in solutions.iter().flatten().chain(&frontier) {
        finite(optimum.weights.iter().chain([&optimum.expected_return, &optimum.volatility]))?;
        let sum: f64 = optimum.weights.iter().sum();
        prop_assert!(
            (sum - 1.0).abs() < 1e-6 * (1.0 + constraints.upper.iter().fold(0.0, |most, u| u.abs().max(most))),
            "{sum} {optimum:?}"
        );
    }
    if let Ok(weights) = optimise::risk_parity(covariance, &optimise::equal_budgets(n)) {
        finite(&weights)?;
    }
    for linkage in [Linkage::Single, Linkage::Ward] {
        if let Ok(tree) = optimise::hierarchical_risk_parity(covariance, linkage) {
            finite(&tree.weights)?;
        }
    }
    Ok(())
}
