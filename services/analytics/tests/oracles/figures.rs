//! Cases of kind metrics, benchmark, rolling and edge.

use analytics::figures::{self as figures, Episode, Tail};
use analytics::{Figure, FigureParams, Figures, NoFigure, PeriodsPerYear, PriceTable, Series};
use serde_json::Value;

use crate::case::{Case, Near, Verdict, number, series};

fn params(case: &Case) -> FigureParams {
    let periods = case.param("periods_per_year").map_or(Some(PeriodsPerYear::SESSIONS), PeriodsPerYear::new);
    FigureParams { annualise_short_windows: true, periods: periods.unwrap(), ..FigureParams::default() }
}

/// The figure with this id, where the name may end in a rate or start with a kind of tail.
pub fn figure(name: &str, series: &Series, params: &FigureParams) -> Option<Result<f64, NoFigure>> {
    let (dates, values) = (series.dates(), series.closes());
    let returns = figures::simple_returns(values);
    let all = |params: &FigureParams| Figures::of(dates, values, None, params);
    let rate = |tail: &str| tail.parse::<f64>().ok().map(|percent| percent / 100.0);
    if let Some(figure) = Figure::ALL.iter().find(|figure| figure.definition().id == name) {
        return Some(all(params).get(*figure));
    }
    match name {
        "total_return" => return Some(all(params).get(Figure::Cumulative)),
        "sharpe_rf0" => return Some(all(params).get(Figure::Sharpe)),
        _ => {}
    }
    if let Some(rf) = name.strip_prefix("sharpe_rf").and_then(rate) {
        return Some(all(&FigureParams { rf_annual: rf, ..*params }).get(Figure::Sharpe));
    }
    if let Some(rf) = name.strip_prefix("sortino_rf").and_then(rate) {
        return Some(all(&FigureParams { rf_annual: rf, ..*params }).get(Figure::Sortino));
    }
    if let Some(required) = name.strip_prefix("omega_").and_then(|tail| rate(tail.trim_end_matches("pct"))) {
        return Some(all(&FigureParams { required_annual: required, ..*params }).get(Figure::Omega));
    }
    let (kind, digits) = name.rsplit_once('_')?;
    let confidence: f64 = format!("0.{digits}").parse().ok()?;
    let tail = Tail::new(&returns, confidence.min(0.95));
    match kind {
        "var_hist" => Some(tail.and_then(|tail| tail.var(confidence))),
        "cvar_hist" => Some(tail.and_then(|tail| tail.cvar(confidence))),
        "cvar_ru" => Some(tail.and_then(|tail| tail.cvar_rockafellar_uryasev(confidence))),
        "var_gauss" => Some(figures::var_gaussian(&returns, confidence)),
        "cvar_gauss" => Some(figures::cvar_gaussian(&returns, confidence)),
        _ => None,
    }
}

pub fn episode(verdict: &mut Verdict, name: &str, near: Near, got: &Episode, expected: &Value) {
    let same_date = |verdict: &mut Verdict, field: &str, got: Option<jiff::civil::Date>| {
        let got = got.map_or(Value::Null, |date| Value::String(date.to_string()));
        verdict.check(
            &format!("{name}.{field}"),
            got == expected[field],
            format!("{got} instead of {}", expected[field]),
        );
    };
    same_date(verdict, "peak", Some(got.peak));
    same_date(verdict, "start", Some(got.start));
    same_date(verdict, "valley", Some(got.valley));
    same_date(verdict, "recovery", got.recovery);
    verdict.near(&format!("{name}.depth"), near, got.depth, number(&expected["depth"]));
    for (field, days) in
        [("days_peak_to_valley", Some(got.days_peak_to_valley)), ("days_peak_to_recovery", got.days_peak_to_recovery)]
    {
        let days = days.map_or(Value::Null, Value::from);
        verdict.check(
            &format!("{name}.{field}"),
            days == expected[field],
            format!("{days} instead of {}", expected[field]),
        );
    }
}

pub fn metrics(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let (series, params, near) = (series(&case.input), params(case), case.near());
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "n_prices" => verdict.check(name, *expected == series.closes().len(), expected),
            "n_returns" => verdict.check(name, *expected == series.closes().len() - 1, expected),
            "max_drawdown_episode" => deepest(&mut verdict, name, near, &series, expected),
            _ => match figure(name, &series, &params) {
                Some(got) => verdict.figure(name, near, got, expected),
                None => verdict.unknown(name),
            },
        }
    }
    verdict
}

pub fn deepest(verdict: &mut Verdict, name: &str, near: Near, series: &Series, expected: &Value) {
    match figures::top_drawdowns(series.dates(), series.closes(), 1).first() {
        Some(got) => episode(verdict, name, near, got, expected),
        None => verdict.check(name, expected.is_null(), "there is no drawdown"),
    }
}

fn with_benchmark(case: &Case) -> PriceTable {
    let pair = [("asset", series(&case.input["asset"])), ("benchmark", series(&case.input["benchmark"]))];
    PriceTable::join(&pair.map(|(name, series)| (name.to_owned(), series))).unwrap()
}

pub fn benchmark(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let (table, params) = (with_benchmark(case), params(case));
    let figures = |params: &FigureParams| Figures::of(table.dates(), table.column(0), Some(table.column(1)), params);
    for name in case.expected.keys() {
        // The name may end in a risk-free rate in percent.
        let (id, rf) = match name.rsplit_once("_rf") {
            Some((id, percent)) => (id, percent.parse::<f64>().unwrap() / 100.0),
            None => (name.as_str(), 0.0),
        };
        let found = Figure::ALL.iter().find(|figure| figure.definition().id == id);
        match found {
            Some(figure) => {
                let got = figures(&FigureParams { rf_annual: rf, ..params }).get(*figure);
                verdict.figure(name, case.near(), got, case.value(name));
            }
            None => verdict.unknown(name),
        }
    }
    verdict
}

pub fn rolling(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let (table, near, year) = (with_benchmark(case), case.near(), params(case).periods);
    let window = usize::try_from(case.params["window"].as_u64().unwrap()).unwrap();
    let returns = table.returns();
    let own = series(&case.input["asset"]);
    let own_returns = figures::simple_returns(own.closes());
    for name in case.expected.keys() {
        let expected = case.value(name);
        let got = match name.as_str() {
            "rolling_vol" => figures::rolling_volatility(&own_returns, window, year),
            "rolling_sharpe" => figures::rolling_sharpe(&own_returns, window, 0.0, year),
            "rolling_beta" => figures::rolling_beta(&returns[0], &returns[1], window),
            "monthly_returns" => {
                monthly(&mut verdict, near, &own, expected);
                continue;
            }
            _ if name.starts_with("top") && name.ends_with("_drawdowns") => {
                let expected = expected.as_array().unwrap();
                let got = figures::top_drawdowns(own.dates(), own.closes(), expected.len());
                verdict.check(name, got.len() == expected.len(), "not as many");
                for (got, expected) in got.iter().zip(expected) {
                    episode(&mut verdict, name, near, got, expected);
                }
                continue;
            }
            _ => {
                verdict.unknown(name);
                continue;
            }
        };
        for (date, expected) in expected.as_object().unwrap() {
            let dates = if name == "rolling_beta" { table.dates() } else { own.dates() };
            let row = dates.binary_search(&date.parse().unwrap()).unwrap();
            // The row's return is one before it, its window ends there.
            verdict.figure(&format!("{name}[{date}]"), near, got[row - window], expected);
        }
    }
    verdict
}

fn monthly(verdict: &mut Verdict, near: Near, series: &Series, expected: &Value) {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let table = figures::monthly_returns(&series.dates()[1..], &figures::simple_returns(series.closes()));
    verdict.check("monthly_returns", table.len() == expected.as_object().unwrap().len(), "not as many years");
    for year in table {
        let expected = &expected[year.year.to_string()];
        for (month, got) in MONTHS.iter().zip(year.months) {
            // The reference prints zero where there is no return.
            verdict.near(&format!("{}.{month}", year.year), near, got.unwrap_or(0.0), number(&expected[month]));
        }
        verdict.near(&format!("{}.EOY", year.year), near, year.total, number(&expected["EOY"]));
    }
}

/// Libraries' answers at the edge are recorded, not prescribed: a number that means something is matched, what is NaN,
/// infinite, raised, or a quotient by rounding has to be refused with a reason.
pub fn edge(case: &Case) -> Verdict {
    const QUOTIENT_BY_ROUNDING: f64 = 1e9;
    let mut verdict = Verdict::default();
    let prices: Vec<f64> = crate::case::numbers(&case.input["inline_prices"]);
    let first = jiff::civil::date(2000, 1, 1);
    let dates = (0..prices.len()).map(|day| first + jiff::Span::new().days(i64::try_from(day).unwrap())).collect();
    let series = Series::new(dates, prices);
    for name in case.expected.keys() {
        let id = name.trim_end_matches("_em").trim_end_matches("_qs");
        let id = match id {
            "var_95" => "var_hist_95",
            "cvar_95" => "cvar_hist_95",
            other => other,
        };
        let expected = number(case.value(name));
        let got = match &series {
            Ok(series) => match figure(id, series, &params(case)) {
                Some(got) => got.map_err(|reason| reason.to_string()),
                None => {
                    verdict.unknown(name);
                    continue;
                }
            },
            Err(refused) => Err(refused.to_string()),
        };
        let means_something = expected.is_finite() && expected.abs() < QUOTIENT_BY_ROUNDING;
        match got {
            Ok(got) if means_something => verdict.near(name, case.near(), got, expected),
            Ok(got) => verdict.check(name, false, format!("{got} where the library has {}", case.value(name))),
            // Of a single price, or of what is no price, there is nothing to say at all.
            Err(reason) => {
                let has_a_return = series.as_ref().is_ok_and(|series| series.closes().len() > 1);
                verdict.check(name, !means_something || !has_a_return, format!("{reason} instead of {expected}"));
            }
        }
    }
    verdict
}
