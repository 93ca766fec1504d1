//! `as_of`: resources as they were, and what was known of prices, at a position or a time.

mod lists;

use events::values::AggregateId;
use events::{Decider, Stream, Subject};
use jiff::Timestamp;
use journal::{Journal, Recorded};
use projections::as_of::{self, AsOfError};
use projections::prices::AsOf;
use projections::replay::{Replays, Until, replay};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::paging::invalid_parameters;
use crate::problem::{FieldError, Problem};

pub use self::lists::{Past, Then};

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
    /// The parameter as it was given.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.as_of.as_deref()
    }

    /// Up to where history counts, `None` where all of it does.
    ///
    /// # Errors
    /// `invalid-parameter`, or that the log cannot be read.
    pub async fn until(&self, journal: &Journal) -> Result<Option<Until>, Problem> {
        self.until_in(journal, Stream::Advisory).await
    }

    /// As [`AsOfQuery::until`], for what stands in this stream.
    ///
    /// # Errors
    /// As [`AsOfQuery::until`].
    pub async fn until_in(&self, journal: &Journal, stream: Stream) -> Result<Option<Until>, Problem> {
        match &self.as_of {
            Some(text) => as_of::until_in(journal, stream, text).await.map(Some).map_err(problem),
            None => Ok(None),
        }
    }
}

/// Nothing, where the query's `as_of` is no time that has yet to come: what will be known then may be anything. Clocks may be a
/// little apart.
///
/// # Errors
/// `invalid-parameter`.
pub fn has_come(query: Option<&str>, now: Timestamp) -> Result<(), Problem> {
    let latest = now.checked_add(as_of::CLOCKS_APART_MAX).unwrap_or(Timestamp::MAX);
    let mut given = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let time = given.find(|(name, _)| name == "as_of").and_then(|(_, text)| text.parse::<Timestamp>().ok());
    match time.filter(|time| *time > latest) {
        Some(time) => {
            let detail = format!("{time} has not come yet");
            Err(invalid_parameters(vec![FieldError::in_parameter("as_of", "not-as-of", detail)]))
        }
        None => Ok(()),
    }
}

/// When it was, for what depends on the day as well as on the log: a position's time is its event's. `now` where history
/// counts to its end, or to a time that has not come.
///
/// # Errors
/// That the log cannot be read.
pub async fn moment(journal: &Journal, until: Option<Until>, now: Timestamp) -> Result<Timestamp, Problem> {
    match until {
        None | Some(Until::Version(_)) => Ok(now),
        Some(Until::Time { time, .. }) => Ok(time.min(now)),
        Some(Until::Position(position)) => as_of::time_of(journal, position).await.map_err(problem),
    }
}

/// As [`AsOfQuery::until`], for a parameter that stands among others.
///
/// # Errors
/// As [`AsOfQuery::until`].
pub async fn until(journal: &Journal, text: Option<&str>) -> Result<Option<Until>, Problem> {
    match text {
        Some(text) => as_of::until(journal, text).await.map(Some).map_err(problem),
        None => Ok(None),
    }
}

/// Up to where the history of what rests on prices counts: a market position speaks of prices alone, so all of it does.
///
/// # Errors
/// `invalid-parameter`, or that the log cannot be read.
pub async fn until_beside_prices(journal: &Journal, text: Option<&str>) -> Result<Option<Until>, Problem> {
    as_of::until_beside_prices(journal, text).await.map_err(problem)
}

/// From when the parameter wants knowledge of prices.
///
/// # Errors
/// `invalid-parameter`, or that the log cannot be read.
pub async fn as_of(journal: &Journal, text: Option<&str>) -> Result<AsOf, Problem> {
    as_of::of_prices(journal, text).await.map_err(problem)
}

/// The events of one aggregate that had happened by then; all of them where no moment is named. One that cannot be read counts
/// with the one before it.
#[must_use]
pub fn happened(mut history: Vec<Recorded>, until: Option<Until>) -> Vec<Recorded> {
    let Some(until) = until else { return history };
    let counts = |recorded: &Recorded| match until {
        Until::Position(last) => recorded.position().sequence <= last.sequence,
        Until::Version(last) => recorded.metadata().map_or(true, |metadata| metadata.version <= last),
        Until::Time { time, begun } => {
            recorded.position().sequence <= begun && recorded.metadata().map_or(true, |metadata| metadata.time <= time)
        }
    };
    history.truncate(history.iter().take_while(|recorded| counts(recorded)).count());
    history
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

fn problem(error: AsOfError) -> Problem {
    match error {
        AsOfError::Read(error) => error.into(),
        AsOfError::Neither | AsOfError::NotYet { .. } | AsOfError::NoEvent => {
            invalid_parameters(vec![FieldError::in_parameter("as_of", "not-as-of", error.to_string())])
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::has_come;

    #[test]
    fn nothing_is_known_of_a_time_that_has_not_come_but_clocks_may_be_apart() {
        let now: Timestamp = "2024-01-31T12:00:00Z".parse().unwrap();
        for query in [None, Some("as_of=advisory-42"), Some("limit=1&as_of=2024-01-31T12:01:00Z"), Some("as_of=x")] {
            assert!(has_come(query, now).is_ok(), "{query:?}");
        }
        for query in ["as_of=2024-01-31T12:01:01Z", "limit=1&as%5Fof=2999-01-01T00%3A00%3A00Z"] {
            assert!(has_come(Some(query), now).is_err(), "{query}");
        }
    }
}
