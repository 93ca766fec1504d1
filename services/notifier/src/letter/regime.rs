//! What the regime that an advisor works under has a letter say.

use events::advisor::AdvisorDetails;
use events::values::{Language, Regime};

use super::suitability;

/// The paragraph that tells a client under whose rules the advice is given; `None` where there are none to name. Where the
/// advice was not found suitable, it says where that stands.
pub(super) fn notice(details: &AdvisorDetails, is_suitable: bool) -> Option<String> {
    let heading = suitability::heading(details.language);
    let found = match (is_suitable, details.language) {
        (true, _) => String::new(),
        (false, Language::English) => format!("; what that found stands above, under \u{201c}{heading}\u{201d}"),
        (false, Language::BrazilianPortuguese) => {
            format!("; o que ela constatou está acima, em \u{201c}{heading}\u{201d}")
        }
    };
    let (advisor, firm) = (&details.name, &details.firm);
    let number = match (&details.registration, details.language) {
        (Some(number), Language::English) => format!(", registration {number}"),
        (Some(number), Language::BrazilianPortuguese) => format!(", registro {number}"),
        (None, _) => String::new(),
    };
    let notice = match (details.regime, details.language) {
        (Regime::Cvm178, Language::English) => format!(
            "{advisor} is an investment assessor (assessor de investimento) under CVM Resolution 178{number}, and acts for \
             the intermediary of the Brazilian distribution system to which they are tied. Suitability is assessed under \
             CVM Resolution 30{found}."
        ),
        (Regime::Cvm178, Language::BrazilianPortuguese) => format!(
            "{advisor} atua como assessor(a) de investimento nos termos da Resolução CVM 178{number}, como preposto(a) do \
             intermediário integrante do sistema de distribuição a que está vinculado. A adequação ao perfil do cliente \
             (suitability) é verificada nos termos da Resolução CVM 30{found}."
        ),
        (Regime::Cvm19, Language::English) => format!(
            "{advisor} is a securities consultant (consultor de valores mobiliários) under CVM Resolution 19{number}, and \
             advises independently. Whether to follow the advice, and carrying it out, rest with you alone. Suitability is \
             assessed under CVM Resolution 30{found}."
        ),
        (Regime::Cvm19, Language::BrazilianPortuguese) => format!(
            "{advisor} atua como consultor(a) de valores mobiliários nos termos da Resolução CVM 19{number}, e presta orientação de \
             forma independente. A adoção e a implementação da recomendação cabem exclusivamente ao cliente. A adequação \
             ao perfil do cliente (suitability) é verificada nos termos da Resolução CVM 30{found}."
        ),
        (Regime::MifidIi, Language::English) => format!(
            "This is investment advice by {advisor}{number}, within the meaning of Directive 2014/65/EU (MiFID II). It \
             rests on the suitability assessment that Article 25(2) asks for: your knowledge and experience, your \
             financial situation with your ability to bear losses, and your objectives with your tolerance of risk{found}."
        ),
        (Regime::MifidIi, Language::BrazilianPortuguese) => format!(
            "Esta é uma recomendação de investimento de {advisor}{number}, nos termos da Diretiva 2014/65/UE (MiFID II). \
             Ela se apoia na avaliação de adequação exigida pelo artigo 25, n.º 2: seus conhecimentos e sua experiência, \
             sua situação financeira com sua capacidade de suportar perdas, e seus objetivos com sua tolerância ao risco{found}."
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
    };
    Some(notice)
}
