//! `insights load` as people run it: against a stand-in for Yahoo and from tables, killed half-way, and given again.

use std::collections::BTreeMap;
use std::process::Stdio;

use events::values::{AggregateId, AssetId};
use events::{AnyEvent, Asset, Stream};
use insights::private::Folder;
use journal::{Journal, JournalSettings};
use testbed::yahoo::{ok, payload, say};
use testbed::{Nats, PATIENCE, YahooStandIn, eventually};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::{ended, insights};

/// Enough that it takes some seconds at two questions a second.
const SYMBOLS: [&str; 8] = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH"];
const CLOSES: [f64; 4] = [10.0, 11.0, 12.5, 12.0];

/// A log to load into.
async fn log() -> (Nats, Journal) {
    let nats = Nats::one().await;
    let client = journal::connect(&nats.operator_urls(), "/insights/provision").await.unwrap();
    journal::topology::provision(&async_nats::jetstream::new(client), 1).await.unwrap();
    let journal = Journal::connect(&JournalSettings::new(nats.urls(), "/insights/test")).await.unwrap();
    (nats, journal)
}

fn load(folder: &Folder, nats: &Nats, yahoo: &YahooStandIn, arguments: &[&str]) -> Command {
    let mut command = insights(folder.path(), &[&["load"], arguments].concat());
    command.env("INSIGHTS_NATS_URL", nats.urls().join(",")).env("INSIGHTS_YAHOO_URL", &yahoo.url);
    command
}

/// What stands in the log of each asset: how many events, and how many bars they bring.
async fn written(journal: &Journal) -> BTreeMap<String, (usize, usize)> {
    let end = journal.last_position(Stream::Market).await.unwrap().sequence;
    let mut reader = journal.reader(Stream::Market, 0).await.unwrap();
    let mut written: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut seen = 0;
    while seen < end {
        for event in reader.next(100, PATIENCE).await.unwrap().events {
            seen = event.position().sequence;
            let (_, token) = event.kind_and_token().unwrap();
            let asset = written.entry(AssetId::from_token(token).unwrap().to_string()).or_default();
            asset.0 += 1;
            if let AnyEvent::Asset(events::asset::AssetEvent::Priced { bars, .. }) = event.decode().unwrap() {
                asset.1 += bars.as_slice().len();
            }
        }
    }
    written
}

async fn closes(journal: &Journal, asset: &str) -> Vec<String> {
    match journal.state::<Asset>(&AssetId::parse(asset).unwrap()).await.unwrap().state {
        Asset::Listed(listed) => listed.bars.as_slice().iter().map(|bar| bar.close.to_string()).collect(),
        Asset::Unknown => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_from_yahoo_that_is_killed_goes_on_where_it_was_and_twice_changes_nothing() {
    let folder = Folder::temporary().unwrap();
    let (nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    for symbol in SYMBOLS {
        yahoo.plays(symbol, vec![ok(&payload(symbol, &CLOSES))]);
    }
    let symbols = SYMBOLS.join(",");
    let range = ["--source", "yahoo", "--assets", &symbols, "--from", "2024-01-02", "--to", "2024-02-01"];
    let mut child = load(&folder, &nats, &yahoo, &range).stderr(Stdio::null()).spawn().unwrap();
    eventually("the third asset", async || (yahoo.asked(SYMBOLS[3]) > 0).then_some(())).await;
    child.start_kill().unwrap();
    assert!(!child.wait().await.unwrap().success());
    assert_eq!(yahoo.asked(SYMBOLS[7]), 0, "it was killed half-way");

    let (well, told, complained) = ended(&mut load(&folder, &nats, &yahoo, &range)).await;
    assert!(well && told.contains("8 assets") && told.contains("32 bars read"), "{told}{complained}");
    let all = written(&journal).await;
    for symbol in SYMBOLS {
        assert_eq!(closes(&journal, symbol).await, ["10", "11", "12.5", "12"], "{symbol}");
        assert_eq!(all[symbol], (2, 4), "listed and priced, each once: {symbol}");
    }
    let asked: Vec<usize> = SYMBOLS.iter().map(|symbol| yahoo.asked(symbol)).collect();
    assert_eq!(asked[..2], [1, 1], "what was answered before was kept: {asked:?}");

    let end = journal.last_position(Stream::Market).await.unwrap();
    let (well, told, complained) = ended(&mut load(&folder, &nats, &yahoo, &range)).await;
    assert!(well && told.contains(" 0 new") && told.contains(" 0 events"), "{told}{complained}");
    assert_eq!(journal.last_position(Stream::Market).await.unwrap(), end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_from_standard_input_is_loaded_as_it_comes_and_again_after_a_kill() {
    let folder = Folder::temporary().unwrap();
    let (nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let day = |n: i64| jiff::civil::date(2004, 1, 2) + jiff::Span::new().days(n);
    let rows = |asset: &str| -> String { (0..2_000).map(|n| format!("{asset},{},{}\n", day(n), 10 + n % 7)).collect() };
    let head = "symbol,date,close\n".to_owned();
    let all: String = head.clone() + &rows("ABC") + &rows("DEF") + &rows("XYZ");

    let arguments = ["--source", "csv", "--name", "a feed"];
    let mut child =
        load(&folder, &nats, &yahoo, &arguments).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all((head + &rows("ABC") + &rows("DEF")).as_bytes()).await.unwrap();
    input.flush().await.unwrap();
    eventually("the first asset", async || (!closes(&journal, "ABC").await.is_empty()).then_some(())).await;
    child.start_kill().unwrap();
    assert!(!child.wait().await.unwrap().success());
    assert!(closes(&journal, "XYZ").await.is_empty());

    let path = folder.path().join("all.csv");
    std::fs::write(&path, all).unwrap();
    let file = path.to_str().unwrap();
    for (round, new) in [(1, None), (2, Some(" 0 new"))] {
        let whole = ["--source", "csv", "--name", "a feed", "--file", file];
        let (well, told, complained) = ended(&mut load(&folder, &nats, &yahoo, &whole)).await;
        assert!(well && told.contains("6,000 bars read"), "{round}: {told}{complained}");
        assert!(new.is_none_or(|new| told.contains(new)), "{round}: {told}");
    }
    for (asset, (_, bars)) in written(&journal).await {
        assert_eq!(bars, 2_000, "each day once: {asset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_of_a_table_and_what_it_does_not_have_is_told() {
    let folder = Folder::temporary().unwrap();
    let (nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let path = folder.path().join("odd.csv");
    let table = "symbol,date,close,currency\nABC,2024-01-02,705,GBp\n,2024-01-03,1,GBp\na b,2024-01-03,1,GBp\nABC,2024-01-03,x,GBp\n";
    std::fs::write(&path, table).unwrap();
    let file = path.to_str().unwrap();
    let (well, told, complained) = ended(&mut load(&folder, &nats, &yahoo, &["--source", "csv", "--file", file])).await;
    assert!(well && told.contains("3 rows and values left out"), "{told}{complained}");
    for line in [
        "line 3 is left out: the row has no symbol",
        "line 4 is left out: the symbol is none: `a b`",
        "ABC: line 5 is left out: the price cannot be read: `x`",
    ] {
        assert!(complained.contains(line), "{line}: {complained}");
    }
    assert_eq!(closes(&journal, "ABC").await, ["7.05"]);
    let more = ["--source", "csv", "--file", file, "--assets", "ABC,NONE"];
    let (well, _, complained) = ended(&mut load(&folder, &nats, &yahoo, &more)).await;
    assert!(!well && complained.contains("NONE: the source said nothing of it"), "{complained}");
    let backwards = ["--source", "csv", "--file", file, "--from", "2024-02-01", "--to", "2024-01-01"];
    let (well, _, complained) = ended(&mut load(&folder, &nats, &yahoo, &backwards)).await;
    assert!(!well && complained.contains("--to 2024-01-01 is before --from 2024-02-01"), "{complained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_wants_to_be_left_alone_is_told_once_with_its_time() {
    let folder = Folder::temporary().unwrap();
    let (nats, _journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    let busy = testbed::yahoo::Play::Say(429, vec![("retry-after", "3600".to_owned())], b"Too Many Requests".to_vec());
    for symbol in SYMBOLS {
        yahoo.plays(symbol, vec![busy.clone()]);
    }
    let arguments = ["--source", "yahoo", "--assets", &SYMBOLS.join(",")];
    let (well, _, complained) = ended(&mut load(&folder, &nats, &yahoo, &arguments)).await;
    assert!(!well && complained.contains("wants to be left alone until 20"), "{complained}");
    assert_eq!(complained.matches("insights: the source wants").count(), 1, "{complained}");
    let asked: usize = SYMBOLS.iter().map(|symbol| yahoo.asked(symbol)).sum();
    assert!(asked <= 2, "no more than were open: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_a_load_shows_how_far_it_has_come_and_what_could_not_be_loaded() {
    let folder = Folder::temporary().unwrap();
    let (nats, journal) = log().await;
    let yahoo = YahooStandIn::open().await;
    yahoo.plays("AAA", vec![ok(&payload("AAA", &CLOSES))]);
    yahoo.plays("GONE", vec![say(404, "{}")]);
    yahoo.plays("BBB", vec![ok(&payload("BBB", &CLOSES))]);
    // Python stands for the terminal: whatever the binary draws there comes out here.
    let inside = "import pty, sys, os; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut terminal = Command::new("python3");
    terminal.args(["-c", inside, env!("CARGO_BIN_EXE_insights")]);
    terminal.args(["load", "--source", "yahoo", "--assets", "AAA,GONE,BBB"]).current_dir(folder.path());
    terminal.env("INSIGHTS_NATS_URL", nats.urls().join(",")).env("INSIGHTS_YAHOO_URL", &yahoo.url);
    terminal.env("TERM", "xterm").env("COLUMNS", "120").stdin(Stdio::null()).kill_on_drop(true);
    let (well, drawn, complained) = ended(&mut terminal).await;
    assert!(!well, "one asset could not be loaded: {drawn}{complained}");
    assert!(drawn.contains("/3 assets"), "{drawn}");
    assert!(drawn.contains("GONE: the source knows no such asset"), "{drawn}");
    assert!(drawn.contains("1 of 3 assets could not be loaded"), "{drawn}");
    assert_eq!(closes(&journal, "BBB").await.len(), CLOSES.len(), "one that fails stops nobody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_role_keeps_assets_fresh_and_ends_when_it_is_told_to() {
    let folder = Folder::temporary().unwrap();
    let (nats, journal) = log().await;
    let postgres = testbed::Postgres::start(insights::private::Durability::Fast).await;
    let yahoo = YahooStandIn::open().await;
    yahoo.plays("AAA", vec![ok(&payload("AAA", &CLOSES))]);
    let (well, _, complained) = ended(&mut load(&folder, &nats, &yahoo, &["--keep-fresh"])).await;
    assert!(!well && !complained.is_empty(), "it needs to be told which assets: {complained}");
    let mut role = load(&folder, &nats, &yahoo, &["--keep-fresh"]);
    role.env("INSIGHTS_NATS_MONITOR_URL", nats.monitor_urls().join(","));
    role.env("INSIGHTS_LOAD_ASSETS", "AAA").env("INSIGHTS_DATABASE_URL", postgres.url());
    let child = role.stderr(Stdio::null()).spawn().unwrap();
    eventually("the asset", async || (closes(&journal, "AAA").await.len() == CLOSES.len()).then_some(())).await;
    assert!(crate::interrupt(child).await.success(), "to be told to stop is a clean end");
}
