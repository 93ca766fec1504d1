//! Holidays as the exchanges kept or announced them.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use super::Calendar;
use crate::values::Name;

/// Weekdays on which B3 did not trade, by year, as its calendars have them.
const SAO_PAULO: &str = "\
    1998 01-01 02-23 02-24 04-10 04-21 05-01 06-11 07-09 09-07 10-12 11-02 12-24 12-25 12-31\n\
    2004 01-01 02-23 02-24 04-09 04-21 06-10 07-09 09-07 10-12 11-02 11-15 12-24 12-31\n\
    2013 01-01 01-25 02-11 02-12 03-29 05-01 05-30 07-09 11-15 11-20 12-24 12-25 12-31\n\
    2014 01-01 03-03 03-04 04-18 04-21 05-01 06-12 06-19 07-09 11-20 12-24 12-25 12-31\n\
    2020 01-01 02-24 02-25 04-10 04-21 05-01 06-11 09-07 10-12 11-02 12-24 12-25 12-31\n\
    2021 01-01 01-25 02-15 02-16 04-02 04-21 06-03 07-09 09-07 10-12 11-02 11-15 12-24 12-31\n\
    2022 02-28 03-01 04-15 04-21 06-16 09-07 10-12 11-02 11-15 12-30\n\
    2024 01-01 02-12 02-13 03-29 05-01 05-30 11-15 11-20 12-24 12-25 12-31\n\
    2026 01-01 02-16 02-17 04-03 04-21 05-01 06-04 09-07 10-12 11-02 11-20 12-24 12-25 12-31\n\
";

/// Weekdays on which New York does not trade, by year.
const NEW_YORK: &str = "\
    2023 01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25\n\
    2024 01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25\n\
    2025 01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25\n\
    2026 01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25\n\
    2027 01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24\n\
";

/// The closes of an index, one for each session in New York from 1990 to 2022.
const SESSIONS: &str = include_str!("../../../data/sp500_index.csv");

fn weekdays_without_session(calendar: Calendar, year: i16) -> BTreeSet<Date> {
    let days = date(year, 1, 1).series(1.day()).take_while(|day| day.year() == year);
    days.filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
        .filter(|day| !calendar.is_session(*day))
        .collect()
}

#[test]
fn holidays_are_those_that_the_exchanges_keep() {
    for (calendar, told) in [(Calendar::SaoPaulo, SAO_PAULO), (Calendar::NewYork, NEW_YORK)] {
        for line in told.lines().filter(|line| !line.is_empty()) {
            let (year, days) = line.split_once(' ').unwrap();
            let told: BTreeSet<Date> = days.split(' ').map(|day| format!("{year}-{day}").parse().unwrap()).collect();
            assert_eq!(weekdays_without_session(calendar, year.parse().unwrap()), told, "{calendar:?} {year}");
        }
    }
}

#[test]
fn every_session_of_thirty_three_years_in_new_york_is_one_and_no_other_day_is() {
    let told: BTreeSet<Date> = SESSIONS.lines().filter_map(|line| line.get(..10)?.parse().ok()).collect();
    let (first, last) = (*told.first().unwrap(), *told.last().unwrap());
    assert!(told.len() > 8_000, "{}", told.len());
    let days = first.series(1.day()).take_while(|day| *day <= last);
    let sessions: BTreeSet<Date> = days.filter(|day| Calendar::NewYork.is_session(*day)).collect();
    let differ: Vec<_> = sessions.symmetric_difference(&told).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

#[test]
fn sessions_are_counted_without_the_first_day_and_with_the_last() {
    let good_friday = date(2024, 3, 29);
    assert_eq!(Calendar::NewYork.sessions_after(date(2024, 3, 28), date(2024, 4, 1)), 1, "over {good_friday}");
    assert_eq!(Calendar::Weekdays.sessions_after(date(2024, 3, 28), date(2024, 4, 1)), 2);
    assert_eq!(Calendar::SaoPaulo.sessions_after(date(2024, 2, 9), date(2024, 2, 14)), 1, "over Carnival");
    assert_eq!(Calendar::NewYork.sessions_after(date(2024, 1, 8), date(2024, 1, 8)), 0);
}

#[test]
fn an_exchange_is_known_by_its_usual_names_and_else_trades_on_weekdays() {
    let of = |name: &str| Calendar::of(Some(&Name::parse(name).unwrap()));
    assert_eq!(
        (of("NMS"), of("nyse"), of("SAO"), of("LSE")),
        (Calendar::NewYork, Calendar::NewYork, Calendar::SaoPaulo, Calendar::Weekdays)
    );
    assert_eq!(Calendar::of(None), Calendar::Weekdays);
}

#[test]
fn what_no_exchange_closes_is_traded_every_day() {
    assert!(Calendar::EveryDay.is_session(date(2024, 12, 25)) && Calendar::EveryDay.is_session(date(2024, 12, 28)));
    assert_eq!(Calendar::EveryDay.sessions_after(date(2024, 12, 20), date(2024, 12, 27)), 7);
    assert_eq!(Calendar::ALL.map(|calendar| Calendar::parse(calendar.word())), Calendar::ALL.map(Some));
}
