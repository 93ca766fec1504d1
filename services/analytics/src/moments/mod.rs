//! Moments of several assets' returns: what optimisers work on.

mod covariance;

pub use covariance::{Covariance, MomentsError};
