//! What weights must satisfy.

use super::error::OptimiseError;

/// Largest weight of either sign that a bound may allow.
const WEIGHT_MAX: f64 = 1e3;
/// Largest sum of either sign that a group's limit may name.
const GROUP_LIMIT_MAX: f64 = 1e6;
/// Groups that one problem may have.
pub const GROUPS_MAX: usize = 200;
/// Half the room that a group with equal limits keeps, so that its two rows are never active together.
const GROUP_SLACK: f64 = 1e-12;

/// A set of assets whose weights' sum is limited.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What people call it: it names the limit when nothing satisfies it.
    pub name: String,
    /// Places of its assets.
    pub members: Vec<usize>,
    /// Least sum of their weights.
    pub least: f64,
    /// Greatest sum of their weights.
    pub most: f64,
}

/// Bounds of each weight, limits of groups, and the sum of all weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraints {
    /// Lower bound of each weight.
    pub lower: Vec<f64>,
    /// Upper bound of each weight.
    pub upper: Vec<f64>,
    /// Limits of groups; they may overlap.
    pub groups: Vec<Group>,
    /// Sum of all weights.
    pub budget: f64,
}

impl Constraints {
    /// Weights of `assets` assets between zero and one that add up to one.
    pub fn long_only(assets: usize) -> Constraints {
        Constraints::within(assets, 0.0, 1.0)
    }

    /// Weights of `assets` assets between `lower` and `upper` that add up to one.
    pub fn within(assets: usize, lower: f64, upper: f64) -> Constraints {
        Constraints { lower: vec![lower; assets], upper: vec![upper; assets], groups: Vec::new(), budget: 1.0 }
    }

    /// The same with one asset's weight fixed. An unknown place changes nothing.
    pub fn lock(mut self, asset: usize, weight: f64) -> Constraints {
        if asset < self.lower.len().min(self.upper.len()) {
            (self.lower[asset], self.upper[asset]) = (weight, weight);
        }
        self
    }

    /// The same with one more group.
    pub fn group(mut self, group: Group) -> Constraints {
        self.groups.push(group);
        self
    }

    /// Nothing when the constraints fit `assets` assets and each one alone can be satisfied.
    pub(crate) fn check(&self, assets: usize) -> Result<(), OptimiseError> {
        for (what, got) in [("lower bounds", self.lower.len()), ("upper bounds", self.upper.len())] {
            if got != assets {
                return Err(OptimiseError::LengthsDiffer { what, expected: assets, got });
            }
        }
        in_range("number of groups", crate::sums::count(self.groups.len()), crate::sums::count(GROUPS_MAX))?;
        in_range("budget", self.budget, WEIGHT_MAX)?;
        for (asset, (&lower, &upper)) in self.lower.iter().zip(&self.upper).enumerate() {
            in_range("lower bound", lower, WEIGHT_MAX)?;
            in_range("upper bound", upper, WEIGHT_MAX)?;
            if lower > upper {
                return Err(OptimiseError::BoundsCross { asset, lower, upper });
            }
        }
        for group in &self.groups {
            in_range("group minimum", group.least, GROUP_LIMIT_MAX)?;
            in_range("group maximum", group.most, GROUP_LIMIT_MAX)?;
            if group.least > group.most {
                let Group { name, least, most, .. } = group.clone();
                return Err(OptimiseError::GroupCrosses { group: name, least, most });
            }
            if let Some(&member) = group.members.iter().find(|&&member| member >= assets) {
                return Err(OptimiseError::LengthsDiffer { what: "group member", expected: assets, got: member });
            }
        }
        let (least, most) = (self.lower.iter().sum::<f64>(), self.upper.iter().sum::<f64>());
        if self.budget < least - ROUNDING || self.budget > most + ROUNDING {
            return Err(OptimiseError::BudgetOutOfReach { least, most, budget: self.budget });
        }
        Ok(())
    }

    /// Group limits as rows `sign * sum(members) <= limit`.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (f64, &Group, f64)> {
        self.groups.iter().flat_map(|group| {
            let slack = if group.most - group.least < GROUP_SLACK { GROUP_SLACK } else { 0.0 };
            [(1.0, group, group.most + slack), (-1.0, group, -group.least + slack)]
        })
    }
}

/// How far rounding may carry a sum of bounds past the budget.
const ROUNDING: f64 = 1e-12;

pub(crate) fn in_range(name: &'static str, value: f64, most: f64) -> Result<(), OptimiseError> {
    if value.is_finite() && value.abs() <= most { Ok(()) } else { Err(OptimiseError::Parameter { name, value }) }
}

#[cfg(test)]
mod tests {
    use super::{Constraints, Group};
    use crate::optimise::OptimiseError;

    #[test]
    fn caps_that_are_too_tight_are_named_with_their_sum() {
        let refused = Constraints::within(5, 0.0, 0.1).check(5);
        assert_eq!(refused, Err(OptimiseError::BudgetOutOfReach { least: 0.0, most: 0.5, budget: 1.0 }));
    }

    #[test]
    fn a_group_of_strangers_is_refused() {
        let group = Group { name: "tech".into(), members: vec![7], least: 0.0, most: 0.5 };
        assert!(Constraints::long_only(3).group(group).check(3).is_err());
    }
}
