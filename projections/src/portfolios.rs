//! Portfolios: what they are called, which weights they aim at and how they are kept. What a batch changes above, queries
//! under `portfolios/lists.rs`.

mod lists;
mod names;
mod rows;

use std::collections::BTreeMap;

use events::portfolio::{Origin, PortfolioEvent, Subscription};
use events::values::{
    AdvisorId, AggregateId, Allocation, AssetId, Firm, Limits, Name, Policy, PortfolioId, RiskClass, Sought, Weight,
};
use events::{AnyEvent, Stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, query};
use uuid::Uuid;

use crate::columns::{allocation_arrays, kept, natural, position};
use crate::incoming::Applied;
use crate::model::{Changes, FoldError};
use crate::replay::Replays;

pub use lists::{ByName, ModelFilter, get, keeps_models, list, list_by_name, models, owner, some};
pub use names::{StoodAt, places};
pub use rows::{Filter, PortfolioRow, Standing};

/// Portfolios that a batch composed or changed.
#[derive(Debug, Default)]
pub struct Changed(BTreeMap<PortfolioId, Change>);

/// What a batch changes in one portfolio. `None` is what it leaves alone.
#[derive(Debug)]
struct Change {
    creation: Option<Creation>,
    /// Whose it is now.
    advisor: Option<AdvisorId>,
    name: Option<String>,
    /// What it was called before `name`, as far as the batch tells.
    former_names: Vec<String>,
    allocation: Option<Allocation>,
    limits: Option<Limits>,
    policy: Option<Policy>,
    /// That it follows a model now, or none any more.
    subscription: Option<Option<Subscription>>,
    standing: Option<Standing>,
    updated_at: Timestamp,
    version: i64,
    position: i64,
}

#[derive(Debug)]
struct Creation {
    currency: String,
    origin: Option<Origin>,
    model_of: Option<Name>,
    created_at: Timestamp,
    created_position: i64,
}

impl Changes for Changed {
    fn fold(&mut self, applied: &Applied) -> Result<(), FoldError> {
        let AnyEvent::Portfolio(event) = &applied.event else { return Ok(()) };
        let id = PortfolioId::from_token(&applied.token).ok_or_else(|| FoldError::NotAnId(applied.token.clone()))?;
        let change = self.0.entry(id).or_insert_with(|| Change {
            creation: None,
            advisor: None,
            name: None,
            former_names: Vec::new(),
            allocation: None,
            limits: None,
            policy: None,
            subscription: None,
            standing: None,
            updated_at: applied.time,
            version: 0,
            position: 0,
        });
        match event {
            PortfolioEvent::Created(is) => {
                change.advisor = Some(is.advisor);
                change.creation = Some(Creation {
                    currency: is.currency.to_string(),
                    origin: is.origin,
                    model_of: is.model_of.clone(),
                    created_at: applied.time,
                    created_position: applied.sequence,
                });
                change.name = Some(is.name.as_str().to_owned());
                change.allocation = Some(is.allocation.clone());
                change.limits = Some(is.limits.clone());
                change.policy = Some(is.policy.clone());
                change.standing = Some(Standing::Active);
            }
            PortfolioEvent::Renamed { name, .. } => {
                let before = change.name.replace(name.as_str().to_owned());
                change.former_names.extend(before);
            }
            PortfolioEvent::Reallocated { allocation, limits, .. } => {
                change.allocation = Some(allocation.clone());
                change.limits = Some(limits.clone());
            }
            PortfolioEvent::PolicySet { policy, .. } => change.policy = Some(policy.clone()),
            PortfolioEvent::Subscribed { taken, .. } | PortfolioEvent::TakenOver { taken, .. } => {
                change.allocation = Some(taken.allocation.clone());
                change.limits = Some(taken.limits.clone());
                change.subscription = Some(Some(Subscription { model: taken.model, version: taken.version }));
            }
            PortfolioEvent::Unsubscribed { .. } => change.subscription = Some(None),
            PortfolioEvent::HandedOver { to, .. } => change.advisor = Some(*to),
            PortfolioEvent::Archived { .. } => change.standing = Some(Standing::Archived),
            PortfolioEvent::Restored { .. } => change.standing = Some(Standing::Active),
            // It changes nothing but the portfolio's version, which the next edit has to name.
            PortfolioEvent::Recommended { .. } => {}
        }
        change.updated_at = applied.time;
        change.version = applied.version;
        change.position = applied.sequence;
        Ok(())
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (created, known): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(_, change)| change.creation.is_some());
        insert(&created, connection).await?;
        names::keep(created.iter().chain(&known), connection).await?;
        update(&known, connection).await?;
        names::hand_over(&known, connection).await
    }
}

/// Columns, each as long as the changes; `None` where a change leaves one alone.
struct Columns<'a> {
    advisors: Vec<Option<Uuid>>,
    names: Vec<Option<&'a str>>,
    sought: Vec<Option<String>>,
    assets: Vec<Option<String>>,
    weights: Vec<Option<String>>,
    limits: Vec<Option<String>>,
    rebalancing: Vec<Option<&'a str>>,
    benchmarks: Vec<Option<&'a str>>,
    risk_classes: Vec<Option<&'a str>>,
    standings: Vec<Option<&'a str>>,
    /// Whether a change says anything of a subscription; it may say that there is none.
    says_model: Vec<bool>,
    models: Vec<Option<Uuid>>,
    model_versions: Vec<Option<i64>>,
    updated_at: Vec<jiff_sqlx::Timestamp>,
    versions: Vec<i64>,
    positions: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(changes: &'a [(PortfolioId, Change)]) -> Result<Self, sqlx::Error> {
        let all = || changes.iter().map(|(_, change)| change);
        let (assets, weights) = all().map(|change| change.allocation.as_ref().map(allocation_arrays).unzip()).unzip();
        let limits = all().map(|change| change.limits.as_ref().map(json).transpose());
        let subscriptions = || all().map(|change| change.subscription.flatten());
        let policies = || all().map(|change| change.policy.as_ref());
        Ok(Self {
            advisors: all().map(|change| change.advisor.map(AdvisorId::uuid)).collect(),
            names: all().map(|change| change.name.as_deref()).collect(),
            sought: all().map(|change| change.name.as_deref().map(|name| Sought::of(name).into_string())).collect(),
            assets,
            weights,
            limits: limits.collect::<Result<_, _>>()?,
            rebalancing: policies().map(|policy| policy.map(|policy| policy.rebalancing.word())).collect(),
            benchmarks: policies()
                .map(|policy| policy.and_then(|policy| policy.benchmark.as_ref().map(AssetId::as_str)))
                .collect(),
            risk_classes: policies()
                .map(|policy| policy.and_then(|policy| policy.risk_class.map(RiskClass::word)))
                .collect(),
            standings: all().map(|change| change.standing.map(Standing::word)).collect(),
            says_model: all().map(|change| change.subscription.is_some()).collect(),
            models: subscriptions().map(|followed| followed.map(|followed| followed.model.uuid())).collect(),
            model_versions: subscriptions()
                .map(|followed| followed.map(|followed| i64::try_from(followed.version).unwrap_or(i64::MAX)))
                .collect(),
            updated_at: all().map(|change| change.updated_at.to_sqlx()).collect(),
            versions: all().map(|change| change.version).collect(),
            positions: all().map(|change| change.position).collect(),
        })
    }
}

fn json(limits: &Limits) -> Result<String, sqlx::Error> {
    serde_json::to_string(limits).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

async fn insert(changes: &[(PortfolioId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let creations = || changes.iter().filter_map(|(_, change)| change.creation.as_ref());
    let origins = || creations().map(|creation| creation.origin);
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let columns = Columns::of(changes)?;
    let currencies: Vec<&str> = creations().map(|creation| creation.currency.as_str()).collect();
    let origin: Vec<Option<Uuid>> = origins().map(|origin| origin.map(|origin| origin.portfolio.uuid())).collect();
    let origin_versions: Vec<Option<i64>> =
        origins().map(|origin| origin.map(|origin| i64::try_from(origin.version).unwrap_or(i64::MAX))).collect();
    let models_of: Vec<Option<&str>> =
        creations().map(|creation| creation.model_of.as_ref().map(Name::as_str)).collect();
    let firms: Vec<Option<Firm>> = creations().map(|creation| creation.model_of.as_ref().map(Firm::named)).collect();
    let firms: Vec<Option<&str>> = firms.iter().map(|firm| firm.as_ref().map(Firm::as_str)).collect();
    let created_at: Vec<_> = creations().map(|creation| creation.created_at.to_sqlx()).collect();
    let created: Vec<i64> = creations().map(|creation| creation.created_position).collect();
    query!(
        "INSERT INTO portfolios AS p (id, advisor, name, currency, assets, weights, limits, rebalancing, benchmark,
                                      risk_class, standing, origin, origin_version, created_at, updated_at,
                                      created_position, version, position, model_of, model, model_version,
                                      model_of_key, sought)
         SELECT id, advisor, name, currency, assets::text[], weights::numeric[], limits::jsonb, rebalancing, benchmark,
                risk_class, standing, origin, origin_version, created_at, updated_at, created_position, version, position,
                model_of, model, model_version, model_of_key, sought
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::uuid[], $13::bigint[], $14::timestamptz[],
                     $15::timestamptz[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[], $20::uuid[],
                     $21::bigint[], $22::text[], $23::text[])
              AS c (id, advisor, name, currency, assets, weights, limits, rebalancing, benchmark, risk_class, standing,
                    origin, origin_version, created_at, updated_at, created_position, version, position, model_of, model,
                    model_version, model_of_key, sought)
         ON CONFLICT (id) DO UPDATE
         SET advisor = excluded.advisor, name = excluded.name, currency = excluded.currency, assets = excluded.assets,
             weights = excluded.weights, limits = excluded.limits, rebalancing = excluded.rebalancing,
             benchmark = excluded.benchmark, risk_class = excluded.risk_class, standing = excluded.standing,
             origin = excluded.origin, origin_version = excluded.origin_version, created_at = excluded.created_at,
             updated_at = excluded.updated_at, created_position = excluded.created_position,
             version = excluded.version, position = excluded.position, model_of = excluded.model_of,
             model = excluded.model, model_version = excluded.model_version, model_of_key = excluded.model_of_key,
             sought = excluded.sought
         WHERE p.position < excluded.position",
        &ids,
        &columns.advisors as _,
        &columns.names as _,
        &currencies as _,
        &columns.assets as _,
        &columns.weights as _,
        &columns.limits as _,
        &columns.rebalancing as _,
        &columns.benchmarks as _,
        &columns.risk_classes as _,
        &columns.standings as _,
        &origin as _,
        &origin_versions as _,
        &created_at as _,
        &columns.updated_at as _,
        &created,
        &columns.versions,
        &columns.positions,
        &models_of as _,
        &columns.models as _,
        &columns.model_versions as _,
        &firms as _,
        &columns.sought as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes portfolios that exist; a change of one that never began has no row to change.
async fn update(changes: &[(PortfolioId, Change)], connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changes.iter().map(|(id, _)| id.uuid()).collect();
    let columns = Columns::of(changes)?;
    // Whoever sets a policy says all of it, so its rule tells that an empty benchmark or class is meant.
    query!(
        "UPDATE portfolios p
         SET advisor = COALESCE(c.advisor, p.advisor), name = COALESCE(c.name, p.name),
             sought = COALESCE(c.sought, p.sought), assets = COALESCE(c.assets::text[], p.assets),
             weights = COALESCE(c.weights::numeric[], p.weights), limits = COALESCE(c.limits::jsonb, p.limits),
             rebalancing = COALESCE(c.rebalancing, p.rebalancing),
             benchmark = CASE WHEN c.rebalancing IS NULL THEN p.benchmark ELSE c.benchmark END,
             risk_class = CASE WHEN c.rebalancing IS NULL THEN p.risk_class ELSE c.risk_class END,
             model = CASE WHEN c.says_model THEN c.model ELSE p.model END,
             model_version = CASE WHEN c.says_model THEN c.model_version ELSE p.model_version END,
             standing = COALESCE(c.standing, p.standing), updated_at = c.updated_at, version = c.version,
             position = c.position
         FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::timestamptz[], $11::bigint[], $12::bigint[], $13::boolean[], $14::uuid[],
                     $15::bigint[], $16::uuid[], $17::text[])
              AS c (id, name, assets, weights, limits, rebalancing, benchmark, risk_class, standing, updated_at, version,
                    position, says_model, model, model_version, advisor, sought)
         WHERE p.id = c.id AND p.position < c.position",
        &ids,
        &columns.names as _,
        &columns.assets as _,
        &columns.weights as _,
        &columns.limits as _,
        &columns.rebalancing as _,
        &columns.benchmarks as _,
        &columns.risk_classes as _,
        &columns.standings as _,
        &columns.updated_at as _,
        &columns.versions,
        &columns.positions,
        &columns.says_model,
        &columns.models as _,
        &columns.model_versions as _,
        &columns.advisors as _,
        &columns.sought as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Replays for Changed {
    type Row = PortfolioRow;

    fn rows(self) -> Result<Vec<PortfolioRow>, sqlx::Error> {
        self.0.into_iter().filter_map(|(id, change)| row(id, change).transpose()).collect()
    }
}

/// The row of a portfolio whose whole history was folded; `None` where it never began.
fn row(id: PortfolioId, change: Change) -> Result<Option<PortfolioRow>, sqlx::Error> {
    let (Some(creation), Some(advisor), Some(name)) = (change.creation, change.advisor, change.name) else {
        return Ok(None);
    };
    let (Some(allocation), Some(limits), Some(policy), Some(standing)) =
        (change.allocation, change.limits, change.policy, change.standing)
    else {
        return Ok(None);
    };
    let target = |(asset, weight): (&AssetId, Weight)| (asset.clone(), weight.value());
    Ok(Some(PortfolioRow {
        id,
        advisor,
        name,
        currency: creation.currency,
        allocation: allocation.iter().map(target).collect(),
        limits: serde_json::to_value(&limits).map_err(|error| sqlx::Error::Encode(Box::new(error)))?,
        policy,
        origin: creation.origin,
        model_of: creation.model_of.map(|firm| firm.as_str().to_owned()),
        subscription: change.subscription.flatten(),
        standing,
        created_at: kept(creation.created_at),
        updated_at: kept(change.updated_at),
        created_position: natural(creation.created_position)?,
        version: natural(change.version)?,
        position: position(Stream::Advisory, change.position)?,
    }))
}
