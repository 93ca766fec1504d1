//! Prices of several assets on their common days.

use analytics::{PriceTable, Series};
use events::Position;
use events::values::AssetId;
use jiff::civil::Date;
use projections::prices::{AsOf, closes_as_of};
use rust_decimal::prelude::ToPrimitive;
use sqlx::PgPool;
use tonic::Status;

use crate::fault::{database, no_such_asset, nothing};

/// The closes of these assets on the days that all have, in their order, and the position that they stand at. All are in
/// the currency that is kept in, or where none is said in one and the same: rates of exchange are not known yet.
///
/// # Errors
/// NOT_FOUND where one is not listed, FAILED_PRECONDITION where there is no such table.
pub async fn table(
    pool: &PgPool,
    assets: &[AssetId],
    kept_in: Option<&str>,
    (from, to): (Option<Date>, Option<Date>),
    as_of: AsOf,
) -> Result<(PriceTable, Position), Status> {
    let currencies = projections::assets::currencies(pool, assets).await.map_err(|error| database(&error))?;
    let mut kept_in = kept_in;
    for asset in assets {
        let priced_in = currencies.get(asset).ok_or_else(|| no_such_asset(asset))?;
        let kept_in = *kept_in.get_or_insert(priced_in);
        if priced_in != kept_in {
            let text = format!("{asset} is priced in {priced_in}, not in {kept_in}");
            return Err(nothing("PRICES_IN_OTHER_CURRENCY", text));
        }
    }
    let closes = closes_as_of(pool, assets, from, to, as_of).await.map_err(|error| database(&error))?;
    let unusable = |error: analytics::PriceError| nothing("PRICES_UNUSABLE", error);
    let mut columns = Vec::with_capacity(assets.len());
    for asset in assets {
        if let Some(unfit) = closes.unfit.get(asset) {
            return Err(nothing("PRICES_UNUSABLE", format!("{asset}: {}", unfit.why)));
        }
        let bars = closes.series.get(asset);
        let bars = bars.ok_or_else(|| nothing("NO_PRICES", format!("{asset} has no price in the window")))?;
        let values = bars.iter().map(|(_, close)| close.to_f64().unwrap_or(f64::NAN)).collect();
        let series = Series::new(bars.iter().map(|(day, _)| *day).collect(), values).map_err(unusable)?;
        columns.push((asset.to_string(), series));
    }
    Ok((PriceTable::join(&columns).map_err(unusable)?, closes.position))
}
