//! Cases of kind moments and gaps.

use analytics::figures::{CorrelationMatrix, cagr, cumulative, simple_returns, volatility};
use analytics::moments::{
    Centre, Covariance, Decay, Gaps, arithmetic_mean, correlation_with_gaps, coverage, ew_covariance, ew_mean,
    geometric_mean, ledoit_wolf, oracle_approximating, sample_covariance, shrunk_by, smallest_eigenvalue,
};
use analytics::{NoFigure, PeriodsPerYear};
use serde_json::Value;

use crate::case::{Case, Near, Verdict, number, numbers, words};

pub fn periods(case: &Case) -> PeriodsPerYear {
    case.param("periods_per_year").map_or(Some(PeriodsPerYear::SESSIONS), PeriodsPerYear::new).unwrap()
}

pub fn flat(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(numbers).collect()
}

pub fn cells(covariance: &Covariance) -> Vec<f64> {
    covariance.rows().flatten().copied().collect()
}

pub fn moments(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let (table, year, near) = (case.table(), periods(case), case.near());
    let returns = table.returns();
    for name in case.expected.keys() {
        let expected = case.value(name);
        let span = |prefix: &str, suffix: &str| -> Option<f64> {
            name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
        };
        let matrix = match name.as_str() {
            "tickers" => {
                verdict.check(name, words(expected) == table.assets(), "other assets");
                continue;
            }
            "correlation" => correlations(&CorrelationMatrix::new(table.assets(), &returns)),
            "cov_sample_annual" => cells(&sample_covariance(&returns, year).unwrap()),
            "cov_ledoit_wolf_annual" => cells(&ledoit_wolf(&returns, year).unwrap().covariance),
            "cov_oas_annual" => cells(&oracle_approximating(&returns, year).unwrap().covariance),
            "ledoit_wolf_shrinkage" => vec![ledoit_wolf(&returns, year).unwrap().shrinkage],
            "oas_shrinkage" => vec![oracle_approximating(&returns, year).unwrap().shrinkage],
            "mu_arith" => returns.iter().map(|r| arithmetic_mean(r, year).unwrap()).collect(),
            "mu_geom" => returns.iter().map(|r| geometric_mean(r, year).unwrap()).collect(),
            _ => {
                if let Some(share) = span("cov_shrunk_basic_", "_annual") {
                    cells(&shrunk_by(&returns, share, year).unwrap().covariance)
                } else if let Some(span) = span("cov_exp_span", "_annual") {
                    cells(&ew_covariance(&returns, Decay::Span(span), Centre::SampleMean, year).unwrap())
                } else if let Some(returns_to_half) = span("cov_exp_halflife", "_annual") {
                    cells(&ew_covariance(&returns, Decay::HalfLife(returns_to_half), Centre::Zero, year).unwrap())
                } else if let Some(span) = span("mu_ema_span", "") {
                    returns.iter().map(|r| ew_mean(r, Decay::Span(span), year).unwrap()).collect()
                } else {
                    verdict.unknown(name);
                    continue;
                }
            }
        };
        let expected = match expected.as_array() {
            None => vec![number(expected)],
            Some(rows) if rows[0].is_array() => flat(expected),
            Some(_) => numbers(expected),
        };
        verdict.vector(name, near, &matrix, &expected);
    }
    verdict
}

fn correlations(matrix: &CorrelationMatrix) -> Vec<f64> {
    matrix.rows().flatten().map(|cell| cell.unwrap()).collect()
}

pub fn gaps(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let (quotes, year, near) = (case.quotes(), periods(case), case.near());
    let covered = coverage(&quotes);
    let own: Vec<_> = (0..covered.len()).filter_map(|asset| quotes.series(asset).ok()).collect();
    let complete = quotes.complete();
    for name in case.expected.keys() {
        let expected = case.value(name);
        let of_asset = |asset: usize| &expected[covered[asset].asset.as_str()];
        let closes = || own.iter().map(|own| own.closes()).enumerate();
        match name.as_str() {
            "tickers" => verdict.check(name, words(expected) == quotes.assets(), "other assets"),
            "rows_union" => verdict.check(name, *expected == quotes.dates().len(), quotes.dates().len()),
            "rows_complete" => {
                let got = complete.as_ref().map_or(0, |table| table.dates().len());
                verdict.check(name, *expected == got, got);
            }
            "corr_complete_case" => match &complete {
                Ok(table) => {
                    let got = CorrelationMatrix::new(table.assets(), &table.returns());
                    let got = got.rows().flatten().copied().collect::<Vec<_>>();
                    or_reasons(&mut verdict, name, near, &got, expected);
                }
                Err(_) => verdict.check(name, flat(expected).iter().all(|cell| cell.is_nan()), "no complete row"),
            },
            "corr_pairwise" => {
                or_reasons(
                    &mut verdict,
                    name,
                    near,
                    &correlation_with_gaps(&quotes, Gaps::Pairwise).concat(),
                    expected,
                );
            }
            "corr_ffill_pairwise" => {
                let got = correlation_with_gaps(&quotes, Gaps::CarriedForward).concat();
                or_reasons(&mut verdict, name, near, &got, expected);
            }
            "min_eig_pairwise" => {
                let rows = correlation_with_gaps(&quotes, Gaps::Pairwise).into_iter();
                let rows = rows.map(|row| row.into_iter().collect()).collect::<Result<Vec<Vec<f64>>, NoFigure>>();
                or_reasons(&mut verdict, name, near, &[rows.and_then(|rows| smallest_eigenvalue(&rows))], expected);
            }
            "first_valid" | "last_valid" => {
                for (asset, covered) in covered.iter().enumerate() {
                    let got = if name == "first_valid" { covered.first } else { covered.last };
                    let got = got.map_or(Value::Null, |date| date.to_string().into());
                    verdict.check(name, got == *of_asset(asset), format!("{got} instead of {}", of_asset(asset)));
                }
            }
            "missing_cells" => {
                for (asset, covered) in covered.iter().enumerate() {
                    verdict.check(name, *of_asset(asset) == covered.missing, covered.missing);
                }
            }
            "n_returns_own" => {
                closes().for_each(|(asset, own)| verdict.check(name, *of_asset(asset) == own.len() - 1, own.len() - 1));
            }
            "cagr_own" => {
                for (asset, own) in closes() {
                    let got = cumulative(own).and_then(|total| cagr(total, own.len() - 1, year));
                    or_reasons(&mut verdict, name, near, &[got], of_asset(asset));
                }
            }
            "vol_own" => {
                for (asset, own) in closes() {
                    or_reasons(&mut verdict, name, near, &[volatility(&simple_returns(own), year)], of_asset(asset));
                }
            }
            _ => verdict.unknown(name),
        }
    }
    verdict
}

/// Numbers where the reference has numbers, reasons where it has none.
fn or_reasons(verdict: &mut Verdict, name: &str, near: Near, got: &[Result<f64, NoFigure>], expected: &Value) {
    let expected = if expected.is_array() { flat(expected) } else { vec![number(expected)] };
    verdict.check(name, got.len() == expected.len(), "not as many entries");
    for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
        match got {
            Ok(got) => verdict.near(&format!("{name}[{place}]"), near, *got, expected),
            Err(reason) => verdict.check(&format!("{name}[{place}]"), !expected.is_finite(), reason),
        }
    }
}
