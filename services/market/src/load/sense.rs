//! What makes no sense is left out and told: prices of days that have not come, and opens, highs and lows beside a close, which
//! stays.

use events::values::{Bar, FIRST_PRICE_DAY, last_price_day};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::units::is_hundredfold;
use crate::left_out::{Dropped, LeftOut};

/// Leaves out the bars of days that have not come by now, and of those before there were exchanges.
pub fn only_of_believed_days(bars: &mut Vec<Bar>, now: Timestamp, dropped: &mut LeftOut) {
    let last = last_price_day(now);
    bars.retain(|bar| {
        let reason = match bar.date {
            date if date > last => "the day has not come yet",
            date if date < FIRST_PRICE_DAY => "there were no exchanges then",
            _ => return true,
        };
        dropped.add(|| Dropped::at(bar.date.to_string(), reason).saying(&bar.close.to_string()));
        false
    });
}

/// Leaves out of the bars what cannot be true beside the close. In this order:
///
/// 1. an open, high or low that is about a hundred times the close, or a hundredth of it: it is in another unit;
/// 2. a high below the low: neither is known then;
/// 3. a high below the close, a low above it;
/// 4. an open that is not between low and high.
pub fn sensible(bars: &mut [Bar], dropped: &mut LeftOut) {
    for bar in bars.iter_mut().filter(|bar| !is_sensible(bar)) {
        let date = bar.date;
        let mut leave_out = |field: &mut Option<Decimal>, name: &str, reason: &'static str| {
            if let Some(price) = field.take() {
                let what = || Dropped::at(format!("{date} {name}"), reason);
                dropped.add(|| what().saying(&price.to_string()));
            }
        };
        for (field, name) in [(&mut bar.open, "open"), (&mut bar.high, "high"), (&mut bar.low, "low")] {
            if field.is_some_and(|price| is_hundredfold(price, bar.close)) {
                leave_out(field, name, "it is in another unit than the close");
            }
        }
        if bar.high.zip(bar.low).is_some_and(|(high, low)| high < low) {
            leave_out(&mut bar.high, "high", "it is below the low");
            leave_out(&mut bar.low, "low", "it is above the high");
        }
        if bar.high.is_some_and(|high| high < bar.close) {
            leave_out(&mut bar.high, "high", "it is below the close");
        }
        if bar.low.is_some_and(|low| bar.close < low) {
            leave_out(&mut bar.low, "low", "it is above the close");
        }
        let is_outside = |open| bar.low.is_some_and(|low| open < low) || bar.high.is_some_and(|high| high < open);
        if bar.open.is_some_and(is_outside) {
            leave_out(&mut bar.open, "open", "it is not between low and high");
        }
    }
}

/// Whether nothing is to be left out. Most bars are so, and there are many.
fn is_sensible(bar: &Bar) -> bool {
    let is_near = |field: Option<Decimal>| field.is_none_or(|price| !is_hundredfold(price, bar.close));
    let is_high = bar.high.is_none_or(|high| bar.close <= high && bar.open.is_none_or(|open| open <= high));
    let is_low = bar.low.is_none_or(|low| low <= bar.close && bar.open.is_none_or(|open| low <= open));
    // An open between the two is no further away than they are.
    let is_open_between = bar.open.is_none() || (bar.high.is_some() && bar.low.is_some());
    is_high && is_low && is_near(bar.high) && is_near(bar.low) && (is_open_between || is_near(bar.open))
}

#[cfg(test)]
mod tests {
    use events::values::Bar;
    use jiff::civil::date;
    use rust_decimal::Decimal;

    use super::{only_of_believed_days, sensible};
    use crate::left_out::LeftOut;

    type Fields = (Option<i64>, Option<i64>, Option<i64>);

    /// What is left of open, high and low beside a close of 100, and what is told.
    fn left((open, high, low): Fields) -> (Fields, Vec<String>) {
        let field = |number: Option<i64>| number.map(Decimal::from);
        let (open, high, low) = (field(open), field(high), field(low));
        let mut bars = [Bar { open, high, low, ..Bar::closing(date(2024, 1, 2), 100.into()) }];
        let mut dropped = LeftOut::none();
        sensible(&mut bars, &mut dropped);
        assert_eq!(bars[0].close, 100.into(), "the close stays");
        let number = |field: Option<Decimal>| field.map(|price| price.try_into().unwrap());
        let told = dropped.told().iter().map(ToString::to_string).collect();
        ((number(bars[0].open), number(bars[0].high), number(bars[0].low)), told)
    }

    #[test]
    fn a_typing_error_of_a_year_is_left_out_and_told() {
        let day = |year| Bar::closing(date(year, 1, 3), 100.into());
        let mut bars = vec![day(0), day(1990), day(2026), day(2027), day(9999)];
        let mut dropped = LeftOut::none();
        only_of_believed_days(&mut bars, "2026-11-23T10:00:00Z".parse().unwrap(), &mut dropped);
        assert_eq!(bars, [day(1990), day(2026)]);
        let told: Vec<String> = dropped.told().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("0000-01-03") && told[1].contains("has not come"), "{told:?}");
    }

    #[test]
    fn what_makes_sense_stays() {
        for fields in [
            (Some(99), Some(101), Some(98)),
            (Some(100), Some(100), Some(100)),
            (None, None, None),
            (Some(300), None, None),
            (None, Some(5_000), Some(2)),
        ] {
            assert_eq!(left(fields), (fields, Vec::new()));
        }
    }

    #[test]
    fn what_cannot_be_true_beside_the_close_is_left_out_and_told() {
        let cases: [(Fields, Fields, &[&str]); 7] = [
            (
                (Some(99), Some(97), Some(101)),
                (Some(99), None, None),
                &["high is left out: it is below the low", "low"],
            ),
            ((Some(99), Some(99), Some(98)), (Some(99), None, Some(98)), &["high is left out: it is below the close"]),
            (
                (Some(103), Some(104), Some(102)),
                (Some(103), Some(104), None),
                &["low is left out: it is above the close"],
            ),
            ((Some(105), Some(104), Some(98)), (None, Some(104), Some(98)), &["open is left out: it is not between"]),
            (
                (Some(10_100), Some(104), Some(98)),
                (None, Some(104), Some(98)),
                &["open is left out: it is in another unit"],
            ),
            (
                (Some(99), Some(10_200), Some(1)),
                (Some(99), None, None),
                &["high is left out: it is in another unit", "low"],
            ),
            ((Some(97), None, Some(98)), (None, None, Some(98)), &["open is left out: it is not between"]),
        ];
        for (fields, expected, reasons) in cases {
            let (kept, told) = left(fields);
            assert_eq!((kept, told.len()), (expected, reasons.len()), "{fields:?} {told:?}");
            for (told, reason) in told.iter().zip(reasons) {
                assert!(told.starts_with(&format!("2024-01-02 {reason}")), "{told} is not {reason}");
            }
        }
    }
}
