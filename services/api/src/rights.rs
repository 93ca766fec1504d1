//! Who may call what.

use axum::http::Method;
use serde_json::Value;
use vault::{Principal, Role, Scope};

use crate::problem::{Problem, ProblemType};

/// The document's name of the scheme under which operations list their roles.
pub const BEARER: &str = "bearer";
/// The same, for browsers.
pub const SESSION: &str = "session";

/// Who may call one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum May {
    /// Anybody, a stranger too.
    Anybody,
    /// Who has one of these roles.
    Roles {
        /// The roles' words.
        words: Vec<String>,
        /// Whether it changes nothing, whatever its method.
        only_computes: bool,
    },
}

/// Who may call the operation that is described so. One that lists nobody is nobody's.
#[must_use]
pub fn may(operation: &Value) -> May {
    let schemes: Vec<&Value> = operation["security"].as_array().into_iter().flatten().collect();
    if schemes.iter().any(|scheme| scheme.as_object().is_some_and(serde_json::Map::is_empty)) {
        return May::Anybody;
    }
    let roles = schemes.iter().filter_map(|scheme| scheme.get(BEARER)?.as_array()).flatten();
    let words = roles.filter_map(Value::as_str).map(str::to_owned).collect();
    May::Roles { words, only_computes: operation["tags"][0] == "computations" }
}

/// Nothing, where somebody with this role and scope may do this.
///
/// # Errors
/// `forbidden`, which tells of the role and the method alone: it is said before anything is looked for.
pub fn check(may: &May, principal: &Principal, method: &Method) -> Result<(), Problem> {
    let May::Roles { words: roles, only_computes } = may else { return Ok(()) };
    let role: Role = principal.role;
    if !roles.iter().any(|word| word == role.word()) {
        let detail = format!("the role {} may not do this", role.word());
        return Err(Problem::new(ProblemType::Forbidden, detail));
    }
    if principal.scope == Scope::Read && !method.is_safe() && !only_computes {
        return Err(Problem::new(ProblemType::Forbidden, "this token is for reading only"));
    }
    Ok(())
}
