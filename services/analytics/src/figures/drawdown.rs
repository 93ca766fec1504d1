//! Falls from an earlier high.

use jiff::civil::Date;

use crate::no_figure::{NoFigure, at_least, finite};

/// The deepest fall from an earlier high as a fraction, zero or negative. The first value counts as a high, so that a
/// loss on the first day is one.
///
/// # Errors
/// [`NoFigure::TooFewReturns`] with fewer than two values.
pub fn max_drawdown(values: &[f64]) -> Result<f64, NoFigure> {
    at_least(1, values.len().saturating_sub(1))?;
    let (mut high, mut deepest) = (values[0], 0.0_f64);
    for &value in values {
        high = high.max(value);
        deepest = deepest.min(value / high - 1.0);
    }
    finite(deepest)
}

/// Fall from the running high at each value, zero or negative; as many as the values.
pub fn underwater(values: &[f64]) -> Vec<f64> {
    let mut high = f64::NEG_INFINITY;
    let fall = |&value: &f64| {
        high = high.max(value);
        value / high - 1.0
    };
    values.iter().map(fall).collect()
}

/// One fall and its recovery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Episode {
    /// Last day at the high; a later equal high moves it.
    pub peak: Date,
    /// First day under water.
    pub start: Date,
    /// First day at the lowest value.
    pub valley: Date,
    /// First day back at the high or above, or nothing yet.
    pub recovery: Option<Date>,
    /// Depth as a negative fraction of the high.
    pub depth: f64,
    /// Calendar days from peak to valley.
    pub days_peak_to_valley: i32,
    /// Calendar days from peak to recovery.
    pub days_peak_to_recovery: Option<i32>,
    /// Sessions from peak to valley.
    pub sessions_peak_to_valley: usize,
    /// Sessions from peak to recovery.
    pub sessions_peak_to_recovery: Option<usize>,
}

/// All falls in the order of time. `dates` and `values` have the same length.
pub fn drawdowns(dates: &[Date], values: &[f64]) -> Vec<Episode> {
    let mut episodes = Vec::new();
    let mut peak = 0;
    let mut valley = None;
    for row in 1..values.len().min(dates.len()) {
        if values[row] >= values[peak] {
            if let Some(valley) = valley.take() {
                episodes.push(episode(dates, values, peak, valley, Some(row)));
            }
            peak = row;
        } else if valley.is_none_or(|valley: usize| values[row] < values[valley]) {
            valley = Some(row);
        }
    }
    if let Some(valley) = valley {
        episodes.push(episode(dates, values, peak, valley, None));
    }
    episodes
}

/// The `n` deepest falls, deepest first; of equally deep ones the earlier.
pub fn top_drawdowns(dates: &[Date], values: &[f64], n: usize) -> Vec<Episode> {
    let mut episodes = drawdowns(dates, values);
    episodes.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    episodes.truncate(n);
    episodes
}

fn episode(dates: &[Date], values: &[f64], peak: usize, valley: usize, recovery: Option<usize>) -> Episode {
    let days = |row: usize| (dates[row] - dates[peak]).get_days();
    Episode {
        peak: dates[peak],
        start: dates[peak + 1],
        valley: dates[valley],
        recovery: recovery.map(|row| dates[row]),
        depth: values[valley] / values[peak] - 1.0,
        days_peak_to_valley: days(valley),
        days_peak_to_recovery: recovery.map(days),
        sessions_peak_to_valley: valley - peak,
        sessions_peak_to_recovery: recovery.map(|row| row - peak),
    }
}

#[cfg(test)]
mod tests {
    use super::{drawdowns, max_drawdown, top_drawdowns, underwater};
    use jiff::civil::date;

    #[test]
    fn a_loss_on_the_first_day_counts() {
        assert!((max_drawdown(&[1.0, 0.9, 0.95]).unwrap() + 0.1).abs() < 1e-15);
        assert_eq!(underwater(&[2.0, 1.0, 3.0]), vec![0.0, -0.5, 0.0]);
    }

    #[test]
    fn two_falls_one_of_them_open() {
        let dates: Vec<_> = (1..=6).map(|day| date(2024, 1, day)).collect();
        let values = [10.0, 10.0, 9.0, 10.0, 5.0, 7.0];
        let falls = drawdowns(&dates, &values);
        assert_eq!(falls.len(), 2);
        assert_eq!((falls[0].peak, falls[0].start, falls[0].recovery), (dates[1], dates[2], Some(dates[3])));
        assert_eq!((falls[1].peak, falls[1].valley, falls[1].recovery), (dates[3], dates[4], None));
        assert_eq!(top_drawdowns(&dates, &values, 1), vec![falls[1]]);
    }
}
