//! `/v1/assets/{id}/interest`: what cash earns.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::asset::{Asset, AssetCommand};
use events::values::{AssetId, InterestRate, Note};
use events::{Position, Stream};
use jiff::civil::Date;
use journal::Journal;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::as_of::{AsOfQuery, as_of};
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::Faults;
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::idempotency::{KeyHeader, Keyed};
use crate::numbers::{day, decimal};
use crate::parameters::Parameters;
use crate::paths::Id;
use crate::preconditions::{MaybeIfMatch, OptionalIfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

const SET: &str = "POST /v1/assets/{id}/interest";

/// What cash earns from a day on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetInterest {
    /// The day from whose end on it is earned, until a later day of which something is said.
    #[schema(format = Date, example = "2026-01-30")]
    from: String,
    /// What is earned in a year, interest on interest included, as a fraction: `0.045` is 4.5 %. Above -1, at most 1.
    #[schema(pattern = r"^-?[0-9]+(\.[0-9]+)?$", example = "0.045")]
    rate: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "The bank pays so from February on")]
    reason: String,
}

/// What cash earns.
#[derive(Debug, Serialize, ToSchema)]
pub struct CashView {
    /// The asset's symbol.
    #[schema(value_type = String, example = "CASH-USD")]
    asset: AssetId,
    /// Rates by the day from whose end on each is earned until the next, the earliest first. Nothing is earned before.
    interest: Vec<InterestView>,
    /// Where the last event stands that has a part in this.
    #[schema(value_type = String, example = "market-40")]
    position: Position,
}

/// What is earned from a day on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InterestView {
    /// The day from whose end on it is earned.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// What is earned in a year, as a fraction.
    #[schema(value_type = String, example = "0.045")]
    pub rate: Decimal,
}

problems!(SetProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, AssetNotCash, AssetDelisted);
problems!(ShowProblems: ANY, GUARDED, READ; AssetUnknown, AssetNotCash);

/// The rates as they are shown.
#[must_use]
pub fn interest_views(rates: &BTreeMap<Date, Decimal>) -> Vec<InterestView> {
    rates.iter().map(|(from, rate)| InterestView { from: *from, rate: rate.normalize() }).collect()
}

/// Says what cash earns from a day on.
///
/// Interest is earned by calendar days, in years of 365.25 days; nothing is earned before the first day of which something
/// is said. The same day again corrects what was said of it; `as_of` still answers with what was believed.
#[utoipa::path(post, path = "/v1/assets/{id}/interest", tag = "assets", operation_id = "setInterest",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "CASH-USD"), OptionalIfMatchHeader, KeyHeader),
    request_body = SetInterest, responses(ChangedAnswer, SetProblems))]
pub async fn set_interest(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<SetInterest>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let from = faults.value("/from", day(&body.from));
    let rate = faults.value("/rate", decimal(&body.rate));
    let rate = rate.and_then(|rate| faults.value("/rate", InterestRate::try_new(rate)));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(from), Some(rate), Some(reason)) = (from, rate, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("SetInterest")
        .with("from", &from.to_string())
        .with("rate", &rate.to_string())
        .with("reason", reason.as_str());
    let context = context(keyed.command(SET, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let done = journal.execute::<Asset>(&id, &AssetCommand::SetInterest { from, rate, reason }, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Shows what cash earns.
#[utoipa::path(get, path = "/v1/assets/{id}/interest", tag = "assets", operation_id = "getInterest",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(("id" = String, Path, example = "CASH-USD"), AsOfQuery, MinPositionHeader),
    responses((status = 200, body = CashView), ShowProblems))]
pub async fn show_interest(
    State(pool): State<PgPool>,
    State(journal): State<Journal>,
    Id(id): Id<AssetId>,
    Parameters(query): Parameters<AsOfQuery>,
    _: CaughtUp,
) -> Result<Response, Problem> {
    let then = as_of(&journal, query.text()).await?;
    if let Some(cash) = projections::prices::interest(&pool, &id, then).await? {
        let position = Position { stream: Stream::Market, sequence: cash.position };
        return Ok(Json(CashView { asset: id, interest: interest_views(&cash.rates), position }).into_response());
    }
    let listed = projections::assets::get(&pool, &id).await?;
    let is_cash = listed.is_none_or(|row| row.class.as_deref() == Some("cash"));
    // What is cash now was not listed then.
    Err(Problem::of(if is_cash { ProblemType::AssetUnknown } else { ProblemType::AssetNotCash }))
}
