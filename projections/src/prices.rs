//! Prices: bars and corporate actions by asset, and what cash earns, each with the position from which it is known.

mod history;
mod interest;

use std::collections::BTreeMap;

use events::asset::AssetEvent;
use events::stored::bars_to_bytes;
use events::values::{AggregateId, AssetId, Bar, Name};
use events::{AnyEvent, Position, Stream};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool, query};

use crate::incoming::Applied;
use crate::model::{Changes, FoldError};

pub use history::{Action, ActionKind, AsOf, BarRow, History, SeriesError, TotalReturnCloses, Unfit, histories};
pub use interest::{Cash, interest};

/// What a batch brought: chunks of bars, corporate actions, and rates of interest.
#[derive(Debug, Default)]
pub struct Priced {
    chunks: Vec<Chunk>,
    actions: Vec<ActionRow>,
    interest: Vec<interest::Row>,
}

#[derive(Debug)]
struct Chunk {
    asset: AssetId,
    position: i64,
    known_at: Timestamp,
    source: String,
    basis: Option<&'static str>,
    first_day: Date,
    last_day: Date,
    days: i32,
    bars: Vec<u8>,
}

#[derive(Debug)]
struct ActionRow {
    asset: AssetId,
    position: i64,
    known_at: Timestamp,
    source: String,
    day: Date,
    kind: ActionKind,
    /// None where the action is withdrawn.
    amount: Option<Decimal>,
    old_units: Option<Decimal>,
}

impl Changes for Priced {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Asset(event) = &applied.event else { return Ok(()) };
        let asset = AssetId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        match event {
            AssetEvent::Listed(_)
            | AssetEvent::Edited { .. }
            | AssetEvent::Rated { .. }
            | AssetEvent::Delisted { .. }
            | AssetEvent::Confirmed { .. } => {}
            AssetEvent::Priced { source, basis, bars } => {
                self.chunk(applied, asset, source, Some(basis.word()), bars.as_slice())?;
            }
            AssetEvent::Corrected { source, corrections, .. } => {
                let bars: Vec<Bar> = corrections.iter().map(|correction| correction.is).collect();
                self.chunk(applied, asset, source, None, &bars)?;
            }
            AssetEvent::Split { source, date, ratio, .. } => {
                let (amount, old_units) = (ratio.new_units(), Some(ratio.old_units()));
                self.action(applied, asset, source, (*date, ActionKind::Split), Some(amount), old_units);
            }
            AssetEvent::Dividend { source, ex_date, kind, payment, .. } => {
                self.action(applied, asset, source, (*ex_date, (*kind).into()), Some(payment.amount()), None);
            }
            AssetEvent::SplitWithdrawn { source, date, .. } => {
                self.action(applied, asset, source, (*date, ActionKind::Split), None, None);
            }
            AssetEvent::InterestSet { from, rate, .. } => self.interest.push(interest::Row {
                asset,
                position: applied.sequence,
                known_at: applied.time,
                from: *from,
                rate: rate.value(),
            }),
            AssetEvent::PaymentWithdrawn { source, ex_date, kind, .. } => {
                self.action(applied, asset, source, (*ex_date, (*kind).into()), None, None);
            }
        }
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        write_chunks(&self.chunks, connection).await?;
        write_actions(&self.actions, connection).await?;
        interest::write(&self.interest, connection).await
    }
}

impl Priced {
    fn chunk(
        &mut self,
        applied: &Applied,
        asset: AssetId,
        source: &Name,
        basis: Option<&'static str>,
        bars: &[Bar],
    ) -> Result<(), FoldError> {
        let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return Ok(()) };
        self.chunks.push(Chunk {
            asset,
            position: applied.sequence,
            known_at: applied.time,
            source: source.as_str().to_owned(),
            basis,
            first_day: first.date,
            last_day: last.date,
            days: i32::try_from(bars.len()).map_err(|_| FoldError::NotKept("so many bars".to_owned()))?,
            bars: bars_to_bytes(bars),
        });
        Ok(())
    }

    fn action(
        &mut self,
        applied: &Applied,
        asset: AssetId,
        source: &Name,
        (day, kind): (Date, ActionKind),
        amount: Option<Decimal>,
        old_units: Option<Decimal>,
    ) {
        self.actions.push(ActionRow {
            asset,
            position: applied.sequence,
            known_at: applied.time,
            source: source.as_str().to_owned(),
            day,
            kind,
            amount,
            old_units,
        });
    }
}

async fn write_chunks(chunks: &[Chunk], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if chunks.is_empty() {
        return Ok(());
    }
    let assets: Vec<&str> = chunks.iter().map(|chunk| chunk.asset.as_str()).collect();
    let positions: Vec<i64> = chunks.iter().map(|chunk| chunk.position).collect();
    let known: Vec<_> = chunks.iter().map(|chunk| chunk.known_at.to_sqlx()).collect();
    let sources: Vec<&str> = chunks.iter().map(|chunk| chunk.source.as_str()).collect();
    let bases: Vec<Option<&str>> = chunks.iter().map(|chunk| chunk.basis).collect();
    let first: Vec<_> = chunks.iter().map(|chunk| chunk.first_day.to_sqlx()).collect();
    let last: Vec<_> = chunks.iter().map(|chunk| chunk.last_day.to_sqlx()).collect();
    let days: Vec<i32> = chunks.iter().map(|chunk| chunk.days).collect();
    let bars: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.bars.as_slice()).collect();
    query!(
        "INSERT INTO price_chunks (asset, position, known_at, source, basis, first_day, last_day, days, bars)
         SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::date[],
                              $7::date[], $8::integer[], $9::bytea[])
         ON CONFLICT (asset, position) DO NOTHING",
        &assets as _,
        &positions,
        &known as _,
        &sources as _,
        &bases as _,
        &first as _,
        &last as _,
        &days,
        &bars as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_actions(actions: &[ActionRow], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if actions.is_empty() {
        return Ok(());
    }
    let assets: Vec<&str> = actions.iter().map(|action| action.asset.as_str()).collect();
    let positions: Vec<i64> = actions.iter().map(|action| action.position).collect();
    let known: Vec<_> = actions.iter().map(|action| action.known_at.to_sqlx()).collect();
    let sources: Vec<&str> = actions.iter().map(|action| action.source.as_str()).collect();
    let days: Vec<_> = actions.iter().map(|action| action.day.to_sqlx()).collect();
    let kinds: Vec<&str> = actions.iter().map(|action| action.kind.word()).collect();
    let amounts: Vec<Option<Decimal>> = actions.iter().map(|action| action.amount).collect();
    let old_units: Vec<Option<Decimal>> = actions.iter().map(|action| action.old_units).collect();
    query!(
        "INSERT INTO corporate_actions (asset, position, known_at, source, day, kind, amount, old_units)
         SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::date[], $6::text[],
                              $7::numeric[], $8::numeric[])
         ON CONFLICT (asset, position) DO NOTHING",
        &assets as _,
        &positions,
        &known as _,
        &sources as _,
        &days as _,
        &kinds as _,
        &amounts as _,
        &old_units as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Closing prices of some assets over one span of days.
#[derive(Debug, Clone, PartialEq)]
pub struct Closes {
    /// Days ascending, each with its close in the asset's currency. Their changes are total returns: where the source did
    /// not adjust for splits and payments, it is done here. An asset without prices in the span is not there.
    pub series: BTreeMap<AssetId, Vec<(Date, Decimal)>>,
    /// Days of assets that have prices and no such close, and why.
    pub unfit: BTreeMap<AssetId, Unfit>,
    /// Where the last event stands that has a part in them: the same prices have the same position, whatever else has
    /// happened since. 0 where there are no prices.
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
    closes_as_of(pool, assets, from, to, AsOf::Now).await
}

/// As [`closes`], with what was known then.
///
/// # Errors
/// As [`closes`].
pub async fn closes_as_of(
    pool: &PgPool,
    assets: &[AssetId],
    from: Option<Date>,
    to: Option<Date>,
    as_of: AsOf,
) -> Result<Closes, sqlx::Error> {
    let mut position = Position { stream: Stream::Market, sequence: 0 };
    let (mut series, mut unfit) = (BTreeMap::new(), BTreeMap::new());
    for (asset, history) in histories(pool, assets, from, to, as_of).await? {
        position.sequence = position.sequence.max(history.position.sequence);
        let found = history.total_return_closes();
        if let Some(why) = found.unfit {
            unfit.insert(asset.clone(), why);
        }
        if !found.closes.is_empty() {
            series.insert(asset, found.closes);
        }
    }
    Ok(Closes { series, unfit, position })
}
