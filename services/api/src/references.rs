//! What a request names and does not create: advisors, assets and clients must exist before anything is written.
//!
//! Whether one exists is asked of the read model, and of the log for what the read model does not have yet. What was
//! found is remembered. Nothing that is listed ever ceases to be or changes its currency; advisors are suspended and removed, so
//! what is remembered of them is forgotten when that happens here, and after a moment in any case. Of clients nothing is
//! remembered: they are handed over and removed, and advised by nobody else from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use events::advisor::Standing;
use events::values::{
    AdvisorId, AggregateId, Allocation, AssetId, ClientId, Currency, Delisted, PortfolioId, RecommendationId, RiskClass,
};
use events::{Advisor, Asset, Client, Decider, Portfolio, Subject};
use futures::{StreamExt, TryStreamExt};
use jiff::civil::Date;
use journal::Journal;
use sqlx::PgPool;

use crate::access::Reach;
use crate::models;
use crate::problem::{FieldError, Problem, ProblemType};

/// Things of one kind that are remembered at once.
const REMEMBERED_MAX: u64 = 200_000;
/// How long advisors are remembered as they were found. Who is suspended or removed by another process is so for this one after
/// this time; the recommender asks the log itself.
const ADVISORS_TRUSTED_FOR: Duration = Duration::from_secs(2);
/// Questions that one request asks at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// Who and what exists.
#[derive(Clone)]
pub struct References(Arc<Known>);

struct Known {
    journal: Journal,
    pool: PgPool,
    advisors: moka::sync::Cache<AdvisorId, Standing>,
    assets: moka::sync::Cache<AssetId, Currency>,
    // By whom a recommendation is never changes.
    recommendations: moka::sync::Cache<RecommendationId, AdvisorId>,
}

/// In whose care a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    Of(AdvisorId),
    /// In nobody's any more, this advisor's at last.
    Ended(AdvisorId),
}

impl Care {
    /// Whether the client may be named by who reaches this far.
    fn is_within(self, reach: Reach) -> bool {
        match self {
            Self::Of(advisor) | Self::Ended(advisor) => reach.covers(advisor),
        }
    }
}

impl References {
    /// What this log and these read models know.
    #[must_use]
    pub fn new(journal: Journal, pool: PgPool) -> Self {
        Self(Arc::new(Known {
            journal,
            pool,
            advisors: moka::sync::Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(ADVISORS_TRUSTED_FOR)
                .build(),
            assets: moka::sync::Cache::new(REMEMBERED_MAX),
            recommendations: moka::sync::Cache::new(REMEMBERED_MAX),
        }))
    }

    /// Remembers an advisor who was registered just now.
    pub fn registered_advisor(&self, id: AdvisorId) {
        self.0.advisors.insert(id, Standing::Active);
    }

    /// Forgets how an advisor stood.
    pub fn forget_advisor(&self, id: AdvisorId) {
        self.0.advisors.invalidate(&id);
    }

    /// Remembers an asset that was listed just now.
    pub fn listed_asset(&self, id: AssetId, currency: Currency) {
        self.0.assets.insert(id, currency);
    }

    /// Nothing, where the advisor is registered, within the caller's reach, and may give advice.
    ///
    /// # Errors
    /// `no-such-advisor`, `advisor-not-active`, or that it could not be told.
    pub async fn need_advisor(&self, reach: Reach, id: AdvisorId) -> Result<(), Problem> {
        let absent = || {
            let error = FieldError::in_body("/advisor", "no-such-advisor", format!("there is no advisor {id}"));
            Problem::new(ProblemType::NoSuchAdvisor, error.detail.clone()).with_errors(vec![error])
        };
        if !reach.covers(id) {
            return Err(absent());
        }
        let standing = match self.0.advisors.get(&id) {
            Some(standing) => standing,
            // The log knows best, and is asked once in a while only. What it said is kept for that while alone: putting it
            // back with each use would trust it for as long as it is used.
            None => match self.0.journal.state::<Advisor>(&id).await?.state {
                Advisor::Registered { standing, .. } => {
                    self.0.advisors.insert(id, standing);
                    standing
                }
                Advisor::Unknown => return Err(absent()),
            },
        };
        match standing {
            Standing::Active => Ok(()),
            Standing::Suspended | Standing::Removed => {
                let detail = format!("advisor {id} is {}", standing.word());
                Err(Problem::new(ProblemType::AdvisorNotActive, detail))
            }
        }
    }

    /// Nothing, where all assets of the allocation are listed. `place_of` says where in the body an asset stands.
    ///
    /// # Errors
    /// `no-such-assets`, or that it could not be told.
    pub async fn need_assets(
        &self,
        allocation: &Allocation,
        place_of: impl Fn(&AssetId) -> String,
    ) -> Result<(), Problem> {
        let asked: Vec<AssetId> = allocation
            .iter()
            .map(|(asset, _)| asset)
            .filter(|asset| !self.0.assets.contains_key(*asset))
            .cloned()
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let known = self.look_up_assets(asked.iter().cloned()).await?;
        let missing: Vec<FieldError> = asked
            .iter()
            .filter(|asset| !known.contains_key(*asset))
            .map(|asset| FieldError::in_body(&place_of(asset), "no-such-asset", format!("`{asset}` is not listed")))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let detail = format!("{} assets are not listed", missing.len());
        Err(Problem::new(ProblemType::NoSuchAssets, detail).with_errors(missing))
    }

    /// Nothing, where the asset is listed. `pointer` says where in the body it stands.
    ///
    /// # Errors
    /// `no-such-assets`, or that it could not be told.
    pub async fn need_asset(&self, asset: &AssetId, pointer: &str) -> Result<(), Problem> {
        if self.currency_of(asset).await?.is_some() {
            return Ok(());
        }
        let error = FieldError::in_body(pointer, "no-such-asset", format!("`{asset}` is not listed"));
        Err(Problem::new(ProblemType::NoSuchAssets, error.detail.clone()).with_errors(vec![error]))
    }

    /// Those of the assets that are traded no more on this day.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn delisted(&self, assets: &Allocation, on: Date) -> Result<Delisted, Problem> {
        Ok(self.products(assets, on).await?.delisted)
    }

    /// What the log says of the assets on this day. Nobody is advised by what was so a moment ago.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn products(&self, assets: &Allocation, on: Date) -> Result<Products, Problem> {
        let assets: Vec<AssetId> = assets.iter().map(|(asset, _)| asset.clone()).collect();
        let told: Vec<_> = futures::stream::iter(assets)
            .map(|id| async move {
                let asset = self.0.journal.state::<Asset>(&id).await?.state;
                let class = match &asset {
                    Asset::Listed(listed) => listed.risk_class,
                    Asset::Unknown => None,
                };
                Ok::<_, Problem>((id, class, asset.delisted_by(on)))
            })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .try_collect()
            .await?;
        let classes = told.iter().filter_map(|(id, class, _)| Some((id.clone(), (*class)?))).collect();
        let delisted = told.into_iter().filter_map(|(id, _, since)| Some((id, since?)));
        Ok(Products { classes, delisted: Delisted::from_iter(delisted) })
    }

    /// The currencies of those of the assets that are listed.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn currencies(
        &self,
        assets: impl Iterator<Item = AssetId>,
    ) -> Result<BTreeMap<AssetId, Currency>, Problem> {
        self.look_up_assets(assets).await
    }

    /// Nothing, where all clients are registered, within the caller's reach, and this advisor's.
    ///
    /// # Errors
    /// `no-such-clients`, `clients-removed`, `clients-of-another-advisor`, or that it could not be told.
    pub async fn need_clients(
        &self,
        reach: Reach,
        advisor: AdvisorId,
        ids: &BTreeSet<ClientId>,
        place_of: impl Fn(ClientId) -> String,
    ) -> Result<(), Problem> {
        let known: BTreeMap<ClientId, Care> = futures::stream::iter(ids.iter().copied())
            .map(|id| async move { Ok::<_, Problem>(self.care_of(id).await?.map(|care| (id, care))) })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            // What is beyond the caller's reach is not there.
            .try_filter_map(|found| async move { Ok(found.filter(|(_, care)| care.is_within(reach))) })
            .try_collect()
            .await?;
        let missing: Vec<FieldError> = ids
            .iter()
            .filter(|id| !known.contains_key(id))
            .map(|&id| FieldError::in_body(&place_of(id), "no-such-client", format!("there is no client {id}")))
            .collect();
        if !missing.is_empty() {
            let detail = format!("{} clients are not registered", missing.len());
            return Err(Problem::new(ProblemType::NoSuchClients, detail).with_errors(missing));
        }
        let removed: Vec<FieldError> = known
            .iter()
            .filter(|&(_, care)| matches!(care, Care::Ended(_)))
            .map(|(&id, _)| FieldError::in_body(&place_of(id), "client-removed", format!("client {id} was removed")))
            .collect();
        if !removed.is_empty() {
            let detail = format!("{} clients were removed", removed.len());
            return Err(Problem::new(ProblemType::ClientsRemoved, detail).with_errors(removed));
        }
        let others: Vec<FieldError> = known
            .iter()
            .filter(|&(_, care)| *care != Care::Of(advisor))
            .map(|(&id, _)| {
                let detail = format!("client {id} is another advisor's");
                FieldError::in_body(&place_of(id), "client-of-another-advisor", detail)
            })
            .collect();
        if !others.is_empty() {
            let detail = format!("{} clients are not of advisor {advisor}", others.len());
            return Err(Problem::new(ProblemType::ClientsOfAnotherAdvisor, detail).with_errors(others));
        }
        Ok(())
    }

    async fn look_up_assets(&self, ids: impl Iterator<Item = AssetId>) -> Result<BTreeMap<AssetId, Currency>, Problem> {
        futures::stream::iter(ids)
            .map(|id| async move { Ok::<_, Problem>(self.currency_of(&id).await?.map(|currency| (id, currency))) })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .try_filter_map(|found| async move { Ok(found) })
            .try_collect()
            .await
    }

    async fn currency_of(&self, id: &AssetId) -> Result<Option<Currency>, Problem> {
        if let Some(currency) = self.0.assets.get(id) {
            return Ok(Some(currency));
        }
        let row = projections::assets::get(&self.0.pool, id).await?;
        let currency = match row.and_then(|row| Currency::parse(&row.currency).ok()) {
            Some(currency) => Some(currency),
            None => match self.0.journal.state::<Asset>(id).await?.state {
                Asset::Listed(asset) => Some(asset.listing.currency),
                Asset::Unknown => None,
            },
        };
        if let Some(currency) = currency {
            self.0.assets.insert(id.clone(), currency);
        }
        Ok(currency)
    }

    async fn care_of(&self, id: ClientId) -> Result<Option<Care>, Problem> {
        // Clients are handed over and removed, and that is so from the next request on: the log is asked.
        Ok(match self.0.journal.state::<Client>(&id).await?.state {
            Client::Registered { advisor, .. } => Some(Care::Of(advisor)),
            Client::Removed { advisor, .. } => Some(Care::Ended(advisor)),
            Client::Unknown => None,
        })
    }

    /// Whether there is such a client, advised or not.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn is_client(&self, id: ClientId) -> Result<bool, Problem> {
        Ok(self.care_of(id).await?.is_some())
    }

    /// Whether the client is this advisor's.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn owns_client(&self, id: &ClientId, advisor: AdvisorId) -> Result<bool, Problem> {
        let known = projections::clients::owner(&self.0.pool, *id).await?;
        if !matches!(known, Some((of, _)) if of == advisor) && !self.has_news::<Client>(id, known).await? {
            return Ok(false);
        }
        // Clients change hands, and whoever gave one away must not act for it a moment longer: the log is asked.
        Ok(self.0.journal.state::<Client>(id).await?.state.advisor() == Some(advisor))
    }

    /// Whether the portfolio is this advisor's.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn owns_portfolio(&self, id: &PortfolioId, advisor: AdvisorId) -> Result<bool, Problem> {
        let known = projections::portfolios::owner(&self.0.pool, *id).await?;
        if !matches!(known, Some((of, _)) if of == advisor) && !self.has_news::<Portfolio>(id, known).await? {
            return Ok(false);
        }
        // Portfolios change hands, too.
        let state = self.0.journal.state::<Portfolio>(id).await?.state;
        Ok(state.composition().is_some_and(|is| is.advisor == advisor))
    }

    /// Whether the log has more of this than the read model, which knows whose it is and where its last event stands, if
    /// anything. One question, whether there is such a thing or not.
    async fn has_news<D: Decider>(&self, id: &D::Id, known: Option<(AdvisorId, u64)>) -> Result<bool, Problem> {
        let subject = Subject::new(D::KIND, &id.token());
        let after = known.map_or(0, |(_, position)| position);
        Ok(self.0.journal.next_of(&subject, after).await?.is_some())
    }

    /// Whether there is such a model, and this advisor sees it.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn shows_model(&self, id: PortfolioId, advisor: AdvisorId) -> Result<bool, Problem> {
        // Advisors change firms, and whoever left one must not read its models a moment longer: the log is asked.
        Ok(models::shown_to(&self.0.journal, id, advisor).await?.is_some())
    }

    /// Whether the recommendation is this advisor's, or was made to a client who is theirs now.
    ///
    /// # Errors
    /// That it could not be told.
    pub async fn owns_recommendation(&self, id: &RecommendationId, advisor: AdvisorId) -> Result<bool, Problem> {
        if self.0.recommendations.get(id) == Some(advisor) {
            return Ok(true);
        }
        // Nobody learns of one but by the read model, so it is asked alone: anew each time for what is another's, as for what
        // is not there.
        match projections::recommendations::parties(&self.0.pool, *id).await? {
            Some(parties) if parties.advisor == advisor => {
                self.0.recommendations.insert(*id, advisor);
                Ok(true)
            }
            // Not remembered: clients change hands.
            Some(parties) if parties.carer == Some(advisor) => self.owns_client(&parties.client, advisor).await,
            Some(_) | None => Ok(false),
        }
    }
}

/// What is known of the products of a portfolio.
pub struct Products {
    /// How much risk each carries that somebody has rated, and cash.
    pub classes: BTreeMap<AssetId, RiskClass>,
    /// Those that are traded no more.
    pub delisted: Delisted,
}
