//! Backtests: what a policy would have been worth. Hypothetical performance: assumptions are part of the answer.
//!
//! Fractional units; trades at closes; costs proportional to what is traded, both ways, paid by the portfolio.

mod error;
mod fingerprint;
mod many;
mod marks;
mod money_weighted;
mod outcome;
mod pay;
mod policy;
mod run;
mod trade;

pub use error::{BacktestError, COST_RATE_MAX, DRIFT_MAX, WEIGHT_MAX};
pub(crate) use error::{check_range, check_weights};
pub use fingerprint::{fingerprint, fingerprint_beside, fingerprint_quotes};
pub use many::{ManyEquities, VALUES_MAX, backtest_many};
pub use marks::CARRY_SESSIONS_MAX;
pub use money_weighted::{Flow, money_weighted_return};
pub use outcome::{ASSUMPTIONS, BacktestOutcome, Carried, Payment, Rebalance};
pub use pay::{FLOW_MAX, FLOWS_MAX};
pub use policy::{Drift, Period, Policy, Threshold};
pub use run::{Allocation, BacktestParams};
pub use run::{backtest, backtest_quotes, backtest_quotes_watched, backtest_watched};
