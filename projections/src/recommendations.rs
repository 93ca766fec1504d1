//! Recommendations: what was recommended to whom, and how its letter stands.

mod rows;

use std::collections::BTreeMap;

use events::AnyEvent;
use events::recommendation::{Advice, Letter, RecommendationEvent, letter_after};
use events::values::{AggregateId, RecommendationId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::columns::allocation_arrays;
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};

pub use rows::{Filter, RecommendationRow, get, list};

/// Recommendations that a batch made, or whose letters went on.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<RecommendationId, Change>);

/// What a batch changes in one recommendation. `None` is what it leaves alone.
#[derive(Debug, Default)]
struct Change {
    making: Option<Making>,
    letter: Option<Letter>,
    /// The letter was released before the batch says how it stood; the row knows.
    released: bool,
    emailed_at: Option<Timestamp>,
    version: i64,
    position: i64,
}

#[derive(Debug)]
struct Making {
    advice: Box<Advice>,
    figures: String,
    made_at: Timestamp,
    created_position: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        use RecommendationEvent as E;
        let AnyEvent::Recommendation(event) = &applied.event else { return Ok(()) };
        let token = &applied.token;
        let id = RecommendationId::from_token(token).ok_or_else(|| FoldError::NotAnId(token.clone()))?;
        let change = self.0.entry(id).or_default();
        match event {
            E::Made(advice) => {
                change.making = Some(Making {
                    figures: serde_json::to_string(&advice.figures)
                        .map_err(|error| FoldError::NotKept(error.to_string()))?,
                    advice: advice.clone(),
                    made_at: applied.time,
                    created_position: applied.sequence,
                });
                change.letter = Some(Letter::Due { attempts: 0 });
                change.emailed_at = None;
            }
            E::EmailReleased { .. } if change.letter.is_none() => change.released = true,
            E::EmailClaimed { .. }
            | E::Emailed { .. }
            | E::EmailDeferred { .. }
            | E::EmailFailed { .. }
            | E::EmailUnknown { .. }
            | E::EmailReleased { .. } => {
                let before = change.letter.unwrap_or(Letter::Due { attempts: 0 });
                change.letter = Some(letter_after(before, event));
            }
        }
        if matches!(event, E::Emailed { .. }) {
            change.emailed_at = Some(applied.time);
        }
        change.version = applied.version;
        change.position = applied.sequence;
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (made, known): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(_, change)| change.making.is_some());
        insert(&made, connection).await?;
        update(&known, connection).await
    }
}

async fn insert(changes: &[(RecommendationId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let makings = || changes.iter().filter_map(|(_, change)| change.making.as_ref());
    let advices = || makings().map(|making| &making.advice);
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let portfolios: Vec<Uuid> = advices().map(|advice| advice.portfolio.uuid()).collect();
    let portfolio_versions: Vec<i64> =
        advices().map(|advice| i64::try_from(advice.portfolio_version).unwrap_or(i64::MAX)).collect();
    let portfolio_names: Vec<&str> = advices().map(|advice| advice.portfolio_name.as_str()).collect();
    let clients: Vec<Uuid> = advices().map(|advice| advice.client.uuid()).collect();
    let advisors: Vec<Uuid> = advices().map(|advice| advice.advisor.uuid()).collect();
    let currencies: Vec<&str> = advices().map(|advice| advice.currency.as_str()).collect();
    let (assets, weights): (Vec<_>, Vec<_>) = advices().map(|advice| allocation_arrays(&advice.allocation)).unzip();
    let rationales: Vec<&str> = advices().map(|advice| advice.rationale.as_str()).collect();
    let figures: Vec<&str> = makings().map(|making| making.figures.as_str()).collect();
    let letters: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.letter.map(Letter::word)).collect();
    let attempts: Vec<Option<i64>> = changes.iter().map(|(_, change)| change.letter.map(attempts)).collect();
    let made_at: Vec<_> = makings().map(|making| making.made_at.to_sqlx()).collect();
    let emailed_at: Vec<_> = changes.iter().map(|(_, change)| change.emailed_at.map(ToSqlx::to_sqlx)).collect();
    let created: Vec<i64> = makings().map(|making| making.created_position).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO recommendations AS r (id, portfolio, portfolio_version, portfolio_name, client, advisor, currency,
                                           assets, weights, rationale, figures, letter, attempts, made_at, emailed_at,
                                           created_position, version, position)
         SELECT id, portfolio, portfolio_version, portfolio_name, client, advisor, currency, assets::text[],
                weights::numeric[], rationale, figures::jsonb, letter, attempts, made_at, emailed_at,
                created_position, version, position
         FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::timestamptz[],
                     $15::timestamptz[], $16::bigint[], $17::bigint[], $18::bigint[])
              AS c (id, portfolio, portfolio_version, portfolio_name, client, advisor, currency, assets, weights,
                    rationale, figures, letter, attempts, made_at, emailed_at, created_position, version, position)
         ON CONFLICT (id) DO UPDATE
         SET portfolio = excluded.portfolio, portfolio_version = excluded.portfolio_version,
             portfolio_name = excluded.portfolio_name, client = excluded.client, advisor = excluded.advisor,
             currency = excluded.currency, assets = excluded.assets, weights = excluded.weights,
             rationale = excluded.rationale, figures = excluded.figures, letter = excluded.letter,
             attempts = excluded.attempts, made_at = excluded.made_at, emailed_at = excluded.emailed_at,
             created_position = excluded.created_position, version = excluded.version, position = excluded.position
         WHERE r.position < excluded.position",
        &ids,
        &portfolios,
        &portfolio_versions,
        &portfolio_names as _,
        &clients,
        &advisors,
        &currencies as _,
        &assets,
        &weights,
        &rationales as _,
        &figures as _,
        &letters as _,
        &attempts as _,
        &made_at as _,
        &emailed_at as _,
        &created,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes letters on whose recommendations were made before; one that was never made has no row to change.
async fn update(changes: &[(RecommendationId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let letters: Vec<Option<&str>> = changes.iter().map(|(_, change)| change.letter.map(Letter::word)).collect();
    let attempts: Vec<Option<i64>> = changes.iter().map(|(_, change)| change.letter.map(attempts)).collect();
    let released: Vec<bool> = changes.iter().map(|(_, change)| change.released).collect();
    let emailed_at: Vec<_> = changes.iter().map(|(_, change)| change.emailed_at.map(ToSqlx::to_sqlx)).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "UPDATE recommendations r
         SET letter = CASE WHEN c.letter IS NOT NULL THEN c.letter
                           WHEN c.released AND r.letter IN ('failed', 'outcome unknown') THEN 'due'
                           ELSE r.letter END,
             attempts = COALESCE(c.attempts, r.attempts), emailed_at = COALESCE(c.emailed_at, r.emailed_at),
             version = c.version, position = c.position
         FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::timestamptz[], $6::bigint[],
                     $7::bigint[])
              AS c (id, letter, attempts, released, emailed_at, version, position)
         WHERE r.id = c.id AND r.position < c.position",
        &ids,
        &letters as _,
        &attempts as _,
        &released,
        &emailed_at as _,
        &versions,
        &positions
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How many attempts to send the letter have been made or claimed.
fn attempts(letter: Letter) -> i64 {
    i64::from(match letter {
        Letter::Due { attempts } => attempts,
        Letter::Claimed { attempt }
        | Letter::Sent { attempt }
        | Letter::Failed { attempt }
        | Letter::OutcomeUnknown { attempt } => attempt,
    })
}
