use jiff::civil::{Date, date};

use super::{Client, ClientCommand, ClientEvent, ClientRejection};
use crate::scenario::given;
use crate::suitability::{Answers, Horizon, Knowledge, LiquidityNeed, LossCapacity, Objective, Profile};
use crate::values::{AdvisorId, CommandId, EventId, Note, RiskClass, Sealed, SealedIdentity};

const TODAY: Date = date(2026, 3, 4);

fn advisor() -> AdvisorId {
    AdvisorId::created_by(CommandId::of(&["an advisor"]))
}

fn colleague() -> AdvisorId {
    AdvisorId::created_by(CommandId::of(&["a colleague"]))
}

fn identity() -> SealedIdentity {
    sealed_for("a registration")
}

fn sealed_for(what: &str) -> SealedIdentity {
    SealedIdentity {
        sealed_for: EventId::of(CommandId::of(&[what])),
        key_version: 1,
        name: Sealed::new(vec![1, 2, 3]),
        email: Sealed::new(vec![4, 5, 6]),
    }
}

fn reason() -> Note {
    Note::parse("as agreed").unwrap()
}

fn answers() -> Answers {
    Answers {
        objective: Objective::Growth,
        horizon: Horizon::OverTenYears,
        loss_capacity: LossCapacity::UpToTwentyPercent,
        knowledge: Knowledge::Experienced,
        liquidity_need: LiquidityNeed::None,
    }
}

fn registered() -> ClientEvent {
    ClientEvent::Registered { advisor: advisor(), identity: identity() }
}

fn removed() -> ClientEvent {
    ClientEvent::Removed { reason: reason() }
}

fn hand_over(to: AdvisorId) -> ClientCommand {
    ClientCommand::HandOver { to, reason: reason() }
}

fn assess(on: Date) -> ClientCommand {
    ClientCommand::AssessSuitability { answers: answers(), on }
}

fn change_identity() -> ClientCommand {
    ClientCommand::ChangeIdentity { identity: sealed_for("a marriage") }
}

fn set_profile() -> ClientCommand {
    ClientCommand::SetProfile { class: RiskClass::Conservative, reason: reason(), on: TODAY }
}

fn remove() -> ClientCommand {
    ClientCommand::Remove { reason: reason() }
}

#[test]
fn registering_puts_a_client_on_the_advisors_list() {
    given::<Client>([]).when(&ClientCommand::Register { advisor: advisor(), identity: identity() }).then(&registered());
}

#[test]
fn a_second_registration_under_the_same_id_is_refused() {
    given::<Client>([registered()])
        .when(&ClientCommand::Register { advisor: advisor(), identity: identity() })
        .then_refused(&ClientRejection::AlreadyRegistered);
}

#[test]
fn another_name_or_address_is_sealed_anew() {
    given::<Client>([registered()])
        .when(&change_identity())
        .then(&ClientEvent::IdentityChanged { identity: sealed_for("a marriage") });
}

#[test]
fn a_client_is_handed_over_to_another_advisor() {
    let handed_over = ClientEvent::HandedOver { from: advisor(), to: colleague(), reason: reason() };
    given::<Client>([registered()]).when(&hand_over(colleague())).then(&handed_over);
    given::<Client>([registered(), handed_over]).when(&hand_over(colleague())).then_nothing_happened();
}

#[test]
fn handing_a_client_to_their_own_advisor_changes_nothing() {
    given::<Client>([registered()]).when(&hand_over(advisor())).then_nothing_happened();
}

#[test]
fn answers_become_a_profile_by_the_rules() {
    let profile = Profile::from_answers(answers(), TODAY);
    assert_eq!((profile.class, profile.until), (RiskClass::Moderate, date(2029, 3, 4)));
    given::<Client>([registered()]).when(&assess(TODAY)).then(&ClientEvent::Profiled(profile));
}

#[test]
fn the_same_answers_on_the_same_day_change_nothing_and_on_a_later_day_last_longer() {
    let first = ClientEvent::Profiled(Profile::from_answers(answers(), TODAY));
    given::<Client>([registered(), first.clone()]).when(&assess(TODAY)).then_nothing_happened();
    let later = date(2027, 1, 1);
    given::<Client>([registered(), first])
        .when(&assess(later))
        .then(&ClientEvent::Profiled(Profile::from_answers(answers(), later)));
}

#[test]
fn a_profile_set_by_hand_carries_its_reason() {
    let by_hand = ClientEvent::Profiled(Profile::by_hand(RiskClass::Conservative, reason(), TODAY));
    given::<Client>([registered()]).when(&set_profile()).then(&by_hand);
    given::<Client>([registered(), by_hand]).when(&set_profile()).then_nothing_happened();
}

#[test]
fn a_removed_client_stays_as_they_were() {
    given::<Client>([registered()]).when(&remove()).then(&removed());
    let gone = || given::<Client>([registered(), removed()]);
    gone().when(&remove()).then_nothing_happened();
    for wish in [change_identity(), hand_over(colleague()), assess(TODAY), set_profile()] {
        gone().when(&wish).then_refused(&ClientRejection::Removed);
    }
    let again = ClientCommand::Register { advisor: advisor(), identity: identity() };
    gone().when(&again).then_refused(&ClientRejection::AlreadyRegistered);
}

#[test]
fn nothing_can_be_wished_of_nobody_but_to_be_registered() {
    for wish in [change_identity(), hand_over(colleague()), assess(TODAY), set_profile(), remove()] {
        given::<Client>([]).when(&wish).then_refused(&ClientRejection::Unknown);
    }
}

#[test]
fn showing_an_event_shows_nothing_of_the_identity() {
    let event = registered();
    let json = serde_json::to_string(&event).unwrap();
    assert!(json.contains("sealed:3"), "{json}");
    assert!(!format!("{event:?}").contains("1, 2, 3"));
}
