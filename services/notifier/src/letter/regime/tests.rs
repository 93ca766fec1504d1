use events::advisor::AdvisorDetails;
use events::suitability::{
    Answers, Basis, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile, RULES_VERSION,
};
use events::values::{Language, Name, Note, Regime, RiskClass};
use jiff::civil::date;

use super::notice;

/// The regimes under which a client is to be asked before they are advised, and the letter says whether they were.
const ASKING: [Regime; 3] = [Regime::Cvm178, Regime::Cvm19, Regime::MifidIi];

fn answered() -> Basis {
    let answers = Answers {
        objective: Objective::Growth,
        horizon: Horizon::OverTenYears,
        loss_capacity: LossCapacity::UpToTwentyPercent,
        knowledge: Knowledge::Informed,
        liquidity_need: LiquidityNeed::Little,
    };
    Basis::Answers { answers, rules: RULES_VERSION }
}

fn by_hand() -> Basis {
    Profile::by_hand(RiskClass::Aggressive, Note::parse("a long talk").unwrap(), date(2026, 3, 4)).basis
}

fn said(regime: Regime, language: Language, basis: Option<&Basis>, is_suitable: bool) -> String {
    let details = AdvisorDetails::new(Name::parse("Ana Souza").unwrap(), Name::parse("Casa Verde").unwrap());
    notice(&AdvisorDetails { regime, language, ..details }, basis, is_suitable).unwrap_or_default()
}

/// The words that claim that the client was assessed, under any regime.
const CLAIMS: [&str; 4] = ["is assessed", "suitability assessment", "é verificada", "avaliação de adequação"];

fn claims(text: &str) -> bool {
    CLAIMS.iter().any(|words| text.contains(words))
}

#[test]
fn an_assessment_is_claimed_where_the_client_has_answered_and_nowhere_else() {
    let (answered, by_hand) = (answered(), by_hand());
    for regime in ASKING {
        for language in Language::ALL {
            for is_suitable in [true, false] {
                assert!(claims(&said(regime, language, Some(&answered), is_suitable)), "{regime:?}");
                for basis in [Some(&by_hand), None] {
                    let text = said(regime, language, basis, is_suitable);
                    assert!(!claims(&text), "{text}");
                }
            }
        }
    }
    for regime in [Regime::UsRia, Regime::Other] {
        for language in Language::ALL {
            let texts = [Some(&answered), Some(&by_hand), None].map(|basis| said(regime, language, basis, true));
            assert!(texts.iter().all(|text| *text == texts[0] && !claims(text)), "{texts:?}");
        }
    }
}

#[test]
fn a_profile_that_was_set_by_hand_is_told_in_both_languages_and_why_it_was_is_not() {
    for (language, words) in [
        (Language::English, "was set by hand, and does not come from answers of yours"),
        (Language::BrazilianPortuguese, "foi definido manualmente, e não resulta de respostas suas"),
    ] {
        for regime in ASKING {
            let text = said(regime, language, Some(&by_hand()), true);
            assert!(text.contains(words) && text.ends_with('.') && !text.contains("long talk"), "{text}");
            assert!(!said(regime, language, Some(&answered()), true).contains(words));
        }
    }
}

#[test]
fn who_had_no_profile_reads_so_in_both_languages() {
    for (language, words) in [
        (
            Language::English,
            "you had no suitability profile; what was found stands above, under “Outside your profile”.",
        ),
        (
            Language::BrazilianPortuguese,
            "você não tinha perfil de investidor; o que se constatou está acima, em “Fora do seu perfil”.",
        ),
    ] {
        for regime in ASKING {
            assert!(said(regime, language, None, false).ends_with(words));
        }
    }
}

#[test]
fn what_was_not_found_suitable_is_pointed_to_whatever_the_profile_rests_on() {
    for basis in [Some(&answered()), Some(&by_hand()), None] {
        for (language, heading) in [
            (Language::English, "stands above, under “Outside your profile”"),
            (Language::BrazilianPortuguese, "está acima, em “Fora do seu perfil”"),
        ] {
            for regime in ASKING {
                assert_eq!(said(regime, language, basis, false).matches(heading).count(), 1);
                assert!(!said(regime, language, basis, true).contains(heading));
            }
        }
    }
}
