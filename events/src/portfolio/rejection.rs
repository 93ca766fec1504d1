//! Why wishes about portfolios are refused.

use rust_decimal::Decimal;

use super::RECIPIENTS_MAX;
use crate::decider::{Refusal, RejectionClass};
use crate::values::{AssetId, Currency, Delisted, Name, PortfolioId};

/// Why a wish about a portfolio was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortfolioRejection {
    /// There is no such portfolio.
    #[error("there is no such portfolio")]
    Unknown,
    /// Another portfolio stands under this id.
    #[error("the portfolio exists already, with other details")]
    AlreadyCreated,
    /// It is put aside.
    #[error("the portfolio is archived")]
    Archived,
    /// A limit on what is not held.
    #[error("`{asset}` has a limit and no weight")]
    LimitWithoutPosition {
        /// Which asset.
        asset: AssetId,
    },
    /// A target weight outside its band.
    #[error("the weight {weight} of `{asset}` is not within its band from {min} to {max}")]
    WeightOutOfBand {
        /// Which asset.
        asset: AssetId,
        /// Its weight.
        weight: Decimal,
        /// The least that its band allows.
        min: Decimal,
        /// The most that its band allows.
        max: Decimal,
    },
    /// A locked weight was to change.
    #[error("`{asset}` is locked at {weight}")]
    PositionLocked {
        /// Which asset.
        asset: AssetId,
        /// The weight that it is locked at.
        weight: Decimal,
    },
    /// A model that would follow another.
    #[error("a model follows no other model")]
    ModelCannotFollow,
    /// It follows another model.
    #[error("the portfolio follows the model {model}")]
    FollowsAnotherModel {
        /// Which one.
        model: PortfolioId,
    },
    /// The version is earlier than the one that was taken over.
    #[error("version {given} of the model is earlier than version {taken}, which was taken over")]
    ModelVersionEarlier {
        /// The version that was taken over last.
        taken: u64,
        /// The version that was given.
        given: u64,
    },
    /// The model is kept in another currency.
    #[error("the model is kept in {model}, the portfolio in {portfolio}")]
    ModelInOtherCurrency {
        /// The model's currency.
        model: Currency,
        /// The portfolio's.
        portfolio: Currency,
    },
    /// Its weights are its model's.
    #[error("the portfolio follows the model {model}: its weights change with it")]
    FollowsModel {
        /// Which one.
        model: PortfolioId,
    },
    /// A model that would leave its firm.
    #[error("the model is of `{model_of}`, and the advisor works for `{firm}`")]
    ModelOfAnotherFirm {
        /// Whose model it is.
        model_of: Name,
        /// The advisor's firm.
        firm: Name,
    },
    /// A recommendation to nobody.
    #[error("a recommendation needs at least one client")]
    NoClients,
    /// More clients than the bound.
    #[error("{0} clients are more than {RECIPIENTS_MAX}")]
    TooManyClients(usize),
    /// It holds what is traded no more.
    #[error("the portfolio holds what is traded no more: {0}")]
    AssetsDelisted(Delisted),
}

impl Refusal for PortfolioRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "portfolio-unknown",
            Self::AlreadyCreated => "portfolio-already-created",
            Self::Archived => "portfolio-archived",
            Self::LimitWithoutPosition { .. } => "limit-without-position",
            Self::WeightOutOfBand { .. } => "weight-out-of-band",
            Self::PositionLocked { .. } => "position-locked",
            Self::ModelCannotFollow => "model-cannot-follow",
            Self::FollowsAnotherModel { .. } => "portfolio-follows-another-model",
            Self::ModelVersionEarlier { .. } => "model-version-earlier",
            Self::ModelInOtherCurrency { .. } => "model-in-other-currency",
            Self::FollowsModel { .. } => "portfolio-follows-model",
            Self::ModelOfAnotherFirm { .. } => "model-of-another-firm",
            Self::NoClients => "recommendation-without-clients",
            Self::TooManyClients(_) => "recommendation-to-too-many-clients",
            Self::AssetsDelisted(_) => "assets-delisted",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::Unknown => RejectionClass::Absent,
            Self::AlreadyCreated
            | Self::Archived
            | Self::PositionLocked { .. }
            | Self::ModelCannotFollow
            | Self::FollowsAnotherModel { .. }
            | Self::ModelVersionEarlier { .. }
            | Self::ModelInOtherCurrency { .. }
            | Self::FollowsModel { .. }
            | Self::ModelOfAnotherFirm { .. }
            | Self::AssetsDelisted(_) => RejectionClass::Conflict,
            Self::LimitWithoutPosition { .. }
            | Self::WeightOutOfBand { .. }
            | Self::NoClients
            | Self::TooManyClients(_) => RejectionClass::Invalid,
        }
    }
}
