//! Answers of Yahoo's chart API in files, each parsed and held against what it means.
//!
//! The files in `recordings/` are the project's own: `make.py` there makes them. `INSIGHTS_RECORDINGS=<folder>` reads
//! another folder, such as one with what Yahoo really answered: `chart_*.json` or `.json.gz`, each with `request` and
//! `response`, and `expected_parsed_long.csv.gz` with the rows of some of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use analytics::Series;
use analytics::corporate_actions::{Action, Adjustment};
use events::values::Bar;
use flate2::read::GzDecoder;
use jiff::civil::{Date, date};
use market::SourceError;
use market::yahoo::{Asked, Chart, parse};
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

/// How far a price may be from a float of 32 bits that means it, as a fraction: half of its last digit.
const SINGLE: f64 = 6e-8;
/// How far adjusted closes that we derive may be from given ones: both come from rounded numbers, in many steps.
const DERIVED: f64 = 2e-6;

fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    std::env::var_os("INSIGHTS_RECORDINGS").map_or_else(own, PathBuf::from)
}

fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let packed = std::mem::take(&mut bytes);
        GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    }
    bytes
}

/// An answer, and whether it was asked to name payments.
struct Answer {
    chart: Result<Chart, SourceError>,
    names_payments: bool,
}

/// Every recorded answer, by file name.
fn answers() -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("chart_") || !(name.ends_with(".json") || name.ends_with(".json.gz")) {
            continue;
        }
        let recorded: Value = serde_json::from_slice(&bytes(&path)).unwrap();
        let body = recorded["response"]["bodyJson"].to_string();
        let symbol = recorded["response"]["bodyJson"]["chart"]["result"][0]["meta"]["symbol"].as_str();
        let asked =
            Asked { symbol: symbol.unwrap_or_default().to_owned(), from: date(1950, 1, 1), to: date(2100, 1, 1) };
        let question = recorded["request"]["url"].as_str().unwrap_or_default();
        let names_payments = question.split_once("events=").is_none_or(|(_, events)| events.starts_with("div"));
        answers.insert(name, Answer { chart: parse(body.as_bytes(), &asked), names_payments });
    }
    assert!(!answers.is_empty(), "no recordings in {}", folder().display());
    answers
}

/// A day: open, high, low, close, adjusted close and volume.
type Row = (Date, [Option<f64>; 6]);

/// What the answers mean: rows by symbol.
fn expected() -> BTreeMap<String, Vec<Row>> {
    let text = bytes(&folder().join("expected_parsed_long.csv.gz"));
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_slice()).records() {
        let record = record.unwrap();
        let number = |column: usize| record.get(column).unwrap().parse().ok();
        let numbers = std::array::from_fn(|column| number(column + 2));
        rows.entry(record[0].to_owned()).or_default().push((record[1].parse().unwrap(), numbers));
    }
    rows
}

/// Whether both are there and near enough, or neither is.
fn same(one: Option<f64>, other: Option<f64>, within: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= within * other.abs(),
        (None, None) => true,
        _ => false,
    }
}

/// The answer that has these rows: of several for a symbol the one that begins on their day.
fn answer_of<'a>(answers: &'a BTreeMap<String, Answer>, symbol: &str, first: Date) -> (&'a Chart, bool) {
    let named = answers.iter().filter(|(name, _)| name.starts_with(&format!("chart_{symbol}_")));
    let mut charts = named.filter_map(|(_, answer)| Some((answer.chart.as_ref().ok()?, answer.names_payments)));
    let begins = |chart: &Chart| chart.quotes.bars.first().is_some_and(|bar| bar.date == first);
    charts.find(|(chart, _)| begins(chart)).unwrap_or_else(|| panic!("no answer for {symbol}"))
}

#[test]
fn recorded_answers_parse_to_what_they_mean() {
    let answers = answers();
    for (symbol, rows) in expected() {
        let (chart, _) = answer_of(&answers, &symbol, rows[0].0);
        assert_eq!(chart.quotes.bars.len(), rows.len(), "{symbol}");
        let adjusted = chart.adjusted_closes.iter();
        for ((bar, adjusted), (day, numbers)) in chart.quotes.bars.iter().zip(adjusted).zip(&rows) {
            let float = |price: Option<rust_decimal::Decimal>| price.and_then(|price| price.to_f64());
            let got = [float(bar.open), float(bar.high), float(bar.low), float(Some(bar.close)), *adjusted];
            assert_eq!(bar.date, *day, "{symbol}");
            for (got, expected) in got.into_iter().zip(numbers) {
                assert!(same(got, *expected, SINGLE), "{symbol} {day}: {got:?} is not {expected:?}");
            }
            let volume = numbers[5].map(|units| format!("{units}"));
            assert_eq!(bar.volume.map(|units| units.to_string()), volume, "{symbol} {day}");
        }
    }
}

#[test]
fn adjusted_closes_that_are_derived_are_those_that_were_given() {
    let answers = answers();
    let mut compared = 0;
    for (symbol, rows) in expected() {
        let (chart, names_payments) = answer_of(&answers, &symbol, rows[0].0);
        if !names_payments {
            continue;
        }
        compared += 1;
        let close = |bar: &Bar| bar.close.to_f64().unwrap();
        let bars = &chart.quotes.bars;
        let raw = Series::new(bars.iter().map(|bar| bar.date).collect(), bars.iter().map(close).collect()).unwrap();
        // Yahoo has its splits in the prices already.
        let payments = chart.quotes.payments.iter();
        let payments: Vec<_> =
            payments.map(|(day, _, payment)| (*day, Action::Dividend(payment.amount().to_f64().unwrap()))).collect();
        let derived = Adjustment::new(&raw, &payments).unwrap().adjusted().unwrap();
        // What was paid after the last row is in all the given ones alike.
        let later = chart.adjusted_closes.last().copied().flatten().unwrap() / derived.closes().last().unwrap();
        for ((day, derived), given) in derived.dates().iter().zip(derived.closes()).zip(&chart.adjusted_closes) {
            assert!(
                same(Some(derived * later), *given, DERIVED),
                "{symbol} {day}: {} is not {given:?}",
                derived * later
            );
        }
    }
    assert!(compared > 0, "no answer names payments");
}

#[test]
fn every_recorded_answer_ends_in_a_written_state() {
    for (name, answer) in answers() {
        match answer.chart {
            Ok(chart) => {
                let bars = &chart.quotes.bars;
                println!("{name}: {} bars, {} left out", bars.len(), chart.quotes.dropped.count());
                assert!(bars.is_sorted_by(|one, two| one.date < two.date), "{name}");
                assert!(bars.iter().all(|bar| bar.close.is_sign_positive() && !bar.close.is_zero()), "{name}");
                assert_eq!(bars.len(), chart.adjusted_closes.len(), "{name}");
            }
            Err(error) => {
                println!("{name}: {}", error.word());
                assert!(matches!(error, SourceError::Malformed(_) | SourceError::Refused(_)), "{name}: {error}");
            }
        }
    }
}

#[test]
fn our_own_answers_end_as_they_should() {
    if std::env::var_os("INSIGHTS_RECORDINGS").is_some() {
        return;
    }
    let ends: Vec<(String, String)> = answers()
        .into_iter()
        .map(|(name, answer)| {
            let bars = |chart: Chart| {
                format!("{} bars, {} actions", chart.quotes.bars.len(), {
                    chart.quotes.splits.len() + chart.quotes.payments.len()
                })
            };
            (name, answer.chart.map_or_else(|error| error.word().to_owned(), bars))
        })
        .collect();
    let expected = [
        ("chart_MADE.L_pence.json", "59 bars, 2 actions"),
        ("chart_MADEX_fund.json", "59 bars, 3 actions"),
        ("chart_MADE_three_years.json.gz", "779 bars, 14 actions"),
        ("chart_NONE_empty.json", "0 bars, 0 actions"),
        ("chart_NONE_minutes.json", "refused"),
        ("chart_NONE_undated.json", "malformed"),
    ];
    assert_eq!(ends, expected.map(|(name, end)| (name.to_owned(), end.to_owned())));
}
