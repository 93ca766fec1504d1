//! `POST /v1/assets/{id}/delisting`: an asset is traded no more.

use axum::extract::State;
use events::asset::{Asset, AssetCommand};
use events::values::{AssetId, Note};
use journal::Journal;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::Faults;
use crate::idempotency::{KeyHeader, Keyed};
use crate::numbers::day;
use crate::paths::Id;
use crate::preconditions::{MaybeIfMatch, OptionalIfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

const DELIST: &str = "POST /v1/assets/{id}/delisting";

/// The end of an asset's trading.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelistAsset {
    /// The first day without trading.
    #[schema(format = Date, example = "2026-01-30")]
    date: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "taken over")]
    reason: String,
}

problems!(DelistProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, AssetStillTraded);

/// Takes an asset off the list of what is traded. Its prices stay.
#[utoipa::path(post, path = "/v1/assets/{id}/delisting", tag = "assets", operation_id = "delistAsset",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = DelistAsset, responses(ChangedAnswer, DelistProblems))]
pub async fn delist(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<DelistAsset>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let date = faults.value("/date", day(&body.date));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(date), Some(reason)) = (date, reason) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("DelistAsset").with("date", &date.to_string()).with("reason", reason.as_str());
    let context = context(keyed.command(DELIST, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let done = journal.execute::<Asset>(&id, &AssetCommand::Delist { date, reason }, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}
