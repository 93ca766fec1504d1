//! Recommendations as they are read.

use events::recommendation::{Letter, Standing};
use events::values::{AdvisorId, AssetId, ClientId, PortfolioId, RecommendationId};
use events::{Position, Stream};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, query_as};
use uuid::Uuid;

use crate::columns::{natural, position, targets};
use crate::page::{Page, page_of};

/// What is said of a letter that is not to be sent: the advice was refused, or ceased to stand before it had left.
pub const NO_LETTER: &str = "none";

/// A recommendation as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationRow {
    /// Which one.
    pub id: RecommendationId,
    /// Which portfolio was recommended.
    pub portfolio: PortfolioId,
    /// Which version of it.
    pub portfolio_version: u64,
    /// What the portfolio was called then.
    pub portfolio_name: String,
    /// To whom it was recommended.
    pub client: ClientId,
    /// By whom.
    pub advisor: AdvisorId,
    /// In which currency the portfolio is kept: an ISO 4217 code.
    pub currency: String,
    /// Target weights then, as fractions, in the order of the assets' ids.
    pub allocation: Vec<(AssetId, Decimal)>,
    /// Why, in words for the client.
    pub rationale: String,
    /// The figures that the advice rests on, as the event has them.
    pub figures: serde_json::Value,
    /// What else it comes with, as the event has it.
    pub terms: serde_json::Value,
    /// The gates that stayed shut, as the event has them; none where it was made.
    pub gates: serde_json::Value,
    /// How the advice stands: `open`, `refused`, `withdrawn`, `superseded` or `expired`.
    pub standing: String,
    /// Why compliance let it go out, or why it was taken back.
    pub standing_reason: Option<String>,
    /// What took its place.
    pub superseded_by: Option<RecommendationId>,
    /// Who let it out, where gates had stayed shut.
    pub overridden: Option<Overridden>,
    /// How the letter stands: `due`, `claimed`, `sent`, `failed` or `outcome unknown`; [`NO_LETTER`] where none is to be sent.
    pub letter: String,
    /// Attempts to send the letter, the one under way included.
    pub attempts: u32,
    /// When it was recommended.
    pub made_at: Timestamp,
    /// When the letter was taken by the mail server.
    pub emailed_at: Option<Timestamp>,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

/// That refused advice was let out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden {
    /// Why.
    pub reason: String,
    /// Who did it, as events name actors.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Which recommendations are wanted: those that fit all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// By this advisor.
    pub advisor: Option<AdvisorId>,
    /// Of this portfolio.
    pub portfolio: Option<PortfolioId>,
    /// To this client.
    pub client: Option<ClientId>,
    /// That stand so.
    pub standing: Option<Standing>,
}

impl Filter {
    /// Whether the row is one of those.
    #[must_use]
    pub fn fits(&self, row: &RecommendationRow) -> bool {
        self.advisor.is_none_or(|advisor| advisor == row.advisor)
            && self.portfolio.is_none_or(|portfolio| portfolio == row.portfolio)
            && self.client.is_none_or(|client| client == row.client)
            && self.standing.is_none_or(|standing| standing.word() == row.standing)
    }
}

struct Record {
    id: Uuid,
    portfolio: Uuid,
    portfolio_version: i64,
    portfolio_name: String,
    client: Uuid,
    advisor: Uuid,
    currency: String,
    assets: Vec<String>,
    weights: Vec<Decimal>,
    rationale: String,
    figures: serde_json::Value,
    terms: serde_json::Value,
    gates: serde_json::Value,
    standing: String,
    standing_reason: Option<String>,
    superseded_by: Option<Uuid>,
    overridden: Option<serde_json::Value>,
    letter: String,
    attempts: i64,
    made_at: jiff_sqlx::Timestamp,
    emailed_at: Option<jiff_sqlx::Timestamp>,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for RecommendationRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let overridden = record.overridden.map(serde_json::from_value).transpose();
        let is_open = record.standing == Standing::Open.word();
        Ok(Self {
            id: RecommendationId::new(record.id),
            portfolio: PortfolioId::new(record.portfolio),
            portfolio_version: natural(record.portfolio_version)?,
            portfolio_name: record.portfolio_name,
            client: ClientId::new(record.client),
            advisor: AdvisorId::new(record.advisor),
            currency: record.currency,
            allocation: targets(&record.assets, record.weights)?,
            rationale: record.rationale,
            figures: record.figures,
            terms: record.terms,
            gates: record.gates,
            standing: record.standing,
            standing_reason: record.standing_reason,
            superseded_by: record.superseded_by.map(RecommendationId::new),
            overridden: overridden.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            letter: letter_of(record.letter, is_open),
            attempts: u32::try_from(record.attempts).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            made_at: record.made_at.to_jiff(),
            emailed_at: record.emailed_at.map(jiff_sqlx::Timestamp::to_jiff),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// How a letter stands, of advice that is open or not. Advice that was refused can still be let out: then its letter is due.
pub(super) fn letter_of(letter: String, is_open: bool) -> String {
    let is_due = letter == Letter::Due { attempts: 0 }.word();
    if is_due && !is_open { NO_LETTER.to_owned() } else { letter }
}

/// The recommendation with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: RecommendationId) -> Result<Option<RecommendationRow>, sqlx::Error> {
    let record = query_as!(
        Record,
        r#"SELECT id, portfolio, portfolio_version, portfolio_name, client, advisor, currency, assets,
                  weights AS "weights: Vec<Decimal>", rationale, figures, terms, gates, standing, standing_reason,
                  superseded_by, overridden, letter, attempts, made_at AS "made_at: jiff_sqlx::Timestamp",
                  emailed_at AS "emailed_at: jiff_sqlx::Timestamp", created_position, version, position
           FROM recommendations WHERE id = $1"#,
        id.uuid()
    );
    record.fetch_optional(pool).await?.map(RecommendationRow::try_from).transpose()
}

/// Whose a recommendation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    /// By whom it is.
    pub advisor: AdvisorId,
    /// To whom.
    pub client: ClientId,
    /// In whose care the client is, or was at last, as far as the read model of clients knows.
    pub carer: Option<AdvisorId>,
}

/// Whose the recommendation is. One question, whether there is such a recommendation or not.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn parties(pool: &PgPool, id: RecommendationId) -> Result<Option<Parties>, sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT r.advisor, r.client, c.advisor AS "carer?"
           FROM recommendations r LEFT JOIN clients c ON c.id = r.client WHERE r.id = $1"#,
        id.uuid()
    );
    let row = row.fetch_optional(pool).await?;
    Ok(row.map(|row| Parties {
        advisor: AdvisorId::new(row.advisor),
        client: ClientId::new(row.client),
        carer: row.carer.map(AdvisorId::new),
    }))
}

/// A page of the recommendations of which this holds.
macro_rules! page_of_recommendations {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        page_of!(
            Record,
            $pool,
            $page,
            r#"SELECT id, portfolio, portfolio_version, portfolio_name, client, advisor, currency, assets,
                      weights AS "weights: Vec<Decimal>", rationale, figures, terms, gates, standing, standing_reason,
                      superseded_by, overridden, letter, attempts, made_at AS "made_at: jiff_sqlx::Timestamp",
                      emailed_at AS "emailed_at: jiff_sqlx::Timestamp", created_position, version, position"#,
            " FROM recommendations",
            $which
            $(, $value)*
        )
    };
}

/// The recommendations that fit the filter, in the page's order: that in which they were made, or the other way round.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, filter: Filter, page: Page) -> Result<Vec<RecommendationRow>, sqlx::Error> {
    let Filter { advisor, portfolio, client, standing } = filter;
    let (advisor, client) = (advisor.map(AdvisorId::uuid), client.map(ClientId::uuid));
    let standing = standing.map(Standing::word);
    // One statement for each index: with `$1 IS NULL OR ...` a kept plan reads the whole table. A client has few enough
    // recommendations to look through them, and few portfolios change hands.
    let records = match (portfolio.map(PortfolioId::uuid), client, advisor, standing) {
        (portfolio, Some(client), advisor, standing) => page_of_recommendations!(
            pool,
            page,
            "AND client = $3 AND portfolio = COALESCE($4::uuid, portfolio) AND advisor = COALESCE($5::uuid, advisor)
                 AND standing = COALESCE($6::text, standing)",
            client,
            portfolio,
            advisor,
            standing
        ),
        (Some(portfolio), None, advisor, Some(standing)) => page_of_recommendations!(
            pool,
            page,
            "AND portfolio = $3 AND standing = $4
                 AND advisor = COALESCE($5::uuid, advisor)",
            portfolio,
            standing,
            advisor
        ),
        (Some(portfolio), None, advisor, None) => page_of_recommendations!(
            pool,
            page,
            "AND portfolio = $3
                 AND advisor = COALESCE($4::uuid, advisor)",
            portfolio,
            advisor
        ),
        (None, None, Some(advisor), Some(standing)) => {
            page_of_recommendations!(pool, page, "AND advisor = $3 AND standing = $4", advisor, standing)
        }
        (None, None, Some(advisor), None) => page_of_recommendations!(pool, page, "AND advisor = $3", advisor),
        // These indexes are of one standing each, so the statement has to say which.
        (None, None, None, Some(_)) => match filter.standing {
            Some(Standing::Open) => page_of_recommendations!(pool, page, "AND standing = 'open'"),
            Some(Standing::Refused) => page_of_recommendations!(pool, page, "AND standing = 'refused'"),
            Some(Standing::Withdrawn) => page_of_recommendations!(pool, page, "AND standing = 'withdrawn'"),
            Some(Standing::Superseded) => page_of_recommendations!(pool, page, "AND standing = 'superseded'"),
            Some(Standing::Expired) => page_of_recommendations!(pool, page, "AND standing = 'expired'"),
            None => page_of_recommendations!(pool, page, ""),
        },
        (None, None, None, None) => page_of_recommendations!(pool, page, ""),
    };
    records?.into_iter().map(RecommendationRow::try_from).collect()
}
