//! What prices say, which of them are new, and which say otherwise than what is known.

use serde::Serialize;

use super::AssetRejection;
use crate::values::{Bar, Bars, KnownBars};

/// What a price says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceBasis {
    /// As traded on the day.
    Raw,
    /// Adjusted by the source for splits and dividends: only its relative changes mean anything.
    Adjusted,
    /// In units of today: adjusted by the source for splits, not for dividends.
    SplitAdjusted,
}

impl PriceBasis {
    /// The basis in one word: `raw`, `adjusted`, `split_adjusted`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Adjusted => "adjusted",
            Self::SplitAdjusted => "split_adjusted",
        }
    }

    /// The basis with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Raw, Self::Adjusted, Self::SplitAdjusted].into_iter().find(|basis| basis.word() == word)
    }
}

/// A bar that was not so: what was believed, and what is believed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// What was believed.
    pub was: Bar,
    /// What is believed now.
    pub is: Bar,
}

/// Those of the bars whose day has no price yet, if there are any.
pub(super) fn unknown_bars(known: &KnownBars, bars: &Bars) -> Result<Option<Bars>, AssetRejection> {
    let bars = bars.as_slice();
    let all_are_later = match (known.as_slice().last(), bars.first()) {
        (Some(last), Some(first)) => last.date < first.date,
        _ => true,
    };
    if all_are_later {
        return Ok(Some(Bars::from_history(bars.to_vec())));
    }
    let mut unknown = Vec::new();
    for bar in bars {
        let Some(before) = known.get(bar.date) else {
            unknown.push(*bar);
            continue;
        };
        if let Some((known, given)) = before.contradiction(bar) {
            return Err(AssetRejection::PriceDiffers { date: bar.date, known, given });
        }
    }
    // Part of valid bars, in their order, is valid; only emptiness can be new.
    Ok((!unknown.is_empty()).then(|| Bars::from_history(unknown)))
}

/// What the bars change of what is known.
pub(super) fn corrections(known: &KnownBars, bars: &Bars) -> Result<Vec<Correction>, AssetRejection> {
    let mut corrections = Vec::new();
    for bar in bars.as_slice() {
        let was = *known.get(bar.date).ok_or(AssetRejection::PriceUnknown { date: bar.date })?;
        let is = was.updated_by(bar);
        if is != was {
            corrections.push(Correction { was, is });
        }
    }
    Ok(corrections)
}
