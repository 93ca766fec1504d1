//! A portfolio's figures: prices from memory, numbers from `analytics`, computed away from the async threads.

pub mod views;

use std::collections::BTreeMap;

use analytics::Figure;
use analytics::backtest::Policy;
use events::Position;
use events::values::{AdvisedFigure, AssetId, FiguresSnapshot, Interest, InterestRate, NoFigureReason};
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
use views::ReasonView;

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
    /// The figures as a recommendation keeps them, with the reason of each that is not there. `today` stands in for the
    /// window where there is none.
    #[must_use]
    pub fn snapshot(&self, asked: &Asked, today: Date) -> FiguresSnapshot {
        let figures = self.figures.as_ref().ok();
        let value = |figure| self.advised(figure).ok();
        let fall = figures.and_then(|figures| figures.of.deepest_drawdown);
        FiguresSnapshot {
            definitions: DEFINITIONS.to_owned(),
            start: figures.map_or(today, |figures| figures.of.start),
            end: figures.map_or(today, |figures| figures.of.end),
            returns: figures.map_or(0, |figures| u32::try_from(figures.of.n_returns).unwrap_or(u32::MAX)),
            risk_free_rate: asked.risk_free_rate.to_f64().unwrap_or_default(),
            cumulative: value(AdvisedFigure::Cumulative),
            cagr: value(AdvisedFigure::Cagr),
            volatility: value(AdvisedFigure::Volatility),
            sharpe: value(AdvisedFigure::Sharpe),
            max_drawdown: value(AdvisedFigure::MaxDrawdown),
            drawdown_peak: fall.map(|fall| fall.peak),
            drawdown_valley: fall.map(|fall| fall.valley),
            prices_position: self.prices_position,
            cash: self.cash(figures.map_or(today, |figures| figures.of.end)),
            missing: self.missing(),
        }
    }

    /// The figure that advice rests on, or why it is not there, as whoever asks for figures is told it.
    fn advised(&self, figure: AdvisedFigure) -> Result<f64, ReasonView> {
        self.figures.as_ref().map_err(ReasonView::from)?.get(computed(figure)).map_err(ReasonView::from)
    }

    fn missing(&self) -> BTreeMap<AdvisedFigure, NoFigureReason> {
        let why = |figure| Some((figure, kept(&self.advised(figure).err()?)));
        AdvisedFigure::ALL.into_iter().filter_map(why).collect()
    }

    /// Those of the assets that are cash, each with the last interest until this day.
    fn cash(&self, last: Date) -> BTreeMap<AssetId, Option<Interest>> {
        let cash = self.coverage.iter().filter_map(|of| Some((of.asset.clone(), of.interest.as_ref()?)));
        cash.map(|(asset, interest)| (asset, last_of(interest, last))).collect()
    }
}

/// As what the figure is computed.
const fn computed(figure: AdvisedFigure) -> Figure {
    match figure {
        AdvisedFigure::Cumulative => Figure::Cumulative,
        AdvisedFigure::Cagr => Figure::Cagr,
        AdvisedFigure::Volatility => Figure::Volatility,
        AdvisedFigure::Sharpe => Figure::Sharpe,
        AdvisedFigure::MaxDrawdown => Figure::MaxDrawdown,
    }
}

/// The reason as the log keeps it.
fn kept(reason: &ReasonView) -> NoFigureReason {
    NoFigureReason::parse(&reason.code, &reason.detail)
        .expect("reasons are short words of ours around numbers, days, and the symbols of assets that are listed")
}

/// What is earned on this day.
fn last_of(interest: &[InterestView], day: Date) -> Option<Interest> {
    let said = interest.iter().rev().find(|said| said.from <= day)?;
    // What stands in the log has been a rate.
    Some(Interest { from: said.from, rate: InterestRate::try_new(said.rate).ok()? })
}

#[cfg(test)]
mod tests {
    use analytics::backtest::BacktestError;
    use analytics::{NoFigure, PriceError};
    use events::values::{AdvisedFigure, AssetId, Currency};
    use events::{Position, Stream};
    use jiff::civil::date;
    use projections::prices::{AsOf, SeriesError};
    use rust_decimal::Decimal;

    use super::views::{ReasonView, figure_views};
    use super::{Asked, Computed, NoFigures, Rebalancing, computed, kept};

    fn nothing(why: NoFigures) -> Computed {
        let prices_position = Position { stream: Stream::Market, sequence: 3 };
        Computed { figures: Err(why), coverage: Vec::new(), prices_position }
    }

    fn asked() -> Asked {
        Asked {
            from: None,
            to: None,
            risk_free_rate: Decimal::ZERO,
            rebalancing: Rebalancing::Monthly,
            benchmark: None,
            as_of: AsOf::Now,
        }
    }

    fn asset() -> AssetId {
        AssetId::parse("^GSPC").unwrap()
    }

    #[test]
    fn a_figure_that_advice_rests_on_has_the_name_that_it_has_when_it_is_asked_for() {
        for figure in AdvisedFigure::ALL {
            assert_eq!(figure.word(), computed(figure).definition().id);
        }
    }

    #[test]
    fn without_prices_advice_keeps_the_reason_that_whoever_asks_for_figures_is_told() {
        let none = nothing(NoFigures::NoPrices(asset()));
        let kept = none.snapshot(&asked(), date(2026, 3, 4));
        assert_eq!((kept.returns, kept.missing.len()), (0, AdvisedFigure::ALL.len()));
        for view in figure_views(&none.figures) {
            let Some(figure) = AdvisedFigure::parse(view.id) else { continue };
            let (kept, told) = (&kept.missing[&figure], view.reason.unwrap());
            assert_eq!((kept.code.as_str(), kept.detail.as_str()), (&*told.code, &*told.detail));
        }
    }

    #[test]
    fn every_reason_can_be_kept() {
        let unfit = |why| NoFigures::Unfit { asset: asset(), why };
        let priced_in = Currency::parse("BRL").unwrap();
        let day = date(2026, 3, 4);
        for why in [
            NoFigures::NoPrices(asset()),
            NoFigures::OtherCurrency { asset: asset(), priced_in, kept_in: "USD".to_owned() },
            unfit(SeriesError::Prices(PriceError::PaymentNotBelowPrice { date: day, payment: 1e300, before: 1e-300 })),
            unfit(SeriesError::OutOfRange(day)),
            NoFigures::OnlyCash,
            NoFigures::Prices(PriceError::NoCommonSession),
            NoFigures::Prices(PriceError::TooMany { rows: usize::MAX, assets: usize::MAX }),
            NoFigures::Backtest(BacktestError::WeightsDoNotAddUp(f64::NAN)),
        ] {
            assert_eq!(kept(&ReasonView::from(&why)).code.as_str(), why.code());
        }
        for why in [
            NoFigure::TooFewReturns { needed: 2, got: 1 },
            NoFigure::ShorterThanOneYear { returns: 251 },
            NoFigure::NoVariation,
            NoFigure::WipedOut,
            NoFigure::OutOfRange,
        ] {
            assert_eq!(kept(&why.into()).detail.as_str(), why.to_string());
        }
    }
}
