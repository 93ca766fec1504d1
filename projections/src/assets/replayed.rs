//! Assets as the list had them, made from their whole history.

use events::{Calendar, Stream};

use super::{AssetRow, Change, Changed, Search, sought};
use crate::columns::{kept, natural, position};
use crate::replay::Replays;
use events::values::{AssetId, Sought};

impl Replays for Changed {
    type Row = AssetRow;

    fn rows(self) -> Result<Vec<AssetRow>, sqlx::Error> {
        self.0.into_iter().filter_map(|(id, change)| row(id, change).transpose()).collect()
    }
}

/// The row of an asset whose whole history was folded; `None` where it was never listed.
fn row(id: AssetId, change: Change) -> Result<Option<AssetRow>, sqlx::Error> {
    let Some(listing) = change.listing else { return Ok(None) };
    let (prices, details, text) = (change.prices, listing.details, |word: &str| word.to_owned());
    let said = details.calendar.and_then(Calendar::parse);
    Ok(Some(AssetRow {
        id,
        calendar: said.unwrap_or_else(|| super::traded_by(details.exchange.as_deref())),
        name: details.name,
        currency: listing.currency,
        class: details.class.map(text),
        sector: details.sector,
        exchange: details.exchange,
        time_zone: details.time_zone,
        source: prices.source,
        delisted_on: change.delisted_on,
        risk_class: change.risk_class.map(text),
        basis: prices.basis.map(text),
        first_day: prices.first_day,
        last_day: prices.last_day,
        days: prices.days,
        listed_at: kept(listing.listed_at),
        created_position: natural(listing.created_position)?,
        version: natural(change.version)?,
        position: position(Stream::Market, change.position)?,
    }))
}

impl Search {
    /// Whether the row is one of those.
    #[must_use]
    pub fn fits(&self, row: &AssetRow) -> bool {
        let is =
            |asked: &Option<String>, value: Option<&String>| asked.as_ref().is_none_or(|asked| value == Some(asked));
        let contains = |text: &Sought| sought(&row.id, &row.name).contains(text);
        self.text.as_ref().is_none_or(contains)
            && is(&self.class, row.class.as_ref())
            && is(&self.sector, row.sector.as_ref())
            && is(&self.currency, Some(&row.currency))
            && is(&self.exchange, row.exchange.as_ref())
    }
}
