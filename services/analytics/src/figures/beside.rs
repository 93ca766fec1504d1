//! A series and its benchmark on the dates that both have: what beta and its kin rest on, and nothing else.

use jiff::civil::Date;

use super::benchmark::beta;
use super::returns::simple_returns;
use crate::no_figure::NoFigure;
use crate::prices::Series;

/// The days and the number of returns that a figure rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// The first day, whose value is the base; none without a value.
    pub start: Option<Date>,
    /// The last day.
    pub end: Option<Date>,
    /// How many returns there are.
    pub returns: usize,
}

impl Sample {
    /// The sample of values on these dates.
    pub fn of(dates: &[Date]) -> Sample {
        let (start, end) = (dates.first().copied(), dates.last().copied());
        Sample { start, end, returns: dates.len().saturating_sub(1) }
    }
}

/// Values of a series and closes of its benchmark on their common dates. A return over dates that one of both lacks lands,
/// for both, on the next date that they have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    dates: Vec<Date>,
    values: Vec<f64>,
    benchmark: Vec<f64>,
}

impl Common {
    /// The dates of the series that the benchmark has, too.
    pub fn of(dates: &[Date], values: &[f64], benchmark: &Series) -> Common {
        let mut common = Common { dates: Vec::new(), values: Vec::new(), benchmark: Vec::new() };
        for (&date, &value) in dates.iter().zip(values) {
            if let Ok(row) = benchmark.dates().binary_search(&date) {
                common.dates.push(date);
                common.values.push(value);
                common.benchmark.push(benchmark.closes()[row]);
            }
        }
        common
    }

    /// The common dates.
    pub fn dates(&self) -> &[Date] {
        &self.dates
    }

    /// What figures beside the benchmark rest on.
    pub fn sample(&self) -> Sample {
        Sample::of(&self.dates)
    }

    /// Values of the series on the common dates.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Returns of the series and of its benchmark between the common dates.
    pub fn returns(&self) -> (Vec<f64>, Vec<f64>) {
        (simple_returns(&self.values), simple_returns(&self.benchmark))
    }

    /// Beta of each full window of `window` returns, with the date on which the window ends. Empty when the window is zero
    /// or longer than the returns.
    pub fn rolling_beta(&self, window: usize) -> Vec<(Date, Result<f64, NoFigure>)> {
        let (series, benchmark) = self.returns();
        if window == 0 || window > series.len() {
            return Vec::new();
        }
        let windows = series.windows(window).zip(benchmark.windows(window));
        self.dates[window..].iter().zip(windows).map(|(&date, (r, b))| (date, beta(r, b))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Common, Sample};
    use crate::prices::Series;
    use jiff::civil::date;

    fn days(days: impl IntoIterator<Item = i8>) -> Vec<jiff::civil::Date> {
        days.into_iter().map(|day| date(2024, 1, day)).collect()
    }

    #[test]
    fn only_dates_of_both_count_and_a_gap_lands_on_the_next() {
        let benchmark = Series::new(days([1, 2, 4, 6]), vec![10.0, 11.0, 12.0, 13.0]).unwrap();
        let common = Common::of(&days(1..=5), &[1.0, 2.0, 3.0, 4.0, 5.0], &benchmark);
        assert_eq!(common.dates(), days([1, 2, 4]));
        assert_eq!(common.returns().0, [1.0, 1.0]);
        assert_eq!(common.sample(), Sample { start: Some(date(2024, 1, 1)), end: Some(date(2024, 1, 4)), returns: 2 });
    }

    #[test]
    fn beta_moves_over_the_common_dates_in_full_windows_only() {
        let closes = [10.0, 11.0, 10.0, 12.0, 11.0, 13.0];
        let benchmark = Series::new(days(1..=6), closes.to_vec()).unwrap();
        let common = Common::of(&days([1, 2, 3, 5, 6]), &[10.0, 11.0, 10.0, 11.0, 13.0], &benchmark);
        let rolled = common.rolling_beta(2);
        assert_eq!(rolled.iter().map(|(date, _)| *date).collect::<Vec<_>>(), days([3, 5, 6]));
        assert!(rolled.iter().all(|(_, beta)| (beta.as_ref().unwrap() - 1.0).abs() < 1e-12));
        assert!(common.rolling_beta(0).is_empty() && common.rolling_beta(5).is_empty());
    }
}
