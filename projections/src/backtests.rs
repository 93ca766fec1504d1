//! Backtests that were recorded: what somebody was shown, and what it follows from.

use std::collections::BTreeMap;

use events::backtest::{BacktestEvent, BacktestRun};
use events::values::{AggregateId, BacktestId, PortfolioId};
use events::{AnyEvent, Position, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool, query, query_as};
use uuid::Uuid;

use crate::columns::{kept, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::page::{Page, page_of};
use crate::replay::Replays;

/// Backtests that a batch recorded.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<BacktestId, Recorded>);

#[derive(Debug)]
struct Recorded {
    run: Box<BacktestRun>,
    /// The same as the row keeps it.
    json: serde_json::Value,
    recorded_at: Timestamp,
    version: i64,
    position: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Backtest(BacktestEvent::Recorded(run)) = &applied.event else { return Ok(()) };
        let id = BacktestId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let json = serde_json::to_value(run).map_err(|error| FoldError::NotKept(error.to_string()))?;
        let (version, position) = (applied.version, applied.sequence);
        self.0.insert(id, Recorded { run: run.clone(), json, recorded_at: applied.time, version, position });
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let all = || self.0.values();
        let ids: Vec<Uuid> = self.0.keys().map(|id| id.uuid()).collect();
        let portfolios: Vec<Uuid> = all().map(|recorded| recorded.run.portfolio.uuid()).collect();
        let runs: Vec<&serde_json::Value> = all().map(|recorded| &recorded.json).collect();
        let times: Vec<_> = all().map(|recorded| recorded.recorded_at.to_sqlx()).collect();
        let versions: Vec<i64> = all().map(|recorded| recorded.version).collect();
        let positions: Vec<i64> = all().map(|recorded| recorded.position).collect();
        query!(
            "INSERT INTO backtests AS b (id, portfolio, run, recorded_at, created_position, version, position)
             SELECT id, portfolio, run, recorded_at, position, version, position
             FROM UNNEST($1::uuid[], $2::uuid[], $3::jsonb[], $4::timestamptz[], $5::bigint[], $6::bigint[])
                  AS c (id, portfolio, run, recorded_at, version, position)
             ON CONFLICT (id) DO UPDATE
             SET portfolio = excluded.portfolio, run = excluded.run, recorded_at = excluded.recorded_at,
                 version = excluded.version, position = excluded.position
             WHERE b.position < excluded.position",
            &ids,
            &portfolios,
            &runs as _,
            &times as _,
            &versions,
            &positions
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl Replays for Changed {
    type Row = BacktestRow;

    fn rows(self) -> Result<Vec<BacktestRow>, sqlx::Error> {
        let row = |(id, recorded): (BacktestId, Recorded)| {
            Ok(BacktestRow {
                id,
                portfolio: recorded.run.portfolio,
                run: recorded.json,
                recorded_at: kept(recorded.recorded_at),
                created_position: natural(recorded.position)?,
                version: natural(recorded.version)?,
                position: position(Stream::Advisory, recorded.position)?,
            })
        };
        self.0.into_iter().map(row).collect()
    }
}

/// A backtest that was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestRow {
    /// Which one.
    pub id: BacktestId,
    /// Of which portfolio.
    pub portfolio: PortfolioId,
    /// All that it follows from and what was shown, as the event has it.
    pub run: serde_json::Value,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

struct Record {
    id: Uuid,
    portfolio: Uuid,
    run: serde_json::Value,
    recorded_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for BacktestRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: BacktestId::new(record.id),
            portfolio: PortfolioId::new(record.portfolio),
            run: record.run,
            recorded_at: record.recorded_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// The backtest with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: BacktestId) -> Result<Option<BacktestRow>, sqlx::Error> {
    let record = query_as!(
        Record,
        r#"SELECT id, portfolio, run, recorded_at AS "recorded_at: jiff_sqlx::Timestamp", created_position, version,
                  position
           FROM backtests WHERE id = $1"#,
        id.uuid()
    )
    .fetch_optional(pool)
    .await?;
    record.map(BacktestRow::try_from).transpose()
}

/// The recorded backtests of a portfolio, in the page's order.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn list(pool: &PgPool, portfolio: PortfolioId, page: Page) -> Result<Vec<BacktestRow>, sqlx::Error> {
    let records = page_of!(
        Record,
        pool,
        page,
        r#"SELECT id, portfolio, run, recorded_at AS "recorded_at: jiff_sqlx::Timestamp", created_position, version,
                  position"#,
        " FROM backtests",
        "AND portfolio = $3",
        portfolio.uuid()
    );
    records?.into_iter().map(BacktestRow::try_from).collect()
}
