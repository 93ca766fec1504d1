//! Lists as they were: the rows of now for what nothing has happened to since, and replays for the rest.
//!
//! Lists come in the order in which things began, which never changes, or the other way round; so a page looks through the
//! present rows in that order, up to the last that had begun by then or from that one on, and each is put back to where it
//! was. Where the order may have been another, a page looks through all places at which something ever stood in it.

use std::future::Future;
use std::time::Duration;

use events::values::{AdvisorId, AggregateId, AssetId, BacktestId, ClientId, PortfolioId, RecommendationId};
use events::{Kind, Position, Stream, Subject};
use futures::future::try_join_all;
use jiff::Timestamp;
use journal::Journal;
use projections::advisors::AdvisorRow;
use projections::as_of::{CLOCKS_APART_MAX, until_in};
use projections::assets::AssetRow;
use projections::backtests::BacktestRow;
use projections::clients::ClientRow;
use projections::portfolios::PortfolioRow;
use projections::prices::AsOf;
use projections::recommendations::RecommendationRow;
use projections::replay::{Replays, Until, replay};
use projections::{Checkpoints, Order, PAGE_ROWS_MAX, Page};

use super::{problem, until_beside_prices};
use crate::problem::Problem;

/// Rows that one request looks at. Where no more of them fit, the page ends short, and `next` goes on.
const LOOKED_AT_MAX: usize = 5_000;
/// Histories that one request replays; the same holds for them.
const REPLAYED_MAX: usize = 400;
/// Histories that one request replays at once.
const REPLAYED_AT_ONCE: usize = 8;
/// Rows that are looked at together at the least.
const ROWS_AT_ONCE_MIN: u32 = 16;
/// How long a list waits for the read models to have what had begun by then.
const WAIT: Duration = Duration::from_secs(2);

/// What lists of the past are made from.
#[derive(Clone)]
pub struct Past {
    /// The log.
    pub journal: Journal,
    /// How far the read models have come.
    pub checkpoints: Checkpoints,
}

/// When a list is wanted of.
#[derive(Debug, Clone, Copy)]
pub struct Then {
    until: Until,
    /// What has its last event up to here is now as it was then.
    unchanged: u64,
    /// What has its first event behind this had not begun.
    begun: u64,
}

impl Then {
    /// Whether what began with an event at this place and of this time had begun.
    #[must_use]
    pub fn had_begun(&self, created_position: u64, created_at: Timestamp) -> bool {
        match self.until {
            Until::Time { time, begun } => created_at <= time && created_position <= begun,
            Until::Position(_) | Until::Version(_) => created_position <= self.begun,
        }
    }
}

impl Past {
    /// The moment that the parameter of a list of such rows names; `None` where it is not given, which means now.
    ///
    /// # Errors
    /// `invalid-parameter`, `projection-behind`, or that the log cannot be read.
    pub async fn then<R: Row>(&self, text: Option<&str>) -> Result<Option<Then>, Problem> {
        let Some(text) = text else { return Ok(None) };
        let until = until_in(&self.journal, R::KIND.stream(), text).await.map_err(problem)?;
        self.at(R::KIND.stream(), until).await.map(Some)
    }

    /// As [`Past::then`], for rows that are shown beside prices: a market position speaks of prices alone, so the rows are
    /// those of now. Waits for what was known of prices then, too.
    ///
    /// # Errors
    /// As [`Past::then`].
    pub async fn then_beside_prices<R: Row>(&self, text: &str, prices: AsOf) -> Result<Option<Then>, Problem> {
        let market = Stream::Market;
        let known = match prices {
            AsOf::Now => self.journal.last_position(market).await?,
            AsOf::Sequence(sequence) => Position { stream: market, sequence },
            AsOf::Time(time) => self.journal.position_at(market, time).await?,
        };
        self.checkpoints.wait_for(known, WAIT).await?;
        match until_beside_prices(&self.journal, Some(text)).await? {
            Some(until) => self.at(R::KIND.stream(), until).await.map(Some),
            None => Ok(None),
        }
    }

    async fn at(&self, stream: Stream, until: Until) -> Result<Then, Problem> {
        let journal = &self.journal;
        let then = match until {
            until @ Until::Position(Position { sequence, .. }) => Then { until, unchanged: sequence, begun: sequence },
            until @ Until::Time { time, begun } => {
                // Within so much of the time, histories are replayed rather than trusted to stand in the log's order.
                let earlier = time.checked_sub(CLOCKS_APART_MAX).unwrap_or(Timestamp::MIN);
                Then { until, unchanged: journal.position_at(stream, earlier).await?.sequence, begun }
            }
            // No parameter names a version.
            until @ Until::Version(_) => Then { until, unchanged: 0, begun: u64::MAX },
        };
        self.checkpoints.wait_for(Position { stream, sequence: then.begun }, WAIT).await?;
        Ok(then)
    }

    /// The rows of the page as they were then and where they fit, and behind which place to go on, if anywhere. `now` gives
    /// a page of the present rows, of all that may have fitted then: less than a page only where these end.
    ///
    /// # Errors
    /// That the log, or the database, does not answer.
    pub async fn page<C, Now, Rows>(
        &self,
        then: Then,
        page: Page,
        now: Now,
        fits: impl Fn(&C::Row) -> bool + Send,
    ) -> Result<(Vec<C::Row>, Option<u64>), Problem>
    where
        C: Replays,
        C::Row: Row,
        Now: Fn(Page) -> Rows + Send,
        Rows: Future<Output = Result<Vec<C::Row>, sqlx::Error>> + Send,
    {
        let all_seen = move |page| {
            let rows = now(page);
            async move { Ok(rows.await?.into_iter().map(|row| (row.created_position(), Some(row))).collect()) }
        };
        self.page_of_seen::<C, _, _>(then, page, all_seen, fits).await
    }

    /// As [`Past::page`], of rows that the caller sees not all of: of the others `now` gives their places alone. They are
    /// looked at as well, and not replayed.
    ///
    /// # Errors
    /// As [`Past::page`].
    pub async fn page_of_seen<C, Now, Rows>(
        &self,
        then: Then,
        page: Page,
        now: Now,
        fits: impl Fn(&C::Row) -> bool + Send,
    ) -> Result<(Vec<C::Row>, Option<u64>), Problem>
    where
        C: Replays,
        C::Row: Row,
        Now: Fn(Page) -> Rows + Send,
        Rows: Future<Output = Result<Vec<(u64, Option<C::Row>)>, sqlx::Error>> + Send,
    {
        let now = &now;
        let Page { order, after, limit } = page;
        let first = match order {
            Order::OldestFirst => after,
            // What began later is not looked at: the list begins with the last that had begun by then.
            Order::NewestFirst => {
                let later = then.begun.saturating_add(1);
                Some(after.map_or(later, |after| after.min(later)))
            }
        };
        let some = move |after: Option<u64>, limit| async move {
            let mut rows = now(Page { order, after, limit }).await?;
            let mut is_the_end = is_less(rows.len(), limit);
            // With the oldest first, what had not begun by then ends the list.
            let begun = rows.iter().take_while(|(place, _)| *place <= then.begun).count();
            is_the_end |= begun < rows.len();
            rows.truncate(begun);
            Ok::<_, Problem>(Stretch { rows, is_the_end })
        };
        self.look_through::<C, _, _, _>(then, first, limit, some, move |_, row| fits(row)).await
    }

    /// As [`Past::page`], of rows that come in an order which may have been another then, such as that of names. `now` gives
    /// places where any row may have stood, each with the row that it may have been: as it is now, if it is there.
    ///
    /// # Errors
    /// As [`Past::page`].
    pub async fn page_by<C, P, Now, Rows>(
        &self,
        then: Then,
        (after, limit): (Option<P>, u32),
        now: Now,
        fits: impl Fn(&P, &C::Row) -> bool + Send,
    ) -> Result<(Vec<C::Row>, Option<P>), Problem>
    where
        C: Replays,
        C::Row: Row,
        P: Clone + Send,
        Now: Fn(Option<P>, u32) -> Rows + Send,
        Rows: Future<Output = Result<Vec<(P, Option<C::Row>)>, sqlx::Error>> + Send,
    {
        let now = &now;
        let some = move |after, limit| async move {
            let rows = now(after, limit).await?;
            let is_the_end = is_less(rows.len(), limit);
            let begun = |row: &C::Row| row.created_position() <= then.begun;
            let rows = rows.into_iter().map(|(place, row)| (place, row.filter(begun))).collect();
            Ok::<_, Problem>(Stretch { rows, is_the_end })
        };
        self.look_through::<C, _, _, _>(then, after, limit, some, fits).await
    }

    async fn look_through<C, P, Next, Rows>(
        &self,
        then: Then,
        mut after: Option<P>,
        wanted: u32,
        next: Next,
        fits: impl Fn(&P, &C::Row) -> bool + Send,
    ) -> Result<(Vec<C::Row>, Option<P>), Problem>
    where
        C: Replays,
        C::Row: Row,
        P: Clone,
        Next: Fn(Option<P>, u32) -> Rows,
        Rows: Future<Output = Result<Stretch<P, C::Row>, Problem>>,
    {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let (mut looked_at, mut replayed) = (0, 0);
        while looked_at < LOOKED_AT_MAX && replayed < REPLAYED_MAX {
            let limit =
                u32::try_from(wanted - found.len()).unwrap_or(PAGE_ROWS_MAX).clamp(ROWS_AT_ONCE_MIN, PAGE_ROWS_MAX);
            let Stretch { rows, is_the_end } = next(after.clone(), limit).await?;
            looked_at += rows.len();
            let present = rows.iter().filter_map(|(_, row)| row.as_ref());
            replayed += present.filter(|row| row.last_position() > then.unchanged).count();
            let mut rows = rows.into_iter();
            loop {
                let some: Vec<(P, Option<C::Row>)> = rows.by_ref().take(REPLAYED_AT_ONCE).collect();
                if some.is_empty() {
                    break;
                }
                let put_back = some.into_iter().map(async |(place, row)| match row {
                    Some(row) => Ok::<_, Problem>((place, put_back::<C>(&self.journal, then, row).await?)),
                    None => Ok((place, None)),
                });
                for (place, row) in try_join_all(put_back).await? {
                    found.extend(row.filter(|row| fits(&place, row)));
                    after = Some(place);
                    if found.len() == wanted {
                        return Ok((found, after));
                    }
                }
            }
            if is_the_end {
                return Ok((found, None));
            }
        }
        Ok((found, after))
    }
}

/// Some of the places of a list, each with what may have stood there.
struct Stretch<P, R> {
    rows: Vec<(P, Option<R>)>,
    /// Whether there are no places behind these.
    is_the_end: bool,
}

fn is_less(rows: usize, limit: u32) -> bool {
    u32::try_from(rows).is_ok_and(|rows| rows < limit)
}

/// A row of a list.
pub trait Row: Send + 'static {
    /// The kind of what the row is of.
    const KIND: Kind;
    /// The word that its id is in subjects.
    fn token(&self) -> String;
    /// Where its first event stands.
    fn created_position(&self) -> u64;
    /// Where its last event stands.
    fn last_position(&self) -> u64;
}

macro_rules! row {
    ($($row:ident: $kind:ident $id:ident),*) => {
        $(impl Row for $row {
            const KIND: Kind = Kind::$kind;

            fn token(&self) -> String {
                let id: &$id = &self.id;
                id.token()
            }

            fn created_position(&self) -> u64 {
                self.created_position
            }

            fn last_position(&self) -> u64 {
                self.position.sequence
            }
        })*
    };
}

row!(AdvisorRow: Advisor AdvisorId, ClientRow: Client ClientId, PortfolioRow: Portfolio PortfolioId,
    RecommendationRow: Recommendation RecommendationId, AssetRow: Asset AssetId, BacktestRow: Backtest BacktestId);

/// The row as it was then, if it was.
async fn put_back<C>(journal: &Journal, then: Then, row: C::Row) -> Result<Option<C::Row>, Problem>
where
    C: Replays,
    C::Row: Row,
{
    if row.last_position() <= then.unchanged {
        return Ok(Some(row));
    }
    let history = journal.history(&Subject::new(C::Row::KIND, &row.token())).await?;
    Ok(replay::<C>(history, then.until)?)
}
