//! Exchange calendars: on which days an exchange trades. Rules and single days as data, no clock.
//!
//! The rules are those in force in each year from 1990 on; earlier years are taken as 1990. An exchange that is not known
//! here trades on weekdays: then a holiday looks like a missing price, as it must where nobody knows better.

#[cfg(test)]
mod tests;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use serde::Serialize;

use crate::values::Name;

/// Days that one question may span, so that none takes for ever: more than a century.
const SPAN_DAYS_MAX: i64 = 40_000;

/// On which days an exchange trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// On weekdays: of what is traded where nothing is known of holidays.
    Weekdays,
    /// As the exchanges of New York do: NYSE and NASDAQ.
    NewYork,
    /// As B3 in São Paulo does.
    SaoPaulo,
    /// On every day: of what has no exchange that closes, such as crypto-currencies.
    EveryDay,
}

/// Names of exchanges in New York, as price sources and people spell them.
const NEW_YORK: [&str; 14] =
    ["NYSE", "NYQ", "XNYS", "NASDAQ", "NMS", "NGM", "NCM", "XNAS", "NYSEARCA", "PCX", "ARCX", "ASE", "BATS", "BTS"];
/// Names of B3.
const SAO_PAULO: [&str; 5] = ["B3", "SAO", "BVMF", "BOVESPA", "BMFBOVESPA"];

/// Days on which New York did not trade, besides its holidays.
const NEW_YORK_CLOSED: [Date; 11] = [
    date(1994, 4, 27), // mourning for Richard Nixon
    date(2001, 9, 11),
    date(2001, 9, 12),
    date(2001, 9, 13),
    date(2001, 9, 14),
    date(2004, 6, 11),  // mourning for Ronald Reagan
    date(2007, 1, 2),   // mourning for Gerald Ford
    date(2012, 10, 29), // hurricane
    date(2012, 10, 30),
    date(2018, 12, 5), // mourning for George H. W. Bush
    date(2025, 1, 9),  // mourning for Jimmy Carter
];
/// Days on which São Paulo did not trade, besides its holidays.
const SAO_PAULO_CLOSED: [Date; 1] = [
    date(2014, 6, 12), // the World Cup began
];

impl Calendar {
    /// Every calendar.
    pub const ALL: [Self; 4] = [Self::Weekdays, Self::NewYork, Self::SaoPaulo, Self::EveryDay];

    /// The calendar of the exchange with this name; weekdays where it is not known, or not named.
    #[must_use]
    pub fn of(exchange: Option<&Name>) -> Self {
        exchange.map_or(Self::Weekdays, |exchange| Self::named(exchange.as_str()))
    }

    /// As [`Calendar::of`], of a name that is kept as text.
    #[must_use]
    pub fn named(exchange: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(exchange));
        if is(&NEW_YORK) {
            Self::NewYork
        } else if is(&SAO_PAULO) {
            Self::SaoPaulo
        } else {
            Self::Weekdays
        }
    }

    /// The calendar in one word: `weekdays`, `new_york`, `sao_paulo`, `every_day`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Weekdays => "weekdays",
            Self::NewYork => "new_york",
            Self::SaoPaulo => "sao_paulo",
            Self::EveryDay => "every_day",
        }
    }

    /// The calendar with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|calendar| calendar.word() == word)
    }

    /// Whether the exchange trades on this day.
    #[must_use]
    pub fn is_session(self, day: Date) -> bool {
        let is_weekday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        match self {
            Self::EveryDay => true,
            Self::Weekdays => is_weekday,
            Self::NewYork => is_weekday && !NEW_YORK_CLOSED.contains(&day) && !is_holiday_in_new_york(day),
            Self::SaoPaulo => is_weekday && !SAO_PAULO_CLOSED.contains(&day) && !is_holiday_in_sao_paulo(day),
        }
    }

    /// The sessions after one day, up to and including another; of more than a century, those of its last days.
    #[must_use]
    pub fn sessions_after(self, after: Date, to: Date) -> i64 {
        let days = i64::from((to - after).get_days()).min(SPAN_DAYS_MAX);
        let is_session = |back: &i64| to.checked_sub((*back).days()).is_ok_and(|day| self.is_session(day));
        i64::try_from((0..days).filter(is_session).count()).unwrap_or(i64::MAX)
    }
}

fn is_holiday_in_new_york(day: Date) -> bool {
    let year = day.year();
    let is = |holiday: Option<Date>| holiday == Some(day);
    // New Year's Day on a Saturday is not made up for: the year before ends with a session.
    let new_year = fixed(year, 1, 1).filter(|first| first.weekday() != Weekday::Saturday).and_then(observed);
    is(new_year)
        || (year >= 1998 && is(nth(year, 1, Weekday::Monday, 3)))
        || is(nth(year, 2, Weekday::Monday, 3))
        || is(from_easter(year, -2))
        || is(nth(year, 5, Weekday::Monday, -1))
        || (year >= 2022 && is(fixed(year, 6, 19).and_then(observed)))
        || is(fixed(year, 7, 4).and_then(observed))
        || is(nth(year, 9, Weekday::Monday, 1))
        || is(nth(year, 11, Weekday::Thursday, 4))
        || is(fixed(year, 12, 25).and_then(observed))
}

fn is_holiday_in_sao_paulo(day: Date) -> bool {
    let (year, month_and_day) = (day.year(), (day.month(), day.day()));
    let always = [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 24), (12, 25)];
    // Holidays of the city and the state, for as long as B3 kept them; the one of November is a national one now.
    let of_the_city = (year <= 2021 && month_and_day == (1, 25))
        || ((1998..=2021).contains(&year) && year != 2020 && month_and_day == (7, 9))
        || (((2004..=2019).contains(&year) || year >= 2024) && month_and_day == (11, 20));
    // Carnival's Monday and Tuesday, Good Friday, Corpus Christi.
    let moving = [-48, -47, -2, 60].into_iter().any(|days| from_easter(year, days) == Some(day));
    always.contains(&month_and_day) || of_the_city || moving || is_last_weekday(day)
}

/// Whether the day is the last weekday of its year.
fn is_last_weekday(day: Date) -> bool {
    let rest = 31 - day.day();
    day.month() == 12 && (rest == 0 || (day.weekday() == Weekday::Friday && rest <= 2))
}

fn fixed(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).ok()
}

/// The so-manyth of a weekday in a month; the last one for -1.
fn nth(year: i16, month: i8, weekday: Weekday, which: i8) -> Option<Date> {
    fixed(year, month, 1)?.nth_weekday_of_month(which, weekday).ok()
}

/// On Friday what falls on a Saturday, on Monday what falls on a Sunday.
fn observed(holiday: Date) -> Option<Date> {
    match holiday.weekday() {
        Weekday::Saturday => holiday.yesterday().ok(),
        Weekday::Sunday => holiday.tomorrow().ok(),
        _ => Some(holiday),
    }
}

/// So many days after Easter Sunday of the Gregorian calendar.
fn from_easter(year: i16, days: i64) -> Option<Date> {
    // The anonymous Gregorian computus: Nature, 20 April 1876.
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e, g) = (b / 4, b % 4, (8 * b + 13) / 25);
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    let easter = fixed(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?)?;
    easter.checked_add(days.days()).ok()
}
