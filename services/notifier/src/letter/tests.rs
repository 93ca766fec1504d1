//! What clients get to read.

use std::collections::BTreeMap;

use events::advisor::AdvisorDetails;
use events::recommendation::Advice;
use events::suitability::{
    Answers, Basis, GateShut, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, RULES_VERSION,
};
use events::values::{
    AdvisedFigure, AdvisorId, Allocation, AssetId, ClientId, CommandId, Costs, Currency, EmailAddress, FiguresSnapshot,
    Interest, InterestRate, Language, Name, NoFigureReason, Note, PortfolioId, RecommendationId, Regime, RiskClass,
    Terms,
};
use events::{Position, Stream};
use jiff::civil::date;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use vault::Identity;

use super::{Content, Letter, letter, paragraphs};

fn command() -> CommandId {
    CommandId::of(&["a letter"])
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn advice() -> Advice {
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    Advice {
        portfolio: PortfolioId::created_by(command()),
        portfolio_version: 3,
        portfolio_name: name("Crescimento"),
        currency: Currency::parse("USD").unwrap(),
        client: ClientId::created_by(command()),
        advisor: AdvisorId::created_by(command()),
        allocation: Allocation::try_new([
            target("AAPL", "0.125"),
            target("JPM", "0.3"),
            target("PG", "0.4"),
            target("RRC", "0.025"),
            target("XOM", "0.15"),
        ])
        .unwrap(),
        rationale: Note::parse(
            "You told me that you will not need this money before 2040 & that a fall of a third would not keep you \
             awake.\n\nThis portfolio leans on <steady> businesses:\nconsumer goods first, then banking and energy.",
        )
        .unwrap(),
        figures: FiguresSnapshot {
            definitions: "figures-1".to_owned(),
            start: date(1990, 1, 2),
            end: date(2022, 12, 28),
            returns: 8312,
            risk_free_rate: 0.02,
            cumulative: Some(47.503_787),
            cagr: Some(0.125_534),
            volatility: Some(0.194_152),
            sharpe: Some(0.6449),
            max_drawdown: Some(-0.518_098),
            drawdown_peak: Some(date(2007, 10, 9)),
            drawdown_valley: Some(date(2009, 3, 9)),
            prices_position: Position { stream: Stream::Market, sequence: 300 },
            cash: BTreeMap::new(),
            missing: BTreeMap::new(),
        },
        terms: Terms::default(),
    }
}

fn written(advice: &Advice, client: &str, advisor: &str, firm: &str) -> Letter {
    written_by(advice, client, &AdvisorDetails::new(name(advisor), name(firm)))
}

fn written_by(advice: &Advice, client: &str, advisor: &AdvisorDetails) -> Letter {
    written_though(&[], advice, client, advisor)
}

/// The letter of advice that compliance let through these gates.
fn written_though(let_through: &[GateShut], advice: &Advice, client: &str, advisor: &AdvisorDetails) -> Letter {
    let client = Identity { name: name(client), email: EmailAddress::parse("jose@example.com").unwrap() };
    let basis = answered();
    letter(&Content {
        recommendation: RecommendationId::created_by(command()),
        advice,
        let_through,
        basis: Some(&basis),
        client: &client,
        advisor,
        day: date(2026, 3, 4),
    })
    .unwrap()
}

/// What the client's profile rests on.
fn answered() -> Basis {
    let answers = Answers {
        objective: Objective::Growth,
        horizon: Horizon::OverTenYears,
        loss_capacity: LossCapacity::UpToThirtyFivePercent,
        knowledge: Knowledge::Informed,
        liquidity_need: LiquidityNeed::Little,
    };
    Basis::Answers { answers, rules: RULES_VERSION }
}

fn usual() -> Letter {
    written(&advice(), "José da Silva", "Ana Souza", "Casa Verde")
}

#[test]
fn the_letter_in_plain_text() {
    insta::assert_snapshot!(usual().text);
}

#[test]
fn the_letter_in_html() {
    insta::assert_snapshot!(usual().html);
}

/// Advice on assets of which no prices are known: the figures' days then are no window.
fn without_figures() -> Advice {
    let figures = FiguresSnapshot {
        returns: 0,
        cumulative: None,
        cagr: None,
        volatility: None,
        sharpe: None,
        max_drawdown: None,
        drawdown_peak: None,
        drawdown_valley: None,
        ..advice().figures
    };
    Advice { figures, ..advice() }
}

#[test]
fn where_there_are_no_figures_the_letter_says_so_and_names_no_days() {
    for language in [Language::English, Language::BrazilianPortuguese] {
        let details = AdvisorDetails { language, ..AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")) };
        let letter = written_by(&without_figures(), "José da Silva", &details);
        for text in [&letter.text, &letter.html] {
            let said = ["There are no figures of this allocation", "Não há números desta alocação"];
            assert!(said.iter().any(|words| text.contains(words)), "{text}");
            for day in ["1990", "2022"] {
                assert!(!text.contains(day), "{day}: {text}");
            }
        }
    }
}

/// The letter's text on one line, and its HTML.
fn said(advice: &Advice, language: Language) -> [String; 2] {
    let details = AdvisorDetails { language, ..AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")) };
    let letter = written_by(advice, "José da Silva", &details);
    [letter.text.split_whitespace().collect::<Vec<_>>().join(" "), letter.html]
}

fn missing_because(code: &str, figures: &[AdvisedFigure]) -> BTreeMap<AdvisedFigure, NoFigureReason> {
    let reason = NoFigureReason::parse(code, "`AAPL` and the like, for who looks into the record").unwrap();
    figures.iter().map(|figure| (*figure, reason.clone())).collect()
}

#[test]
fn where_there_are_no_figures_the_letter_says_why_in_both_languages() {
    for (code, english, portuguese) in [
        (
            "no-prices",
            "because at least one of the assets has no past closing prices",
            "porque pelo menos um dos ativos",
        ),
        ("prices-in-other-currency", "is not priced in USD.", "não é cotado em USD."),
        ("payment-not-below-price", "contradict each other.", "se contradizem."),
        ("prices-unusable", "cannot be used.", "não podem ser usados."),
        ("only-cash", "because all of it is money in accounts", "porque tudo é dinheiro em conta"),
        ("no-common-session", "because there is no day on which all", "porque não há dia em que todos"),
        ("not-computable", "cannot be followed", "não é possível acompanhar"),
        ("too-few-returns", "because there are too few days", "porque há poucos dias"),
        ("a-reason-of-tomorrow", "There are no figures of this allocation.", "Não há números desta alocação."),
    ] {
        let missing = missing_because(code, &AdvisedFigure::ALL);
        let advice = Advice { figures: FiguresSnapshot { missing, ..without_figures().figures }, ..advice() };
        for (language, words) in [(Language::English, english), (Language::BrazilianPortuguese, portuguese)] {
            for text in said(&advice, language) {
                assert!(text.contains(words), "{words}: {text}");
                for other in ["AAPL` and the like", "1990", "2022", "that go far enough", "que bastem"] {
                    assert!(!text.contains(other), "{other}: {text}");
                }
            }
        }
    }
}

#[test]
fn a_figure_that_there_is_not_comes_with_its_reason_where_that_is_on_record() {
    for (code, english, portuguese) in [
        (
            "shorter-than-one-year",
            "It is not available because the prices cover less than a year of trading days.",
            "Não está disponível porque os preços cobrem menos de um ano de pregões.",
        ),
        ("no-variation", "because the daily returns do not vary.", "porque os retornos diários não variam."),
        ("wiped-out", "because the value fell to zero.", "porque o valor caiu a zero."),
        ("out-of-range", "because the result is beyond", "porque o resultado está além"),
    ] {
        let missing = missing_because(code, &[AdvisedFigure::Cagr]);
        let advice = Advice { figures: FiguresSnapshot { cagr: None, missing, ..advice().figures }, ..advice() };
        for (language, words) in [(Language::English, english), (Language::BrazilianPortuguese, portuguese)] {
            for text in said(&advice, language) {
                assert_eq!(text.matches(words).count(), 1, "{words}: {text}");
            }
        }
    }
}

fn under(regime: Regime, language: Language) -> Letter {
    let details = AdvisorDetails::new(name("Ana Souza"), name("Casa Verde"));
    let details = AdvisorDetails { regime, registration: Some(name("A12345")), language, ..details };
    written_by(&advice(), "José da Silva", &details)
}

#[test]
fn the_letter_of_an_assessor_in_portuguese() {
    insta::assert_snapshot!(under(Regime::Cvm178, Language::BrazilianPortuguese).text);
}

#[test]
fn the_letter_in_portuguese_html_with_costs_and_an_end() {
    let costs = Costs::try_new("0.005".parse().unwrap(), "0.0125".parse().unwrap()).unwrap();
    let terms = Terms { costs: Some(costs), valid_until: Some(date(2026, 6, 30)), ..Terms::default() };
    let language = Language::BrazilianPortuguese;
    let details = AdvisorDetails { language, ..AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")) };
    insta::assert_snapshot!(written_by(&Advice { terms, ..advice() }, "José da Silva", &details).html);
}

#[test]
fn the_regime_is_named_in_both_languages_with_the_registration() {
    for (regime, named) in [
        (Regime::Cvm178, ["CVM Resolution 178", "Resolução CVM 178"]),
        (Regime::Cvm19, ["CVM Resolution 19", "Resolução CVM 19"]),
        (Regime::MifidIi, ["2014/65/EU", "2014/65/UE"]),
        (Regime::UsRia, ["Investment Advisers Act of 1940", "Investment Advisers Act de 1940"]),
    ] {
        for (language, named) in Language::ALL.into_iter().zip(named) {
            let letter = under(regime, language);
            let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(named) && text.contains("A12345"), "{regime:?} {text}");
            assert!(
                letter.html.contains(&named.replace('/', "&#x2f;")) && letter.html.contains("A12345"),
                "{regime:?}"
            );
        }
    }
    assert!(!under(Regime::Other, Language::English).text.contains("A12345"));
}

#[test]
fn a_letter_in_portuguese_has_no_english_word_of_ours() {
    let letter = under(Regime::UsRia, Language::BrazilianPortuguese);
    assert_eq!(letter.subject, "Sua recomendação de investimento de Casa Verde");
    for part in [&letter.text, &letter.html] {
        for english in
            ["Dear", "The figures", "allocation", "Sincerely", "Recommendation", "Past performance", "Weight"]
        {
            assert!(!part.contains(english), "{english}");
        }
        assert!(part.contains("4 de março de 2026") && part.contains("12,5 %"), "{part}");
    }
    assert!(letter.html.contains("lang=\"pt-BR\""));
}

#[test]
fn costs_are_told_in_both_languages_and_so_is_that_nobody_named_any() {
    let costs = Costs::try_new("0.005".parse().unwrap(), "0.0125".parse().unwrap()).unwrap();
    let terms = Terms { costs: Some(costs), valid_until: Some(date(2026, 6, 30)), ..Terms::default() };
    let with_costs = Advice { terms, ..advice() };
    for (language, told, none) in [
        (
            Language::English,
            [
                "THE COSTS",
                "Once, at the beginning: 0.5 %",
                "Each year: 1.25 %",
                "This recommendation holds until 30 June",
            ],
            "No costs were named",
        ),
        (
            Language::BrazilianPortuguese,
            [
                "OS CUSTOS",
                "Uma única vez, no início: 0,5 %",
                "A cada ano: 1,25 %",
                "Esta recomendação vale até 30 de junho",
            ],
            "Nenhum custo foi informado",
        ),
    ] {
        let details = AdvisorDetails { language, ..AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")) };
        let with = written_by(&with_costs, "José da Silva", &details);
        for words in told {
            assert!(with.text.contains(words), "{words}: {}", with.text);
        }
        let rate = told[2].rsplit(": ").next().unwrap();
        assert!(with.html.contains(rate) && !with.html.contains(none), "{}", with.html);
        let without = written_by(&advice(), "José da Silva", &details);
        for part in [&without.text, &without.html] {
            assert!(part.contains(none) && !part.contains(rate), "{part}");
        }
    }
}

/// Advice that leaves a part of the money in an account which earns this.
fn with_cash(interest: Option<Interest>) -> Advice {
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    let allocation = Allocation::try_new([target("CASH-USD", "0.35"), target("PG", "0.65")]).unwrap();
    let cash = [(AssetId::parse("CASH-USD").unwrap(), interest)].into();
    Advice { allocation, figures: FiguresSnapshot { cash, ..advice().figures }, ..advice() }
}

fn earns(from: jiff::civil::Date, rate: &str) -> Option<Interest> {
    Some(Interest { from, rate: InterestRate::try_new(rate.parse().unwrap()).unwrap() })
}

#[test]
fn the_letter_with_cash_in_portuguese() {
    let language = Language::BrazilianPortuguese;
    let details = AdvisorDetails { language, ..AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")) };
    let letter = written_by(&with_cash(earns(date(2022, 8, 4), "0.1375")), "José da Silva", &details);
    insta::assert_snapshot!(letter.text);
}

#[test]
fn the_letter_with_cash_in_html() {
    let advice = with_cash(earns(date(2022, 7, 28), "0.0225"));
    insta::assert_snapshot!(written(&advice, "José da Silva", "Ana Souza", "Casa Verde").html);
}

#[test]
fn cash_is_told_with_what_it_earns_in_both_languages_and_where_it_earns_nothing() {
    let said = |language, interest| {
        let details = AdvisorDetails { language, ..AdvisorDetails::new(name("Ana Souza"), name("Casa Verde")) };
        let letter = written_by(&with_cash(interest), "José da Silva", &details);
        (letter.text.split_whitespace().collect::<Vec<_>>().join(" "), letter.html)
    };
    let (english, portuguese) = (Language::English, Language::BrazilianPortuguese);
    let (always, later) = (earns(date(1980, 1, 1), "0.045"), earns(date(2022, 8, 4), "-0.005"));
    for (language, interest, words) in [
        (english, None, "CASH-USD is money in an account, in USD. The figures count no interest on it."),
        (english, always, "The figures count interest of 4.5 % a year on it."),
        (english, later, "−0.5 % a year since 4 August 2022, and before that what it earned then."),
        (portuguese, None, "CASH-USD é dinheiro em conta, em USD. Os números não contam juros sobre ele."),
        (portuguese, always, "Os números contam juros de 4,5 % ao ano sobre ele."),
        (portuguese, later, "−0,5 % ao ano desde 4 de agosto de 2022, e antes disso o que rendia então."),
    ] {
        let (text, html) = said(language, interest);
        assert!(text.contains(words) && html.contains(words), "{words}: {text}");
    }
    assert!(!usual().text.contains("money in an account"));
    let figures = FiguresSnapshot { returns: 0, ..with_cash(None).figures };
    let none = written(&Advice { figures, ..with_cash(None) }, "José", "Ana", "Casa").text;
    assert!(
        none.contains("CASH-USD is money in an account, in USD.\n") && !none.contains("The figures count"),
        "{none}"
    );
}

/// Every gate that compliance may let advice through.
fn shut() -> Vec<GateShut> {
    let too_risky = |asset: &str, product| {
        let asset = AssetId::parse(asset).unwrap();
        GateShut::ProductTooRisky { asset, product, client: RiskClass::Conservative }
    };
    vec![
        GateShut::ProfileExpired { until: date(2026, 2, 27) },
        GateShut::PortfolioTooRisky { portfolio: RiskClass::Aggressive, client: RiskClass::Conservative },
        too_risky("AAPL", RiskClass::Moderate),
        too_risky("RRC", RiskClass::Aggressive),
        GateShut::ProductDelisted { asset: AssetId::parse("XOM").unwrap(), since: date(2026, 3, 2) },
    ]
}

fn let_out(shut: &[GateShut], regime: Regime, language: Language) -> Letter {
    let details = AdvisorDetails::new(name("Ana Souza"), name("Casa Verde"));
    let details = AdvisorDetails { regime, registration: Some(name("A12345")), language, ..details };
    written_though(shut, &advice(), "José da Silva", &details)
}

#[test]
fn the_letter_that_compliance_let_out() {
    insta::assert_snapshot!(let_out(&shut(), Regime::Cvm19, Language::English).text);
}

#[test]
fn the_letter_that_compliance_let_out_in_portuguese_html() {
    insta::assert_snapshot!(let_out(&shut(), Regime::Cvm178, Language::BrazilianPortuguese).html);
}

#[test]
fn each_gate_that_stayed_shut_is_told_in_both_languages_and_so_is_that_compliance_approved() {
    let mut each: Vec<Vec<GateShut>> = shut().into_iter().map(|gate| vec![gate]).collect();
    each.push(vec![GateShut::NoProfile]);
    let english = [
        "good until 27 February 2026",
        "the portfolio as a whole counts as aggressive, and your profile as conservative",
        "AAPL (moderate)",
        "RRC (aggressive)",
        "XOM (since 2 March 2026)",
        "you have no suitability profile",
    ];
    let portuguese = [
        "valia até 27 de fevereiro de 2026",
        "de risco arrojado, e seu perfil é conservador",
        "AAPL (moderado)",
        "RRC (arrojado)",
        "XOM (desde 2 de março de 2026)",
        "você não tem perfil de investidor",
    ];
    for (language, told, approved) in [
        (Language::English, english, "Compliance at Casa Verde has looked at this and approved"),
        (Language::BrazilianPortuguese, portuguese, "A área de compliance de Casa Verde analisou o caso e aprovou"),
    ] {
        let others = |n: usize| told.iter().enumerate().filter(move |(other, _)| *other != n).map(|(_, words)| words);
        for (n, gates) in each.iter().enumerate() {
            let letter = let_out(gates, Regime::Cvm19, language);
            let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [&text, &letter.html] {
                assert!(part.contains(told[n]) && part.contains(approved), "{}: {part}", told[n]);
                assert!(!others(n).any(|words| part.contains(words)), "{}: {part}", told[n]);
            }
        }
        let suits = let_out(&[], Regime::Cvm19, language);
        assert!(!suits.text.contains(approved) && !suits.html.contains("ompliance"), "{}", suits.text);
    }
}

#[test]
fn the_subject_names_the_firm_and_nobody_else() {
    let subject = usual().subject;
    assert_eq!(subject, "Your investment recommendation from Casa Verde");
    assert!(!subject.contains("José") && !subject.contains("Crescimento"));
}

#[test]
fn a_figure_that_there_is_not_is_said_to_be_missing() {
    let mut advice = advice();
    advice.figures.sharpe = None;
    advice.figures.max_drawdown = None;
    advice.figures.drawdown_peak = None;
    let letter = written(&advice, "José da Silva", "Ana Souza", "Casa Verde");
    assert!(letter.text.contains("Sharpe ratio: not available"), "{}", letter.text);
    assert!(letter.text.contains("Deepest fall: not available"));
    assert!(!letter.text.contains("(maximum drawdown): from"));
    assert_eq!(letter.html.matches("not available").count(), 2);
}

#[test]
fn what_people_write_is_text_in_html_too() {
    let mut advice = advice();
    advice.rationale = Note::parse("<script>alert(1)</script> \"a\" & 'b'").unwrap();
    advice.portfolio_name = name("</table><img src=x onerror=y>");
    let letter = written(&advice, "<b>José</b>", "Ana <i>", "Casa \"Verde\"><script>");
    for tag in ["<script", "<img", "<b>", "<i>", "onerror=y>"] {
        assert!(!letter.html.contains(tag), "{tag}");
    }
    assert!(letter.html.contains("&lt;script&gt;alert(1)"));
    assert!(letter.text.contains("<script>alert(1)</script> \"a\" & 'b'"), "plain text is left as it is");
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let html = usual().html;
    for outside in ["src=", "url(", "<link", "@import", "href="] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn the_heaviest_position_comes_first_and_weights_are_exact() {
    let mut advice = advice();
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    advice.allocation = Allocation::try_new([target("A", "0.0000000001"), target("B", "0.9999999999")]).unwrap();
    let text = written(&advice, "José", "Ana", "Casa").text;
    let (b, a) = (text.find("B   99.99999999 %").unwrap(), text.find("A    0.00000001 %").unwrap());
    assert!(b < a);
}

#[test]
fn an_empty_line_parts_paragraphs() {
    assert_eq!(paragraphs("a\nb\n\n\n \nc"), [vec!["a", "b"], vec!["c"]]);
    assert!(paragraphs("").is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_name_and_rationale_makes_a_letter(client in any::<String>(), rationale in any::<String>()) {
        let (Ok(client), Ok(rationale)) = (Name::parse(&client), Note::parse(&rationale)) else { return Ok(()) };
        let advice = Advice { rationale, ..advice() };
        let letter = written(&advice, client.as_str(), "Ana Souza", "Casa Verde");
        prop_assert!(letter.text.contains(client.as_str()));
        prop_assert!(letter.text.contains(advice.rationale.as_str()));
    }
}
