//! An answer: one JSON document for machines, tables for people.

use std::io::{self, Write};

use analytics::figures::{Episode, YearOfReturns};
use analytics::{Figures, NoFigure};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

/// What a command found out.
pub struct Answer {
    /// For machines.
    pub json: Value,
    /// For people, line by line.
    pub text: Vec<String>,
}

impl Answer {
    /// Prints it. Who stops reading early, such as `head`, has had enough: that is no error.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let text = if as_json { serde_json::to_string_pretty(&self.json)? } else { self.text.join("\n") };
        match writeln!(io::stdout().lock(), "{text}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}

/// Every figure with its definition; one that does not exist with its reason.
#[must_use]
pub fn figures(figures: &Figures) -> Value {
    let one = |(figure, value): (analytics::Figure, Result<f64, NoFigure>)| {
        let definition = figure.definition();
        let entry = json!({
            "value": value.ok(),
            "reason": value.err().map(|reason| json!({"code": reason.code(), "detail": reason.to_string()})),
            "name": definition.name,
            "unit": definition.unit.name(),
            "formula": definition.formula,
            "n": figures.rests_on(figure).returns,
        });
        (definition.id.to_owned(), entry)
    };
    Value::Object(figures.iter().map(one).collect::<Map<_, _>>())
}

/// The figures as a table for people; those that need a benchmark only where there is one.
#[must_use]
pub fn figure_lines(figures: &Figures) -> Vec<String> {
    let known = figures.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
    known
        .map(|(figure, value)| {
            let definition = figure.definition();
            let shown = value.map_or_else(|reason| format!("none: {reason}"), shown);
            format!("{:<46} {shown}", definition.name)
        })
        .collect()
}

/// A number in a table for people.
#[must_use]
pub fn shown(value: f64) -> String {
    /// What still fits the column.
    const PLAIN_MAX: f64 = 1e7;
    if value.abs() < PLAIN_MAX { format!("{value:>14.6}") } else { format!("{value:>14.6e}") }
}

/// What figures beside a benchmark rest on, as a line for people.
#[must_use]
pub fn beside_line(common: &[Date]) -> String {
    match (common.first(), common.last()) {
        (Some(start), Some(end)) => {
            format!("beside the benchmark: {start} to {end}, {} returns that both have", common.len() - 1)
        }
        _ => "beside the benchmark: no session that both have".to_owned(),
    }
}

/// Falls from a high, the deepest first.
#[must_use]
pub fn drawdowns(episodes: &[Episode]) -> Value {
    let one = |fall: &Episode| {
        json!({
            "depth": fall.depth,
            "peak": fall.peak,
            "start": fall.start,
            "valley": fall.valley,
            "recovery": fall.recovery,
            "days_peak_to_valley": fall.days_peak_to_valley,
            "days_peak_to_recovery": fall.days_peak_to_recovery,
            "sessions_peak_to_valley": fall.sessions_peak_to_valley,
            "sessions_peak_to_recovery": fall.sessions_peak_to_recovery,
        })
    };
    episodes.iter().map(one).collect()
}

/// The falls as a table for people.
#[must_use]
pub fn drawdown_lines(episodes: &[Episode]) -> Vec<String> {
    let one = |fall: &Episode| {
        let recovery = fall.recovery.map_or_else(|| "not yet".to_owned(), |date| date.to_string());
        format!("{:>9.2} %  {}  {}  {recovery}", 100.0 * fall.depth, fall.peak, fall.valley)
    };
    let head = format!("{:>11}  {:<10}  {:<10}  {}", "depth", "peak", "valley", "recovery");
    std::iter::once(head).chain(episodes.iter().map(one)).collect()
}

/// The month x year table.
#[must_use]
pub fn months(years: &[YearOfReturns]) -> Value {
    years.iter().map(|year| json!({"year": year.year, "months": year.months, "total": year.total})).collect()
}

/// The month x year table for people, in per cent.
#[must_use]
pub fn month_lines(years: &[YearOfReturns]) -> Vec<String> {
    const HEAD: &str =
        "year    Jan    Feb    Mar    Apr    May    Jun    Jul    Aug    Sep    Oct    Nov    Dec    year";
    let one = |year: &YearOfReturns| {
        let months = year.months.map(|r| r.map_or_else(|| " ".repeat(7), |r| format!("{:>7.1}", 100.0 * r)));
        format!("{} {} {:>7.1}", year.year, months.concat(), 100.0 * year.total)
    };
    std::iter::once(HEAD.to_owned()).chain(years.iter().map(one)).collect()
}

/// A heading between two parts for people.
#[must_use]
pub fn heading(words: &str) -> [String; 2] {
    [String::new(), words.to_owned()]
}
