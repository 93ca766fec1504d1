use jiff::civil::date;

use super::{Asset, AssetCommand, AssetEvent, AssetRejection, PriceBasis};
use crate::scenario::given;
use crate::values::{Bars, Currency, Name};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn listed() -> AssetEvent {
    AssetEvent::Listed { name: name("Apple"), currency: usd() }
}

fn bars(days: &[(i8, &str)]) -> Bars {
    Bars::try_new(days.iter().map(|(d, p)| (date(2022, 12, *d), p.parse().unwrap())).collect()).unwrap()
}

fn record(days: &[(i8, &str)]) -> AssetCommand {
    AssetCommand::RecordPrices { source: name("a file"), basis: PriceBasis::Adjusted, bars: bars(days) }
}

fn priced(days: &[(i8, &str)]) -> AssetEvent {
    AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Adjusted, bars: bars(days) }
}

#[test]
fn an_asset_is_listed_once() {
    let list = AssetCommand::List { name: name("Apple"), currency: usd() };
    given::<Asset>([]).when(&list).then(&listed());
    given::<Asset>([listed()]).when(&list).then_nothing_happened();
    given::<Asset>([listed()])
        .when(&AssetCommand::List { name: name("Pear"), currency: usd() })
        .then_refused(&AssetRejection::AlreadyListed);
}

#[test]
fn prices_of_an_asset_that_is_not_listed_are_refused() {
    given::<Asset>([]).when(&record(&[(1, "10")])).then_refused(&AssetRejection::Unknown);
}

#[test]
fn recording_the_same_prices_twice_changes_nothing() {
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history).when(&record(&[(1, "10.00"), (2, "11")])).then_nothing_happened();
}

#[test]
fn of_overlapping_prices_only_the_new_ones_become_an_event() {
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history).when(&record(&[(2, "11"), (5, "12")])).then(&priced(&[(5, "12")]));
}

#[test]
fn a_past_that_changes_is_not_overwritten() {
    let history = [listed(), priced(&[(1, "10"), (2, "11")])];
    given::<Asset>(history).when(&record(&[(2, "11.5"), (5, "12")])).then_refused(&AssetRejection::PriceDiffers {
        date: date(2022, 12, 2),
        known: "11".parse().unwrap(),
        given: "11.5".parse().unwrap(),
    });
}

#[test]
fn raw_and_adjusted_prices_do_not_mix() {
    let raw = AssetCommand::RecordPrices { source: name("a file"), basis: PriceBasis::Raw, bars: bars(&[(5, "12")]) };
    given::<Asset>([listed(), priced(&[(1, "10")])])
        .when(&raw)
        .then_refused(&AssetRejection::BasisDiffers { known: "adjusted", given: "raw" });
}
