//! Which figures are due, and writing them when they are computed.

use std::collections::{BTreeMap, BTreeSet};

use analytics::NoFigure;
use events::values::{AssetId, Currency};
use events::{Position, Stream};
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use super::rows::KeptFigures;
use crate::columns::targets;
use crate::figures::{DEFINITIONS, Figured, NoFigures, Terms, figures};
use crate::price_cache::Prices;

/// A portfolio whose figures are due.
#[derive(Debug)]
pub(crate) struct Due {
    pub portfolio: Uuid,
    pub currency: String,
    pub targets: Vec<(AssetId, Decimal)>,
}

/// The figures of a portfolio, ready to be written.
#[derive(Debug)]
pub(crate) struct Written {
    portfolio: Uuid,
    prices_position: i64,
    kept: KeptFigures,
}

/// The figures that are kept of these targets, where this is what is known of prices.
#[must_use]
pub fn kept(
    targets: &[(AssetId, Decimal)],
    kept_in: &str,
    currencies: &BTreeMap<AssetId, Currency>,
    prices: &Prices,
) -> KeptFigures {
    let prices = prices.of(targets.iter().map(|(asset, _)| asset));
    let figures = figures(targets, kept_in, currencies, &prices, &Terms::default());
    KeptFigures::of(&figures, prices.position())
}

/// The portfolios whose figures are due: those that are stale, and those that hold any of these assets.
pub(crate) async fn due(connection: &mut PgConnection, touched: &BTreeSet<AssetId>) -> Result<Vec<Uuid>, sqlx::Error> {
    let assets: Vec<&str> = touched.iter().map(AssetId::as_str).collect();
    query_scalar!(
        "SELECT portfolio FROM portfolio_figures WHERE stale OR assets && $1::text[] ORDER BY portfolio",
        &assets as _
    )
    .fetch_all(connection)
    .await
}

/// What the figures of these portfolios are computed from.
pub(crate) async fn materials(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Due>, sqlx::Error> {
    let rows = query!(
        r#"SELECT portfolio, currency, assets, weights AS "weights: Vec<Decimal>" FROM portfolio_figures
           WHERE portfolio = ANY($1::uuid[]) ORDER BY portfolio"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    let due = rows.into_iter().map(|row| {
        let targets = targets(&row.assets, row.weights)?;
        Ok(Due { portfolio: row.portfolio, currency: row.currency, targets })
    });
    due.collect()
}

impl Written {
    pub fn new(portfolio: Uuid, kept: KeptFigures) -> Self {
        Self { portfolio, prices_position: i64::try_from(kept.prices_position.sequence).unwrap_or(i64::MAX), kept }
    }

    /// What is written of a portfolio whose computation ended in a panic: the others must not wait for it.
    pub fn panicked(portfolio: Uuid) -> Self {
        let no_figures = Some(("internal".to_owned(), "the computation did not end well".to_owned()));
        let nothing = Position { stream: Stream::Market, sequence: 0 };
        let kept = KeptFigures { no_figures, ..KeptFigures::none(nothing) };
        Self::new(portfolio, kept)
    }
}

impl KeptFigures {
    /// These figures as they are kept, of prices up to this position.
    fn of(figures: &Result<Figured, NoFigures>, prices: Position) -> Self {
        match figures {
            Ok(figured) => Self {
                window: Some((figured.of.start, figured.of.end)),
                returns: u64::try_from(figured.of.n_returns).unwrap_or(u64::MAX),
                figures: by_id(figured),
                ..Self::none(prices)
            },
            Err(why) => Self { no_figures: Some((why.code().to_owned(), why.to_string())), ..Self::none(prices) },
        }
    }

    fn none(prices_position: Position) -> Self {
        let (window, returns, figures, no_figures) = (None, 0, Map::new(), None);
        Self { definitions: DEFINITIONS.to_owned(), prices_position, window, returns, figures, no_figures }
    }
}

/// Each figure by its id: a number, or `{code, detail}` where there is none.
fn by_id(figured: &Figured) -> Map<String, Value> {
    let given = figured.of.figures.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
    let one = |value: Result<f64, NoFigure>| match value {
        Ok(value) => json!(value),
        Err(why) => json!({ "code": why.code(), "detail": why.to_string() }),
    };
    given.map(|(figure, value)| (figure.definition().id.to_owned(), one(value))).collect()
}

/// Writes figures; their rows are stale no more.
pub(crate) async fn write(connection: &mut PgConnection, all: &[Written]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = all.iter().map(|one| one.portfolio).collect();
    let positions: Vec<i64> = all.iter().map(|one| one.prices_position).collect();
    let all: Vec<&KeptFigures> = all.iter().map(|one| &one.kept).collect();
    let first: Vec<_> = all.iter().map(|kept| kept.window.map(|(first, _)| first.to_sqlx())).collect();
    let last: Vec<_> = all.iter().map(|kept| kept.window.map(|(_, last)| last.to_sqlx())).collect();
    let returns: Vec<i32> = all.iter().map(|kept| i32::try_from(kept.returns).unwrap_or(i32::MAX)).collect();
    let figures: Vec<Value> = all.iter().map(|kept| Value::Object(kept.figures.clone())).collect();
    let (codes, details): (Vec<Option<&str>>, Vec<Option<&str>>) = all
        .iter()
        .map(|kept| kept.no_figures.as_ref().map(|(code, detail)| (code.as_str(), detail.as_str())).unzip())
        .unzip();
    query!(
        "UPDATE portfolio_figures p
         SET stale = false, definitions = $9, prices_position = c.prices_position, first_day = c.first_day,
             last_day = c.last_day, returns = c.returns, figures = c.figures, no_figures_code = c.code,
             no_figures_detail = c.detail
         FROM UNNEST($1::uuid[], $2::bigint[], $3::date[], $4::date[], $5::integer[], $6::jsonb[], $7::text[],
                     $8::text[])
              AS c (portfolio, prices_position, first_day, last_day, returns, figures, code, detail)
         WHERE p.portfolio = c.portfolio",
        &ids,
        &positions,
        &first as _,
        &last as _,
        &returns,
        &figures,
        &codes as _,
        &details as _,
        DEFINITIONS
    )
    .execute(connection)
    .await?;
    Ok(())
}
