//! What a request names and does not create: advisors, assets and clients must exist before anything is written.
//!
//! Whether one exists is asked of the read model, and of the log for what the read model does not have yet. What was
//! found is remembered: today nobody who is registered and nothing that is listed ever ceases to be, nor changes hands
//! or currency. An event that ends this must also end the remembering.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use events::values::{AdvisorId, Allocation, AssetId, ClientId, Currency};
use events::{Advisor, Asset, Client};
use futures::{StreamExt, TryStreamExt};
use journal::Journal;
use sqlx::PgPool;

use crate::problem::{FieldError, Problem, ProblemType};

/// Things of one kind that are remembered at once.
const REMEMBERED_MAX: u64 = 200_000;
/// Questions that one request asks at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// Who and what exists.
#[derive(Clone)]
pub struct References(Arc<Known>);

struct Known {
    journal: Journal,
    pool: PgPool,
    advisors: moka::sync::Cache<AdvisorId, ()>,
    assets: moka::sync::Cache<AssetId, Currency>,
    clients: moka::sync::Cache<ClientId, AdvisorId>,
}

impl References {
    /// What this log and these read models know.
    #[must_use]
    pub fn new(journal: Journal, pool: PgPool) -> Self {
        Self(Arc::new(Known {
            journal,
            pool,
            advisors: moka::sync::Cache::new(REMEMBERED_MAX),
            assets: moka::sync::Cache::new(REMEMBERED_MAX),
            clients: moka::sync::Cache::new(REMEMBERED_MAX),
        }))
    }

    /// Remembers an advisor who was registered just now.
    pub fn registered_advisor(&self, id: AdvisorId) {
        self.0.advisors.insert(id, ());
    }

    /// Remembers a client who was registered just now.
    pub fn registered_client(&self, id: ClientId, advisor: AdvisorId) {
        self.0.clients.insert(id, advisor);
    }

    /// Remembers an asset that was listed just now.
    pub fn listed_asset(&self, id: AssetId, currency: Currency) {
        self.0.assets.insert(id, currency);
    }

    /// Nothing, where the advisor is registered.
    ///
    /// # Errors
    /// `no-such-advisor`, or that it could not be told.
    pub async fn need_advisor(&self, id: AdvisorId) -> Result<(), Problem> {
        if self.0.advisors.contains_key(&id) {
            return Ok(());
        }
        let known = projections::advisors::get(&self.0.pool, id).await?.is_some()
            || self.0.journal.state::<Advisor>(&id).await?.version > 0;
        if !known {
            let error = FieldError::in_body("/advisor", "no-such-advisor", format!("there is no advisor {id}"));
            return Err(Problem::new(ProblemType::NoSuchAdvisor, error.detail.clone()).with_errors(vec![error]));
        }
        self.0.advisors.insert(id, ());
        Ok(())
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

    /// Nothing, where all clients are registered and are this advisor's.
    ///
    /// # Errors
    /// `no-such-clients`, `clients-of-another-advisor`, or that it could not be told.
    pub async fn need_clients(
        &self,
        advisor: AdvisorId,
        ids: &BTreeSet<ClientId>,
        place_of: impl Fn(ClientId) -> String,
    ) -> Result<(), Problem> {
        let known: BTreeMap<ClientId, AdvisorId> = futures::stream::iter(ids.iter().copied())
            .map(|id| async move { Ok::<_, Problem>(self.advisor_of(id).await?.map(|advisor| (id, advisor))) })
            .buffer_unordered(QUESTIONS_AT_ONCE)
            .try_filter_map(|found| async move { Ok(found) })
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
        let others: Vec<FieldError> = known
            .iter()
            .filter(|&(_, of)| *of != advisor)
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

    async fn advisor_of(&self, id: ClientId) -> Result<Option<AdvisorId>, Problem> {
        if let Some(advisor) = self.0.clients.get(&id) {
            return Ok(Some(advisor));
        }
        let advisor = match projections::clients::get(&self.0.pool, id).await? {
            Some(row) => Some(row.advisor),
            None => match self.0.journal.state::<Client>(&id).await?.state {
                Client::Registered { advisor, .. } => Some(advisor),
                Client::Unknown => None,
            },
        };
        if let Some(advisor) = advisor {
            self.0.clients.insert(id, advisor);
        }
        Ok(advisor)
    }
}
