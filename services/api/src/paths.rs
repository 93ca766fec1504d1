//! Ids in paths: one that is not spelt like an id names nothing, and what is not the caller's is not there.

use std::future::Future;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use events::Stream;
use events::values::{AdvisorId, AssetId, BacktestId, ClientId, PortfolioId, RecommendationId};

use crate::access::Reach;
use crate::problem::{Problem, ProblemType};
use crate::references::References;

/// The id in a path `.../{id}...`, of something that the caller reaches or that is not there.
///
/// A handler that takes it need not ask whose it is.
pub struct Id<T>(pub T);

/// What can be named in a path.
pub trait InPath: Sized + Send + Sync {
    /// What is said where nothing has the id, and where it is another's: nobody can tell the two apart.
    const ABSENT: ProblemType;
    /// The id that the text spells.
    fn parse(text: &str) -> Option<Self>;
    /// Whether it is this advisor's, or everybody's.
    fn is_of(&self, advisor: AdvisorId, references: &References) -> impl Future<Output = Result<bool, Problem>> + Send;
}

impl<S: Send + Sync, T: InPath> FromRequestParts<S> for Id<T>
where
    References: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Escapes that are not UTF-8 spell no id either.
        let absent = |_: RawPathParamsRejection| Problem::of(T::ABSENT);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(absent)?;
        let text = params.iter().find(|(name, _)| *name == "id").map(|(_, text)| text);
        let id = text.and_then(T::parse).ok_or_else(|| Problem::of(T::ABSENT))?;
        match Reach::from_request_parts(parts, state).await? {
            Reach::Only(advisor) if !id.is_of(advisor, &References::from_ref(state)).await? => {
                Err(Problem::of(T::ABSENT))
            }
            Reach::Only(_) | Reach::Everybody => Ok(Self(id)),
        }
    }
}

/// The version in a path `.../versions/{version}`.
pub struct VersionInPath(pub u64);

impl<S: Send + Sync> FromRequestParts<S> for VersionInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let absent = |_: RawPathParamsRejection| Problem::of(ProblemType::VersionUnknown);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(absent)?;
        let text = params.iter().find(|(name, _)| *name == "version").map(|(_, text)| text);
        // One spelling: neither signs nor leading noughts.
        let version = text.and_then(|text| text.parse().ok().filter(|version: &u64| version.to_string() == text));
        version.map(Self).ok_or_else(|| Problem::of(ProblemType::VersionUnknown))
    }
}

/// The stream in a path `.../stream/{stream}`: the advisory one. What happens to assets is told in pages, and prices over gRPC.
pub struct StreamInPath;

impl<S: Send + Sync> FromRequestParts<S> for StreamInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let absent = |_: RawPathParamsRejection| Problem::of(ProblemType::NotFound);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(absent)?;
        let mut named = params.iter().filter(|(name, _)| *name == "stream").map(|(_, text)| text);
        let is_it = named.next() == Some(Stream::Advisory.token());
        if is_it { Ok(Self) } else { Err(Problem::of(ProblemType::NotFound)) }
    }
}

/// The id in a path `.../backtests/{backtest}`. Whose it is follows from what stands before it.
pub struct BacktestInPath(pub BacktestId);

impl<S: Send + Sync> FromRequestParts<S> for BacktestInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let absent = |_: RawPathParamsRejection| Problem::of(ProblemType::BacktestUnknown);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(absent)?;
        let text = params.iter().find(|(name, _)| *name == "backtest").map(|(_, text)| text);
        text.and_then(BacktestId::parse).map(Self).ok_or_else(|| Problem::of(ProblemType::BacktestUnknown))
    }
}

/// A model's id in a path. Whoever reaches everything is let in with any id: the handler asks whether it is a model's.
pub struct Model(pub PortfolioId);

macro_rules! in_path {
    ($id:ident, $absent:ident, $parse:expr, $is_of:expr) => {
        impl InPath for $id {
            const ABSENT: ProblemType = ProblemType::$absent;

            fn parse(text: &str) -> Option<Self> {
                $parse(text)
            }

            async fn is_of(&self, advisor: AdvisorId, references: &References) -> Result<bool, Problem> {
                $is_of(references, self, advisor).await
            }
        }
    };
}

in_path!(AdvisorId, AdvisorUnknown, AdvisorId::parse, async |_: &References, id: &AdvisorId, advisor| Ok(
    *id == advisor
));
in_path!(ClientId, ClientUnknown, ClientId::parse, References::owns_client);
in_path!(PortfolioId, PortfolioUnknown, PortfolioId::parse, References::owns_portfolio);
in_path!(
    Model,
    ModelUnknown,
    |text| PortfolioId::parse(text).map(Model),
    async |references: &References, model: &Model, advisor| { references.shows_model(model.0, advisor).await }
);
in_path!(RecommendationId, RecommendationUnknown, RecommendationId::parse, References::owns_recommendation);
in_path!(AssetId, AssetUnknown, |text| AssetId::parse(text).ok(), async |_: &References, _: &AssetId, _| Ok(true));
