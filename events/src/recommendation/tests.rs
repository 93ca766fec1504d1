use super::{Recommendation, RecommendationCommand as C, RecommendationEvent as E, RecommendationRejection as R};
use crate::scenario::given;
use crate::stored::samples::advice;
use crate::values::{Name, Note};

fn made() -> E {
    E::Made(Box::new(advice()))
}

fn why() -> Note {
    Note::parse("the server said so").unwrap()
}

#[test]
fn making_the_same_recommendation_twice_is_making_it_once() {
    given::<Recommendation>([]).when(&C::Make(Box::new(advice()))).then(&made());
    given::<Recommendation>([made()]).when(&C::Make(Box::new(advice()))).then_nothing_happened();
}

#[test]
fn another_recommendation_under_the_same_id_is_refused() {
    let mut other = advice();
    other.portfolio_name = Name::parse("Another").unwrap();
    given::<Recommendation>([made()]).when(&C::Make(Box::new(other))).then_refused(&R::AlreadyMade);
}

#[test]
fn a_letter_is_claimed_once() {
    let claimed = E::EmailClaimed { attempt: 1 };
    given::<Recommendation>([made()]).when(&C::ClaimEmail { attempt: 1 }).then(&claimed);
    given::<Recommendation>([made(), claimed])
        .when(&C::ClaimEmail { attempt: 1 })
        .then_refused(&R::AttemptClaimed { attempt: 1 });
}

#[test]
fn emailing_twice_changes_nothing() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::Emailed { attempt: 1 }];
    given::<Recommendation>(history.clone()).when(&C::RecordEmailed { attempt: 1 }).then_nothing_happened();
    given::<Recommendation>(history).when(&C::ClaimEmail { attempt: 2 }).then_refused(&R::LetterIs { is: "sent" });
}

#[test]
fn a_deferred_letter_may_be_claimed_again_with_the_next_number() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::EmailDeferred { attempt: 1, reason: why() }];
    let letter = given::<Recommendation>(history);
    letter.when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::AttemptClaimed { attempt: 1 });
    letter.when(&C::ClaimEmail { attempt: 3 }).then_refused(&R::NotTheNextAttempt { attempt: 3, next: 2 });
    letter.when(&C::ClaimEmail { attempt: 2 }).then(&E::EmailClaimed { attempt: 2 });
}

#[test]
fn a_letter_of_unknown_outcome_waits_for_a_person() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::EmailUnknown { attempt: 1, reason: why() }];
    let letter = given::<Recommendation>(history.clone());
    letter.when(&C::ClaimEmail { attempt: 2 }).then_refused(&R::LetterIs { is: "outcome unknown" });
    letter.when(&C::RecordEmailed { attempt: 1 }).then(&E::Emailed { attempt: 1 });
    letter.when(&C::ReleaseEmail { reason: why() }).then(&E::EmailReleased { reason: why() });

    let released = history.into_iter().chain([E::EmailReleased { reason: why() }]);
    given::<Recommendation>(released).when(&C::ClaimEmail { attempt: 2 }).then(&E::EmailClaimed { attempt: 2 });
}

#[test]
fn a_sent_letter_is_never_released() {
    let history = [made(), E::EmailClaimed { attempt: 1 }, E::Emailed { attempt: 1 }];
    given::<Recommendation>(history).when(&C::ReleaseEmail { reason: why() }).then_refused(&R::LetterIs { is: "sent" });
}

#[test]
fn nothing_is_settled_that_was_not_claimed() {
    let letter = given::<Recommendation>([made()]);
    for command in [
        C::RecordEmailed { attempt: 1 },
        C::RecordEmailDeferred { attempt: 1, reason: why() },
        C::RecordEmailFailed { attempt: 1, reason: why() },
        C::RecordEmailUnknown { attempt: 1, reason: why() },
        C::ReleaseEmail { reason: why() },
    ] {
        letter.when(&command).then_refused(&R::LetterIs { is: "due" });
    }
}

#[test]
fn an_unknown_recommendation_has_no_letter() {
    given::<Recommendation>([]).when(&C::ClaimEmail { attempt: 1 }).then_refused(&R::Unknown);
}
