//! Who may call what: read from the document itself, so that what is promised is what is enforced.

use std::collections::HashMap;

use axum::http::Method;
use serde_json::Value;
use utoipa::openapi::OpenApi;
use vault::{Principal, Role, Scope};

use crate::problem::{Problem, ProblemType};

/// The document's name of the scheme under which operations list their roles.
pub const BEARER: &str = "bearer";
/// The same, for browsers.
pub const SESSION: &str = "session";
/// What routes have in common with the methods by which they are asked for.
const METHODS: [(&str, Method); 5] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
];

/// The rights of all operations.
pub struct Rights(HashMap<String, Vec<(Method, May)>>);

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

impl Rights {
    /// The rights that the document lists. An operation that lists none is nobody's.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).expect("the document is plain data, which JSON can always say");
        let of_methods = |item: &Value| {
            let known = METHODS.into_iter().filter_map(|(word, method)| Some((method, may(item.get(word)?))));
            known.collect::<Vec<_>>()
        };
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(paths.map(|(path, item)| (path.clone(), of_methods(item))).collect())
    }

    /// Who may call the operation with this method and path's template; `None` where there is no such operation.
    #[must_use]
    pub fn may(&self, method: &Method, route: &str) -> Option<&May> {
        // The router answers a HEAD as it answers a GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let (_, may) = self.0.get(route)?.iter().find(|(one, _)| one == method)?;
        Some(may)
    }
}

fn may(operation: &Value) -> May {
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
