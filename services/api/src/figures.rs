//! A portfolio's figures: prices from memory, numbers from `analytics`, computed away from the async threads.

pub mod views;

use analytics::backtest::{BacktestError, Policy};
use analytics::figures::{Episode, YearOfReturns, monthly_returns, simple_returns, top_drawdowns};
use analytics::{Figure, FigureParams, Figures, PortfolioFigures, PriceError, portfolio_figures};
use events::Position;
use events::values::{AssetId, Currency, FiguresSnapshot};
use jiff::civil::Date;
use projections::price_cache::{NoTable, Prices};
use projections::prices::{AsOf, SeriesError};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::Office;

/// The set of definitions that the numbers follow; a change of any formula gives it a new name.
pub const DEFINITIONS: &str = "figures-1";

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

/// A portfolio's figures, with its way through the window.
#[derive(Debug)]
pub struct Figured {
    /// The figures; with a benchmark, those beside it too.
    pub of: PortfolioFigures,
    /// The sessions of the window.
    pub dates: Vec<Date>,
}

impl Figured {
    /// The value of one figure, or why there is none.
    ///
    /// # Errors
    /// The reason that the window has no such figure.
    pub fn get(&self, figure: Figure) -> Result<f64, analytics::NoFigure> {
        self.of.get(figure)
    }

    /// The portfolio's daily returns, the first of them on the second session.
    #[must_use]
    pub fn returns(&self) -> Vec<f64> {
        simple_returns(&self.of.values)
    }

    /// The deepest falls, the deepest first.
    #[must_use]
    pub fn drawdowns(&self) -> Vec<Episode> {
        /// Falls that are shown.
        const SHOWN: usize = 10;
        top_drawdowns(&self.dates, &self.of.values, SHOWN)
    }

    /// Returns of calendar months and years.
    #[must_use]
    pub fn months(&self) -> Vec<YearOfReturns> {
        monthly_returns(&self.dates[1..], &self.returns())
    }
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
}

/// Why a portfolio has no figures at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoFigures {
    /// An asset has no price in the window.
    #[error("`{0}` has no price in the window")]
    NoPrices(AssetId),
    /// An asset is priced in another currency than the portfolio is kept in; rates of exchange are not known yet.
    #[error("`{asset}` is priced in {priced_in}, the portfolio is kept in {kept_in}")]
    OtherCurrency {
        /// The asset.
        asset: AssetId,
        /// Its currency.
        priced_in: Currency,
        /// The portfolio's currency.
        kept_in: String,
    },
    /// No total returns follow from an asset's prices and payments.
    #[error("`{asset}`: {why}")]
    Unfit {
        /// The asset.
        asset: AssetId,
        /// Why not.
        why: SeriesError,
    },
    /// The prices make no table.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// The portfolio cannot be followed through the window.
    #[error(transparent)]
    Backtest(#[from] BacktestError),
}

impl NoFigures {
    /// A stable name for the reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoPrices(_) => "no-prices",
            Self::OtherCurrency { .. } => "prices-in-other-currency",
            Self::Unfit { why: SeriesError::Prices(PriceError::PaymentNotBelowPrice { .. }), .. } => {
                "payment-not-below-price"
            }
            Self::Unfit { .. } => "prices-unusable",
            Self::Prices(PriceError::NoCommonSession) => "no-common-session",
            Self::Prices(_) => "prices-unusable",
            Self::Backtest(_) => "not-computable",
        }
    }
}

impl From<NoTable> for NoFigures {
    fn from(error: NoTable) -> Self {
        match error {
            NoTable::NoPrices(asset) => Self::NoPrices(asset),
            NoTable::Unfit { asset, why } => Self::Unfit { asset, why },
            NoTable::Prices(error) => Self::Prices(error),
        }
    }
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
/// Where prices could not be read. A portfolio without figures is an answer, not an error.
pub async fn compute(
    office: &Office,
    targets: Vec<(AssetId, Decimal)>,
    kept_in: &str,
    asked: &Asked,
) -> Result<Computed, Problem> {
    let mut assets: Vec<AssetId> = targets.iter().map(|(asset, _)| asset.clone()).collect();
    assets.extend(asked.benchmark.clone().filter(|benchmark| !assets.contains(benchmark)));
    let currencies = office.references.currencies(assets.iter().cloned()).await?;
    let other = currencies.into_iter().find(|(_, priced_in)| priced_in.as_str() != kept_in);
    let place = office.desk.place().await?;
    let prices = office.prices.prices_as_of(&assets, asked.as_of).await?;
    let (kept_in, asked) = (kept_in.to_owned(), asked.clone());
    let computing = place.compute(move |_| {
        let coverage = targets.iter().map(|(asset, weight)| coverage(asset, *weight, &prices, &asked)).collect();
        let figures = match other {
            Some((asset, priced_in)) => Err(NoFigures::OtherCurrency { asset, priced_in, kept_in }),
            None => figures(&targets, &prices, &asked),
        };
        Computed { figures, coverage, prices_position: prices.position() }
    });
    computing.await
}

fn coverage(asset: &AssetId, weight: Decimal, prices: &Prices, asked: &Asked) -> Coverage {
    let days = prices.column(asset).map_or(&[][..], |column| column.between(asked.from, asked.to).0);
    Coverage {
        asset: asset.clone(),
        weight: weight.normalize(),
        first_day: days.first().copied(),
        last_day: days.last().copied(),
        prices: days.len(),
    }
}

fn figures(targets: &[(AssetId, Decimal)], prices: &Prices, asked: &Asked) -> Result<Figured, NoFigures> {
    let assets: Vec<AssetId> = targets.iter().map(|(asset, _)| asset.clone()).collect();
    let mut with_benchmark = assets.clone();
    with_benchmark.extend(asked.benchmark.clone().filter(|benchmark| !assets.contains(benchmark)));
    // The benchmark's sessions count too: all figures of an answer rest on the same days.
    let all = prices.table(&with_benchmark, asked.from, asked.to)?;
    let table =
        if with_benchmark.len() == assets.len() { all.clone() } else { all.select(&all.assets()[..assets.len()])? };
    let weights: Vec<f64> = targets.iter().map(|(_, weight)| weight.to_f64().unwrap_or(f64::NAN)).collect();
    let rf_annual = asked.risk_free_rate.to_f64().unwrap_or(f64::NAN);
    let params = FigureParams { rf_annual, ..FigureParams::default() };
    let mut of = portfolio_figures(&table, &weights, asked.rebalancing.into(), &params)?;
    let benchmark = asked.benchmark.as_ref().and_then(|benchmark| with_benchmark.iter().position(|a| a == benchmark));
    if let Some(column) = benchmark {
        of.figures = Figures::of(table.dates(), &of.values, Some(all.column(column)), &params);
    }
    Ok(Figured { of, dates: table.dates().to_vec() })
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
        }
    }
}
