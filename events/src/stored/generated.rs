//! Values and commands as chance gives them, for properties that hold for all of them.

use std::ops::Range;

use jiff::Span;
use jiff::civil::{Date, date};
use proptest::prelude::{Strategy, any, prop, prop_oneof};
use rust_decimal::Decimal;

use super::samples;
use crate::advisor::{AdvisorCommand, AdvisorDetails};
use crate::asset::{AssetCommand, PriceBasis};
use crate::client::ClientCommand;
use crate::portfolio::PortfolioCommand;
use crate::recommendation::{Advice, RecommendationCommand};
use crate::subject::{Position, Stream};
use crate::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective};
use crate::values::{
    AdvisorId, Allocation, AssetId, Bar, Bars, ClientId, CommandId, Currency, EventId, FiguresSnapshot, Language,
    Listing, Name, Note, Payment, PaymentKind, PortfolioId, Regime, RiskClass, Sealed, SealedIdentity, SplitRatio,
};

pub(super) fn name() -> impl Strategy<Value = Name> {
    "[a-zA-ZçãéÜ][a-zA-Z çãéÜ]{0,20}".prop_filter_map("a name", |text| Name::parse(&text).ok())
}

pub(super) fn note() -> impl Strategy<Value = Note> {
    "[a-z][a-z \n]{0,40}".prop_filter_map("a note", |text| Note::parse(&text).ok())
}

fn command_id() -> impl Strategy<Value = CommandId> {
    any::<u128>().prop_map(|n| CommandId::new(uuid::Uuid::from_u128(n)))
}

/// Up to twelve assets whose shares of a random total are rounded down, with the rest on the last one.
pub(super) fn allocation() -> impl Strategy<Value = Allocation> {
    prop::collection::btree_map("[A-Z]{1,5}(\\.[A-Z]{1,2})?", 1_u64..1_000_000, 1..12).prop_filter_map(
        "an allocation",
        |shares| {
            let total: u64 = shares.values().sum();
            let mut rest = Decimal::ONE;
            let last = shares.len() - 1;
            let targets = shares.iter().enumerate().map(|(i, (asset, share))| {
                let share = (Decimal::from(*share) / Decimal::from(total)).trunc_with_scale(8);
                let weight = if i == last { rest } else { share };
                rest -= weight;
                (AssetId::parse(asset).unwrap(), weight)
            });
            Allocation::try_new(targets.collect::<Vec<_>>()).ok()
        },
    )
}

fn day() -> impl Strategy<Value = Date> {
    (-40_000_i32..40_000).prop_map(|day| date(1970, 1, 1) + Span::new().days(day))
}

fn price() -> impl Strategy<Value = Decimal> {
    (1_i64..i64::MAX, 0_u32..=12).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

pub(super) fn bars() -> impl Strategy<Value = Bars> {
    bars_of(day(), 1..40)
}

fn bars_of(day: impl Strategy<Value = Date>, count: Range<usize>) -> impl Strategy<Value = Bars> {
    use prop::option::of;
    let rest = (of(price()), of(price()), of(price()), price(), of(any::<u64>()));
    prop::collection::btree_map(day, rest, count).prop_map(|days| {
        let bar = |(date, (open, high, low, close, volume))| Bar { date, open, high, low, close, volume };
        Bars::of(days.into_iter().map(bar).collect()).unwrap()
    })
}

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof!["BRL", "EUR", "USD"].prop_map(|code| Currency::parse(&code).unwrap())
}

pub(super) fn advisor_details() -> impl Strategy<Value = AdvisorDetails> {
    use prop::option::of;
    use prop::sample::select;
    let rules = (select(&Regime::ALL[..]), of(name()), select(&Language::ALL[..]));
    (name(), name(), rules, of(currency())).prop_map(|(name, firm, (regime, registration, language), currency)| {
        AdvisorDetails { name, firm, regime, registration, language, currency }
    })
}

pub(super) fn advisor_command() -> impl Strategy<Value = AdvisorCommand> {
    prop_oneof![
        advisor_details().prop_map(AdvisorCommand::Register),
        advisor_details().prop_map(AdvisorCommand::Edit),
        note().prop_map(|reason| AdvisorCommand::Suspend { reason }),
        note().prop_map(|reason| AdvisorCommand::Reinstate { reason }),
        note().prop_map(|reason| AdvisorCommand::Remove { reason }),
    ]
}

fn answers() -> impl Strategy<Value = Answers> {
    let five = || 0_usize..5;
    (five(), five(), five(), five(), five()).prop_map(|(objective, horizon, loss, knowledge, liquidity)| Answers {
        objective: Objective::ALL[objective],
        horizon: Horizon::ALL[horizon],
        loss_capacity: LossCapacity::ALL[loss],
        knowledge: Knowledge::ALL[knowledge],
        liquidity_need: LiquidityNeed::ALL[liquidity],
    })
}

fn identity() -> impl Strategy<Value = SealedIdentity> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..60).prop_map(Sealed::new);
    (command_id(), 0_u32..9, bytes(), bytes()).prop_map(|(command, key_version, name, email)| SealedIdentity {
        sealed_for: EventId::of(command),
        key_version,
        name,
        email,
    })
}

pub(super) fn client_command() -> impl Strategy<Value = ClientCommand> {
    let advisor = || command_id().prop_map(AdvisorId::created_by);
    prop_oneof![
        (advisor(), identity()).prop_map(|(advisor, identity)| ClientCommand::Register { advisor, identity }),
        identity().prop_map(|identity| ClientCommand::ChangeIdentity { identity }),
        (advisor(), note()).prop_map(|(to, reason)| ClientCommand::HandOver { to, reason }),
        (answers(), day()).prop_map(|(answers, on)| ClientCommand::AssessSuitability { answers, on }),
        (prop::sample::select(&RiskClass::ALL[..]), note(), day())
            .prop_map(|(class, reason, on)| ClientCommand::SetProfile { class, reason, on }),
        note().prop_map(|reason| ClientCommand::Remove { reason }),
    ]
}

fn figures() -> impl Strategy<Value = FiguresSnapshot> {
    use prop::option::of;
    let number = || of(prop::num::f64::NORMAL);
    let window = (day(), day(), any::<u32>(), prop::num::f64::NORMAL);
    let returns = (number(), number(), number(), number());
    let drawdown = (number(), of(day()), of(day()));
    (window, returns, drawdown, any::<u64>()).prop_map(|(window, returns, drawdown, sequence)| FiguresSnapshot {
        start: window.0,
        end: window.1,
        returns: window.2,
        risk_free_rate: window.3,
        cumulative: returns.0,
        cagr: returns.1,
        volatility: returns.2,
        sharpe: returns.3,
        max_drawdown: drawdown.0,
        drawdown_peak: drawdown.1,
        drawdown_valley: drawdown.2,
        prices_position: Position { stream: Stream::Market, sequence },
        ..samples::figures()
    })
}

fn advice() -> impl Strategy<Value = Advice> {
    let who = (command_id(), command_id(), command_id());
    let what = (any::<u64>(), name(), currency(), allocation());
    (who, what, note(), figures()).prop_map(|((portfolio, client, advisor), what, rationale, figures)| {
        let (portfolio_version, portfolio_name, currency, allocation) = what;
        Advice {
            portfolio: PortfolioId::created_by(portfolio),
            portfolio_version,
            portfolio_name,
            currency,
            client: ClientId::created_by(client),
            advisor: AdvisorId::created_by(advisor),
            allocation,
            rationale,
            figures,
        }
    })
}

pub(super) fn portfolio_command() -> impl Strategy<Value = PortfolioCommand> {
    let clients = prop::collection::btree_set(command_id().prop_map(ClientId::created_by), 0..4);
    prop_oneof![
        (command_id(), name(), currency(), allocation()).prop_map(|(by, name, currency, allocation)| {
            PortfolioCommand::Create { advisor: AdvisorId::created_by(by), name, currency, allocation }
        }),
        name().prop_map(|name| PortfolioCommand::Rename { name }),
        (allocation(), note()).prop_map(|(allocation, reason)| PortfolioCommand::Reallocate { allocation, reason }),
        (clients, note(), figures()).prop_map(|(clients, rationale, figures)| PortfolioCommand::Recommend {
            clients,
            rationale,
            figures,
        }),
    ]
}

pub(super) fn recommendation_command() -> impl Strategy<Value = RecommendationCommand> {
    use RecommendationCommand as C;
    prop_oneof![
        advice().prop_map(|advice| C::Make(Box::new(advice))),
        (1_u32..4).prop_map(|attempt| C::ClaimEmail { attempt }),
        (1_u32..4).prop_map(|attempt| C::RecordEmailed { attempt }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailDeferred { attempt, reason }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailFailed { attempt, reason }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailUnknown { attempt, reason }),
        note().prop_map(|reason| C::ReleaseEmail { reason }),
    ]
}

/// Days so few that commands meet each other on them.
fn one_of_a_few_days(count: i32) -> impl Strategy<Value = Date> {
    (0..count).prop_map(|day| date(1970, 1, 1) + Span::new().days(day))
}

pub(super) fn asset_command() -> impl Strategy<Value = AssetCommand> {
    let bases = [PriceBasis::Raw, PriceBasis::Adjusted, PriceBasis::SplitAdjusted];
    let day = || one_of_a_few_days(4);
    let bars = |count| bars_of(day(), count);
    prop_oneof![
        (name(), currency()).prop_map(|(name, currency)| AssetCommand::List(Listing::new(name, currency))),
        (name(), prop::sample::select(bases.to_vec()), bars(1..4))
            .prop_map(|(source, basis, bars)| AssetCommand::RecordPrices { source, basis, bars }),
        (name(), note(), bars(1..3)).prop_map(|(source, reason, bars)| AssetCommand::CorrectPrices {
            source,
            reason,
            bars
        }),
        (name(), day(), 1_i64..9, 10_i64..20).prop_map(|(source, date, new, old)| AssetCommand::RecordSplit {
            source,
            date,
            ratio: SplitRatio::try_new(new.into(), old.into()).unwrap(),
        }),
        (name(), day(), 1_i64..9, any::<bool>()).prop_map(|(source, ex_date, amount, gain)| {
            AssetCommand::RecordPayment {
                source,
                ex_date,
                kind: if gain { PaymentKind::CapitalGain } else { PaymentKind::Dividend },
                payment: Payment::try_new(Decimal::new(amount, 2)).unwrap(),
            }
        }),
        (one_of_a_few_days(8), note()).prop_map(|(date, reason)| AssetCommand::Delist { date, reason }),
    ]
}
