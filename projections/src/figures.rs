//! A portfolio's figures over prices in memory: the one computation behind the read model, the API and what is recommended.

use std::collections::BTreeMap;

use analytics::backtest::{BacktestError, Policy};
use analytics::figures::{Common, Episode, YearOfReturns, monthly_returns, simple_returns, top_drawdowns};
use analytics::{Figure, FigureParams, PortfolioFigures, PriceError, portfolio_figures};
use events::values::{AssetId, Currency};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::price_cache::{NoTable, Prices};
use crate::prices::SeriesError;

/// The set of definitions that the numbers follow; a change of any formula gives it a new name.
pub const DEFINITIONS: &str = "figures-1";

/// The window and the conventions that figures are computed by. [`Terms::default`]: all prices that there are, monthly
/// rebalancing, a risk-free rate of 0, no benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The first day of the window; open where there is none.
    pub from: Option<Date>,
    /// The last day of the window; open where there is none.
    pub to: Option<Date>,
    /// The annual risk-free rate, as a fraction.
    pub rf_annual: f64,
    /// How the portfolio is brought back to its targets.
    pub policy: Policy,
    /// What the portfolio is held against, if anything.
    pub benchmark: Option<AssetId>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { from: None, to: None, rf_annual: 0.0, policy: Policy::MONTHLY, benchmark: None }
    }
}

/// A portfolio's figures, with its way through the window.
#[derive(Debug)]
pub struct Figured {
    /// The figures; with a benchmark, those beside it too.
    pub of: PortfolioFigures,
    /// The sessions of the window.
    pub dates: Vec<Date>,
    /// The portfolio and its benchmark on the sessions of both, where one was named; or why there are none.
    pub beside: Option<Result<Common, NoFigures>>,
}

impl Figured {
    /// The value of one figure, or why there is none.
    ///
    /// # Errors
    /// The reason that the window has no such figure.
    pub fn get(&self, figure: Figure) -> Result<f64, analytics::NoFigure> {
        self.of.get(figure)
    }

    /// The portfolio and its benchmark on the sessions of both, where there are both.
    #[must_use]
    pub fn common(&self) -> Option<&Common> {
        self.beside.as_ref()?.as_ref().ok()
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
    /// Cash alone is worth the same on every day.
    #[error("cash alone has no trading days; there are figures beside what has prices")]
    OnlyCash,
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
            Self::OnlyCash => "only-cash",
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
            NoTable::OnlyCash => Self::OnlyCash,
            NoTable::Prices(error) => Self::Prices(error),
        }
    }
}

/// The figures of these targets, kept in this currency. `currencies` says in which each asset is priced, where that is
/// known.
///
/// # Errors
/// Why there are none at all.
pub fn figures(
    targets: &[(AssetId, Decimal)],
    kept_in: &str,
    currencies: &BTreeMap<AssetId, Currency>,
    prices: &Prices,
    terms: &Terms,
) -> Result<Figured, NoFigures> {
    let assets: Vec<AssetId> = targets.iter().map(|(asset, _)| asset.clone()).collect();
    assets.iter().try_for_each(|asset| in_currency(asset, kept_in, currencies))?;
    let table = prices.table(&assets, terms.from, terms.to)?;
    let weights: Vec<f64> = targets.iter().map(|(_, weight)| weight.to_f64().unwrap_or(f64::NAN)).collect();
    let params = FigureParams { rf_annual: terms.rf_annual, ..FigureParams::default() };
    let mut of = portfolio_figures(&table, &weights, terms.policy, &params)?;
    let dates = table.dates().to_vec();
    // The portfolio's own figures rest on its own sessions, whatever it is held against.
    let beside = terms.benchmark.as_ref().map(|benchmark| {
        in_currency(benchmark, kept_in, currencies)?;
        let benchmark = prices.series(benchmark, terms.from, terms.to)?;
        Ok(Common::of(&dates, &of.values, &benchmark))
    });
    if let Some(Ok(common)) = &beside {
        of.figures = of.figures.beside(common, &params);
    }
    Ok(Figured { of, dates, beside })
}

fn in_currency(asset: &AssetId, kept_in: &str, currencies: &BTreeMap<AssetId, Currency>) -> Result<(), NoFigures> {
    match currencies.get(asset) {
        Some(priced_in) if priced_in.as_str() != kept_in => {
            Err(NoFigures::OtherCurrency { asset: asset.clone(), priced_in: *priced_in, kept_in: kept_in.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}
