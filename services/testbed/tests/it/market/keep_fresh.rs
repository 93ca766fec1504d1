//! Assets that are kept fresh: each in the evening of its own exchange, by a clock that the test sets.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::time;
use market::{FreshSettings, LoadOptions, Window, Yahoo, YahooSettings, keep_fresh, load};
use serde_json::{Value, json};
use testbed::yahoo::{Play, ok, payload, say};
use testbed::{YahooStandIn, eventually};
use tokio_util::sync::CancellationToken;

use super::{closes, id, log, options, quick};

fn in_tokyo(mut payload: Value) -> Play {
    payload["chart"]["result"][0]["meta"]["exchangeTimezoneName"] = json!("Asia/Tokyo");
    ok(&payload)
}

fn settings(yahoo: &YahooStandIn, assets: &[&str], clock: fn() -> Timestamp) -> FreshSettings {
    // Fails only where another test of this binary was first, with the same one.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    FreshSettings {
        assets: assets.iter().map(|asset| id(asset)).collect(),
        at: time(19, 0, 0, 0),
        overlap_days: 10,
        yahoo: YahooSettings { base_url: yahoo.url.clone(), politeness: quick(), clock, ..YahooSettings::default() },
        options: LoadOptions { clock, ..options() },
    }
}

/// A clock that says this when it is first looked at, and goes on as clocks do.
fn going_on_from(began: &OnceLock<Instant>, first: &str) -> Timestamp {
    let first: Timestamp = first.parse().unwrap();
    first + began.get_or_init(Instant::now).elapsed()
}

/// Three seconds before it is evening in New York, on a Friday; in Tokyo it is Saturday.
fn friday_evening() -> Timestamp {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    going_on_from(&BEGAN, "2024-01-05T23:59:57Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_made_up_for_at_once_and_the_rest_in_the_evening_of_the_exchange() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let (before, after) = (payload("ABC", &[10.0, 11.0]), payload("ABC", &[10.0, 11.5, 12.0]));
    yahoo.plays("ABC", vec![ok(&before), ok(&after)]);
    yahoo.plays("7203.T", vec![in_tokyo(payload("7203.T", &[7.0])), in_tokyo(payload("7203.T", &[7.0, 8.0]))]);
    let stop = CancellationToken::new();
    let settings = settings(&yahoo, &["ABC", "7203.T"], friday_evening);
    let running = tokio::spawn(keep_fresh::run(journal.clone(), settings, stop.clone()));
    let has = async |asset: &str, expected: &[&str]| (closes(&journal, asset).await == expected).then_some(());
    eventually("what was missed", async || has("7203.T", &["7"]).await).await;
    assert_eq!((yahoo.asked("ABC"), closes(&journal, "ABC").await), (1, vec!["10".to_owned(), "11".to_owned()]));
    eventually("the evening in New York", async || has("ABC", &["10", "11.5", "12"]).await).await;
    let asked = yahoo.when_asked("ABC");
    assert!(asked[1] - asked[0] >= Duration::from_secs(2), "not before the evening: {asked:?}");
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(yahoo.asked("ABC"), 2, "and then not before Monday");
    assert_eq!(yahoo.asked("7203.T"), 1, "there it is Saturday");
}

fn before_the_split() -> Timestamp {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    going_on_from(&BEGAN, "2024-02-10T12:00:00Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_restates_the_whole_past_although_only_its_end_is_asked_for() {
    const DAYS: usize = 30;
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let before = payload("ABC", &[20.0; DAYS]);
    let mut after = payload("ABC", &[10.0; DAYS + 1]);
    let result = &mut after["chart"]["result"][0];
    let split = result["timestamp"][DAYS].clone();
    result["events"] = json!({"splits": {"a": {"date": split, "numerator": 2.0, "denominator": 1.0}}});
    yahoo.plays("ABC", vec![ok(&before), ok(&after)]);
    for expected in [vec!["20"; DAYS], vec!["10"; DAYS + 1]] {
        let stop = CancellationToken::new();
        let settings = settings(&yahoo, &["ABC"], before_the_split);
        let running = tokio::spawn(keep_fresh::run(journal.clone(), settings, stop.clone()));
        eventually("its prices", async || (closes(&journal, "ABC").await == expected).then_some(())).await;
        stop.cancel();
        running.await.unwrap().unwrap();
    }
    assert_eq!(yahoo.asked("ABC"), 3, "once at first, once for the end, once for everything");
    // A load of the end alone is told so, and changes nothing.
    let mut again = payload("ABC", &[5.0; DAYS + 1]);
    let result = &mut again["chart"]["result"][0];
    let split = result["timestamp"][DAYS - 1].clone();
    result["events"] = json!({"splits": {"a": {"date": split, "numerator": 2.0, "denominator": 1.0}}});
    yahoo.plays("ABC", vec![ok(&again)]);
    let from = Some(jiff::civil::date(2024, 1, 25));
    let politeness = quick();
    let asking = YahooSettings { base_url: yahoo.url.clone(), politeness, ..YahooSettings::default() };
    let mut source = Yahoo::new(asking, vec![id("ABC")], Window { from, to: None }).unwrap();
    let mut told = String::new();
    load(&journal, &mut source, &options(), |progress| {
        told = progress.last.result.as_ref().map_or_else(ToString::to_string, |_| "loaded".to_owned());
    })
    .await;
    assert!(told.contains("split on 2024-01-31, which restates its prices since 2024-01-02"), "{told}");
    assert_eq!(closes(&journal, "ABC").await, vec!["10"; DAYS + 1]);
}

/// Three seconds before it is evening in Tokyo, on a Wednesday.
fn wednesday_in_tokyo() -> Timestamp {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    going_on_from(&BEGAN, "2024-01-10T09:59:57Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_that_was_listed_without_a_time_zone_is_asked_about_in_its_exchange_s_all_the_same() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let currency = events::values::Currency::parse("USD").unwrap();
    let listing = events::values::Listing::new(events::values::Name::parse("Sony").unwrap(), currency);
    super::command(&journal, "6758.T", &events::asset::AssetCommand::List(listing)).await;
    let (before, after) = (payload("6758.T", &[10.0, 11.0]), payload("6758.T", &[10.0, 11.0, 12.0]));
    yahoo.plays("6758.T", vec![in_tokyo(before), in_tokyo(after)]);
    let stop = CancellationToken::new();
    let settings = settings(&yahoo, &["6758.T"], wednesday_in_tokyo);
    let running = tokio::spawn(keep_fresh::run(journal.clone(), settings, stop.clone()));
    let evening = async || (closes(&journal, "6758.T").await == ["10", "11", "12"]).then_some(());
    eventually("the evening in Tokyo", evening).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(yahoo.asked("6758.T"), 2);
}

fn noon() -> Timestamp {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    going_on_from(&BEGAN, "2024-01-10T12:00:00Z")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_asset_that_fails_keeps_no_other_from_being_fresh_and_questions_stay_spaced() {
    let (_nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    yahoo.plays("GONE", vec![say(404, "{}")]);
    for asset in ["ABC", "XYZ"] {
        yahoo.plays(asset, vec![ok(&payload(asset, &[10.0]))]);
    }
    let stop = CancellationToken::new();
    let mut settings = settings(&yahoo, &["GONE", "ABC", "XYZ"], noon);
    let spaced = Duration::from_millis(300);
    settings.yahoo.politeness.between_questions = spaced;
    let running = tokio::spawn(keep_fresh::run(journal.clone(), settings, stop.clone()));
    eventually("the last of them", async || (closes(&journal, "XYZ").await == ["10"]).then_some(())).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(closes(&journal, "ABC").await, ["10"]);
    let asked: Vec<Instant> = ["GONE", "ABC", "XYZ"].into_iter().flat_map(|asset| yahoo.when_asked(asset)).collect();
    assert_eq!(asked.len(), 3, "what is not there is not asked about again");
    let slack = Duration::from_millis(100);
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] + slack >= spaced), "{asked:?}");
}
