//! Lists of portfolios, each by an index of its own: of one standing or of both, which PostgreSQL merges.

use events::values::{AdvisorId, Firm, PortfolioId, Sought};
use rust_decimal::Decimal;
use sqlx::PgPool;
use uuid::Uuid;

use super::names::StoodAt;
use super::rows::{Filter, PortfolioRow, Record, Standing};
use crate::columns::natural;
use crate::page::{Looked, PAGE_ROWS_MAX, Page, end_of_looking, page_of, page_of_each};

/// A page of a list in the order of names, whatever their case and accents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByName {
    /// Only those whose names begin so.
    pub prefix: Sought,
    /// Where the last row of the page before stands; `None` for the first page.
    pub after: Option<StoodAt>,
    /// How many rows at the most; more than [`PAGE_ROWS_MAX`] is taken as [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

/// Between which places of the order of names a page is, and how many rows it has.
pub(super) struct Places {
    /// Behind this name and id.
    pub after: String,
    pub after_id: Uuid,
    /// Up to this name.
    pub last: String,
    pub limit: i64,
}

impl ByName {
    /// From where to where the names stand that begin so: a stretch of the index, to the prefix with the last of all
    /// characters behind it; and behind which place of it the page begins.
    pub(super) fn places(&self) -> Places {
        let first = self.prefix.as_str().to_owned();
        let last = format!("{first}\u{10ffff}");
        // One place to begin at: of two, PostgreSQL may go to the earlier one and read all that is between them.
        let begin = (first, Uuid::nil());
        let after = self.after.as_ref().map(|(name, id)| (name.as_str().to_owned(), id.uuid()));
        let (after, after_id) = after.filter(|after| *after > begin).unwrap_or(begin);
        Places { after, after_id, last, limit: i64::from(self.limit.min(PAGE_ROWS_MAX)) }
    }
}

/// What this macro makes of the columns of a row: sqlx reads statements from literals alone.
macro_rules! portfolios {
    ($of:ident, $($before:expr,)* => $($rest:tt)*) => {
        $of!(
            Record,
            $($before,)*
            r#"SELECT id AS "id!", advisor AS "advisor!", name AS "name!", currency AS "currency!", assets AS "assets!",
                      weights AS "weights!: Vec<Decimal>", limits AS "limits!", rebalancing AS "rebalancing!", benchmark,
                      risk_class, standing AS "standing!", origin, origin_version, model_of, model, model_version,
                      created_at AS "created_at!: jiff_sqlx::Timestamp",
                      updated_at AS "updated_at!: jiff_sqlx::Timestamp", created_position AS "created_position!",
                      version AS "version!", position AS "position!""#,
            $($rest)*
        )
    };
}

/// Some records that this holds of.
macro_rules! some_of {
    ($record:ident, $columns:tt, $which:tt, $($value:expr),*) => {
        sqlx::query_as!($record, $columns + " FROM portfolios WHERE " + $which, $($value),*)
    };
}

/// The portfolio with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: PortfolioId) -> Result<Option<PortfolioRow>, sqlx::Error> {
    let record = portfolios!(some_of, => "id = $1", id.uuid()).fetch_optional(pool).await?;
    record.map(PortfolioRow::try_from).transpose()
}

/// Whose the portfolio is, and where its last event stands.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn owner(pool: &PgPool, id: PortfolioId) -> Result<Option<(AdvisorId, u64)>, sqlx::Error> {
    let row = sqlx::query!("SELECT advisor, position FROM portfolios WHERE id = $1", id.uuid());
    let row = row.fetch_optional(pool).await?;
    row.map(|row| Ok((AdvisorId::new(row.advisor), natural(row.position)?))).transpose()
}

/// The portfolios with these ids, in no order; at most [`PAGE_ROWS_MAX`].
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn some(pool: &PgPool, ids: &[PortfolioId]) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let limit = i64::from(PAGE_ROWS_MAX);
    let records = portfolios!(some_of, => "id = ANY($1::uuid[]) LIMIT $2", &ids, limit).fetch_all(pool).await?;
    records.into_iter().map(PortfolioRow::try_from).collect()
}

/// A page of the portfolios of one standing of which this holds.
macro_rules! page_of_one {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        portfolios!(page_of, $pool, $page, => " FROM portfolios", $which $(, $value)*)
    };
}

/// A page of the portfolios of either standing of which this holds.
macro_rules! page_of_both {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        portfolios!(
            page_of_each,
            $pool,
            $page,
            => "FROM portfolios",
            [" WHERE standing = 'active'", " WHERE standing = 'archived'"],
            $which
            $(, $value)*
        )
    };
}

/// The portfolios that fit the filter, in the page's order.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, filter: Filter, page: Page) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let Filter { advisor, standing, model } = filter;
    let word = standing.map(Standing::word);
    // One statement for each index: with `$1 IS NULL OR ...` a kept plan reads the whole table.
    let records = match (model.map(PortfolioId::uuid), advisor.map(AdvisorId::uuid), standing) {
        (Some(model), Some(advisor), Some(_)) => {
            page_of_one!(pool, page, "AND model = $3 AND advisor = $4 AND standing = $5", model, advisor, word)
        }
        (Some(model), Some(advisor), None) => {
            page_of_both!(pool, page, "AND model = $3 AND advisor = $4", model, advisor)
        }
        (Some(model), None, Some(_)) => page_of_one!(pool, page, "AND model = $3 AND standing = $4", model, word),
        (Some(model), None, None) => page_of_both!(pool, page, "AND model = $3", model),
        (None, Some(advisor), Some(_)) => {
            page_of_one!(pool, page, "AND advisor = $3 AND standing = $4", advisor, word)
        }
        (None, Some(advisor), None) => page_of_both!(pool, page, "AND advisor = $3", advisor),
        // These two indexes are of one standing each, so the statement has to say which.
        (None, None, Some(Standing::Active)) => page_of_one!(pool, page, "AND standing = 'active'"),
        (None, None, Some(Standing::Archived)) => page_of_one!(pool, page, "AND standing = 'archived'"),
        (None, None, None) => page_of_both!(pool, page, ""),
    };
    records?.into_iter().map(PortfolioRow::try_from).collect()
}

/// The records of a page in the order of names, of portfolios of one standing.
macro_rules! named {
    ($record:ident, $pool:expr, $at:expr, $columns:tt, $which:tt $(, $value:expr)* $(,)?) => {
        sqlx::query_as!(
            $record,
            $columns
                + " FROM portfolios WHERE (sought, id) > ($1, $2) AND sought <= $3 AND "
                + $which
                + " ORDER BY sought, id LIMIT $4",
            $at.after,
            $at.after_id,
            $at.last,
            $at.limit
            $(, $value)*
        )
        .fetch_all($pool)
        .await
    };
}

/// As [`named`], of either standing: a page of each.
macro_rules! named_of_both {
    ($record:ident, $pool:expr, $at:expr, $columns:tt, $which:tt $(, $value:expr)* $(,)?) => {
        sqlx::query_as!(
            $record,
            $columns
                + " FROM ((SELECT * FROM portfolios
                           WHERE (sought, id) > ($1, $2) AND sought <= $3 AND standing = 'active'"
                + $which
                + " ORDER BY sought, id LIMIT $4)
                    UNION ALL
                    (SELECT * FROM portfolios
                     WHERE (sought, id) > ($1, $2) AND sought <= $3 AND standing = 'archived'"
                + $which
                + " ORDER BY sought, id LIMIT $4)) either ORDER BY sought, id LIMIT $4",
            $at.after,
            $at.after_id,
            $at.last,
            $at.limit
            $(, $value)*
        )
        .fetch_all($pool)
        .await
    };
}

/// The portfolios that fit the filter and whose names begin so, in the order of their names; whatever model they follow.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list_by_name(pool: &PgPool, filter: Filter, page: &ByName) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let at = page.places();
    let word = filter.standing.map(Standing::word);
    let records = match (filter.advisor.map(AdvisorId::uuid), filter.standing) {
        (Some(advisor), Some(_)) => {
            portfolios!(named, pool, at, => "advisor = $5 AND standing = $6", advisor, word)
        }
        (Some(advisor), None) => portfolios!(named_of_both, pool, at, => " AND advisor = $5", advisor),
        (None, Some(Standing::Active)) => portfolios!(named, pool, at, => "standing = 'active'"),
        (None, Some(Standing::Archived)) => portfolios!(named, pool, at, => "standing = 'archived'"),
        (None, None) => portfolios!(named_of_both, pool, at, => ""),
    };
    records?.into_iter().map(PortfolioRow::try_from).collect()
}

/// Which models are wanted: those that fit all that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFilter {
    /// Of this firm.
    pub firm: Firm,
    /// Also those whose advisor has left the firm: they are the firm's all the same, and nobody there sees them.
    pub left_behind: bool,
    /// That stand so.
    pub standing: Option<Standing>,
    /// Whose names contain this.
    pub search: Option<Sought>,
}

impl ModelFilter {
    /// Whether the row is one of those, if it is one of the firm's.
    #[must_use]
    pub fn fits(&self, row: &PortfolioRow) -> bool {
        let contains = |part: &Sought| Sought::of(&row.name).contains(part);
        self.standing.is_none_or(|standing| standing == row.standing) && self.search.as_ref().is_none_or(contains)
    }
}

/// The models that fit the filter, in the page's order, as far as one request looks.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn models(pool: &PgPool, filter: &ModelFilter, page: Page) -> Result<Looked<PortfolioRow>, sqlx::Error> {
    let firm = filter.firm.as_str();
    let end = match filter {
        // Nothing is left out.
        ModelFilter { left_behind: true, standing: None, search: None, .. } => None,
        _ => end_of_looking!(pool, page, true, "FROM portfolios", "AND model_of_key = $3", firm)?,
    };
    let (first, last) = page.places(end);
    // Of each model it is asked where its advisor works. (With EXISTS, a plan may read the whole register first.)
    let records = page_of_one!(
        pool,
        page,
        "AND model_of_key = $3 AND created_position BETWEEN $4 AND $5 AND standing = COALESCE($6::text, standing)
             AND strpos(sought, COALESCE($7::text, '')) > 0
             AND ($8 OR $3 = (SELECT firm_key FROM advisors WHERE advisors.id = portfolios.advisor))",
        firm,
        first,
        last,
        filter.standing.map(Standing::word),
        filter.search.as_ref().map(Sought::as_str),
        filter.left_behind
    );
    let rows = records?.into_iter().map(PortfolioRow::try_from).collect::<Result<Vec<_>, _>>()?;
    Looked::up_to(end, page, rows, |row| row.created_position)
}

/// Whether this advisor has models of this firm that are in use.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn keeps_models(pool: &PgPool, advisor: AdvisorId, firm: &Firm) -> Result<bool, sqlx::Error> {
    let one = sqlx::query_scalar!(
        "SELECT id FROM portfolios WHERE model_of_key = $1 AND advisor = $2 AND standing = 'active' LIMIT 1",
        firm.as_str(),
        advisor.uuid()
    );
    Ok(one.fetch_optional(pool).await?.is_some())
}
