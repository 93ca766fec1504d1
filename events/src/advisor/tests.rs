use super::{Advisor, AdvisorCommand, AdvisorDetails, AdvisorEvent, AdvisorRejection};
use crate::scenario::given;
use crate::values::{Language, Name, Note, Regime};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn reason() -> Note {
    Note::parse("the register says so").unwrap()
}

fn ana() -> AdvisorDetails {
    AdvisorDetails::new(name("Ana Souza"), name("Casa Verde"))
}

fn assessor() -> AdvisorDetails {
    AdvisorDetails {
        regime: Regime::Cvm178,
        registration: Some(name("A12345")),
        language: Language::BrazilianPortuguese,
        ..ana()
    }
}

fn registered() -> AdvisorEvent {
    AdvisorEvent::Registered(ana())
}

fn suspended() -> AdvisorEvent {
    AdvisorEvent::Suspended { reason: reason() }
}

fn reinstated() -> AdvisorEvent {
    AdvisorEvent::Reinstated { reason: reason() }
}

fn removed() -> AdvisorEvent {
    AdvisorEvent::Removed { reason: reason() }
}

fn suspend() -> AdvisorCommand {
    AdvisorCommand::Suspend { reason: reason() }
}

fn reinstate() -> AdvisorCommand {
    AdvisorCommand::Reinstate { reason: reason() }
}

fn remove() -> AdvisorCommand {
    AdvisorCommand::Remove { reason: reason() }
}

#[test]
fn registering_puts_an_advisor_on_the_register() {
    given::<Advisor>([]).when(&AdvisorCommand::Register(ana())).then(&registered());
}

#[test]
fn registering_again_with_the_same_details_changes_nothing() {
    given::<Advisor>([registered()]).when(&AdvisorCommand::Register(ana())).then_nothing_happened();
}

#[test]
fn registering_somebody_else_under_the_same_id_is_refused() {
    let rui = AdvisorDetails { name: name("Rui Lima"), ..ana() };
    given::<Advisor>([registered()])
        .when(&AdvisorCommand::Register(rui))
        .then_refused(&AdvisorRejection::AlreadyRegistered);
}

#[test]
fn an_advisor_under_a_regime_with_a_register_needs_a_number_in_it() {
    for regime in Regime::ALL.into_iter().filter(|regime| regime.has_register()) {
        let without = AdvisorDetails { regime, registration: None, ..ana() };
        let refused = AdvisorRejection::RegistrationMissing { regime };
        given::<Advisor>([]).when(&AdvisorCommand::Register(without.clone())).then_refused(&refused);
        given::<Advisor>([registered()]).when(&AdvisorCommand::Edit(without)).then_refused(&refused);
    }
    given::<Advisor>([]).when(&AdvisorCommand::Register(assessor())).then(&AdvisorEvent::Registered(assessor()));
}

#[test]
fn editing_changes_what_the_register_says() {
    given::<Advisor>([registered()]).when(&AdvisorCommand::Edit(assessor())).then(&AdvisorEvent::Edited(assessor()));
}

#[test]
fn editing_to_what_the_register_says_already_changes_nothing() {
    given::<Advisor>([registered(), AdvisorEvent::Edited(assessor())])
        .when(&AdvisorCommand::Edit(assessor()))
        .then_nothing_happened();
}

#[test]
fn a_suspended_advisor_can_still_be_edited_and_stays_suspended() {
    given::<Advisor>([registered(), suspended()])
        .when(&AdvisorCommand::Edit(assessor()))
        .then(&AdvisorEvent::Edited(assessor()));
    given::<Advisor>([registered(), suspended(), AdvisorEvent::Edited(assessor())])
        .when(&suspend())
        .then_nothing_happened();
}

#[test]
fn suspending_is_for_a_while_and_reinstating_ends_it() {
    given::<Advisor>([registered()]).when(&suspend()).then(&suspended());
    given::<Advisor>([registered(), suspended()]).when(&suspend()).then_nothing_happened();
    given::<Advisor>([registered(), suspended()]).when(&reinstate()).then(&reinstated());
    given::<Advisor>([registered()]).when(&reinstate()).then_nothing_happened();
    given::<Advisor>([registered(), suspended(), reinstated()]).when(&suspend()).then(&suspended());
}

#[test]
fn removing_is_for_ever() {
    given::<Advisor>([registered()]).when(&remove()).then(&removed());
    given::<Advisor>([registered(), suspended()]).when(&remove()).then(&removed());
    let gone = || given::<Advisor>([registered(), removed()]);
    gone().when(&remove()).then_nothing_happened();
    for wish in [suspend(), reinstate(), AdvisorCommand::Edit(assessor())] {
        gone().when(&wish).then_refused(&AdvisorRejection::Removed);
    }
}

#[test]
fn nothing_can_be_wished_of_an_advisor_who_is_not_on_the_register_but_to_be_put_there() {
    for wish in [suspend(), reinstate(), remove(), AdvisorCommand::Edit(ana())] {
        given::<Advisor>([]).when(&wish).then_refused(&AdvisorRejection::Unknown);
    }
}
