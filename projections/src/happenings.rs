//! What happened: where each event of the advisory stream stands, and whose it is. The events themselves are read from
//! the log, so that nothing of them is kept twice.

use std::collections::{BTreeMap, HashMap};

use events::backtest::BacktestEvent;
use events::client::ClientEvent;
use events::portfolio::PortfolioEvent;
use events::recommendation::RecommendationEvent;
use events::values::AdvisorId;
use events::{AnyEvent, Kind};
use sqlx::{PgConnection, PgPool, query, query_as, query_scalar};
use uuid::Uuid;

use crate::columns::natural;
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::page::{Order, PAGE_ROWS_MAX};

/// Rows that one search looks at. Where fewer fit than were asked for, the next search goes on behind them.
pub const LOOKED_AT_MAX: u32 = 10_000;

/// What a batch adds.
#[derive(Debug, Default)]
pub struct Changed {
    facts: Vec<Fact>,
    /// Whose the batch's aggregates are.
    owners: HashMap<Uuid, Owner>,
    /// Aggregates that changed hands: what happened to them before is another's from now on, too.
    handed_over: BTreeMap<Uuid, HandedOver>,
}

/// That an aggregate changed hands in the batch.
#[derive(Debug, Clone, Copy)]
struct HandedOver {
    kind: Kind,
    /// Whose it was before the batch.
    from: AdvisorId,
    /// Whose it is after it.
    to: AdvisorId,
}

#[derive(Debug)]
struct Fact {
    position: i64,
    kind: Kind,
    aggregate: Uuid,
    fact: String,
}

/// Whose an aggregate is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    /// This advisor's, says the batch.
    Advisor(AdvisorId),
    /// The one's who has the aggregate's event at this position. All rows of an aggregate name one advisor, so that the
    /// last one before the batch tells, and is found by its key: an index over aggregates, whose ids are scattered, costs
    /// a replay more than all the rest of the row.
    OfTheOneAt(i64),
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let aggregate = Uuid::try_parse(&applied.token).map_err(|_| FoldError::NotAnId(applied.token.clone()))?;
        let (kind, owner) = match &applied.event {
            AnyEvent::Advisor(_) => (Kind::Advisor, Some(AdvisorId::new(aggregate))),
            AnyEvent::Client(event) => (Kind::Client, client_owner(event)),
            AnyEvent::Portfolio(event) => (Kind::Portfolio, portfolio_owner(event)),
            AnyEvent::Recommendation(event) => (Kind::Recommendation, recommendation_owner(event)),
            AnyEvent::Backtest(BacktestEvent::Recorded(run)) => (Kind::Backtest, Some(run.advisor)),
            // Assets belong to nobody, and stand in another stream.
            AnyEvent::Asset(_) => return Ok(()),
        };
        match (owner, applied.previous) {
            (Some(owner), _) => {
                self.owners.insert(aggregate, Owner::Advisor(owner));
            }
            (None, Some(previous)) => {
                self.owners.entry(aggregate).or_insert(Owner::OfTheOneAt(previous));
            }
            (None, None) => return Err(FoldError::BehindNothing),
        }
        if let AnyEvent::Client(ClientEvent::HandedOver { from, to, .. })
        | AnyEvent::Portfolio(PortfolioEvent::HandedOver { from, to, .. }) = &applied.event
        {
            let (from, to) = (*from, *to);
            self.handed_over.entry(aggregate).or_insert(HandedOver { kind, from, to }).to = to;
        }
        let fact = fact(&applied.event_type).to_owned();
        self.facts.push(Fact { position: applied.sequence, kind, aggregate, fact });
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        insert(&self, connection).await?;
        hand_over(&self.handed_over, connection).await
    }
}

const fn client_owner(event: &ClientEvent) -> Option<AdvisorId> {
    match event {
        ClientEvent::Registered { advisor, .. } => Some(*advisor),
        ClientEvent::HandedOver { to, .. } => Some(*to),
        ClientEvent::IdentityChanged { .. } | ClientEvent::Profiled(_) | ClientEvent::Removed { .. } => None,
    }
}

fn portfolio_owner(event: &PortfolioEvent) -> Option<AdvisorId> {
    match event {
        PortfolioEvent::Created(is) => Some(is.advisor),
        PortfolioEvent::HandedOver { to, .. } => Some(*to),
        _ => None,
    }
}

fn recommendation_owner(event: &RecommendationEvent) -> Option<AdvisorId> {
    match event {
        RecommendationEvent::Made(advice) | RecommendationEvent::Refused { advice, .. } => Some(advice.advisor),
        // No later event changes whose it is.
        _ => None,
    }
}

/// The event's type without its name space and version: `portfolio.created`.
#[must_use]
pub fn fact(event_type: &str) -> &str {
    let fact = event_type.strip_prefix("insights.").unwrap_or(event_type);
    match fact.rsplit_once(".v") {
        Some((fact, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => fact,
        Some(_) | None => fact,
    }
}

async fn insert(changes: &Changed, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.facts.is_empty() {
        return Ok(());
    }
    let positions: Vec<i64> = changes.facts.iter().map(|fact| fact.position).collect();
    let kinds: Vec<&str> = changes.facts.iter().map(|fact| fact.kind.token()).collect();
    let aggregates: Vec<Uuid> = changes.facts.iter().map(|fact| fact.aggregate).collect();
    let facts: Vec<&str> = changes.facts.iter().map(|fact| fact.fact.as_str()).collect();
    let owners = || changes.facts.iter().map(|fact| changes.owners.get(&fact.aggregate));
    let advisors: Vec<Option<Uuid>> = owners()
        .map(|owner| if let Some(Owner::Advisor(advisor)) = owner { Some(advisor.uuid()) } else { None })
        .collect();
    let before: Vec<Option<i64>> = owners()
        .map(|owner| if let Some(Owner::OfTheOneAt(position)) = owner { Some(*position) } else { None })
        .collect();
    query!(
        "INSERT INTO happenings (position, kind, aggregate, fact, advisor)
         SELECT n.position, n.kind, n.aggregate, n.fact,
                COALESCE(n.advisor, (SELECT h.advisor FROM happenings h WHERE h.position = n.before))
         FROM UNNEST($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[])
              AS n (position, kind, aggregate, fact, advisor, before)",
        &positions,
        &kinds as _,
        &aggregates,
        &facts as _,
        &advisors as _,
        &before as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives what changed hands to other advisors, all its rows before the batch. Clients have an index by aggregate; a portfolio's
/// rows are found among those of who had it.
async fn hand_over(changes: &BTreeMap<Uuid, HandedOver>, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let of = |kind: Kind| changes.iter().filter(move |(_, change)| change.kind == kind);
    let aggregates: Vec<Uuid> = of(Kind::Portfolio).map(|(aggregate, _)| *aggregate).collect();
    let before: Vec<Uuid> = of(Kind::Portfolio).map(|(_, change)| change.from.uuid()).collect();
    let advisors: Vec<Uuid> = of(Kind::Portfolio).map(|(_, change)| change.to.uuid()).collect();
    query!(
        "UPDATE happenings h SET advisor = n.advisor
         FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[]) AS n (aggregate, before, advisor)
         WHERE h.kind = 'portfolio' AND h.aggregate = n.aggregate AND h.advisor = n.before AND n.before <> n.advisor",
        &aggregates,
        &before,
        &advisors
    )
    .execute(&mut *connection)
    .await?;
    let aggregates: Vec<Uuid> = of(Kind::Client).map(|(aggregate, _)| *aggregate).collect();
    let advisors: Vec<Uuid> = of(Kind::Client).map(|(_, change)| change.to.uuid()).collect();
    query!(
        "UPDATE happenings h SET advisor = n.advisor
         FROM UNNEST($1::uuid[], $2::uuid[]) AS n (aggregate, advisor)
         WHERE h.kind = 'client' AND h.aggregate = n.aggregate AND h.advisor IS DISTINCT FROM n.advisor",
        &aggregates,
        &advisors
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Which events are wanted, of whatever aggregates: those that fit all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of what is this advisor's now.
    pub advisor: Option<AdvisorId>,
    /// Of aggregates of this kind.
    pub kind: Option<Kind>,
    /// Of this type, without its name space and version: `portfolio.created`.
    pub fact: Option<String>,
}

/// Between which places of the stream events are looked for, and how many are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Behind this sequence.
    pub after: u64,
    /// Up to and with this one.
    pub until: u64,
    /// How many at the most; more than [`PAGE_ROWS_MAX`] is taken as [`PAGE_ROWS_MAX`].
    pub limit: u32,
    /// In which direction the stretch is searched.
    pub order: Order,
}

impl Stretch {
    /// How many events are given at the most.
    #[must_use]
    pub fn rows(&self) -> usize {
        usize::try_from(self.limit.min(PAGE_ROWS_MAX)).expect("a page's rows fit into memory")
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where the events stand, in the order of the search.
    pub sequences: Vec<u64>,
    /// Behind which sequence to go on, or before which with the newest first; `None` where the stretch was searched to its end.
    pub next: Option<u64>,
}

struct Record {
    found: Vec<i64>,
    looked_at: i64,
    last: Option<i64>,
}

/// What a search is asked for with.
struct Asked<'a> {
    after: i64,
    until: i64,
    kind: Option<&'a str>,
    fact: Option<&'a str>,
    looked_at_max: i64,
    limit: i64,
}

/// What a search found in this order among the rows of which this holds. `$last` is the last that it looked at.
macro_rules! searched {
    ($pool:expr, $asked:expr, $which:tt, $order:tt, $last:tt $(, $value:expr)?) => {
        query_as!(
            Record,
            "WITH looked AS MATERIALIZED (
               SELECT position, kind, fact FROM happenings WHERE "
                + $which
                + " position > $1 AND position <= $2 ORDER BY "
                + $order
                + r#" LIMIT $3)
             SELECT ARRAY(SELECT position FROM looked
                          WHERE kind = COALESCE($4::text, kind) AND fact = COALESCE($5::text, fact) ORDER BY "#
                + $order
                + r#" LIMIT $6) AS "found!", (SELECT count(*) FROM looked) AS "looked_at!", (SELECT "#
                + $last
                + " FROM looked) AS last",
            $asked.after,
            $asked.until,
            $asked.looked_at_max,
            $asked.kind,
            $asked.fact,
            $asked.limit
            $(, $value)?
        )
        .fetch_one($pool)
        .await
    };
}

/// The events of the stretch that fit the filter, as far as one search looks.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn find(pool: &PgPool, filter: &Filter, stretch: Stretch) -> Result<Found, sqlx::Error> {
    // A place beyond the greatest bigint is beyond every row.
    let bigint = |sequence: u64| i64::try_from(sequence).unwrap_or(i64::MAX);
    let (looked_at_max, limit) = (i64::from(LOOKED_AT_MAX), i64::from(stretch.limit.min(PAGE_ROWS_MAX)));
    let asked = Asked {
        after: bigint(stretch.after),
        until: bigint(stretch.until),
        kind: filter.kind.map(Kind::token),
        fact: filter.fact.as_deref(),
        looked_at_max,
        limit,
    };
    let advisor = filter.advisor.map(AdvisorId::uuid);
    // One statement for each index and direction: with `$1 IS NULL OR ...` a kept plan reads the whole table.
    let record = match (advisor, stretch.order) {
        (Some(advisor), Order::OldestFirst) => {
            searched!(pool, asked, "advisor = $7 AND", "position", "max(position)", advisor)
        }
        (Some(advisor), Order::NewestFirst) => {
            searched!(pool, asked, "advisor = $7 AND", "position DESC", "min(position)", advisor)
        }
        (None, Order::OldestFirst) => searched!(pool, asked, "", "position", "max(position)"),
        (None, Order::NewestFirst) => searched!(pool, asked, "", "position DESC", "min(position)"),
    }?;
    let sequences = record.found.into_iter().map(natural).collect::<Result<Vec<u64>, _>>()?;
    let full = i64::try_from(sequences.len()).is_ok_and(|found| found >= limit);
    let next = match (sequences.last(), record.last) {
        (Some(last), _) if full => Some(*last),
        (_, Some(last)) if record.looked_at >= looked_at_max => Some(natural(last)?),
        _ => None,
    };
    Ok(Found { sequences, next })
}

/// Whose the aggregate is that the event at this sequence happened to; `None` where the log never said, or the read model
/// has not come there.
///
/// # Errors
/// Where PostgreSQL does not answer.
pub async fn owner(pool: &PgPool, sequence: u64) -> Result<Option<AdvisorId>, sqlx::Error> {
    // A place beyond the greatest bigint is beyond every row.
    let Ok(position) = i64::try_from(sequence) else { return Ok(None) };
    let advisor =
        query_scalar!("SELECT advisor FROM happenings WHERE position = $1", position).fetch_optional(pool).await?;
    Ok(advisor.flatten().map(AdvisorId::new))
}

#[cfg(test)]
mod tests {
    use super::fact;

    #[test]
    fn a_fact_is_its_type_whatever_its_version() {
        assert_eq!(fact("insights.portfolio.created.v2"), "portfolio.created");
        assert_eq!(fact("insights.client.handed_over.v12"), "client.handed_over");
        assert_eq!(fact("insights.portfolio.viewed"), "portfolio.viewed");
    }
}
