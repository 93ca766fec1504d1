//! Figures as they are read.

use events::values::{AdvisorId, PortfolioId};
use events::{Position, Stream};
use jiff::civil::Date;
use serde_json::{Map, Value};
use sqlx::{PgPool, query_as};
use uuid::Uuid;

use crate::columns::{natural, position};
use crate::page::{Page, page_of};

/// The figures of one portfolio, as they were last computed.
#[derive(Debug, Clone, PartialEq)]
pub struct FiguresRow {
    /// Whose figures they are.
    pub portfolio: PortfolioId,
    /// Whose portfolio it is.
    pub advisor: AdvisorId,
    /// In which currency it is kept: an ISO 4217 code.
    pub currency: String,
    /// The portfolio's version whose weights were taken.
    pub version: u64,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The figures. `None` where they have yet to be computed.
    pub kept: Option<KeptFigures>,
}

/// Computed figures, with what they rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFigures {
    /// The set of definitions that they follow.
    pub definitions: String,
    /// The last event whose prices are in them.
    pub prices_position: Position,
    /// The first and the last session, where there are figures.
    pub window: Option<(Date, Date)>,
    /// How many returns they rest on.
    pub returns: u64,
    /// By the figure's id: a number, or `{code, detail}` where there is none.
    pub figures: Map<String, Value>,
    /// Why there are no figures at all: code and words.
    pub no_figures: Option<(String, String)>,
}

struct Record {
    portfolio: Uuid,
    advisor: Uuid,
    currency: String,
    version: i64,
    created_position: i64,
    stale: bool,
    definitions: Option<String>,
    prices_position: Option<i64>,
    first_day: Option<jiff_sqlx::Date>,
    last_day: Option<jiff_sqlx::Date>,
    returns: Option<i32>,
    figures: Option<Value>,
    no_figures_code: Option<String>,
    no_figures_detail: Option<String>,
}

impl TryFrom<Record> for FiguresRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let kept = match (record.definitions, record.prices_position, record.figures) {
            (Some(definitions), Some(sequence), Some(Value::Object(figures))) if !record.stale => Some(KeptFigures {
                definitions,
                prices_position: position(Stream::Market, sequence)?,
                window: record.first_day.zip(record.last_day).map(|(first, last)| (first.to_jiff(), last.to_jiff())),
                returns: natural(record.returns.unwrap_or(0).into())?,
                figures,
                no_figures: record.no_figures_code.zip(record.no_figures_detail),
            }),
            _ => None,
        };
        Ok(Self {
            portfolio: PortfolioId::new(record.portfolio),
            advisor: AdvisorId::new(record.advisor),
            currency: record.currency,
            version: natural(record.version)?,
            created_position: natural(record.created_position)?,
            kept,
        })
    }
}

/// The figures of one portfolio.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, portfolio: PortfolioId) -> Result<Option<FiguresRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT portfolio, advisor, currency, version, created_position, stale, definitions, prices_position,
                  first_day AS "first_day: jiff_sqlx::Date", last_day AS "last_day: jiff_sqlx::Date", returns, figures,
                  no_figures_code, no_figures_detail
           FROM portfolio_figures WHERE portfolio = $1"#,
        portfolio.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(FiguresRow::try_from)
    .transpose()
}

/// A page of the figures of which this holds.
macro_rules! page_of_figures {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        page_of!(
            Record,
            $pool,
            $page,
            r#"SELECT portfolio, advisor, currency, version, created_position, stale, definitions, prices_position,
                      first_day AS "first_day: jiff_sqlx::Date", last_day AS "last_day: jiff_sqlx::Date", returns,
                      figures, no_figures_code, no_figures_detail"#,
            " FROM portfolio_figures",
            $which
            $(, $value)*
        )
    };
}

/// The figures of portfolios in the page's order: of one advisor's, or of all.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, advisor: Option<AdvisorId>, page: Page) -> Result<Vec<FiguresRow>, sqlx::Error> {
    let records = match advisor.map(AdvisorId::uuid) {
        Some(advisor) => page_of_figures!(pool, page, "AND advisor = $3", advisor),
        None => page_of_figures!(pool, page, ""),
    };
    records?.into_iter().map(FiguresRow::try_from).collect()
}
