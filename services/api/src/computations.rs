//! Computations on request: they change nothing and record nothing, so that no `Idempotency-Key` is asked for, and the
//! same request with the same prices has the same answer. Below: what they have in common, each has a file.

pub mod backtest;
pub mod frontier;
pub mod projection;

use analytics::{PriceTable, Quotes, Series, Short};
use events::Position;
use events::values::{AssetId, PortfolioId};
use jiff::civil::Date;
use projections::price_cache::{Column, Prices};
use projections::prices::AsOf;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::access::Reach;
use crate::assets::{InterestView, interest_views};
use crate::faults::{Faults, NotAnId};
use crate::figures::NoFigures;
use crate::numbers::{day, decimal};
use crate::portfolios::allocation::{TargetBody, targets, whole};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Office;

/// The days from which prices are taken; open where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    from: Option<Date>,
    to: Option<Date>,
}

/// What prices there are of an asset in the window.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceCoverage {
    /// The asset's symbol.
    #[schema(value_type = String, example = "AAPL")]
    asset: AssetId,
    /// The first day with a price.
    #[schema(required, value_type = Option<String>, format = Date)]
    first_day: Option<Date>,
    /// The last day with a price.
    #[schema(required, value_type = Option<String>, format = Date)]
    last_day: Option<Date>,
    /// How many days have a price.
    prices: usize,
    /// What it earns, where it is cash: it has no prices, and grows by this on the days of the others. `null` of all else.
    #[schema(required)]
    interest: Option<Vec<InterestView>>,
}

/// A weight that was computed.
#[derive(Debug, Serialize, ToSchema)]
pub struct WeightView {
    /// The asset's symbol.
    #[schema(example = "AAPL")]
    asset: String,
    /// Its share as a fraction: `0.25` is 25 %.
    weight: f64,
}

/// Weights beside their assets.
fn weight_views(assets: &[String], weights: &[f64]) -> Vec<WeightView> {
    assets.iter().zip(weights).map(|(asset, &weight)| WeightView { asset: asset.clone(), weight }).collect()
}

/// Prices that a computation works on.
struct Material {
    assets: Vec<AssetId>,
    prices: Prices,
    window: Window,
}

impl Material {
    /// The prices of these assets, all listed and in one currency. `place_of` says where in the body an asset stands.
    async fn new(
        office: &Office,
        assets: Vec<AssetId>,
        window: Window,
        place_of: impl Fn(&AssetId) -> String,
    ) -> Result<Self, Problem> {
        Self::as_of(office, assets, window, place_of, AsOf::Now).await
    }

    /// As [`Material::new`], with the prices that were known then.
    async fn as_of(
        office: &Office,
        assets: Vec<AssetId>,
        window: Window,
        place_of: impl Fn(&AssetId) -> String,
        as_of: AsOf,
    ) -> Result<Self, Problem> {
        let currencies = office.references.currencies(assets.iter().cloned()).await?;
        let missing: Vec<FieldError> = assets
            .iter()
            .filter(|asset| !currencies.contains_key(*asset))
            .map(|asset| FieldError::in_body(&place_of(asset), "no-such-asset", format!("`{asset}` is not listed")))
            .collect();
        if !missing.is_empty() {
            let detail = format!("{} assets are not listed", missing.len());
            return Err(Problem::new(ProblemType::NoSuchAssets, detail).with_errors(missing));
        }
        let mut sorted = currencies.iter();
        if let Some((first, currency)) = sorted.next()
            && let Some((other, priced_in)) = sorted.find(|(_, other)| *other != currency)
        {
            let detail = format!("`{first}` is priced in {currency}, `{other}` in {priced_in}");
            return Err(Problem::new(ProblemType::NotComputable, detail));
        }
        let prices = office.prices.prices_as_of(&assets, as_of).await?;
        Ok(Self { assets, prices, window })
    }

    /// The days on which every asset has a price.
    fn table(&self) -> Result<PriceTable, Problem> {
        let table = self.prices.table(&self.assets, self.window.from, self.window.to);
        table.map_err(|error| not_computable(NoFigures::from(error).to_string()))
    }

    /// The prices of the first so many assets on every session that any of them has, from the first that all of them have.
    fn quotes(&self, held: usize) -> Result<Quotes, Problem> {
        let quotes = self.prices.quotes(&self.assets[..held], self.window.from, self.window.to);
        quotes.map_err(|error| not_computable(NoFigures::from(error).to_string()))
    }

    /// One asset's prices on its own sessions.
    fn series(&self, asset: &AssetId) -> Result<Series, Problem> {
        let series = self.prices.series(asset, self.window.from, self.window.to);
        series.map_err(|error| not_computable(NoFigures::from(error).to_string()))
    }

    /// Which of the assets are cash, by their places.
    fn cash(&self) -> impl Iterator<Item = usize> {
        let is_cash = |asset: &AssetId| self.prices.column(asset).is_some_and(|column| column.cash().is_some());
        self.assets.iter().enumerate().filter(move |(_, asset)| is_cash(asset)).map(|(place, _)| place)
    }

    fn position(&self) -> Position {
        self.prices.position()
    }

    fn coverage(&self) -> Vec<PriceCoverage> {
        let one = |asset: &AssetId| {
            let column = self.prices.column(asset);
            let days = column.map_or(&[][..], |column| column.between(self.window.from, self.window.to).0);
            let (first_day, last_day) = (days.first().copied(), days.last().copied());
            let interest = column.and_then(Column::cash).map(|cash| interest_views(&cash.rates));
            PriceCoverage { asset: asset.clone(), first_day, last_day, prices: days.len(), interest }
        };
        self.assets.iter().map(one).collect()
    }
}

fn not_computable(detail: String) -> Problem {
    Problem::new(ProblemType::NotComputable, detail)
}

/// The request asks for more than this bound allows.
fn too_large(what: &str, asked: usize, most: usize) -> Problem {
    Problem::new(ProblemType::ComputationTooLarge, format!("{what}: {asked} asked, {most} at the most"))
}

/// Nothing, where no more is asked for than the bound allows.
fn bounded(what: &str, asked: usize, most: usize) -> Result<(), Problem> {
    if asked <= most { Ok(()) } else { Err(too_large(what, asked, most)) }
}

/// The window that a body names at this place; faults are noted.
fn window(faults: &mut Faults, at: &str, from: Option<&str>, to: Option<&str>) -> Window {
    let from = from.and_then(|text| faults.value(&format!("{at}/from"), day(text)));
    let to = to.and_then(|text| faults.value(&format!("{at}/to"), day(text)));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        faults.add(&format!("{at}/to"), "before-from", "the window's last day comes before its first".to_owned());
    }
    Window { from, to }
}

/// The number that the text spells, or the given one where there is no text; a fault is noted where it is not between
/// the bounds, both included.
fn number(faults: &mut Faults, pointer: &str, text: Option<&str>, otherwise: f64, least: f64, most: f64) -> f64 {
    let read = text.and_then(|text| exact(faults, pointer, text, least, most));
    read.map_or(otherwise, float)
}

/// As [`number`], exactly as it is spelt; `None` where a fault is noted.
fn exact(faults: &mut Faults, pointer: &str, text: &str, least: f64, most: f64) -> Option<Decimal> {
    let read: Decimal = faults.value(pointer, decimal(text))?;
    let number = float(read);
    if (least..=most).contains(&number) {
        return Some(read);
    }
    faults.add(pointer, "out-of-range", format!("{} is not between {least} and {most}", Short(number)));
    None
}

/// The number nearest to the exact one; what none is near to is "not a number", which every computation refuses.
fn float(exact: Decimal) -> f64 {
    exact.to_f64().unwrap_or(f64::NAN)
}

/// The least and the highest annual risk-free rate.
const RISK_FREE_RATES: (f64, f64) = (-0.99, 1.0);

/// The annual risk-free rate that a body names at this place, zero where there is none.
fn risk_free_rate(faults: &mut Faults, at: &str, text: Option<&str>) -> f64 {
    let (least, most) = RISK_FREE_RATES;
    number(faults, &format!("{at}/risk_free_rate"), text, 0.0, least, most)
}

/// Which weights are computed with.
struct Targets {
    assets: Vec<AssetId>,
    weights: Vec<f64>,
}

impl Targets {
    fn of(rows: impl IntoIterator<Item = (AssetId, Decimal)>) -> Self {
        let (assets, weights) = rows.into_iter().map(|(asset, weight)| (asset, float(weight))).unzip();
        Self { assets, weights }
    }

    /// The targets in a body, at `/allocation`.
    fn in_body(bodies: &[TargetBody]) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let Some(read) = targets(&mut faults, bodies) else { return Err(faults.into_problem()) };
        whole(&read)?;
        Ok(Self::of(read))
    }

    /// The targets of a portfolio, with its version.
    async fn of_portfolio(pool: &PgPool, reach: Reach, id: PortfolioId) -> Result<(Self, u64), Problem> {
        let row = projections::portfolios::get(pool, id).await?;
        // What is another advisor's is not there.
        let row = row.filter(|row| reach.covers(row.advisor));
        let row = row.ok_or_else(|| Problem::of(ProblemType::PortfolioUnknown))?;
        Ok((Self::of(row.allocation), row.version))
    }
}

/// The portfolio that a body names at `/portfolio`.
fn portfolio_id(faults: &mut Faults, text: &str) -> Option<PortfolioId> {
    faults.value("/portfolio", PortfolioId::parse(text).ok_or(NotAnId))
}

#[cfg(test)]
mod tests {
    use super::{number, window};
    use crate::faults::Faults;

    #[test]
    fn a_number_outside_its_bounds_is_a_fault() {
        let mut faults = Faults::default();
        assert!((number(&mut faults, "/x", Some("0.25"), 1.0, 0.0, 1.0) - 0.25).abs() < 1e-15);
        assert!((number(&mut faults, "/x", None, 1.0, 0.0, 1.0) - 1.0).abs() < 1e-15);
        number(&mut faults, "/high", Some("2"), 1.0, 0.0, 1.0);
        number(&mut faults, "/text", Some("1e3"), 1.0, 0.0, 1.0);
        window(&mut faults, "/terms", Some("2024-02-01"), Some("2024-01-01"));
        let told = format!("{:?}", faults.into_problem());
        for place in ["#/high", "#/text", "#/terms/to"] {
            assert!(told.contains(place), "{told}");
        }
    }
}
