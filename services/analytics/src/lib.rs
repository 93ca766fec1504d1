//! Portfolio numerics: figures, moments, optimisers, backtests and projections. Pure functions on numbers: no I/O, no
//! clock, no chance that was not passed in.
//!
//! # Layout
//! * [`prices`]: prices on their calendar, checked once
//! * [`figures`]: one statistic a file; [`Figures`] holds all of a window with their definitions
//! * [`corporate_actions`]: total return from raw closes; [`cash`]: money with its interest
//! * [`moments`]: covariance and expected returns
//! * [`optimise`]: weights from moments and constraints
//! * [`backtest`](mod@backtest): what a policy would have been worth
//! * [`projection`]: what a portfolio might be worth
//! * [`portfolio`]: a portfolio's figures in one call
//!
//! A figure that does not exist is an `Err` with its reason ([`NoFigure`]), never NaN, infinity or zero.

pub mod backtest;
pub mod cash;
pub mod corporate_actions;
pub mod figures;
pub mod moments;
pub mod optimise;
pub mod portfolio;
pub mod prices;
pub mod projection;
pub mod watch;

mod chance;
mod no_figure;
mod periods;
mod short;
mod sums;

pub use figures::{Definition, Figure, FigureParams, Figures};
pub use no_figure::NoFigure;
pub use periods::PeriodsPerYear;
pub use portfolio::{PortfolioFigures, portfolio_figures};
pub use prices::{PriceError, PriceTable, Quotes, Series};
pub use short::Short;
pub use watch::{Watch, go_on};
