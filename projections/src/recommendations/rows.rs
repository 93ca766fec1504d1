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
use crate::page::{Looked, Page, end_of_looking, page_of, page_of_each};

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

/// What this macro makes of the columns of a row: sqlx reads statements from literals alone.
macro_rules! recommendations {
    ($of:ident, $pool:expr, $page:expr, $($rest:tt)*) => {
        $of!(
            Record,
            $pool,
            $page,
            r#"SELECT id AS "id!", portfolio AS "portfolio!", portfolio_version AS "portfolio_version!",
                      portfolio_name AS "portfolio_name!", client AS "client!", advisor AS "advisor!",
                      currency AS "currency!", assets AS "assets!", weights AS "weights!: Vec<Decimal>",
                      rationale AS "rationale!", figures AS "figures!", terms AS "terms!", gates AS "gates!",
                      standing AS "standing!", standing_reason, superseded_by, overridden, letter AS "letter!",
                      attempts AS "attempts!", made_at AS "made_at!: jiff_sqlx::Timestamp",
                      emailed_at AS "emailed_at: jiff_sqlx::Timestamp", created_position AS "created_position!",
                      version AS "version!", position AS "position!""#,
            $($rest)*
        )
    };
}

/// A page of the recommendations of which this holds.
macro_rules! page_of_one {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        recommendations!(page_of, $pool, $page, " FROM recommendations", $which $(, $value)*)
    };
}

/// As [`page_of_one`], however they stand, where an index has them by how they do.
macro_rules! page_of_all {
    ($pool:expr, $page:expr, $which:tt $(, $value:expr)* $(,)?) => {
        recommendations!(
            page_of_each,
            $pool,
            $page,
            "FROM recommendations",
            [
                " WHERE standing = 'open'",
                " WHERE standing = 'refused'",
                " WHERE standing = 'withdrawn'",
                " WHERE standing = 'superseded'",
                " WHERE standing = 'expired'"
            ],
            $which
            $(, $value)*
        )
    };
}

/// The recommendations that fit the filter, in the page's order: that in which they were made, or the other way round. One
/// client's that are of a portfolio, or stand so, are looked for among all of theirs, as far as one request looks; all others
/// have an index, and a page is short only where the list ends.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, filter: Filter, page: Page) -> Result<Looked<RecommendationRow>, sqlx::Error> {
    let Filter { advisor, portfolio, client, standing } = filter;
    if let Some(client) = client {
        return list_of_client(pool, client, filter, page).await;
    }
    let word = standing.map(Standing::word);
    // One statement for each index: with `$1 IS NULL OR ...` a kept plan reads the whole table. Portfolios change hands, so
    // what an advisor recommended of one is found by both.
    let records = match (portfolio.map(PortfolioId::uuid), advisor.map(AdvisorId::uuid), standing) {
        (Some(portfolio), Some(advisor), Some(_)) => {
            page_of_one!(pool, page, "AND portfolio = $3 AND advisor = $4 AND standing = $5", portfolio, advisor, word)
        }
        (Some(portfolio), Some(advisor), None) => {
            page_of_all!(pool, page, "AND portfolio = $3 AND advisor = $4", portfolio, advisor)
        }
        (Some(portfolio), None, Some(_)) => {
            page_of_one!(pool, page, "AND portfolio = $3 AND standing = $4", portfolio, word)
        }
        (Some(portfolio), None, None) => page_of_all!(pool, page, "AND portfolio = $3", portfolio),
        (None, Some(advisor), Some(_)) => {
            page_of_one!(pool, page, "AND advisor = $3 AND standing = $4", advisor, word)
        }
        (None, Some(advisor), None) => page_of_all!(pool, page, "AND advisor = $3", advisor),
        // These indexes are of one standing each, so the statement has to say which.
        (None, None, Some(Standing::Open)) => page_of_one!(pool, page, "AND standing = 'open'"),
        (None, None, Some(Standing::Refused)) => page_of_one!(pool, page, "AND standing = 'refused'"),
        (None, None, Some(Standing::Withdrawn)) => page_of_one!(pool, page, "AND standing = 'withdrawn'"),
        (None, None, Some(Standing::Superseded)) => page_of_one!(pool, page, "AND standing = 'superseded'"),
        (None, None, Some(Standing::Expired)) => page_of_one!(pool, page, "AND standing = 'expired'"),
        (None, None, None) => page_of_one!(pool, page, ""),
    };
    looked(None, page, records?)
}

/// As [`list`], of the recommendations to this client: all, or those by one advisor.
async fn list_of_client(
    pool: &PgPool,
    client: ClientId,
    Filter { advisor, portfolio, standing, .. }: Filter,
    page: Page,
) -> Result<Looked<RecommendationRow>, sqlx::Error> {
    let client = client.uuid();
    let advisor = advisor.map(AdvisorId::uuid);
    let end = match (advisor, portfolio, standing) {
        // Nothing is left out.
        (_, None, None) => None,
        (Some(advisor), _, _) => end_of_looking!(
            pool,
            page,
            true,
            "FROM recommendations",
            "AND client = $3 AND advisor = $4",
            client,
            advisor
        )?,
        (None, _, _) => end_of_looking!(pool, page, true, "FROM recommendations", "AND client = $3", client)?,
    };
    let (first, last) = page.places(end);
    let (portfolio, standing) = (portfolio.map(PortfolioId::uuid), standing.map(Standing::word));
    let records = match advisor {
        Some(advisor) => page_of_one!(
            pool,
            page,
            "AND client = $3 AND created_position BETWEEN $4 AND $5 AND portfolio = COALESCE($6::uuid, portfolio)
                 AND standing = COALESCE($7::text, standing) AND advisor = $8",
            client,
            first,
            last,
            portfolio,
            standing,
            advisor
        ),
        None => page_of_one!(
            pool,
            page,
            "AND client = $3 AND created_position BETWEEN $4 AND $5 AND portfolio = COALESCE($6::uuid, portfolio)
                 AND standing = COALESCE($7::text, standing)",
            client,
            first,
            last,
            portfolio,
            standing
        ),
    };
    looked(end, page, records?)
}

fn looked(end: Option<i64>, page: Page, records: Vec<Record>) -> Result<Looked<RecommendationRow>, sqlx::Error> {
    let rows = records.into_iter().map(RecommendationRow::try_from).collect::<Result<Vec<_>, _>>()?;
    Looked::up_to(end, page, rows, |row| row.created_position)
}
