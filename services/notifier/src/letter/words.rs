//! The words of a letter, apart from its page: one set for each language, in the same order.

use events::values::{Currency, FiguresSnapshot, Language, Name};
use jiff::civil::Date;
use serde::Serialize;

use super::numbers::{count, day};

/// What stands in a letter whatever is recommended.
#[derive(Serialize)]
pub(super) struct Fixed {
    /// The language's tag.
    lang: &'static str,
    /// What a list of mails shows beside the subject.
    preview: &'static str,
    kind: &'static str,
    greeting: String,
    /// The first sentence: the portfolio's name stands between.
    intro_before: &'static str,
    intro_after: &'static str,
    why: &'static str,
    allocation: &'static str,
    asset: &'static str,
    weight: &'static str,
    figures: &'static str,
    hypothetical: &'static str,
    caveat: &'static str,
    costs: &'static str,
    ask: &'static str,
    yours: &'static str,
    recommendation: &'static str,
    portfolio: &'static str,
    version: &'static str,
    definitions: &'static str,
    prices: &'static str,
}

/// The words that stand in every letter to this client.
pub(super) fn fixed(language: Language, client: &Name) -> Fixed {
    match language {
        Language::English => Fixed {
            lang: "en",
            preview: "The allocation, the reasons and the figures that the advice rests on.",
            kind: "Investment recommendation",
            greeting: format!("Dear {client},"),
            intro_before: "I recommend the portfolio",
            intro_after: " to you. What it holds, why I recommend it, and the figures that my advice rests on follow \
                          below.",
            why: "Why",
            allocation: "The recommended allocation",
            asset: "Asset",
            weight: "Weight",
            figures: "The figures",
            hypothetical: "These figures are hypothetical.",
            caveat: "Nobody held this portfolio over that time; it is put together with hindsight, without costs, fees \
                     and taxes. Past performance, real or hypothetical, does not tell what the future brings, and you may \
                     get back less than you put in.",
            costs: "The costs",
            ask: "Please talk to me if you have a question, and before you act on anything in this letter that you did \
                  not expect.",
            yours: "Yours sincerely,",
            recommendation: "Recommendation",
            portfolio: "Portfolio",
            version: "version",
            definitions: "Definitions of the figures",
            prices: "prices as of",
        },
        Language::BrazilianPortuguese => Fixed {
            lang: "pt-BR",
            preview: "A alocação, os motivos e os números em que a recomendação se apoia.",
            kind: "Recomendação de investimento",
            greeting: format!("{client},"),
            intro_before: "recomendo a você a carteira",
            intro_after: ". A seguir estão sua composição, os motivos da recomendação e os números em que ela se apoia.",
            why: "Por quê",
            allocation: "A alocação recomendada",
            asset: "Ativo",
            weight: "Peso",
            figures: "Os números",
            hypothetical: "Estes números são hipotéticos.",
            caveat: "Ninguém manteve esta carteira nesse período; ela foi composta com conhecimento posterior, sem \
                     custos, taxas e impostos. Rentabilidade passada, real ou hipotética, não é garantia de \
                     rentabilidade futura, e você pode receber menos do que investiu.",
            costs: "Os custos",
            ask: "Fale comigo se tiver alguma dúvida, e antes de agir com base em algo nesta carta que você não \
                  esperava.",
            yours: "Atenciosamente,",
            recommendation: "Recomendação",
            portfolio: "Carteira",
            version: "versão",
            definitions: "Definições dos números",
            prices: "preços na posição",
        },
    }
}

/// The subject line: the firm and nobody else.
pub(super) fn subject(language: Language, firm: &Name) -> String {
    match language {
        Language::English => format!("Your investment recommendation from {firm}"),
        Language::BrazilianPortuguese => format!("Sua recomendação de investimento de {firm}"),
    }
}

/// On which days the figures rest.
pub(super) fn window(language: Language, figures: &FiguresSnapshot, currency: Currency) -> String {
    let (start, end) = (day(language, figures.start), day(language, figures.end));
    let returns = count(language, figures.returns);
    match language {
        Language::English => format!(
            "The recommended allocation, brought back to these weights every month, applied to past closing prices from \
             {start} to {end}: {returns} daily returns, in {currency}."
        ),
        Language::BrazilianPortuguese => format!(
            "A alocação recomendada, trazida de volta a esses pesos todo mês, aplicada a preços de fechamento passados de \
             {start} a {end}: {returns} retornos diários, em {currency}."
        ),
    }
}

/// Until when the advice holds.
pub(super) fn holds(language: Language, last: Date) -> String {
    let last = day(language, last);
    match language {
        Language::English => format!("This recommendation holds until {last}; after that day, ask me for another."),
        Language::BrazilianPortuguese => {
            format!("Esta recomendação vale até {last}; depois desse dia, peça-me uma nova.")
        }
    }
}
