//! Figures: one statistic a file, each with its formula, its source and its tests.
//!
//! `definition.rs` names them, [`Figures`] holds all of one window.

mod benchmark;
mod beside;
mod calendar;
mod calmar;
mod contribution;
mod correlation;
mod days;
mod definition;
mod drawdown;
mod growth;
mod omega;
mod returns;
mod rolling;
mod shape;
mod sharpe;
mod sortino;
mod ulcer;
mod value_at_risk;
mod volatility;
mod window;

pub use benchmark::{
    active_return, alpha_arithmetic, alpha_geometric, beta, down_capture, information_ratio, information_ratio_daily,
    tracking_error, treynor_total, up_capture,
};
pub use beside::{Common, Sample};
pub use calendar::{YearOfReturns, monthly_returns};
pub use calmar::calmar;
pub use contribution::risk_contributions;
pub use correlation::{CorrelationMatrix, correlation};
pub use days::{best_day, tail_ratio, win_rate, worst_day};
pub use definition::{Definition, Figure, Unit};
pub use drawdown::{Episode, drawdowns, max_drawdown, top_drawdowns, underwater};
pub use growth::{cagr, cagr_calendar, cumulative};
pub use omega::omega;
pub use returns::{constant_mix_returns, log_returns, returns_in_currency, simple_returns};
pub use rolling::{WINDOWS, rolling, rolling_beta, rolling_sharpe, rolling_volatility};
pub use shape::{kurtosis_excess, skew};
pub use sharpe::sharpe;
pub use sortino::sortino;
pub use ulcer::ulcer_index;
pub use value_at_risk::{Tail, cvar_gaussian, quantile, var_gaussian};
pub use volatility::{mean_return, volatility};
pub use window::{FigureParams, Figures};
