use super::{Advisor, AdvisorCommand, AdvisorEvent, AdvisorRejection};
use crate::scenario::given;
use crate::values::Name;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn registered() -> AdvisorEvent {
    AdvisorEvent::Registered { name: name("Ana Souza"), firm: name("Casa Verde") }
}

#[test]
fn registering_puts_an_advisor_on_the_register() {
    given::<Advisor>([])
        .when(&AdvisorCommand::Register { name: name("Ana Souza"), firm: name("Casa Verde") })
        .then(&registered());
}

#[test]
fn registering_again_with_the_same_details_changes_nothing() {
    given::<Advisor>([registered()])
        .when(&AdvisorCommand::Register { name: name("Ana Souza"), firm: name("Casa Verde") })
        .then_nothing_happened();
}

#[test]
fn registering_somebody_else_under_the_same_id_is_refused() {
    given::<Advisor>([registered()])
        .when(&AdvisorCommand::Register { name: name("Rui Lima"), firm: name("Casa Verde") })
        .then_refused(&AdvisorRejection::AlreadyRegistered);
}
