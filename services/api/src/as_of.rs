//! `as_of`: resources as they were, and what was known of prices, at a position or a time.

mod lists;

use events::portfolio::PortfolioEvent;
use events::recommendation::RecommendationEvent;
use events::values::AggregateId;
use events::{AnyEvent, Decider, Position, Stream, Subject};
use jiff::Timestamp;
use journal::Journal;
use projections::prices::AsOf;
use projections::replay::{Replays, Until, replay};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem};

pub use self::lists::Past;

/// As of when a resource is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOfQuery {
    /// As it was after this event, such as `advisory-42`, or at this time, such as `2024-01-31T12:00:00Z`; as it is now
    /// where nothing is said. Answered from a replay of the log.
    #[param(example = "advisory-42", max_length = 64)]
    as_of: Option<String>,
}

impl AsOfQuery {
    /// Up to where history counts, `None` where all of it does.
    ///
    /// # Errors
    /// `invalid-parameter`, or that the log cannot be read.
    pub async fn until(&self, journal: &Journal) -> Result<Option<Until>, Problem> {
        match &self.as_of {
            Some(text) => until(journal, text).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Up to where history counts. An advisory position counts as it is, a market position as the time of its event.
///
/// # Errors
/// `invalid-parameter`, or that the log cannot be read.
pub async fn until(journal: &Journal, text: &str) -> Result<Until, Problem> {
    let Ok(position) = text.parse::<Position>() else {
        return text.parse().map(Until::Time).map_err(|_| {
            invalid("as_of is a position such as advisory-42, or a time such as 2024-01-31T12:00:00Z".to_owned())
        });
    };
    let end = journal.last_position(position.stream).await?;
    if position.sequence > end.sequence {
        return Err(invalid(format!("the log has no {position} yet; it ends at {end}")));
    }
    if position.stream == Stream::Advisory {
        return Ok(Until::Position(position));
    }
    let event = journal.event_at(position).await?;
    let metadata = event.and_then(|event| event.metadata().ok());
    let metadata = metadata.ok_or_else(|| invalid("there is no event at this position".to_owned()))?;
    Ok(Until::Time(metadata.time))
}

/// Up to where the history of what rests on prices counts: a market position speaks of prices alone, so all of it does.
///
/// # Errors
/// `invalid-parameter`, or that the log cannot be read.
pub async fn until_beside_prices(journal: &Journal, text: Option<&str>) -> Result<Option<Until>, Problem> {
    let is_of_prices = |text: &&str| text.parse().is_ok_and(|position: Position| position.stream == Stream::Market);
    match text.filter(|text| !is_of_prices(text)) {
        Some(text) => until(journal, text).await.map(Some),
        None => Ok(None),
    }
}

/// A resource's row as it was then; `None` where there was none yet.
///
/// # Errors
/// Where the log cannot be read or replayed.
pub async fn then<D: Decider, C: Replays>(
    journal: &Journal,
    id: &D::Id,
    until: Until,
) -> Result<Option<C::Row>, Problem> {
    let history = journal.history(&Subject::new(D::KIND, &id.token())).await?;
    Ok(replay::<C>(history, until)?)
}

fn invalid(detail: String) -> Problem {
    invalid_parameters(vec![FieldError::in_parameter("as_of", "not-as-of", detail)])
}

/// From when the parameter wants knowledge of prices.
///
/// A market position counts as it is. Advice stands on the prices that it was computed from, so the position of a
/// recommendation means these, and any other advisory position the time of its event.
///
/// # Errors
/// `invalid-parameter`, or that the log cannot be read.
pub async fn as_of(journal: &Journal, text: Option<&str>) -> Result<AsOf, Problem> {
    let Some(text) = text else { return Ok(AsOf::Now) };
    let invalid = |detail: &str| Err(invalid(detail.to_owned()));
    let Ok(position) = text.parse::<Position>() else {
        return match text.parse::<Timestamp>() {
            Ok(time) => Ok(AsOf::Time(time)),
            Err(_) => invalid("as_of is a position such as market-42, or a time such as 2024-01-31T12:00:00Z"),
        };
    };
    if position.stream == Stream::Market {
        return Ok(AsOf::Sequence(position.sequence));
    }
    let Some(event) = journal.event_at(position).await? else {
        return invalid("there is no event at this position");
    };
    let stands_on = match event.decode() {
        Ok(AnyEvent::Recommendation(
            RecommendationEvent::Made(advice) | RecommendationEvent::Refused { advice, .. },
        )) => Some(advice.figures.prices_position),
        Ok(AnyEvent::Portfolio(PortfolioEvent::Recommended { figures, .. })) => Some(figures.prices_position),
        _ => None,
    };
    match (stands_on, event.metadata()) {
        (Some(prices), _) => Ok(AsOf::Sequence(prices.sequence)),
        (None, Ok(metadata)) => Ok(AsOf::Time(metadata.time)),
        (None, Err(_)) => invalid("the event at this position does not say when it was"),
    }
}
