//! Tables of prices, loaded into a real log and read back from the read models.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use events::Stream;
use events::asset::{AssetCommand, PriceBasis};
use events::values::Name;
use jiff::civil::date;
use journal::Journal;
use market::files::Mapping;
use market::{Files, FilesSettings, Report, Unit, Window, load};
use projections::prices::{AsOf, histories};
use testbed::{Database, eventually};
use tokio_util::sync::CancellationToken;

use super::{closes, id, known, log, options};

fn settings(path: &Path, name: &str) -> FilesSettings {
    FilesSettings {
        path: path.to_owned(),
        name: Name::parse(name).unwrap(),
        basis: PriceBasis::Raw,
        unit: Unit::parse("USD").unwrap(),
        mapping: Mapping::default(),
        assets: BTreeSet::new(),
        window: Window::default(),
    }
}

async fn loaded(journal: &Journal, settings: FilesSettings, overrule: bool) -> Report {
    let mut files = Files::open(settings);
    let options = market::LoadOptions { overrule, ..options() };
    let report = load(journal, &mut files, &options, |_| {}).await;
    assert!(files.ended_by().is_none());
    report
}

const LONG: &str = "symbol,date,open,high,low,close,volume,dividends,stock splits
ABC,2024-01-02,10,12,9,11,1000,0,0
ABC,2024-01-03,11,12,10,11.5,2000,0.25,0
ABC,2024-01-04,5.5,6,5,5.75,4000,0,2
ABC,2024-01-05,,,,6,,0,0
XYZ,2024-01-02,1,1,1,1,5,0,0
XYZ,2024-01-03,1,1,1,oops,5,0,0
XYZ,yesterday,1,1,1,1,5,0,0
";

#[tokio::test(flavor = "multi_thread")]
async fn a_long_table_is_loaded_once_however_often_it_is_given() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, LONG).unwrap();
    let first = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((first.assets, first.sum.new_bars, first.sum.actions, first.sum.dropped.count()), (2, 5, 2, 2));
    let end = journal.last_position(Stream::Market).await.unwrap();
    let again = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((again.sum.events, journal.last_position(Stream::Market).await.unwrap()), (0, end));
    let abc = known(&journal, "ABC").await.unwrap();
    let last = abc.bars.get(date(2024, 1, 5)).unwrap();
    assert_eq!((last.open, last.volume, last.close), (None, None, 6.into()));

    // Packed, with another value, from somebody else: told, not taken; and taken where that is wanted.
    let packed = folder.path().join("long.csv.gz");
    let mut gzip = flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    gzip.write_all(LONG.replace("11.5,2000", "11.25,2000").as_bytes()).unwrap();
    gzip.finish().unwrap();
    let other = loaded(&journal, settings(&packed, "another file"), false).await;
    assert_eq!((other.sum.contradicted, other.sum.corrected, other.sum.events), (1, 0, 0));
    let other = loaded(&journal, settings(&packed, "another file"), true).await;
    assert_eq!((other.sum.contradicted, other.sum.corrected, other.sum.events), (0, 1, 1));
    assert_eq!(closes(&journal, "ABC").await, ["11", "11.25", "5.75", "6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_table_by_day_is_gathered_so_that_an_asset_becomes_one_event() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("by-day.csv");
    let mut table = String::from("date,ticker,close,dividend\n");
    for day in 1..=20 {
        for (asset, close) in [("ABC", 10 + day), ("DEF", 100 - day), ("XYZ", 50)] {
            table += &format!("2024-01-{day:02},{asset},{close},{}\n", if day == 7 { "0.5" } else { "0" });
        }
    }
    std::fs::write(&path, table).unwrap();
    let report = loaded(&journal, settings(&path, "a file"), false).await;
    // Listed, priced and one payment, for each of three.
    assert_eq!((report.assets, report.sum.new_bars, report.sum.actions, report.sum.events), (3, 60, 3, 9));
    assert_eq!(closes(&journal, "ABC").await, (11..=30).map(|close| close.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_table_has_a_column_of_closes_for_each_asset() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.csv");
    std::fs::write(&path, "date,ABC,XYZ\n2024-01-02,1.5,\n2024-01-03,1.6,7\n").unwrap();
    let report = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((report.assets, report.sum.new_bars), (2, 3));
    assert_eq!(closes(&journal, "XYZ").await, ["7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_answer_with_what_was_known_then_and_with_both_kinds_of_return() {
    let (_nats, journal) = log().await;
    let pool = Database::fresh().await.pool().await;
    let stop = CancellationToken::new();
    let _at_the_end = stop.clone().drop_guard();
    tokio::spawn(projections::follow::run(journal.clone(), pool.clone(), stop));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, LONG).unwrap();
    loaded(&journal, settings(&path, "a file"), false).await;
    let before = journal.last_position(Stream::Market).await.unwrap();
    std::fs::write(&path, LONG.replace("5.75,4000", "5.5,4000")).unwrap();
    loaded(&journal, settings(&path, "a file"), false).await;
    let after = journal.last_position(Stream::Market).await.unwrap();
    let checkpoints = projections::Checkpoints::watch(pool.clone());
    eventually("the read models", async || checkpoints.wait_for(after, testbed::PATIENCE).await.ok()).await;

    let abc = [id("ABC")];
    let then =
        histories(&pool, &abc, None, None, AsOf::Sequence(before.sequence)).await.unwrap().remove(&abc[0]).unwrap();
    let now = histories(&pool, &abc, None, None, AsOf::Now).await.unwrap().remove(&abc[0]).unwrap();
    let close = |history: &projections::prices::History| history.bars.get(date(2024, 1, 4)).unwrap().close.to_string();
    assert_eq!((close(&then), close(&now)), ("5.75".to_owned(), "5.5".to_owned()));

    let (rows, unfit) = then.rows().unwrap();
    assert_eq!(unfit, None);
    let near = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    // Reinvested at the ex-date's close; and the payment taken off the close before, then the split.
    near(rows[1].total_return.unwrap(), (11.5 + 0.25) / 11.0 - 1.0);
    near(rows[2].total_return.unwrap(), 2.0 * 5.75 / 11.5 - 1.0);
    near(rows[1].adjusted_close.unwrap(), 11.5 / 2.0);
    near(rows[0].adjusted_close.unwrap(), 11.0 / 2.0 * (1.0 - 0.25 / 11.0));
    let row = projections::assets::get(&pool, &abc[0]).await.unwrap().unwrap();
    assert_eq!((row.days, row.source.as_deref(), row.basis.as_deref()), (4, Some("a file"), Some("raw")));
}

const UNFIT: &str = "symbol,date,close,dividends
ABC,2024-01-02,10,0
ABC,2024-01-03,10,10
ABC,2024-01-04,10,0.5
";

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_as_large_as_the_price_is_left_out_and_told_and_all_else_is_loaded() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, UNFIT).unwrap();
    let report = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((report.failed, report.sum.new_bars, report.sum.actions, report.sum.dropped.count()), (0, 3, 1, 1));
    assert_eq!(report.sum.dropped.told()[0].place, "2024-01-03 payment");
    let paid = known(&journal, "ABC").await.unwrap().payments;
    assert_eq!(paid.keys().map(|(day, _)| *day).collect::<Vec<_>>(), [date(2024, 1, 4)]);
    // Once the price is right, the payment is.
    std::fs::write(&path, UNFIT.replace("01-02,10", "01-02,20")).unwrap();
    let report = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((report.sum.corrected, report.sum.actions, report.sum.dropped.count()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_payments_that_are_adjusted_otherwise_are_refused_whatever_the_source() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, LONG).unwrap();
    loaded(&journal, settings(&path, "a file"), false).await;
    let end = journal.last_position(Stream::Market).await.unwrap();
    std::fs::write(&path, LONG.replace(",0.25,", ",0.125,").replace("11,12,10,11.5", "5.5,6,5,5.75")).unwrap();
    let adjusted = FilesSettings { basis: PriceBasis::SplitAdjusted, ..settings(&path, "a file") };
    let report = loaded(&journal, adjusted, true).await;
    assert_eq!((report.assets, report.failed, report.sum.events), (2, 2, 0));
    assert_eq!(journal.last_position(Stream::Market).await.unwrap(), end);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_changes_splits_and_payments_only_where_it_may_overrule() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, LONG).unwrap();
    loaded(&journal, settings(&path, "a file"), false).await;
    std::fs::write(&path, LONG.replace(",0.25,0", ",0.3,0").replace(",0,2", ",0,3")).unwrap();
    let told = loaded(&journal, settings(&path, "another file"), false).await;
    assert_eq!((told.sum.contradicted, told.sum.actions, told.sum.events), (2, 0, 0));
    let overruled = loaded(&journal, settings(&path, "another file"), true).await;
    assert_eq!((overruled.sum.contradicted, overruled.sum.actions, overruled.sum.events), (0, 2, 2));
}

/// A report of loading this table, and what it said of the rows that it left out.
async fn load_text(journal: &Journal, name: &str, table: &str) -> (Report, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, table).unwrap();
    let report = loaded(journal, settings(&path, name), false).await;
    let told = report.unclaimed.told().iter().chain(report.sum.dropped.told()).map(ToString::to_string).collect();
    (report, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_symbol_or_with_one_that_cannot_be_are_told_by_line_and_nobody_s() {
    let (_nats, journal) = log().await;
    let table = "symbol,date,close\nABC,2024-01-02,10\n,2024-01-03,99\nABC,2024-01-04,11\na b,2024-01-02,7\nAB\nXYZ,2024-01-02,5\n";
    let (report, told) = load_text(&journal, "a file", table).await;
    assert_eq!((report.assets, report.sum.new_bars, report.unclaimed.count()), (2, 3, 3));
    let expected = [
        "line 3 is left out: the row has no symbol",
        "line 5 is left out: the symbol is none: `a b`",
        "line 6 is left out: the row ends early: `AB`",
    ];
    let mut told = told;
    told.sort();
    assert_eq!(told, expected);
    assert_eq!(closes(&journal, "ABC").await, ["10", "11"]);
    assert_eq!(closes(&journal, "XYZ").await, ["5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dividends_of_one_day_add_up_and_loading_them_again_changes_nothing() {
    let (_nats, journal) = log().await;
    let table = "symbol,date,close,dividends\nABC,2024-01-02,50,0\nABC,2024-01-03,48,0.5\nABC,2024-01-03,48,3\nABC,2024-01-03,48,3\n";
    let (first, told) = load_text(&journal, "a file", table).await;
    assert_eq!((first.sum.new_bars, first.sum.actions, told), (2, 1, Vec::new()));
    let paid = known(&journal, "ABC").await.unwrap().payments;
    let amounts: Vec<_> = paid.values().map(|word| word.value.amount().to_string()).collect();
    assert_eq!(amounts, ["3.5"], "a row that is repeated cell for cell counts once");
    let (again, _) = load_text(&journal, "a file", table).await;
    assert_eq!((again.sum.events, again.sum.actions), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_currencies_is_honoured_and_minor_units_become_major_ones() {
    let (_nats, journal) = log().await;
    let table = "symbol,date,close,dividends,currency\nLON,2024-01-02,705,0,GBp\nLON,2024-01-03,7.1,0,GBP\nLON,2024-01-04,9,0,USD\nLON,2024-01-05,720,12.5,GBX\nLON,2024-01-08,7,0,\nNYC,2024-01-02,10,0,USD\n";
    let (report, told) = load_text(&journal, "a file", table).await;
    assert_eq!((report.failed, report.sum.new_bars), (0, 4));
    assert_eq!(
        told,
        [
            "line 6 is left out: the currency is none: ``",
            "line 4 is left out: its currency is not that of the asset's other rows",
        ]
    );
    let lon = known(&journal, "LON").await.unwrap();
    let paid: Vec<_> = lon.payments.values().map(|word| word.value.amount().to_string()).collect();
    assert_eq!((lon.listing.currency.as_str(), paid), ("GBP", vec!["0.125".to_owned()]));
    assert_eq!(closes(&journal, "LON").await, ["7.05", "7.1", "7.2"]);
    let (other, _) = load_text(&journal, "a file", "symbol,date,close,currency\nNYC,2024-01-03,11,EUR\n").await;
    assert_eq!((other.failed, closes(&journal, "NYC").await), (1, vec!["10".to_owned()]));
    // Where no column says, whoever loads does.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pence.csv");
    std::fs::write(&path, "date,LON\n2024-01-09,730\n").unwrap();
    let in_pence = FilesSettings { unit: Unit::parse("GBp").unwrap(), ..settings(&path, "a file") };
    assert_eq!(loaded(&journal, in_pence, false).await.sum.new_bars, 1);
    assert_eq!(closes(&journal, "LON").await, ["7.05", "7.1", "7.2", "7.3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_be_are_left_out_one_by_one_and_the_close_is_kept() {
    let (_nats, journal) = log().await;
    let table = "symbol,date,open,high,low,close,volume\nABC,2024-01-02,10,9,11,10,-5\nABC,2024-01-03,0,x,9,10,7\nABC,2024-01-04,1,2,3,,5\n";
    let (report, told) = load_text(&journal, "a file", table).await;
    assert_eq!(report.sum.new_bars, 2);
    let expected = [
        "line 2 volume is left out: it is no number of units: `-5`",
        "line 3 open is left out: the price is not positive: `0`",
        "line 3 high is left out: the price cannot be read: `x`",
        "line 4 is left out: the close is missing: `2024-01-04`",
        "2024-01-02 high is left out: it is below the low: `9`",
        "2024-01-02 low is left out: it is above the high: `11`",
    ];
    assert_eq!(told, expected);
    let bars = known(&journal, "ABC").await.unwrap().bars;
    let fields: Vec<_> = bars.as_slice().iter().map(|bar| (bar.open, bar.high, bar.low, bar.volume)).collect();
    assert_eq!(fields, [(Some(10.into()), None, None, None), (None, None, Some(9.into()), Some(7))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_comes_back_to_a_day_of_an_asset_settles_at_its_first_word() {
    let (_nats, journal) = log().await;
    let mut table = String::from("symbol,date,close\n");
    for (asset, day, close) in
        [("ABC", 2, 10), ("ABC", 3, 11), ("XYZ", 2, 5), ("XYZ", 3, 6), ("ABC", 3, 12), ("ABC", 4, 13)]
    {
        table += &format!("{asset},2024-01-{day:02},{close}\n");
    }
    let (first, told) = load_text(&journal, "a file", &table).await;
    assert_eq!((first.sum.new_bars, told.len()), (5, 1), "{told:?}");
    assert_eq!(
        told[0],
        "line 6 is left out: the table spoke of the day before, and of other assets since: `2024-01-03`"
    );
    let (again, _) = load_text(&journal, "a file", &table).await;
    assert_eq!((again.sum.events, closes(&journal, "ABC").await), (0, ["10", "11", "13"].map(str::to_owned).to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_table_that_is_cut_what_came_before_the_cut_is_loaded() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.csv.gz");
    let rows: String = (0..20_000)
        .map(|n| format!("{},{}.{}\n", date(1960, 1, 1) + jiff::Span::new().days(n), 10 + n % 7, n * 7_919 % 1_000))
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(format!("date,ABC\n{rows}").as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let mut files = Files::open(settings(&path, "a file"));
    let report = load(&journal, &mut files, &options(), |_| {}).await;
    assert!(files.ended_by().is_some(), "it is told");
    assert!(report.sum.new_bars > 1_000 && report.sum.new_bars < 19_000, "{}", report.sum.new_bars);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_corrected_or_withdrew_no_load_takes_back() {
    let (_nats, journal) = log().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    std::fs::write(&path, LONG).unwrap();
    loaded(&journal, settings(&path, "a file"), false).await;
    let person = || Name::parse("a person").unwrap();
    let reason = || events::values::Note::parse("the source is wrong").unwrap();
    let bars = events::values::Bars::try_new(vec![(date(2024, 1, 3), "11.25".parse().unwrap())]).unwrap();
    let correct = AssetCommand::CorrectPrices { source: person(), reason: reason(), bars };
    let no_split = AssetCommand::WithdrawSplit { source: person(), reason: reason(), date: date(2024, 1, 4) };
    let kind = events::values::PaymentKind::Dividend;
    let no_dividend =
        AssetCommand::WithdrawPayment { source: person(), reason: reason(), ex_date: date(2024, 1, 3), kind };
    for command in [correct, no_split, no_dividend] {
        super::command(&journal, "ABC", &command).await;
    }
    let end = journal.last_position(Stream::Market).await.unwrap();
    let again = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((again.sum.contradicted, again.sum.events), (3, 0));
    assert_eq!(journal.last_position(Stream::Market).await.unwrap(), end);
    // The source says something new: that is news.
    std::fs::write(&path, LONG.replace(",0.25,0", ",0.2,0")).unwrap();
    let news = loaded(&journal, settings(&path, "a file"), false).await;
    assert_eq!((news.sum.contradicted, news.sum.actions, news.sum.events), (2, 1, 1));
    let overruled = loaded(&journal, settings(&path, "a file"), true).await;
    assert_eq!((overruled.sum.contradicted, overruled.sum.corrected, overruled.sum.actions), (0, 1, 1));
}
