//! Refusals of optimisers in the words of those who asked: assets by their label instead of their place.

use super::error::{Limit, OptimiseError};
use crate::short::Short;

impl Limit {
    /// The limit with its asset named; a place beyond the labels stays a number.
    pub fn named(&self, assets: &[String]) -> String {
        let asset = |place: usize| assets.get(place).cloned().unwrap_or_else(|| place.to_string());
        match self {
            Limit::Lower(place) => format!("the lower bound of {}", asset(*place)),
            Limit::Upper(place) => format!("the upper bound of {}", asset(*place)),
            Limit::Budget | Limit::GroupLeast(_) | Limit::GroupMost(_) => self.to_string(),
        }
    }
}

impl OptimiseError {
    /// The refusal with its assets named.
    pub fn named(&self, assets: &[String]) -> String {
        let asset = |place: usize| assets.get(place).cloned().unwrap_or_else(|| place.to_string());
        match self {
            OptimiseError::Infeasible { limit, with } => {
                let with: Vec<String> = with.iter().map(|limit| limit.named(assets)).collect();
                format!("{} cannot hold together with {}", limit.named(assets), with.join(", "))
            }
            OptimiseError::BoundsCross { asset: place, lower, upper } => {
                format!("{} is bounded below by {} and above by {}", asset(*place), Short(*lower), Short(*upper))
            }
            OptimiseError::NoVariation { asset: place } => format!("{} does not vary", asset(*place)),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, OptimiseError};

    #[test]
    fn a_refusal_names_assets_by_their_label() {
        let refusal =
            OptimiseError::Infeasible { limit: Limit::GroupLeast("bonds".into()), with: vec![Limit::Upper(1)] };
        let assets = ["AAPL".to_owned(), "BND".to_owned()];
        assert_eq!(
            refusal.named(&assets),
            "the minimum of group bonds cannot hold together with the upper bound of BND"
        );
        assert_eq!(OptimiseError::NoVariation { asset: 7 }.named(&assets), "7 does not vary");
    }
}
