//! Optimisers: weights from moments and constraints.
//!
//! Mean-variance problems under bounds, a budget and groups are solved exactly by the critical line
//! ([`mean_variance`]); the others each have a file.

mod active_set;
mod black_litterman;
mod constraints;
mod critical_line;
mod error;
mod factor;
mod gram;
mod hierarchical;
mod linkage;
pub mod mean_variance;
mod min_cvar;
mod risk_parity;
mod words;

pub use black_litterman::{Confidence, Market, Posterior, VIEWS_MAX, Views, black_litterman};
pub use constraints::{Constraints, GROUPS_MAX, Group};
pub use error::{Limit, OptimiseError};
pub use hierarchical::{HierarchicalParity, hierarchical_risk_parity};
pub use linkage::{Linkage, Merge, correlation_distances, leaf_order, link};
pub use mean_variance::{
    FRONTIER_POINTS_MAX, Optimum, Problem, frontier, frontier_watched, max_sharpe, max_sharpe_watched, max_utility,
    min_variance, target_return, target_risk,
};
pub use min_cvar::{LeastCvar, SCENARIOS_MAX, min_cvar};
pub use risk_parity::{equal_budgets, risk_parity};
