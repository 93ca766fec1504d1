//! Prices: closing prices by asset and day, as they came.

use std::collections::BTreeMap;

use events::asset::AssetEvent;
use events::values::{AggregateId, AssetId};
use events::{AnyEvent, Position, Stream};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool, query};

use crate::columns::{asset_id, damaged, natural, number_array};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Chunks of prices that a batch brought.
#[derive(Debug, Default)]
pub struct Priced(Vec<Chunk>);

#[derive(Debug)]
struct Chunk {
    asset: AssetId,
    position: i64,
    first_day: Date,
    last_day: Date,
    days: String,
    closes: String,
}

impl Changes for Priced {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Asset(event) = &applied.event else { return Ok(()) };
        let asset = AssetId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        match event {
            AssetEvent::Listed { .. } => {}
            AssetEvent::Priced { bars, .. } => {
                let bars = bars.as_slice();
                let (Some((first_day, _)), Some((last_day, _))) = (bars.first(), bars.last()) else { return Ok(()) };
                self.0.push(Chunk {
                    asset,
                    position: applied.sequence,
                    first_day: *first_day,
                    last_day: *last_day,
                    days: number_array(bars.iter().map(|(day, _)| day_number(*day))),
                    closes: number_array(bars.iter().map(|(_, close)| close)),
                });
            }
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let assets: Vec<&str> = self.0.iter().map(|chunk| chunk.asset.as_str()).collect();
        let positions: Vec<i64> = self.0.iter().map(|chunk| chunk.position).collect();
        let first: Vec<_> = self.0.iter().map(|chunk| chunk.first_day.to_sqlx()).collect();
        let last: Vec<_> = self.0.iter().map(|chunk| chunk.last_day.to_sqlx()).collect();
        let days: Vec<&str> = self.0.iter().map(|chunk| chunk.days.as_str()).collect();
        let closes: Vec<&str> = self.0.iter().map(|chunk| chunk.closes.as_str()).collect();
        query!(
            "INSERT INTO price_chunks (asset, position, first_day, last_day, days, closes)
             SELECT asset, position, first_day, last_day, days::integer[], closes::numeric[]
             FROM UNNEST($1::text[], $2::bigint[], $3::date[], $4::date[], $5::text[], $6::text[])
                  AS c (asset, position, first_day, last_day, days, closes)
             ON CONFLICT (asset, position) DO NOTHING",
            &assets as _,
            &positions,
            &first as _,
            &last as _,
            &days as _,
            &closes as _
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Closing prices of some assets over one span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closes {
    /// Days ascending, each with its close in the asset's currency. An asset without prices in the span is not there.
    pub series: BTreeMap<AssetId, Vec<(Date, Decimal)>>,
    /// Where the last event stands whose prices are among them: the same prices have the same position, whatever else
    /// has happened since. 0 where there are no prices.
    pub position: Position,
}

/// The closing prices of these assets from one day to another, both included; `None` leaves an end open.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn closes(
    pool: &PgPool,
    assets: &[AssetId],
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Closes, sqlx::Error> {
    let texts: Vec<&str> = assets.iter().map(AssetId::as_str).collect();
    let chunks = query!(
        r#"SELECT asset, position, days, closes AS "closes: Vec<Decimal>" FROM price_chunks
           WHERE asset = ANY($1::text[]) AND last_day >= COALESCE($2::date, last_day)
                 AND first_day <= COALESCE($3::date, first_day)
           ORDER BY asset, position"#,
        &texts as _,
        from.map(ToSqlx::to_sqlx) as _,
        to.map(ToSqlx::to_sqlx) as _
    )
    .fetch_all(pool)
    .await?;
    let span = from.map_or(i32::MIN, day_number)..=to.map_or(i32::MAX, day_number);
    let mut series: BTreeMap<AssetId, Vec<(i32, Decimal)>> = BTreeMap::new();
    let mut position = Position { stream: Stream::Market, sequence: 0 };
    for chunk in chunks {
        if chunk.days.len() != chunk.closes.len() {
            return Err(damaged(format!(
                "{} days of `{}` have {} closes",
                chunk.days.len(),
                chunk.asset,
                chunk.closes.len()
            )));
        }
        let bars = chunk.days.into_iter().zip(chunk.closes).filter(|(day, _)| span.contains(day));
        let known = series.entry(asset_id(&chunk.asset)?).or_default();
        let before = known.len();
        known.extend(bars);
        if known.len() > before {
            position.sequence = position.sequence.max(natural(chunk.position)?);
        }
    }
    series.retain(|_, bars| !bars.is_empty());
    let series =
        series.into_iter().map(|(asset, bars)| Ok((asset, in_order(bars)?))).collect::<Result<_, sqlx::Error>>()?;
    Ok(Closes { series, position })
}

/// The bars by day; of two for one day the later event's, as in the asset's own fold.
fn in_order(mut bars: Vec<(i32, Decimal)>) -> Result<Vec<(Date, Decimal)>, sqlx::Error> {
    if !bars.is_sorted_by(|a, b| a.0 < b.0) {
        // Later events come first, so that they are the ones that stay.
        bars.reverse();
        bars.sort_by_key(|(day, _)| *day);
        bars.dedup_by_key(|(day, _)| *day);
    }
    bars.into_iter().map(|(day, close)| Ok((date(day)?, close))).collect()
}

/// Days since 1970-01-01.
fn day_number(day: Date) -> i32 {
    (day - EPOCH).get_days()
}

fn date(day_number: i32) -> Result<Date, sqlx::Error> {
    EPOCH.checked_add(i64::from(day_number).days()).map_err(|_| damaged(format!("{day_number} is no day")))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::in_order;

    #[test]
    fn of_two_prices_for_a_day_the_later_event_stays() {
        let bars = vec![
            (1, "10".parse().unwrap()),
            (3, "30".parse().unwrap()),
            (1, "11".parse().unwrap()),
            (2, "20".parse().unwrap()),
        ];
        let expected = vec![
            (date(1970, 1, 2), "11".parse().unwrap()),
            (date(1970, 1, 3), "20".parse().unwrap()),
            (date(1970, 1, 4), "30".parse().unwrap()),
        ];
        assert_eq!(in_order(bars).unwrap(), expected);
    }
}
