//! Why a figure is not there, in the client's words: by the reason's name, which is one of a few. The record keeps the
//! details for whoever looks into it.

use events::values::{AdvisedFigure, Currency, FiguresSnapshot, Language, NoFigureReason};

/// A sentence on why this figure is not there; nothing where it is there, or nobody wrote down why not.
pub(super) fn told(
    language: Language,
    figures: &FiguresSnapshot,
    figure: AdvisedFigure,
    currency: Currency,
) -> Option<String> {
    let because = because(language, figures.missing.get(&figure)?, currency)?;
    Some(match language {
        Language::English => format!("It is not available because {because}."),
        Language::BrazilianPortuguese => format!("Não está disponível porque {because}."),
    })
}

/// A sentence on why there are no figures at all, for where there are none.
pub(super) fn told_of_all(language: Language, figures: &FiguresSnapshot, currency: Currency) -> String {
    // What has any figure has this one.
    let why = figures.missing.get(&AdvisedFigure::Cumulative);
    let none = match language {
        Language::English => "There are no figures of this allocation",
        Language::BrazilianPortuguese => "Não há números desta alocação",
    };
    match (language, why.and_then(|why| because(language, why, currency))) {
        (Language::English, Some(because)) => format!("{none} because {because}."),
        (Language::BrazilianPortuguese, Some(because)) => format!("{none} porque {because}."),
        (_, None) if why.is_some() => format!("{none}."),
        // Advice of the time before reasons were kept.
        (Language::English, None) => format!(
            "{none}: its assets have no past closing prices in {currency} that go far enough together to compute any."
        ),
        (Language::BrazilianPortuguese, None) => format!(
            "{none}: seus ativos não têm, em {currency}, preços de fechamento passados em comum que bastem para \
             calculá-los."
        ),
    }
}

/// What follows a "because"; nothing for a reason that has no words here.
fn because(language: Language, why: &NoFigureReason, currency: Currency) -> Option<String> {
    let (english, portuguese) = match why.code.as_str() {
        "no-prices" => (
            "at least one of the assets has no past closing prices that they could be computed from",
            "pelo menos um dos ativos não tem preços de fechamento passados com que calculá-los",
        ),
        "prices-in-other-currency" => {
            return Some(match language {
                Language::English => format!("at least one of the assets is not priced in {currency}"),
                Language::BrazilianPortuguese => format!("pelo menos um dos ativos não é cotado em {currency}"),
            });
        }
        "payment-not-below-price" => (
            "the prices and the payments on record of at least one of the assets contradict each other",
            "os preços e os pagamentos registrados de pelo menos um dos ativos se contradizem",
        ),
        "prices-unusable" => (
            "the prices on record of at least one of the assets cannot be used",
            "os preços registrados de pelo menos um dos ativos não podem ser usados",
        ),
        "only-cash" => (
            "all of it is money in accounts, which has no daily prices",
            "tudo é dinheiro em conta, que não tem preços diários",
        ),
        "no-common-session" => (
            "there is no day on which all of the assets have a closing price",
            "não há dia em que todos os ativos tenham preço de fechamento",
        ),
        "not-computable" => (
            "the allocation cannot be followed through the past prices",
            "não é possível acompanhar a alocação ao longo dos preços passados",
        ),
        "too-few-returns" => (
            "there are too few days on which all of the assets have a closing price",
            "há poucos dias em que todos os ativos têm preço de fechamento",
        ),
        "shorter-than-one-year" => {
            ("the prices cover less than a year of trading days", "os preços cobrem menos de um ano de pregões")
        }
        "no-variation" => ("the daily returns do not vary", "os retornos diários não variam"),
        "wiped-out" => ("the value fell to zero", "o valor caiu a zero"),
        "out-of-range" => {
            ("the result is beyond what numbers can tell", "o resultado está além do que números podem dizer")
        }
        _ => return None,
    };
    Some(match language {
        Language::English => english.to_owned(),
        Language::BrazilianPortuguese => portuguese.to_owned(),
    })
}
