//! A portfolio as it is shown.

use events::values::{AdvisorId, PortfolioId};
use jiff::Timestamp;
use projections::portfolios::PortfolioRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::allocation::{TargetView, limited_views};
use super::keeping::PolicyView;

/// A portfolio.
#[derive(Debug, Serialize, ToSchema)]
pub struct PortfolioView {
    /// The portfolio's id.
    #[schema(value_type = String, format = Uuid)]
    id: PortfolioId,
    /// Whose it is.
    #[schema(value_type = String, format = Uuid)]
    advisor: AdvisorId,
    /// Its name.
    name: String,
    /// Its currency.
    #[schema(example = "USD")]
    currency: String,
    /// Its target weights, in the order of the assets' ids.
    allocation: Vec<TargetView>,
    /// How it is kept.
    policy: PolicyView,
    /// What it was copied from; `null` where it was composed from nothing.
    #[schema(required)]
    origin: Option<OriginView>,
    /// The firm whose model it is; `null` where it is none.
    #[schema(required, example = "Casa Verde")]
    model_of: Option<String>,
    /// The model that it follows; `null` where it follows none.
    #[schema(required)]
    subscription: Option<SubscriptionView>,
    /// `active` or `archived`.
    #[schema(example = "active")]
    standing: &'static str,
    /// When it was composed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When anything last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The version, as in `ETag`.
    version: u64,
    /// Where the last event stands.
    #[schema(value_type = String, example = "advisory-3")]
    position: events::Position,
}

/// What a portfolio was copied from.
#[derive(Debug, Serialize, ToSchema)]
pub struct OriginView {
    /// Which portfolio.
    #[schema(value_type = String, format = Uuid)]
    portfolio: PortfolioId,
    /// Which version of it.
    version: u64,
}

/// Which model a portfolio follows.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionView {
    /// Which model.
    #[schema(value_type = String, format = Uuid)]
    model: PortfolioId,
    /// Which version of it was taken over last.
    version: u64,
}

impl From<PortfolioRow> for PortfolioView {
    fn from(row: PortfolioRow) -> Self {
        let PortfolioRow { id, advisor, name, currency, allocation, limits, policy, origin, standing, .. } = row;
        let PortfolioRow { model_of, subscription, created_at, updated_at, version, position, .. } = row;
        Self {
            id,
            advisor,
            name,
            currency,
            allocation: limited_views(allocation, &limits),
            policy: policy.into(),
            origin: origin.map(|origin| OriginView { portfolio: origin.portfolio, version: origin.version }),
            model_of,
            subscription: subscription
                .map(|followed| SubscriptionView { model: followed.model, version: followed.version }),
            standing: standing.word(),
            created_at,
            updated_at,
            version,
            position,
        }
    }
}
