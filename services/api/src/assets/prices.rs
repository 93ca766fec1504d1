//! `POST /v1/assets/{id}/prices` and `/corrections`: prices that were seen, and prices that were not so.

use axum::extract::State;
use events::asset::{Asset, AssetCommand, PriceBasis};
use events::values::{AssetId, BARS_MAX, Bars, BarsError, Name, Note};
use jiff::civil::Date;
use journal::{Expect, Journal};
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Fault, Faults};
use crate::idempotency::{KeyHeader, Keyed};
use crate::numbers::{day, decimal};
use crate::objects;
use crate::paths::Id;
use crate::problem::Problem;
use crate::state::Clock;

const RECORD: &str = "POST /v1/assets/{id}/prices";
const CORRECT: &str = "POST /v1/assets/{id}/corrections";
/// Bytes of a body of prices: a full event's worth, generously spelt.
pub const PRICES_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Prices that were seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPrices {
    /// Who gave them.
    #[schema(min_length = 1, max_length = 120, example = "Yahoo")]
    source: String,
    /// What they say.
    basis: Basis,
    /// The prices, days strictly ascending.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 10000)]
    bars: Vec<BarBody>,
}

/// What prices say.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// As traded on the day.
    Raw,
    /// Adjusted by the source for splits and dividends.
    Adjusted,
}

/// The price of one day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BarBody {
    /// The day.
    #[schema(format = Date, example = "2026-01-30")]
    date: String,
    /// The closing price in the asset's currency.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "187.50")]
    close: String,
}

problems!(RecordProblems: ANY, GUARDED, COMMAND, KEYED; AssetUnknown, PriceDiffers, PriceBasisDiffers, AssetDelisted);

/// Records prices of an asset.
///
/// Prices that are known already are left out; one that contradicts a known price refuses all of them.
#[utoipa::path(post, path = "/v1/assets/{id}/prices", tag = "assets", operation_id = "recordPrices",
    params(("id" = String, Path, example = "AAPL"), KeyHeader),
    request_body = RecordPrices, responses(ChangedAnswer, RecordProblems))]
pub async fn record(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    JsonBody(body): JsonBody<RecordPrices, PRICES_BYTES_MAX>,
) -> Result<Answer, Problem> {
    let basis = match body.basis {
        Basis::Raw => PriceBasis::Raw,
        Basis::Adjusted => PriceBasis::Adjusted,
    };
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let bars = bars(&mut faults, &body.bars);
    let (Some(source), Some(bars)) = (source, bars) else { return Err(faults.into_problem()) };
    let mut wish = Canonical::of("RecordPrices").with("source", source.as_str()).with("basis", basis.word());
    for bar in bars.as_slice() {
        wish = wish.with(&bar.date.to_string(), &bar.close.normalize().to_string());
    }
    let context = context(keyed.command(RECORD, &[id.as_str()]), keyed.actor, clock.now(), Expect::Any, wish.sha256());
    let command = AssetCommand::RecordPrices { source, basis, bars };
    let done = journal.execute::<Asset>(&id, &command, &context).await?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Prices that were not so.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectPrices {
    /// Who says so.
    #[schema(min_length = 1, max_length = 120, example = "Yahoo")]
    source: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4000, example = "the source gave pence for pounds")]
    reason: String,
    /// The prices as they are believed now, days strictly ascending, each of a day that has a price.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 10000)]
    bars: Vec<BarBody>,
}

problems!(CorrectProblems: ANY, GUARDED, COMMAND, KEYED; AssetUnknown, PriceUnknown);

/// Corrects prices of an asset.
///
/// What was believed stays in the log, and `as_of` still answers with it.
#[utoipa::path(post, path = "/v1/assets/{id}/corrections", tag = "assets", operation_id = "correctPrices",
    params(("id" = String, Path, example = "AAPL"), KeyHeader),
    request_body = CorrectPrices, responses(ChangedAnswer, CorrectProblems))]
pub async fn correct(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    JsonBody(body): JsonBody<CorrectPrices, PRICES_BYTES_MAX>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let bars = bars(&mut faults, &body.bars);
    let (Some(source), Some(reason), Some(bars)) = (source, reason, bars) else { return Err(faults.into_problem()) };
    let mut wish = Canonical::of("CorrectPrices").with("source", source.as_str()).with("reason", reason.as_str());
    for bar in bars.as_slice() {
        wish = wish.with(&bar.date.to_string(), &bar.close.normalize().to_string());
    }
    let context = context(keyed.command(CORRECT, &[id.as_str()]), keyed.actor, clock.now(), Expect::Any, wish.sha256());
    let command = AssetCommand::CorrectPrices { source, reason, bars };
    let done = journal.execute::<Asset>(&id, &command, &context).await?;
    Ok(Answer::changed(id.to_string(), &done))
}

fn bars(faults: &mut Faults, bodies: &[BarBody]) -> Option<Bars> {
    if bodies.len() > BARS_MAX {
        let too_many = BarsError::TooMany(bodies.len());
        faults.add("/bars", too_many.code(), too_many.to_string());
        return None;
    }
    let mut read = Vec::with_capacity(bodies.len());
    for (place, bar) in bodies.iter().enumerate() {
        let date = read_or_note(faults, place, "date", day(&bar.date));
        let close = read_or_note(faults, place, "close", decimal(&bar.close));
        read.extend(date.zip(close));
    }
    if read.len() < bodies.len() {
        return None;
    }
    let places: Vec<(Date, Decimal)> = read.clone();
    match Bars::try_new(read) {
        Ok(bars) => Some(bars),
        Err(error) => {
            faults.add(&place_of(&error, &places), error.code(), error.to_string());
            None
        }
    }
}

/// Builds the place's text only where there is something to say about it: there may be ten thousand places.
fn read_or_note<T, E: Fault>(faults: &mut Faults, place: usize, field: &str, read: Result<T, E>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(fault) => {
            faults.add(&format!("/bars/{place}/{field}"), fault.code(), fault.to_string());
            None
        }
    }
}

fn place_of(error: &BarsError, bars: &[(Date, Decimal)]) -> String {
    let (found, field) = match error {
        BarsError::Empty | BarsError::TooMany(_) => (None, ""),
        BarsError::NotAscending { before, date } => {
            let found = bars.windows(2).position(|pair| (pair[0].0, pair[1].0) == (*before, *date));
            (found.map(|first| first + 1), "date")
        }
        BarsError::NotPositive { date, close } | BarsError::TooFine { date, close } => {
            (bars.iter().position(|bar| bar == &(*date, *close)), "close")
        }
    };
    found.map_or_else(|| "/bars".to_owned(), |place| format!("/bars/{place}/{field}"))
}

#[cfg(test)]
mod tests {
    use super::{BarBody, bars};
    use crate::faults::Faults;

    fn told(rows: &[(&str, &str)]) -> String {
        let bodies: Vec<_> =
            rows.iter().map(|(date, close)| BarBody { date: (*date).to_owned(), close: (*close).to_owned() }).collect();
        let mut faults = Faults::default();
        assert!(bars(&mut faults, &bodies).is_none(), "{rows:?}");
        format!("{:?}", faults.into_problem())
    }

    #[test]
    fn each_bad_bar_is_told_with_its_place() {
        let both = told(&[("2024-01-02", "1"), ("2024-1-3", "x")]);
        assert!(both.contains("#/bars/1/date") && both.contains("#/bars/1/close"), "{both}");
        assert!(told(&[("2024-01-03", "1"), ("2024-01-02", "1")]).contains("#/bars/1/date"));
        assert!(told(&[("2024-01-02", "1"), ("2024-01-03", "0")]).contains("#/bars/1/close"));
        assert!(told(&[]).contains("no-prices"));
    }
}
