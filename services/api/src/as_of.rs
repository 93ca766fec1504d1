//! `as_of`: what was known of prices at a position or a time, so that old numbers can be shown again.

use events::portfolio::PortfolioEvent;
use events::recommendation::RecommendationEvent;
use events::{AnyEvent, Position, Stream};
use jiff::Timestamp;
use journal::Journal;
use projections::prices::AsOf;

use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem};

/// From when the parameter wants knowledge of prices.
///
/// A market position counts as it is. Advice stands on the prices that it was computed from, so the position of a
/// recommendation means these, and any other advisory position the time of its event.
///
/// # Errors
/// `invalid-parameter`, or that the log cannot be read.
pub async fn as_of(journal: &Journal, text: Option<&str>) -> Result<AsOf, Problem> {
    let Some(text) = text else { return Ok(AsOf::Now) };
    let invalid = |detail: &str| {
        let error = FieldError::in_parameter("as_of", "not-as-of", detail.to_owned());
        Err(invalid_parameters(vec![error]))
    };
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
        Ok(AnyEvent::Recommendation(RecommendationEvent::Made(advice))) => Some(advice.figures.prices_position),
        Ok(AnyEvent::Portfolio(PortfolioEvent::Recommended { figures, .. })) => Some(figures.prices_position),
        _ => None,
    };
    match (stands_on, event.metadata()) {
        (Some(prices), _) => Ok(AsOf::Sequence(prices.sequence)),
        (None, Ok(metadata)) => Ok(AsOf::Time(metadata.time)),
        (None, Err(_)) => invalid("the event at this position does not say when it was"),
    }
}
