//! Which figures are due, and writing them when they are computed.

use std::collections::BTreeSet;

use analytics::NoFigure;
use events::Position;
use events::values::AssetId;
use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, query, query_scalar};
use uuid::Uuid;

use crate::columns::targets;
use crate::figures::{DEFINITIONS, Figured, NoFigures};

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
    first_day: Option<jiff_sqlx::Date>,
    last_day: Option<jiff_sqlx::Date>,
    returns: i32,
    figures: Value,
    no_figures: Option<(String, String)>,
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
    pub fn new(portfolio: Uuid, figures: &Result<Figured, NoFigures>, prices: Position) -> Self {
        let known = figures.as_ref().ok();
        Self {
            portfolio,
            prices_position: i64::try_from(prices.sequence).unwrap_or(i64::MAX),
            first_day: known.map(|figured| figured.of.start.to_sqlx()),
            last_day: known.map(|figured| figured.of.end.to_sqlx()),
            returns: known.map_or(0, |figured| i32::try_from(figured.of.n_returns).unwrap_or(i32::MAX)),
            figures: known.map_or_else(|| json!({}), by_id),
            no_figures: figures.as_ref().err().map(|why| (why.code().to_owned(), why.to_string())),
        }
    }

    /// What is written of a portfolio whose computation ended in a panic: the others must not wait for it.
    pub fn panicked(portfolio: Uuid) -> Self {
        let no_figures = Some(("internal".to_owned(), "the computation did not end well".to_owned()));
        let (first_day, last_day) = (None, None);
        Self { portfolio, prices_position: 0, first_day, last_day, returns: 0, figures: json!({}), no_figures }
    }
}

/// Each figure by its id: a number, or `{code, detail}` where there is none.
fn by_id(figured: &Figured) -> Value {
    let given = figured.of.figures.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
    let one = |value: Result<f64, NoFigure>| match value {
        Ok(value) => json!(value),
        Err(why) => json!({ "code": why.code(), "detail": why.to_string() }),
    };
    let all: Map<String, Value> =
        given.map(|(figure, value)| (figure.definition().id.to_owned(), one(value))).collect();
    Value::Object(all)
}

/// Writes figures; their rows are stale no more.
pub(crate) async fn write(connection: &mut PgConnection, all: &[Written]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = all.iter().map(|one| one.portfolio).collect();
    let positions: Vec<i64> = all.iter().map(|one| one.prices_position).collect();
    let first: Vec<_> = all.iter().map(|one| one.first_day).collect();
    let last: Vec<_> = all.iter().map(|one| one.last_day).collect();
    let returns: Vec<i32> = all.iter().map(|one| one.returns).collect();
    let figures: Vec<Value> = all.iter().map(|one| one.figures.clone()).collect();
    let (codes, details): (Vec<Option<&str>>, Vec<Option<&str>>) = all
        .iter()
        .map(|one| one.no_figures.as_ref().map(|(code, detail)| (code.as_str(), detail.as_str())).unzip())
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
