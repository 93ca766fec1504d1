//! The demo's prices: 20 shares over 33 years, adjusted closes, from `data/`.

use anyhow::Context;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

/// Rows of a wide file: a date and one price for each asset. Its licence stands beside it.
const PRICES: &[u8] = include_bytes!("../../../data/sp500_20_adjclose.csv.gz");
/// What the source is called in the log.
pub const SOURCE: &str = "skfolio 1.12.2, sp500_20_adjclose.csv";

/// One asset's prices, ready to be posted.
pub struct AssetPrices {
    /// The asset's symbol.
    pub symbol: String,
    /// Date and closing price, as the file has them.
    pub bars: Vec<(String, String)>,
}

impl AssetPrices {
    /// The body of a request that records these prices.
    #[must_use]
    pub fn body(&self) -> Value {
        let bars: Vec<Value> = self.bars.iter().map(|(date, close)| json!({"date": date, "close": close})).collect();
        json!({"source": SOURCE, "basis": "adjusted", "bars": bars})
    }
}

/// Every asset of the file, in its order.
///
/// # Errors
/// Where the file that was built in is damaged.
pub fn all() -> anyhow::Result<Vec<AssetPrices>> {
    let mut reader = csv::Reader::from_reader(GzDecoder::new(PRICES));
    let mut assets: Vec<AssetPrices> = reader
        .headers()?
        .iter()
        .skip(1)
        .map(|symbol| AssetPrices { symbol: symbol.to_owned(), bars: Vec::new() })
        .collect();
    for row in reader.records() {
        let row = row?;
        let date = row.get(0).context("a row without a date")?;
        for (asset, close) in assets.iter_mut().zip(row.iter().skip(1)) {
            if !close.is_empty() {
                asset.bars.push((date.to_owned(), close.to_owned()));
            }
        }
    }
    Ok(assets)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_file_has_twenty_assets_over_33_years() {
        let assets = super::all().unwrap();
        assert_eq!(assets.len(), 20);
        for asset in assets {
            assert_eq!(asset.bars.len(), 8_313, "{}", asset.symbol);
            assert_eq!(asset.bars[0].0, "1990-01-02");
            assert_eq!(asset.bars[8_312].0, "2022-12-28");
        }
    }
}
