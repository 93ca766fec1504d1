use super::{Client, ClientCommand, ClientEvent, ClientRejection};
use crate::scenario::given;
use crate::values::{AdvisorId, CommandId, EventId, Sealed, SealedIdentity};

fn advisor() -> AdvisorId {
    AdvisorId::created_by(CommandId::of(&["an advisor"]))
}

fn identity() -> SealedIdentity {
    SealedIdentity {
        sealed_for: EventId::of(CommandId::of(&["a registration"])),
        key_version: 1,
        name: Sealed::new(vec![1, 2, 3]),
        email: Sealed::new(vec![4, 5, 6]),
    }
}

#[test]
fn registering_puts_a_client_on_the_advisors_list() {
    given::<Client>([])
        .when(&ClientCommand::Register { advisor: advisor(), identity: identity() })
        .then(&ClientEvent::Registered { advisor: advisor(), identity: identity() });
}

#[test]
fn a_second_registration_under_the_same_id_is_refused() {
    given::<Client>([ClientEvent::Registered { advisor: advisor(), identity: identity() }])
        .when(&ClientCommand::Register { advisor: advisor(), identity: identity() })
        .then_refused(&ClientRejection::AlreadyRegistered);
}

#[test]
fn showing_an_event_shows_nothing_of_the_identity() {
    let event = ClientEvent::Registered { advisor: advisor(), identity: identity() };
    let json = serde_json::to_string(&event).unwrap();
    assert!(json.contains("sealed:3"), "{json}");
    assert!(!format!("{event:?}").contains("1, 2, 3"));
}
