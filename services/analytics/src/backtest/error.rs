//! Why there is no backtest, and what is asked of its parameters.

use jiff::civil::Date;

use crate::short::Short;

/// Highest cost rate: a tenth of what is traded.
pub const COST_RATE_MAX: f64 = 0.1;
/// Largest weight of either sign.
pub const WEIGHT_MAX: f64 = 10.0;
/// Largest drift that is waited for.
pub const DRIFT_MAX: f64 = 10.0;
/// How far the sum of weights may be from one.
const WEIGHTS_TOLERANCE: f64 = 1e-9;

/// Why there is no backtest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// Not one weight for each asset.
    #[error("{weights} weights for {assets} assets")]
    LengthsDiffer {
        /// Weights given.
        weights: usize,
        /// Assets of the prices.
        assets: usize,
    },
    /// The weights do not add up to one.
    #[error("weights add up to {}, not to 1", Short(*.0))]
    WeightsDoNotAddUp(f64),
    /// A parameter is outside its range.
    #[error("the {name} is {}, which is not between {} and {}", Short(*value), Short(*least), Short(*most))]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The least that it may be.
        least: f64,
        /// The most that it may be.
        most: f64,
    },
    /// A payment on a day that the backtest does not have.
    #[error("the payment of {date} is not after the first session and until the last")]
    PaymentOutside {
        /// Its day.
        date: Date,
    },
    /// A payment that nothing could be traded for, until the end.
    #[error("the payment of {date} could not be traded for want of prices")]
    PaymentLeft {
        /// Its session.
        date: Date,
    },
    /// An asset with a weight has no price on the first session.
    #[error("{asset} has no price on the first session {date}")]
    NotListed {
        /// The asset.
        asset: String,
        /// The first session.
        date: Date,
    },
    /// No asset could be bought on the first session.
    #[error("nothing can be bought on {0}")]
    NothingToBuy(Date),
    /// An asset that is held has had no price for too long.
    #[error("{asset} has had no price for {sessions} sessions on {date}")]
    PriceGap {
        /// The asset.
        asset: String,
        /// First session that is too late.
        date: Date,
        /// Sessions without a price.
        sessions: usize,
    },
    /// Many are run together by the calendar only, since drift differs from one to another.
    #[error("many backtests at once have neither drift nor lag")]
    NotOfMany,
    /// Whoever watched wanted no more.
    #[error("cancelled on {0}")]
    Cancelled(Date),
    /// Nothing is left.
    #[error("nothing is left of the portfolio on {date}: it is worth {}", Short(*value))]
    Ruined {
        /// The session.
        date: Date,
        /// The value.
        value: f64,
    },
    /// The value has left the range of numbers.
    #[error("the portfolio's value on {0} is outside the range of numbers")]
    OutOfRange(Date),
}

/// Weights that a portfolio may have.
pub(crate) fn check_weights(weights: &[f64], assets: usize) -> Result<(), BacktestError> {
    if weights.len() != assets {
        return Err(BacktestError::LengthsDiffer { weights: weights.len(), assets });
    }
    if let Some(&value) = weights.iter().find(|weight| !weight.is_finite() || weight.abs() > WEIGHT_MAX) {
        return Err(BacktestError::Parameter { name: "weight", value, least: -WEIGHT_MAX, most: WEIGHT_MAX });
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > WEIGHTS_TOLERANCE { Err(BacktestError::WeightsDoNotAddUp(sum)) } else { Ok(()) }
}

/// Why a value that is none ends a backtest.
pub(super) fn unsound(date: Date, value: f64) -> BacktestError {
    if value.is_finite() { BacktestError::Ruined { date, value } } else { BacktestError::OutOfRange(date) }
}

/// Nothing, where the value is between both.
pub(crate) fn check_range(name: &'static str, value: f64, least: f64, most: f64) -> Result<(), BacktestError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(BacktestError::Parameter { name, value, least, most }) }
}
