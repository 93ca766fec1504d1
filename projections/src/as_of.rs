//! What "as of" means: up to where history counts for prices, and for what rests on them.

use events::portfolio::PortfolioEvent;
use events::recommendation::RecommendationEvent;
use events::{AnyEvent, Position, Stream};
use jiff::{SignedDuration, Timestamp};
use journal::{Journal, ReadError};

use crate::prices::AsOf;
use crate::replay::Until;

/// How far the clocks of those who give commands may be apart from each other's and from the log's.
pub const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_secs(60);

/// Why there is nothing to answer with.
#[derive(Debug, thiserror::Error)]
pub enum AsOfError {
    /// The text is no position and no time.
    #[error("as_of is a position such as advisory-42, or a time such as 2024-01-31T12:00:00Z")]
    Neither,
    /// The log is not as far.
    #[error("the log has no {asked} yet; it ends at {end}")]
    NotYet {
        /// What was asked for.
        asked: Position,
        /// The end.
        end: Position,
    },
    /// The log has nothing to go by there.
    #[error("there is no event at this position that says when it was")]
    NoEvent,
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Up to where history counts. An advisory position counts as it is, a market position as the time of its event.
///
/// # Errors
/// See [`AsOfError`].
pub async fn until(journal: &Journal, text: &str) -> Result<Until, AsOfError> {
    until_in(journal, Stream::Advisory, text).await
}

/// Up to where the history of what stands in this stream counts. A position of the other one counts as the time of its
/// event.
///
/// # Errors
/// See [`AsOfError`].
pub async fn until_in(journal: &Journal, stream: Stream, text: &str) -> Result<Until, AsOfError> {
    let Ok(position) = text.parse::<Position>() else {
        return by(journal, stream, text.parse().map_err(|_| AsOfError::Neither)?).await;
    };
    reached(journal, position).await?;
    if position.stream == stream {
        Ok(Until::Position(position))
    } else {
        by(journal, stream, time_of(journal, position).await?).await
    }
}

/// Up to where the stream's history counts that was so by this time.
async fn by(journal: &Journal, stream: Stream, time: Timestamp) -> Result<Until, AsOfError> {
    let later = time.checked_add(CLOCKS_APART_MAX).unwrap_or(Timestamp::MAX);
    let begun = journal.position_at(stream, later).await?.sequence;
    Ok(Until::Time { time, begun })
}

/// Up to where the history of what rests on prices counts: a market position speaks of prices alone, so all of it does.
///
/// # Errors
/// See [`AsOfError`].
pub async fn until_beside_prices(journal: &Journal, text: Option<&str>) -> Result<Option<Until>, AsOfError> {
    let is_of_prices = |text: &&str| text.parse().is_ok_and(|position: Position| position.stream == Stream::Market);
    match text.filter(|text| !is_of_prices(text)) {
        Some(text) => until(journal, text).await.map(Some),
        None => Ok(None),
    }
}

/// From when knowledge of prices is wanted; all that is known where nothing is said.
///
/// A market position counts as it is. Advice stands on the prices that it was computed from, so the position of a
/// recommendation means these, and any other advisory position the time of its event.
///
/// # Errors
/// See [`AsOfError`].
pub async fn of_prices(journal: &Journal, text: Option<&str>) -> Result<AsOf, AsOfError> {
    let Some(text) = text else { return Ok(AsOf::Now) };
    let Ok(position) = text.parse::<Position>() else {
        return text.parse().map(AsOf::Time).map_err(|_| AsOfError::Neither);
    };
    reached(journal, position).await?;
    if position.stream == Stream::Market {
        return Ok(AsOf::Sequence(position.sequence));
    }
    let event = journal.event_at(position).await?.ok_or(AsOfError::NoEvent)?;
    let stands_on = match event.decode() {
        Ok(AnyEvent::Recommendation(
            RecommendationEvent::Made(advice) | RecommendationEvent::Refused { advice, .. },
        )) => Some(advice.figures.prices_position),
        Ok(AnyEvent::Portfolio(PortfolioEvent::Recommended { figures, .. })) => Some(figures.prices_position),
        _ => None,
    };
    match stands_on {
        Some(prices) => Ok(AsOf::Sequence(prices.sequence)),
        None => event.metadata().map(|metadata| AsOf::Time(metadata.time)).map_err(|_| AsOfError::NoEvent),
    }
}

/// Whether the log is as far: what is not known yet may be anything.
async fn reached(journal: &Journal, asked: Position) -> Result<(), AsOfError> {
    let end = journal.last_position(asked.stream).await?;
    if asked.sequence > end.sequence { Err(AsOfError::NotYet { asked, end }) } else { Ok(()) }
}

/// When the event at this position was.
///
/// # Errors
/// See [`AsOfError`].
pub async fn time_of(journal: &Journal, position: Position) -> Result<Timestamp, AsOfError> {
    let event = journal.event_at(position).await?;
    let metadata = event.and_then(|event| event.metadata().ok());
    metadata.map(|metadata| metadata.time).ok_or(AsOfError::NoEvent)
}
