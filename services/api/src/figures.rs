//! A portfolio's figures: prices from memory, numbers from `analytics`, computed away from the async threads.

pub mod views;

use std::collections::BTreeMap;

use analytics::Figure;
use analytics::backtest::Policy;
use events::Position;
use events::values::{AssetId, FiguresSnapshot, Interest, InterestRate};
use jiff::civil::Date;
use projections::figures::{Terms, figures};
use projections::price_cache::{Column, Prices};
use projections::prices::AsOf;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::assets::{InterestView, interest_views};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Office;

pub use projections::figures::{DEFINITIONS, Figured, NoFigures};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The first day of the window; open where there is none.
    pub from: Option<Date>,
    /// The last day of the window; open where there is none.
    pub to: Option<Date>,
    /// The annual risk-free rate, as a fraction.
    pub risk_free_rate: Decimal,
    /// How the portfolio is brought back to its targets.
    pub rebalancing: Rebalancing,
    /// What the portfolio is held against, if anything.
    pub benchmark: Option<AssetId>,
    /// From when knowledge of prices is wanted.
    pub as_of: AsOf,
}

impl Asked {
    fn terms(&self) -> Terms {
        Terms {
            from: self.from,
            to: self.to,
            rf_annual: self.risk_free_rate.to_f64().unwrap_or(f64::NAN),
            policy: self.rebalancing.into(),
            benchmark: self.benchmark.clone(),
        }
    }
}

/// How a portfolio is brought back to its target weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rebalancing {
    /// Never: weights drift.
    None,
    /// At the close of each month's first session.
    #[default]
    Monthly,
    /// At the close of each quarter's first session.
    Quarterly,
    /// At the close of each year's first session.
    Yearly,
}

/// Figures, with what they rest on.
pub struct Computed {
    /// The figures, or why there are none at all.
    pub figures: Result<Figured, NoFigures>,
    /// What prices there are of each asset in the window.
    pub coverage: Vec<Coverage>,
    /// The last event whose prices are in them.
    pub prices_position: Position,
}

/// What prices there are of an asset in the window.
#[derive(Debug, Serialize, ToSchema)]
pub struct Coverage {
    /// The asset's symbol.
    #[schema(value_type = String, example = "AAPL")]
    pub asset: AssetId,
    /// Its target weight as a fraction.
    #[schema(value_type = String, example = "0.25")]
    pub weight: Decimal,
    /// The first day with a price.
    #[schema(required, value_type = Option<String>, format = Date)]
    pub first_day: Option<Date>,
    /// The last day with a price.
    #[schema(required, value_type = Option<String>, format = Date)]
    pub last_day: Option<Date>,
    /// How many days have a price. Only days on which every asset has one are in the figures.
    pub prices: usize,
    /// What it earns, where it is cash: it has no prices, and grows by this on the days of the others. `null` of all else.
    #[schema(required)]
    pub interest: Option<Vec<InterestView>>,
}

impl From<Rebalancing> for Policy {
    fn from(rebalancing: Rebalancing) -> Self {
        match rebalancing {
            Rebalancing::None => Self::NONE,
            Rebalancing::Monthly => Self::MONTHLY,
            Rebalancing::Quarterly => Self::QUARTERLY,
            Rebalancing::Yearly => Self::YEARLY,
        }
    }
}

/// The figures of these targets in this currency.
///
/// # Errors
/// `no-such-assets` for a benchmark that is not listed, or where prices could not be read. A portfolio without figures is an answer, not an error.
pub async fn compute(
    office: &Office,
    targets: Vec<(AssetId, Decimal)>,
    kept_in: &str,
    asked: &Asked,
) -> Result<Computed, Problem> {
    let mut assets: Vec<AssetId> = targets.iter().map(|(asset, _)| asset.clone()).collect();
    assets.extend(asked.benchmark.clone().filter(|benchmark| !assets.contains(benchmark)));
    let currencies = office.references.currencies(assets.iter().cloned()).await?;
    if let Some(benchmark) = asked.benchmark.as_ref().filter(|benchmark| !currencies.contains_key(*benchmark)) {
        let error = FieldError::in_parameter("benchmark", "no-such-asset", format!("`{benchmark}` is not listed"));
        return Err(Problem::new(ProblemType::NoSuchAssets, error.detail.clone()).with_errors(vec![error]));
    }
    let place = office.desk.place().await?;
    let prices = office.prices.prices_as_of(&assets, asked.as_of).await?;
    let (kept_in, asked) = (kept_in.to_owned(), asked.clone());
    let computing = place.compute(move |_| {
        let coverage = targets.iter().map(|(asset, weight)| coverage(asset, *weight, &prices, &asked)).collect();
        let figures = figures(&targets, &kept_in, &currencies, &prices, &asked.terms());
        Computed { figures, coverage, prices_position: prices.position() }
    });
    computing.await
}

fn coverage(asset: &AssetId, weight: Decimal, prices: &Prices, asked: &Asked) -> Coverage {
    let column = prices.column(asset);
    let days = column.map_or(&[][..], |column| column.between(asked.from, asked.to).0);
    Coverage {
        asset: asset.clone(),
        weight: weight.normalize(),
        first_day: days.first().copied(),
        last_day: days.last().copied(),
        prices: days.len(),
        interest: column.and_then(Column::cash).map(|cash| interest_views(&cash.rates)),
    }
}

impl Computed {
    /// The figures as a recommendation keeps them. `today` stands in for the window where there is none.
    #[must_use]
    pub fn snapshot(&self, asked: &Asked, today: Date) -> FiguresSnapshot {
        let figures = self.figures.as_ref().ok();
        let value = |figure| figures.and_then(|figures| figures.get(figure).ok());
        let fall = figures.and_then(|figures| figures.of.deepest_drawdown);
        FiguresSnapshot {
            definitions: DEFINITIONS.to_owned(),
            start: figures.map_or(today, |figures| figures.of.start),
            end: figures.map_or(today, |figures| figures.of.end),
            returns: figures.map_or(0, |figures| u32::try_from(figures.of.n_returns).unwrap_or(u32::MAX)),
            risk_free_rate: asked.risk_free_rate.to_f64().unwrap_or_default(),
            cumulative: value(Figure::Cumulative),
            cagr: value(Figure::Cagr),
            volatility: value(Figure::Volatility),
            sharpe: value(Figure::Sharpe),
            max_drawdown: value(Figure::MaxDrawdown),
            drawdown_peak: fall.map(|fall| fall.peak),
            drawdown_valley: fall.map(|fall| fall.valley),
            prices_position: self.prices_position,
            cash: self.cash(figures.map_or(today, |figures| figures.of.end)),
        }
    }

    /// Those of the assets that are cash, each with the last interest until this day.
    fn cash(&self, last: Date) -> BTreeMap<AssetId, Option<Interest>> {
        let cash = self.coverage.iter().filter_map(|of| Some((of.asset.clone(), of.interest.as_ref()?)));
        cash.map(|(asset, interest)| (asset, last_of(interest, last))).collect()
    }
}

/// What is earned on this day.
fn last_of(interest: &[InterestView], day: Date) -> Option<Interest> {
    let said = interest.iter().rev().find(|said| said.from <= day)?;
    // What stands in the log has been a rate.
    Some(Interest { from: said.from, rate: InterestRate::try_new(said.rate).ok()? })
}
