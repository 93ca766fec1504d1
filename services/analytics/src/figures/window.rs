//! All figures of one value series over its window.

use jiff::civil::Date;

use super::benchmark as relative;
use super::beside::{Common, Sample};
use super::definition::Figure;
use super::{
    Tail, best_day, cagr, cagr_calendar, calmar, correlation, cumulative, cvar_gaussian, days, kurtosis_excess,
    max_drawdown, mean_return, omega, quantile, sharpe, simple_returns, skew, sortino, ulcer_index, var_gaussian,
    volatility, win_rate, worst_day,
};
use crate::no_figure::NoFigure;
use crate::periods::PeriodsPerYear;

/// What figures depend on besides the values. Printed beside them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureParams {
    /// Risk-free rate a year as a fraction.
    pub rf_annual: f64,
    /// Required return a year as a fraction, for Omega.
    pub required_annual: f64,
    /// Returns in a year.
    pub periods: PeriodsPerYear,
    /// Whether annual growth is given for a window under one year. Off for what people see.
    pub annualise_short_windows: bool,
}

impl Default for FigureParams {
    fn default() -> FigureParams {
        let periods = PeriodsPerYear::SESSIONS;
        FigureParams { rf_annual: 0.0, required_annual: 0.0, periods, annualise_short_windows: false }
    }
}

/// Every [`Figure`] of a window, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    values: Vec<Result<f64, NoFigure>>,
    own: Sample,
    beside: Sample,
}

impl Figures {
    /// The figures of values on their dates, beside a benchmark's values on the same dates if there is one.
    pub fn of(dates: &[Date], values: &[f64], benchmark: Option<&[f64]>, params: &FigureParams) -> Figures {
        Figures::of_returns(dates, values, &simple_returns(values), benchmark.map(simple_returns).as_deref(), params)
    }

    /// The figures of an index whose returns are known already. `index` and `dates` are one longer than `returns`.
    pub fn of_returns(
        dates: &[Date],
        index: &[f64],
        returns: &[f64],
        benchmark: Option<&[f64]>,
        params: &FigureParams,
    ) -> Figures {
        let mut set = Setter(vec![Err(NoFigure::NoBenchmark); Figure::ALL.len()]);
        growth_figures(&mut set, dates, index, returns, params);
        tail_figures(&mut set, returns);
        set.put(Figure::Skew, skew(returns));
        set.put(Figure::KurtosisExcess, kurtosis_excess(returns));
        set.put(Figure::UlcerIndex, ulcer_index(index));
        set.put(Figure::BestDay, best_day(returns));
        set.put(Figure::WorstDay, worst_day(returns));
        set.put(Figure::WinRate, win_rate(returns));
        let own = Sample::of(dates);
        let beside = benchmark.map_or_else(Sample::default, |benchmark| {
            benchmark_figures(&mut set, cumulative(index), returns, benchmark, params);
            own
        });
        Figures { values: set.0, own, beside }
    }

    /// The same figures, and those beside a benchmark over the dates that both have: naming one changes no other figure.
    #[must_use]
    pub fn beside(self, common: &Common, params: &FigureParams) -> Figures {
        let mut set = Setter(self.values);
        let (returns, benchmark) = common.returns();
        benchmark_figures(&mut set, cumulative(common.values()), &returns, &benchmark, params);
        Figures { values: set.0, own: self.own, beside: common.sample() }
    }

    /// The days and the number of returns that the figure rests on: the series' own, or those that it has in common with
    /// its benchmark.
    pub fn rests_on(&self, figure: Figure) -> Sample {
        if figure.is_beside_a_benchmark() { self.beside } else { self.own }
    }

    /// The figure, or why there is none.
    ///
    /// # Errors
    /// The reason that the window has no such figure.
    pub fn get(&self, figure: Figure) -> Result<f64, NoFigure> {
        self.values[figure as usize]
    }

    /// Every figure with its value, in the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = (Figure, Result<f64, NoFigure>)> + '_ {
        Figure::ALL.iter().map(|&figure| (figure, self.get(figure)))
    }
}

struct Setter(Vec<Result<f64, NoFigure>>);

impl Setter {
    fn put(&mut self, figure: Figure, value: Result<f64, NoFigure>) {
        self.0[figure as usize] = value;
    }
}

fn growth_figures(set: &mut Setter, dates: &[Date], index: &[f64], returns: &[f64], params: &FigureParams) {
    let (n, periods) = (returns.len(), params.periods);
    let total = cumulative(index);
    set.put(Figure::Cumulative, total);
    let a_year = params.annualise_short_windows || crate::sums::count(n) >= periods.get();
    let long_enough = if a_year { Ok(()) } else { Err(NoFigure::ShorterThanOneYear { returns: n }) };
    let growth = long_enough.and(total).and_then(|total| cagr(total, n, periods));
    set.put(Figure::Cagr, growth);
    let calendar = match (dates.first(), dates.last()) {
        (Some(&first), Some(&last)) => total.and_then(|total| cagr_calendar(total, first, last)),
        _ => Err(NoFigure::TooFewReturns { needed: 1, got: 0 }),
    };
    set.put(Figure::CagrCalendar, long_enough.and(calendar));
    set.put(Figure::MeanDaily, mean_return(returns));
    set.put(Figure::Volatility, volatility(returns, periods));
    set.put(Figure::Sharpe, sharpe(returns, params.rf_annual, periods));
    set.put(Figure::Sortino, sortino(returns, params.rf_annual, periods));
    set.put(Figure::Omega, omega(returns, params.required_annual, periods));
    let deepest = max_drawdown(index);
    set.put(Figure::MaxDrawdown, deepest);
    set.put(Figure::Calmar, growth.and_then(|growth| calmar(growth, deepest?)));
}

fn tail_figures(set: &mut Setter, returns: &[f64]) {
    let tail = Tail::new(returns, 0.95);
    let of = |figure: fn(&Tail, f64) -> Result<f64, NoFigure>, confidence: f64| match &tail {
        Ok(tail) => figure(tail, confidence),
        Err(reason) => Err(*reason),
    };
    let low = of(Tail::var, 0.95);
    set.put(Figure::VarHist95, low);
    set.put(Figure::CvarHist95, of(Tail::cvar, 0.95));
    set.put(Figure::CvarRu95, of(Tail::cvar_rockafellar_uryasev, 0.95));
    set.put(Figure::VarHist99, of(Tail::var, 0.99));
    set.put(Figure::CvarHist99, of(Tail::cvar, 0.99));
    set.put(Figure::CvarRu99, of(Tail::cvar_rockafellar_uryasev, 0.99));
    set.put(Figure::VarGauss95, var_gaussian(returns, 0.95));
    set.put(Figure::CvarGauss95, cvar_gaussian(returns, 0.95));
    set.put(Figure::VarGauss99, var_gaussian(returns, 0.99));
    set.put(Figure::CvarGauss99, cvar_gaussian(returns, 0.99));
    let ratio = low.and_then(|low| days::tail_ratio_from(low, quantile(returns, 0.95)?));
    set.put(Figure::TailRatio, ratio);
}

fn benchmark_figures(
    set: &mut Setter,
    total: Result<f64, NoFigure>,
    returns: &[f64],
    benchmark: &[f64],
    params: &FigureParams,
) {
    let (rf, periods) = (params.rf_annual, params.periods);
    let slope = relative::beta(returns, benchmark);
    set.put(Figure::Beta, slope);
    set.put(Figure::AlphaArithmetic, relative::alpha_arithmetic(returns, benchmark, rf, periods));
    set.put(Figure::AlphaGeometric, relative::alpha_geometric(returns, benchmark, rf, periods));
    let rho = correlation(returns, benchmark);
    set.put(Figure::Correlation, rho);
    set.put(Figure::RSquared, rho.map(|rho| rho * rho));
    set.put(Figure::TrackingError, relative::tracking_error(returns, benchmark, periods));
    set.put(Figure::InformationRatioDaily, relative::information_ratio_daily(returns, benchmark));
    set.put(Figure::InformationRatio, relative::information_ratio(returns, benchmark, periods));
    set.put(Figure::ActiveReturn, relative::active_return(returns, benchmark, periods));
    set.put(Figure::TreynorTotal, total.and_then(|total| relative::treynor_total(total, slope?)));
    set.put(Figure::UpCapture, relative::up_capture(returns, benchmark, periods));
    set.put(Figure::DownCapture, relative::down_capture(returns, benchmark, periods));
}

#[cfg(test)]
mod tests {
    use super::{Common, Figure, FigureParams, Figures};
    use crate::no_figure::NoFigure;
    use crate::prices::Series;
    use jiff::civil::date;

    #[test]
    fn a_week_shows_no_annual_growth_but_its_cumulative_one() {
        let dates: Vec<_> = (1..=5).map(|day| date(2024, 1, day)).collect();
        let figures = Figures::of(&dates, &[1.0, 1.1, 1.0, 1.2, 1.3], None, &FigureParams::default());
        assert!((figures.get(Figure::Cumulative).unwrap() - 0.3).abs() < 1e-12);
        assert_eq!(figures.get(Figure::Cagr), Err(NoFigure::ShorterThanOneYear { returns: 4 }));
        assert_eq!(figures.get(Figure::Calmar), Err(NoFigure::ShorterThanOneYear { returns: 4 }));
        assert_eq!(figures.get(Figure::Beta), Err(NoFigure::NoBenchmark));
    }

    #[test]
    fn a_benchmark_with_other_sessions_changes_no_figure_but_those_beside_it() {
        let dates: Vec<_> = (1..=6).map(|day| date(2024, 1, day)).collect();
        let values = [1.0, 1.1, 1.0, 1.2, 1.3, 1.1];
        let params = FigureParams::default();
        let alone = Figures::of(&dates, &values, None, &params);
        let benchmark = Series::new(vec![dates[0], dates[2], dates[3], dates[5]], vec![5.0, 6.0, 5.0, 7.0]).unwrap();
        let beside = alone.clone().beside(&Common::of(&dates, &values, &benchmark), &params);
        for (figure, value) in beside.iter() {
            if figure.is_beside_a_benchmark() {
                assert_eq!(beside.rests_on(figure).returns, 3);
                assert!(value != Err(NoFigure::NoBenchmark), "{figure:?}");
            } else {
                assert_eq!((value, beside.rests_on(figure)), (alone.get(figure), alone.rests_on(figure)));
                assert_eq!(beside.rests_on(figure).returns, 5);
            }
        }
    }

    #[test]
    fn nothing_at_all_gives_reasons_only() {
        let figures = Figures::of(&[], &[], None, &FigureParams::default());
        assert!(figures.iter().all(|(_, value)| value.is_err()));
    }
}
