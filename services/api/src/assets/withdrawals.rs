//! `POST /v1/assets/{id}/withdrawals`: a split or a payment that never was.

use axum::extract::State;
use events::asset::{Asset, AssetCommand};
use events::values::{AssetId, Name, Note, PaymentKind};
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

const WITHDRAW: &str = "POST /v1/assets/{id}/withdrawals";

/// A split or a payment that is believed and never was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawAction {
    /// Who says so.
    #[schema(min_length = 1, max_length = 120, example = "Ana Souza")]
    source: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "another share paid it")]
    reason: String,
    /// What is withdrawn.
    kind: Withdrawn,
    /// Its day: the first on the new units, or the ex-date.
    #[schema(format = Date, example = "2026-01-30")]
    date: String,
}

/// What can be withdrawn.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawn {
    /// A split.
    Split,
    /// All dividends of the ex-date.
    Dividend,
    /// All that a fund paid of its gains on the ex-date.
    CapitalGain,
}

impl Withdrawn {
    const fn word(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::Dividend => "dividend",
            Self::CapitalGain => "capital_gain",
        }
    }
}

problems!(WithdrawProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, ActionUnknown);

/// Withdraws a split or a payment of an asset.
///
/// What was believed stays in the log, and `as_of` still answers with it. The same from the same source again is not taken
/// for news; another amount or ratio is, and so is what is recorded by hand.
#[utoipa::path(post, path = "/v1/assets/{id}/withdrawals", tag = "assets", operation_id = "withdrawAction",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = WithdrawAction, responses(ChangedAnswer, WithdrawProblems))]
pub async fn withdraw(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<WithdrawAction>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let date = faults.value("/date", day(&body.date));
    let (Some(source), Some(reason), Some(date)) = (source, reason, date) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("WithdrawAction")
        .with("source", source.as_str())
        .with("reason", reason.as_str())
        .with("kind", body.kind.word())
        .with("date", &date.to_string());
    let context = context(keyed.command(WITHDRAW, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let (ex_date, dividend, gain) = (date, PaymentKind::Dividend, PaymentKind::CapitalGain);
    let command = match body.kind {
        Withdrawn::Split => AssetCommand::WithdrawSplit { source, reason, date },
        Withdrawn::Dividend => AssetCommand::WithdrawPayment { source, reason, ex_date, kind: dividend },
        Withdrawn::CapitalGain => AssetCommand::WithdrawPayment { source, reason, ex_date, kind: gain },
    };
    let done = journal.execute::<Asset>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}
