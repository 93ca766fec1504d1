//! What must hold for every input: weights keep their limits, frontiers bend, costs never help, order does not matter.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use analytics::backtest::{Allocation, BacktestParams, Drift, Policy, Threshold, backtest, backtest_many};
use analytics::figures::risk_contributions;
use analytics::moments::{Covariance, arithmetic_mean, ledoit_wolf, sample_covariance};
use analytics::optimise::{self as optimise, Constraints, Group, Linkage, OptimiseError, Optimum, Problem};
use analytics::{FigureParams, Figures, PeriodsPerYear, PriceTable};
use jiff::civil::Date;
use proptest::prelude::*;

const YEAR: PeriodsPerYear = PeriodsPerYear::SESSIONS;
/// The tolerance for sums, bounds and groups.
const KEPT: f64 = 1e-9;

fn returns(assets: std::ops::Range<usize>, days: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f64>>> {
    (assets, days).prop_flat_map(|(assets, days)| {
        let series = prop::collection::vec(-0.05..0.05_f64, days);
        prop::collection::vec(series, assets)
    })
}

/// Returns of which some assets are copies or multiples of others, or do not move: singular covariances.
fn degenerate_returns() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (returns(2..6, 3..12), prop::collection::vec((0..6_usize, -1..3_i32), 1..4)).prop_map(|(mut returns, copies)| {
        for (of, factor) in copies {
            let copy = returns[of % returns.len()].iter().map(|r| r * f64::from(factor)).collect();
            returns.push(copy);
        }
        returns
    })
}

fn dates(n: usize) -> Vec<Date> {
    let first = jiff::civil::date(2020, 1, 1);
    (0..n).map(|day| first + jiff::Span::new().days(i64::try_from(day).unwrap())).collect()
}

fn prices(returns: &[Vec<f64>]) -> PriceTable {
    let column = |series: &Vec<f64>| {
        let mut prices = vec![100.0];
        series.iter().enumerate().for_each(|(day, r)| prices.push(prices[day] * (1.0 + r)));
        prices
    };
    let assets = (0..returns.len()).map(|asset| format!("A{asset}")).collect();
    PriceTable::new(assets, dates(returns[0].len() + 1), returns.iter().map(column).collect()).unwrap()
}

fn weights(n: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.01..1.0_f64, n).prop_map(|drawn| {
        let sum: f64 = drawn.iter().sum();
        drawn.iter().map(|w| w / sum).collect()
    })
}

/// Bounds around a portfolio that keeps them, and one group with a limit that it keeps too.
fn constraints(n: usize) -> impl Strategy<Value = (Constraints, Vec<f64>)> {
    let room = prop::collection::vec((0.0..0.3_f64, 0.0..0.5_f64), n);
    (weights(n), room, 0.0..0.1_f64, 0..n, prop::collection::vec(any::<bool>(), n)).prop_map(
        move |(inside, room, slack, locked, members)| {
            let lower = inside.iter().zip(&room).map(|(w, (below, _))| w - below).collect();
            let upper = inside.iter().zip(&room).map(|(w, (_, above))| w + above).collect();
            let members: Vec<usize> = (0..n).filter(|&asset| members[asset]).collect();
            let sum: f64 = members.iter().map(|&member| inside[member]).sum();
            let group = Group { name: "some".into(), members, least: sum - slack, most: sum + slack };
            let constraints = Constraints { lower, upper, groups: vec![group], budget: 1.0 };
            (constraints.lock(locked, inside[locked]), inside)
        },
    )
}

fn moments(returns: &[Vec<f64>]) -> (Covariance, Vec<f64>) {
    let mu = returns.iter().map(|series| arithmetic_mean(series, YEAR).unwrap()).collect();
    (sample_covariance(returns, YEAR).unwrap(), mu)
}

fn keeps(weights: &[f64], constraints: &Constraints) -> Result<(), TestCaseError> {
    prop_assert!((weights.iter().sum::<f64>() - constraints.budget).abs() < KEPT, "{weights:?}");
    for (weight, (lower, upper)) in weights.iter().zip(constraints.lower.iter().zip(&constraints.upper)) {
        prop_assert!(lower - KEPT <= *weight && *weight <= upper + KEPT, "{weight} not in {lower}..{upper}");
    }
    for group in &constraints.groups {
        let sum: f64 = group.members.iter().map(|&member| weights[member]).sum();
        prop_assert!(group.least - KEPT <= sum && sum <= group.most + KEPT, "{sum} not in {group:?}");
    }
    Ok(())
}

/// No small exchange of weight that keeps all limits makes `cost` less.
fn cannot_be_improved(optimum: &[f64], rival: &[f64], cost: impl Fn(&[f64]) -> f64) -> Result<(), TestCaseError> {
    let best = cost(optimum);
    for share in [1e-3, 0.1, 1.0] {
        // All limits are convex: what lies between two portfolios that keep them keeps them.
        let mixed: Vec<f64> = optimum.iter().zip(rival).map(|(w, r)| w + share * (r - w)).collect();
        let room = 1e-9 * (best.abs() + cost(&mixed).abs());
        prop_assert!(best <= cost(&mixed) + room, "{best} against {} at {share}", cost(&mixed));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn optima_keep_their_limits_and_no_rival_is_better(
        (returns, (constraints, rival)) in returns(2..9, 20..60).prop_flat_map(|r| { let n = r.len(); (Just(r), constraints(n)) }),
        aversion in 0.5..50.0_f64,
    ) {
        let (covariance, mu) = moments(&returns);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let variance = |w: &[f64]| covariance.portfolio_variance(w);
        let gain = |w: &[f64]| w.iter().zip(&mu).map(|(w, m)| w * m).sum::<f64>();
        let calm = optimise::min_variance(&problem).unwrap();
        keeps(&calm.weights, &constraints)?;
        cannot_be_improved(&calm.weights, &rival, variance)?;
        let useful = optimise::max_utility(&problem, aversion).unwrap();
        keeps(&useful.weights, &constraints)?;
        cannot_be_improved(&useful.weights, &rival, |w| aversion / 2.0 * variance(w) - gain(w))?;
        let rf = -10.0;
        let steep = optimise::max_sharpe(&problem, rf).unwrap();
        keeps(&steep.weights, &constraints)?;
        cannot_be_improved(&steep.weights, &rival, |w| -(gain(w) - rf) / variance(w).sqrt())?;
    }

    #[test]
    fn the_exact_and_the_interior_method_agree_on_what_can_be_satisfied(
        (returns, groups) in returns(3..7, 20..40).prop_flat_map(|returns| {
            let group = (prop::collection::vec(any::<bool>(), returns.len()), 0.0..1.0_f64, 0.0..1.0_f64);
            (Just(returns), prop::collection::vec(group, 1..4))
        }),
        cap in 0.2..1.0_f64,
    ) {
        let n = returns.len();
        let mut constraints = Constraints::within(n, 0.0, cap);
        for (place, (members, one, other)) in groups.into_iter().enumerate() {
            let members = (0..n).filter(|&asset| members[asset]).collect();
            let (least, most) = (one.min(other), one.max(other));
            constraints = constraints.group(Group { name: format!("group {place}"), members, least, most });
        }
        let (covariance, mu) = moments(&returns);
        let exact = optimise::min_variance(&Problem { covariance: &covariance, mu: &mu, constraints: &constraints });
        let interior = optimise::min_cvar(&returns, 0.8, &constraints);
        match (&exact, &interior) {
            (Ok(exact), Ok(interior)) => {
                keeps(&exact.weights, &constraints)?;
                cannot_be_improved(&exact.weights, &interior.weights, |w| covariance.portfolio_variance(w))?;
            }
            (Err(OptimiseError::Infeasible { limit, with }), Err(_)) => {
                // What is named must be enough to contradict itself: a group is always part of it.
                let named = format!("{limit} {with:?}");
                prop_assert!(named.contains("group"), "{named}");
            }
            (Err(OptimiseError::BudgetOutOfReach { .. }), Err(OptimiseError::BudgetOutOfReach { .. })) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn the_frontier_is_convex_and_dominated_by_nothing(
        (returns, (constraints, rival)) in returns(2..9, 20..60).prop_flat_map(|r| { let n = r.len(); (Just(r), constraints(n)) }),
    ) {
        let (covariance, mu) = moments(&returns);
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let points = optimise::frontier(&problem, 15).unwrap();
        for point in &points {
            keeps(&point.weights, &constraints)?;
        }
        for three in points.windows(3) {
            let [a, b, c] = [&three[0], &three[1], &three[2]];
            prop_assert!(b.expected_return >= a.expected_return - KEPT);
            prop_assert!(b.volatility <= 0.5 * (a.volatility + c.volatility) + KEPT, "not convex");
        }
        let gain: f64 = rival.iter().zip(&mu).map(|(w, m)| w * m).sum();
        let risk = covariance.portfolio_variance(&rival).sqrt();
        prop_assert!(gain <= points[14].expected_return + KEPT * (1.0 + gain.abs()));
        match optimise::target_return(&problem, gain) {
            Ok(optimum) => prop_assert!(optimum.volatility <= risk * (1.0 + 1e-7) + KEPT && (optimum.expected_return - gain).abs() < 1e-8),
            Err(error) => prop_assert!(false, "{error}"),
        }
        match optimise::target_risk(&problem, risk) {
            Ok(optimum) => prop_assert!(optimum.expected_return >= gain - 1e-7 * (1.0 + gain.abs())),
            Err(error) => prop_assert!(matches!(error, OptimiseError::RiskOutOfReach { .. }), "{error}"),
        }
    }

    #[test]
    fn singular_covariances_have_optima_too(returns in degenerate_returns(), cap in 0.3..1.0_f64) {
        let (covariance, mu) = moments(&returns);
        let n = mu.len();
        let constraints = Constraints::within(n, 0.0, cap.max(1.0 / f64::from(u32::try_from(n).unwrap()) + 0.01));
        let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
        let points = optimise::frontier(&problem, 9).unwrap();
        let even = vec![1.0 / f64::from(u32::try_from(n).unwrap()); n];
        for point in &points {
            keeps(&point.weights, &constraints)?;
        }
        let scale = (0..n).map(|asset| covariance.variance(asset)).sum::<f64>();
        prop_assert!(points[0].volatility.powi(2) <= covariance.portfolio_variance(&even) + 1e-6 * scale);
        let mut best = mu.clone();
        best.sort_by(|a, b| b.total_cmp(a));
        let (mut left, mut most) = (1.0, 0.0);
        for mu in best {
            let part = constraints.upper[0].min(left);
            most += part * mu;
            left -= part;
        }
        prop_assert!((points[8].expected_return - most).abs() < 1e-6 * (1.0 + most.abs()), "{} {most}", points[8].expected_return);
    }

    #[test]
    fn a_permutation_of_assets_permutes_the_answer(returns in returns(3..7, 30..50)) {
        let n = returns.len();
        let turned: Vec<Vec<f64>> = (0..n).map(|asset| returns[(asset + 1) % n].clone()).collect();
        let solve = |returns: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let (covariance, mu) = moments(returns);
            let constraints = Constraints::within(n, 0.0, 0.8);
            let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
            let mut answers: Vec<Vec<f64>> = optimise::frontier(&problem, 5).unwrap().into_iter().map(|Optimum { weights, .. }| weights).collect();
            answers.push(optimise::risk_parity(&covariance, &optimise::equal_budgets(n)).unwrap());
            answers.push(optimise::min_variance(&Problem { covariance: &ledoit_wolf(returns, YEAR).unwrap().covariance, ..problem }).unwrap().weights);
            answers
        };
        for (plain, turned) in solve(&returns).iter().zip(solve(&turned)) {
            for asset in 0..n {
                prop_assert!((plain[(asset + 1) % n] - turned[asset]).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn risk_contributions_add_up_and_meet_their_budgets(
        (returns, budgets) in returns(2..9, 20..60).prop_flat_map(|r| { let n = r.len(); (Just(r), weights(n)) }),
    ) {
        let (covariance, _) = moments(&returns);
        let parity = optimise::risk_parity(&covariance, &budgets).unwrap();
        let shares = risk_contributions(&covariance, &parity).unwrap();
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < KEPT);
        prop_assert!(shares.iter().zip(&budgets).all(|(share, budget)| (share - budget).abs() < KEPT));
        for linkage in [Linkage::Single, Linkage::Complete, Linkage::Average, Linkage::Ward] {
            let tree = optimise::hierarchical_risk_parity(&covariance, linkage).unwrap();
            keeps(&tree.weights, &Constraints::long_only(returns.len()))?;
            prop_assert!(tree.merges.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
            let mut order = tree.leaf_order.clone();
            order.sort_unstable();
            prop_assert_eq!(order, (0..returns.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn scaling_a_price_series_changes_no_figure(returns in returns(1..2, 5..300), scale in 1e-6..1e6_f64) {
        let table = prices(&returns);
        let scaled: Vec<f64> = table.column(0).iter().map(|close| close * scale).collect();
        let params = FigureParams { annualise_short_windows: true, ..FigureParams::default() };
        let plain = Figures::of(table.dates(), table.column(0), Some(table.column(0)), &params);
        let other = Figures::of(table.dates(), &scaled, Some(table.column(0)), &params);
        for ((figure, plain), (_, other)) in plain.iter().zip(other.iter()) {
            match (plain, other) {
                (Ok(plain), Ok(other)) => prop_assert!((plain - other).abs() <= 1e-9 * (1.0 + plain.abs()), "{figure:?} {plain} {other}"),
                (plain, other) => prop_assert_eq!(plain.is_ok(), other.is_ok(), "{:?}", figure),
            }
        }
    }

    #[test]
    fn costs_never_help_and_many_agree_with_one(
        (returns, weights) in returns(2..6, 60..200).prop_flat_map(|r| { let n = r.len(); (Just(r), weights(n)) }),
        cost_rate in 0.0..0.02_f64,
        drift in 0.01..0.2_f64,
        lag_sessions in 0..2_usize,
    ) {
        let table = prices(&returns);
        let threshold = Some(Threshold { drift: Drift::Absolute(drift), cooldown_sessions: 5 });
        let either = Policy { threshold, lag_sessions, ..Policy::MONTHLY };
        for policy in [Policy::NONE, Policy::MONTHLY, Policy::QUARTERLY, Policy::YEARLY, either] {
            let run = |cost_rate: f64| {
                let params = BacktestParams { policy, cost_rate, contributions: vec![] };
                backtest(&table, &Allocation::Weights(weights.clone()), &params).unwrap()
            };
            let (free, costly) = (run(0.0), run(cost_rate));
            prop_assert!(costly.equity.iter().zip(&free.equity).all(|(costly, free)| *costly <= free * (1.0 + 1e-12)));
            prop_assert_eq!(costly.rebalances.len(), free.rebalances.len());
            prop_assert!((costly.final_weights.iter().sum::<f64>() - 1.0).abs() < KEPT);
            let paid = costly.total_cost();
            prop_assert!(paid >= 0.0 && free.total_cost().abs() < 1e-12);
            if policy.threshold.is_none() {
                let many = backtest_many(&table, std::slice::from_ref(&weights), policy, cost_rate).unwrap();
                prop_assert!(many.of(0).iter().zip(&costly.equity).all(|(a, b)| (a - b).abs() < 1e-11));
            }
        }
    }
}

/// At an optimum the gradient `S w` is `t m + c` for every weight between its bounds, not less at the lower bound and not
/// more at the upper one: no rival has to be tried.
#[test]
fn a_frontier_of_many_assets_meets_the_conditions_of_optimality() {
    const ASSETS: usize = 150;
    const CAP: f64 = 0.05;
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX) - 0.5
    };
    let market: Vec<f64> = (0..400).map(|_| 0.02 * draw()).collect();
    let returns: Vec<Vec<f64>> = (0..ASSETS)
        .map(|_| {
            let (loading, spread) = (1.0 + draw(), 0.03 + 0.02 * draw());
            market.iter().map(|m| loading * m + spread * draw()).collect()
        })
        .collect();
    let (covariance, mu) = moments(&returns);
    let constraints = Constraints::within(ASSETS, 0.0, CAP);
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    let points = optimise::frontier(&problem, 50).unwrap();
    for point in &points[..49] {
        let gradient = covariance.times(&point.weights);
        let free: Vec<usize> =
            (0..ASSETS).filter(|&asset| 1e-9 < point.weights[asset] && point.weights[asset] < CAP - 1e-9).collect();
        let low = *free.iter().min_by(|&&a, &&b| mu[a].total_cmp(&mu[b])).unwrap();
        let high = *free.iter().max_by(|&&a, &&b| mu[a].total_cmp(&mu[b])).unwrap();
        let t = (gradient[high] - gradient[low]) / (mu[high] - mu[low]);
        let scale = point.volatility.powi(2);
        for asset in 0..ASSETS {
            let rest = gradient[asset] - gradient[low] - t * (mu[asset] - mu[low]);
            let met = if point.weights[asset] <= 1e-9 {
                rest >= -1e-9 * scale
            } else if point.weights[asset] >= CAP - 1e-9 {
                rest <= 1e-9 * scale
            } else {
                rest.abs() <= 1e-9 * scale
            };
            assert!(met, "asset {asset} at {} has {rest:e} of {scale:e}", point.weights[asset]);
        }
    }
}
