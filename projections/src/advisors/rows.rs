//! Advisors as the register has them now, and queries.

use std::collections::BTreeSet;

use events::advisor::{AdvisorDetails, Standing};
use events::values::{AdvisorId, Currency, Firm, Language, Name, Regime, Sought};
use events::{Position, Stream};
use jiff::Timestamp;
use sqlx::{PgPool, query_as, query_scalar};
use uuid::Uuid;

use crate::columns::{damaged, natural, position};
use crate::page::{Looked, Page, end_of_looking, page_of};

/// An advisor as the register has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvisorRow {
    /// Who it is.
    pub id: AdvisorId,
    /// What the register says.
    pub details: AdvisorDetails,
    /// Whether they may give advice.
    pub standing: Standing,
    /// Why they stand so; `None` where nothing ever changed it.
    pub standing_reason: Option<String>,
    /// When they were registered.
    pub registered_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

struct Record {
    id: Uuid,
    name: String,
    firm: String,
    regime: String,
    registration: Option<String>,
    language: String,
    currency: Option<String>,
    standing: String,
    standing_reason: Option<String>,
    registered_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for AdvisorRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let name = |text: &str| Name::parse(text).map_err(|error| sqlx::Error::Decode(Box::new(error)));
        let unknown = |what: &str, word: &str| damaged(format!("`{word}` is no {what}"));
        let currency = |code: &String| Currency::parse(code).map_err(|error| sqlx::Error::Decode(Box::new(error)));
        Ok(Self {
            id: AdvisorId::new(record.id),
            details: AdvisorDetails {
                name: name(&record.name)?,
                firm: name(&record.firm)?,
                regime: Regime::parse(&record.regime).ok_or_else(|| unknown("regime", &record.regime))?,
                registration: record.registration.as_deref().map(name).transpose()?,
                language: Language::parse(&record.language).ok_or_else(|| unknown("language", &record.language))?,
                currency: record.currency.as_ref().map(currency).transpose()?,
            },
            standing: Standing::parse(&record.standing).ok_or_else(|| unknown("standing", &record.standing))?,
            standing_reason: record.standing_reason,
            registered_at: record.registered_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// Which advisors are wanted: those that fit all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// This one alone.
    pub own: Option<AdvisorId>,
    /// Who stand so.
    pub standing: Option<Standing>,
    /// Who work under this regime.
    pub regime: Option<Regime>,
    /// Who work for this firm.
    pub firm: Option<Firm>,
    /// Whose name or firm contains this.
    pub search: Option<Sought>,
}

impl Filter {
    /// Whether the row is one of those.
    #[must_use]
    pub fn fits(&self, row: &AdvisorRow) -> bool {
        let contains = |name: &Name, part: &Sought| Sought::of(name.as_str()).contains(part);
        let (name, firm) = (&row.details.name, &row.details.firm);
        self.own.is_none_or(|own| own == row.id)
            && self.standing.is_none_or(|standing| standing == row.standing)
            && self.regime.is_none_or(|regime| regime == row.details.regime)
            && self.firm.as_ref().is_none_or(|one| *one == Firm::named(firm))
            && self.search.as_ref().is_none_or(|part| contains(name, part) || contains(firm, part))
    }
}

/// The advisor with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: AdvisorId) -> Result<Option<AdvisorRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, name, firm, regime, registration, language, currency, standing, standing_reason,
                  registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version, position
           FROM advisors WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?
    .map(AdvisorRow::try_from)
    .transpose()
}

/// Those of these advisors who work for the firm. At most [`PAGE_ROWS_MAX`](crate::PAGE_ROWS_MAX) are asked for.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn of_firm(
    pool: &PgPool,
    firm: &Firm,
    advisors: &BTreeSet<AdvisorId>,
) -> Result<BTreeSet<AdvisorId>, sqlx::Error> {
    let ids: Vec<Uuid> = advisors.iter().map(|advisor| advisor.uuid()).collect();
    let found =
        query_scalar!("SELECT id FROM advisors WHERE id = ANY($1::uuid[]) AND firm_key = $2", &ids, firm.as_str());
    Ok(found.fetch_all(pool).await?.into_iter().map(AdvisorId::new).collect())
}

/// A page of the advisors of whom this holds.
macro_rules! page_of_advisors {
    ($pool:expr, $page:expr, $which:tt, $($value:expr),* $(,)?) => {
        page_of!(
            Record,
            $pool,
            $page,
            r#"SELECT id, name, firm, regime, registration, language, currency, standing, standing_reason,
                      registered_at AS "registered_at: jiff_sqlx::Timestamp", created_position, version, position"#,
            " FROM advisors",
            $which,
            $($value),*
        )
    };
}

/// The advisors that fit the filter, in the page's order, as far as one request looks.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, filter: &Filter, page: Page) -> Result<Looked<AdvisorRow>, sqlx::Error> {
    let end = match filter.own {
        None => end_of_looking!(pool, page, *filter != Filter::default(), "FROM advisors", "")?,
        // One is found by its key.
        Some(_) => None,
    };
    let (first, last) = page.places(end);
    let (standing, regime) = (filter.standing.map(Standing::word), filter.regime.map(Regime::word));
    let (firm, search) = (filter.firm.as_ref().map(Firm::as_str), filter.search.as_ref().map(Sought::as_str));
    let records = match filter.own.map(AdvisorId::uuid) {
        Some(own) => page_of_advisors!(
            pool,
            page,
            r#"AND standing = COALESCE($3::text, standing) AND regime = COALESCE($4::text, regime)
                 AND firm_key = COALESCE($5::text, firm_key)
                 AND ($6::text IS NULL OR strpos(name_sought, $6) > 0 OR strpos(firm_sought, $6) > 0)
                 AND id = $7"#,
            standing,
            regime,
            firm,
            search,
            own
        ),
        None => page_of_advisors!(
            pool,
            page,
            r#"AND standing = COALESCE($3::text, standing) AND regime = COALESCE($4::text, regime)
                 AND firm_key = COALESCE($5::text, firm_key)
                 AND ($6::text IS NULL OR strpos(name_sought, $6) > 0 OR strpos(firm_sought, $6) > 0)
                 AND created_position BETWEEN $7 AND $8"#,
            standing,
            regime,
            firm,
            search,
            first,
            last
        ),
    };
    let rows = records?.into_iter().map(AdvisorRow::try_from).collect::<Result<Vec<_>, _>>()?;
    Looked::up_to(end, page, rows, |row| row.created_position)
}
