//! Cases of kind optimize, frontier, risk_parity, hrp, black_litterman and cvar_opt.

use analytics::PriceTable;
use analytics::moments::{
    Covariance, arithmetic_mean, geometric_mean, ledoit_wolf, oracle_approximating, sample_covariance,
};
use analytics::optimise::{self as optimise, Confidence, Constraints, Linkage, Market, Optimum, Problem, Views};
use serde_json::Value;

use crate::case::{Case, Near, Verdict, number, numbers, words};
use crate::moments::{cells, flat, periods};
use crate::params::{bounds, constraints};

fn moments(case: &Case, table: &PriceTable) -> (Covariance, Vec<f64>) {
    let (returns, year) = (table.returns(), periods(case));
    let covariance = match case.params["cov"].as_str() {
        None | Some("sample" | "sample annual") => sample_covariance(&returns, year).unwrap(),
        Some("ledoit_wolf") => ledoit_wolf(&returns, year).unwrap().covariance,
        Some("oas") => oracle_approximating(&returns, year).unwrap().covariance,
        Some(other) => panic!("covariance {other} is not known"),
    };
    let mean = match case.params["mu"].as_str() {
        None | Some("arith") => arithmetic_mean,
        Some("geom") => geometric_mean,
        Some(other) => panic!("expected returns {other} are not known"),
    };
    (covariance, returns.iter().map(|r| mean(r, year).unwrap()).collect())
}

fn weights(verdict: &mut Verdict, name: &str, near: Near, got: &[f64], assets: &[String], expected: &Value) {
    verdict.check(name, expected.as_object().is_some_and(|map| map.len() == got.len()), "not as many weights");
    for (asset, &got) in assets.iter().zip(got) {
        verdict.near(&format!("{name}.{asset}"), near, got, number(&expected[asset]));
    }
}

fn only_abs(case: &Case, key: &str) -> Near {
    Near { rel: 0.0, abs: case.room(key) }
}

fn only_rel(case: &Case, key: &str) -> Near {
    Near { rel: case.room(key), abs: 0.0 }
}

pub fn optimize(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let table = case.table();
    let (covariance, mu) = moments(case, &table);
    let constraints = constraints(case, &table);
    let gamma = case.param("l2_gamma").unwrap_or(0.0);
    let (rf, target) = (case.param("rf").unwrap_or(0.0), case.param("target").unwrap_or(f64::NAN));
    let aversion = case.param("risk_aversion").unwrap_or(f64::NAN);
    let kind = case.params["problem"].as_str().unwrap();
    // A penalty g w'w is a variance of its own: in w'S w it is g, beside half the risk aversion it is 2 g / aversion.
    let ridge = if kind == "quadratic_utility" { 2.0 * gamma / aversion } else { gamma };
    let lifted = |i: usize| {
        let mut row = covariance.row(i).to_vec();
        row[i] += if ridge.is_finite() { ridge } else { 0.0 };
        row
    };
    let penalised = Covariance::from_rows(&(0..mu.len()).map(lifted).collect::<Vec<_>>()).unwrap();
    let problem = Problem { covariance: &penalised, mu: &mu, constraints: &constraints };
    let solved = match kind {
        "min_variance" | "min_volatility" => optimise::min_variance(&problem),
        "max_sharpe" => optimise::max_sharpe(&problem, rf),
        "target_return" => optimise::target_return(&problem, target),
        "target_risk" => optimise::target_risk(&problem, target),
        "quadratic_utility" => optimise::max_utility(&problem, aversion),
        other => return Verdict::failed(&format!("problem {other} is not known")),
    };
    let optimum = match solved {
        Ok(optimum) => optimum,
        Err(error) => return Verdict::failed(&error.to_string()),
    };
    let volatility = covariance.portfolio_variance(&optimum.weights).sqrt();
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "weights" => {
                weights(&mut verdict, name, only_abs(case, "weights_abs"), &optimum.weights, table.assets(), expected);
            }
            "exp_return" => {
                verdict.near(name, only_abs(case, "exp_return_abs"), optimum.expected_return, number(expected));
            }
            "volatility" => verdict.near(name, only_rel(case, "volatility_rel"), volatility, number(expected)),
            "sharpe" => {
                let near = Near { rel: case.room("volatility_rel"), abs: case.room("exp_return_abs") / volatility };
                verdict.near(name, near, (optimum.expected_return - rf) / volatility, number(expected));
            }
            // The certificate of the reference's own solution.
            "kkt" => {}
            _ => verdict.unknown(name),
        }
    }
    verdict
}

pub fn frontier(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let table = case.table();
    let (covariance, mu) = moments(case, &table);
    let constraints = constraints(case, &table);
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    let points =
        optimise::frontier(&problem, usize::try_from(case.params["points"].as_u64().unwrap()).unwrap()).unwrap();
    let least = optimise::min_variance(&problem).unwrap();
    let near_weights = only_abs(case, "weights_abs");
    let point = |verdict: &mut Verdict, place: usize, got: &Optimum, expected: &Value| {
        let name = format!("points[{place}]");
        verdict.near(&name, only_abs(case, "exp_return_abs"), got.expected_return, number(&expected["exp_return"]));
        verdict.near(&name, only_rel(case, "volatility_rel"), got.volatility, number(&expected["volatility"]));
        verdict.vector(&name, near_weights, &got.weights, &numbers(&expected["weights"]));
    };
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "points" => {
                let expected = expected.as_array().unwrap();
                verdict.check(name, points.len() == expected.len(), "not as many points");
                for (place, (got, expected)) in points.iter().zip(expected).enumerate() {
                    point(&mut verdict, place, got, expected);
                }
            }
            "min_variance" => weights(&mut verdict, name, near_weights, &least.weights, table.assets(), expected),
            "max_return" => {
                let got = points.last().unwrap().expected_return;
                verdict.near(name, only_abs(case, "exp_return_abs"), got, number(expected));
            }
            _ => verdict.unknown(name),
        }
    }
    verdict
}

pub fn risk_parity(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let table = case.table();
    let (covariance, _) = moments(case, &table);
    let near = only_abs(case, "weights_abs");
    let budget = bounds(&case.params["budget"], &table, f64::NAN);
    let got = optimise::risk_parity(&covariance, &budget).unwrap();
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "weights" => weights(&mut verdict, name, near, &got, table.assets(), expected),
            "risk_contributions" => {
                let shares = analytics::figures::risk_contributions(&covariance, &got).unwrap();
                weights(&mut verdict, name, near, &shares, table.assets(), expected);
            }
            "volatility" => verdict.near(name, near, covariance.portfolio_variance(&got).sqrt(), number(expected)),
            _ => verdict.unknown(name),
        }
    }
    verdict
}

pub fn hrp(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let table = case.table();
    let (covariance, _) = moments(case, &table);
    let near = only_abs(case, "weights_abs");
    let linkage = match case.params["linkage"].as_str() {
        Some("single") => Linkage::Single,
        Some("complete") => Linkage::Complete,
        Some("average") => Linkage::Average,
        Some("ward") => Linkage::Ward,
        other => return Verdict::failed(&format!("linkage {other:?} is not known")),
    };
    let got = optimise::hierarchical_risk_parity(&covariance, linkage).unwrap();
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "weights" => weights(&mut verdict, name, near, &got.weights, table.assets(), expected),
            "leaf_order" => {
                let order: Vec<String> = got.leaf_order.iter().map(|&asset| table.assets()[asset].clone()).collect();
                verdict.check(name, order == words(expected), format!("{order:?}"));
            }
            "linkage_matrix" => {
                let count = |n: usize| f64::from(u32::try_from(n).unwrap());
                let rows = got.merges.iter().flat_map(|m| [count(m.left), count(m.right), m.distance, count(m.size)]);
                verdict.vector(name, near, &rows.collect::<Vec<_>>(), &flat(expected));
            }
            _ => verdict.unknown(name),
        }
    }
    verdict
}

pub fn black_litterman(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let table = case.table();
    let (covariance, _) = moments(case, &table);
    let near = case.near();
    let rf = case.param("rf").unwrap_or(0.0);
    let market = Market {
        weights: bounds(&case.params["market_weights"], &table, 0.0),
        risk_aversion: case.param("delta").unwrap(),
        tau: case.param("tau").unwrap(),
        rf,
    };
    let confidence = match &case.params["view_confidences"] {
        Value::Null => Confidence::Proportional,
        confidences => Confidence::Idzorek(numbers(confidences)),
    };
    let picks = case.params["P"].as_array().unwrap().iter().map(numbers).collect();
    let views = Views { picks, answers: numbers(&case.params["Q"]), confidence };
    let posterior = optimise::black_litterman(&covariance, &market, &views).unwrap();
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "prior_returns" => verdict.vector(name, near, &posterior.prior_returns, &numbers(expected)),
            "posterior_returns" => verdict.vector(name, near, &posterior.returns, &numbers(expected)),
            "posterior_cov" => verdict.vector(name, near, &cells(&posterior.covariance), &flat(expected)),
            "omega_diag" => verdict.vector(name, near, &posterior.omega, &numbers(expected)),
            "max_sharpe_weights" => {
                let constraints = Constraints::long_only(table.assets().len());
                let problem =
                    Problem { covariance: &posterior.covariance, mu: &posterior.returns, constraints: &constraints };
                let got = optimise::max_sharpe(&problem, rf).unwrap().weights;
                weights(&mut verdict, name, only_abs(case, "weights_abs"), &got, table.assets(), expected);
            }
            _ => verdict.unknown(name),
        }
    }
    verdict
}

pub fn cvar_opt(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let table = case.table();
    let constraints = constraints(case, &table);
    let got = optimise::min_cvar(&table.returns(), case.param("beta").unwrap(), &constraints).unwrap();
    for name in case.expected.keys() {
        match name.as_str() {
            "cvar_daily" => verdict.near(name, only_rel(case, "cvar_rel"), got.cvar, number(case.value(name))),
            // Nearly flat: the case says to compare the objective. The weights must keep their limits all the same.
            "weights" => {
                let mut kept = got.weights.iter().zip(constraints.lower.iter().zip(&constraints.upper));
                let kept = kept.all(|(w, (lower, upper))| *lower <= *w && *w <= *upper);
                let sum: f64 = got.weights.iter().sum();
                verdict.check(name, kept && (sum - constraints.budget).abs() < 1e-9, format!("add up to {sum}"));
            }
            _ => verdict.unknown(name),
        }
    }
    verdict
}
