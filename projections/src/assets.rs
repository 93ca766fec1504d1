//! Assets: the list, with the span of days that each has prices for.

mod replayed;
mod search;

use std::collections::BTreeMap;

use events::asset::AssetEvent;
use events::values::{AggregateId, AssetClass, AssetDetails, AssetId, Name, RiskClass, Sought};
use events::{AnyEvent, Calendar, Position, Stream};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool, query, query_as};

use crate::columns::{asset_id, damaged, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::prices::AsOf;

pub use self::search::{Facet, Search, facets, list, search};

/// Assets that a batch listed or priced.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<AssetId, Change>);

#[derive(Debug, Default)]
struct Change {
    listing: Option<Listed>,
    /// What an asset that was listed before is told otherwise.
    edited: Option<Details>,
    prices: Prices,
    delisted_on: Option<Date>,
    risk_class: Option<&'static str>,
    version: i64,
    position: i64,
}

#[derive(Debug)]
struct Listed {
    details: Details,
    currency: String,
    listed_at: Timestamp,
    created_position: i64,
}

/// What an asset is called, what it is and where it is traded.
#[derive(Debug)]
struct Details {
    name: String,
    class: Option<&'static str>,
    sector: Option<String>,
    exchange: Option<String>,
    time_zone: Option<String>,
    calendar: Option<&'static str>,
}

impl From<&AssetDetails> for Details {
    fn from(details: &AssetDetails) -> Self {
        let text = |name: &Name| name.as_str().to_owned();
        Self {
            name: text(&details.name),
            class: details.class.map(AssetClass::word),
            sector: details.sector.as_ref().map(text),
            exchange: details.exchange.as_ref().map(text),
            time_zone: details.time_zone.as_ref().map(ToString::to_string),
            calendar: details.calendar.map(Calendar::word),
        }
    }
}

/// What an asset is looked for by: its symbol and its name.
fn sought(id: &AssetId, name: &str) -> Sought {
    Sought::of(&format!("{id} {name}"))
}

/// What new prices add to an asset's row.
#[derive(Debug, Default)]
struct Prices {
    basis: Option<&'static str>,
    source: Option<String>,
    first_day: Option<Date>,
    last_day: Option<Date>,
    days: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Asset(event) = &applied.event else { return Ok(()) };
        let id = AssetId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let change = self.0.entry(id).or_default();
        match event {
            AssetEvent::Listed(listing) => {
                change.listing = Some(Listed {
                    details: (&listing.details()).into(),
                    currency: listing.currency.to_string(),
                    listed_at: applied.time,
                    created_position: applied.sequence,
                });
                let risk_class = if listing.is_cash() { Some(RiskClass::Conservative) } else { listing.risk_class };
                change.risk_class = risk_class.map(RiskClass::word);
            }
            AssetEvent::Edited { details, .. } => {
                let details = Details::from(details.as_ref());
                match &mut change.listing {
                    Some(listed) => listed.details = details,
                    None => change.edited = Some(details),
                }
            }
            AssetEvent::Priced { source, basis, bars } => {
                let bars = bars.as_slice();
                let days = bars.iter().map(|bar| bar.date);
                let prices = &mut change.prices;
                prices.source = Some(source.as_str().to_owned());
                prices.basis = Some(basis.word());
                prices.first_day = days.clone().chain(prices.first_day).min();
                prices.last_day = days.chain(prices.last_day).max();
                prices.days += i64::try_from(bars.len()).map_err(|_| FoldError::NotKept("so many bars".to_owned()))?;
            }
            // They change what is known of days, not of which days something is known. What cash earns stands beside its prices.
            AssetEvent::Corrected { .. }
            | AssetEvent::Split { .. }
            | AssetEvent::Dividend { .. }
            | AssetEvent::SplitWithdrawn { .. }
            | AssetEvent::PaymentWithdrawn { .. }
            | AssetEvent::InterestSet { .. }
            | AssetEvent::Confirmed { .. } => {}
            AssetEvent::Rated { class, .. } => change.risk_class = Some(class.word()),
            AssetEvent::Delisted { date, .. } => change.delisted_on = Some(*date),
        }
        change.version = applied.version;
        change.position = applied.sequence;
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (listed, known): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(_, change)| change.listing.is_some());
        insert(&listed, connection).await?;
        update(&known, connection).await
    }
}

async fn insert(changes: &[(AssetId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let listings = || changes.iter().filter_map(|(_, change)| change.listing.as_ref());
    let ids: Vec<&str> = changes.iter().map(|(id, _)| id.as_str()).collect();
    let details = || listings().map(|listing| &listing.details);
    let names: Vec<&str> = details().map(|details| details.name.as_str()).collect();
    let sought = changes.iter().zip(&names).map(|((id, _), name)| sought(id, name).into_string());
    let sought: Vec<String> = sought.collect();
    let currencies: Vec<&str> = listings().map(|listing| listing.currency.as_str()).collect();
    let classes: Vec<Option<&str>> = details().map(|details| details.class).collect();
    let sectors: Vec<Option<&str>> = details().map(|details| details.sector.as_deref()).collect();
    let exchanges: Vec<Option<&str>> = details().map(|details| details.exchange.as_deref()).collect();
    let time_zones: Vec<Option<&str>> = details().map(|details| details.time_zone.as_deref()).collect();
    let calendars: Vec<Option<&str>> = details().map(|details| details.calendar).collect();
    let bases: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.prices.basis).collect();
    let first: Vec<_> = changes.iter().map(|(_, change)| change.prices.first_day.map(ToSqlx::to_sqlx)).collect();
    let last: Vec<_> = changes.iter().map(|(_, change)| change.prices.last_day.map(ToSqlx::to_sqlx)).collect();
    let days: Vec<i64> = changes.iter().map(|(_, change)| change.prices.days).collect();
    let times: Vec<_> = listings().map(|listing| listing.listed_at.to_sqlx()).collect();
    let created: Vec<i64> = listings().map(|listing| listing.created_position).collect();
    let sources: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.prices.source.as_deref()).collect();
    let delisted: Vec<_> = changes.iter().map(|(_, change)| change.delisted_on.map(ToSqlx::to_sqlx)).collect();
    let risk_classes: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.risk_class).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO assets AS a (id, name, currency, basis, first_day, last_day, days, listed_at, created_position,
                                  version, position, class, sector, exchange, time_zone, source, delisted_on,
                                  risk_class, calendar, sought)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::date[], $7::bigint[],
                              $8::timestamptz[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[],
                              $14::text[], $15::text[], $16::text[], $17::date[], $18::text[], $19::text[],
                              $20::text[])
         ON CONFLICT (id) DO UPDATE
         SET name = excluded.name, sought = excluded.sought, currency = excluded.currency,
             basis = COALESCE(excluded.basis, a.basis), class = excluded.class, sector = excluded.sector,
             exchange = excluded.exchange, time_zone = excluded.time_zone, calendar = excluded.calendar,
             source = COALESCE(excluded.source, a.source),
             delisted_on = COALESCE(excluded.delisted_on, a.delisted_on),
             risk_class = COALESCE(excluded.risk_class, a.risk_class),
             first_day = LEAST(a.first_day, excluded.first_day), last_day = GREATEST(a.last_day, excluded.last_day),
             days = a.days + excluded.days, version = excluded.version, position = excluded.position
         WHERE a.position < excluded.position",
        &ids as _,
        &names as _,
        &currencies as _,
        &bases as _,
        &first as _,
        &last as _,
        &days,
        &times as _,
        &created,
        &versions,
        &positions,
        &classes as _,
        &sectors as _,
        &exchanges as _,
        &time_zones as _,
        &sources as _,
        &delisted as _,
        &risk_classes as _,
        &calendars as _,
        &sought
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds prices and new details to assets that are on the list; an asset that is on no list has no row to change.
async fn update(changes: &[(AssetId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = changes.iter().map(|(id, _)| id.as_str()).collect();
    let bases: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.prices.basis).collect();
    let first: Vec<_> = changes.iter().map(|(_, change)| change.prices.first_day.map(ToSqlx::to_sqlx)).collect();
    let last: Vec<_> = changes.iter().map(|(_, change)| change.prices.last_day.map(ToSqlx::to_sqlx)).collect();
    let days: Vec<i64> = changes.iter().map(|(_, change)| change.prices.days).collect();
    let sources: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.prices.source.as_deref()).collect();
    let delisted: Vec<_> = changes.iter().map(|(_, change)| change.delisted_on.map(ToSqlx::to_sqlx)).collect();
    let risk_classes: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.risk_class).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    let edits = || changes.iter().map(|(_, change)| change.edited.as_ref());
    let names: Vec<Option<&str>> = edits().map(|edit| edit.map(|edit| edit.name.as_str())).collect();
    let sought = |((id, _), name): (&(AssetId, Change), &Option<&str>)| name.map(|name| sought(id, name).into_string());
    let sought: Vec<Option<String>> = changes.iter().zip(&names).map(sought).collect();
    let classes: Vec<Option<&str>> = edits().map(|edit| edit.and_then(|edit| edit.class)).collect();
    let sectors: Vec<Option<&str>> = edits().map(|edit| edit.and_then(|edit| edit.sector.as_deref())).collect();
    let exchanges: Vec<Option<&str>> = edits().map(|edit| edit.and_then(|edit| edit.exchange.as_deref())).collect();
    let time_zones: Vec<Option<&str>> = edits().map(|edit| edit.and_then(|edit| edit.time_zone.as_deref())).collect();
    let calendars: Vec<Option<&str>> = edits().map(|edit| edit.and_then(|edit| edit.calendar)).collect();
    // Whoever edits says all details, so the name tells that what is empty is meant to be.
    query!(
        "UPDATE assets a
         SET basis = COALESCE(c.basis, a.basis), first_day = LEAST(a.first_day, c.first_day),
             last_day = GREATEST(a.last_day, c.last_day), days = a.days + c.days, version = c.version,
             position = c.position, source = COALESCE(c.source, a.source),
             delisted_on = COALESCE(c.delisted_on, a.delisted_on), risk_class = COALESCE(c.risk_class, a.risk_class),
             name = COALESCE(c.name, a.name), sought = COALESCE(c.sought, a.sought),
             class = CASE WHEN c.name IS NULL THEN a.class ELSE c.class END,
             sector = CASE WHEN c.name IS NULL THEN a.sector ELSE c.sector END,
             exchange = CASE WHEN c.name IS NULL THEN a.exchange ELSE c.exchange END,
             time_zone = CASE WHEN c.name IS NULL THEN a.time_zone ELSE c.time_zone END,
             calendar = CASE WHEN c.name IS NULL THEN a.calendar ELSE c.calendar END
         FROM UNNEST($1::text[], $2::text[], $3::date[], $4::date[], $5::bigint[], $6::bigint[], $7::bigint[],
                     $8::text[], $9::date[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                     $15::text[], $16::text[], $17::text[])
              AS c (id, basis, first_day, last_day, days, version, position, source, delisted_on, risk_class, name, class,
                    sector, exchange, time_zone, calendar, sought)
         WHERE a.id = c.id AND a.position < c.position",
        &ids as _,
        &bases as _,
        &first as _,
        &last as _,
        &days,
        &versions,
        &positions,
        &sources as _,
        &delisted as _,
        &risk_classes as _,
        &names as _,
        &classes as _,
        &sectors as _,
        &exchanges as _,
        &time_zones as _,
        &calendars as _,
        &sought as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An asset as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetRow {
    /// Its symbol.
    pub id: AssetId,
    /// What people call it.
    pub name: String,
    /// In which currency it is priced: an ISO 4217 code.
    pub currency: String,
    /// What kind of thing it is: `equity`, `etf`, ...
    pub class: Option<String>,
    /// In which part of the economy it works.
    pub sector: Option<String>,
    /// Where it is traded.
    pub exchange: Option<String>,
    /// The exchange's time zone.
    pub time_zone: Option<String>,
    /// On which days there is a price to expect: as was said, or as the exchange trades.
    pub calendar: Calendar,
    /// Who gave its last prices.
    pub source: Option<String>,
    /// The first day without trading, where there is one.
    pub delisted_on: Option<Date>,
    /// How much risk it carries, where somebody has rated it.
    pub risk_class: Option<String>,
    /// What its prices say (`raw`, `split_adjusted`, `adjusted`), once it has any.
    pub basis: Option<String>,
    /// The first day with a price.
    pub first_day: Option<Date>,
    /// The last day with a price.
    pub last_day: Option<Date>,
    /// How many days have a price.
    pub days: i64,
    /// When it was listed.
    pub listed_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

struct Record {
    id: String,
    name: String,
    currency: String,
    class: Option<String>,
    sector: Option<String>,
    exchange: Option<String>,
    time_zone: Option<String>,
    calendar: Option<String>,
    source: Option<String>,
    delisted_on: Option<jiff_sqlx::Date>,
    risk_class: Option<String>,
    basis: Option<String>,
    first_day: Option<jiff_sqlx::Date>,
    last_day: Option<jiff_sqlx::Date>,
    days: i64,
    listed_at: jiff_sqlx::Timestamp,
    created_position: i64,
    version: i64,
    position: i64,
}

impl TryFrom<Record> for AssetRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let calendar = |word: &str| Calendar::parse(word).ok_or_else(|| damaged(format!("`{word}` is no calendar")));
        let said = record.calendar.as_deref().map(calendar).transpose()?;
        Ok(Self {
            calendar: said.unwrap_or_else(|| traded_by(record.exchange.as_deref())),
            id: asset_id(&record.id)?,
            name: record.name,
            currency: record.currency,
            class: record.class,
            sector: record.sector,
            exchange: record.exchange,
            time_zone: record.time_zone,
            source: record.source,
            delisted_on: record.delisted_on.map(jiff_sqlx::Date::to_jiff),
            risk_class: record.risk_class,
            basis: record.basis,
            first_day: record.first_day.map(jiff_sqlx::Date::to_jiff),
            last_day: record.last_day.map(jiff_sqlx::Date::to_jiff),
            days: record.days,
            listed_at: record.listed_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Market, record.position)?,
        })
    }
}

/// The calendar of what nobody has told the calendar of.
fn traded_by(exchange: Option<&str>) -> Calendar {
    exchange.map_or(Calendar::Weekdays, Calendar::named)
}

/// The asset with this id.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn get(pool: &PgPool, id: &AssetId) -> Result<Option<AssetRow>, sqlx::Error> {
    query_as!(
        Record,
        r#"SELECT id, name, currency, basis, first_day AS "first_day: jiff_sqlx::Date",
                  last_day AS "last_day: jiff_sqlx::Date", days, listed_at AS "listed_at: jiff_sqlx::Timestamp",
                  created_position, version, position, class, sector, exchange, time_zone, calendar, source,
                  delisted_on AS "delisted_on: jiff_sqlx::Date", risk_class
           FROM assets WHERE id = $1"#,
        id.as_str()
    )
    .fetch_optional(pool)
    .await?
    .map(AssetRow::try_from)
    .transpose()
}

/// Those of the assets that are listed, in the order of their symbols.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn many(pool: &PgPool, ids: &[AssetId]) -> Result<Vec<AssetRow>, sqlx::Error> {
    let ids: Vec<&str> = ids.iter().map(AssetId::as_str).collect();
    query_as!(
        Record,
        r#"SELECT id, name, currency, basis, first_day AS "first_day: jiff_sqlx::Date",
                  last_day AS "last_day: jiff_sqlx::Date", days, listed_at AS "listed_at: jiff_sqlx::Timestamp",
                  created_position, version, position, class, sector, exchange, time_zone, calendar, source,
                  delisted_on AS "delisted_on: jiff_sqlx::Date", risk_class
           FROM assets WHERE id = ANY($1) ORDER BY id COLLATE "C" "#,
        &ids as _
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(AssetRow::try_from)
    .collect()
}

/// The currencies of those of the assets that are on the list.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn currencies(pool: &PgPool, ids: &[AssetId]) -> Result<BTreeMap<AssetId, String>, sqlx::Error> {
    let texts: Vec<&str> = ids.iter().map(AssetId::as_str).collect();
    let rows =
        query!("SELECT id, currency FROM assets WHERE id = ANY($1::text[])", &texts as _).fetch_all(pool).await?;
    rows.into_iter().map(|row| Ok((asset_id(&row.id)?, row.currency))).collect()
}

/// Those of the assets that are on no list, in the order given.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn missing(pool: &PgPool, ids: &[AssetId]) -> Result<Vec<AssetId>, sqlx::Error> {
    let known = currencies(pool, ids).await?;
    Ok(ids.iter().filter(|id| !known.contains_key(*id)).cloned().collect())
}

/// Whether the asset was on the list as cash when that was known, and then where its listing stands.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub(crate) async fn listed_as_cash(pool: &PgPool, id: &AssetId, as_of: AsOf) -> Result<Option<u64>, sqlx::Error> {
    let record = query!(
        r#"SELECT created_position, listed_at AS "listed_at: jiff_sqlx::Timestamp"
           FROM assets WHERE id = $1 AND class = 'cash'"#,
        id.as_str()
    )
    .fetch_optional(pool)
    .await?;
    let Some(record) = record else { return Ok(None) };
    let listed = natural(record.created_position)?;
    let was_known = match as_of {
        AsOf::Now => true,
        AsOf::Sequence(last) => listed <= last,
        AsOf::Time(time) => record.listed_at.to_jiff() <= time,
    };
    Ok(was_known.then_some(listed))
}
