//! Plans: how PostgreSQL would answer what this build asks, over tables that are large.

mod bounds;
mod large;
mod reading;
mod walking;

use std::future::Future;
use std::time::{Duration, Instant};

use events::values::Sought;
use projections::{Order, Page, clients, portfolios};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool, Row};

use self::bounds::every_list_reads_no_more_than_a_page;
use self::large::{LARGE, ROWS, advisor, all_is_counted, filled, portfolio, turn_about};
use self::reading::Counted;
use self::walking::what_is_looked_through_is_found_to_its_end;

/// How long a page may take at the 99th of a hundred.
const PAGE_P99_MAX: Duration = Duration::from_millis(20);
/// Pages of each kind that one round reads, and rounds at the most.
const PAGES: i32 = 400;
const ROUNDS_MAX: u32 = 15;
/// What tells that a read is of what a key names, or of what its caller names one by one, or ends with the first row.
const OF_WHAT_IS_NAMED: [&str; 10] = [
    "where id = $1",
    "where r.id = $1",
    "where position = $1",
    "where portfolio = $1",
    "where email = $1",
    "where t.digest = $1",
    "where t.id = $2",
    "= any($1",
    "where asset = $1",
    "select exists",
];
/// Reads of all there is, by their nature: how many assets there are of which kind, and which figures a night's prices touch.
const OF_ALL: [&str; 2] = ["count(*) as assets", "where stale or assets && $1"];

/// Every read of a large table that this build can make, with its number of parameters.
fn reads() -> Vec<(String, usize)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.sqlx");
    let mut reads = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let query: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let text = query["query"].as_str().unwrap();
        let lower = text.to_lowercase();
        let of_large = LARGE.iter().any(|table| lower.contains(&format!("from {table}")));
        if of_large && lower.trim_start().starts_with("select") && !OF_ALL.iter().any(|all| lower.contains(all)) {
            let parameters = &query["describe"]["parameters"];
            reads.push((text.to_owned(), parameters["Left"].as_array().map_or(0, Vec::len)));
        }
    }
    reads
}

/// The nodes of a plan, from the top down.
fn nodes<'a>(plan: &'a Value, into: &mut Vec<&'a Value>) {
    into.push(plan);
    for below in plan["Plans"].as_array().into_iter().flatten() {
        nodes(below, into);
    }
}

#[tokio::test]
async fn reads_of_large_tables_go_by_an_index_have_an_end_and_come_at_once() {
    let (database, pool) = filled().await;
    no_read_scans_a_large_table_and_every_list_has_an_end(&pool).await;
    all_is_counted(&pool).await;
    let counted = Counted::connect(database.url()).await;
    every_list_reads_no_more_than_a_page(&counted).await;
    what_is_looked_through_is_found_to_its_end(&pool).await;
    a_page_of_a_hundred_thousand_comes_at_once(&pool).await;
    turn_about(&pool).await;
    every_list_reads_no_more_than_a_page(&counted).await;
}

async fn no_read_scans_a_large_table_and_every_list_has_an_end(pool: &PgPool) {
    let reads = reads();
    assert!(reads.len() >= 90, "only {} reads were found", reads.len());
    let mut connection = pool.acquire().await.unwrap();
    // A plan that knew what is asked for could be another one for each that asks.
    let mode: String = sqlx::query_scalar("SHOW plan_cache_mode").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(mode, "force_generic_plan");
    let mut wrong = Vec::new();
    for (text, parameters) in reads {
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute(AssertSqlSafe(format!("PREPARE asked AS {text}"))).await.unwrap();
        let nothing = vec!["NULL"; parameters].join(", ");
        let values = if parameters == 0 { String::new() } else { format!("({nothing})") };
        let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE asked{values}");
        let plan: Value = transaction.fetch_one(AssertSqlSafe(explain)).await.unwrap().get(0);
        transaction.execute("DEALLOCATE asked").await.unwrap();
        let mut all = Vec::new();
        nodes(&plan[0]["Plan"], &mut all);
        let scans_all =
            all.iter().any(|node| node["Node Type"] == "Seq Scan" && LARGE.iter().any(|table| is_of(node, table)));
        if scans_all {
            wrong.push(format!("{text}\nis answered by\n{plan:#}"));
        }
        let of_one = OF_WHAT_IS_NAMED.iter().any(|key| text.to_lowercase().contains(key));
        let ends = all.iter().any(|node| node["Node Type"] == "Limit");
        if !of_one && !ends {
            wrong.push(format!("{text}\nhas no end"));
        }
    }
    assert!(wrong.is_empty(), "{} reads:\n{}", wrong.len(), wrong.join("\n\n"));
}

fn is_of(node: &Value, table: &str) -> bool {
    node["Relation Name"] == table.rsplit('.').next().unwrap_or(table)
}

/// A busy machine is slow for a while, and longer than a round takes; what the database can do shows in the best of each page's
/// rounds.
async fn a_page_of_a_hundred_thousand_comes_at_once(pool: &PgPool) {
    let mut best = times(pool).await;
    for _ in 1..ROUNDS_MAX {
        if best.iter().all(|took| p99(took) < PAGE_P99_MAX) {
            break;
        }
        for (best, again) in best.iter_mut().flatten().zip(times(pool).await.into_iter().flatten()) {
            *best = again.min(*best);
        }
    }
    for (what, took) in SHAPES.into_iter().zip(&best) {
        let p99 = p99(took);
        println!("50 of {ROWS} {what}: p99 {p99:?}");
        assert!(p99 < PAGE_P99_MAX, "{what}: p99 {p99:?}");
    }
}

/// The time at the 99th of a hundred.
fn p99(took: &[Duration]) -> Duration {
    let mut took = took.to_vec();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

/// What is timed: pages of all, and pages of what few among many are.
const SHAPES: [&str; 10] = [
    "portfolios",
    "portfolios, the newest first",
    "portfolios, of one advisor",
    "portfolios, by name",
    "portfolios, archived",
    "portfolios, archived, the newest first",
    "portfolios, archived, by name",
    "portfolios that follow a model, archived",
    "portfolios that follow a model, of one advisor",
    "clients, active",
];

/// What each page takes, of each shape.
async fn times(pool: &PgPool) -> [Vec<Duration>; SHAPES.len()] {
    let mut took = SHAPES.map(|_| Vec::new());
    for n in 1..=PAGES {
        let page = Page { limit: 50, ..Page::FIRST };
        let further = Page { after: Some(u64::from(n.unsigned_abs()) * 200), ..page };
        let backwards = further.in_order(Order::NewestFirst);
        let all = portfolios::Filter::default();
        let of_one = portfolios::Filter { advisor: Some(advisor(n % 48 * 2 + 3)), ..all };
        let archived = portfolios::Filter { standing: Some(portfolios::Standing::Archived), ..all };
        let following = portfolios::Filter { model: Some(portfolio(1)), ..archived };
        let theirs = portfolios::Filter { standing: None, ..of_one };
        let theirs = portfolios::Filter { model: Some(portfolio(1)), ..theirs };
        let active = clients::Filter { advisor: None, standing: Some(clients::Standing::Active) };
        let called = |prefix: &str| portfolios::ByName { prefix: Sought::of(prefix), after: None, limit: 50 };
        let name = called(&format!("portfolio {n}"));
        let found = [
            timed(portfolios::list(pool, all, further)).await,
            timed(portfolios::list(pool, all, backwards)).await,
            timed(portfolios::list(pool, of_one, page)).await,
            timed(portfolios::list_by_name(pool, all, &name)).await,
            timed(portfolios::list(pool, archived, page)).await,
            timed(portfolios::list(pool, archived, page.in_order(Order::NewestFirst))).await,
            timed(portfolios::list_by_name(pool, archived, &called(""))).await,
            timed(portfolios::list(pool, following, page)).await,
            timed(portfolios::list(pool, theirs, page)).await,
            timed(clients::list(pool, active, page)).await,
        ];
        for ((took, (rows, time)), what) in took.iter_mut().zip(found).zip(SHAPES) {
            assert!(rows > 0, "{what}: nothing was found");
            took.push(time);
        }
    }
    took
}

/// How many rows came of this, and after how long.
async fn timed<R>(asking: impl Future<Output = Result<Vec<R>, sqlx::Error>>) -> (usize, Duration) {
    let began = Instant::now();
    let rows = asking.await.unwrap().len();
    (rows, began.elapsed())
}
