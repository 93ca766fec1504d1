//! The figures of a letter, each with what it means in words.

use events::values::{AdvisedFigure, Currency, FiguresSnapshot, Language};
use serde::Serialize;

use super::missing;
use super::numbers::{day, percent, ratio};

/// One figure: its name, its value and what it says.
#[derive(Serialize)]
pub(super) struct Line {
    name: &'static str,
    value: String,
    meaning: String,
}

/// Every figure of the snapshot, in the order in which people ask for them; one that is not there with the reason, where
/// that is on record.
pub(super) fn lines(language: Language, figures: &FiguresSnapshot, currency: Currency) -> Vec<Line> {
    let words = match language {
        Language::English => english(figures),
        Language::BrazilianPortuguese => portuguese(figures),
    };
    let values = [
        percent(language, figures.cumulative),
        percent(language, figures.cagr),
        percent(language, figures.volatility),
        ratio(language, figures.sharpe),
        percent(language, figures.max_drawdown),
    ];
    let line = |((figure, (name, meaning)), value): ((AdvisedFigure, (&'static str, String)), String)| {
        let why = missing::told(language, figures, figure, currency);
        let meaning = [Some(meaning), why].into_iter().flatten().collect::<Vec<_>>().join(" ");
        Line { name, value, meaning }
    };
    AdvisedFigure::ALL.into_iter().zip(words).zip(values).map(line).collect()
}

/// Names and meanings, in the order of the values.
fn english(figures: &FiguresSnapshot) -> [(&'static str, String); 5] {
    let language = Language::English;
    let risk_free = percent(language, Some(figures.risk_free_rate));
    let fall = "The largest loss from a peak to the lowest point before the next one (maximum drawdown)";
    let fall = match (figures.drawdown_peak, figures.drawdown_valley) {
        (Some(peak), Some(valley)) => format!("{fall}: from {} to {}.", day(language, peak), day(language, valley)),
        _ => format!("{fall}."),
    };
    [
        ("Total return", "By how much the value would have grown from the first day to the last.".to_owned()),
        (
            "Growth a year",
            "The steady yearly rate that leads to the same total return (compound annual growth rate, 252 trading days a year)."
                .to_owned(),
        ),
        (
            "Volatility",
            "How widely the daily returns scatter about their mean, as a standard deviation, scaled to a year.".to_owned(),
        ),
        (
            "Sharpe ratio",
            format!(
                "The mean return above a risk-free rate of {risk_free} a year, for each unit of its own volatility, scaled to a year."
            ),
        ),
        ("Deepest fall", fall),
    ]
}

fn portuguese(figures: &FiguresSnapshot) -> [(&'static str, String); 5] {
    let language = Language::BrazilianPortuguese;
    let risk_free = percent(language, Some(figures.risk_free_rate));
    let fall = "A maior perda de um pico até o ponto mais baixo antes do pico seguinte (drawdown máximo)";
    let fall = match (figures.drawdown_peak, figures.drawdown_valley) {
        (Some(peak), Some(valley)) => format!("{fall}: de {} a {}.", day(language, peak), day(language, valley)),
        _ => format!("{fall}."),
    };
    [
        ("Retorno total", "Quanto o valor teria crescido do primeiro ao último dia.".to_owned()),
        (
            "Crescimento ao ano",
            "A taxa anual constante que leva ao mesmo retorno total (taxa composta, 252 pregões por ano).".to_owned(),
        ),
        (
            "Volatilidade",
            "Quanto os retornos diários se dispersam em torno da média: desvio padrão, em base anual.".to_owned(),
        ),
        (
            "Índice de Sharpe",
            format!(
                "O retorno médio acima de uma taxa livre de risco de {risk_free} ao ano, por unidade de sua própria volatilidade, em base anual."
            ),
        ),
        ("Maior queda", fall),
    ]
}
