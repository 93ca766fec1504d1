//! One case: its file, its prices, its expected values, and the comparison.

use std::io::Read;
use std::path::{Path, PathBuf};

use analytics::{PriceTable, Quotes, Series};
use jiff::civil::Date;
use serde_json::Value;

pub struct Case {
    pub id: String,
    pub kind: String,
    pub input: Value,
    pub params: Value,
    pub tolerance: Value,
    pub expected: serde_json::Map<String, Value>,
}

#[derive(Default)]
pub struct Verdict {
    pub agreed: usize,
    pub disagreements: Vec<String>,
}

/// How near a number must be: within the larger of both.
#[derive(Clone, Copy)]
pub struct Near {
    pub rel: f64,
    pub abs: f64,
}

impl Verdict {
    pub fn failed(what: &str) -> Verdict {
        Verdict { agreed: 0, disagreements: vec![what.to_owned()] }
    }

    pub fn unknown(&mut self, name: &str) {
        self.disagreements.push(format!("expected value {name} is not known"));
    }

    pub fn check(&mut self, name: &str, holds: bool, what: impl std::fmt::Display) {
        if holds { self.agreed += 1 } else { self.disagreements.push(format!("{name}: {what}")) }
    }

    pub fn near(&mut self, name: &str, near: Near, got: f64, expected: f64) {
        let room = near.abs.max(near.rel * expected.abs());
        // Written so that a NaN on either side disagrees.
        let holds = (got - expected).abs() <= room;
        self.check(name, holds, format!("{got:e} instead of {expected:e}, off by {:e}", (got - expected).abs()));
    }

    pub fn figure<E: std::fmt::Display>(&mut self, name: &str, near: Near, got: Result<f64, E>, expected: &Value) {
        match got {
            Ok(got) => self.near(name, near, got, number(expected)),
            Err(reason) => self.disagreements.push(format!("{name}: {reason}, expected {expected}")),
        }
    }

    pub fn vector(&mut self, name: &str, near: Near, got: &[f64], expected: &[f64]) {
        self.check(name, got.len() == expected.len(), format!("{} entries instead of {}", got.len(), expected.len()));
        for (place, (&got, &expected)) in got.iter().zip(expected).enumerate() {
            self.near(&format!("{name}[{place}]"), near, got, expected);
        }
    }
}

impl Case {
    pub fn read(file: &Path) -> Case {
        let text = std::fs::read_to_string(file).unwrap();
        let mut value: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Case {
            id: word(&value, "id"),
            kind: word(&value, "kind"),
            input: value["input"].take(),
            params: value["params"].take(),
            tolerance: value["tolerance"].take(),
            expected: value["expected"].as_object().cloned().unwrap_or_default(),
        }
    }

    /// The case's own `rel` and `abs`.
    pub fn near(&self) -> Near {
        Near { rel: self.room("rel"), abs: self.room("abs") }
    }

    pub fn room(&self, key: &str) -> f64 {
        self.tolerance[key].as_f64().unwrap_or(0.0)
    }

    pub fn value(&self, name: &str) -> &Value {
        &self.expected[name]["value"]
    }

    pub fn param(&self, name: &str) -> Option<f64> {
        self.params[name].as_f64()
    }

    /// Prices of the case's columns within its window, gaps kept.
    pub fn quotes(&self) -> Quotes {
        quotes(&self.input)
    }

    /// The same without the rows that have a gap.
    pub fn table(&self) -> PriceTable {
        self.quotes().complete().unwrap()
    }
}

pub fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles")
}

pub fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(_) => f64::NAN,
        None => value.as_f64().unwrap_or(f64::NAN),
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().map(|values| values.iter().map(number).collect()).unwrap_or_default()
}

pub fn words(value: &Value) -> Vec<String> {
    value.as_array().map(|values| values.iter().map(|v| v.as_str().unwrap().to_owned()).collect()).unwrap_or_default()
}

pub fn date(value: &Value) -> Date {
    value.as_str().unwrap().parse().unwrap()
}

/// The rows of a CSV file of the project's `data/`, found by its name, header first; its sum is checked where one is given.
pub fn csv_rows(file: &Value, sha256: &Value) -> Vec<Vec<String>> {
    let name = Path::new(file.as_str().expect("a case names its file")).file_name().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if let Some(sha256) = sha256.as_str() {
        let found = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let found: String = found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(found == sha256, "the sha256 of {} is {found}, not {sha256}", path.display());
    }
    let mut text = String::new();
    if name.to_string_lossy().ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Prices of `columns` in `start..=end` of the file that `input` names.
pub fn quotes(input: &Value) -> Quotes {
    let rows = csv_rows(&input["file"], &input["sha256"]);
    let columns = words(&input["columns"]);
    let places: Vec<usize> = columns.iter().map(|name| rows[0].iter().position(|head| head == name).unwrap()).collect();
    let dates: Vec<Date> = rows[1..].iter().map(|row| row[0].parse().unwrap()).collect();
    let column = |&place: &usize| rows[1..].iter().map(|row| row[place].parse().ok()).collect();
    let quotes = Quotes::new(columns, dates, places.iter().map(column).collect()).unwrap();
    quotes.window(date(&input["start"]), date(&input["end"])).unwrap()
}

/// The single column of an input, gaps dropped.
pub fn series(input: &Value) -> Series {
    quotes(input).series(0).unwrap()
}
