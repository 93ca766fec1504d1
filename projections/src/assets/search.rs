//! Assets that somebody looks for, and how many there are of which kind.

use events::values::Sought;
use sqlx::{PgPool, query_as};

use super::{AssetRow, Record};
use crate::page::{Looked, Page, end_of_looking, page_of};

/// Which assets are wanted; what is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// What stands in the symbol or the name.
    pub text: Option<Sought>,
    /// The class, in one word.
    pub class: Option<String>,
    /// The sector.
    pub sector: Option<String>,
    /// The currency's code.
    pub currency: Option<String>,
    /// The exchange.
    pub exchange: Option<String>,
}

/// Assets, in the page's order.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, page: Page) -> Result<Vec<AssetRow>, sqlx::Error> {
    Ok(search(pool, &Search::default(), page).await?.rows)
}

/// Assets that are searched for, in the page's order, as far as one request looks.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn search(pool: &PgPool, search: &Search, page: Page) -> Result<Looked<AssetRow>, sqlx::Error> {
    let end = end_of_looking!(pool, page, *search != Search::default(), "FROM assets", "")?;
    let (first, last) = page.places(end);
    let records = page_of!(
        Record,
        pool,
        page,
        r#"SELECT id, name, currency, basis, first_day AS "first_day: jiff_sqlx::Date",
                  last_day AS "last_day: jiff_sqlx::Date", days, listed_at AS "listed_at: jiff_sqlx::Timestamp",
                  created_position, version, position, class, sector, exchange, time_zone, calendar, source,
                  delisted_on AS "delisted_on: jiff_sqlx::Date", risk_class"#,
        " FROM assets",
        r#"AND ($3::text IS NULL OR strpos(sought, $3) > 0)
             AND ($4::text IS NULL OR class = $4) AND ($5::text IS NULL OR sector = $5)
             AND ($6::text IS NULL OR currency = $6) AND ($7::text IS NULL OR exchange = $7)
             AND created_position BETWEEN $8 AND $9"#,
        search.text.as_ref().map(Sought::as_str),
        search.class.as_deref(),
        search.sector.as_deref(),
        search.currency.as_deref(),
        search.exchange.as_deref(),
        first,
        last
    );
    let rows = records?.into_iter().map(AssetRow::try_from).collect::<Result<Vec<_>, _>>()?;
    Looked::up_to(end, page, rows, |row| row.created_position)
}

/// How many assets have a value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field: `class`, `sector`, `currency`, `exchange`.
    pub field: String,
    /// Its value; none where the assets do not say.
    pub value: Option<String>,
    /// How many assets have it.
    pub assets: i64,
}

/// Values of one field that facets tell at most, the most frequent ones.
const FACET_VALUES_MAX: i64 = 50;

/// How many of the assets that are searched for have which class, sector, currency and exchange.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn facets(pool: &PgPool, search: &Search) -> Result<Vec<Facet>, sqlx::Error> {
    query_as!(
        Facet,
        r#"SELECT field AS "field!", value, assets AS "assets!" FROM (
             SELECT f.field, f.value, count(*) AS assets,
                    row_number() OVER (PARTITION BY f.field ORDER BY count(*) DESC, f.value) AS place
             FROM assets a
             CROSS JOIN LATERAL (VALUES ('class', a.class), ('sector', a.sector), ('currency', a.currency),
                                        ('exchange', a.exchange)) AS f (field, value)
             WHERE ($1::text IS NULL OR strpos(a.sought, $1) > 0)
                   AND ($2::text IS NULL OR a.class = $2) AND ($3::text IS NULL OR a.sector = $3)
                   AND ($4::text IS NULL OR a.currency = $4) AND ($5::text IS NULL OR a.exchange = $5)
             GROUP BY f.field, f.value) AS counted
           WHERE place <= $6 ORDER BY field, place"#,
        search.text.as_ref().map(Sought::as_str),
        search.class.as_deref(),
        search.sector.as_deref(),
        search.currency.as_deref(),
        search.exchange.as_deref(),
        FACET_VALUES_MAX
    )
    .fetch_all(pool)
    .await
}
