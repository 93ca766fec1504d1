//! Everything nasty that Yahoo may do, and the state that each ends in: nothing wrong is stored, nothing right is lost.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use events::asset::AssetCommand;
use market::{Politeness, Report, Window, Yahoo, YahooSettings, load};
use serde_json::{Value, json};
use testbed::YahooStandIn;
use testbed::yahoo::{Play, error, ok, payload, say};

use super::{closes, id, known, log, options, quick};

fn settings(yahoo: &YahooStandIn) -> YahooSettings {
    YahooSettings { base_url: yahoo.url.clone(), politeness: quick(), ..YahooSettings::default() }
}

/// Loads the assets and says of each how it ended: `ok`, or the error in one word.
async fn ends(
    journal: &journal::Journal,
    settings: YahooSettings,
    assets: &[&str],
) -> (BTreeMap<String, String>, Report) {
    rustls_once();
    let assets = assets.iter().map(|asset| id(asset)).collect();
    let mut source = Yahoo::new(settings, assets, Window::default()).unwrap();
    let mut ends = BTreeMap::new();
    let report = load(journal, &mut source, &options(), |progress| {
        let end = match &progress.last.result {
            Ok(recorded) if recorded.kept_since.is_some() => "kept".to_owned(),
            Ok(_) => "ok".to_owned(),
            Err(market::load::LoadError::Source(error)) => error.word().to_owned(),
            Err(error) => error.to_string(),
        };
        ends.insert(progress.last.asset.to_string(), end);
    })
    .await;
    (ends, report)
}

fn rustls_once() {
    // Fails only where another test of this binary was first, with the same one.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}

fn gzipped(value: &Value) -> Play {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(value.to_string().as_bytes()).unwrap();
    Play::Say(200, vec![("content-encoding", "gzip".to_owned())], packed.finish().unwrap())
}

fn with(mut value: Value, change: impl FnOnce(&mut Value)) -> Play {
    change(&mut value["chart"]["result"][0]);
    ok(&value)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_nastiness_ends_in_a_written_state() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let good = |symbol: &str| payload(symbol, &[10.0, 11.0, 12.0]);
    let whole = good("CUT").to_string();
    let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(17 * 1024 * 1024));
    let three = ["10", "11", "12"].as_slice();
    let cases: Vec<(&str, Vec<Play>, &str, &[&str])> = vec![
        ("AAPL", vec![ok(&good("AAPL"))], "ok", three),
        ("^GSPC", vec![ok(&good("^GSPC"))], "ok", three),
        ("EURUSD=X", vec![ok(&good("EURUSD=X"))], "ok", three),
        (
            "OCDO.L",
            vec![with(good("OCDO.L"), |p| p["meta"]["currency"] = json!("GBp"))],
            "ok",
            &["0.1", "0.11", "0.12"],
        ),
        (
            "NULLS",
            vec![with(good("NULLS"), |p| p["indicators"]["quote"][0]["close"][1] = Value::Null)],
            "ok",
            &["10", "12"],
        ),
        (
            "NODAYS",
            vec![with(good("NODAYS"), |p| drop(p.as_object_mut().unwrap().remove("timestamp")))],
            "malformed",
            &[],
        ),
        (
            "NOADJ",
            vec![with(good("NOADJ"), |p| drop(p["indicators"].as_object_mut().unwrap().remove("adjclose")))],
            "ok",
            three,
        ),
        (
            "TWICE",
            vec![with(good("TWICE"), |p| p["timestamp"][2] = json!(1_704_205_800 + 86_400 + 3_600))],
            "ok",
            &["10", "11"],
        ),
        (
            "LIVE",
            vec![with(good("LIVE"), |p| {
                // The third day is still traded: its row goes on changing.
                p["meta"]["regularMarketTime"] = json!(p["timestamp"][2].as_i64().unwrap() + 3_600);
                let end = p["timestamp"][2].as_i64().unwrap() + 23_400;
                p["meta"]["currentTradingPeriod"] = json!({"regular": {"end": end}});
            })],
            "ok",
            &["10", "11"],
        ),
        (
            "BOTH",
            vec![with(good("BOTH"), |p| {
                let (split, paid) = (p["timestamp"][1].clone(), p["timestamp"][1].clone());
                p["events"] = json!({
                    "splits": {"a": {"date": split, "numerator": 2.0, "denominator": 1.0, "splitRatio": "2:1"}},
                    "dividends": {"a": {"date": paid, "amount": 0.25}},
                });
            })],
            "ok",
            three,
        ),
        (
            "QUIET",
            vec![with(good("QUIET"), |p| {
                p.as_object_mut().unwrap().remove("timestamp");
                p["indicators"] = json!({"quote": [{}]});
            })],
            "ok",
            &[],
        ),
        (
            "INF",
            vec![with(good("INF"), |p| p["indicators"]["adjclose"][0]["adjclose"][0] = json!("Infinity"))],
            "ok",
            three,
        ),
        ("GONE", vec![error(404, "Not Found", "No data found, symbol may be delisted")], "not-found", &[]),
        ("EMPTY", vec![error(400, "Bad Request", "Data doesn't exist for startDate = 1, endDate = 2")], "ok", &[]),
        ("FINE", vec![error(422, "Unprocessable Entity", "1h data not available")], "refused", &[]),
        ("NOTHING", vec![say(200, "{\"chart\":null}")], "malformed", &[]),
        ("PAGE", vec![say(200, "<html>Will be right back</html>"), ok(&good("PAGE"))], "ok", three),
        ("PAGES", vec![say(200, "<html>Will be right back</html>")], "unavailable", &[]),
        ("CUT", vec![say(200, &whole[..whole.len() / 2]), ok(&good("CUT"))], "ok", three),
        (
            "BUSY",
            vec![say(429, "Too Many Requests"), say(429, "Edge: Too Many Requests"), ok(&good("BUSY"))],
            "ok",
            three,
        ),
        ("BUSIER", vec![say(429, "Too Many Requests")], "rate-limited", &[]),
        ("OLD", vec![say(999, "Unable to process request at this time"), ok(&good("OLD"))], "ok", three),
        ("CRUMB", vec![error(401, "Unauthorized", "Invalid Crumb"), ok(&good("CRUMB"))], "refused", &[]),
        ("BROKEN", vec![say(500, "oops"), say(503, "oops"), ok(&good("BROKEN"))], "ok", three),
        ("SLOW", vec![Play::Hang, ok(&good("SLOW"))], "ok", three),
        (
            "CONSENT",
            vec![Play::Say(307, vec![("location", "https://guce.yahoo.com/consent?x".to_owned())], vec![])],
            "consent",
            &[],
        ),
        ("PACKED", vec![gzipped(&good("PACKED"))], "ok", three),
        ("HUGE", vec![say(200, &huge)], "too-long", &[]),
        ("OTHER", vec![ok(&good("ANOTHER"))], "malformed", &[]),
        ("UNIT", vec![ok(&payload("UNIT", &[10.0, 1_000.0, 12.0]))], "ok", &["10", "12"]),
        ("UNITS", vec![ok(&payload("UNITS", &[10.0, 11.0, 1_100.0, 1_200.0, 12.0]))], "ok", three),
        ("END", vec![ok(&payload("END", &[10.0, 11.0, 12.0, 1_200.0, 1_300.0]))], "ok", three),
        ("BEGIN", vec![ok(&payload("BEGIN", &[1_000.0, 10.0, 11.0, 12.0]))], "ok", three),
        (
            "HALFPAST",
            vec![with(payload("HALFPAST", &[50.0, 51.0, 10.0, 11.0, 12.0]), |p| {
                let split = p["timestamp"][3].clone();
                p["events"] = json!({"splits": {"a": {"date": split, "numerator": 5.0, "denominator": 1.0}}});
            })],
            "ok",
            three,
        ),
        (
            "PAYNULL",
            vec![with(good("PAYNULL"), |p| {
                let paid = p["timestamp"][1].clone();
                p["events"] = json!({"dividends": {"a": {"date": paid, "amount": null}}});
            })],
            "ok",
            three,
        ),
        ("NOPAY", vec![with(good("NOPAY"), |p| p["events"] = json!({"dividends": null}))], "ok", three),
        (
            "PAYTWICE",
            vec![with(good("PAYTWICE"), |p| {
                let paid = p["timestamp"][1].as_i64().unwrap();
                p["events"] = json!({"dividends": {
                    "a": {"date": paid, "amount": 0.25}, "b": {"date": paid + 3_600, "amount": 1.5},
                }});
            })],
            "ok",
            three,
        ),
        (
            "HIGHLOW",
            vec![with(good("HIGHLOW"), |p| {
                let quote = &mut p["indicators"]["quote"][0];
                quote["high"] = json!([9.0, 1_200.0, 13.0]);
                quote["low"] = json!([8.0, 0.0, 14.0]);
                quote["open"] = json!([10.0, -1.0, 12.0]);
            })],
            "ok",
            three,
        ),
    ];
    for (symbol, plays, ..) in &cases {
        yahoo.plays(symbol, plays.clone());
    }
    let symbols: Vec<&str> = cases.iter().map(|(symbol, ..)| *symbol).collect();
    let (ends, _) = ends(&journal, settings(&yahoo), &symbols).await;
    for (symbol, _, end, expected) in &cases {
        assert_eq!(ends[*symbol], *end, "{symbol}");
        assert_eq!(closes(&journal, symbol).await, *expected, "{symbol}");
    }
    for (symbol, times) in [("GONE", 1), ("FINE", 1), ("CONSENT", 1), ("BUSIER", 4), ("BUSY", 3)] {
        assert_eq!(yahoo.asked(symbol), times, "{symbol}");
    }
    let paid = |listed: events::asset::Listed| -> Vec<String> {
        listed.payments.iter().map(|((day, _), word)| format!("{day} {}", word.value.amount())).collect()
    };
    assert_eq!(paid(known(&journal, "PAYTWICE").await.unwrap()), ["2024-01-03 1.75"]);
    assert_eq!(paid(known(&journal, "PAYNULL").await.unwrap()), Vec::<String>::new());
    let bars = known(&journal, "HIGHLOW").await.unwrap().bars;
    let fields: Vec<_> = bars.as_slice().iter().map(|bar| (bar.open, bar.high, bar.low)).collect();
    assert_eq!(fields, [(Some(10.into()), None, Some(8.into())), (None, None, None), (Some(12.into()), None, None)]);
    let ocado = known(&journal, "OCDO.L").await.unwrap();
    assert_eq!(ocado.listing.currency.as_str(), "GBP");
    let both = known(&journal, "BOTH").await.unwrap();
    let (splits, payments) = (both.splits.iter(), both.payments.iter());
    let splits: Vec<_> = splits.map(|(day, word)| format!("{day} {}", word.value)).collect();
    let payments: Vec<_> = payments.map(|((day, _), word)| format!("{day} {}", word.value.amount())).collect();
    assert_eq!((splits, payments), (vec!["2024-01-03 2:1".to_owned()], vec!["2024-01-03 0.25".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_crumb_flow_an_old_crumb_is_fetched_anew() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let refused = error(401, "Unauthorized", "Invalid Crumb");
    yahoo.plays("CRUMB", vec![refused, ok(&payload("CRUMB", &[10.0]))]);
    let with_crumb = YahooSettings { crumb: true, ..settings(&yahoo) };
    let (ends, _) = ends(&journal, with_crumb, &["CRUMB"]).await;
    assert_eq!((ends["CRUMB"].as_str(), yahoo.asked("CRUMB")), ("ok", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_load_again_changes_nothing_and_a_changed_past_is_a_correction() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let before = payload("ABC", &[10.0, 11.0, 12.0]);
    yahoo.plays("ABC", vec![ok(&before), ok(&before), ok(&payload("ABC", &[10.0, 11.5, 12.0, 13.0]))]);
    let load = async || ends(&journal, settings(&yahoo), &["ABC"]).await.1.sum;
    let first = load().await;
    assert_eq!((first.new_bars, first.corrected, first.events), (3, 0, 2));
    let again = load().await;
    assert_eq!((again.new_bars, again.corrected, again.events), (0, 0, 0));
    let changed = load().await;
    assert_eq!((changed.new_bars, changed.corrected, changed.events), (1, 1, 2));
    assert_eq!(closes(&journal, "ABC").await, ["10", "11.5", "12", "13"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_away_leaves_what_it_said_and_since_when() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let folder = tempfile::tempdir().unwrap();
    yahoo.plays("ABC", vec![ok(&payload("ABC", &[10.0, 11.0])), say(500, "oops")]);
    let kept = |valid_for| YahooSettings {
        cache: Some(folder.path().to_owned()),
        cache_valid_for: valid_for,
        ..settings(&yahoo)
    };
    let hour = Duration::from_secs(3_600);
    assert_eq!(ends(&journal, kept(hour), &["ABC"]).await.0["ABC"], "ok");
    assert_eq!(ends(&journal, kept(hour), &["ABC"]).await.0["ABC"], "ok");
    assert_eq!(yahoo.asked("ABC"), 1, "the second time it was not asked");
    assert_eq!(ends(&journal, kept(Duration::ZERO), &["ABC"]).await.0["ABC"], "kept");
    assert_eq!(closes(&journal, "ABC").await, ["10", "11"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_again_and_again_is_left_alone() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let symbols = ["A", "B", "C", "D", "E"];
    for symbol in symbols {
        yahoo.plays(symbol, vec![say(500, "oops")]);
    }
    let politeness = Politeness { failures_max: 3, in_flight_max: 1, ..quick() };
    let (ends, report) = ends(&journal, YahooSettings { politeness, ..settings(&yahoo) }, &symbols).await;
    let asked: usize = symbols.iter().map(|symbol| yahoo.asked(symbol)).sum();
    assert_eq!((asked, report.failed, ends["E"].as_str()), (3, 5, "left-alone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_spaced() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let symbols = ["A", "B", "C", "D", "E"];
    for symbol in symbols {
        yahoo.plays(symbol, vec![ok(&payload(symbol, &[1.0]))]);
    }
    let politeness = Politeness { between_questions: Duration::from_millis(120), ..quick() };
    let began = std::time::Instant::now();
    let (ends, _) = ends(&journal, YahooSettings { politeness, ..settings(&yahoo) }, &symbols).await;
    assert!(ends.values().all(|end| end == "ok"));
    assert!(began.elapsed() >= Duration::from_millis(4 * 120), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_questions_are_open_at_the_most() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let symbols = ["A", "B", "C", "D"];
    for symbol in symbols {
        yahoo.plays(symbol, vec![Play::Hang]);
    }
    let politeness = Politeness { attempts_max: 1, ..quick() };
    let (ends, _) = ends(&journal, YahooSettings { politeness, ..settings(&yahoo) }, &symbols).await;
    assert!(ends.values().all(|end| end == "unavailable"), "{ends:?}");
    let mut asked: Vec<_> = symbols.iter().flat_map(|symbol| yahoo.when_asked(symbol)).collect();
    asked.sort();
    let slack = Duration::from_millis(100);
    assert_eq!(asked.len(), 4);
    assert!(asked[2] - asked[0] + slack >= politeness.timeout, "the third waited for the first: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_bad_assets_shut_out_no_good_one() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    for bad in ["BAD1", "BAD2"] {
        yahoo.plays(bad, vec![ok(&payload("ANOTHER", &[1.0]))]);
    }
    for good in ["GOOD1", "GOOD2"] {
        yahoo.plays(good, vec![ok(&payload(good, &[10.0]))]);
    }
    let politeness = Politeness { failures_max: 3, in_flight_max: 1, ..quick() };
    let symbols = ["BAD1", "BAD2", "GOOD1", "GOOD2"];
    let (ends, _) = ends(&journal, YahooSettings { politeness, ..settings(&yahoo) }, &symbols).await;
    let told: Vec<&str> = symbols.iter().map(|symbol| ends[*symbol].as_str()).collect();
    assert_eq!(told, ["malformed", "malformed", "ok", "ok"]);
    assert_eq!((yahoo.asked("BAD1"), yahoo.asked("BAD2")), (4, 4), "both were asked about to the end");
}

fn busy(retry_after: &str) -> Play {
    Play::Say(429, vec![("retry-after", retry_after.to_owned())], b"Too Many Requests".to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_says_how_long_to_wait_is_asked_nothing_for_so_long_whatever_the_asset() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    yahoo.plays("FIRST", vec![busy("1"), ok(&payload("FIRST", &[10.0]))]);
    let others = ["B", "C"];
    for symbol in others {
        yahoo.plays(symbol, vec![ok(&payload(symbol, &[10.0]))]);
    }
    let politeness = Politeness { in_flight_max: 1, backoff_max: Duration::from_millis(20), ..quick() };
    let (ends, _) = ends(&journal, YahooSettings { politeness, ..settings(&yahoo) }, &["FIRST", "B", "C"]).await;
    assert!(ends.values().all(|end| end == "ok"), "{ends:?}");
    let told = yahoo.when_asked("FIRST")[0];
    let after = [yahoo.when_asked("FIRST")[1], yahoo.when_asked("B")[0], yahoo.when_asked("C")[0]];
    for asked in after {
        assert!(asked - told + Duration::from_millis(50) >= Duration::from_secs(1), "{:?}", asked - told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_wants_to_be_left_alone_for_too_long_ends_the_load_and_says_until_when() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let folder = tempfile::tempdir().unwrap();
    yahoo.plays("KEPT", vec![ok(&payload("KEPT", &[10.0]))]);
    let kept = YahooSettings {
        cache: Some(folder.path().to_owned()),
        cache_valid_for: Duration::ZERO,
        politeness: Politeness { in_flight_max: 1, ..quick() },
        ..settings(&yahoo)
    };
    assert_eq!(ends(&journal, kept.clone(), &["KEPT"]).await.0["KEPT"], "ok");
    yahoo.plays("HOUR", vec![busy("3600")]);
    for symbol in ["KEPT", "LATER"] {
        yahoo.plays(symbol, vec![ok(&payload(symbol, &[10.0]))]);
    }
    let (ends, report) = ends(&journal, kept, &["HOUR", "KEPT", "LATER"]).await;
    let told: Vec<&str> = ["HOUR", "KEPT", "LATER"].iter().map(|symbol| ends[*symbol].as_str()).collect();
    assert_eq!((told, report.failed), (vec!["come-again", "kept", "come-again"], 2));
    let asked = ["HOUR", "KEPT", "LATER"].map(|symbol| yahoo.asked(symbol));
    assert_eq!(asked, [1, 0, 0], "nothing is asked after that");
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_in_another_unit_at_the_end_wait_and_what_comes_next_tells_what_they_were() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let (first, wrong) = (payload("ABC", &[10.0, 11.0]), payload("ABC", &[10.0, 11.0, 1_100.0, 1_200.0]));
    let right = payload("ABC", &[10.0, 11.0, 11.5, 12.0, 12.5]);
    yahoo.plays("ABC", vec![ok(&first), ok(&wrong), ok(&right)]);
    let load = async || ends(&journal, settings(&yahoo), &["ABC"]).await.1.sum;
    load().await;
    let waiting = load().await;
    assert_eq!((waiting.events, waiting.dropped.count()), (0, 2));
    assert!(waiting.dropped.told()[0].to_string().contains("waits for confirmation"), "{waiting:?}");
    assert_eq!(
        (load().await.new_bars, closes(&journal, "ABC").await),
        (3, ["10", "11", "11.5", "12", "12.5"].map(str::to_owned).to_vec())
    );
    // All of an answer in another unit is no past that changed; a person may say that it is.
    yahoo.plays("ABC", vec![ok(&payload("ABC", &[1_000.0, 1_100.0, 1_150.0, 1_200.0, 1_250.0]))]);
    let refused = load().await;
    assert_eq!((refused.events, refused.dropped.count()), (0, 5));
    let mut source = Yahoo::new(settings(&yahoo), vec![id("ABC")], Window::default()).unwrap();
    let confirmed = market::LoadOptions { unit_confirmed: true, ..options() };
    assert_eq!(market::load(&journal, &mut source, &confirmed, |_| {}).await.sum.corrected, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_said_before_a_split_is_restated_for_it_and_what_was_withdrawn_stays_so() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let paid = |mut payload: Value, split: bool, amounts: [f64; 2]| {
        let result = &mut payload["chart"]["result"][0];
        let day = |row: usize| result["timestamp"][row].clone();
        let dividends =
            json!({"a": {"date": day(1), "amount": amounts[0]}, "b": {"date": day(2), "amount": amounts[1]}});
        let splits = json!({"a": {"date": day(3), "numerator": 2.0, "denominator": 1.0}});
        result["events"] =
            if split { json!({"dividends": dividends, "splits": splits}) } else { json!({"dividends": dividends}) };
        ok(&payload)
    };
    let before = paid(payload("ABC", &[40.0, 41.0, 42.0, 43.0]), false, [1.0, 2.0]);
    let after = paid(payload("ABC", &[20.0, 20.5, 21.0, 21.5, 22.0]), true, [0.5, 1.0]);
    yahoo.plays("ABC", vec![before, after]);
    let load = async || ends(&journal, settings(&yahoo), &["ABC"]).await.1;
    load().await;
    let name = || events::values::Name::parse("a person").unwrap();
    let reason = || events::values::Note::parse("the source is wrong").unwrap();
    let kind = events::values::PaymentKind::Dividend;
    let day = |day| jiff::civil::date(2024, 1, day);
    let bars = events::values::Bars::try_new(vec![(day(3), 41.5_f64.to_string().parse().unwrap())]).unwrap();
    let payment = events::values::Payment::try_new("2.5".parse().unwrap()).unwrap();
    for command in [
        AssetCommand::CorrectPrices { source: name(), reason: reason(), bars },
        AssetCommand::WithdrawPayment { source: name(), reason: reason(), ex_date: day(3), kind },
        AssetCommand::RecordPayment { source: name(), ex_date: day(4), kind, payment },
    ] {
        super::command(&journal, "ABC", &command).await;
    }
    let restated = load().await;
    assert_eq!((restated.failed, restated.sum.contradicted), (0, 3), "{restated:?}");
    assert_eq!(closes(&journal, "ABC").await, ["20", "20.75", "21", "21.5", "22"]);
    let standing = async || {
        let listed = known(&journal, "ABC").await.unwrap();
        let standing = listed.payments.iter().filter_map(|((day, _), word)| Some((*day, word.standing()?.amount())));
        standing.collect::<Vec<_>>()
    };
    assert_eq!(standing().await, [(day(4), "1.25".parse().unwrap())]);
    let again = load().await;
    assert_eq!((again.sum.contradicted, again.sum.events), (3, 0), "and stays so: {again:?}");
    assert_eq!(standing().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_days_after_a_delisting_is_left_out_and_all_else_is_recorded() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let mut whole = payload("ABC", &[10.0, 11.0, 12.0]);
    let result = &mut whole["chart"]["result"][0];
    let late = result["timestamp"][2].clone();
    result["events"] = json!({
        "dividends": {"a": {"date": late, "amount": 0.25}},
        "splits": {"a": {"date": late, "numerator": 2.0, "denominator": 1.0}},
    });
    yahoo.plays("ABC", vec![ok(&payload("ABC", &[10.0])), ok(&whole)]);
    let load = async || ends(&journal, settings(&yahoo), &["ABC"]).await.1;
    load().await;
    let reason = events::values::Note::parse("taken over").unwrap();
    let delist = AssetCommand::Delist { date: jiff::civil::date(2024, 1, 4), reason };
    super::command(&journal, "ABC", &delist).await;
    let report = load().await;
    assert_eq!((report.failed, report.sum.new_bars, report.sum.actions, report.sum.dropped.count()), (0, 1, 0, 3));
    assert_eq!(closes(&journal, "ABC").await, ["10", "11"]);
}
