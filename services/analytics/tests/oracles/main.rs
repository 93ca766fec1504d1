//! The reference cases: every file of a folder, each judged at its own tolerance.
//!
//! `INSIGHTS_ORACLES=<folder>` reads that folder instead of this one. A case names its prices by file name; they lie in the
//! project's `data/`. A case of a kind, or with an expected value, that is not known here fails; so does one with a parameter that nobody reads, or with prices whose sum is another.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "cases are files, and what agrees is told")]

mod backtests;
mod case;
mod figures;
mod moments;
mod optimisers;
mod params;

use case::{Case, Verdict};

#[test]
fn every_case_agrees_at_its_own_tolerance() {
    let folder = std::env::var_os("INSIGHTS_ORACLES").map_or_else(case::own_folder, Into::into);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no case", folder.display());
    let mut disagreements = Vec::new();
    let mut values = 0;
    for file in &files {
        let case = Case::read(file);
        let verdict = std::panic::catch_unwind(|| judge(&case)).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            Verdict::failed(words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panicked"))
        });
        values += verdict.agreed;
        println!("{:50} {:5} values agree, {} do not", case.id, verdict.agreed, verdict.disagreements.len());
        disagreements.extend(verdict.disagreements.into_iter().map(|what| format!("{}: {what}", case.id)));
    }
    println!("{} cases, {values} values agree", files.len());
    assert!(disagreements.is_empty(), "{} disagree:\n{}", disagreements.len(), disagreements.join("\n"));
}

fn judge(case: &Case) -> Verdict {
    let mut verdict = match case.kind.as_str() {
        "metrics" => figures::metrics(case),
        "benchmark" => figures::benchmark(case),
        "rolling" => figures::rolling(case),
        "edge" => figures::edge(case),
        "moments" => moments::moments(case),
        "gaps" => moments::gaps(case),
        "actions" => backtests::actions(case),
        "backtest" => backtests::backtest(case),
        "optimize" => optimisers::optimize(case),
        "frontier" => optimisers::frontier(case),
        "risk_parity" => optimisers::risk_parity(case),
        "hrp" => optimisers::hrp(case),
        "black_litterman" => optimisers::black_litterman(case),
        "cvar_opt" => optimisers::cvar_opt(case),
        unknown => Verdict::failed(&format!("kind {unknown} is not known")),
    };
    verdict.disagreements.extend(params::unknown(case));
    verdict
}

#[test]
fn a_wrong_value_an_unknown_value_and_an_unknown_kind_are_noticed() {
    let read = || Case::read(&case::own_folder().join("metrics_01_aapl_full.json"));
    let mut wrong = read();
    wrong.expected["volatility"]["value"] = 0.434152782.into();
    assert_eq!(judge(&wrong).disagreements.len(), 1);
    let mut unknown = read();
    unknown.expected.insert("luck".into(), serde_json::json!({ "value": 7.0 }));
    assert_eq!(judge(&unknown).disagreements, ["expected value luck is not known"]);
    let mut parameter = read();
    parameter.params["currency"] = "EUR".into();
    assert_eq!(judge(&parameter).disagreements, ["parameter currency is not known"]);
    let mut input = read();
    input.input["weights"] = serde_json::json!([1.0]);
    assert_eq!(judge(&input).disagreements, ["input weights is not known"]);
    let mut prices = read();
    prices.input["sha256"] = "00".into();
    let judged = std::panic::catch_unwind(|| judge(&prices));
    assert!(judged.is_err_and(|panic| panic.downcast_ref::<String>().is_some_and(|words| words.contains("sha256"))));
    let mut kind = read();
    kind.kind = "horoscope".into();
    assert_eq!(judge(&kind).disagreements[0], "kind horoscope is not known");
}
