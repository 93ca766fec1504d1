//! Why an optimiser gives no weights.

use crate::short::Short;

/// One limit of a problem, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// The weights' sum.
    Budget,
    /// The lower bound of one asset, by its place.
    Lower(usize),
    /// The upper bound of one asset, by its place.
    Upper(usize),
    /// A group's least sum.
    GroupLeast(String),
    /// A group's greatest sum.
    GroupMost(String),
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Budget => write!(f, "the budget"),
            Limit::Lower(asset) => write!(f, "the lower bound of asset {asset}"),
            Limit::Upper(asset) => write!(f, "the upper bound of asset {asset}"),
            Limit::GroupLeast(name) => write!(f, "the minimum of group {name}"),
            Limit::GroupMost(name) => write!(f, "the maximum of group {name}"),
        }
    }
}

/// Why there are no weights.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OptimiseError {
    /// Something is not given once for each asset.
    #[error("{what}: expected {expected}, got {got}")]
    LengthsDiffer {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A parameter is outside its range.
    #[error("the {name} is {}, which is outside its range", Short(*value))]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An asset's lower bound is above its upper bound.
    #[error("asset {asset} is bounded below by {} and above by {}", Short(*lower), Short(*upper))]
    BoundsCross {
        /// The asset's place.
        asset: usize,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },
    /// A group's least sum is above its greatest.
    #[error("the minimum of group {group}, {}, is above its maximum, {}", Short(*least), Short(*most))]
    GroupCrosses {
        /// The group's name.
        group: String,
        /// Its least sum.
        least: f64,
        /// Its greatest sum.
        most: f64,
    },
    /// The bounds leave no room for the budget.
    #[error("the bounds allow a sum of {} to {}, not the budget {}", Short(*least), Short(*most), Short(*budget))]
    BudgetOutOfReach {
        /// Sum of the lower bounds.
        least: f64,
        /// Sum of the upper bounds.
        most: f64,
        /// The budget.
        budget: f64,
    },
    /// No weights satisfy everything.
    #[error("{limit} cannot hold together with {}", names(with))]
    Infeasible {
        /// The limit that could not be reached.
        limit: Limit,
        /// The limits that stand against it.
        with: Vec<Limit>,
    },
    /// No portfolio within the limits has that expected return.
    #[error("a return of {} is out of reach: {} to {} is within it", Short(*target), Short(*least), Short(*most))]
    ReturnOutOfReach {
        /// The wish.
        target: f64,
        /// Lowest attainable return.
        least: f64,
        /// Highest attainable return.
        most: f64,
    },
    /// No efficient portfolio within the limits has that volatility.
    #[error("a volatility of {} is out of reach: {} to {} is within it", Short(*target), Short(*least), Short(*most))]
    RiskOutOfReach {
        /// The wish.
        target: f64,
        /// Volatility of the minimum-variance portfolio.
        least: f64,
        /// Volatility of the efficient portfolio with the highest return.
        most: f64,
    },
    /// No portfolio returns more than the risk-free rate: the maximum Sharpe ratio is undefined.
    #[error("the highest attainable return {} does not exceed the risk-free rate {}", Short(*most), Short(*rf))]
    NoExcessReturn {
        /// The risk-free rate.
        rf: f64,
        /// Highest attainable return.
        most: f64,
    },
    /// An asset does not vary, so that no share of risk can be given to it.
    #[error("asset {asset} does not vary")]
    NoVariation {
        /// The asset's place.
        asset: usize,
    },
    /// Whoever watched wanted no more.
    #[error("cancelled")]
    Cancelled,
    /// The method did not end within its bound of steps.
    #[error("no solution after {steps} steps")]
    NotConverged {
        /// The bound.
        steps: usize,
    },
}

fn names(limits: &[Limit]) -> String {
    limits.iter().map(Limit::to_string).collect::<Vec<_>>().join(", ")
}
