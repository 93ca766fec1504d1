//! Backtests: what a policy would have been worth. Hypothetical performance: assumptions are part of the answer.
//!
//! Fractional units; trades at closes; costs proportional to what is traded, both ways, paid by the portfolio.

mod fingerprint;
mod many;
mod marks;
mod money_weighted;
mod outcome;
mod policy;
mod run;
mod trade;

pub use fingerprint::{fingerprint, fingerprint_quotes};
pub use many::{ManyEquities, VALUES_MAX, backtest_many};
pub use marks::CARRY_SESSIONS_MAX;
pub use money_weighted::{Flow, money_weighted_return};
pub use outcome::{ASSUMPTIONS, BacktestOutcome, Carried, Rebalance};
pub use policy::{Drift, Period, Policy, Threshold};
pub(crate) use run::check_weights;
pub use run::{Allocation, BacktestError, BacktestParams, COST_RATE_MAX, FLOWS_MAX};
pub use run::{backtest, backtest_quotes, backtest_quotes_watched, backtest_watched};
