//! The figures that a recommendation was made on, as they were shown.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{AssetId, Interest, Name, Note, TextError};
use crate::subject::Position;

/// A portfolio's figures at the moment it was recommended. A figure that could not be given is `None`, and `missing` says
/// why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FiguresSnapshot {
    /// Which set of definitions the numbers follow, such as `figures-1`.
    pub definitions: String,
    /// First day of the window, whose close is the base. Where there is no window, `returns` is 0 and this is the day on
    /// which that was found.
    pub start: Date,
    /// Last day of the window.
    pub end: Date,
    /// How many daily returns the window has.
    pub returns: u32,
    /// The annual risk-free rate in the Sharpe ratio, as a fraction.
    pub risk_free_rate: f64,
    /// Cumulative return over the window, as a fraction.
    pub cumulative: Option<f64>,
    /// Compound annual growth rate, as a fraction.
    pub cagr: Option<f64>,
    /// Annualised volatility, as a fraction.
    pub volatility: Option<f64>,
    /// Annualised Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Maximum drawdown, as a negative fraction.
    pub max_drawdown: Option<f64>,
    /// Last day at the peak before the maximum drawdown.
    pub drawdown_peak: Option<Date>,
    /// Lowest day of the maximum drawdown.
    pub drawdown_valley: Option<Date>,
    /// The last position of the market's stream whose prices were used.
    pub prices_position: Position,
    /// Those of the assets that are cash, each with the last interest of the window; `None` where it earned nothing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cash: BTreeMap<AssetId, Option<Interest>>,
    /// Why each figure is not there that is `None`. Empty of what was recommended before reasons were kept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<AdvisedFigure, NoFigureReason>,
}

/// A figure that advice rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvisedFigure {
    /// Cumulative return.
    Cumulative,
    /// Compound annual growth rate.
    Cagr,
    /// Annualised volatility.
    Volatility,
    /// Annualised Sharpe ratio.
    Sharpe,
    /// Maximum drawdown.
    MaxDrawdown,
}

impl AdvisedFigure {
    /// Every figure that advice rests on, in the order in which people ask for them.
    pub const ALL: [Self; 5] = [Self::Cumulative, Self::Cagr, Self::Volatility, Self::Sharpe, Self::MaxDrawdown];

    /// The figure's stable name, the same wherever figures are shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cumulative => "cumulative",
            Self::Cagr => "cagr",
            Self::Volatility => "volatility",
            Self::Sharpe => "sharpe",
            Self::MaxDrawdown => "max_drawdown",
        }
    }

    /// The figure with this name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.word() == word)
    }
}

/// Why a figure is not there, as it was told when the portfolio was recommended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoFigureReason {
    /// The reason's stable name, such as `too-few-returns`.
    pub code: Name,
    /// The reason in words, with its values.
    pub detail: Note,
}

impl NoFigureReason {
    /// The reason with this name, in these words.
    ///
    /// # Errors
    /// Where one of them is no name, or no note.
    pub fn parse(code: &str, detail: &str) -> Result<Self, TextError> {
        Ok(Self { code: Name::parse(code)?, detail: Note::parse(detail)? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{AdvisedFigure, FiguresSnapshot, NoFigureReason};
    use crate::stored::samples;

    #[test]
    fn what_is_missing_stands_beside_its_reason_and_where_nothing_is_said_nothing_stands() {
        let reason = NoFigureReason::parse("no-variation", "the returns do not vary").unwrap();
        let missing = [(AdvisedFigure::Sharpe, reason)].into();
        let told = serde_json::to_value(FiguresSnapshot { missing, ..samples::figures() }).unwrap();
        let reason = json!({"code": "no-variation", "detail": "the returns do not vary"});
        assert_eq!(told["missing"], json!({"sharpe": reason}));
        let silent = FiguresSnapshot { missing: BTreeMap::new(), ..samples::figures() };
        assert!(serde_json::to_value(silent).unwrap().get("missing").is_none());
    }

    #[test]
    fn a_figure_has_one_name_in_words_and_in_json() {
        for figure in AdvisedFigure::ALL {
            assert_eq!(serde_json::to_value(figure).unwrap(), figure.word());
            assert_eq!(AdvisedFigure::parse(figure.word()), Some(figure));
        }
        assert_eq!(AdvisedFigure::parse("calmar"), None);
    }
}
