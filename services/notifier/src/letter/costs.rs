//! What following the advice costs, as the letter tells it.

use events::values::{Costs, Language};
use serde::Serialize;

use super::numbers::rate;

/// The costs in words and rates.
#[derive(Serialize)]
pub(super) struct Told {
    /// What the rates are of, or that there are none.
    about: &'static str,
    lines: Vec<Line>,
}

/// One rate with its name.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    rate: String,
}

/// What a letter says of these costs. That nobody named any is said too: silence would read as "none".
pub(super) fn told(language: Language, costs: Option<Costs>) -> Told {
    let Some(costs) = costs else { return Told { about: not_named(language), lines: Vec::new() } };
    let (about, once, yearly) = match language {
        Language::English => (
            "What following this recommendation costs, as a share of the money invested. The figures above do not \
             contain it.",
            "Once, at the beginning",
            "Each year",
        ),
        Language::BrazilianPortuguese => (
            "Quanto custa seguir esta recomendação, como parte do valor investido. Os números acima não incluem esses \
             custos.",
            "Uma única vez, no início",
            "A cada ano",
        ),
    };
    let line = |name, fraction| Line { name, rate: rate(language, fraction) };
    Told { about, lines: vec![line(once, costs.one_off()), line(yearly, costs.yearly())] }
}

const fn not_named(language: Language) -> &'static str {
    match language {
        Language::English => {
            "No costs were named with this recommendation. Buying and holding these assets may cost you money all the \
             same: ask me about it before you act."
        }
        Language::BrazilianPortuguese => {
            "Nenhum custo foi informado com esta recomendação. Comprar e manter estes ativos ainda pode ter custos: \
             pergunte-me antes de agir."
        }
    }
}
