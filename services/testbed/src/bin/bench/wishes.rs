//! What callers ask for: as requests of the web API, and as the events that come of them.

use events::asset::{AssetEvent, PriceBasis};
use events::portfolio::{Composition, PortfolioEvent};
use events::values::{AdvisorId, Allocation, AssetId, Bars, Currency, Limits, Listing, Name, Note};
use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// Aggregates that callers share.
pub const SHARED: usize = 8;
/// The assets that are priced and held, one for each shared aggregate.
pub const ASSETS: [&str; SHARED] = ["BENCH1", "BENCH2", "BENCH3", "BENCH4", "BENCH5", "BENCH6", "BENCH7", "BENCH8"];
/// Two target allocations of the same assets, which callers alternate between: a change to the same changes nothing.
const WEIGHTS: [[&str; 4]; 2] = [["0.25", "0.25", "0.25", "0.25"], ["0.4", "0.3", "0.2", "0.1"]];
const NAME: &str = "Growth and income";
const REASON: &str = "Bonds have become dear";
const FIRST_DAY: Date = Date::constant(1970, 1, 1);

/// What a caller asks for, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A new portfolio.
    Create,
    /// Another allocation of a portfolio that is the caller's own.
    ChangeOwn,
    /// Another allocation of a portfolio that others change too; they take turns, because a change names the version
    /// it is meant for.
    ChangeShared,
    /// A day's price of an asset that others price too; nobody waits for the others, the service queues them up.
    PriceShared,
}

impl Wish {
    /// What to call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create a portfolio",
            Self::ChangeOwn => "change own portfolio",
            Self::ChangeShared => "change 8 portfolios in turn",
            Self::PriceShared => "price 8 assets, queued",
        }
    }
}

fn allocation_json(turn: u64) -> String {
    let targets: Vec<String> = ASSETS
        .iter()
        .zip(weights(turn))
        .map(|(asset, weight)| format!(r#"{{"asset":"{asset}","weight":"{weight}"}}"#))
        .collect();
    format!("[{}]", targets.join(","))
}

const fn weights(turn: u64) -> [&'static str; 4] {
    WEIGHTS[if turn.is_multiple_of(2) { 0 } else { 1 }]
}

/// The body that asks for a new portfolio.
pub fn create_body(advisor: &str) -> String {
    let allocation = allocation_json(0);
    format!(r#"{{"advisor":"{advisor}","name":"{NAME}","currency":"USD","allocation":{allocation}}}"#)
}

/// The body that asks for another allocation than that of the turn before.
pub fn allocation_body(turn: u64) -> String {
    format!(r#"{{"allocation":{},"reason":"{REASON}"}}"#, allocation_json(turn))
}

/// The body that tells the price of this day.
pub fn price_body(day: u64) -> String {
    let date = date(day);
    format!(r#"{{"source":"bench","basis":"raw","bars":[{{"date":"{date}","close":"187.50"}}]}}"#)
}

fn date(day: u64) -> Date {
    let days = i64::try_from(day).expect("days are counted in thousands");
    FIRST_DAY.checked_add(days.days()).expect("thousands of days after 1970 are within the calendar")
}

fn allocation(turn: u64) -> Allocation {
    let targets = ASSETS.iter().zip(weights(turn)).map(|(asset, weight)| {
        let weight: Decimal = weight.parse().expect("our weights are decimals");
        (AssetId::parse(asset).expect("our assets have ids"), weight)
    });
    Allocation::try_new(targets).expect("our weights add up to 1")
}

/// What comes of [`create_body`].
pub fn created(advisor: AdvisorId) -> PortfolioEvent {
    let name = Name::parse(NAME).expect("our name is one");
    let currency = Currency::parse("USD").expect("dollars are a currency");
    PortfolioEvent::Created(Box::new(Composition::new(advisor, name, currency, allocation(0))))
}

/// What comes of [`allocation_body`].
pub fn reallocated(turn: u64) -> PortfolioEvent {
    PortfolioEvent::Reallocated {
        allocation: allocation(turn),
        limits: Limits::default(),
        reason: Note::parse(REASON).expect("our reason is a note"),
    }
}

/// What comes of listing an asset.
pub fn listed(asset: &str) -> AssetEvent {
    let name = Name::parse(asset).expect("our assets have names");
    AssetEvent::Listed(Listing::new(name, Currency::parse("USD").expect("dollars are a currency")))
}

/// What comes of [`price_body`].
pub fn priced(day: u64) -> AssetEvent {
    let close: Decimal = "187.5".parse().expect("our price is a decimal");
    AssetEvent::Priced {
        source: Name::parse("bench").expect("our source has a name"),
        basis: PriceBasis::Raw,
        bars: Bars::try_new(vec![(date(day), close)]).expect("our price is positive"),
    }
}
