//! Events of the stream of the market: what happened to assets. They are everybody's, so they are read from the log as they
//! stand there; of one asset by its subject, which the log finds by itself.

use std::future::ready;

use events::values::{AggregateId, AssetId};
use events::{Kind, Position, Stream, Subject};
use futures::{StreamExt, TryStreamExt};
use journal::{Journal, ReadError, Recorded};
use projections::happenings::{Stretch, fact};

use super::views::{FactView, of_the_market};
use crate::problem::Problem;

/// Events that one request looks at. Where fewer of them fit than were asked for, `next` goes on.
const LOOKED_AT_MAX: usize = 1_000;
/// Bytes of events, as they stand in the log, that one page tells; one event at the least. Thirty years of an asset's prices
/// are one event, and some fifteen times as long when told.
const PAGE_BYTES_MAX: usize = 128 * 1024;
/// Events that are read at once.
const READ_AT_ONCE: usize = 8;

/// Which events are wanted: those that fit all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Of this asset.
    pub asset: Option<AssetId>,
    /// Of this type, without its name space and version: `asset.priced`.
    pub fact: Option<String>,
}

/// The events that fit, and behind which sequence to go on, if anywhere.
///
/// # Errors
/// That the log does not answer.
pub async fn read(
    journal: &Journal,
    wanted: &Wanted,
    stretch: Stretch,
) -> Result<(Vec<FactView>, Option<u64>), Problem> {
    let end = journal.last_position(Stream::Market).await?.sequence.min(stretch.until);
    let limit = usize::try_from(stretch.limit).unwrap_or(usize::MAX);
    let (mut told, mut bytes, mut after) = (Vec::new(), 0, stretch.after);
    let mut looked_at = 0;
    while looked_at < LOOKED_AT_MAX {
        let some = some(journal, wanted, after, end).await?;
        if some.is_empty() {
            return Ok((told, None));
        }
        for recorded in some {
            looked_at += 1;
            if wanted.fact.as_ref().is_none_or(|wanted| fact(recorded.event_type()) == wanted) {
                bytes += recorded.payload().len();
                if bytes > PAGE_BYTES_MAX && !told.is_empty() {
                    return Ok((told, Some(after)));
                }
                told.push(of_the_market(&recorded));
            }
            after = recorded.position().sequence;
            if told.len() == limit {
                return Ok((told, (after < end).then_some(after)));
            }
        }
    }
    Ok((told, Some(after)))
}

/// Some of the events behind this sequence up to the end, in their order; none where there are none.
async fn some(journal: &Journal, wanted: &Wanted, after: u64, end: u64) -> Result<Vec<Recorded>, ReadError> {
    if after >= end {
        return Ok(Vec::new());
    }
    if let Some(asset) = &wanted.asset {
        let next = journal.next_of(&Subject::new(Kind::Asset, &asset.token()), after).await?;
        return Ok(next.into_iter().filter(|next| next.position().sequence <= end).collect());
    }
    let at_once = u64::try_from(READ_AT_ONCE).unwrap_or(u64::MAX);
    let sequences = after + 1..=end.min(after.saturating_add(at_once));
    let read = futures::stream::iter(sequences)
        .map(|sequence| journal.event_at(Position { stream: Stream::Market, sequence }))
        .buffered(READ_AT_ONCE);
    // The stream deletes nothing: each of them is there.
    read.try_filter_map(|event| ready(Ok(event))).try_collect().await
}
