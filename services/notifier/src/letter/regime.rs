//! What the regime that an advisor works under has a letter say. An assessment of the client is claimed only where the
//! record holds one.

use events::advisor::AdvisorDetails;
use events::suitability::Basis;
use events::values::{Language, Regime};

use super::suitability;

#[cfg(test)]
mod tests;

/// The paragraph that tells a client under whose rules the advice is given, and on which assessment of theirs it rests;
/// `None` where there are no rules to name. Where the advice was not found suitable, it says where that stands.
pub(super) fn notice(details: &AdvisorDetails, basis: Option<&Basis>, is_suitable: bool) -> Option<String> {
    let under = under(details)?;
    Some(match assessed(details, basis, is_suitable) {
        Some(assessed) => format!("{under} {assessed}"),
        None => under,
    })
}

/// Under whose rules the advice is given.
fn under(details: &AdvisorDetails) -> Option<String> {
    let (advisor, firm) = (&details.name, &details.firm);
    let number = match (&details.registration, details.language) {
        (Some(number), Language::English) => format!(", registration {number}"),
        (Some(number), Language::BrazilianPortuguese) => format!(", registro {number}"),
        (None, _) => String::new(),
    };
    Some(match (details.regime, details.language) {
        (Regime::Cvm178, Language::English) => format!(
            "{advisor} is an investment assessor (assessor de investimento) under CVM Resolution 178{number}, and acts for \
             the intermediary of the Brazilian distribution system to which they are tied."
        ),
        (Regime::Cvm178, Language::BrazilianPortuguese) => format!(
            "{advisor} atua como assessor(a) de investimento nos termos da Resolução CVM 178{number}, como preposto(a) do \
             intermediário integrante do sistema de distribuição a que está vinculado."
        ),
        (Regime::Cvm19, Language::English) => format!(
            "{advisor} is a securities consultant (consultor de valores mobiliários) under CVM Resolution 19{number}, and \
             advises independently. Whether to follow the advice, and carrying it out, rest with you alone."
        ),
        (Regime::Cvm19, Language::BrazilianPortuguese) => format!(
            "{advisor} atua como consultor(a) de valores mobiliários nos termos da Resolução CVM 19{number}, e presta orientação de \
             forma independente. A adoção e a implementação da recomendação cabem exclusivamente ao cliente."
        ),
        (Regime::MifidIi, Language::English) => format!(
            "This is investment advice by {advisor}{number}, within the meaning of Directive 2014/65/EU (MiFID II)."
        ),
        (Regime::MifidIi, Language::BrazilianPortuguese) => format!(
            "Esta é uma recomendação de investimento de {advisor}{number}, nos termos da Diretiva 2014/65/UE (MiFID II)."
        ),
        (Regime::UsRia, Language::English) => format!(
            "{firm} is a registered investment adviser under the United States Investment Advisers Act of 1940{number}. \
             Registration does not imply a certain level of skill or training. The brochure (Form ADV, Part 2) is \
             available on request and without charge."
        ),
        (Regime::UsRia, Language::BrazilianPortuguese) => format!(
            "{firm} é uma consultora de investimentos registrada nos termos do Investment Advisers Act de 1940, dos Estados \
             Unidos{number}. O registro não implica determinado nível de habilidade ou treinamento. O folheto informativo \
             (Form ADV, Part 2) está disponível mediante solicitação, sem custo."
        ),
        (Regime::Other, _) => return None,
    })
}

/// On which assessment the advice rests, where the regime asks for one: the client's answers, or else that there are none.
fn assessed(details: &AdvisorDetails, basis: Option<&Basis>, is_suitable: bool) -> Option<String> {
    let found = if is_suitable { String::new() } else { found(details.language, basis) };
    Some(match (details.regime, basis, details.language) {
        (Regime::UsRia | Regime::Other, _, _) => return None,
        (Regime::Cvm178 | Regime::Cvm19, Some(Basis::Answers { .. }), Language::English) => {
            format!("Suitability is assessed under CVM Resolution 30{found}.")
        }
        (Regime::Cvm178 | Regime::Cvm19, Some(Basis::Answers { .. }), Language::BrazilianPortuguese) => format!(
            "A adequação ao perfil do cliente (suitability) é verificada nos termos da Resolução CVM 30{found}."
        ),
        (Regime::MifidIi, Some(Basis::Answers { .. }), Language::English) => format!(
            "It rests on the suitability assessment that Article 25(2) asks for: your knowledge and experience, your \
             financial situation with your ability to bear losses, and your objectives with your tolerance of risk{found}."
        ),
        (Regime::MifidIi, Some(Basis::Answers { .. }), Language::BrazilianPortuguese) => format!(
            "Ela se apoia na avaliação de adequação exigida pelo artigo 25, n.º 2: seus conhecimentos e sua experiência, \
             sua situação financeira com sua capacidade de suportar perdas, e seus objetivos com sua tolerância ao risco{found}."
        ),
        (Regime::Cvm178 | Regime::Cvm19 | Regime::MifidIi, Some(Basis::ByHand { .. }), Language::English) => format!(
            "Your suitability profile was set by hand, and does not come from answers of yours about your knowledge and \
             experience, your financial situation and your objectives{found}."
        ),
        (
            Regime::Cvm178 | Regime::Cvm19 | Regime::MifidIi,
            Some(Basis::ByHand { .. }),
            Language::BrazilianPortuguese,
        ) => format!(
            "Seu perfil de investidor foi definido manualmente, e não resulta de respostas suas sobre seus conhecimentos e \
             sua experiência, sua situação financeira e seus objetivos{found}."
        ),
        (Regime::Cvm178 | Regime::Cvm19 | Regime::MifidIi, None, Language::English) => {
            format!("When this recommendation was made, you had no suitability profile{found}.")
        }
        (Regime::Cvm178 | Regime::Cvm19 | Regime::MifidIi, None, Language::BrazilianPortuguese) => {
            format!("Quando esta recomendação foi feita, você não tinha perfil de investidor{found}.")
        }
    })
}

/// Where it stands that the advice was not found suitable.
fn found(language: Language, basis: Option<&Basis>) -> String {
    let heading = suitability::heading(language);
    match (language, basis) {
        (Language::English, Some(Basis::Answers { .. })) => {
            format!("; what that found stands above, under \u{201c}{heading}\u{201d}")
        }
        (Language::English, Some(Basis::ByHand { .. }) | None) => {
            format!("; what was found stands above, under \u{201c}{heading}\u{201d}")
        }
        (Language::BrazilianPortuguese, Some(Basis::Answers { .. })) => {
            format!("; o que ela constatou está acima, em \u{201c}{heading}\u{201d}")
        }
        (Language::BrazilianPortuguese, Some(Basis::ByHand { .. }) | None) => {
            format!("; o que se constatou está acima, em \u{201c}{heading}\u{201d}")
        }
    }
}
