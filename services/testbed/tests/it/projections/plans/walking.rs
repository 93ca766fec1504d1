//! Lists that are looked through, from page to page to their end: nothing that fits is passed over, and nothing told twice.

use std::future::Future;

use events::recommendation::Standing;
use events::values::{ClientId, Firm, Name};
use projections::{Looked, Order, PAGE_ROWS_MAX, Page, portfolios, recommendations};
use sqlx::{AssertSqlSafe, PgPool, Row};

use super::large::{LEFT, id};

/// Pages that no walk here needs.
const PAGES_MAX: usize = 100;

/// Walks through lists in which few fit, or none.
pub async fn what_is_looked_through_is_found_to_its_end(pool: &PgPool) {
    let client = id("client", 1);
    let which = format!("recommendations WHERE client = '{client}' AND standing = 'open'");
    let (open, client) = (places(pool, &which).await, Some(ClientId::new(client)));
    assert!(open.len() > 10, "{open:?}");
    let filter = recommendations::Filter { client, standing: Some(Standing::Open), ..Default::default() };
    let list = |page| recommendations::list(pool, filter, page);
    assert!(walked(list, |row| row.created_position, &open).await > 2);

    let firm = Firm::named(&Name::parse(LEFT).unwrap());
    let models = |left_behind, search: Option<&str>| portfolios::ModelFilter {
        firm: firm.clone(),
        left_behind,
        standing: None,
        search: search.map(events::values::Sought::of),
    };
    let filter = models(false, None);
    let list = |page| portfolios::models(pool, &filter, page);
    assert!(walked(list, |row| row.created_position, &[]).await > 2, "nobody who works there keeps one");
    let named = places(pool, "portfolios WHERE model_of_key = 'left' AND sought LIKE 'portfolio 99%'").await;
    let filter = models(true, Some("portfolio 99"));
    let list = |page| portfolios::models(pool, &filter, page);
    assert!(walked(list, |row| row.created_position, &named).await > 2);
}

/// How many pages the list has, in which these places are found in either direction.
async fn walked<R, L>(list: impl Fn(Page) -> L, place: impl Fn(&R) -> u64, expected: &[u64]) -> usize
where
    L: Future<Output = Result<Looked<R>, sqlx::Error>>,
{
    let mut pages = 0;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut page = Page { order, after: None, limit: PAGE_ROWS_MAX };
        let mut found = Vec::new();
        for of_this in 1..=PAGES_MAX {
            pages = of_this;
            let Looked { rows, next } = list(page).await.unwrap();
            found.extend(rows.iter().map(&place));
            page.after = next;
            if next.is_none() {
                break;
            }
        }
        assert!(page.after.is_none(), "the list has an end");
        if order == Order::NewestFirst {
            found.reverse();
        }
        assert_eq!(found, expected, "{order:?}");
    }
    pages
}

/// Where these rows stand, in the order of places.
async fn places(pool: &PgPool, which: &str) -> Vec<u64> {
    let asked = AssertSqlSafe(format!("SELECT created_position FROM {which} ORDER BY created_position"));
    let rows = sqlx::query(asked).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get::<i64, _>(0).unsigned_abs()).collect()
}
