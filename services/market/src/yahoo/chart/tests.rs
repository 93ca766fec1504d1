use events::values::PaymentKind;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::{Asked, Chart, parse};
use crate::source::SourceError;

fn asked() -> Asked {
    Asked { symbol: "ABC.L".to_owned(), from: date(2024, 3, 1), to: date(2024, 4, 30) }
}

/// Eight in the morning in London, which is seven in UTC after the clocks have changed.
fn opening(day: Date) -> i64 {
    day.at(8, 0, 0, 0).in_tz("Europe/London").unwrap().timestamp().as_second()
}

fn days() -> Vec<Date> {
    vec![date(2024, 3, 28), date(2024, 4, 2), date(2024, 4, 3), date(2024, 4, 4)]
}

/// An answer in pence over the days on which the clocks change.
fn answer() -> Value {
    let stamps: Vec<i64> = days().into_iter().map(opening).collect();
    json!({"chart": {"error": null, "result": [{
        "meta": {
            "symbol": "ABC.L", "currency": "GBp", "exchangeTimezoneName": "Europe/London", "exchangeName": "LSE",
            "instrumentType": "EQUITY", "longName": "Abc plc", "dataGranularity": "1d",
            "regularMarketTime": opening(date(2024, 5, 2)),
        },
        "timestamp": stamps,
        "events": {
            "dividends": {"a": {"amount": 12.5, "date": stamps[1]}, "b": {"amount": 0.1, "date": stamps[2], "currency": "GBP"}},
            "splits": {"c": {"date": stamps[3], "numerator": 3.0, "denominator": 2.0, "splitRatio": "3:2"}},
            "capitalGains": {"d": {"amount": 1.0, "date": stamps[1]}},
        },
        "indicators": {
            "quote": [{
                "open": [700.0, 701.25, null, 703.0], "high": [710.0, 711.0, 712.0, 713.0],
                "low": [690.0, 691.0, 692.0, 693.0], "close": [705.5999755859375, 706.0, 707.0, 708.0],
                "volume": [1000, 0, null, 3000],
            }],
            "adjclose": [{"adjclose": [350.0, "Infinity", 707.0, 708.0]}],
        },
    }]}})
}

fn read(answer: &Value) -> Result<Chart, SourceError> {
    parse(answer.to_string().as_bytes(), &asked())
}

fn result(answer: &mut Value) -> &mut Value {
    &mut answer["chart"]["result"][0]
}

fn prices(chart: &Chart) -> Vec<(Date, String)> {
    chart.quotes.bars.iter().map(|bar| (bar.date, bar.close.to_string())).collect()
}

fn malformed(answer: &Value) {
    assert!(matches!(read(answer), Err(SourceError::Malformed(_))), "{:?}", read(answer));
}

#[test]
fn pence_become_pounds_and_days_are_the_exchanges() {
    let chart = read(&answer()).unwrap();
    let listing = chart.quotes.listing.as_ref().unwrap();
    assert_eq!((listing.currency.as_str(), listing.name.as_str()), ("GBP", "Abc plc"));
    let expected = days().into_iter().zip(["7.056", "7.06", "7.07", "7.08"].map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(prices(&chart), expected);
    assert_eq!(chart.quotes.bars[1].open.unwrap().to_string(), "7.0125");
    assert_eq!((chart.quotes.bars[2].open, chart.quotes.bars[2].volume), (None, None));
    assert_eq!((chart.adjusted_closes[0], chart.adjusted_closes[1]), (Some(3.5), None));
    assert!(chart.quotes.dropped.count() == 0);
}

#[test]
fn payments_and_splits_stand_on_the_exchanges_day() {
    let quotes = read(&answer()).unwrap().quotes;
    let payments: Vec<_> =
        quotes.payments.iter().map(|(day, kind, payment)| (*day, *kind, payment.amount().to_string())).collect();
    let (pence, gain, pounds) = ("0.125".to_owned(), "0.01".to_owned(), "0.1".to_owned());
    let expected = [
        (days()[1], PaymentKind::Dividend, pence),
        (days()[1], PaymentKind::CapitalGain, gain),
        (days()[2], PaymentKind::Dividend, pounds),
    ];
    assert_eq!(payments, expected);
    assert_eq!(quotes.splits[0].1.to_string(), "3:2");
}

#[test]
fn rows_of_nothing_are_no_bars_and_rows_without_a_close_are_told() {
    let mut all = answer();
    let quote = &mut result(&mut all)["indicators"]["quote"][0];
    for field in ["open", "high", "low", "close", "volume"] {
        quote[field][0] = Value::Null;
        quote[field][1] = json!(0);
    }
    quote["close"][2] = Value::Null;
    let chart = read(&all).unwrap();
    assert_eq!(prices(&chart), [(days()[3], "7.08".to_owned())]);
    assert_eq!(chart.quotes.dropped.count(), 1);
}

#[test]
fn a_second_row_for_a_day_and_rows_outside_the_window_are_left_out() {
    let mut all = answer();
    let payload = result(&mut all);
    payload["timestamp"][3] = json!(opening(days()[2]) + 3_600);
    payload["timestamp"][0] = json!(opening(date(2024, 2, 1)));
    let chart = read(&all).unwrap();
    assert_eq!(prices(&chart), [(days()[1], "7.06".to_owned()), (days()[2], "7.07".to_owned())]);
    assert_eq!(chart.quotes.dropped.told()[0].reason, "a second row for the day");
}

#[test]
fn a_day_that_is_not_over_has_no_bar_yet() {
    let mut all = answer();
    let meta = &mut result(&mut all)["meta"];
    let today = days()[3];
    meta["regularMarketTime"] = json!(opening(today) + 3_600);
    meta["currentTradingPeriod"] = json!({"regular": {"end": opening(today) + 8 * 3_600}});
    let chart = read(&all).unwrap();
    assert_eq!((chart.quotes.bars.len(), chart.quotes.dropped.told()[0].reason), (3, "the day is not over"));
    result(&mut all)["meta"]["regularMarketTime"] = json!(opening(today) + 8 * 3_600);
    assert_eq!(read(&all).unwrap().quotes.bars.len(), 4);
}

#[test]
fn prices_that_are_none_are_left_out() {
    let mut all = answer();
    result(&mut all)["indicators"]["quote"][0]["close"][1] = json!(-7.06);
    result(&mut all)["indicators"]["quote"][0]["high"][2] = json!(-1);
    let chart = read(&all).unwrap();
    let told: Vec<_> = chart.quotes.dropped.told().iter().map(ToString::to_string).collect();
    let close = "2024-04-02 is left out: the close is no price: `-7.06`";
    assert_eq!(told, [close, "2024-04-03 high is left out: it is no price: `-1`"]);
    assert_eq!((chart.quotes.bars.len(), chart.quotes.bars[1].high), (3, None));
}

#[test]
fn without_days_there_are_no_bars_unless_there_are_prices() {
    let mut empty = answer();
    let payload = result(&mut empty);
    payload.as_object_mut().unwrap().remove("timestamp");
    malformed(&empty);
    result(&mut empty)["indicators"] = json!({"quote": [{}]});
    assert!(read(&empty).unwrap().quotes.bars.is_empty());
    let mut uneven = answer();
    result(&mut uneven)["timestamp"].as_array_mut().unwrap().pop();
    malformed(&uneven);
}

#[test]
fn an_answer_about_something_else_is_refused() {
    for (field, value) in [
        ("symbol", json!("XYZ")),
        ("currency", Value::Null),
        ("currency", json!("XXX")),
        ("exchangeTimezoneName", json!("Mars/Olympus")),
    ] {
        let mut other = answer();
        result(&mut other)["meta"][field] = value;
        malformed(&other);
    }
    let mut weekly = answer();
    result(&mut weekly)["meta"]["dataGranularity"] = json!("1wk");
    assert!(matches!(read(&weekly), Err(SourceError::Refused(_))));
}

#[test]
fn errors_are_told_apart() {
    let error = |code: &str| json!({"chart": {"result": null, "error": {"code": code, "description": "so it is"}}});
    assert_eq!(read(&error("Not Found")), Err(SourceError::NotFound));
    assert_eq!(read(&error("Bad Request")), Err(SourceError::Refused("Bad Request: so it is".to_owned())));
    let older = json!({"finance": {"result": null, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}});
    assert_eq!(read(&older), Err(SourceError::Refused("Unauthorized: Invalid Crumb".to_owned())));
    for nothing in [json!({"chart": null}), json!({}), json!({"chart": {"result": [], "error": null}}), json!([])] {
        malformed(&nothing);
    }
    let whole = answer().to_string();
    let page = parse(b" <html>Will be right back</html>", &asked());
    assert!(matches!(page, Err(SourceError::Unavailable(_))), "the service is down: {page:?}");
    for body in ["Too Many Requests", "", &whole[..whole.len() - 9]] {
        assert!(matches!(parse(body.as_bytes(), &asked()), Err(SourceError::Malformed(_))), "{body}");
    }
}

#[test]
fn a_broken_payment_is_told_and_costs_neither_the_bars_nor_the_others() {
    let stamp = opening(days()[2]);
    let broken = [
        (
            json!({"x": {"amount": null, "date": stamp}}),
            "2024-04-03 payment is left out: the payment is none: `{\"amount\":null",
        ),
        (json!({"x": {"amount": -1.0, "date": stamp}}), "2024-04-03 payment is left out: the payment is none"),
        (json!({"x": {"amount": "a lot", "date": stamp}}), "2024-04-03 payment is left out: the payment is none"),
        (json!({"x": {"amount": 1.0}}), "payment is left out: it has no day"),
        (json!({"x": null}), "payment is left out: it has no day: `null`"),
        (
            json!({"x": {"amount": 1.0, "date": stamp, "currency": "USD"}}),
            "2024-04-03 payment is left out: it is in another currency",
        ),
        (
            json!({"x": {"amount": 1.0, "date": stamp, "currency": "?"}}),
            "2024-04-03 payment is left out: its currency is none",
        ),
        (json!("none"), "payment is left out: it has no day: `\"none\"`"),
    ];
    for (dividends, told) in broken {
        let mut all = answer();
        result(&mut all)["events"]["dividends"] = dividends;
        let quotes = read(&all).unwrap().quotes;
        assert_eq!((quotes.bars.len(), quotes.splits.len(), quotes.payments.len()), (4, 1, 1), "{told}");
        let got = quotes.dropped.told()[0].to_string();
        assert!(got.starts_with(told), "{got} is not {told}");
    }
    for nothing in [json!({"dividends": null, "splits": null}), json!({}), Value::Null] {
        let mut all = answer();
        result(&mut all)["events"] = nothing;
        let quotes = read(&all).unwrap().quotes;
        assert_eq!((quotes.bars.len(), quotes.payments.len(), quotes.dropped.count()), (4, 0, 0));
    }
    let mut split = answer();
    result(&mut split)["events"]["splits"]["c"]["denominator"] = Value::Null;
    let quotes = read(&split).unwrap().quotes;
    assert_eq!((quotes.bars.len(), quotes.splits.len(), quotes.payments.len()), (4, 0, 3));
    assert!(quotes.dropped.told()[0].to_string().starts_with("2024-04-04 split is left out: the split is none"));
}

#[test]
fn payments_that_stand_under_their_time_and_in_lists_are_payments_too() {
    let stamp = opening(days()[2]);
    let mut all = answer();
    result(&mut all)["events"]["dividends"] = json!({stamp.to_string(): {"amount": 10.0}});
    assert_eq!(read(&all).unwrap().quotes.payments[1].0, days()[2]);
    result(&mut all)["events"]["dividends"] = json!([{"amount": 10.0, "date": stamp}]);
    assert_eq!(read(&all).unwrap().quotes.payments[1].0, days()[2]);
}

#[test]
fn two_dividends_of_one_day_add_up() {
    let mut all = answer();
    let (first, second) = (opening(days()[2]), opening(days()[2]) + 3_600);
    result(&mut all)["events"]["dividends"] =
        json!({"a": {"amount": 10.0, "date": first}, "b": {"amount": 300.0, "date": second}});
    let quotes = read(&all).unwrap().quotes;
    let of_the_day: Vec<_> = quotes.payments.iter().filter(|(day, ..)| *day == days()[2]).collect();
    assert_eq!((of_the_day.len(), of_the_day[0].2.amount().to_string()), (1, "3.1".to_owned()));
}

#[test]
fn a_row_without_a_time_is_left_out_and_told() {
    let mut all = answer();
    result(&mut all)["timestamp"][1] = Value::Null;
    let chart = read(&all).unwrap();
    assert_eq!(
        (chart.quotes.bars.len(), chart.quotes.dropped.told()[0].to_string().as_str()),
        (3, "row 2 is left out: its time is none")
    );
}
