//! What the two streams bring: portfolios' events as they are, and of the market only about which assets anything was said.

use std::collections::BTreeSet;
use std::time::Duration;

use events::Stream;
use events::values::AssetId;
use journal::{Journal, ReadError};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::Reached;
use crate::follow::{self, Broken, DECODED_BATCHES_MAX};
use crate::incoming::Incoming;
use crate::price_cache::asset_of;

/// Market events that one batch takes in at the most: a night's prices touch a portfolio once, not once an asset.
const TOUCHING_EVENTS_MAX: u64 = 10_000;

/// One batch.
#[derive(Debug)]
pub(super) enum Input {
    /// Events of the advisory stream.
    Advisory(Vec<Incoming>),
    /// What the market stream said.
    Market(Touched),
    /// Nothing new.
    Nothing,
}

/// Assets about which something was said, between two places of the market stream.
#[derive(Debug)]
pub(super) struct Touched {
    pub assets: BTreeSet<AssetId>,
    /// The sequence of the first event.
    pub first: u64,
    /// The sequence of the last event.
    pub last: u64,
}

/// Both streams, each read by a task of its own.
pub(super) struct Inputs {
    journal: Journal,
    advisory: Source,
    market: Source,
}

struct Source {
    batches: mpsc::Receiver<Vec<Incoming>>,
    reader: AbortOnDropHandle<Result<(), ReadError>>,
}

impl Source {
    fn open(journal: &Journal, stream: Stream, after: u64) -> Self {
        let (send, batches) = mpsc::channel(DECODED_BATCHES_MAX);
        let reader = tokio::spawn(follow::read(journal.clone(), stream, after, send));
        Self { batches, reader: AbortOnDropHandle::new(reader) }
    }

    /// Why nothing comes any more.
    async fn end(&mut self) -> Broken {
        match (&mut self.reader).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) | Err(_) => Broken::ReaderEnded,
        }
    }
}

impl Inputs {
    /// Both streams, each from behind where it was reached.
    pub fn open(journal: &Journal, reached: Reached) -> Self {
        Self {
            journal: journal.clone(),
            advisory: Source::open(journal, Stream::Advisory, reached.advisory),
            market: Source::open(journal, Stream::Market, reached.market),
        }
    }

    /// The next batch, or nothing where for so long nothing came. Prices come first: all is computed from them.
    pub async fn next(&mut self, quiet: Duration) -> Result<Input, Broken> {
        tokio::select! {
            biased;
            batch = self.market.batches.recv() => match batch {
                Some(batch) => self.gather(batch).await.map(Input::Market),
                None => Err(self.market.end().await),
            },
            batch = self.advisory.batches.recv() => match batch {
                Some(batch) => Ok(Input::Advisory(batch)),
                None => Err(self.advisory.end().await),
            },
            () = tokio::time::sleep(quiet) => Ok(Input::Nothing),
        }
    }

    /// The next batch of the advisory stream.
    pub async fn advisory(&mut self) -> Result<Input, Broken> {
        match self.advisory.batches.recv().await {
            Some(batch) => Ok(Input::Advisory(batch)),
            None => Err(self.advisory.end().await),
        }
    }

    /// The next batch of the market stream.
    pub async fn market(&mut self) -> Result<Input, Broken> {
        match self.market.batches.recv().await {
            Some(batch) => self.gather(batch).await.map(Input::Market),
            None => Err(self.market.end().await),
        }
    }

    /// The batch with what stands behind it already, up to a bound.
    async fn gather(&mut self, batch: Vec<Incoming>) -> Result<Touched, Broken> {
        let mut touched = Touched { assets: BTreeSet::new(), first: 0, last: 0 };
        touched.take(&batch);
        let end = self.journal.last_position(Stream::Market).await?.sequence;
        while touched.last < end && touched.last - touched.first < TOUCHING_EVENTS_MAX {
            match self.market.batches.recv().await {
                Some(batch) => touched.take(&batch),
                None => return Err(self.market.end().await),
            }
        }
        Ok(touched)
    }
}

impl Touched {
    fn take(&mut self, batch: &[Incoming]) {
        // Any event may change what an asset's prices are, one that this build cannot read among them.
        self.assets.extend(batch.iter().filter_map(|event| asset_of(&event.subject)));
        self.last = batch.last().map_or(self.last, Incoming::sequence);
        if self.first == 0 {
            self.first = batch.first().map_or(0, Incoming::sequence);
        }
    }
}
