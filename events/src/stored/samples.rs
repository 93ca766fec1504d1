//! One event of each type, whose bytes are pinned under `golden/`.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::AnyEvent;
use crate::advisor::{AdvisorDetails, AdvisorEvent};
use crate::asset::{AssetEvent, Confirmation, Correction, PriceBasis};
use crate::backtest::{BacktestEvent, BacktestRun, ShownNumber};
use crate::calendar::Calendar;
use crate::client::ClientEvent;
use crate::portfolio::{Composition, ModelVersion, Origin, PortfolioEvent};
use crate::recommendation::{Advice, RecommendationEvent};
use crate::subject::{Position, Stream};
use crate::suitability::{Answers, GateShut, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{
    AdvisedFigure, AdvisorId, Allocation, AssetClass, AssetDetails, AssetId, BacktestTerms, Band, Bar, Bars, ClientId,
    CommandId, Contributions, Costs, Currency, DriftRule, EventId, Every, FiguresSnapshot, Interest, InterestRate,
    Language, Limit, Limits, Listing, Name, NoFigureReason, Note, Payment, PaymentKind, Policy, PortfolioId,
    RebalancingRule, RecommendationId, Regime, ResultDigest, RiskClass, Sealed, SealedIdentity, SplitRatio, Terms,
    TimeZoneName,
};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn note(text: &str) -> Note {
    Note::parse(text).unwrap()
}

fn command() -> CommandId {
    CommandId::of(&["a sample"])
}

fn allocation() -> Allocation {
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    Allocation::try_new([target("AAPL", "0.6"), target("OCDO.L", "0.25"), target("^GSPC", "0.15")]).unwrap()
}

pub(crate) fn figures() -> FiguresSnapshot {
    FiguresSnapshot {
        definitions: "figures-1".to_owned(),
        start: date(1990, 1, 2),
        end: date(2022, 12, 28),
        returns: 8312,
        risk_free_rate: 0.02,
        cumulative: Some(475.037_878_787_878_8),
        cagr: Some(0.205_534_654_883_663_4),
        volatility: Some(0.434_152_781_146_634_64),
        sharpe: None,
        max_drawdown: Some(-0.818_098_720_292_504_2),
        drawdown_peak: Some(date(2000, 3, 22)),
        drawdown_valley: Some(date(2003, 4, 17)),
        prices_position: Position { stream: Stream::Market, sequence: 300 },
        cash: BTreeMap::from([
            (AssetId::parse("OCDO.L").unwrap(), None),
            (AssetId::parse("^GSPC").unwrap(), Some(interest())),
        ]),
        missing: BTreeMap::from([(
            AdvisedFigure::Sharpe,
            NoFigureReason::parse("no-variation", "the returns do not vary").unwrap(),
        )]),
    }
}

fn interest() -> Interest {
    Interest { from: date(2022, 8, 4), rate: InterestRate::try_new("0.1375".parse().unwrap()).unwrap() }
}

/// Figures of the time before it was kept why some are not there.
fn without_reasons() -> FiguresSnapshot {
    FiguresSnapshot { missing: BTreeMap::new(), ..figures() }
}

/// Figures of the time before there was cash.
fn without_cash() -> FiguresSnapshot {
    FiguresSnapshot { cash: BTreeMap::new(), ..without_reasons() }
}

pub(crate) fn advice() -> Advice {
    Advice {
        portfolio: PortfolioId::created_by(command()),
        portfolio_version: 3,
        portfolio_name: name("Crescimento"),
        currency: Currency::parse("BRL").unwrap(),
        client: ClientId::created_by(command()),
        advisor: AdvisorId::created_by(command()),
        allocation: allocation(),
        rationale: note("Two lines,\nof which this is one."),
        figures: figures(),
        terms: terms(),
    }
}

/// Everything rated as aggressive, so that it suits the boldest only.
fn terms() -> Terms {
    let products = allocation();
    Terms {
        risk_class: Some(RiskClass::Aggressive),
        product_classes: products.iter().map(|(asset, _)| (asset.clone(), RiskClass::Aggressive)).collect(),
        costs: Some(Costs::try_new("0.005".parse().unwrap(), "0.0125".parse().unwrap()).unwrap()),
        valid_until: Some(date(2026, 6, 30)),
    }
}

fn limits() -> Limits {
    let band = Band::try_new("0.5".parse().unwrap(), "0.75".parse().unwrap()).unwrap();
    Limits::new([
        (AssetId::parse("AAPL").unwrap(), Limit { locked: false, band: Some(band) }),
        (AssetId::parse("^GSPC").unwrap(), Limit { locked: true, band: None }),
    ])
}

fn policy() -> Policy {
    Policy {
        rebalancing: RebalancingRule::OutOfBand,
        benchmark: Some(AssetId::parse("^GSPC").unwrap()),
        risk_class: Some(RiskClass::ModeratelyAggressive),
    }
}

fn composition() -> Composition {
    let advisor = AdvisorId::created_by(command());
    let currency = Currency::parse("BRL").unwrap();
    let origin = Some(Origin { portfolio: PortfolioId::created_by(command()), version: 300 });
    let plain = Composition::new(advisor, name("Crescimento"), currency, allocation());
    Composition { limits: limits(), policy: policy(), origin, model_of: Some(name("Casa Verde")), ..plain }
}

fn model_version() -> Box<ModelVersion> {
    let model = PortfolioId::created_by(command());
    Box::new(ModelVersion { model, version: 300, allocation: allocation(), limits: limits() })
}

pub(crate) fn backtest() -> BacktestRun {
    BacktestRun {
        portfolio: PortfolioId::created_by(command()),
        portfolio_version: 300,
        advisor: AdvisorId::created_by(command()),
        currency: Currency::parse("BRL").unwrap(),
        allocation: allocation(),
        terms: BacktestTerms {
            from: Some(date(1990, 1, 2)),
            to: None,
            rebalancing: RebalancingRule::Quarterly,
            drift: Some(DriftRule { limit: "0.05".parse().unwrap(), relative: true, cooldown_sessions: 21 }),
            lag_sessions: 1,
            cost_bps: "12.5".parse().unwrap(),
            contributions: Some(Contributions { amount: "-0.01".parse().unwrap(), every: Every::Quarter }),
            benchmark: Some(AssetId::parse("^GSPC").unwrap()),
            risk_free_rate: "0.02".parse().unwrap(),
        },
        prices_position: Position { stream: Stream::Market, sequence: 300 },
        definitions: "figures-1".to_owned(),
        shown: vec![
            ShownNumber { name: "cagr".to_owned(), value: Some(0.205_534_654_883_663_4) },
            ShownNumber { name: "sharpe".to_owned(), value: None },
        ],
        digest: ResultDigest::parse(&"0123456789abcdef".repeat(4)).unwrap(),
        note: Some(note("for the talk in March")),
    }
}

fn recommended(figures: FiguresSnapshot, terms: Terms) -> PortfolioEvent {
    PortfolioEvent::Recommended {
        advisor: AdvisorId::created_by(command()),
        clients: [ClientId::created_by(command())].into(),
        name: name("Renda"),
        currency: Currency::parse("BRL").unwrap(),
        allocation: allocation(),
        rationale: note("Two lines,\nof which this is one."),
        figures: Box::new(figures),
        terms: Box::new(terms),
    }
}

fn refused(advice: Advice) -> RecommendationEvent {
    RecommendationEvent::Refused {
        advice: Box::new(advice),
        shut: vec![
            GateShut::NotInCare,
            GateShut::NoProfile,
            GateShut::ProfileExpired { until: date(2026, 3, 4) },
            GateShut::PortfolioTooRisky { portfolio: RiskClass::Aggressive, client: RiskClass::Conservative },
            GateShut::ProductTooRisky {
                asset: AssetId::parse("AAPL").unwrap(),
                product: RiskClass::Aggressive,
                client: RiskClass::Conservative,
            },
        ],
        regime: Regime::Cvm19,
    }
}

/// With every gate that there is.
fn refused_by_all(advice: Advice) -> RecommendationEvent {
    let mut event = refused(advice);
    if let RecommendationEvent::Refused { shut, .. } = &mut event {
        let asset = AssetId::parse("OCDO.L").unwrap();
        shut.push(GateShut::ProductDelisted { asset, since: date(2026, 1, 30) });
    }
    event
}

fn advisor_details() -> AdvisorDetails {
    AdvisorDetails {
        name: name("Ana Souza"),
        firm: name("Casa Verde"),
        regime: Regime::Cvm178,
        registration: Some(name("A12345")),
        language: Language::BrazilianPortuguese,
        currency: Some(Currency::parse("BRL").unwrap()),
    }
}

fn identity() -> SealedIdentity {
    SealedIdentity {
        sealed_for: EventId::of(command()),
        key_version: 1,
        name: Sealed::new((0..40).collect()),
        email: Sealed::new((40..100).collect()),
    }
}

fn profile() -> Profile {
    let answers = Answers {
        objective: Objective::Growth,
        horizon: Horizon::FiveToTenYears,
        loss_capacity: LossCapacity::UpToTwentyPercent,
        knowledge: Knowledge::Informed,
        liquidity_need: LiquidityNeed::Little,
    };
    Profile::from_answers(answers, date(2026, 3, 4))
}

/// Each type's sample, with the type it is stored as.
pub(crate) fn all() -> Vec<AnyEvent> {
    let advisor = AdvisorId::created_by(command());
    let colleague = AdvisorId::created_by(CommandId::of(&["a colleague"]));
    let reason = || note("451 4.3.0 try later");
    vec![
        AnyEvent::Advisor(AdvisorEvent::Registered(advisor_details())),
        AnyEvent::Advisor(AdvisorEvent::Edited(AdvisorDetails { currency: None, ..advisor_details() })),
        AnyEvent::Advisor(AdvisorEvent::Suspended { reason: reason() }),
        AnyEvent::Advisor(AdvisorEvent::Reinstated { reason: reason() }),
        AnyEvent::Advisor(AdvisorEvent::Removed { reason: reason() }),
        AnyEvent::Client(ClientEvent::Registered { advisor, identity: identity() }),
        AnyEvent::Client(ClientEvent::IdentityChanged { identity: identity() }),
        AnyEvent::Client(ClientEvent::HandedOver { from: advisor, to: advisor, reason: reason() }),
        AnyEvent::Client(ClientEvent::Profiled(profile())),
        AnyEvent::Client(ClientEvent::Removed { reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::Created(Box::new(composition()))),
        AnyEvent::Portfolio(PortfolioEvent::Renamed { name: name("Renda"), reason: Some(note("clearer")) }),
        AnyEvent::Portfolio(PortfolioEvent::Reallocated {
            allocation: allocation(),
            limits: limits(),
            reason: note("rates fell"),
        }),
        AnyEvent::Portfolio(PortfolioEvent::PolicySet { policy: policy(), reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::HandedOver { from: advisor, to: colleague, reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::Archived { reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::Restored { reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::Subscribed { taken: model_version(), reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::TakenOver { taken: model_version(), reason: reason() }),
        AnyEvent::Portfolio(PortfolioEvent::Unsubscribed { reason: reason() }),
        AnyEvent::Portfolio(recommended(figures(), terms())),
        AnyEvent::Recommendation(RecommendationEvent::Made(Box::new(advice()))),
        AnyEvent::Recommendation(refused_by_all(advice())),
        AnyEvent::Recommendation(RecommendationEvent::Overridden { reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::Withdrawn { reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::Superseded { by: RecommendationId::created_by(command()) }),
        AnyEvent::Recommendation(RecommendationEvent::Expired { on: date(2026, 7, 1) }),
        AnyEvent::Recommendation(RecommendationEvent::EmailClaimed { attempt: 1 }),
        AnyEvent::Recommendation(RecommendationEvent::Emailed { attempt: 1 }),
        AnyEvent::Recommendation(RecommendationEvent::EmailDeferred { attempt: 1, reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::EmailFailed { attempt: 2, reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::EmailUnknown { attempt: 300, reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::EmailReleased { reason: reason() }),
        AnyEvent::Backtest(BacktestEvent::Recorded(Box::new(backtest()))),
        AnyEvent::Asset(AssetEvent::Listed(Listing {
            calendar: Some(Calendar::Weekdays),
            risk_class: Some(RiskClass::Moderate),
            ..ocado()
        })),
        AnyEvent::Asset(AssetEvent::Edited {
            details: Box::new(AssetDetails { calendar: Some(Calendar::EveryDay), ..ocado_group() }),
            reason: note("it calls itself so now"),
        }),
        AnyEvent::Asset(AssetEvent::Priced {
            source: name("a file"),
            basis: PriceBasis::SplitAdjusted,
            bars: Bars::of(vec![
                bar(date(1969, 12, 31), "10.5"),
                Bar { open: None, ..bar(date(1970, 1, 1), "10") },
                bar(date(1970, 1, 5), "11.125"),
            ])
            .unwrap(),
        }),
        AnyEvent::Asset(AssetEvent::Corrected {
            source: name("a file"),
            reason: note("the source says so now"),
            corrections: vec![Correction { was: bar(date(1970, 1, 1), "10"), is: bar(date(1970, 1, 1), "12") }],
        }),
        AnyEvent::Asset(AssetEvent::Split {
            source: name("a file"),
            date: date(2020, 8, 31),
            ratio: SplitRatio::try_new(4.into(), 1.into()).unwrap(),
            was: Some(SplitRatio::try_new(3.into(), 2.into()).unwrap()),
        }),
        AnyEvent::Asset(AssetEvent::Dividend {
            source: name("a file"),
            ex_date: date(2020, 8, 7),
            kind: PaymentKind::CapitalGain,
            payment: Payment::try_new("0.205".parse().unwrap()).unwrap(),
            was: None,
        }),
        AnyEvent::Asset(AssetEvent::SplitWithdrawn {
            source: name("Ana Souza"),
            reason: note("it was announced and called off"),
            date: date(2020, 8, 31),
            was: SplitRatio::try_new(4.into(), 1.into()).unwrap(),
        }),
        AnyEvent::Asset(AssetEvent::PaymentWithdrawn {
            source: name("Ana Souza"),
            reason: note("another share paid it"),
            ex_date: date(2020, 8, 7),
            kind: PaymentKind::CapitalGain,
            was: Payment::try_new("0.205".parse().unwrap()).unwrap(),
        }),
        AnyEvent::Asset(AssetEvent::InterestSet {
            from: date(2024, 2, 29),
            rate: InterestRate::try_new("0.1075".parse().unwrap()).unwrap(),
            was: Some(InterestRate::try_new("-0.005".parse().unwrap()).unwrap()),
            reason: note("the central bank has decided"),
        }),
        AnyEvent::Asset(AssetEvent::Rated { class: RiskClass::ModeratelyAggressive, reason: note("a single company") }),
        AnyEvent::Asset(AssetEvent::Delisted { date: date(2023, 1, 2), reason: note("taken over") }),
        AnyEvent::Asset(AssetEvent::Confirmed { what: Confirmation::Rating, reason: Some(note("as every year")) }),
    ]
}

fn ocado() -> Listing {
    Listing {
        class: Some(AssetClass::Equity),
        sector: Some(name("Retail")),
        exchange: Some(name("LSE")),
        time_zone: Some(TimeZoneName::parse("Europe/London").unwrap()),
        ..Listing::new(name("Ocado"), Currency::parse("GBP").unwrap())
    }
}

fn ocado_group() -> AssetDetails {
    AssetDetails { name: name("Ocado Group"), class: Some(AssetClass::Etf), sector: None, ..ocado().details() }
}

/// Each form that is no longer written, with the event that its frozen bytes hold.
pub(crate) fn no_longer_written() -> Vec<(&'static str, AnyEvent)> {
    let bars = [(date(1969, 12, 31), "10.5"), (date(1970, 1, 1), "10"), (date(1970, 1, 5), "11.125")];
    let bars = Bars::try_new(bars.map(|(day, close)| (day, close.parse().unwrap())).to_vec()).unwrap();
    let listing = Listing::new(name("Apple"), Currency::parse("USD").unwrap());
    let details = AdvisorDetails::new(name("Ana Souza"), name("Casa Verde"));
    let no_model = Composition { model_of: None, ..composition() };
    let plain = Composition { limits: Limits::default(), policy: Policy::default(), origin: None, ..no_model.clone() };
    let reallocated =
        PortfolioEvent::Reallocated { allocation: allocation(), limits: Limits::default(), reason: note("rates fell") };
    let silent_advice = Advice { figures: without_reasons(), ..advice() };
    let first_advice = Advice { figures: without_cash(), ..advice() };
    let without_terms = Advice { terms: Terms::default(), ..first_advice.clone() };
    vec![
        ("insights.portfolio.created.v1", AnyEvent::Portfolio(PortfolioEvent::Created(Box::new(plain)))),
        ("insights.portfolio.created.v2", AnyEvent::Portfolio(PortfolioEvent::Created(Box::new(no_model)))),
        (
            "insights.portfolio.renamed.v1",
            AnyEvent::Portfolio(PortfolioEvent::Renamed { name: name("Renda"), reason: None }),
        ),
        ("insights.portfolio.reallocated.v1", AnyEvent::Portfolio(reallocated)),
        ("insights.portfolio.recommended.v1", AnyEvent::Portfolio(recommended(without_cash(), Terms::default()))),
        ("insights.portfolio.recommended.v2", AnyEvent::Portfolio(recommended(without_cash(), terms()))),
        ("insights.portfolio.recommended.v3", AnyEvent::Portfolio(recommended(without_reasons(), terms()))),
        (
            "insights.recommendation.made.v1",
            AnyEvent::Recommendation(RecommendationEvent::Made(Box::new(without_terms))),
        ),
        ("insights.recommendation.refused.v3", AnyEvent::Recommendation(refused_by_all(silent_advice.clone()))),
        ("insights.recommendation.refused.v2", AnyEvent::Recommendation(refused(silent_advice.clone()))),
        ("insights.recommendation.refused.v1", AnyEvent::Recommendation(refused(first_advice.clone()))),
        (
            "insights.recommendation.made.v2",
            AnyEvent::Recommendation(RecommendationEvent::Made(Box::new(first_advice))),
        ),
        (
            "insights.recommendation.made.v3",
            AnyEvent::Recommendation(RecommendationEvent::Made(Box::new(silent_advice))),
        ),
        ("insights.advisor.registered.v1", AnyEvent::Advisor(AdvisorEvent::Registered(details))),
        ("insights.asset.listed.v1", AnyEvent::Asset(AssetEvent::Listed(listing))),
        ("insights.asset.listed.v2", AnyEvent::Asset(AssetEvent::Listed(ocado()))),
        (
            "insights.asset.edited.v1",
            AnyEvent::Asset(AssetEvent::Edited {
                details: Box::new(ocado_group()),
                reason: note("it calls itself so now"),
            }),
        ),
        (
            "insights.asset.priced.v1",
            AnyEvent::Asset(AssetEvent::Priced { source: name("a file"), basis: PriceBasis::Adjusted, bars }),
        ),
    ]
}

fn bar(date: jiff::civil::Date, close: &str) -> Bar {
    let close = close.parse().unwrap();
    let half = rust_decimal::Decimal::new(5, 1);
    Bar {
        date,
        open: Some(close - half),
        high: Some(close + half),
        low: Some(close - half - half),
        close,
        volume: Some(1_000),
    }
}
