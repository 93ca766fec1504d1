//! Recommendations: what was recommended to whom, and how its letter stands.

mod ending;
mod rows;

use std::collections::BTreeMap;

use events::recommendation::{Advice, Letter, RecommendationEvent, Standing, letter_after, standing_after};
use events::suitability::GateShut;
use events::values::{AggregateId, AssetId, RecommendationId, Weight};
use events::{AnyEvent, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::columns::{allocation_arrays, kept, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::replay::Replays;

pub use ending::{Overdue, overdue};
pub use rows::{Filter, NO_LETTER, Overridden, Parties, RecommendationRow, get, list, parties};

/// Recommendations that a batch made, or whose letters went on.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<RecommendationId, Change>);

/// What a batch changes in one recommendation. `None` is what it leaves alone.
#[derive(Debug, Default)]
struct Change {
    making: Option<Making>,
    letter: Option<Letter>,
    standing: Option<Standing>,
    /// Why it stands so, where an event said it.
    standing_reason: Option<String>,
    superseded_by: Option<RecommendationId>,
    /// Who let it out, and why.
    overridden: Option<Overridden>,
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
    terms: String,
    gates: String,
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
            E::Made(advice) => change.begin(advice, &[], Standing::Open, applied)?,
            E::Refused { advice, shut, .. } => change.begin(advice, shut, Standing::Refused, applied)?,
            E::Overridden { reason } => {
                let reason = reason.as_str().to_owned();
                change.standing_reason = Some(reason.clone());
                let (by, at) = (applied.actor.to_string(), kept(applied.time));
                change.overridden = Some(Overridden { reason, by, at });
            }
            E::Withdrawn { reason } => change.standing_reason = Some(reason.as_str().to_owned()),
            E::Superseded { by } => change.superseded_by = Some(*by),
            E::Expired { .. } => {}
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
        if !matches!(event, E::Made(_) | E::Refused { .. }) && ends_or_opens(event) {
            change.standing = Some(standing_after(Standing::Open, event));
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

/// Whether the event changes how the advice stands.
const fn ends_or_opens(event: &RecommendationEvent) -> bool {
    use RecommendationEvent as E;
    matches!(event, E::Overridden { .. } | E::Withdrawn { .. } | E::Superseded { .. } | E::Expired { .. })
}

impl Change {
    /// Takes in that advice was made or refused.
    fn begin(
        &mut self,
        advice: &Advice,
        shut: &[GateShut],
        standing: Standing,
        applied: &Applied,
    ) -> Result<(), FoldError> {
        let not_kept = |error: serde_json::Error| FoldError::NotKept(error.to_string());
        self.making = Some(Making {
            figures: serde_json::to_string(&advice.figures).map_err(not_kept)?,
            terms: serde_json::to_string(&advice.terms).map_err(not_kept)?,
            gates: serde_json::to_string(shut).map_err(not_kept)?,
            advice: Box::new(advice.clone()),
            made_at: applied.time,
            created_position: applied.sequence,
        });
        self.letter = Some(Letter::Due { attempts: 0 });
        self.standing = Some(standing);
        self.emailed_at = None;
        Ok(())
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
    let terms: Vec<&str> = makings().map(|making| making.terms.as_str()).collect();
    let gates: Vec<&str> = makings().map(|making| making.gates.as_str()).collect();
    let (standings, reasons, superseded) = standings(changes);
    let overridden = overridden(changes)?;
    let made_at: Vec<_> = makings().map(|making| making.made_at.to_sqlx()).collect();
    let emailed_at: Vec<_> = changes.iter().map(|(_, change)| change.emailed_at.map(ToSqlx::to_sqlx)).collect();
    let created: Vec<i64> = makings().map(|making| making.created_position).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "INSERT INTO recommendations AS r (id, portfolio, portfolio_version, portfolio_name, client, advisor, currency,
                                           assets, weights, rationale, figures, letter, attempts, made_at, emailed_at,
                                           created_position, version, position, terms, gates, standing,
                                           standing_reason, superseded_by, overridden)
         SELECT id, portfolio, portfolio_version, portfolio_name, client, advisor, currency, assets::text[],
                weights::numeric[], rationale, figures::jsonb, letter, attempts, made_at, emailed_at,
                created_position, version, position, terms::jsonb, gates::jsonb, standing, standing_reason,
                superseded_by, overridden::jsonb
         FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::timestamptz[],
                     $15::timestamptz[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[],
                     $20::text[], $21::text[], $22::text[], $23::uuid[], $24::text[])
              AS c (id, portfolio, portfolio_version, portfolio_name, client, advisor, currency, assets, weights,
                    rationale, figures, letter, attempts, made_at, emailed_at, created_position, version, position,
                    terms, gates, standing, standing_reason, superseded_by, overridden)
         ON CONFLICT (id) DO UPDATE
         SET portfolio = excluded.portfolio, portfolio_version = excluded.portfolio_version,
             portfolio_name = excluded.portfolio_name, client = excluded.client, advisor = excluded.advisor,
             currency = excluded.currency, assets = excluded.assets, weights = excluded.weights,
             rationale = excluded.rationale, figures = excluded.figures, letter = excluded.letter,
             attempts = excluded.attempts, made_at = excluded.made_at, emailed_at = excluded.emailed_at,
             created_position = excluded.created_position, version = excluded.version, position = excluded.position,
             terms = excluded.terms, gates = excluded.gates, standing = excluded.standing,
             standing_reason = excluded.standing_reason, superseded_by = excluded.superseded_by,
             overridden = excluded.overridden
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
        &positions,
        &terms as _,
        &gates as _,
        &standings as _,
        &reasons as _,
        &superseded as _,
        &overridden as _
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
    let (standings, reasons, superseded) = standings(changes);
    let overridden = overridden(changes)?;
    let emailed_at: Vec<_> = changes.iter().map(|(_, change)| change.emailed_at.map(ToSqlx::to_sqlx)).collect();
    let versions: Vec<i64> = changes.iter().map(|(_, change)| change.version).collect();
    let positions: Vec<i64> = changes.iter().map(|(_, change)| change.position).collect();
    query!(
        "UPDATE recommendations r
         SET letter = CASE WHEN c.letter IS NOT NULL THEN c.letter
                           WHEN c.released AND r.letter IN ('failed', 'outcome unknown') THEN 'due'
                           ELSE r.letter END,
             attempts = COALESCE(c.attempts, r.attempts), emailed_at = COALESCE(c.emailed_at, r.emailed_at),
             standing = COALESCE(c.standing, r.standing),
             standing_reason = COALESCE(c.standing_reason, r.standing_reason),
             superseded_by = COALESCE(c.superseded_by, r.superseded_by),
             overridden = COALESCE(c.overridden::jsonb, r.overridden),
             version = c.version, position = c.position
         FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::boolean[], $5::timestamptz[], $6::bigint[],
                     $7::bigint[], $8::text[], $9::text[], $10::uuid[], $11::text[])
              AS c (id, letter, attempts, released, emailed_at, version, position, standing, standing_reason,
                    superseded_by, overridden)
         WHERE r.id = c.id AND r.position < c.position",
        &ids,
        &letters as _,
        &attempts as _,
        &released,
        &emailed_at as _,
        &versions,
        &positions,
        &standings as _,
        &reasons as _,
        &superseded as _,
        &overridden as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// How advice stands, why, and what took its place.
type Standings<'a> = (Vec<Option<&'a str>>, Vec<Option<&'a str>>, Vec<Option<Uuid>>);

fn standings(changes: &[(RecommendationId, Change)]) -> Standings<'_> {
    let all = || changes.iter().map(|(_, change)| change);
    (
        all().map(|change| change.standing.map(Standing::word)).collect(),
        all().map(|change| change.standing_reason.as_deref()).collect(),
        all().map(|change| change.superseded_by.map(RecommendationId::uuid)).collect(),
    )
}

/// Who let advice out, as rows keep it.
fn overridden(changes: &[(RecommendationId, Change)]) -> Result<Vec<Option<String>>, sqlx::Error> {
    let json = |overridden: &Overridden| {
        serde_json::to_string(overridden).map_err(|error| sqlx::Error::Encode(Box::new(error)))
    };
    changes.iter().map(|(_, change)| change.overridden.as_ref().map(json).transpose()).collect()
}

impl Replays for Changed {
    type Row = RecommendationRow;

    fn rows(self) -> Result<Vec<RecommendationRow>, sqlx::Error> {
        self.0.into_iter().filter_map(|(id, change)| row(id, change).transpose()).collect()
    }
}

/// The row of a recommendation whose whole history was folded; `None` where it never began.
fn row(id: RecommendationId, change: Change) -> Result<Option<RecommendationRow>, sqlx::Error> {
    let (Some(making), Some(letter), Some(standing)) = (change.making, change.letter, change.standing) else {
        return Ok(None);
    };
    let value = |text: &str| serde_json::from_str(text).map_err(|error| sqlx::Error::Encode(Box::new(error)));
    let target = |(asset, weight): (&AssetId, Weight)| (asset.clone(), weight.value());
    let advice = making.advice;
    Ok(Some(RecommendationRow {
        id,
        portfolio: advice.portfolio,
        portfolio_version: advice.portfolio_version,
        portfolio_name: advice.portfolio_name.as_str().to_owned(),
        client: advice.client,
        advisor: advice.advisor,
        currency: advice.currency.to_string(),
        allocation: advice.allocation.iter().map(target).collect(),
        rationale: advice.rationale.as_str().to_owned(),
        figures: value(&making.figures)?,
        terms: value(&making.terms)?,
        gates: value(&making.gates)?,
        standing: standing.word().to_owned(),
        standing_reason: change.standing_reason,
        superseded_by: change.superseded_by,
        overridden: change.overridden,
        letter: rows::letter_of(letter.word().to_owned(), standing == Standing::Open),
        attempts: u32::try_from(attempts(letter)).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        made_at: kept(making.made_at),
        emailed_at: change.emailed_at.map(kept),
        created_position: natural(making.created_position)?,
        version: natural(change.version)?,
        position: position(Stream::Advisory, change.position)?,
    }))
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
