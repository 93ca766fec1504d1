//! What this process is working on now: a redelivered event must not look at a letter that is just being sent.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use events::values::RecommendationId;

/// The recommendations in hand.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<RecommendationId>>);

/// One recommendation in hand, until this is dropped, however that comes about.
#[derive(Debug)]
pub struct InHand<'a> {
    all: &'a InFlight,
    id: RecommendationId,
}

impl InFlight {
    /// Takes the recommendation in hand; `None` where it is already.
    pub fn take(&self, id: RecommendationId) -> Option<InHand<'_>> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        new.then_some(InHand { all: self, id })
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use events::values::{CommandId, RecommendationId};

    use super::InFlight;

    #[test]
    fn one_recommendation_is_in_one_hand_until_it_is_let_go() {
        let id = RecommendationId::created_by(CommandId::of(&["a letter"]));
        let in_flight = InFlight::default();
        let first = in_flight.take(id);
        assert!(first.is_some());
        assert!(in_flight.take(id).is_none());
        drop(first);
        assert!(in_flight.take(id).is_some());
    }
}
