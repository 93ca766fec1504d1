//! Portfolios as they are now, and queries.

use events::portfolio::{Origin, Subscription};
use events::values::{AdvisorId, AssetId, Firm, Policy, PortfolioId, RebalancingRule, RiskClass};
use events::{Position, Stream};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sqlx::{PgPool, query_as, query_scalar};
use uuid::Uuid;

use crate::columns::{asset_id, damaged, natural, position, targets};
use crate::page::{PAGE_ROWS_MAX, Page, page_of};

/// Whether a portfolio is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Active,
    /// It is put aside.
    Archived,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 2] = [Self::Active, Self::Archived];

    /// The standing in one word: `active`, `archived`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// The standing with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// A portfolio as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct PortfolioRow {
    /// Which one.
    pub id: PortfolioId,
    /// Whose it is.
    pub advisor: AdvisorId,
    /// What it is called.
    pub name: String,
    /// In which currency it is kept: an ISO 4217 code.
    pub currency: String,
    /// Target weights as fractions, in the order of the assets' ids.
    pub allocation: Vec<(AssetId, Decimal)>,
    /// Limits of weights by asset, as events show them.
    pub limits: serde_json::Value,
    /// How it is kept.
    pub policy: Policy,
    /// What it was copied from.
    pub origin: Option<Origin>,
    /// The firm whose model it is.
    pub model_of: Option<String>,
    /// The model that it follows.
    pub subscription: Option<Subscription>,
    /// Whether it is in use.
    pub standing: Standing,
    /// When it was composed.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

struct Record {
    id: Uuid,
    advisor: Uuid,
    name: String,
    currency: String,
    assets: Vec<String>,
    weights: Vec<Decimal>,
    limits: serde_json::Value,
    rebalancing: String,
    benchmark: Option<String>,
    risk_class: Option<String>,
    standing: String,
    origin: Option<Uuid>,
    origin_version: Option<i64>,
    model_of: Option<String>,
    model: Option<Uuid>,
    model_version: Option<i64>,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for PortfolioRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let unknown = |what: &str, word: &str| damaged(format!("`{word}` is no {what}"));
        let rebalancing = RebalancingRule::parse(&record.rebalancing);
        let class = |word: &String| RiskClass::parse(word).ok_or_else(|| unknown("risk class", word));
        let origin = record.origin.zip(record.origin_version).map(|(portfolio, version)| {
            Ok::<_, sqlx::Error>(Origin { portfolio: PortfolioId::new(portfolio), version: natural(version)? })
        });
        let subscription = record.model.zip(record.model_version).map(|(model, version)| {
            Ok::<_, sqlx::Error>(Subscription { model: PortfolioId::new(model), version: natural(version)? })
        });
        Ok(Self {
            id: PortfolioId::new(record.id),
            advisor: AdvisorId::new(record.advisor),
            name: record.name,
            currency: record.currency,
            allocation: targets(&record.assets, record.weights)?,
            limits: record.limits,
            policy: Policy {
                rebalancing: rebalancing.ok_or_else(|| unknown("rebalancing rule", &record.rebalancing))?,
                benchmark: record.benchmark.as_deref().map(asset_id).transpose()?,
                risk_class: record.risk_class.as_ref().map(class).transpose()?,
            },
            origin: origin.transpose()?,
            model_of: record.model_of,
            subscription: subscription.transpose()?,
            standing: Standing::parse(&record.standing).ok_or_else(|| unknown("standing", &record.standing))?,
            created_at: record.created_at.to_jiff(),
            updated_at: record.updated_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// Which portfolios are wanted: those that fit all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this advisor.
    pub advisor: Option<AdvisorId>,
    /// That stand so.
    pub standing: Option<Standing>,
    /// That follow this model.
    pub model: Option<PortfolioId>,
}

impl Filter {
    /// Whether the row is one of those.
    #[must_use]
    pub fn fits(&self, row: &PortfolioRow) -> bool {
        self.advisor.is_none_or(|advisor| advisor == row.advisor)
            && self.standing.is_none_or(|standing| standing == row.standing)
            && self.model.is_none_or(|model| row.subscription.is_some_and(|followed| followed.model == model))
    }
}

/// A page of a list in the order of names, small and capital letters alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByName {
    /// Only those whose names begin so.
    pub prefix: String,
    /// Name and id of the last row of the page before; `None` for the first page.
    pub after: Option<(String, PortfolioId)>,
    /// How many rows at the most; more than [`PAGE_ROWS_MAX`] is taken as [`PAGE_ROWS_MAX`].
    pub limit: u32,
}

impl ByName {
    /// From where to where the names stand that begin so: a stretch of the index, to the prefix with the last of all
    /// characters behind it.
    pub(super) fn stretch(&self) -> (String, String) {
        let first = self.prefix.to_ascii_lowercase();
        let last = format!("{first}\u{10ffff}");
        (first, last)
    }

    /// Behind which place the page begins.
    pub(super) fn behind(&self) -> (String, Uuid) {
        match &self.after {
            Some((name, id)) => (name.to_ascii_lowercase(), id.uuid()),
            None => (String::new(), Uuid::nil()),
        }
    }
}

/// The portfolio with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: PortfolioId) -> Result<Option<PortfolioRow>, sqlx::Error> {
    let record = query_as!(
        Record,
        r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>", limits, rebalancing,
                  benchmark, risk_class, standing, origin, origin_version, model_of, model, model_version,
                  created_at AS "created_at: jiff_sqlx::Timestamp", updated_at AS "updated_at: jiff_sqlx::Timestamp",
                  created_position, version, position
           FROM portfolios WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?;
    record.map(PortfolioRow::try_from).transpose()
}

/// A page of the portfolios of which this holds.
macro_rules! page_of_portfolios {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        page_of!(
            Record,
            $pool,
            $page,
            r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>", limits, rebalancing,
                      benchmark, risk_class, standing, origin, origin_version, model_of, model, model_version,
                      created_at AS "created_at: jiff_sqlx::Timestamp", updated_at AS "updated_at: jiff_sqlx::Timestamp",
                      created_position, version, position
               FROM portfolios"#,
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
    let (advisor, standing) = (advisor.map(AdvisorId::uuid), standing.map(Standing::word));
    // One statement for each index: with `$1 IS NULL OR ...` a kept plan reads the whole table.
    let records = match (model.map(PortfolioId::uuid), advisor, standing) {
        (Some(model), advisor, standing) => page_of_portfolios!(
            pool,
            page,
            "AND model = $3 AND advisor = COALESCE($4::uuid, advisor) AND standing = COALESCE($5::text, standing)",
            model,
            advisor,
            standing
        ),
        (None, Some(advisor), Some(standing)) => {
            page_of_portfolios!(pool, page, "AND advisor = $3 AND standing = $4", advisor, standing)
        }
        (None, Some(advisor), None) => page_of_portfolios!(pool, page, "AND advisor = $3", advisor),
        (None, None, standing) => {
            page_of_portfolios!(pool, page, "AND standing = COALESCE($3::text, standing)", standing)
        }
    };
    records?.into_iter().map(PortfolioRow::try_from).collect()
}

/// The portfolios that fit the filter and whose names begin so, in the order of their names; whatever model they follow.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list_by_name(pool: &PgPool, filter: Filter, page: &ByName) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let (first, last) = page.stretch();
    let (after, after_id) = page.behind();
    let (standing, limit) = (filter.standing.map(Standing::word), i64::from(page.limit.min(PAGE_ROWS_MAX)));
    let records =
        match filter.advisor {
            Some(advisor) => query_as!(
                Record,
                r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>", limits, rebalancing,
                  benchmark, risk_class, standing, origin, origin_version, model_of, model, model_version,
                  created_at AS "created_at: jiff_sqlx::Timestamp", updated_at AS "updated_at: jiff_sqlx::Timestamp",
                  created_position, version, position
           FROM portfolios WHERE advisor = $1 AND sought >= $2 AND sought <= $3 AND (sought, id) > ($4, $5)
                 AND standing = COALESCE($6::text, standing)
           ORDER BY sought, id LIMIT $7"#,
                advisor.uuid(),
                first,
                last,
                after,
                after_id,
                standing,
                limit
            )
            .fetch_all(pool)
            .await?,
            None => query_as!(
                Record,
                r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>", limits, rebalancing,
                  benchmark, risk_class, standing, origin, origin_version, model_of, model, model_version,
                  created_at AS "created_at: jiff_sqlx::Timestamp", updated_at AS "updated_at: jiff_sqlx::Timestamp",
                  created_position, version, position
           FROM portfolios WHERE sought >= $1 AND sought <= $2 AND (sought, id) > ($3, $4)
                 AND standing = COALESCE($5::text, standing)
           ORDER BY sought, id LIMIT $6"#,
                first,
                last,
                after,
                after_id,
                standing,
                limit
            )
            .fetch_all(pool)
            .await?,
        };
    records.into_iter().map(PortfolioRow::try_from).collect()
}

/// The portfolios with these ids, in no order; at most [`PAGE_ROWS_MAX`].
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn some(pool: &PgPool, ids: &[PortfolioId]) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let records = query_as!(
        Record,
        r#"SELECT id, advisor, name, currency, assets, weights AS "weights: Vec<Decimal>", limits, rebalancing,
                  benchmark, risk_class, standing, origin, origin_version, model_of, model, model_version,
                  created_at AS "created_at: jiff_sqlx::Timestamp", updated_at AS "updated_at: jiff_sqlx::Timestamp",
                  created_position, version, position
           FROM portfolios WHERE id = ANY($1::uuid[]) LIMIT $2"#,
        &ids,
        i64::from(PAGE_ROWS_MAX)
    )
    .fetch_all(pool)
    .await?;
    records.into_iter().map(PortfolioRow::try_from).collect()
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
    /// Whose names contain this, small and capital letters alike.
    pub search: Option<String>,
}

impl ModelFilter {
    /// Whether the row is one of those, if it is one of the firm's.
    #[must_use]
    pub fn fits(&self, row: &PortfolioRow) -> bool {
        let contains = |sought: String| row.name.to_ascii_lowercase().contains(&sought);
        self.standing.is_none_or(|standing| standing == row.standing) && self.sought().is_none_or(contains)
    }

    fn sought(&self) -> Option<String> {
        self.search.as_ref().map(|search| search.to_ascii_lowercase())
    }
}

/// The models that fit the filter, in the page's order. A firm has few enough to look through them.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn models(pool: &PgPool, filter: &ModelFilter, page: Page) -> Result<Vec<PortfolioRow>, sqlx::Error> {
    let records = page_of_portfolios!(
        pool,
        page,
        "AND model_of_key = $3 AND standing = COALESCE($4::text, standing) AND strpos(sought, COALESCE($5::text, '')) > 0
             AND ($6 OR EXISTS (SELECT FROM advisors WHERE advisors.id = portfolios.advisor AND advisors.firm_key = $3))",
        filter.firm.as_str(),
        filter.standing.map(Standing::word),
        filter.sought(),
        filter.left_behind
    );
    records?.into_iter().map(PortfolioRow::try_from).collect()
}

/// Whether this advisor has models of this firm that are in use.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn keeps_models(pool: &PgPool, advisor: AdvisorId, firm: &Firm) -> Result<bool, sqlx::Error> {
    let one = query_scalar!(
        "SELECT id FROM portfolios WHERE model_of_key = $1 AND advisor = $2 AND standing = 'active' LIMIT 1",
        firm.as_str(),
        advisor.uuid()
    );
    Ok(one.fetch_optional(pool).await?.is_some())
}
