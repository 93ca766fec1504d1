//! Query parameters that an operation does not know are an error, whatever its handler reads: one that is dropped
//! silently, such as a misspelt `as_of` or a hopeful `dry_run`, has the caller believe what is not so.
//!
//! What an operation knows is what its document says. Handlers that take [`crate::parameters::Parameters`] read them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem};

/// Unknown parameters that are named in one answer.
const NAMED_MAX: usize = 10;
/// Characters of a name that are said again.
const NAME_CHARS_MAX: usize = 60;

/// The names that the operation which is described so knows.
#[must_use]
pub fn known(operation: &Value) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let of_query = parameters.filter(|parameter| parameter["in"] == "query");
    of_query.filter_map(|parameter| parameter["name"].as_str()).map(str::to_owned).collect()
}

/// Nothing, where every parameter of the query is known.
///
/// # Errors
/// `invalid-parameters`, with the first few that are not.
pub fn check(known: &BTreeSet<String>, query: Option<&str>) -> Result<(), Problem> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(()) };
    let names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    let unknown = names.filter(|name| !known.contains(name.as_ref()));
    let say = |name: Cow<'_, str>| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        FieldError::in_parameter(&name, "unknown-parameter", format!("there is no parameter `{name}` here"))
    };
    let unknown: Vec<FieldError> = unknown.map(say).take(NAMED_MAX).collect();
    if unknown.is_empty() { Ok(()) } else { Err(invalid_parameters(unknown)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{check, known};

    #[test]
    fn what_the_document_says_of_the_query_is_known_and_nothing_else() {
        let operation = json!({"parameters": [
            {"in": "query", "name": "limit"}, {"in": "path", "name": "id"}, {"in": "header", "name": "If-Match"},
        ]});
        let known = known(&operation);
        assert_eq!(known, BTreeSet::from(["limit".to_owned()]));
        assert!(
            check(&known, None).is_ok() && check(&known, Some("")).is_ok() && check(&known, Some("limit=1")).is_ok()
        );
        let refused = check(&known, Some("limit=1&id=2&as%5Fof=3")).unwrap_err();
        let names: Vec<_> = refused.errors().iter().filter_map(|error| error.parameter.as_deref()).collect();
        assert_eq!(names, ["id", "as_of"]);
    }
}
