//! Query parameters that an operation does not know are an error, whatever its handler reads: one that is dropped
//! silently, such as a misspelt `as_of` or a hopeful `dry_run`, has the caller believe what is not so.
//!
//! What an operation knows is what its document says. Handlers that take [`crate::parameters::Parameters`] read them.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};

use crate::contract::openapi;
use crate::paging::invalid_parameters;
use crate::problem::FieldError;

/// Unknown parameters that are named in one answer.
const NAMED_MAX: usize = 10;
/// Characters of a name that are said again.
const NAME_CHARS_MAX: usize = 60;

/// The names that each operation knows, by the path's template.
type Known = HashMap<String, Vec<(Method, BTreeSet<String>)>>;

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    openapi().paths.paths.iter().map(|(path, item)| (path.clone(), operations(item).map(known).collect())).collect()
});

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_ref().map(|operation| (method, operation)))
}

fn known((method, operation): (Method, &Operation)) -> (Method, BTreeSet<String>) {
    let names = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    (method, names.collect())
}

/// Lets a request on if its operation knows every parameter of its query.
pub async fn refuse_unknown(request: Request, next: Next) -> Response {
    let unknown = unknown(&request);
    if unknown.is_empty() { next.run(request).await } else { invalid_parameters(unknown).into_response() }
}

fn unknown(request: &Request) -> Vec<FieldError> {
    let Some(query) = request.uri().query().filter(|query| !query.is_empty()) else { return Vec::new() };
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    // HEAD is answered as GET is.
    let method = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let Some((_, known)) = KNOWN.get(path).and_then(|all| all.iter().find(|(of, _)| of == method)) else {
        // No operation of ours: the router has its own answer.
        return Vec::new();
    };
    let names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    let unknown = names.filter(|name| !known.contains(name.as_ref()));
    let say = |name: std::borrow::Cow<'_, str>| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        FieldError::in_parameter(&name, "unknown-parameter", format!("there is no parameter `{name}` here"))
    };
    unknown.map(say).take(NAMED_MAX).collect()
}
