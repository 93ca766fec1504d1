//! The figures of a letter, each with what it means in words.

use events::values::FiguresSnapshot;
use serde::Serialize;

use super::numbers::{day, percent, ratio};

/// One figure: its name, its value and what it says.
#[derive(Serialize)]
pub(super) struct Line {
    name: &'static str,
    value: String,
    meaning: String,
}

/// Every figure of the snapshot, in the order in which people ask for them.
pub(super) fn lines(figures: &FiguresSnapshot) -> Vec<Line> {
    let risk_free = percent(Some(figures.risk_free_rate));
    let line = |name, value, meaning: &str| Line { name, value, meaning: meaning.to_owned() };
    vec![
        line(
            "Total return",
            percent(figures.cumulative),
            "By how much the value would have grown from the first day to the last.",
        ),
        line(
            "Growth a year",
            percent(figures.cagr),
            "The steady yearly rate that leads to the same total return (compound annual growth rate, 252 trading days a year).",
        ),
        line(
            "Volatility",
            percent(figures.volatility),
            "How widely the daily returns scatter about their mean, as a standard deviation, scaled to a year.",
        ),
        line(
            "Sharpe ratio",
            ratio(figures.sharpe),
            &format!(
                "The mean return above a risk-free rate of {risk_free} a year, for each unit of its own volatility, scaled to a year."
            ),
        ),
        line("Deepest fall", percent(figures.max_drawdown), &fall(figures)),
    ]
}

fn fall(figures: &FiguresSnapshot) -> String {
    let what = "The largest loss from a peak to the lowest point before the next one (maximum drawdown)";
    match (figures.drawdown_peak, figures.drawdown_valley) {
        (Some(peak), Some(valley)) => format!("{what}: from {} to {}.", day(peak), day(valley)),
        _ => format!("{what}."),
    }
}
