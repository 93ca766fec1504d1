//! How much risk an asset carries (`POST /v1/assets/{id}/ratings`), and many assets in one call (`GET /v1/assets/lookup`).

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::asset::{Asset, AssetCommand};
use events::values::{AssetId, Note, RiskClass};
use journal::Journal;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};

use super::AssetView;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Fault, Faults, NotOneOf};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::paging::invalid_parameters;
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{MaybeIfMatch, OptionalIfMatchHeader};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Clock;

const RATE: &str = "POST /v1/assets/{id}/ratings";
/// Symbols that one look-up may name.
const SYMBOLS_MAX: usize = 200;

/// How much risk an asset carries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateAsset {
    /// `conservative`, `moderately_conservative`, `moderate`, `moderately_aggressive` or `aggressive`.
    #[schema(example = "moderate")]
    class: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "A single company with little debt")]
    reason: String,
}

/// Which assets are looked up.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LookupQuery {
    /// Their symbols, separated by commas, 200 at the most.
    #[param(example = "AAPL,MSFT", min_length = 1, max_length = 5000)]
    symbols: String,
}

/// Assets by their symbols.
#[derive(Serialize, ToSchema)]
pub struct Lookup {
    /// Those that are listed, in the order of their symbols.
    items: Vec<AssetView>,
    /// Those that are not.
    #[schema(value_type = Vec<String>)]
    missing: Vec<AssetId>,
}

problems!(RateProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, CashIsConservative);
problems!(LookupProblems: ANY, GUARDED, READ;);

/// Says how much risk an asset carries. What nobody has rated counts as aggressive.
#[utoipa::path(post, path = "/v1/assets/{id}/ratings", tag = "assets", operation_id = "rateAsset",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = RateAsset, responses(ChangedAnswer, RateProblems))]
pub async fn rate(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<RateAsset>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let class = faults.value("/class", NotOneOf::parsed(&body.class, &RiskClass::ALL, RiskClass::word));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(class), Some(reason)) = (class, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("RateAsset").with("class", class.word()).with("reason", reason.as_str());
    let context = context(keyed.command(RATE, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let done = journal.execute::<Asset>(&id, &AssetCommand::Rate { class, reason }, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Looks many assets up by their symbols.
#[utoipa::path(get, path = "/v1/assets/lookup", tag = "assets", operation_id = "lookUpAssets",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(LookupQuery, MinPositionHeader), responses((status = 200, body = Lookup), LookupProblems))]
pub async fn lookup(
    State(pool): State<PgPool>,
    Parameters(query): Parameters<LookupQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let symbols = symbols(&query.symbols)?;
    let rows = projections::assets::many(&pool, &symbols).await?;
    let missing = symbols.into_iter().filter(|symbol| !rows.iter().any(|row| row.id == *symbol)).collect();
    let items = rows.into_iter().map(AssetView::from).collect();
    Ok(Json(Lookup { items, missing }).into_response())
}

fn symbols(text: &str) -> Result<Vec<AssetId>, Problem> {
    let error = |code, detail| FieldError::in_parameter("symbols", code, detail);
    let texts: Vec<&str> = text.split(',').map(str::trim).collect();
    if texts.len() > SYMBOLS_MAX {
        let detail = format!("{} symbols are more than {SYMBOLS_MAX}", texts.len());
        return Err(invalid_parameters(vec![error("too-many-symbols", detail)]));
    }
    let (mut symbols, mut errors) = (Vec::new(), Vec::new());
    for text in texts {
        match AssetId::parse(text) {
            Ok(symbol) if !symbols.contains(&symbol) => symbols.push(symbol),
            Ok(_) => {}
            Err(fault) => errors.push(error(fault.code(), fault.to_string())),
        }
    }
    if errors.is_empty() { Ok(symbols) } else { Err(invalid_parameters(errors)) }
}

#[cfg(test)]
mod tests {
    use super::symbols;

    #[test]
    fn symbols_are_read_once_each_and_all_faults_are_told() {
        assert_eq!(symbols("AAPL, ^GSPC,AAPL").unwrap().len(), 2);
        for bad in ["", "AAPL,", "aapl", "a b"] {
            assert!(symbols(bad).is_err(), "{bad}");
        }
        assert!(symbols(&vec!["A"; 201].join(",")).is_err());
    }
}
