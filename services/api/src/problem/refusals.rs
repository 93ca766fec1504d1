//! What the domain, the log, the vault and the database refuse, as problems.

use std::sync::Arc;

use std::error::Error;

use events::advisor::AdvisorRejection;
use events::asset::AssetRejection;
use events::backtest::BacktestRejection;
use events::client::ClientRejection;
use events::portfolio::PortfolioRejection;
use events::recommendation::RecommendationRejection;
use events::suitability::GateShut;
use journal::{ExecuteError, ReadError};
use projections::replay::ReplayError;
use vault::VaultError;

use super::{Problem, ProblemType};

impl From<&AdvisorRejection> for ProblemType {
    fn from(rejection: &AdvisorRejection) -> Self {
        match rejection {
            AdvisorRejection::Unknown => Self::AdvisorUnknown,
            AdvisorRejection::AlreadyRegistered => Self::AdvisorAlreadyRegistered,
            AdvisorRejection::RegistrationMissing { .. } => Self::AdvisorRegistrationMissing,
            AdvisorRejection::Removed => Self::AdvisorRemoved,
        }
    }
}

/// What refuses one client of a recommendation, and not the request.
impl From<&GateShut> for ProblemType {
    fn from(gate: &GateShut) -> Self {
        match gate {
            GateShut::NotInCare => Self::NotInCare,
            GateShut::NoProfile => Self::NoProfile,
            GateShut::ProfileExpired { .. } => Self::ProfileExpired,
            GateShut::PortfolioTooRisky { .. } => Self::PortfolioTooRisky,
            GateShut::ProductTooRisky { .. } => Self::ProductTooRisky,
            GateShut::ProductDelisted { .. } => Self::ProductDelisted,
        }
    }
}

impl From<&ClientRejection> for ProblemType {
    fn from(rejection: &ClientRejection) -> Self {
        match rejection {
            ClientRejection::Unknown => Self::ClientUnknown,
            ClientRejection::AlreadyRegistered => Self::ClientAlreadyRegistered,
            ClientRejection::Removed => Self::ClientRemoved,
        }
    }
}

impl From<&AssetRejection> for ProblemType {
    fn from(rejection: &AssetRejection) -> Self {
        match rejection {
            AssetRejection::Unknown => Self::AssetUnknown,
            AssetRejection::AlreadyListed => Self::AssetAlreadyListed,
            AssetRejection::CashOrNot { .. } => Self::AssetCashOrNot,
            AssetRejection::CashHasNoPrices => Self::CashHasNoPrices,
            AssetRejection::NotCash => Self::AssetNotCash,
            AssetRejection::CashIsConservative { .. } => Self::CashIsConservative,
            AssetRejection::PriceDiffers { .. } => Self::PriceDiffers,
            AssetRejection::PriceUnknown { .. } => Self::PriceUnknown,
            AssetRejection::ActionUnknown { .. } => Self::ActionUnknown,
            AssetRejection::BasisDiffers { .. } => Self::PriceBasisDiffers,
            AssetRejection::PaymentNotBelowPrice { .. } => Self::PaymentNotBelowPrice,
            AssetRejection::Delisted { .. } => Self::AssetDelisted,
            AssetRejection::StillTraded { .. } => Self::AssetStillTraded,
        }
    }
}

impl From<&PortfolioRejection> for ProblemType {
    fn from(rejection: &PortfolioRejection) -> Self {
        match rejection {
            PortfolioRejection::Unknown => Self::PortfolioUnknown,
            PortfolioRejection::AlreadyCreated => Self::PortfolioAlreadyCreated,
            PortfolioRejection::Archived => Self::PortfolioArchived,
            PortfolioRejection::LimitWithoutPosition { .. } => Self::LimitWithoutPosition,
            PortfolioRejection::WeightOutOfBand { .. } => Self::WeightOutOfBand,
            PortfolioRejection::PositionLocked { .. } => Self::PositionLocked,
            PortfolioRejection::ModelCannotFollow => Self::ModelCannotFollow,
            PortfolioRejection::FollowsAnotherModel { .. } => Self::FollowsAnotherModel,
            PortfolioRejection::ModelVersionEarlier { .. } => Self::ModelVersionEarlier,
            PortfolioRejection::ModelInOtherCurrency { .. } => Self::ModelInOtherCurrency,
            PortfolioRejection::FollowsModel { .. } => Self::PortfolioFollowsModel,
            PortfolioRejection::ModelOfAnotherFirm { .. } => Self::ModelOfAnotherFirm,
            PortfolioRejection::NoClients => Self::RecommendationWithoutClients,
            PortfolioRejection::TooManyClients(_) => Self::RecommendationToTooManyClients,
            PortfolioRejection::AssetsDelisted(_) => Self::AssetsDelisted,
        }
    }
}

impl From<&RecommendationRejection> for ProblemType {
    fn from(rejection: &RecommendationRejection) -> Self {
        match rejection {
            RecommendationRejection::Unknown => Self::RecommendationUnknown,
            RecommendationRejection::AlreadyMade => Self::RecommendationAlreadyMade,
            RecommendationRejection::NotRefused => Self::RecommendationNotRefused,
            RecommendationRejection::OverrideNeedsCompliance => Self::OverrideNeedsCompliance,
            RecommendationRejection::OverrideNotAllowed { .. } => Self::OverrideNotAllowed,
            RecommendationRejection::Overtaken { .. } => Self::RecommendationOvertaken,
            RecommendationRejection::ClientRemoved => Self::ClientRemoved,
            RecommendationRejection::AdvisorNotActive { .. } => Self::AdvisorNotActive,
            RecommendationRejection::PortfolioArchived => Self::PortfolioArchived,
            RecommendationRejection::AssetsDelisted(_) => Self::AssetsDelisted,
            RecommendationRejection::LastDayOver { .. } => Self::RecommendationOver,
            RecommendationRejection::NotOpen { .. } => Self::RecommendationNotOpen,
            RecommendationRejection::StillValid => Self::RecommendationStillValid,
            RecommendationRejection::AttemptClaimed { .. } => Self::EmailAttemptClaimed,
            RecommendationRejection::NotTheNextAttempt { .. } => Self::EmailAttemptOutOfOrder,
            RecommendationRejection::LetterIs { .. } => Self::EmailSettled,
        }
    }
}

impl From<&BacktestRejection> for ProblemType {
    fn from(rejection: &BacktestRejection) -> Self {
        match rejection {
            BacktestRejection::AlreadyRecorded => Self::BacktestAlreadyRecorded,
        }
    }
}

impl<R> From<ExecuteError<R>> for Problem
where
    R: Error + 'static,
    for<'a> ProblemType: From<&'a R>,
{
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => Self::new(ProblemType::from(&rejection), rejection.to_string()),
            ExecuteError::Stale { current } => Self::stale(current),
            ExecuteError::RequestDiffers => Self::of(ProblemType::IdempotencyKeyReused),
            ExecuteError::Busy => Self::of(ProblemType::Busy),
            ExecuteError::Conflicts { attempts } => {
                Self::new(ProblemType::ConflictingWrites, format!("others changed the resource at {attempts} attempts"))
            }
            ExecuteError::Unknown(error) => {
                tracing::warn!(error = chain(&error), "an append was not settled within its deadline");
                Self::of(ProblemType::OutcomeUnknown)
            }
            ExecuteError::Refused(error) => {
                tracing::error!(error = chain(&error), "the log refused an event");
                Self::of(ProblemType::LogUnavailable)
            }
            ExecuteError::Read(error) => error.into(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        tracing::error!(error = chain(&error), "the log could not be read");
        Self::of(ProblemType::LogUnavailable)
    }
}

impl From<Arc<sqlx::Error>> for Problem {
    fn from(error: Arc<sqlx::Error>) -> Self {
        of_database(&error)
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        tracing::error!(error = chain(&error), "a history could not be replayed");
        Self::of(ProblemType::Internal)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        of_database(&error)
    }
}

fn of_database(error: &sqlx::Error) -> Problem {
    tracing::error!(error = chain(error), "the database failed");
    match error {
        // What the database itself objects to is a fault of ours; all else is between us and the database.
        sqlx::Error::Database(refused) if !refused.code().is_some_and(|code| is_passing(&code)) => {
            Problem::of(ProblemType::Internal)
        }
        sqlx::Error::Database(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Problem::of(ProblemType::DatabaseUnavailable),
        _ => Problem::of(ProblemType::Internal),
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => error.into(),
            error => {
                tracing::error!(error = chain(&error), "the vault failed");
                Self::of(ProblemType::Internal)
            }
        }
    }
}

/// Whether PostgreSQL's code says that it cannot now, rather than that the query is wrong: connection trouble (08),
/// lack of resources (53), somebody's intervention (57), read-only after a fail-over (25006).
fn is_passing(code: &str) -> bool {
    ["08", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "25006"
}

/// An error with its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use events::advisor::AdvisorRejection;
    use events::asset::AssetRejection;
    use events::backtest::BacktestRejection;
    use events::client::ClientRejection;
    use events::portfolio::PortfolioRejection;
    use events::recommendation::RecommendationRejection;
    use events::values::{AssetId, Delisted};
    use events::{Refusal, RejectionClass};
    use jiff::civil::date;

    use super::ProblemType;

    fn check<R: Refusal>(rejections: Vec<R>)
    where
        for<'a> ProblemType: From<&'a R>,
    {
        for rejection in rejections {
            let kind = ProblemType::from(&rejection);
            let status = match rejection.class() {
                RejectionClass::Absent => 404,
                RejectionClass::Conflict => 409,
                RejectionClass::Invalid => 422,
                RejectionClass::Forbidden => 403,
            };
            assert_eq!((kind.code(), kind.status().as_u16()), (rejection.code(), status));
        }
    }

    #[test]
    fn every_rejection_is_the_problem_that_it_names_itself() {
        let one = rust_decimal::Decimal::ONE;
        let model = events::values::PortfolioId::created_by(events::values::CommandId::of(&["a model"]));
        let recommendation = events::values::RecommendationId::created_by(events::values::CommandId::of(&["advice"]));
        let currency = events::values::Currency::parse("USD").unwrap();
        let asset = || AssetId::parse("AAPL").unwrap();
        let firm = || events::values::Name::parse("Casa Verde").unwrap();
        check(vec![
            AdvisorRejection::Unknown,
            AdvisorRejection::AlreadyRegistered,
            AdvisorRejection::RegistrationMissing { regime: events::values::Regime::UsRia },
            AdvisorRejection::Removed,
        ]);
        check(vec![BacktestRejection::AlreadyRecorded]);
        check(vec![ClientRejection::Unknown, ClientRejection::AlreadyRegistered, ClientRejection::Removed]);
        check(vec![
            AssetRejection::Unknown,
            AssetRejection::AlreadyListed,
            AssetRejection::CashOrNot { is_cash: true },
            AssetRejection::CashHasNoPrices,
            AssetRejection::NotCash,
            AssetRejection::CashIsConservative { given: events::values::RiskClass::Moderate },
            AssetRejection::PriceDiffers { date: date(2024, 1, 2), known: one, given: one },
            AssetRejection::PriceUnknown { date: date(2024, 1, 2) },
            AssetRejection::ActionUnknown { date: date(2024, 1, 2), noun: "split" },
            AssetRejection::BasisDiffers { known: "raw", given: "adjusted" },
            AssetRejection::PaymentNotBelowPrice {
                ex_date: date(2024, 1, 3),
                payment: one,
                date: date(2024, 1, 2),
                close: one,
            },
            AssetRejection::Delisted { delisted: date(2024, 1, 2), date: date(2024, 1, 3) },
            AssetRejection::StillTraded { last_day: date(2024, 1, 3), date: date(2024, 1, 2) },
        ]);
        check(vec![
            PortfolioRejection::Unknown,
            PortfolioRejection::AlreadyCreated,
            PortfolioRejection::Archived,
            PortfolioRejection::LimitWithoutPosition { asset: asset() },
            PortfolioRejection::WeightOutOfBand { asset: asset(), weight: one, min: one, max: one },
            PortfolioRejection::PositionLocked { asset: asset(), weight: one },
            PortfolioRejection::ModelCannotFollow,
            PortfolioRejection::FollowsAnotherModel { model },
            PortfolioRejection::ModelVersionEarlier { taken: 3, given: 2 },
            PortfolioRejection::ModelInOtherCurrency { model: currency, portfolio: currency },
            PortfolioRejection::FollowsModel { model },
            PortfolioRejection::ModelOfAnotherFirm { model_of: firm(), firm: firm() },
            PortfolioRejection::NoClients,
            PortfolioRejection::TooManyClients(501),
            PortfolioRejection::AssetsDelisted(Delisted::default()),
        ]);
        check(vec![
            RecommendationRejection::Unknown,
            RecommendationRejection::AlreadyMade,
            RecommendationRejection::NotRefused,
            RecommendationRejection::OverrideNeedsCompliance,
            RecommendationRejection::OverrideNotAllowed { reason: String::new() },
            RecommendationRejection::Overtaken { by: recommendation },
            RecommendationRejection::ClientRemoved,
            RecommendationRejection::AdvisorNotActive { is: "suspended" },
            RecommendationRejection::PortfolioArchived,
            RecommendationRejection::AssetsDelisted(Delisted::default()),
            RecommendationRejection::LastDayOver { last: date(2024, 1, 2) },
            RecommendationRejection::NotOpen { is: "withdrawn" },
            RecommendationRejection::StillValid,
            RecommendationRejection::AttemptClaimed { attempt: 1 },
            RecommendationRejection::NotTheNextAttempt { attempt: 3, next: 2 },
            RecommendationRejection::LetterIs { is: "sent" },
        ]);
    }
}
