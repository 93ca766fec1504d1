use std::collections::BTreeSet;

use jiff::civil::date;

use super::{
    Composition, ModelVersion, Origin, Portfolio, PortfolioCommand, PortfolioEvent, PortfolioRejection, RECIPIENTS_MAX,
    Subscription,
};
use crate::decider::Decider;
use crate::scenario::given;
use crate::stored::samples;
use crate::values::{
    AdvisorId, Allocation, AssetId, Band, ClientId, CommandId, Currency, Delisted, Limit, Limits, Name, Note, Policy,
    PortfolioId, RebalancingRule, RiskClass, Terms,
};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn reason() -> Note {
    Note::parse("rates fell").unwrap()
}

fn advisor() -> AdvisorId {
    AdvisorId::created_by(CommandId::of(&["an advisor"]))
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn allocation(apple: &str, coca_cola: &str) -> Allocation {
    let target = |asset: &str, weight: &str| (AssetId::parse(asset).unwrap(), weight.parse().unwrap());
    Allocation::try_new([target("AAPL", apple), target("KO", coca_cola)]).unwrap()
}

fn clients(n: usize) -> BTreeSet<ClientId> {
    (0..n).map(|i| ClientId::created_by(CommandId::of(&["a client", &i.to_string()]))).collect()
}

fn growth() -> Composition {
    Composition::new(advisor(), name("Growth"), usd(), allocation("0.6", "0.4"))
}

fn create() -> PortfolioCommand {
    PortfolioCommand::Create(Box::new(growth()))
}

fn created() -> PortfolioEvent {
    PortfolioEvent::Created(Box::new(growth()))
}

fn apple() -> AssetId {
    AssetId::parse("AAPL").unwrap()
}

fn band(min: &str, max: &str) -> Option<Band> {
    Some(Band::try_new(min.parse().unwrap(), max.parse().unwrap()).unwrap())
}

/// A limit on Apple alone.
fn limits(locked: bool, band: Option<Band>) -> Limits {
    Limits::new([(apple(), Limit { locked, band })])
}

fn reallocate(apple: &str, coca_cola: &str, limits: Limits) -> PortfolioCommand {
    PortfolioCommand::Reallocate { allocation: allocation(apple, coca_cola), limits, reason: reason() }
}

fn reallocated(apple: &str, coca_cola: &str, limits: Limits) -> PortfolioEvent {
    PortfolioEvent::Reallocated { allocation: allocation(apple, coca_cola), limits, reason: reason() }
}

fn rename(to: &str) -> PortfolioCommand {
    PortfolioCommand::Rename { name: name(to), reason: None }
}

fn careful() -> Policy {
    let benchmark = Some(AssetId::parse("^GSPC").unwrap());
    Policy { rebalancing: RebalancingRule::Quarterly, benchmark, risk_class: Some(RiskClass::Moderate) }
}

fn set_policy() -> PortfolioCommand {
    PortfolioCommand::SetPolicy { policy: careful(), reason: reason() }
}

fn archived() -> PortfolioEvent {
    PortfolioEvent::Archived { reason: reason() }
}

fn restored() -> PortfolioEvent {
    PortfolioEvent::Restored { reason: reason() }
}

fn archive() -> PortfolioCommand {
    PortfolioCommand::Archive { reason: reason() }
}

fn restore() -> PortfolioCommand {
    PortfolioCommand::Restore { firm: name("Casa Verde"), reason: reason() }
}

/// Something is delisted that nobody here holds.
fn recommend(to: BTreeSet<ClientId>) -> PortfolioCommand {
    recommend_though([(AssetId::parse("NONE").unwrap(), date(2026, 1, 30))].into_iter().collect(), to)
}

fn recommend_though(delisted: Delisted, to: BTreeSet<ClientId>) -> PortfolioCommand {
    PortfolioCommand::Recommend {
        clients: to,
        rationale: reason(),
        figures: Box::new(samples::figures()),
        terms: Terms::default(),
        delisted,
    }
}

#[test]
fn a_portfolio_is_created_with_its_allocation() {
    given::<Portfolio>([]).when(&create()).then(&created());
}

#[test]
fn creating_the_same_portfolio_again_changes_nothing() {
    given::<Portfolio>([created()]).when(&create()).then_nothing_happened();
}

#[test]
fn creating_another_portfolio_under_the_same_id_is_refused() {
    let other = PortfolioCommand::Create(Box::new(Composition { name: name("Income"), ..growth() }));
    given::<Portfolio>([created()]).when(&other).then_refused(&PortfolioRejection::AlreadyCreated);
}

#[test]
fn nothing_can_be_wished_of_a_portfolio_that_is_not_there_but_to_be_composed() {
    let nothing = given::<Portfolio>([]);
    let reallocate = reallocate("0.5", "0.5", Limits::default());
    for command in [rename("Income"), reallocate, set_policy(), archive(), restore(), recommend(clients(1))] {
        nothing.when(&command).then_refused(&PortfolioRejection::Unknown);
    }
}

#[test]
fn a_copy_remembers_what_it_was_copied_from() {
    let origin = Some(Origin { portfolio: PortfolioId::created_by(CommandId::of(&["a model"])), version: 3 });
    let copy = Composition { origin, ..growth() };
    given::<Portfolio>([])
        .when(&PortfolioCommand::Create(Box::new(copy.clone())))
        .then(&PortfolioEvent::Created(Box::new(copy)));
}

#[test]
fn reallocating_keeps_the_reason() {
    given::<Portfolio>([created()]).when(&reallocate("0.5", "0.5", Limits::default())).then(&reallocated(
        "0.5",
        "0.5",
        Limits::default(),
    ));
}

#[test]
fn reallocating_to_the_same_weights_changes_nothing_however_they_are_written() {
    given::<Portfolio>([created()]).when(&reallocate("0.60", "0.400", Limits::default())).then_nothing_happened();
}

#[test]
fn a_weight_stands_within_its_band() {
    let within = limits(false, band("0.5", "0.6"));
    given::<Portfolio>([created()]).when(&reallocate("0.5", "0.5", within.clone())).then(&reallocated(
        "0.5",
        "0.5",
        within.clone(),
    ));
    let out_of_band = PortfolioRejection::WeightOutOfBand {
        asset: apple(),
        weight: "0.7".parse().unwrap(),
        min: "0.5".parse().unwrap(),
        max: "0.6".parse().unwrap(),
    };
    given::<Portfolio>([created()]).when(&reallocate("0.7", "0.3", within.clone())).then_refused(&out_of_band);
    let composed = Composition { allocation: allocation("0.7", "0.3"), limits: within, ..growth() };
    given::<Portfolio>([]).when(&PortfolioCommand::Create(Box::new(composed))).then_refused(&out_of_band);
}

#[test]
fn what_is_not_held_has_no_limit() {
    let asset = AssetId::parse("MSFT").unwrap();
    let limits = Limits::new([(asset.clone(), Limit { locked: true, band: None })]);
    given::<Portfolio>([created()])
        .when(&reallocate("0.5", "0.5", limits))
        .then_refused(&PortfolioRejection::LimitWithoutPosition { asset });
}

#[test]
fn a_locked_weight_stays_until_it_is_given_again_without_the_lock() {
    let lock = || reallocated("0.6", "0.4", limits(true, None));
    given::<Portfolio>([created()]).when(&reallocate("0.6", "0.4", limits(true, None))).then(&lock());
    let locked = given::<Portfolio>([created(), lock()]);
    let refused = PortfolioRejection::PositionLocked { asset: apple(), weight: "0.6".parse().unwrap() };
    locked.when(&reallocate("0.5", "0.5", limits(true, None))).then_refused(&refused);
    locked.when(&reallocate("0.5", "0.5", Limits::default())).then_refused(&refused);
    let unlocked = reallocated("0.6", "0.4", Limits::default());
    locked.when(&reallocate("0.6", "0.4", Limits::default())).then(&unlocked);
    given::<Portfolio>([created(), lock(), unlocked])
        .when(&reallocate("0.5", "0.5", Limits::default()))
        .then(&reallocated("0.5", "0.5", Limits::default()));
}

#[test]
fn renaming_to_the_same_name_changes_nothing() {
    given::<Portfolio>([created()]).when(&rename("Growth")).then_nothing_happened();
    given::<Portfolio>([created()])
        .when(&PortfolioCommand::Rename { name: name("Income"), reason: Some(reason()) })
        .then(&PortfolioEvent::Renamed { name: name("Income"), reason: Some(reason()) });
}

#[test]
fn a_policy_says_how_the_portfolio_is_kept() {
    let set = PortfolioEvent::PolicySet { policy: careful(), reason: reason() };
    given::<Portfolio>([created()]).when(&set_policy()).then(&set);
    given::<Portfolio>([created(), set]).when(&set_policy()).then_nothing_happened();
}

#[test]
fn an_archived_portfolio_rests_until_it_is_restored() {
    given::<Portfolio>([created()]).when(&archive()).then(&archived());
    given::<Portfolio>([created()]).when(&restore()).then_nothing_happened();
    let resting = given::<Portfolio>([created(), archived()]);
    resting.when(&archive()).then_nothing_happened();
    resting.when(&create()).then_nothing_happened();
    let reallocate = reallocate("0.5", "0.5", Limits::default());
    for wish in [rename("Income"), reallocate, set_policy(), recommend(clients(1))] {
        resting.when(&wish).then_refused(&PortfolioRejection::Archived);
    }
    resting.when(&restore()).then(&restored());
    let renamed = PortfolioEvent::Renamed { name: name("Income"), reason: None };
    given::<Portfolio>([created(), archived(), restored()]).when(&rename("Income")).then(&renamed);
}

#[test]
fn a_recommendation_carries_the_portfolio_as_it_is_now() {
    let renamed = PortfolioEvent::Renamed { name: name("Income"), reason: None };
    let policy = PortfolioEvent::PolicySet { policy: careful(), reason: reason() };
    let history = [created(), renamed, reallocated("0.1", "0.9", Limits::default()), policy];
    given::<Portfolio>(history).when(&recommend(clients(2))).then(&PortfolioEvent::Recommended {
        advisor: advisor(),
        clients: clients(2),
        name: name("Income"),
        currency: usd(),
        allocation: allocation("0.1", "0.9"),
        rationale: reason(),
        figures: Box::new(samples::figures()),
        // Whoever recommends does not say how risky the portfolio is; its policy does.
        terms: Box::new(Terms { risk_class: Some(RiskClass::Moderate), ..Terms::default() }),
    });
}

#[test]
fn a_recommendation_needs_clients_and_not_too_many() {
    let portfolio = given::<Portfolio>([created()]);
    portfolio.when(&recommend(clients(0))).then_refused(&PortfolioRejection::NoClients);
    let too_many = RECIPIENTS_MAX + 1;
    portfolio.when(&recommend(clients(too_many))).then_refused(&PortfolioRejection::TooManyClients(too_many));
}

fn model() -> PortfolioId {
    PortfolioId::created_by(CommandId::of(&["a model"]))
}

fn version(version: u64, apple: &str, coca_cola: &str) -> Box<ModelVersion> {
    let (allocation, limits) = (allocation(apple, coca_cola), Limits::default());
    Box::new(ModelVersion { model: model(), version, allocation, limits })
}

fn follow(taken: Box<ModelVersion>) -> PortfolioCommand {
    PortfolioCommand::Follow { taken, currency: usd(), reason: reason() }
}

fn subscribed() -> PortfolioEvent {
    PortfolioEvent::Subscribed { taken: version(3, "0.5", "0.5"), reason: reason() }
}

#[test]
fn a_portfolio_that_begins_to_follow_a_model_takes_over_its_weights() {
    given::<Portfolio>([created()]).when(&follow(version(3, "0.5", "0.5"))).then(&subscribed());
    let following = given::<Portfolio>([created(), subscribed()]);
    following.when(&follow(version(3, "0.5", "0.5"))).then_nothing_happened();
    let other = PortfolioId::created_by(CommandId::of(&["another model"]));
    let of_other = Box::new(ModelVersion { model: other, ..*version(5, "0.7", "0.3") });
    following.when(&follow(of_other)).then_refused(&PortfolioRejection::FollowsAnotherModel { model: model() });
}

#[test]
fn a_model_follows_no_model_and_currencies_are_the_same() {
    let model = Composition { model_of: Some(name("Casa Verde")), ..growth() };
    given::<Portfolio>([PortfolioEvent::Created(Box::new(model))])
        .when(&follow(version(3, "0.5", "0.5")))
        .then_refused(&PortfolioRejection::ModelCannotFollow);
    let brl = Currency::parse("BRL").unwrap();
    given::<Portfolio>([created()])
        .when(&PortfolioCommand::Follow { taken: version(3, "0.5", "0.5"), currency: brl, reason: reason() })
        .then_refused(&PortfolioRejection::ModelInOtherCurrency { model: brl, portfolio: usd() });
}

#[test]
fn a_later_version_of_the_model_is_taken_over_with_a_reason_and_an_earlier_one_never() {
    let following = given::<Portfolio>([created(), subscribed()]);
    let taken = version(5, "0.7", "0.3");
    let taken_over = PortfolioEvent::TakenOver { taken: taken.clone(), reason: reason() };
    following.when(&follow(taken.clone())).then(&taken_over);
    following
        .when(&follow(version(2, "0.6", "0.4")))
        .then_refused(&PortfolioRejection::ModelVersionEarlier { taken: 3, given: 2 });
    let later = given::<Portfolio>([created(), subscribed(), taken_over]);
    later.when(&follow(taken)).then_nothing_happened();
    later
        .when(&follow(version(3, "0.5", "0.5")))
        .then_refused(&PortfolioRejection::ModelVersionEarlier { taken: 5, given: 3 });
}

#[test]
fn what_a_model_has_locked_changes_with_the_model() {
    let locked = ModelVersion { limits: limits(true, None), ..*version(3, "0.5", "0.5") };
    let subscribed = PortfolioEvent::Subscribed { taken: Box::new(locked), reason: reason() };
    let taken = version(4, "0.7", "0.3");
    given::<Portfolio>([created(), subscribed])
        .when(&follow(taken.clone()))
        .then(&PortfolioEvent::TakenOver { taken, reason: reason() });
}

#[test]
fn weights_change_with_the_model_alone_until_the_portfolio_follows_it_no_more() {
    let reallocate = PortfolioCommand::Reallocate {
        allocation: allocation("0.1", "0.9"),
        limits: Limits::default(),
        reason: reason(),
    };
    let unsubscribe = PortfolioCommand::Unsubscribe { reason: reason() };
    let unsubscribed = PortfolioEvent::Unsubscribed { reason: reason() };
    given::<Portfolio>([created()]).when(&unsubscribe).then_nothing_happened();
    let following = given::<Portfolio>([created(), subscribed()]);
    following.when(&reallocate).then_refused(&PortfolioRejection::FollowsModel { model: model() });
    following.when(&unsubscribe).then(&unsubscribed);
    let alone = given::<Portfolio>([created(), subscribed(), unsubscribed]);
    alone.when(&unsubscribe).then_nothing_happened();
    alone.when(&reallocate).then(&PortfolioEvent::Reallocated {
        allocation: allocation("0.1", "0.9"),
        limits: Limits::default(),
        reason: reason(),
    });
    // Nothing was lost by leaving: what it left is as good as any other.
    alone.when(&follow(version(3, "0.5", "0.5"))).then(&subscribed());
}

#[test]
fn a_lock_of_its_own_keeps_a_portfolio_from_following_what_differs_there() {
    let with_lock = Composition { limits: limits(true, None), ..growth() };
    given::<Portfolio>([PortfolioEvent::Created(Box::new(with_lock))])
        .when(&follow(version(3, "0.5", "0.5")))
        .then_refused(&PortfolioRejection::PositionLocked { asset: apple(), weight: "0.6".parse().unwrap() });
}

#[test]
fn an_archived_portfolio_neither_begins_nor_ends_to_follow() {
    let archived = given::<Portfolio>([created(), PortfolioEvent::Archived { reason: reason() }]);
    archived.when(&follow(version(3, "0.5", "0.5"))).then_refused(&PortfolioRejection::Archived);
    archived.when(&PortfolioCommand::Unsubscribe { reason: reason() }).then_refused(&PortfolioRejection::Archived);
}

#[test]
fn nothing_is_composed_as_a_follower() {
    let subscription = Some(Subscription { model: model(), version: 3 });
    let wished = Composition { subscription, ..growth() };
    given::<Portfolio>([]).when(&PortfolioCommand::Create(Box::new(wished))).then(&created());
}

#[test]
fn what_is_traded_no_more_is_composed_and_not_recommended() {
    let delisted = |assets: &[&str]| -> Delisted {
        assets.iter().map(|asset| (AssetId::parse(asset).unwrap(), date(2026, 1, 30))).collect()
    };
    let portfolio = given::<Portfolio>([created()]);
    let recommend = recommend_though(delisted(&["AAPL", "NONE"]), clients(1));
    portfolio.when(&recommend).then_refused(&PortfolioRejection::AssetsDelisted(delisted(&["AAPL"])));
}

fn colleague() -> AdvisorId {
    AdvisorId::created_by(CommandId::of(&["a colleague"]))
}

fn hand_over(to: AdvisorId, firm: &str) -> PortfolioCommand {
    PortfolioCommand::HandOver { to, firm: name(firm), reason: reason() }
}

#[test]
fn a_portfolio_is_handed_over_to_another_advisor_whether_it_is_in_use_or_not() {
    let handed_over = PortfolioEvent::HandedOver { from: advisor(), to: colleague(), reason: reason() };
    for history in [vec![created()], vec![created(), archived()]] {
        let portfolio = given::<Portfolio>(history.clone());
        portfolio.when(&hand_over(colleague(), "Another house")).then(&handed_over);
        portfolio.when(&hand_over(advisor(), "Another house")).then_nothing_happened();
        let theirs = given::<Portfolio>(history.into_iter().chain([handed_over.clone()]));
        theirs.when(&hand_over(colleague(), "Another house")).then_nothing_happened();
        let back = PortfolioEvent::HandedOver { from: colleague(), to: advisor(), reason: reason() };
        theirs.when(&hand_over(advisor(), "Casa Verde")).then(&back);
    }
    given::<Portfolio>([]).when(&hand_over(colleague(), "Casa Verde")).then_refused(&PortfolioRejection::Unknown);
    // What it is changes in nothing else.
    let theirs = Composition { advisor: colleague(), ..growth() };
    let state = Portfolio::default().evolve(&created()).evolve(&handed_over);
    assert_eq!(state, Portfolio::Active(Box::new(theirs)));
}

#[test]
fn a_model_is_handed_over_within_its_firm_alone() {
    let model = Composition { model_of: Some(name("Casa Verde")), ..growth() };
    let model = given::<Portfolio>([PortfolioEvent::Created(Box::new(model))]);
    for same in ["Casa Verde", "CASA  verde"] {
        let handed_over = PortfolioEvent::HandedOver { from: advisor(), to: colleague(), reason: reason() };
        model.when(&hand_over(colleague(), same)).then(&handed_over);
    }
    let (model_of, firm) = (name("Casa Verde"), name("Casa Azul"));
    let refused = PortfolioRejection::ModelOfAnotherFirm { model_of, firm };
    model.when(&hand_over(colleague(), "Casa Azul")).then_refused(&refused);
    model.when(&hand_over(advisor(), "Casa Azul")).then_nothing_happened();
}

#[test]
fn an_archived_model_is_taken_up_again_within_its_firm_alone() {
    let model = Composition { model_of: Some(name("Casa Verde")), ..growth() };
    let model = given::<Portfolio>([PortfolioEvent::Created(Box::new(model)), archived()]);
    let restore = |firm: &str| PortfolioCommand::Restore { firm: name(firm), reason: reason() };
    model.when(&restore("CASA  verde")).then(&restored());
    model.when(&restore("Another house")).then_refused(&PortfolioRejection::ModelOfAnotherFirm {
        model_of: name("Casa Verde"),
        firm: name("Another house"),
    });
    given::<Portfolio>([created(), archived()]).when(&restore("Another house")).then(&restored());
}
