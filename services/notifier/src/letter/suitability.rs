//! What a letter says where a gate stayed shut and compliance let the advice out: which gates, and that somebody decided
//! so. Why they did is on record and not the client's to read.

use events::suitability::GateShut;
use events::values::{AssetId, Language, Name, RiskClass};
use jiff::civil::Date;
use serde::Serialize;

use super::numbers::day;

/// A section of the letter.
#[derive(Serialize)]
pub(super) struct Told {
    heading: &'static str,
    before: &'static str,
    found: Vec<String>,
    approved: String,
}

/// What is said of these gates; nothing where all were open.
pub(super) fn told(language: Language, firm: &Name, shut: &[GateShut]) -> Option<Told> {
    if shut.is_empty() {
        return None;
    }
    let found = found(language, shut);
    Some(match language {
        Language::English => Told {
            heading: heading(language),
            before: "This recommendation did not pass the check of whether it suits you. It was found that",
            found,
            approved: format!(
                "Compliance at {firm} has looked at this and approved that the recommendation is sent to you all the \
                 same. Please bear that in mind before you decide."
            ),
        },
        Language::BrazilianPortuguese => Told {
            heading: heading(language),
            before: "Esta recomendação não passou na verificação de adequação ao seu perfil (suitability). Constatou-se que",
            found,
            approved: format!(
                "A área de compliance de {firm} analisou o caso e aprovou que a recomendação lhe fosse enviada mesmo \
                 assim. Tenha isso em conta antes de decidir."
            ),
        },
    })
}

/// What the section is called.
pub(super) const fn heading(language: Language) -> &'static str {
    match language {
        Language::English => "Outside your profile",
        Language::BrazilianPortuguese => "Fora do seu perfil",
    }
}

/// A line for each gate; products that a gate of one kind names stand in one.
fn found(language: Language, shut: &[GateShut]) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut too_risky, mut gone, mut client_is) = (Vec::new(), Vec::new(), None);
    for gate in shut {
        match gate {
            GateShut::NotInCare => lines.push(not_in_care(language)),
            GateShut::NoProfile => lines.push(no_profile(language)),
            GateShut::ProfileExpired { until } => lines.push(expired(language, *until)),
            GateShut::PortfolioTooRisky { portfolio, client } => {
                lines.push(portfolio_is(language, *portfolio, *client));
            }
            GateShut::ProductTooRisky { asset, product, client } => {
                too_risky.push(format!("{asset} ({})", class(language, *product)));
                client_is = Some(*client);
            }
            GateShut::ProductDelisted { asset, since } => gone.push(since_when(language, asset, *since)),
        }
    }
    if let Some(client) = client_is {
        let (products, client) = (too_risky.join(", "), class(language, client));
        lines.push(match language {
            Language::English => {
                format!("products in it carry more risk than a profile that is {client} allows: {products}")
            }
            Language::BrazilianPortuguese => {
                format!("produtos da carteira têm risco acima do permitido para um perfil {client}: {products}")
            }
        });
    }
    if !gone.is_empty() {
        let products = gone.join(", ");
        lines.push(match language {
            Language::English => format!("products in it were no longer traded: {products}"),
            Language::BrazilianPortuguese => format!("produtos da carteira já não eram negociados: {products}"),
        });
    }
    lines
}

fn not_in_care(language: Language) -> String {
    match language {
        Language::English => "you were not in the care of the advisor",
        Language::BrazilianPortuguese => "você não era atendido(a) por quem recomenda",
    }
    .to_owned()
}

fn no_profile(language: Language) -> String {
    match language {
        Language::English => "you have no suitability profile, so that you count as a conservative investor",
        Language::BrazilianPortuguese => {
            "você não tem perfil de investidor, e por isso é considerado(a) um(a) investidor(a) de perfil conservador"
        }
    }
    .to_owned()
}

fn expired(language: Language, until: Date) -> String {
    let until = day(language, until);
    match language {
        Language::English => {
            format!("your suitability profile was good until {until}, so that you count as a conservative investor")
        }
        Language::BrazilianPortuguese => format!(
            "seu perfil de investidor valia até {until}, e por isso você é considerado(a) um(a) investidor(a) de perfil \
             conservador"
        ),
    }
}

fn portfolio_is(language: Language, portfolio: RiskClass, client: RiskClass) -> String {
    let (portfolio, client) = (class(language, portfolio), class(language, client));
    match language {
        Language::English => format!("the portfolio as a whole counts as {portfolio}, and your profile as {client}"),
        Language::BrazilianPortuguese => {
            format!("a carteira como um todo é considerada de risco {portfolio}, e seu perfil é {client}")
        }
    }
}

fn since_when(language: Language, asset: &AssetId, since: Date) -> String {
    let since = day(language, since);
    match language {
        Language::English => format!("{asset} (since {since})"),
        Language::BrazilianPortuguese => format!("{asset} (desde {since})"),
    }
}

const fn class(language: Language, class: RiskClass) -> &'static str {
    match (language, class) {
        (Language::English, RiskClass::Conservative) => "conservative",
        (Language::English, RiskClass::ModeratelyConservative) => "moderately conservative",
        (Language::English, RiskClass::Moderate) => "moderate",
        (Language::English, RiskClass::ModeratelyAggressive) => "moderately aggressive",
        (Language::English, RiskClass::Aggressive) => "aggressive",
        (Language::BrazilianPortuguese, RiskClass::Conservative) => "conservador",
        (Language::BrazilianPortuguese, RiskClass::ModeratelyConservative) => "moderadamente conservador",
        (Language::BrazilianPortuguese, RiskClass::Moderate) => "moderado",
        (Language::BrazilianPortuguese, RiskClass::ModeratelyAggressive) => "moderadamente arrojado",
        (Language::BrazilianPortuguese, RiskClass::Aggressive) => "arrojado",
    }
}
