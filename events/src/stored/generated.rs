//! Values and commands as chance gives them, for properties that hold for all of them.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Span;
use jiff::civil::{Date, date};
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_oneof};
use rust_decimal::Decimal;

use super::samples;
use crate::advisor::{self, AdvisorCommand, AdvisorDetails};
use crate::asset::{AssetCommand, PriceBasis};
use crate::backtest::{BacktestCommand, BacktestRun, ShownNumber};
use crate::calendar::Calendar;
use crate::client::ClientCommand;
use crate::portfolio::{Composition, ModelVersion, Origin, PortfolioCommand};
use crate::recommendation::{Advice, Care, Circumstances, Recipient, RecommendationCommand};
use crate::subject::{Position, Stream};
use crate::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{
    Actor, AdvisedFigure, AdvisorId, Allocation, AssetClass, AssetDetails, AssetId, BacktestTerms, Band, Bar, Bars,
    ClientId, CommandId, Contributions, Costs, Currency, Delisted, DriftRule, EventId, Every, FiguresSnapshot,
    InterestRate, Language, Limit, Limits, Listing, Name, NoFigureReason, Note, Payment, PaymentKind, Policy,
    PortfolioId, RebalancingRule, RecommendationId, Regime, RiskClass, Sealed, SealedIdentity, SplitRatio, Terms,
    TimeZoneName,
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
    (window, returns, drawdown, missing(), any::<u64>()).prop_map(|(window, returns, drawdown, missing, sequence)| {
        FiguresSnapshot {
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
            missing,
            ..samples::figures()
        }
    })
}

/// Whatever is there: a form keeps what it is given.
fn missing() -> impl Strategy<Value = BTreeMap<AdvisedFigure, NoFigureReason>> {
    let reason = (name(), note()).prop_map(|(code, detail)| NoFigureReason { code, detail });
    prop::collection::btree_map(prop::sample::select(&AdvisedFigure::ALL[..]), reason, 0..4)
}

fn advice() -> impl Strategy<Value = Advice> {
    let who = (command_id(), command_id(), command_id());
    let held = allocation().prop_flat_map(|allocation| (terms(&allocation), Just(allocation)));
    let what = (any::<u64>(), name(), currency(), held);
    (who, what, note(), figures()).prop_map(|((portfolio, client, advisor), what, rationale, figures)| {
        let (portfolio_version, portfolio_name, currency, (terms, allocation)) = what;
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
            terms,
        }
    })
}

/// What advice on these assets comes with; mostly they are all rated.
fn terms(allocation: &Allocation) -> impl Strategy<Value = Terms> + use<> {
    use prop::option::of;
    use prop::sample::select;
    let assets: Vec<AssetId> = allocation.iter().map(|(asset, _)| asset.clone()).collect();
    let class = || select(&RiskClass::ALL[..]);
    let rate = || (0_i64..=10_000).prop_map(|rate| Decimal::new(rate, 4));
    let costs = (rate(), rate()).prop_map(|(one_off, yearly)| Costs::try_new(one_off, yearly).unwrap());
    let rated = (class(), prop::bool::weighted(0.8));
    (of(class()), rated, of(costs), of(one_of_a_few_days(8))).prop_map(
        move |(risk_class, (of_each, all), costs, valid_until)| {
            let rated = assets.iter().skip(usize::from(!all));
            let product_classes = rated.map(|asset| (asset.clone(), of_each)).collect();
            Terms { risk_class, product_classes, costs, valid_until }
        },
    )
}

pub(super) fn limits(allocation: &Allocation) -> Limits {
    // A lock on the first, a band around the last, so that some commands meet them and some do not.
    let targets: Vec<_> = allocation.iter().collect();
    let first = targets.first().map(|(asset, _)| ((*asset).clone(), Limit { locked: true, band: None }));
    let last = targets.last().map(|(asset, weight)| {
        let band = Band::try_new(Decimal::ZERO, weight.value()).expect("a weight lies between nought and one");
        ((*asset).clone(), Limit { locked: false, band: Some(band) })
    });
    Limits::new(first.into_iter().chain(last))
}

fn policy() -> impl Strategy<Value = Policy> {
    use prop::option::of;
    use prop::sample::select;
    (select(&RebalancingRule::ALL[..]), of("[A-Z]{1,5}"), of(select(&RiskClass::ALL[..]))).prop_map(
        |(rebalancing, benchmark, risk_class)| {
            let benchmark = benchmark.map(|asset| AssetId::parse(&asset).unwrap());
            Policy { rebalancing, benchmark, risk_class }
        },
    )
}

fn composition() -> impl Strategy<Value = Composition> {
    let origin = prop::option::of((command_id(), 1_u64..99));
    let firm = prop::option::weighted(0.2, name());
    (command_id(), name(), currency(), allocation(), any::<bool>(), policy(), origin, firm).prop_map(
        |(by, name, currency, allocation, limited, policy, origin, model_of)| {
            let limits = if limited { limits(&allocation) } else { Limits::default() };
            let origin = origin.map(|(by, version)| Origin { portfolio: PortfolioId::created_by(by), version });
            let advisor = AdvisorId::created_by(by);
            Composition { limits, policy, origin, model_of, ..Composition::new(advisor, name, currency, allocation) }
        },
    )
}

/// Of so few models and versions that commands meet each other.
fn model_version() -> impl Strategy<Value = Box<ModelVersion>> {
    (0_u128..2, 1_u64..4, allocation()).prop_map(|(model, version, allocation)| {
        let model = PortfolioId::new(uuid::Uuid::from_u128(model));
        Box::new(ModelVersion { model, version, limits: limits(&allocation), allocation })
    })
}

pub(super) fn portfolio_command() -> impl Strategy<Value = PortfolioCommand> {
    let clients = prop::collection::btree_set(command_id().prop_map(ClientId::created_by), 0..4);
    prop_oneof![
        composition().prop_map(|composition| PortfolioCommand::Create(Box::new(composition))),
        (name(), prop::option::of(note())).prop_map(|(name, reason)| PortfolioCommand::Rename { name, reason }),
        (allocation(), any::<bool>(), note()).prop_map(|(allocation, limited, reason)| {
            let limits = if limited { limits(&allocation) } else { Limits::default() };
            PortfolioCommand::Reallocate { allocation, limits, reason }
        }),
        (policy(), note()).prop_map(|(policy, reason)| PortfolioCommand::SetPolicy { policy, reason }),
        (model_version(), currency(), note()).prop_map(|(taken, currency, reason)| PortfolioCommand::Follow {
            taken,
            currency,
            reason
        }),
        note().prop_map(|reason| PortfolioCommand::Unsubscribe { reason }),
        (command_id().prop_map(AdvisorId::created_by), name(), note())
            .prop_map(|(to, firm, reason)| PortfolioCommand::HandOver { to, firm, reason }),
        note().prop_map(|reason| PortfolioCommand::Archive { reason }),
        (name(), note()).prop_map(|(firm, reason)| PortfolioCommand::Restore { firm, reason }),
        (clients, note(), figures(), allocation().prop_flat_map(|allocation| terms(&allocation)), delisted()).prop_map(
            |(clients, rationale, figures, terms, delisted)| PortfolioCommand::Recommend {
                clients,
                rationale,
                figures: Box::new(figures),
                terms,
                delisted
            },
        ),
    ]
}

/// Mostly nothing.
fn delisted() -> impl Strategy<Value = Delisted> {
    let one = ("[A-Z]", day()).prop_map(|(asset, since)| (AssetId::parse(&asset).unwrap(), since));
    prop::option::weighted(0.2, one).prop_map(|one| one.into_iter().collect())
}

fn recipient() -> impl Strategy<Value = Recipient> {
    use prop::sample::select;
    (any::<bool>(), prop::option::of(profile()), select(&Regime::ALL[..]), delisted(), day())
        .prop_map(|(in_care, profile, regime, delisted, on)| Recipient { in_care, profile, regime, delisted, on })
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![
        (answers(), day()).prop_map(|(answers, since)| Profile::from_answers(answers, since)),
        (prop::sample::select(&RiskClass::ALL[..]), note(), day())
            .prop_map(|(class, reason, since)| Profile::by_hand(class, reason, since)),
    ]
}

/// Somebody whom any advice suits, whatever the regime asks for.
fn bold() -> impl Strategy<Value = Recipient> {
    const ANSWERS: Answers = Answers {
        objective: Objective::Speculation,
        horizon: Horizon::OverTenYears,
        loss_capacity: LossCapacity::More,
        knowledge: Knowledge::Professional,
        liquidity_need: LiquidityNeed::None,
    };
    (day(), prop::sample::select(&Regime::ALL[..])).prop_map(|(on, regime)| Recipient {
        in_care: true,
        profile: Some(Profile::from_answers(ANSWERS, on)),
        regime,
        delisted: Delisted::default(),
        on,
    })
}

/// Mostly such that advice can be let out.
fn circumstances() -> impl Strategy<Value = Circumstances> {
    use prop::sample::select;
    let care = select(&[Care::Theirs, Care::Theirs, Care::Theirs, Care::Elsewhere, Care::Ended][..]);
    let standings = &[advisor::Standing::Active, advisor::Standing::Active, advisor::Standing::Suspended][..];
    let later = prop::option::weighted(0.2, command_id().prop_map(RecommendationId::created_by));
    let (archived, regime) = (prop::bool::weighted(0.2), select(&Regime::ALL[..]));
    (care, select(standings), regime, archived, delisted(), later, day()).prop_map(
        |(care, advisor, regime, portfolio_archived, delisted, later, on)| Circumstances {
            care,
            advisor,
            regime,
            portfolio_archived,
            delisted,
            later,
            on,
        },
    )
}

pub(super) fn recommendation_command() -> impl Strategy<Value = RecommendationCommand> {
    use RecommendationCommand as C;
    let by = prop_oneof!["compliance:1", "admin:1"].prop_map(|by| Actor::parse(&by).unwrap());
    let make = |recipient: BoxedStrategy<Recipient>| {
        (advice(), recipient).prop_map(|(advice, recipient)| C::Make { advice: Box::new(advice), recipient })
    };
    prop_oneof![
        make(bold().boxed()),
        make(recipient().boxed()),
        (by, note(), circumstances()).prop_map(|(by, reason, now)| C::Override { by, reason, now }),
        note().prop_map(|reason| C::Withdraw { reason }),
        command_id().prop_map(|by| C::Supersede { by: RecommendationId::created_by(by) }),
        one_of_a_few_days(8).prop_map(|on| C::Expire { on }),
        (1_u32..4).prop_map(|attempt| C::ClaimEmail { attempt }),
        (1_u32..4).prop_map(|attempt| C::RecordEmailed { attempt }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailDeferred { attempt, reason }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailFailed { attempt, reason }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailUnknown { attempt, reason }),
        note().prop_map(|reason| C::ReleaseEmail { reason }),
    ]
}

fn backtest_terms() -> impl Strategy<Value = BacktestTerms> {
    use prop::option::of;
    use prop::sample::select;
    let rate = || (0_i64..=10_000).prop_map(|rate| Decimal::new(rate, 4));
    let drift = (rate(), any::<bool>(), 0_u32..252);
    let paid = (rate(), select(&Every::ALL[..]));
    let calendar = (select(&RebalancingRule::ALL[..]), 0_u32..252);
    (of(day()), of(day()), calendar, of(drift), of(paid), of("[A-Z]{1,5}"), rate(), rate()).prop_map(
        |(from, to, (rebalancing, lag_sessions), drift, paid, benchmark, cost_bps, risk_free_rate)| BacktestTerms {
            from,
            to,
            rebalancing,
            drift: drift.map(|(limit, relative, cooldown_sessions)| DriftRule { limit, relative, cooldown_sessions }),
            lag_sessions,
            cost_bps,
            contributions: paid.map(|(amount, every)| Contributions { amount, every }),
            benchmark: benchmark.map(|asset| AssetId::parse(&asset).unwrap()),
            risk_free_rate,
        },
    )
}

pub(super) fn backtest_command() -> impl Strategy<Value = BacktestCommand> {
    let shown = prop::collection::vec(("[a-z_]{1,9}", prop::option::of(prop::num::f64::NORMAL)), 0..4);
    let what = (allocation(), currency(), any::<u64>(), prop::option::of(note()));
    (command_id(), what, backtest_terms(), shown).prop_map(|(by, what, terms, shown)| {
        let (allocation, currency, sequence, note) = what;
        BacktestCommand::Record(Box::new(BacktestRun {
            portfolio: PortfolioId::created_by(by),
            advisor: AdvisorId::created_by(by),
            currency,
            allocation,
            terms,
            prices_position: Position { stream: Stream::Market, sequence },
            shown: shown.into_iter().map(|(name, value)| ShownNumber { name, value }).collect(),
            note,
            ..samples::backtest()
        }))
    })
}

/// Days so few that commands meet each other on them.
fn one_of_a_few_days(count: i32) -> impl Strategy<Value = Date> {
    (0..count).prop_map(|day| date(1970, 1, 1) + Span::new().days(day))
}

/// Mostly shares, so that most of what is listed can have prices.
fn asset_details() -> impl Strategy<Value = AssetDetails> {
    use prop::option::of;
    let class = prop_oneof![
        4 => Just(AssetClass::Equity),
        1 => prop::sample::select(&AssetClass::ALL[..]),
    ];
    let zone = Just(TimeZoneName::parse("America/Sao_Paulo").unwrap());
    let calendar = prop::sample::select(&Calendar::ALL[..]);
    (name(), of(class), of(name()), of(name()), of(zone), of(calendar)).prop_map(
        |(name, class, sector, exchange, time_zone, calendar)| AssetDetails {
            name,
            class,
            sector,
            exchange,
            time_zone,
            calendar,
        },
    )
}

pub(super) fn asset_command() -> impl Strategy<Value = AssetCommand> {
    let bases = [PriceBasis::Raw, PriceBasis::Adjusted, PriceBasis::SplitAdjusted];
    let day = || one_of_a_few_days(4);
    let bars = |count| bars_of(day(), count);
    prop_oneof![
        (asset_details(), currency(), prop::option::of(prop::sample::select(&RiskClass::ALL[..]))).prop_map(
            |(details, currency, risk_class)| AssetCommand::List(
                Listing { risk_class, ..Listing::new(details.name.clone(), currency) }.with(details)
            )
        ),
        (asset_details(), note())
            .prop_map(|(details, reason)| AssetCommand::Edit { details: Box::new(details), reason }),
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
        (name(), note(), day()).prop_map(|(source, reason, date)| AssetCommand::WithdrawSplit { source, reason, date }),
        (name(), note(), day(), any::<bool>()).prop_map(|(source, reason, ex_date, gain)| {
            let kind = if gain { PaymentKind::CapitalGain } else { PaymentKind::Dividend };
            AssetCommand::WithdrawPayment { source, reason, ex_date, kind }
        }),
        (one_of_a_few_days(8), note()).prop_map(|(date, reason)| AssetCommand::Delist { date, reason }),
        (prop::sample::select(&RiskClass::ALL[..]), note())
            .prop_map(|(class, reason)| AssetCommand::Rate { class, reason }),
        (day(), -5_i64..20, note()).prop_map(|(from, percent, reason)| {
            let rate = InterestRate::try_new(Decimal::new(percent, 2)).unwrap();
            AssetCommand::SetInterest { from, rate, reason }
        }),
    ]
}
