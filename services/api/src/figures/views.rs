//! How figures travel: each number with its definition, and `null` with the reason where there is none.

use std::borrow::Cow;

use analytics::figures::{Episode, Sample, YearOfReturns};
use analytics::{Figure, Figures, NoFigure};
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Figured, NoFigures};

/// The days that figures rest on.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowView {
    /// The first day, whose close is the base.
    #[schema(required, value_type = Option<String>, format = Date)]
    pub start: Option<Date>,
    /// The last day.
    #[schema(required, value_type = Option<String>, format = Date)]
    pub end: Option<Date>,
    /// How many daily returns there are.
    pub returns: usize,
}

/// One figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct FigureView {
    /// Its stable name.
    #[schema(example = "sharpe")]
    pub id: &'static str,
    /// Its name for people.
    #[schema(example = "Sharpe ratio")]
    pub name: &'static str,
    /// The number; `null` where there is none.
    #[schema(required)]
    pub value: Option<f64>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonView>,
    /// How to read it: `fraction`, `fraction a year`, `ratio`.
    pub unit: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// How many returns it rests on: the portfolio's own, or those that it has in common with its benchmark.
    pub n: usize,
}

/// Why there is no number.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonView {
    /// A stable name.
    #[schema(value_type = String, example = "shorter-than-one-year")]
    pub code: Cow<'static, str>,
    /// For people.
    pub detail: String,
}

/// A fall from an earlier high.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrawdownView {
    /// How deep, as a negative fraction of the high.
    pub depth: f64,
    /// The last day at the high.
    #[schema(value_type = String, format = Date)]
    pub peak: Date,
    /// The first day under water.
    #[schema(value_type = String, format = Date)]
    pub start: Date,
    /// The lowest day.
    #[schema(value_type = String, format = Date)]
    pub valley: Date,
    /// The first day back at the high; `null` where it is not back yet.
    #[schema(required, value_type = Option<String>, format = Date)]
    pub recovery: Option<Date>,
    /// Calendar days from the high to the lowest day.
    pub days_peak_to_valley: i32,
    /// Calendar days from the high until it is back there.
    #[schema(required)]
    pub days_peak_to_recovery: Option<i32>,
    /// Sessions from the high to the lowest day.
    pub sessions_peak_to_valley: usize,
    /// Sessions from the high until it is back there.
    #[schema(required)]
    pub sessions_peak_to_recovery: Option<usize>,
}

/// Returns of one calendar year.
#[derive(Debug, Serialize, ToSchema)]
pub struct YearView {
    /// The year.
    #[schema(example = 2023)]
    pub year: i16,
    /// January to December as fractions; `null` where the window has no return.
    pub months: Vec<Option<f64>>,
    /// The whole year's part of the window, as a fraction.
    pub total: f64,
}

/// Correlations of the assets' daily returns.
#[derive(Debug, Serialize, ToSchema)]
pub struct CorrelationView {
    /// The assets of rows and columns.
    pub assets: Vec<String>,
    /// The rows; `null` where there is none, such as for an asset whose price never moves.
    pub rows: Vec<Vec<Option<f64>>>,
}

/// The days that a computation rests on.
pub fn window_view(dates: &[Date]) -> WindowView {
    WindowView { start: dates.first().copied(), end: dates.last().copied(), returns: dates.len().saturating_sub(1) }
}

/// What figures beside a benchmark rest on.
pub fn sample_view(sample: Sample) -> WindowView {
    WindowView { start: sample.start, end: sample.end, returns: sample.returns }
}

/// Every figure there is; those that need a benchmark only where there is one.
pub fn of_window(figures: &Figures) -> Vec<FigureView> {
    let given = figures.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
    let view = |(figure, value): (Figure, Result<f64, NoFigure>)| {
        one(figure, figures.rests_on(figure).returns, value.map_err(ReasonView::from))
    };
    given.map(view).collect()
}

/// Every figure of a portfolio, or for each why there is none.
pub fn figure_views(figures: &Result<Figured, NoFigures>) -> Vec<FigureView> {
    match figures {
        Ok(figured) => {
            let mut views = of_window(&figured.of.figures);
            if let Some(Err(why)) = &figured.beside {
                let beside = Figure::ALL.iter().filter(|figure| figure.is_beside_a_benchmark());
                views.extend(beside.map(|&figure| one(figure, 0, Err(ReasonView::from(why)))));
            }
            views
        }
        Err(why) => {
            let reason = ReasonView::from(why);
            let without_benchmark = Figures::of(&[], &[], None, &analytics::FigureParams::default());
            let named = without_benchmark.iter().filter(|(_, value)| *value != Err(NoFigure::NoBenchmark));
            named.map(|(figure, _)| one(figure, 0, Err(reason.clone()))).collect()
        }
    }
}

fn one(figure: Figure, n: usize, value: Result<f64, ReasonView>) -> FigureView {
    let definition = figure.definition();
    let (value, reason) = match value {
        Ok(value) => (Some(value), None),
        Err(reason) => (None, Some(reason)),
    };
    let (id, name, unit, formula) = (definition.id, definition.name, definition.unit.name(), definition.formula);
    FigureView { id, name, value, reason, unit, formula, n }
}

impl From<NoFigure> for ReasonView {
    fn from(why: NoFigure) -> Self {
        Self { code: why.code().into(), detail: why.to_string() }
    }
}

impl From<&NoFigures> for ReasonView {
    fn from(why: &NoFigures) -> Self {
        Self { code: why.code().into(), detail: why.to_string() }
    }
}

impl From<Episode> for DrawdownView {
    fn from(fall: Episode) -> Self {
        Self {
            depth: fall.depth,
            peak: fall.peak,
            start: fall.start,
            valley: fall.valley,
            recovery: fall.recovery,
            days_peak_to_valley: fall.days_peak_to_valley,
            days_peak_to_recovery: fall.days_peak_to_recovery,
            sessions_peak_to_valley: fall.sessions_peak_to_valley,
            sessions_peak_to_recovery: fall.sessions_peak_to_recovery,
        }
    }
}

impl From<YearOfReturns> for YearView {
    fn from(year: YearOfReturns) -> Self {
        Self { year: year.year, months: year.months.to_vec(), total: year.total }
    }
}

/// Correlations, empty where there are no figures.
pub fn correlation_view(figured: Option<&Figured>) -> CorrelationView {
    let (assets, rows) = figured.map_or_else(Default::default, |figured| {
        let correlation = &figured.of.correlation;
        let rows = correlation.rows().map(|row| row.iter().map(|cell| cell.as_ref().ok().copied()).collect());
        (correlation.assets().to_vec(), rows.collect())
    });
    CorrelationView { assets, rows }
}

#[cfg(test)]
mod tests {
    use events::values::AssetId;

    use super::figure_views;
    use crate::figures::NoFigures;

    #[test]
    fn without_prices_every_figure_says_why_it_is_not_there() {
        let none = Err(NoFigures::NoPrices(AssetId::parse("A").unwrap()));
        let views = figure_views(&none);
        assert!(views.iter().any(|view| view.id == "sharpe"));
        assert!(views.iter().all(|view| view.value.is_none() && view.reason.as_ref().unwrap().code == "no-prices"));
    }
}
