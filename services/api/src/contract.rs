//! What is promised: the routes with their OpenAPI document, and the pages that show it.

mod page;

use std::sync::LazyLock;

use axum::extract::RawPathParams;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{RefOr, Responses, Schema};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::described::problems;
use crate::problem::{FieldError, Problem, ProblemBody, ProblemType};
use crate::rights::{BEARER, SESSION};
use crate::state::Parts;
use crate::{
    access, accounts, advisors, assets, clients, commands, computations, events, health, jobs, models, portfolios,
    recommendations, sessions, snapshots, tokens,
};

/// The document's frame; paths and schemas come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Insights",
        version = "1",
        description = "The system of record of an investment adviser's work.\n\n\
            Commands answer with a receipt: `ETag` is the version for `If-Match`, `Insights-Position` is where the event \
            stands, for `Insights-Min-Position` of later reads. Money, prices and weights are decimal strings, \
            percentages are fractions, times are RFC 3339 in UTC.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "advisors", description = "Who gives advice"),
        (name = "clients", description = "Who is advised"),
        (name = "assets", description = "What can be held, and its prices"),
        (name = "portfolios", description = "What advisors compose, change and recommend"),
        (name = "recommendations", description = "What was recommended to whom"),
        (name = "computations", description = "Computed on request and recorded nowhere: no Idempotency-Key is needed"),
        (name = "access", description = "Logging in, accounts and tokens"),
        (name = "operation", description = "For operators and programs"),
    ),
    components(schemas(ProblemBody, FieldError, commands::Receipt, assets::Format, events::MessageView,
        snapshots::AdvisedInterest)),
    modifiers(&Schemes, &ProblemTypes),
)]
struct Frame;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of this service"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme.build()));
        let about = "What `POST /v1/sessions` gives a browser. Every change then needs the header `Insights-CSRF`.";
        let cookie = ApiKeyValue::with_description(access::COOKIE, about);
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// Every type of problem stands in the document, also those that only other roles of the system meet.
struct ProblemTypes;

impl Modify for ProblemTypes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let schemas = &mut document.components.get_or_insert_default().schemas;
        let Some(RefOr::T(Schema::Object(problem))) = schemas.get_mut("Problem") else { return };
        let Some(RefOr::T(Schema::Object(uri))) = problem.properties.get_mut("type") else { return };
        // Examples, not an `enum`: a client must bear a type that it does not know yet.
        uri.example = None;
        uri.examples = ProblemType::ALL.iter().map(|kind| kind.uri().into()).collect();
    }
}

/// Every route that the document describes. A new endpoint is added here and nowhere else.
pub fn routes() -> OpenApiRouter<Parts> {
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(advisors::register, advisors::list))
        .routes(routes!(advisors::get, advisors::edit))
        .routes(routes!(advisors::change_standing))
        .routes(routes!(clients::register, clients::list))
        .routes(routes!(clients::get, clients::edit))
        .routes(routes!(clients::import))
        .routes(routes!(clients::reads))
        .routes(routes!(clients::hand_over))
        .routes(routes!(clients::remove))
        .routes(routes!(clients::suitability, clients::assess))
        .routes(routes!(assets::create, assets::list))
        .routes(routes!(assets::get, assets::edit))
        .routes(routes!(assets::facets))
        .routes(routes!(assets::record, assets::series))
        .routes(routes!(assets::correct))
        .routes(routes!(assets::split))
        .routes(routes!(assets::pay))
        .routes(routes!(assets::withdraw))
        .routes(routes!(assets::delist))
        .routes(routes!(assets::set_interest, assets::show_interest))
        .routes(routes!(assets::rate))
        .routes(routes!(assets::lookup))
        .routes(routes!(assets::quality))
        .routes(routes!(portfolios::create, portfolios::list))
        .routes(routes!(portfolios::get, portfolios::rename))
        .routes(routes!(portfolios::import))
        .routes(routes!(portfolios::reallocate))
        .routes(routes!(portfolios::list_figures))
        .routes(routes!(portfolios::set_policy))
        .routes(routes!(portfolios::change_standing))
        .routes(routes!(portfolios::hand_over))
        .routes(routes!(portfolios::copy))
        .routes(routes!(portfolios::change_subscription, portfolios::show_subscription))
        .routes(routes!(models::list))
        .routes(routes!(models::get))
        .routes(routes!(portfolios::versions))
        .routes(routes!(portfolios::version))
        .routes(routes!(portfolios::show_figures))
        .routes(routes!(portfolios::show_rolling))
        .routes(routes!(computations::backtest::of_portfolio, portfolios::list_backtests))
        .routes(routes!(portfolios::record_backtest))
        .routes(routes!(portfolios::show_backtest))
        .routes(routes!(computations::backtest::of_weights))
        .routes(routes!(computations::frontier::compute))
        .routes(routes!(computations::projection::compute))
        .routes(routes!(jobs::show, jobs::cancel))
        .routes(routes!(portfolios::history))
        .routes(routes!(portfolios::recommend, recommendations::of_portfolio))
        .routes(routes!(recommendations::list))
        .routes(routes!(recommendations::get))
        .routes(routes!(sessions::log_in, sessions::list))
        .routes(routes!(sessions::current, sessions::log_out))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::choose_password))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::get, tokens::revoke))
        .routes(routes!(accounts::create, accounts::list))
        .routes(routes!(accounts::get, accounts::correct, accounts::close))
        .routes(routes!(accounts::invite))
        .routes(routes!(recommendations::let_out))
        .routes(routes!(recommendations::change_standing))
        .routes(routes!(events::list))
        .routes(routes!(events::watch))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(list_problems))
        .routes(routes!(show_problem))
}

/// The document of what this service offers.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            describe(&mut operation.responses);
            // A browser's session has the rights of a token of the same role.
            if let Some(roles) = operation.security.as_deref().and_then(roles_of) {
                let requirement = SecurityRequirement::new(SESSION, roles);
                operation.security.get_or_insert_default().push(requirement);
            }
        }
    }
    document
}

/// Gives words to each response that has none: the standard asks for them, and generators of clients insist.
fn describe(responses: &mut Responses) {
    for (status, response) in &mut responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = match status.as_str() {
                "201" => "It was created.",
                "204" => "It is done; there is nothing to tell.",
                _ => "What was asked for.",
            }
            .to_owned();
        }
    }
}

/// The roles that the first requirement of a bearer token lists.
fn roles_of(requirements: &[SecurityRequirement]) -> Option<Vec<String>> {
    requirements.iter().find_map(|requirement| {
        let requirement = serde_json::to_value(requirement).ok()?;
        serde_json::from_value(requirement.get(BEARER)?.clone()).ok()
    })
}

/// The document as it is served, and the page that shows it.
pub fn pages() -> Router<Parts> {
    Router::new().route("/openapi.json", get(document)).route("/docs", get(reference))
}

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| openapi().to_pretty_json().expect("the document is plain data, which JSON can always say"));
static REFERENCE: LazyLock<String> = LazyLock::new(|| page::reference(&openapi()));

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

async fn reference() -> Response {
    let policy = HeaderValue::from_static(page::CONTENT_SECURITY_POLICY);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(REFERENCE.as_str())).into_response()
}

/// What a type of problem means.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemTypeView {
    /// The type's URI, as in a problem's `type`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/weights-do-not-add-up")]
    kind: String,
    /// The type in a few words.
    title: &'static str,
    /// The HTTP status that goes with it.
    status: u16,
    /// What it means and what to do about it.
    description: &'static str,
}

impl From<ProblemType> for ProblemTypeView {
    fn from(kind: ProblemType) -> Self {
        Self { kind: kind.uri(), title: kind.title(), status: kind.status().as_u16(), description: kind.about() }
    }
}

problems!(ListProblemsProblems: ANY;);
problems!(ShowProblemProblems: ANY; NotFound);

/// Lists every type of problem that this service answers with.
#[utoipa::path(get, path = "/problems", tag = "operation", operation_id = "listProblemTypes", security(()),
    responses((status = 200, body = Vec<ProblemTypeView>), ListProblemsProblems))]
pub async fn list_problems() -> Json<Vec<ProblemTypeView>> {
    Json(ProblemType::ALL.iter().copied().map(ProblemTypeView::from).collect())
}

/// Says what a type of problem means.
#[utoipa::path(get, path = "/problems/{code}", tag = "operation", operation_id = "getProblemType", security(()),
    params(("code" = String, Path, example = "weights-do-not-add-up")),
    responses((status = 200, body = ProblemTypeView), ShowProblemProblems))]
pub async fn show_problem(params: RawPathParams) -> Result<Json<ProblemTypeView>, Problem> {
    let code = params.iter().find(|(name, _)| *name == "code").map(|(_, code)| code);
    let kind = code.and_then(ProblemType::by_code);
    kind.map(|kind| Json(kind.into())).ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DOCUMENT, REFERENCE};
    use crate::problem::ProblemType;

    /// The promise, word by word: a change of it shows in the diff. `INSIGHTS_BLESS=1` writes it down anew.
    #[test]
    fn the_document_is_the_one_that_was_promised() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let now = format!("{}\n", DOCUMENT.as_str());
        if std::env::var_os("INSIGHTS_BLESS").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        let promised = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            now == promised,
            "the document differs from openapi.json: run the test with INSIGHTS_BLESS=1 and read the diff"
        );
    }

    #[test]
    fn every_problem_type_stands_in_the_document_and_with_the_operations_that_answer_it() {
        for kind in ProblemType::ALL {
            assert!(DOCUMENT.contains(&format!("\"{}\"", kind.uri())), "{kind:?}");
            // What the router itself answers belongs to no operation, nor does what only the service's own roles meet, nor a
            // gate, which refuses one client and not the request.
            let of_no_operation = [
                ProblemType::MethodNotAllowed,
                ProblemType::RecommendationAlreadyMade,
                ProblemType::EmailAttemptClaimed,
                ProblemType::EmailAttemptOutOfOrder,
                ProblemType::EmailSettled,
                ProblemType::NotInCare,
                ProblemType::NoProfile,
                ProblemType::ProfileExpired,
                ProblemType::PortfolioTooRisky,
                ProblemType::ProductTooRisky,
                ProblemType::ProductDelisted,
            ];
            if !of_no_operation.contains(kind) {
                assert!(DOCUMENT.contains(&format!("`{}`", kind.uri())), "{kind:?}");
            }
        }
    }

    #[test]
    fn every_operation_says_who_may_call_it() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let schemes = operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path}"));
                if schemes.as_slice() == [serde_json::json!({})] {
                    continue;
                }
                let [bearer, session] = schemes.as_slice() else { panic!("{method} {path}: {schemes:?}") };
                let roles = bearer["bearer"].as_array().unwrap();
                let known = ["admin", "advisor", "compliance"];
                assert!(
                    !roles.is_empty() && roles.iter().all(|role| known.iter().any(|word| role == word)),
                    "{roles:?}"
                );
                assert_eq!(session["session"], bearer["bearer"], "{method} {path}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        for rest in DOCUMENT.split("\"$ref\": \"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_operation_says_how_it_fails() {
        let document: serde_json::Value = serde_json::from_str(&DOCUMENT).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                for (status, response) in responses {
                    let described = response["description"].as_str().is_some_and(|words| !words.is_empty());
                    assert!(described, "{method} {path}: {status}");
                }
                assert!(responses.contains_key("500") && responses.contains_key("503"), "{method} {path}");
                let open = operation["security"][0] == serde_json::json!({});
                assert_eq!(responses.contains_key("403"), !open, "{method} {path}");
                assert!(responses.contains_key("401") || open, "{method} {path}");
                let required = |name: &str| {
                    let parameters = operation["parameters"].as_array().into_iter().flatten();
                    parameters.filter(|p| p["name"] == name).any(|p| p["required"] == true)
                };
                // What computes and records nothing may be asked again without any key.
                let records = operation["tags"][0] != "computations";
                assert_eq!(required("Idempotency-Key"), method == "post" && records && !open, "{method} {path}");
                let recommends = method == "post" && path.ends_with("/{id}/recommendations");
                let changes = matches!(method.as_str(), "put" | "patch") || recommends;
                assert_eq!(required("If-Match"), changes, "{method} {path}");
            }
        }
    }

    #[test]
    fn the_reference_page_names_every_operation_and_loads_nothing() {
        assert!(REFERENCE.contains("/v1/portfolios/{id}/allocation"));
        for foreign in ["http://", "https://", "<script", "src="] {
            assert!(!REFERENCE.contains(foreign), "{foreign}");
        }
    }
}
