//! One event of each type, whose bytes are pinned under `golden/`.

use jiff::civil::date;

use super::AnyEvent;
use crate::advisor::{AdvisorDetails, AdvisorEvent};
use crate::asset::{AssetEvent, Correction, PriceBasis};
use crate::client::ClientEvent;
use crate::portfolio::PortfolioEvent;
use crate::recommendation::{Advice, RecommendationEvent};
use crate::subject::{Position, Stream};
use crate::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{
    AdvisorId, Allocation, AssetClass, AssetId, Bar, Bars, ClientId, CommandId, Currency, EventId, FiguresSnapshot,
    Language, Listing, Name, Note, Payment, PaymentKind, PortfolioId, Regime, Sealed, SealedIdentity, SplitRatio,
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
    }
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
    }
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
        AnyEvent::Portfolio(PortfolioEvent::Created {
            advisor,
            name: name("Crescimento"),
            currency: Currency::parse("BRL").unwrap(),
            allocation: allocation(),
        }),
        AnyEvent::Portfolio(PortfolioEvent::Renamed { name: name("Renda") }),
        AnyEvent::Portfolio(PortfolioEvent::Reallocated { allocation: allocation(), reason: note("rates fell") }),
        AnyEvent::Portfolio(PortfolioEvent::Recommended {
            advisor,
            clients: [ClientId::created_by(command())].into(),
            name: name("Renda"),
            currency: Currency::parse("BRL").unwrap(),
            allocation: allocation(),
            rationale: note("Two lines,\nof which this is one."),
            figures: figures(),
        }),
        AnyEvent::Recommendation(RecommendationEvent::Made(Box::new(advice()))),
        AnyEvent::Recommendation(RecommendationEvent::EmailClaimed { attempt: 1 }),
        AnyEvent::Recommendation(RecommendationEvent::Emailed { attempt: 1 }),
        AnyEvent::Recommendation(RecommendationEvent::EmailDeferred { attempt: 1, reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::EmailFailed { attempt: 2, reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::EmailUnknown { attempt: 300, reason: reason() }),
        AnyEvent::Recommendation(RecommendationEvent::EmailReleased { reason: reason() }),
        AnyEvent::Asset(AssetEvent::Listed(Listing {
            name: name("Ocado"),
            currency: Currency::parse("GBP").unwrap(),
            class: Some(AssetClass::Equity),
            sector: Some(name("Retail")),
            exchange: Some(name("LSE")),
            time_zone: Some(TimeZoneName::parse("Europe/London").unwrap()),
        })),
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
        AnyEvent::Asset(AssetEvent::Delisted { date: date(2023, 1, 2), reason: note("taken over") }),
    ]
}

/// Each form that is no longer written, with the event that its frozen bytes hold.
pub(crate) fn no_longer_written() -> Vec<(&'static str, AnyEvent)> {
    let bars = [(date(1969, 12, 31), "10.5"), (date(1970, 1, 1), "10"), (date(1970, 1, 5), "11.125")];
    let bars = Bars::try_new(bars.map(|(day, close)| (day, close.parse().unwrap())).to_vec()).unwrap();
    let listing = Listing::new(name("Apple"), Currency::parse("USD").unwrap());
    let details = AdvisorDetails::new(name("Ana Souza"), name("Casa Verde"));
    vec![
        ("insights.advisor.registered.v1", AnyEvent::Advisor(AdvisorEvent::Registered(details))),
        ("insights.asset.listed.v1", AnyEvent::Asset(AssetEvent::Listed(listing))),
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
