use events::Decider;
use events::asset::{Asset, AssetEvent, Listed, PriceBasis};
use events::values::{Bar, Bars, Currency, Listing, Name, SplitRatio};
use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::in_one_unit;
use crate::left_out::LeftOut;
use crate::source::Quotes;

const FIRST: Date = date(2024, 1, 2);

fn day(n: usize) -> Date {
    FIRST + i64::try_from(n).unwrap().days()
}

fn close(n: usize, close: f64) -> Bar {
    Bar::closing(day(n), close.to_string().parse().unwrap())
}

fn bars(first: usize, closes: &[f64]) -> Vec<Bar> {
    closes.iter().enumerate().map(|(n, price)| close(first + n, *price)).collect()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// What is known once these closes are recorded from that day on, and splits.
fn known(basis: PriceBasis, first: usize, closes: &[f64], splits: &[(usize, i64, i64)]) -> Listed {
    let mut asset =
        Asset::default().evolve(&AssetEvent::Listed(Listing::new(name("Abc"), Currency::parse("USD").unwrap())));
    if !closes.is_empty() {
        let bars = Bars::of(bars(first, closes)).unwrap();
        asset = asset.evolve(&AssetEvent::Priced { source: name("a file"), basis, bars });
    }
    for (n, new, old) in splits {
        let ratio = SplitRatio::try_new((*new).into(), (*old).into()).unwrap();
        asset = asset.evolve(&AssetEvent::Split { source: name("a file"), date: day(*n), ratio, was: None });
    }
    match asset {
        Asset::Listed(listed) => listed,
        Asset::Unknown => panic!("it was listed"),
    }
}

fn nothing() -> Listed {
    known(PriceBasis::Raw, 0, &[], &[])
}

/// The closes that are kept, and how many are told to wait and to be wrong.
fn kept(known: &Listed, mut quotes: Quotes) -> (Vec<f64>, usize, usize) {
    let mut dropped = LeftOut::none();
    let given = quotes.bars.len();
    in_one_unit(known, &mut quotes, &mut dropped);
    let closes: Vec<f64> = quotes.bars.iter().map(|bar| bar.close.try_into().unwrap()).collect();
    let waiting = dropped.told().iter().filter(|one| one.reason.contains("waits")).count();
    assert_eq!(closes.len() + dropped.count(), given, "what is not kept is told");
    (closes, waiting, dropped.count() - waiting)
}

fn given(basis: PriceBasis, first: usize, closes: &[f64]) -> Quotes {
    Quotes { bars: bars(first, closes), ..Quotes::none(basis) }
}

fn raw(first: usize, closes: &[f64]) -> Quotes {
    given(PriceBasis::Raw, first, closes)
}

#[test]
fn prices_that_follow_each_other_are_all_kept() {
    let wild = [10.0, 12.0, 300.0, 5.0, 0.07, 0.08, 5.0];
    assert_eq!(kept(&nothing(), raw(0, &wild)), (wild.to_vec(), 0, 0));
}

#[test]
fn one_or_several_in_another_unit_are_left_out_once_a_row_in_the_old_one_follows() {
    assert_eq!(kept(&nothing(), raw(0, &[10.0, 1_000.0, 12.0])), (vec![10.0, 12.0], 0, 1));
    assert_eq!(
        kept(&nothing(), raw(0, &[10.0, 11.0, 1_050.0, 1_300.0, 900.0, 12.0, 13.0])).0,
        [10.0, 11.0, 12.0, 13.0]
    );
    assert_eq!(
        kept(&nothing(), raw(0, &[10.0, 0.1, 0.11, 10.5, 11.0, 1_200.0, 12.0])),
        (vec![10.0, 10.5, 11.0, 12.0], 0, 3)
    );
    // They move meanwhile, so that the way back is less than a hundredfold: the last right price counts, not the last.
    assert_eq!(kept(&nothing(), raw(0, &[10.0, 10.0, 1_100.0, 1_000.0, 14.0, 15.0])).0, [10.0, 10.0, 14.0, 15.0]);
}

#[test]
fn in_another_unit_at_the_end_they_wait() {
    assert_eq!(kept(&nothing(), raw(0, &[10.0, 11.0, 12.0, 1_200.0])), (vec![10.0, 11.0, 12.0], 1, 0));
    let log = known(PriceBasis::Raw, 0, &[10.0, 11.0], &[]);
    assert_eq!(kept(&log, raw(2, &[1_100.0, 1_200.0])), (vec![], 2, 0), "the log knows better");
    assert_eq!(kept(&log, raw(2, &[1_100.0, 1_200.0, 12.0])), (vec![12.0], 0, 2));
    assert_eq!(kept(&log, raw(1, &[11.0, 0.11, 0.12])), (vec![11.0], 2, 0));
    let long: Vec<f64> = (0..800).map(|n| 1_100.0 + f64::from(n % 7)).collect();
    assert_eq!(kept(&log, raw(2, &long)).1, 800, "however many they are");
}

#[test]
fn in_another_unit_at_the_beginning_most_rows_decide_and_where_none_do_all_wait() {
    assert_eq!(kept(&nothing(), raw(0, &[1_000.0, 10.0, 11.0])), (vec![10.0, 11.0], 0, 1));
    assert_eq!(kept(&nothing(), raw(0, &[10.0, 1_000.0])), (vec![], 2, 0));
    assert_eq!(kept(&nothing(), raw(0, &[10.0, 11.0, 1_000.0, 1_100.0])), (vec![], 4, 0));
    let log = known(PriceBasis::Raw, 10, &[10.0, 11.0], &[]);
    assert_eq!(kept(&log, raw(0, &[900.0, 950.0])), (vec![], 2, 0), "what comes after in the log counts, too");
    assert_eq!(kept(&log, raw(0, &[9.0, 9.5])), (vec![9.0, 9.5], 0, 0));
}

#[test]
fn a_whole_answer_in_another_unit_than_the_log_is_not_taken_for_a_correction() {
    let log = known(PriceBasis::SplitAdjusted, 0, &[10.0, 11.0, 12.0], &[]);
    let quotes = given(PriceBasis::SplitAdjusted, 0, &[1_000.0, 1_100.0, 1_200.0, 1_300.0]);
    assert_eq!(kept(&log, quotes), (vec![], 4, 0));
    // One row of the log is wrong, by an older version: the answer mends it.
    let wrong = known(PriceBasis::SplitAdjusted, 0, &[10.0, 11.0, 1_200.0], &[]);
    let quotes = given(PriceBasis::SplitAdjusted, 0, &[10.0, 11.0, 12.0, 13.0]);
    assert_eq!(kept(&wrong, quotes), (vec![10.0, 11.0, 12.0, 13.0], 0, 0));
    // The log's unit wins even where more rows of the answer are in another.
    let quotes = given(PriceBasis::SplitAdjusted, 0, &[10.0, 11.0, 1_200.0, 1_300.0, 1_400.0, 1_500.0, 1_600.0]);
    assert_eq!(kept(&log, quotes), (vec![10.0, 11.0], 5, 0));
}

#[test]
fn splits_are_reckoned_with() {
    let ratio = SplitRatio::try_new(1.into(), 100.into()).unwrap();
    // As traded: a hundred old units become one new one, so its price is a hundredfold.
    let quotes = Quotes { splits: vec![(day(2), ratio)], ..raw(0, &[0.1, 0.11, 11.0, 12.0, 0.12, 12.5]) };
    assert_eq!(kept(&nothing(), quotes), (vec![0.1, 0.11, 11.0, 12.0, 12.5], 0, 1));
    let log = known(PriceBasis::Raw, 0, &[0.1, 0.11], &[(2, 1, 100)]);
    assert_eq!(kept(&log, raw(2, &[11.0, 12.0])), (vec![11.0, 12.0], 0, 0), "a split that the log knows");
    // In units of today: the news of the split restates what was known.
    let log = known(PriceBasis::SplitAdjusted, 0, &[0.1, 0.11], &[]);
    let answer = || given(PriceBasis::SplitAdjusted, 0, &[10.0, 11.0, 12.0]);
    assert_eq!(kept(&log, Quotes { splits: vec![(day(2), ratio)], ..answer() }), (vec![10.0, 11.0, 12.0], 0, 0));
    assert_eq!(kept(&log, answer()), (vec![], 3, 0), "without the split it is an error");
}

#[test]
fn after_a_year_a_price_may_be_anything() {
    let mut later = raw(0, &[10.0, 11.0]);
    later.bars.extend(bars(500, &[1_200.0, 1_300.0]));
    assert_eq!(kept(&nothing(), later).0, [10.0, 11.0, 1_200.0, 1_300.0]);
    let log = known(PriceBasis::Raw, 0, &[10.0], &[]);
    assert_eq!(kept(&log, raw(9_000, &[1_200.0])).0, [1_200.0]);
}
