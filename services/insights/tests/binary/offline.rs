//! Figures, frontier and backtest of prices in a file: no server, no settings, the engine's own numbers.

use std::path::Path;
use std::process::Stdio;

use insights::private::Folder;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::{ended, insights};

/// Twenty shares over 33 years, from the project's own data.
const SHARES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sp500_20_adjclose.csv.gz");
/// Five shares, some of them listed later than others.
const RAGGED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/wiki5_adjclose_ragged.csv");

/// What the command answers in JSON.
async fn asked(folder: &Path, arguments: &[&str]) -> Value {
    let (well, answered, complained) = ended(insights(folder, arguments).arg("--json")).await;
    assert!(well, "{complained}");
    serde_json::from_str(&answered).unwrap()
}

/// What the command complains of.
async fn refused(folder: &Path, arguments: &[&str]) -> String {
    let (well, answered, complained) = ended(&mut insights(folder, arguments)).await;
    assert!(!well, "{answered}");
    complained
}

#[tokio::test]
async fn figures_of_a_packed_file_have_values_reasons_and_definitions() {
    let folder = Folder::temporary().unwrap();
    let told = asked(
        folder.path(),
        &["figures", "--prices", SHARES, "--weights", "AAPL=0.6,KO=0.4", "--benchmark", "JNJ", "--rolling", "252"],
    )
    .await;
    assert_eq!(told["window"]["returns"], 8_312);
    let figures = &told["figures"];
    assert!(figures["sharpe"]["value"].as_f64().unwrap() > 0.5, "{figures}");
    assert!(figures["beta"]["value"].is_f64() && figures["sharpe"]["formula"].is_string());
    assert_eq!(told["rolling"]["dates"].as_array().unwrap().len(), 8_312 - 251);
    assert_eq!(told["rolling"]["sharpe"].as_array().unwrap().len(), 8_312 - 251);
    assert_eq!(told["months"].as_array().unwrap().len(), 33);
    let shares: f64 =
        told["risk_contributions"].as_array().unwrap().iter().map(|one| one["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9);

    let short = ["--from", "2022-12-01", "--weights", "AAPL=1"];
    let told = asked(folder.path(), &[&["figures", "--prices", SHARES], &short[..]].concat()).await;
    assert!(told["figures"]["cagr"]["value"].is_null());
    assert_eq!(told["figures"]["cagr"]["reason"]["code"], "shorter-than-one-year");
}

#[tokio::test]
async fn a_benchmark_changes_no_figure_but_those_beside_it() {
    let folder = Folder::temporary().unwrap();
    let text = "date,A,B\n2024-01-02,10,5\n2024-01-03,11,\n2024-01-04,10,6\n2024-01-05,12,7\n2024-01-08,13,6\n";
    std::fs::write(folder.path().join("p.csv"), text).unwrap();
    let common = ["--prices", "p.csv", "--weights", "A=1"];
    for command in ["figures", "backtest"] {
        let alone = asked(folder.path(), &[&[command], &common[..]].concat()).await;
        let told = asked(folder.path(), &[&[command], &common[..], &["--benchmark", "B"]].concat()).await;
        assert_eq!((&told["window"], &told["window"]["returns"]), (&alone["window"], &4.into()), "{command}");
        assert_eq!(told["benchmark_window"]["returns"], 3);
        for (id, figure) in alone["figures"].as_object().unwrap() {
            let beside = figure["reason"]["code"] == "no-benchmark";
            assert_eq!(beside, told["figures"][id] != *figure, "{command} {id}");
        }
        assert_eq!(told["figures"]["beta"]["n"], 3);
    }
    let rolling = ["--rolling", "2", "--benchmark", "B"];
    let told = asked(folder.path(), &[&["figures"], &common[..], &rolling[..]].concat()).await;
    assert_eq!(told["rolling"]["beside"]["dates"], serde_json::json!(["2024-01-05", "2024-01-08"]));
    assert!(told["rolling"]["beside"]["beta"][1].is_f64());
}

#[tokio::test]
async fn prices_come_from_the_standard_input_too_and_tables_are_for_people() {
    let folder = Folder::temporary().unwrap();
    let mut command = insights(folder.path(), &["backtest", "--prices", "-", "--weights", "A=1", "--cost-bps", "100"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"date,A\n2024-01-02,10\n2024-01-03,20\n").await.unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("hypothetical performance"), "{text}");
    // 1 / 1.01 is bought with, the rest is the cost; it doubles.
    assert!(text.contains("1.980198"), "{text}");
}

#[tokio::test]
async fn a_frontier_rises_and_every_point_has_weights_within_the_caps() {
    let folder = Folder::temporary().unwrap();
    let told = asked(
        folder.path(),
        &[
            "frontier",
            "--prices",
            SHARES,
            "--points",
            "10",
            "--max-weight",
            "0.2",
            "--group",
            "oil=CVX+XOM+RRC:0.1..0.3",
        ],
    )
    .await;
    let points = told["points"].as_array().unwrap();
    assert_eq!(points.len(), 10);
    let of = |point: &Value, name: &str| point[name].as_f64().unwrap();
    for pair in points.windows(2) {
        assert!(of(&pair[0], "volatility") <= of(&pair[1], "volatility") + 1e-9);
        assert!(of(&pair[0], "expected_return") < of(&pair[1], "expected_return"));
    }
    for point in points {
        let weights: Vec<(&str, f64)> = point["weights"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["asset"].as_str().unwrap(), of(one, "weight")))
            .collect();
        assert!((weights.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(weights.iter().all(|(_, weight)| (-1e-12..=0.2 + 1e-9).contains(weight)));
        let oil: f64 = weights.iter().filter(|(asset, _)| ["CVX", "XOM", "RRC"].contains(asset)).map(|(_, w)| w).sum();
        assert!((0.1 - 1e-9..=0.3 + 1e-9).contains(&oil), "{oil}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_told_by_name() {
    let folder = Folder::temporary().unwrap();
    let of = |arguments: &'static [&'static str]| refused(folder.path(), arguments);
    assert!(of(&["figures", "--prices", "nope.csv", "--weights", "A=1"]).await.contains("cannot open nope.csv"));
    assert!(of(&["figures", "--prices", SHARES, "--weights", "NOPE=1"]).await.contains("no column `NOPE`"));
    assert!(of(&["figures", "--prices", SHARES, "--weights", "KO=0.5"]).await.contains("add up to 0.5"));
    let ranges: [(&'static [&'static str], &str); 6] = [
        (&["backtest", "--weights", "KO=1", "--contribute", "1e308"], "1e308 is not between -1000000 and 1000000"),
        (&["backtest", "--weights", "KO=1", "--cost-bps", "NaN"], "not a number is not between 0 and 1000"),
        (&["backtest", "--weights", "KO=1", "--drift", "-1"], "-1 is not between 0 and 10"),
        (&["figures", "--weights", "KO=1e308"], "KO: 1e308 is not between -10 and 10"),
        (&["figures", "--weights", "KO=1", "--rolling", "1"], "1 is not between 2 and 2520"),
        (&["frontier", "--points", "99999999999999999999"], "99999999999999999999 is not between 2 and 1000"),
    ];
    for (arguments, told) in ranges {
        let words = refused(folder.path(), &[arguments, &["--prices", SHARES]].concat()).await;
        assert!(words.contains(told) && words.lines().all(|line| line.len() < 200), "{words}");
    }
    let caps = of(&["frontier", "--prices", SHARES, "--assets", "KO,GE", "--max-weight", "0.4"]).await;
    assert!(caps.contains("0.8") && caps.contains("budget 1"), "{caps}");
    let group = of(&[
        "frontier",
        "--prices",
        SHARES,
        "--assets",
        "KO,GE,XOM",
        "--cap",
        "KO=0.2",
        "--group",
        "drinks=KO:0.3..0.5",
    ])
    .await;
    assert!(group.contains("drinks") && group.contains("upper bound of KO"), "{group}");

    std::fs::write(folder.path().join("bad.csv"), "date,A,B\n2024-01-02,1,2\n2024-01-03,1,O.5\n").unwrap();
    let bad = of(&["backtest", "--prices", "bad.csv", "--weights", "A=0.5,B=0.5"]).await;
    assert!(bad.contains("bad.csv, line 3, column 3 (B): `O.5` is no price"), "{bad}");
}

#[tokio::test]
async fn a_backtest_begins_when_everything_is_listed_and_says_what_it_assumes() {
    let folder = Folder::temporary().unwrap();
    let told = asked(
        folder.path(),
        &[
            "backtest",
            "--prices",
            RAGGED,
            "--weights",
            "AAPL=0.5,GOOG=0.5",
            "--rebalance",
            "quarterly",
            "--drift",
            "0.05",
            "--cost-bps",
            "10",
            "--contribute",
            "0.01",
            "--benchmark",
            "MSFT",
        ],
    )
    .await;
    assert_eq!(told["window"]["from"], "2004-08-19");
    assert!(told["hypothetical"].as_bool().unwrap() && !told["assumptions"].as_array().unwrap().is_empty());
    assert!(told["money_weighted_return"].is_f64() && told["figures"]["beta"]["value"].is_f64());
    assert!(told["total_cost"].as_f64().unwrap() > 0.001);
    assert_eq!(told["coverage"][1]["asset"], "GOOG");
}

#[tokio::test]
async fn settings_that_are_wrong_do_not_matter_offline() {
    let folder = Folder::temporary().unwrap();
    let mut command = insights(folder.path(), &["figures", "--prices", SHARES, "--weights", "KO=1"]);
    let (well, _, complained) = ended(command.env("INSIGHTS_NATS_ULR", "x")).await;
    assert!(well, "{complained}");
}
