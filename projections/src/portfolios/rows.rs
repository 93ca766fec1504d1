//! Portfolios as they are now. Queries are under `lists.rs`.

use events::portfolio::{Origin, Subscription};
use events::values::{AdvisorId, AssetId, Policy, PortfolioId, RebalancingRule, RiskClass};
use events::{Position, Stream};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::columns::{asset_id, damaged, natural, position, targets};

/// Whether a portfolio is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Active,
    /// It is put aside.
    Archived,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 2] = [Self::Active, Self::Archived];

    /// The standing in one word: `active`, `archived`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }

    /// The standing with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// A portfolio as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct PortfolioRow {
    /// Which one.
    pub id: PortfolioId,
    /// Whose it is.
    pub advisor: AdvisorId,
    /// What it is called.
    pub name: String,
    /// In which currency it is kept: an ISO 4217 code.
    pub currency: String,
    /// Target weights as fractions, in the order of the assets' ids.
    pub allocation: Vec<(AssetId, Decimal)>,
    /// Limits of weights by asset, as events show them.
    pub limits: serde_json::Value,
    /// How it is kept.
    pub policy: Policy,
    /// What it was copied from.
    pub origin: Option<Origin>,
    /// The firm whose model it is.
    pub model_of: Option<String>,
    /// The model that it follows.
    pub subscription: Option<Subscription>,
    /// Whether it is in use.
    pub standing: Standing,
    /// When it was composed.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
    /// Where the row stands in lists; the next page goes on after it.
    pub created_position: u64,
    /// The aggregate's version, from 1.
    pub version: u64,
    /// Where its last event stands.
    pub position: Position,
}

pub(super) struct Record {
    pub(super) id: Uuid,
    pub(super) advisor: Uuid,
    pub(super) name: String,
    pub(super) currency: String,
    pub(super) assets: Vec<String>,
    pub(super) weights: Vec<Decimal>,
    pub(super) limits: serde_json::Value,
    pub(super) rebalancing: String,
    pub(super) benchmark: Option<String>,
    pub(super) risk_class: Option<String>,
    pub(super) standing: String,
    pub(super) origin: Option<Uuid>,
    pub(super) origin_version: Option<i64>,
    pub(super) model_of: Option<String>,
    pub(super) model: Option<Uuid>,
    pub(super) model_version: Option<i64>,
    pub(super) created_at: jiff_sqlx::Timestamp,
    pub(super) updated_at: jiff_sqlx::Timestamp,
    pub(super) created_position: i64,
    pub(super) version: i64,
    pub(super) position: i64,
}

impl TryFrom<Record> for PortfolioRow {
    type Error = sqlx::Error;

    fn try_from(record: Record) -> Result<Self, sqlx::Error> {
        let unknown = |what: &str, word: &str| damaged(format!("`{word}` is no {what}"));
        let rebalancing = RebalancingRule::parse(&record.rebalancing);
        let class = |word: &String| RiskClass::parse(word).ok_or_else(|| unknown("risk class", word));
        let origin = record.origin.zip(record.origin_version).map(|(portfolio, version)| {
            Ok::<_, sqlx::Error>(Origin { portfolio: PortfolioId::new(portfolio), version: natural(version)? })
        });
        let subscription = record.model.zip(record.model_version).map(|(model, version)| {
            Ok::<_, sqlx::Error>(Subscription { model: PortfolioId::new(model), version: natural(version)? })
        });
        Ok(Self {
            id: PortfolioId::new(record.id),
            advisor: AdvisorId::new(record.advisor),
            name: record.name,
            currency: record.currency,
            allocation: targets(&record.assets, record.weights)?,
            limits: record.limits,
            policy: Policy {
                rebalancing: rebalancing.ok_or_else(|| unknown("rebalancing rule", &record.rebalancing))?,
                benchmark: record.benchmark.as_deref().map(asset_id).transpose()?,
                risk_class: record.risk_class.as_ref().map(class).transpose()?,
            },
            origin: origin.transpose()?,
            model_of: record.model_of,
            subscription: subscription.transpose()?,
            standing: Standing::parse(&record.standing).ok_or_else(|| unknown("standing", &record.standing))?,
            created_at: record.created_at.to_jiff(),
            updated_at: record.updated_at.to_jiff(),
            created_position: natural(record.created_position)?,
            version: natural(record.version)?,
            position: position(Stream::Advisory, record.position)?,
        })
    }
}

/// Which portfolios are wanted: those that fit all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this advisor.
    pub advisor: Option<AdvisorId>,
    /// That stand so.
    pub standing: Option<Standing>,
    /// That follow this model.
    pub model: Option<PortfolioId>,
}

impl Filter {
    /// Whether the row is one of those.
    #[must_use]
    pub fn fits(&self, row: &PortfolioRow) -> bool {
        self.advisor.is_none_or(|advisor| advisor == row.advisor)
            && self.standing.is_none_or(|standing| standing == row.standing)
            && self.model.is_none_or(|model| row.subscription.is_some_and(|followed| followed.model == model))
    }
}
