//! What each operation is: who may call it and what its query may hold, read from the document itself, so that what is
//! promised is what is enforced. One table, one look-up for each request.

use std::collections::{BTreeSet, HashMap};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::deprecation::Deprecation;
use crate::queries;
use crate::rights::{self, May};

/// The document's words for methods.
const METHODS: [(&str, Method); 5] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
];

/// All operations, by their path's template.
pub struct Operations(HashMap<String, Vec<(Method, Operation)>>);

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// Who may call it.
    pub may: May,
    /// The parameters that its query may have.
    pub parameters: BTreeSet<String>,
    /// How much longer it is there, where it is going away.
    pub deprecation: Option<Deprecation>,
}

impl Operations {
    /// The operations that the document describes.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        // The document's own types hide what is required of callers; its JSON is what callers read.
        let document = serde_json::to_value(document).expect("the document is plain data, which JSON can always say");
        let of_methods = |item: &Value| {
            let known = METHODS.into_iter().filter_map(|(word, method)| Some((method, operation(item.get(word)?))));
            known.collect::<Vec<_>>()
        };
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(paths.map(|(path, item)| (path.clone(), of_methods(item))).collect())
    }

    /// The operation that the request asks for; `None` where there is no such: the router has its own answer.
    #[must_use]
    pub fn asked_for(&self, request: &Request) -> Option<&Operation> {
        let route = request.extensions().get::<MatchedPath>()?;
        // The router answers a HEAD as it answers a GET.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let (_, operation) = self.0.get(route.as_str())?.iter().find(|(one, _)| one == method)?;
        Some(operation)
    }
}

fn operation(described: &Value) -> Operation {
    let deprecation = Deprecation::of(described).expect("a test reads the dates of all operations");
    Operation { may: rights::may(described), parameters: queries::known(described), deprecation }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::Operations;
    use crate::contract::openapi;
    use crate::rights::May;

    #[test]
    fn all_operations_of_the_document_can_be_read() {
        let operations = Operations::of(&openapi());
        let of = |path: &str, method: Method| {
            let (_, operation) = operations.0[path].iter().find(|(one, _)| *one == method).unwrap();
            operation
        };
        assert_eq!(of("/healthz", Method::GET).may, May::Anybody);
        let list = of("/v1/portfolios", Method::GET);
        assert!(list.parameters.contains("limit") && !list.parameters.contains("dry_run"), "{:?}", list.parameters);
        assert!(
            matches!(&list.may, May::Roles { words, only_computes: false } if words.contains(&"advisor".to_owned()))
        );
    }
}
