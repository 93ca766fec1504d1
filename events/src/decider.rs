//! The shape of every aggregate's rules.

use crate::stored::Stored;
use crate::subject::Kind;
use crate::values::AggregateId;

/// The rules of one kind of aggregate. The implementing type is the aggregate's state; `Default` is the state
/// before anything happened.
///
/// `decide` holds the rules of today. `evolve` accepts all of history: a past that today's rules would refuse
/// still replays.
pub trait Decider: Default + Clone + Send + Sync + 'static {
    /// Which subjects the aggregate's events stand on.
    const KIND: Kind;
    /// How one aggregate of this kind is told from another.
    type Id: AggregateId;
    /// A wish, in the imperative.
    type Command: Send + Sync;
    /// A fact, in the past.
    type Event: Stored;
    /// Why a wish was refused. Shown to people.
    type Rejection: Refusal;

    /// The event that the command leads to, or `None` where nothing has to change.
    ///
    /// # Errors
    /// The rejection, where the rules refuse the command in this state.
    fn decide(&self, command: &Self::Command) -> Result<Option<Self::Event>, Self::Rejection>;

    /// The state after the event.
    #[must_use]
    fn evolve(self, event: &Self::Event) -> Self;

    /// The event that says that the command found everything as it wishes it: `evolve` changes nothing by it. For kinds
    /// whose commands need not say which version they are for: a command that left nothing in the log would be decided
    /// anew if it were given again after somebody else's. `None` where no such event is needed.
    #[must_use]
    fn confirm(_command: &Self::Command) -> Option<Self::Event> {
        None
    }

    /// What the state keeps in memory beside what any aggregate keeps of each of its events, in events of some 200 bytes.
    /// Whoever keeps states bounds them by it.
    #[must_use]
    fn weight(&self) -> u32 {
        0
    }
}

/// What kind of refusal a rejection is, for whoever has to choose a status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionClass {
    /// There is no such aggregate.
    Absent,
    /// The aggregate's state does not allow it now.
    Conflict,
    /// The command itself can never be right.
    Invalid,
    /// Somebody else may give it, not who did.
    Forbidden,
}

/// A rejection that can name itself to a program as well as to a person.
pub trait Refusal: std::error::Error + Clone + Send + Sync + 'static {
    /// The stable name, as the last part of a problem type: `weights-do-not-add-up`.
    fn code(&self) -> &'static str;
    /// What kind of refusal it is.
    fn class(&self) -> RejectionClass;
}
