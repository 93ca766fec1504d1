//! Where prices come from and which of them count: the arguments that all commands have.

use analytics::moments::coverage;
use analytics::{PriceTable, Quotes, Series};
use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{numbers, price_file};

/// Prices, their window, and how the answer is wanted.
#[derive(Debug, Args)]
pub struct Source {
    /// A CSV file: a date and one column for each asset; .gz too; `-` reads the standard input
    #[arg(long, value_name = "FILE")]
    pub prices: String,
    /// First day of the window
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// Last day of the window
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    /// Annual risk-free rate as a fraction: 0.02 is 2 %
    #[arg(long, value_name = "RATE", default_value_t = 0.0, allow_negative_numbers = true, value_parser = numbers::rate)]
    pub rf: f64,
    /// Answer in JSON, for machines
    #[arg(long)]
    pub json: bool,
}

impl Source {
    /// Prices of these assets in the window, with gaps.
    ///
    /// # Errors
    /// Where the file is not as it must be or has no price in the window.
    pub fn quotes(&self, assets: Option<&[String]>) -> anyhow::Result<Quotes> {
        let quotes = price_file::read(&self.prices, assets)?;
        let (from, to) = (self.from.unwrap_or(Date::MIN), self.to.unwrap_or(Date::MAX));
        quotes.window(from, to).with_context(|| {
            let from = self.from.map_or_else(String::new, |from| format!(" from {from}"));
            let to = self.to.map_or_else(String::new, |to| format!(" to {to}"));
            format!("{} has no price{from}{to}", self.prices)
        })
    }

    /// Prices of these assets in the window, with gaps, and those of a benchmark on its own sessions.
    ///
    /// # Errors
    /// As [`Source::quotes`]; where one of them has no price in the window.
    pub fn quotes_beside(
        &self,
        assets: &[String],
        benchmark: Option<&String>,
    ) -> anyhow::Result<(Quotes, Option<Series>)> {
        let none = |asset: &String| format!("{asset} has no price in the window");
        // The standard input is there to be read once.
        let mut read = assets.to_vec();
        read.extend(benchmark.filter(|benchmark| !assets.contains(benchmark)).cloned());
        let all = self.quotes(Some(&read))?;
        let series = |label: &String| {
            let column = read.iter().position(|asset| asset == label).context("the benchmark was read")?;
            all.series(column).with_context(|| none(label))
        };
        let benchmark = benchmark.map(series).transpose()?;
        let held = all.select(assets)?.window(Date::MIN, Date::MAX);
        Ok((held.with_context(|| none(&assets.join(", ")))?, benchmark))
    }

    /// The sessions of these quotes on which every asset has a price.
    ///
    /// # Errors
    /// Where there is none.
    pub fn complete(&self, quotes: &Quotes) -> anyhow::Result<PriceTable> {
        quotes.complete().with_context(|| self.prices.clone())
    }
}

/// The window that an answer rests on.
#[must_use]
pub fn window(dates: &[Date]) -> Value {
    json!({
        "from": dates.first(),
        "to": dates.last(),
        "sessions": dates.len(),
        "returns": dates.len().saturating_sub(1),
    })
}

/// What prices there are of each asset in the window.
#[must_use]
pub fn covered(quotes: &Quotes) -> Value {
    coverage(quotes)
        .into_iter()
        .map(|one| json!({"asset": one.asset, "first_day": one.first, "last_day": one.last, "missing": one.missing}))
        .collect()
}
