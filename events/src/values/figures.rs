//! The figures that a recommendation was made on, as they were shown.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{AssetId, Interest};
use crate::subject::Position;

/// A portfolio's figures at the moment it was recommended. A figure that could not be given is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FiguresSnapshot {
    /// Which set of definitions the numbers follow, such as `figures-1`.
    pub definitions: String,
    /// First day of the window, whose close is the base.
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
}
