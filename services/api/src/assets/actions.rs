//! `POST /v1/assets/{id}/splits` and `/dividends`: what became of an asset's units.

use std::fmt;

use axum::extract::State;
use events::asset::{Asset, AssetCommand};
use events::values::{ActionError, AssetId, Name, Payment, PaymentKind, SplitRatio};
use journal::Journal;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Fault, Faults};
use crate::idempotency::{KeyHeader, Keyed};
use crate::numbers::{day, decimal};
use crate::paths::Id;
use crate::preconditions::{MaybeIfMatch, OptionalIfMatchHeader};
use crate::problem::{Problem, ProblemType};
use crate::state::Clock;

const SPLIT: &str = "POST /v1/assets/{id}/splits";
const PAY: &str = "POST /v1/assets/{id}/dividends";

/// Units that were split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSplit {
    /// Who says so.
    #[schema(min_length = 1, max_length = 120, example = "Yahoo")]
    source: String,
    /// The first day on the new units.
    #[schema(format = Date, example = "2026-01-30")]
    date: String,
    /// New units: 4 of a split of 4 for 1.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "4")]
    new_units: String,
    /// Old units that they are given for.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "1")]
    old_units: String,
}

problems!(SplitProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, AssetDelisted, CashHasNoPrices);

/// Records a split of an asset's units.
///
/// One that is known already is recorded as confirmed and changes nothing; another ratio for the same day replaces it, and
/// both stay in the log.
#[utoipa::path(post, path = "/v1/assets/{id}/splits", tag = "assets", operation_id = "recordSplit",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = RecordSplit, responses(ChangedAnswer, SplitProblems))]
pub async fn split(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<RecordSplit>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let date = faults.value("/date", day(&body.date));
    let new = faults.value("/new_units", decimal(&body.new_units));
    let old = faults.value("/old_units", decimal(&body.old_units));
    let ratio = new.zip(old).and_then(|(new, old)| faults.value("/new_units", SplitRatio::try_new(new, old)));
    let (Some(source), Some(date), Some(ratio)) = (source, date, ratio) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("RecordSplit")
        .with("source", source.as_str())
        .with("date", &date.to_string())
        .with("ratio", &ratio.to_string());
    let context = context(keyed.command(SPLIT, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let done = journal.execute::<Asset>(&id, &AssetCommand::RecordSplit { source, date, ratio }, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Cash that was paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPayment {
    /// Who says so.
    #[schema(min_length = 1, max_length = 120, example = "Yahoo")]
    source: String,
    /// The first day on which a buyer no longer gets it.
    #[schema(format = Date, example = "2026-01-30")]
    ex_date: String,
    /// How much for one unit, in the asset's currency and in the units that its prices are in.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "0.25")]
    amount: String,
    /// What it is paid from: `dividend` where nothing is said, or `capital_gain`.
    #[schema(example = "dividend")]
    kind: Option<String>,
}

/// The text is no kind of payment.
#[derive(Debug)]
struct NotAKind;

impl fmt::Display for NotAKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a payment is a `dividend` or a `capital_gain`")
    }
}

impl Fault for NotAKind {
    fn code(&self) -> &'static str {
        "not-a-payment-kind"
    }
}

fn kind(text: Option<&str>) -> Result<PaymentKind, NotAKind> {
    match text {
        None | Some("dividend") => Ok(PaymentKind::Dividend),
        Some("capital_gain") => Ok(PaymentKind::CapitalGain),
        Some(_) => Err(NotAKind),
    }
}

impl Fault for ActionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Ratio { .. } => "not-a-split",
            Self::Payment(_) => "not-a-payment",
        }
    }
}

problems!(PaymentProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, AssetDelisted, PaymentNotBelowPrice,
    CashHasNoPrices);

/// Records a dividend, or what a fund paid of its gains.
///
/// One that is known already is recorded as confirmed and changes nothing; another amount for the same day replaces it, and
/// both stay in the log.
#[utoipa::path(post, path = "/v1/assets/{id}/dividends", tag = "assets", operation_id = "recordDividend",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = RecordPayment, responses(ChangedAnswer, PaymentProblems))]
pub async fn pay(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<RecordPayment>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let ex_date = faults.value("/ex_date", day(&body.ex_date));
    let amount = faults.value("/amount", decimal(&body.amount));
    let payment = amount.and_then(|amount| faults.value("/amount", Payment::try_new(amount)));
    let kind = faults.value("/kind", kind(body.kind.as_deref()));
    let (Some(source), Some(ex_date), Some(payment), Some(kind)) = (source, ex_date, payment, kind) else {
        return Err(faults.into_problem());
    };
    let word = match kind {
        PaymentKind::Dividend => "dividend",
        PaymentKind::CapitalGain => "capital_gain",
    };
    let wish = Canonical::of("RecordPayment")
        .with("source", source.as_str())
        .with("ex_date", &ex_date.to_string())
        .with("kind", word)
        .with("amount", &payment.amount().to_string());
    let context = context(keyed.command(PAY, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let command = AssetCommand::RecordPayment { source, ex_date, kind, payment };
    let done = journal.execute::<Asset>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}
