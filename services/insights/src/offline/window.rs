//! Where prices come from and which of them count: the arguments that all commands have.

use analytics::moments::coverage;
use analytics::{PriceTable, Quotes};
use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::price_file;

/// The greatest annual rate that is taken for one: 1,000 %.
const RATE_MAX: f64 = 10.0;

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
    #[arg(long, value_name = "RATE", default_value_t = 0.0, allow_negative_numbers = true, value_parser = rate)]
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
        quotes.window(from, to).with_context(|| format!("{} has no price from {from} to {to}", self.prices))
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

/// An annual rate that a capital can have: above -1, where nothing would be left of it, and at most [`RATE_MAX`].
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if rate > -1.0 && rate <= RATE_MAX {
        Ok(rate)
    } else {
        Err(format!("{text} is not above -1 and at most {RATE_MAX}"))
    }
}
