//! Ids in paths: one that is not spelt like an id names nothing, and is answered so.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use events::values::{AdvisorId, AssetId, ClientId, PortfolioId, RecommendationId};

use crate::problem::{Problem, ProblemType};

/// The id in a path `.../{id}...`.
pub struct Id<T>(pub T);

/// What can be named in a path.
pub trait InPath: Sized {
    /// What is said where nothing has the id.
    const ABSENT: ProblemType;
    /// The id that the text spells.
    fn parse(text: &str) -> Option<Self>;
}

impl<S: Send + Sync, T: InPath> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Escapes that are not UTF-8 spell no id either.
        let absent = |_: RawPathParamsRejection| Problem::of(T::ABSENT);
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(absent)?;
        let text = params.iter().find(|(name, _)| *name == "id").map(|(_, text)| text);
        text.and_then(T::parse).map(Self).ok_or_else(|| Problem::of(T::ABSENT))
    }
}

macro_rules! in_path {
    ($id:ident, $absent:ident, $parse:expr) => {
        impl InPath for $id {
            const ABSENT: ProblemType = ProblemType::$absent;

            fn parse(text: &str) -> Option<Self> {
                $parse(text)
            }
        }
    };
}

in_path!(AdvisorId, AdvisorUnknown, AdvisorId::parse);
in_path!(ClientId, ClientUnknown, ClientId::parse);
in_path!(PortfolioId, PortfolioUnknown, PortfolioId::parse);
in_path!(RecommendationId, RecommendationUnknown, RecommendationId::parse);
in_path!(AssetId, AssetUnknown, |text| AssetId::parse(text).ok());
