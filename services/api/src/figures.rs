//! A portfolio's figures: prices from the read model, numbers from `analytics`, computed away from the async threads.

use std::collections::BTreeMap;

use analytics::backtest::{BacktestError, Policy};
use analytics::{Figure, FigureParams, PortfolioFigures, PriceError, PriceTable, Series, portfolio_figures};
use events::Position;
use events::values::{AssetId, Currency, FiguresSnapshot};
use jiff::civil::Date;
use projections::prices::{AsOf, Closes, closes_as_of};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemType};
use crate::references::References;
use crate::state::Desk;

/// The set of definitions that the numbers follow; a change of any formula gives it a new name.
pub const DEFINITIONS: &str = "figures-1";

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The first day of the window; open where there is none.
    pub from: Option<Date>,
    /// The last day of the window; open where there is none.
    pub to: Option<Date>,
    /// The annual risk-free rate, as a fraction.
    pub risk_free_rate: Decimal,
    /// How the portfolio is brought back to its targets.
    pub rebalancing: Rebalancing,
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
    pub figures: Result<PortfolioFigures, NoFigures>,
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
            Self::Prices(PriceError::NoCommonSession) => "no-common-session",
            Self::Prices(_) => "prices-unusable",
            Self::Backtest(_) => "not-computable",
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
    pool: &PgPool,
    references: &References,
    desk: &Desk,
    targets: Vec<(AssetId, Decimal)>,
    kept_in: &str,
    asked: Asked,
) -> Result<Computed, Problem> {
    let assets: Vec<AssetId> = targets.iter().map(|(asset, _)| asset.clone()).collect();
    let currencies = references.currencies(assets.iter().cloned()).await?;
    let other = currencies.into_iter().find(|(_, priced_in)| priced_in.as_str() != kept_in);
    // A place at the desk comes first: prices that wait for a free core would only fill the memory.
    let place = desk.0.clone().acquire_owned().await.map_err(|_| Problem::of(ProblemType::Internal))?;
    let closes = closes_as_of(pool, &assets, asked.from, asked.to, asked.as_of).await?;
    let kept_in = kept_in.to_owned();
    let computing = tokio::task::spawn_blocking(move || {
        let _place = place;
        let coverage = targets.iter().map(|(asset, weight)| coverage(asset, *weight, &closes)).collect();
        let figures = match other {
            Some((asset, priced_in)) => Err(NoFigures::OtherCurrency { asset, priced_in, kept_in }),
            None => figures(&targets, &closes.series, asked),
        };
        Computed { figures, coverage, prices_position: closes.position }
    });
    computing.await.map_err(|error| {
        tracing::error!(%error, "figures could not be computed");
        Problem::of(ProblemType::Internal)
    })
}

fn coverage(asset: &AssetId, weight: Decimal, closes: &Closes) -> Coverage {
    let bars = closes.series.get(asset).map(Vec::as_slice).unwrap_or_default();
    let day = |bar: Option<&(Date, Decimal)>| bar.map(|(day, _)| *day);
    Coverage {
        asset: asset.clone(),
        weight: weight.normalize(),
        first_day: day(bars.first()),
        last_day: day(bars.last()),
        prices: bars.len(),
    }
}

fn figures(
    targets: &[(AssetId, Decimal)],
    series: &BTreeMap<AssetId, Vec<(Date, Decimal)>>,
    asked: Asked,
) -> Result<PortfolioFigures, NoFigures> {
    let mut columns = Vec::with_capacity(targets.len());
    for (asset, _) in targets {
        let bars = series.get(asset).ok_or_else(|| NoFigures::NoPrices(asset.clone()))?;
        // A close without a float becomes "not a number", which the series refuses by name.
        let closes = bars.iter().map(|(_, close)| close.to_f64().unwrap_or(f64::NAN)).collect();
        columns.push((asset.to_string(), Series::new(bars.iter().map(|(day, _)| *day).collect(), closes)?));
    }
    let table = PriceTable::join(&columns)?;
    let weights: Vec<f64> = targets.iter().map(|(_, weight)| weight.to_f64().unwrap_or(f64::NAN)).collect();
    let rf_annual = asked.risk_free_rate.to_f64().unwrap_or(f64::NAN);
    let params = FigureParams { rf_annual, ..FigureParams::default() };
    Ok(portfolio_figures(&table, &weights, asked.rebalancing.into(), &params)?)
}

impl Computed {
    /// The figures as a recommendation keeps them. `today` stands in for the window where there is none.
    #[must_use]
    pub fn snapshot(&self, asked: &Asked, today: Date) -> FiguresSnapshot {
        let figures = self.figures.as_ref().ok();
        let value = |figure| figures.and_then(|figures| figures.get(figure).ok());
        let fall = figures.and_then(|figures| figures.deepest_drawdown);
        FiguresSnapshot {
            definitions: DEFINITIONS.to_owned(),
            start: figures.map_or(today, |figures| figures.start),
            end: figures.map_or(today, |figures| figures.end),
            returns: figures.map_or(0, |figures| u32::try_from(figures.n_returns).unwrap_or(u32::MAX)),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use analytics::Figure;
    use events::values::AssetId;
    use jiff::civil::date;
    use rust_decimal::Decimal;

    use projections::prices::AsOf;

    use super::{Asked, NoFigures, Rebalancing, figures};

    const ASKED: Asked = Asked {
        from: None,
        to: None,
        risk_free_rate: Decimal::ZERO,
        rebalancing: Rebalancing::Monthly,
        as_of: AsOf::Now,
    };

    fn asset(id: &str) -> AssetId {
        AssetId::parse(id).unwrap()
    }

    #[test]
    fn figures_rest_on_the_days_that_all_assets_have() {
        let one = |close: i64| Decimal::from(close);
        let series = BTreeMap::from([
            (asset("A"), vec![(date(2024, 1, 2), one(1)), (date(2024, 1, 3), one(2)), (date(2024, 1, 4), one(4))]),
            (asset("B"), vec![(date(2024, 1, 3), one(5)), (date(2024, 1, 4), one(5))]),
        ]);
        let half = Decimal::new(5, 1);
        let figures = figures(&[(asset("A"), half), (asset("B"), half)], &series, ASKED).unwrap();
        assert_eq!((figures.start, figures.n_returns), (date(2024, 1, 3), 1));
        assert!((figures.get(Figure::Cumulative).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn an_asset_without_prices_is_named() {
        let refused = figures(&[(asset("A"), Decimal::ONE)], &BTreeMap::new(), ASKED).unwrap_err();
        assert_eq!(refused, NoFigures::NoPrices(asset("A")));
    }
}
