//! What of an allocation is cash, and what it earns: a letter that is silent of it would leave the figures half explained.

use events::values::{AssetId, Currency, FiguresSnapshot, Interest, Language};

use super::numbers::{day, rate};

/// A sentence or two on each asset that is cash.
pub(super) fn told(language: Language, figures: &FiguresSnapshot, currency: Currency) -> Vec<String> {
    let one = |(asset, interest): (&AssetId, &Option<Interest>)| {
        let is = match language {
            Language::English => format!("{asset} is money in an account, in {currency}."),
            Language::BrazilianPortuguese => format!("{asset} é dinheiro em conta, em {currency}."),
        };
        // Without a return there were no figures.
        if figures.returns == 0 { is } else { format!("{is} {}", earned(language, figures, interest.as_ref())) }
    };
    figures.cash.iter().map(one).collect()
}

fn earned(language: Language, figures: &FiguresSnapshot, interest: Option<&Interest>) -> String {
    let Some(interest) = interest else {
        return match language {
            Language::English => "The figures count no interest on it.".to_owned(),
            Language::BrazilianPortuguese => "Os números não contam juros sobre ele.".to_owned(),
        };
    };
    let (a_year, since) = (rate(language, interest.rate.value()), day(language, interest.from));
    let was_another = interest.from > figures.start;
    match (language, was_another) {
        (Language::English, false) => format!("The figures count interest of {a_year} a year on it."),
        (Language::English, true) => format!(
            "The figures count interest on it: {a_year} a year since {since}, and before that what it earned then."
        ),
        (Language::BrazilianPortuguese, false) => format!("Os números contam juros de {a_year} ao ano sobre ele."),
        (Language::BrazilianPortuguese, true) => format!(
            "Os números contam juros sobre ele: {a_year} ao ano desde {since}, e antes disso o que rendia então."
        ),
    }
}
