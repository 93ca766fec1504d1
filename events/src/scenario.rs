//! Given, when, then: how decider tests are told.

use std::fmt::Debug;

use crate::decider::Decider;

/// A history, before anything is wished.
pub fn given<D: Decider>(history: impl IntoIterator<Item = D::Event>) -> Given<D> {
    Given(history.into_iter().fold(D::default(), |state, event| state.evolve(&event)))
}

/// The state that a history led to.
pub struct Given<D: Decider>(D);

/// What came of a command.
pub struct When<D: Decider>(Result<Option<D::Event>, D::Rejection>);

impl<D: Decider> Given<D> {
    /// The command, decided.
    pub fn when(&self, command: &D::Command) -> When<D> {
        When(self.0.decide(command))
    }
}

impl<D: Decider> When<D>
where
    D::Event: PartialEq + Debug,
    D::Rejection: PartialEq + Debug,
{
    /// The command led to this event.
    #[track_caller]
    pub fn then(self, event: &D::Event) {
        assert_eq!(self.0.as_ref().map(Option::as_ref), Ok(Some(event)));
    }

    /// The command changed nothing, and was not refused either.
    #[track_caller]
    pub fn then_nothing_happened(self) {
        assert_eq!(self.0, Ok(None));
    }

    /// The command was refused for this reason.
    #[track_caller]
    pub fn then_refused(self, rejection: &D::Rejection) {
        assert_eq!(self.0.as_ref(), Err(rejection));
    }
}
