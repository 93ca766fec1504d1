//! Moments of several assets' returns: what optimisers work on.

mod covariance;
mod expected;
mod gaps;
mod sample;
mod shrinkage;

pub use covariance::{Covariance, MomentsError};
pub use expected::{arithmetic_mean, ew_mean, geometric_mean};
pub use gaps::{Coverage, Gaps, correlation_with_gaps, coverage, smallest_eigenvalue};
pub use sample::{Centre, Decay, ew_covariance, sample_covariance};
pub use shrinkage::{Shrunk, ledoit_wolf, oracle_approximating, shrunk_by};
