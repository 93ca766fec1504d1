//! Batches on their way into the tables: decoded, and in a replay folded as well, while the transaction before them runs.
//!
//! What was folded ahead is used only where all of the batch is new to a read model and nothing of it is parked; else it is
//! thrown away, and folded anew under the lock that says what is new.

use crate::incoming::{Applied, Incoming};
use crate::model::{Folded, ReadModel};

/// Events that follow each other, with what was folded of them.
pub(crate) struct Ahead {
    pub events: Vec<Incoming>,
    pub folded: FoldedAhead,
}

/// The changes that a batch brings to some read models, each under its name.
#[derive(Default)]
pub(crate) struct FoldedAhead(Vec<(&'static str, Folded)>);

impl Ahead {
    /// A batch of which nothing was folded yet.
    pub fn plain(events: Vec<Incoming>) -> Self {
        Self { events, folded: FoldedAhead::default() }
    }

    /// The batch with the changes that it brings to the read models which can take all of it.
    pub fn folded(events: Vec<Incoming>, models: &[ReadModel]) -> Self {
        let fold = |model: &ReadModel| {
            let theirs = events.iter().filter(|event| event.kind.is_some_and(|kind| model.kinds.contains(&kind)));
            let applied: Option<Vec<&Applied>> = theirs.map(|event| event.event.as_ref().ok()).collect();
            // What stumbles here will stumble again, where it can be parked.
            Some((model.name, model.fold(&applied?).ok()?))
        };
        let folded = FoldedAhead(models.iter().filter_map(fold).collect());
        Self { events, folded }
    }

    /// Both batches as one, where nothing of this one was folded; else the other one back.
    pub fn and(&mut self, next: Self) -> Result<(), Self> {
        if self.folded.0.is_empty() && next.folded.0.is_empty() {
            self.events.extend(next.events);
            Ok(())
        } else {
            Err(next)
        }
    }
}

impl FoldedAhead {
    /// What was folded for this read model.
    pub fn take(&mut self, model: &ReadModel) -> Option<Folded> {
        let index = self.0.iter().position(|(name, _)| *name == model.name)?;
        Some(self.0.swap_remove(index).1)
    }
}
