//! Numbers for assets on the command line: `AAPL=0.6,MSFT=0.4`.

use std::str::FromStr;

use anyhow::{Context, anyhow, bail};

use super::numbers::{brief, weight};

/// A number for each of some assets, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub struct PerAsset(Vec<(String, f64)>);

impl PerAsset {
    /// The assets' labels.
    #[must_use]
    pub fn assets(&self) -> Vec<String> {
        self.0.iter().map(|(asset, _)| asset.clone()).collect()
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(&self) -> Vec<f64> {
        self.0.iter().map(|(_, number)| *number).collect()
    }

    /// Assets with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &(String, f64)> {
        self.0.iter()
    }
}

impl FromStr for PerAsset {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut all: Vec<(String, f64)> = Vec::new();
        for part in text.split(',') {
            let (asset, number) =
                part.split_once('=').with_context(|| format!("`{}` is not of the form ASSET=NUMBER", brief(part)))?;
            let (asset, number) = (asset.trim(), number.trim());
            let number = weight(number).map_err(|why| anyhow!("{}: {why}", brief(asset)))?;
            if asset.is_empty() || all.iter().any(|(other, _)| other == asset) {
                bail!("`{}` is no name of an asset, or stands twice", brief(asset));
            }
            all.push((asset.to_owned(), number));
        }
        Ok(Self(all))
    }
}

#[cfg(test)]
mod tests {
    use super::PerAsset;

    #[test]
    fn weights_keep_their_order_and_nothing_stands_twice() {
        let weights: PerAsset = "B=0.6, A=0.4".parse().unwrap();
        assert_eq!((weights.assets(), weights.numbers()), (vec!["B".into(), "A".into()], vec![0.6, 0.4]));
        for bad in ["", "A", "A=x", "A=NaN", "A=0.5,A=0.5", "=1"] {
            assert!(bad.parse::<PerAsset>().is_err(), "{bad}");
        }
    }
}
