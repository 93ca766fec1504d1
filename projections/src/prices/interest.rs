//! What cash earns, and from which position that is known.

use std::collections::BTreeMap;

use analytics::cash::Interest;
use events::values::AssetId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use sqlx::{PgConnection, PgPool, query};

use super::AsOf;
use crate::assets::listed_as_cash;
use crate::columns::natural;

#[derive(Debug)]
pub(super) struct Row {
    pub asset: AssetId,
    pub position: i64,
    pub known_at: Timestamp,
    pub from: Date,
    pub rate: Decimal,
}

/// What is known of an asset that is cash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cash {
    /// The sequence of the last event that has a part in this: of its listing, or of its interest.
    pub position: u64,
    /// Annual rates as fractions, by the day from whose end on each is earned until the next.
    pub rates: BTreeMap<Date, Decimal>,
}

impl Cash {
    /// The same for computations.
    pub(crate) fn interest(&self) -> Interest {
        Interest::new(self.rates.iter().map(|(from, rate)| (*from, rate.to_f64().unwrap_or(f64::NAN))))
    }
}

pub(super) async fn write(rows: &[Row], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let assets: Vec<&str> = rows.iter().map(|row| row.asset.as_str()).collect();
    let positions: Vec<i64> = rows.iter().map(|row| row.position).collect();
    let known: Vec<_> = rows.iter().map(|row| row.known_at.to_sqlx()).collect();
    let from: Vec<_> = rows.iter().map(|row| row.from.to_sqlx()).collect();
    let rates: Vec<Decimal> = rows.iter().map(|row| row.rate).collect();
    query!(
        "INSERT INTO cash_interest (asset, position, known_at, from_day, rate)
         SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::timestamptz[], $4::date[], $5::numeric[])
         ON CONFLICT (asset, position) DO NOTHING",
        &assets as _,
        &positions,
        &known as _,
        &from as _,
        &rates
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What is known of the asset, or was known then, if it is cash.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn interest(pool: &PgPool, id: &AssetId, as_of: AsOf) -> Result<Option<Cash>, sqlx::Error> {
    let Some(listed) = listed_as_cash(pool, id, as_of).await? else { return Ok(None) };
    let (sequence, time) = as_of.bounds();
    let rows = query!(
        r#"SELECT position, from_day AS "from_day: jiff_sqlx::Date", rate FROM cash_interest
           WHERE asset = $1 AND position <= COALESCE($2::bigint, position)
             AND known_at <= COALESCE($3::timestamptz, known_at)
           ORDER BY position"#,
        id.as_str(),
        sequence,
        time.map(ToSqlx::to_sqlx) as _
    )
    .fetch_all(pool)
    .await?;
    let mut cash = Cash { position: listed, rates: BTreeMap::new() };
    for row in rows {
        // Of two for one day the later position counts, and it comes later.
        cash.rates.insert(row.from_day.to_jiff(), row.rate);
        cash.position = natural(row.position)?;
    }
    Ok(Some(cash))
}
