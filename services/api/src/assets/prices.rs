//! `POST /v1/assets/{id}/prices` and `/corrections`: prices that were seen, and prices that were not so.

use axum::extract::State;
use events::asset::{Asset, AssetCommand, PriceBasis};
use events::values::{AssetId, BARS_MAX, Bar, Bars, BarsError, Name, Note};
use jiff::Timestamp;
use journal::Journal;
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
use crate::preconditions::{MaybeIfMatch, OptionalIfMatchHeader};
use crate::problem::{Problem, ProblemType};
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
    /// In units of today: adjusted by the source for splits, not for dividends.
    SplitAdjusted,
    /// Adjusted by the source for splits and dividends.
    Adjusted,
}

/// What one day's trading came to. Prices are in the asset's currency.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BarBody {
    /// The day: none that has not come anywhere yet, and none before 1602.
    #[schema(format = Date, example = "2026-01-30")]
    date: String,
    /// The first price, where it is known.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "186.20")]
    open: Option<String>,
    /// The highest price, where it is known.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "188.05")]
    high: Option<String>,
    /// The lowest price, where it is known.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "185.90")]
    low: Option<String>,
    /// The closing price.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", example = "187.50")]
    close: String,
    /// Units that changed hands, where it is known.
    #[schema(example = 41250000)]
    volume: Option<u64>,
}

problems!(RecordProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, PriceDiffers, PriceBasisDiffers, AssetDelisted,
    CashHasNoPrices);

/// Records prices of an asset.
///
/// Prices that are known already are left out; one that contradicts a known price refuses all of them.
#[utoipa::path(post, path = "/v1/assets/{id}/prices", tag = "assets", operation_id = "recordPrices",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = RecordPrices, responses(ChangedAnswer, RecordProblems))]
pub async fn record(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<RecordPrices, PRICES_BYTES_MAX>,
) -> Result<Answer, Problem> {
    let basis = match body.basis {
        Basis::Raw => PriceBasis::Raw,
        Basis::SplitAdjusted => PriceBasis::SplitAdjusted,
        Basis::Adjusted => PriceBasis::Adjusted,
    };
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let now = clock.now();
    let bars = bars(&mut faults, &body.bars, Some(now));
    let (Some(source), Some(bars)) = (source, bars) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("RecordPrices").with("source", source.as_str()).with("basis", basis.word());
    let wish = with_bars(wish, &bars);
    let context = context(keyed.command(RECORD, &[id.as_str()]), keyed.actor, now, expect, wish.sha256());
    let command = AssetCommand::RecordPrices { source, basis, bars };
    let done = journal.execute::<Asset>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
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

problems!(CorrectProblems: ANY, GUARDED, COMMAND, KEYED, PERHAPS_CONDITIONAL; AssetUnknown, PriceUnknown, CashHasNoPrices);

/// Corrects prices of an asset.
///
/// What was believed stays in the log, and `as_of` still answers with it.
#[utoipa::path(post, path = "/v1/assets/{id}/corrections", tag = "assets", operation_id = "correctPrices",
    security(("bearer" = ["admin"])),
    params(("id" = String, Path, example = "AAPL"), OptionalIfMatchHeader, KeyHeader),
    request_body = CorrectPrices, responses(ChangedAnswer, CorrectProblems))]
pub async fn correct(
    State(journal): State<Journal>,
    State(clock): State<Clock>,
    Id(id): Id<AssetId>,
    keyed: Keyed,
    MaybeIfMatch(expect): MaybeIfMatch,
    JsonBody(body): JsonBody<CorrectPrices, PRICES_BYTES_MAX>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let source = faults.value("/source", Name::parse(&body.source));
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let bars = bars(&mut faults, &body.bars, None);
    let (Some(source), Some(reason), Some(bars)) = (source, reason, bars) else { return Err(faults.into_problem()) };
    let wish = Canonical::of("CorrectPrices").with("source", source.as_str()).with("reason", reason.as_str());
    let wish = with_bars(wish, &bars);
    let context = context(keyed.command(CORRECT, &[id.as_str()]), keyed.actor, clock.now(), expect, wish.sha256());
    let command = AssetCommand::CorrectPrices { source, reason, bars };
    let done = journal.execute::<Asset>(&id, &command, &context).await;
    let done = done.map_err(|error| Problem::from(error).or_absent(ProblemType::AssetUnknown))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// The wish with its bars. What else than the close is known of a day stands there only where it is given.
fn with_bars(mut wish: Canonical, bars: &Bars) -> Canonical {
    for bar in bars.as_slice() {
        let day = bar.date.to_string();
        wish = wish.with(&day, &bar.close.normalize().to_string());
        for (field, price) in [("open", bar.open), ("high", bar.high), ("low", bar.low)] {
            if let Some(price) = price {
                wish = wish.with(&format!("{day} {field}"), &price.normalize().to_string());
            }
        }
        if let Some(volume) = bar.volume {
            wish = wish.with(&format!("{day} volume"), &volume.to_string());
        }
    }
    wish
}

/// The bars, where they are any and, where that is asked, can have been seen by then.
fn bars(faults: &mut Faults, bodies: &[BarBody], seen_by: Option<Timestamp>) -> Option<Bars> {
    if bodies.len() > BARS_MAX {
        let too_many = BarsError::TooMany(bodies.len());
        faults.add("/bars", too_many.code(), too_many.to_string());
        return None;
    }
    let mut read = Vec::with_capacity(bodies.len());
    for (place, body) in bodies.iter().enumerate() {
        read.extend(bar(faults, place, body));
    }
    if read.len() < bodies.len() {
        return None;
    }
    match Bars::of(read.clone()).and_then(|bars| match seen_by {
        Some(now) => bars.seen_by(now),
        None => Ok(bars),
    }) {
        Ok(bars) => Some(bars),
        Err(error) => {
            faults.add(&place_of(&error, &read), error.code(), error.to_string());
            None
        }
    }
}

fn bar(faults: &mut Faults, place: usize, body: &BarBody) -> Option<Bar> {
    let date = read_or_note(faults, place, "date", day(&body.date));
    let mut price = |field: &str, text: &str| read_or_note(faults, place, field, decimal(text));
    let close = price("close", &body.close);
    let mut optional = |field: &str, text: &Option<String>| match text.as_deref() {
        None => Some(None),
        Some(text) => price(field, text).map(Some),
    };
    let (open, high) = (optional("open", &body.open), optional("high", &body.high));
    let low = optional("low", &body.low);
    Some(Bar { date: date?, open: open?, high: high?, low: low?, close: close?, volume: body.volume })
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

fn place_of(error: &BarsError, bars: &[Bar]) -> String {
    let (found, field) = match error {
        BarsError::Empty | BarsError::TooMany(_) => (None, ""),
        BarsError::NotAscending { before, date } => {
            let found = bars.windows(2).position(|pair| (pair[0].date, pair[1].date) == (*before, *date));
            (found.map(|first| first + 1), "date")
        }
        BarsError::TooEarly(date) | BarsError::NotYet { date, .. } => {
            (bars.iter().position(|bar| bar.date == *date), "date")
        }
        BarsError::NotPositive { date, close } | BarsError::TooFine { date, close } => {
            let found = bars.iter().position(|bar| bar.date == *date);
            let is = |price: Option<Decimal>| price == Some(*close);
            let field = match found.map(|place| &bars[place]) {
                Some(bar) if is(bar.open) => "open",
                Some(bar) if is(bar.high) => "high",
                Some(bar) if is(bar.low) => "low",
                _ => "close",
            };
            (found, field)
        }
    };
    found.map_or_else(|| "/bars".to_owned(), |place| format!("/bars/{place}/{field}"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{BarBody, Canonical, bars, with_bars};
    use crate::faults::Faults;

    fn body(date: &str, close: &str) -> BarBody {
        let (date, close) = (date.to_owned(), close.to_owned());
        BarBody { date, open: None, high: None, low: None, close, volume: None }
    }

    fn told(bodies: &[BarBody]) -> String {
        let mut faults = Faults::default();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        assert!(bars(&mut faults, bodies, Some(now)).is_none(), "{bodies:?}");
        format!("{:?}", faults.into_problem())
    }

    #[test]
    fn each_bad_bar_is_told_with_its_place() {
        let both = told(&[body("2024-01-02", "1"), body("2024-1-3", "x")]);
        assert!(both.contains("#/bars/1/date") && both.contains("#/bars/1/close"), "{both}");
        assert!(told(&[body("2024-01-03", "1"), body("2024-01-02", "1")]).contains("#/bars/1/date"));
        assert!(told(&[body("2024-01-02", "1"), body("2024-01-03", "0")]).contains("#/bars/1/close"));
        let with_low = |low: &str| BarBody { low: Some(low.to_owned()), ..body("2024-01-03", "1") };
        assert!(told(&[body("2024-01-02", "1"), with_low("0")]).contains("#/bars/1/low"));
        assert!(told(&[body("2024-01-02", "1"), with_low("-")]).contains("#/bars/1/low"));
        assert!(told(&[]).contains("no-prices"));
        let ahead = told(&[body("2024-01-02", "1"), body("2030-01-02", "1")]);
        assert!(ahead.contains("#/bars/1/date") && ahead.contains("day-not-yet"), "{ahead}");
        let early = told(&[body("0000-01-03", "1"), body("2024-01-02", "1")]);
        assert!(early.contains("#/bars/0/date") && early.contains("day-too-early"), "{early}");
    }

    #[test]
    fn a_wish_tells_bars_apart_by_all_that_they_know_and_is_the_same_wish_for_ever() {
        let digest = |bar: BarBody| {
            let read = bars(&mut Faults::default(), &[bar], None).unwrap();
            with_bars(Canonical::of("RecordPrices"), &read).sha256()
        };
        let alone = Canonical::of("RecordPrices").with("2024-01-02", "1").sha256();
        assert_eq!(digest(body("2024-01-02", "1.0")), alone, "as before there was more than the close");
        let opened = BarBody { open: Some("1".to_owned()), ..body("2024-01-02", "1") };
        let traded = BarBody { volume: Some(1), ..body("2024-01-02", "1") };
        let digests = [alone, digest(opened), digest(traded)];
        assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2], "{digests:?}");
    }
}
