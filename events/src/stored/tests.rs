use std::collections::BTreeSet;
use std::path::PathBuf;

use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::{AnyEvent, DecodeError, Stored, samples};
use crate::Kind;
use crate::advisor::{Advisor, AdvisorCommand, AdvisorDetails, AdvisorEvent};
use crate::asset::{Asset, AssetCommand, AssetEvent, PriceBasis};
use crate::client::{Client, ClientCommand};
use crate::decider::Decider;
use crate::portfolio::{Composition, Origin, Portfolio, PortfolioCommand, PortfolioEvent};
use crate::recommendation::{Recipient, Recommendation, RecommendationCommand, RecommendationEvent};
use crate::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{
    AdvisorId, Allocation, AssetId, Band, Bar, Bars, ClientId, CommandId, Currency, EventId, Language, Limit, Limits,
    Listing, Name, Note, Payment, PaymentKind, Policy, RebalancingRule, Regime, RiskClass, Sealed, SealedIdentity,
    SplitRatio, Terms,
};

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn stored(event: &AnyEvent) -> (Kind, &'static str, Vec<u8>) {
    match event {
        AnyEvent::Advisor(e) => (Kind::Advisor, e.event_type(), e.encode()),
        AnyEvent::Client(e) => (Kind::Client, e.event_type(), e.encode()),
        AnyEvent::Portfolio(e) => (Kind::Portfolio, e.event_type(), e.encode()),
        AnyEvent::Recommendation(e) => (Kind::Recommendation, e.event_type(), e.encode()),
        AnyEvent::Asset(e) => (Kind::Asset, e.event_type(), e.encode()),
    }
}

/// A new form's bytes are written once, with `INSIGHTS_NEW_GOLDEN=1`; a file that is there is never written again.
#[test]
fn every_stored_form_has_its_golden_bytes_and_reads_them_back() {
    let mut expected = BTreeSet::new();
    for sample in samples::all() {
        let (kind, event_type, bytes) = stored(&sample);
        let path = golden().join(format!("{event_type}.bin"));
        if !path.exists() && std::env::var_os("INSIGHTS_NEW_GOLDEN").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let frozen = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(bytes, frozen, "{event_type} is not written as it was");
        assert_eq!(AnyEvent::decode(kind, event_type, &frozen), Ok(sample));
        expected.insert(format!("{event_type}.bin"));
    }
    for (event_type, event) in samples::no_longer_written() {
        let frozen = std::fs::read(golden().join(format!("{event_type}.bin"))).unwrap();
        assert_eq!(AnyEvent::decode(stored(&event).0, event_type, &frozen), Ok(event));
        expected.insert(format!("{event_type}.bin"));
    }
    let there: BTreeSet<String> =
        std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, expected, "a golden file without a sample, or a sample without a file");
}

#[test]
fn a_newer_version_is_said_to_be_unknown() {
    for kind in Kind::ALL {
        let newer = format!("insights.{}.registered.v99", kind.token());
        assert_eq!(AnyEvent::decode(kind, &newer, &[]), Err(DecodeError::UnknownType(newer.clone())));
    }
}

#[test]
fn cut_and_lengthened_bytes_are_refused() {
    for sample in samples::all() {
        let (kind, event_type, mut bytes) = stored(&sample);
        let whole = bytes.len();
        assert!(AnyEvent::decode(kind, event_type, &bytes[..whole - 1]).is_err(), "{event_type} cut");
        bytes.push(0);
        let refused = AnyEvent::decode(kind, event_type, &bytes);
        assert!(matches!(refused, Err(DecodeError::TrailingBytes { trailing: 1, .. })), "{event_type} lengthened");
    }
}

fn name() -> impl Strategy<Value = Name> {
    "[a-zA-ZçãéÜ][a-zA-Z çãéÜ]{0,20}".prop_filter_map("a name", |text| Name::parse(&text).ok())
}

fn note() -> impl Strategy<Value = Note> {
    "[a-z][a-z \n]{0,40}".prop_filter_map("a note", |text| Note::parse(&text).ok())
}

fn command_id() -> impl Strategy<Value = CommandId> {
    any::<u128>().prop_map(|n| CommandId::new(uuid::Uuid::from_u128(n)))
}

/// Up to twelve assets whose shares of a random total are rounded down, with the rest on the last one.
fn allocation() -> impl Strategy<Value = Allocation> {
    prop::collection::btree_map("[A-Z]{1,5}(\\.[A-Z]{1,2})?", 1_u64..1_000_000, 1..12).prop_filter_map(
        "an allocation",
        |shares| {
            let total: u64 = shares.values().sum();
            let mut rest = rust_decimal::Decimal::ONE;
            let last = shares.len() - 1;
            let targets = shares.iter().enumerate().map(|(i, (asset, share))| {
                let share =
                    (rust_decimal::Decimal::from(*share) / rust_decimal::Decimal::from(total)).trunc_with_scale(8);
                let weight = if i == last { rest } else { share };
                rest -= weight;
                (AssetId::parse(asset).unwrap(), weight)
            });
            Allocation::try_new(targets.collect::<Vec<_>>()).ok()
        },
    )
}

fn day() -> impl Strategy<Value = jiff::civil::Date> {
    (-40_000_i32..40_000).prop_map(|day| jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(day))
}

fn price() -> impl Strategy<Value = rust_decimal::Decimal> {
    (1_i64..i64::MAX, 0_u32..=12).prop_map(|(mantissa, scale)| rust_decimal::Decimal::new(mantissa, scale))
}

fn bars() -> impl Strategy<Value = Bars> {
    use prop::option::of;
    let rest = (of(price()), of(price()), of(price()), price(), of(any::<u64>()));
    prop::collection::btree_map(day(), rest, 1..40).prop_map(|days| {
        let bar = |(date, (open, high, low, close, volume))| Bar { date, open, high, low, close, volume };
        Bars::of(days.into_iter().map(bar).collect()).unwrap()
    })
}

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof!["BRL", "EUR", "USD"].prop_map(|code| Currency::parse(&code).unwrap())
}

fn advisor_details() -> impl Strategy<Value = AdvisorDetails> {
    use prop::option::of;
    use prop::sample::select;
    let rules = (select(&Regime::ALL[..]), of(name()), select(&Language::ALL[..]));
    (name(), name(), rules, of(currency())).prop_map(|(name, firm, (regime, registration, language), currency)| {
        AdvisorDetails { name, firm, regime, registration, language, currency }
    })
}

fn advisor_command() -> impl Strategy<Value = AdvisorCommand> {
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

fn client_command() -> impl Strategy<Value = ClientCommand> {
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

fn limits(allocation: &Allocation) -> Limits {
    // A lock on the first, a band around the last, so that some commands meet them and some do not.
    let targets: Vec<_> = allocation.iter().collect();
    let first = targets.first().map(|(asset, _)| ((*asset).clone(), Limit { locked: true, band: None }));
    let last = targets.last().map(|(asset, weight)| {
        let band = Band::try_new(rust_decimal::Decimal::ZERO, weight.value()).ok();
        ((*asset).clone(), Limit { locked: false, band })
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
    (command_id(), name(), currency(), allocation(), any::<bool>(), policy(), origin).prop_map(
        |(by, name, currency, allocation, limited, policy, origin)| {
            let limits = if limited { limits(&allocation) } else { Limits::default() };
            let origin =
                origin.map(|(by, version)| Origin { portfolio: crate::values::PortfolioId::created_by(by), version });
            let advisor = AdvisorId::created_by(by);
            Composition { limits, policy, origin, ..Composition::new(advisor, name, currency, allocation) }
        },
    )
}

fn portfolio_command() -> impl Strategy<Value = PortfolioCommand> {
    let clients = prop::collection::btree_set(command_id().prop_map(ClientId::created_by), 0..4);
    prop_oneof![
        composition().prop_map(|composition| PortfolioCommand::Create(Box::new(composition))),
        (name(), prop::option::of(note())).prop_map(|(name, reason)| PortfolioCommand::Rename { name, reason }),
        (allocation(), any::<bool>(), note()).prop_map(|(allocation, limited, reason)| {
            let limits = if limited { limits(&allocation) } else { Limits::default() };
            PortfolioCommand::Reallocate { allocation, limits, reason }
        }),
        (policy(), note()).prop_map(|(policy, reason)| PortfolioCommand::SetPolicy { policy, reason }),
        note().prop_map(|reason| PortfolioCommand::Archive { reason }),
        note().prop_map(|reason| PortfolioCommand::Restore { reason }),
        (clients, note(), any::<bool>()).prop_map(|(clients, rationale, bare)| PortfolioCommand::Recommend {
            clients,
            rationale,
            figures: samples::figures(),
            terms: if bare { Terms::default() } else { samples::advice().terms },
        }),
    ]
}

fn recipient() -> impl Strategy<Value = Recipient> {
    use prop::sample::select;
    let profile = prop::option::of((select(&RiskClass::ALL[..]), note(), day()));
    (any::<bool>(), profile, select(&Regime::ALL[..]), day()).prop_map(|(in_care, profile, regime, on)| {
        let profile = profile.map(|(class, reason, since)| Profile::by_hand(class, reason, since));
        Recipient { in_care, profile, regime, on }
    })
}

fn recommendation_command() -> impl Strategy<Value = RecommendationCommand> {
    use RecommendationCommand as C;
    let by = prop_oneof!["compliance:1", "admin:1"].prop_map(|by| crate::values::Actor::parse(&by).unwrap());
    let suits = Recipient {
        in_care: true,
        profile: Some(Profile::by_hand(
            RiskClass::Aggressive,
            Note::parse("bold").unwrap(),
            jiff::civil::date(2026, 3, 4),
        )),
        regime: Regime::Other,
        on: jiff::civil::date(2026, 3, 4),
    };
    let make = |recipient| C::Make { advice: Box::new(samples::advice()), recipient };
    prop_oneof![
        (any::<bool>(), recipient()).prop_map(move |(fits, recipient)| make(if fits {
            suits.clone()
        } else {
            recipient
        })),
        (by, note()).prop_map(|(by, reason)| C::Override { by, reason }),
        note().prop_map(|reason| C::Withdraw { reason }),
        command_id().prop_map(|by| C::Supersede { by: crate::values::RecommendationId::created_by(by) }),
        day().prop_map(|on| C::Expire { on }),
        (1_u32..4).prop_map(|attempt| C::ClaimEmail { attempt }),
        (1_u32..4).prop_map(|attempt| C::RecordEmailed { attempt }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailDeferred { attempt, reason }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailFailed { attempt, reason }),
        (1_u32..4, note()).prop_map(|(attempt, reason)| C::RecordEmailUnknown { attempt, reason }),
        note().prop_map(|reason| C::ReleaseEmail { reason }),
    ]
}

fn asset_command() -> impl Strategy<Value = AssetCommand> {
    let basis = any::<bool>().prop_map(|raw| if raw { PriceBasis::Raw } else { PriceBasis::Adjusted });
    prop_oneof![
        (name(), currency()).prop_map(|(name, currency)| AssetCommand::List(Listing::new(name, currency))),
        (name(), basis, bars()).prop_map(|(source, basis, bars)| AssetCommand::RecordPrices { source, basis, bars }),
        (name(), note(), bars()).prop_map(|(source, reason, bars)| AssetCommand::CorrectPrices {
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
                payment: Payment::try_new(rust_decimal::Decimal::new(amount, 2)).unwrap(),
            }
        }),
        (day(), note()).prop_map(|(date, reason)| AssetCommand::Delist { date, reason }),
        (prop::sample::select(&RiskClass::ALL[..]), note())
            .prop_map(|(class, reason)| AssetCommand::Rate { class, reason }),
    ]
}

/// Decides the commands one after another; each event is stored and read back before it is folded. The state is that
/// of the live aggregate, and the fold of the stored history leads to the same.
fn replays<D: Decider + PartialEq + std::fmt::Debug>(commands: &[D::Command])
where
    D::Event: PartialEq,
{
    let mut live = D::default();
    let mut history = Vec::new();
    for command in commands {
        if let Ok(Some(event)) = live.decide(command) {
            let back = D::Event::decode(event.event_type(), &event.encode());
            assert_eq!(back.as_ref(), Ok(&event));
            live = live.evolve(&event);
            history.push(event);
        }
    }
    let replayed = history.iter().fold(D::default(), |state, event| state.evolve(event));
    assert_eq!(replayed, live);
}

proptest! {
    #[test]
    fn whatever_a_portfolio_decides_is_stored_and_replays(commands in prop::collection::vec(portfolio_command(), 0..12)) {
        replays::<Portfolio>(&commands);
    }

    #[test]
    fn whatever_a_recommendation_decides_is_stored_and_replays(
        commands in prop::collection::vec(recommendation_command(), 0..24),
    ) {
        replays::<Recommendation>(&commands);
    }

    #[test]
    fn whatever_an_asset_decides_is_stored_and_replays(commands in prop::collection::vec(asset_command(), 0..8)) {
        replays::<Asset>(&commands);
    }

    #[test]
    fn a_letter_is_taken_at_most_once_between_releases(
        commands in prop::collection::vec(recommendation_command(), 0..40),
    ) {
        let mut state = Recommendation::default();
        let mut claimed_since_settled = 0;
        for command in &commands {
            let Ok(Some(event)) = state.decide(command) else { continue };
            match &event {
                RecommendationEvent::EmailClaimed { .. } => claimed_since_settled += 1,
                RecommendationEvent::EmailDeferred { .. } | RecommendationEvent::EmailReleased { .. } => {
                    claimed_since_settled = 0;
                }
                _ => {}
            }
            assert!(claimed_since_settled <= 1, "two attempts under way at once");
            state = state.evolve(&event);
        }
    }

    #[test]
    fn rubbish_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for sample in samples::all() {
            let (kind, event_type, _) = stored(&sample);
            // Rubbish may happen to be an event; what counts is that decoding ends, and that what it gives can be kept.
            if let Ok(event) = AnyEvent::decode(kind, event_type, &bytes) {
                stored(&event);
            }
        }
    }

    #[test]
    fn whatever_an_advisor_decides_is_stored_and_replays(commands in prop::collection::vec(advisor_command(), 0..12)) {
        replays::<Advisor>(&commands);
    }

    #[test]
    fn whatever_a_client_decides_is_stored_and_replays(commands in prop::collection::vec(client_command(), 0..12)) {
        replays::<Client>(&commands);
    }

    #[test]
    fn an_advisor_s_registration_reads_back(details in advisor_details()) {
        let event = AdvisorEvent::Registered(details);
        assert_eq!(AdvisorEvent::decode(event.event_type(), &event.encode()), Ok(event));
    }

    #[test]
    fn prices_read_back_by_value(source in name(), bars in bars()) {
        let event = AssetEvent::Priced { source, basis: PriceBasis::Raw, bars };
        assert_eq!(AssetEvent::decode(event.event_type(), &event.encode()), Ok(event));
    }

    #[test]
    fn allocations_read_back(allocation in allocation(), reason in note()) {
        let event = PortfolioEvent::Reallocated { limits: limits(&allocation), allocation, reason };
        assert_eq!(PortfolioEvent::decode(event.event_type(), &event.encode()), Ok(event));
    }
}
