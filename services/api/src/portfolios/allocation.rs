//! Target weights as they travel, and `PUT /v1/portfolios/{id}/allocation`.

use axum::extract::State;
use events::portfolio::{Portfolio, PortfolioCommand};
use events::values::{Allocation, AllocationError, AssetId, Note, POSITIONS_MAX, PortfolioId, Weight};
use journal::{Expect, Journal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::absent_rather_than_stale;
use crate::body::JsonBody;
use crate::canonical::Canonical;
use crate::commands::{Answer, ChangedAnswer, context};
use crate::described::problems;
use crate::faults::{Fault, Faults};
use crate::idempotency::{MaybeKeyed, OptionalKeyHeader};
use crate::numbers::decimal;
use crate::objects;
use crate::paths::Id;
use crate::preconditions::{IfMatch, IfMatchHeader};
use crate::problem::{FieldError, Problem, ProblemType};
use crate::references::References;
use crate::state::Clock;

const REALLOCATE: &str = "PUT /v1/portfolios/{id}/allocation";

/// One target weight.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetBody {
    /// The asset's symbol.
    #[schema(min_length = 1, max_length = 24, pattern = "^[A-Z0-9^][A-Z0-9.^=&_-]*$", example = "AAPL")]
    asset: String,
    /// Its share as a fraction: `"0.25"` is 25 %.
    #[schema(pattern = r"^[0-9]+(\.[0-9]{1,10})?$", example = "0.25")]
    weight: String,
}

/// One target weight.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetView {
    /// The asset's symbol.
    #[schema(value_type = String, example = "AAPL")]
    asset: AssetId,
    /// Its share as a fraction: `"0.25"` is 25 %.
    #[schema(value_type = String, example = "0.25")]
    weight: Decimal,
}

/// New target weights.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reallocate {
    /// The new target weights, which add up to exactly 1.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 200)]
    allocation: Vec<TargetBody>,
    /// Why they change.
    #[schema(min_length = 1, max_length = 4000, example = "Less of a single company")]
    reason: String,
}

problems!(ReallocateProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    PortfolioUnknown, NoSuchAssets, AssetNamedTwice, WeightsDoNotAddUp);

/// Changes a portfolio's target weights.
#[utoipa::path(put, path = "/v1/portfolios/{id}/allocation", tag = "portfolios", operation_id = "reallocatePortfolio",
    security(("bearer" = ["admin", "advisor"])),
    params(("id" = String, Path, format = Uuid), IfMatchHeader, OptionalKeyHeader),
    request_body = Reallocate, responses(ChangedAnswer, ReallocateProblems))]
pub async fn reallocate(
    State(journal): State<Journal>,
    State(references): State<References>,
    State(clock): State<Clock>,
    Id(id): Id<PortfolioId>,
    keyed: MaybeKeyed,
    IfMatch(version): IfMatch,
    JsonBody(body): JsonBody<Reallocate>,
) -> Result<Answer, Problem> {
    let mut faults = Faults::default();
    let read = targets(&mut faults, &body.allocation);
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(read), Some(reason)) = (read, reason) else { return Err(faults.into_problem()) };
    let allocation = whole(&read)?;
    references.need_assets(&allocation, |asset| place_of(&read, asset)).await?;
    let wish = Canonical::of("ReallocatePortfolio").with("reason", reason.as_str());
    let digest = written_into(wish, &allocation).sha256();
    let command_id = keyed.command(REALLOCATE, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let command = PortfolioCommand::Reallocate { allocation, reason };
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Targets as they are shown, weights without trailing zeros.
pub fn target_views(allocation: Vec<(AssetId, Decimal)>) -> Vec<TargetView> {
    allocation.into_iter().map(|(asset, weight)| TargetView { asset, weight: weight.normalize() }).collect()
}

/// The targets, each right in itself, in the order of the body; or nothing and the faults noted.
pub(crate) fn targets(faults: &mut Faults, bodies: &[TargetBody]) -> Option<Vec<(AssetId, Decimal)>> {
    if bodies.is_empty() || bodies.len() > POSITIONS_MAX {
        let error = if bodies.is_empty() { AllocationError::Empty } else { AllocationError::TooManyPositions };
        faults.add("/allocation", error.code(), error.to_string());
        return None;
    }
    let mut read = Vec::with_capacity(bodies.len());
    for (place, body) in bodies.iter().enumerate() {
        let asset = note(faults, place, "asset", AssetId::parse(&body.asset));
        let weight = note(faults, place, "weight", decimal(&body.weight));
        let weight = weight.and_then(|weight| note(faults, place, "weight", Weight::try_from(weight)));
        read.extend(asset.zip(weight.map(Weight::value)));
    }
    (read.len() == bodies.len()).then_some(read)
}

fn note<T, E: Fault>(faults: &mut Faults, place: usize, field: &str, read: Result<T, E>) -> Option<T> {
    read.map_err(|fault| faults.add(&format!("/allocation/{place}/{field}"), fault.code(), fault.to_string())).ok()
}

/// The allocation that the targets make together.
///
/// # Errors
/// `asset-named-twice` and `weights-do-not-add-up`.
pub(crate) fn whole(targets: &[(AssetId, Decimal)]) -> Result<Allocation, Problem> {
    Allocation::try_new(targets.iter().cloned()).map_err(|error| {
        let (kind, pointer) = match &error {
            AllocationError::WeightsDoNotAddUp { .. } => (ProblemType::WeightsDoNotAddUp, "/allocation".to_owned()),
            AllocationError::AssetTwice(asset) => {
                let second = targets.iter().rposition(|(named, _)| named == asset).unwrap_or_default();
                (ProblemType::AssetNamedTwice, format!("/allocation/{second}/asset"))
            }
            // Seen before, target by target; said again rather than assumed.
            AllocationError::Empty | AllocationError::TooManyPositions | AllocationError::Weight { .. } => {
                (ProblemType::InvalidBody, "/allocation".to_owned())
            }
        };
        let detail = error.to_string();
        Problem::new(kind, detail.clone()).with_errors(vec![FieldError::in_body(&pointer, error.code(), detail)])
    })
}

/// Where in the body the asset stands.
pub(crate) fn place_of(targets: &[(AssetId, Decimal)], asset: &AssetId) -> String {
    let place = targets.iter().position(|(named, _)| named == asset).unwrap_or_default();
    format!("/allocation/{place}/asset")
}

/// The wish with the allocation's targets, whatever their order in the body was.
pub(super) fn written_into(wish: Canonical, allocation: &Allocation) -> Canonical {
    allocation.iter().fold(wish, |wish, (asset, weight)| wish.with(asset.as_str(), &weight.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{TargetBody, targets, whole};
    use crate::faults::Faults;
    use crate::problem::{Problem, ProblemType};

    fn allocation(rows: &[(&str, &str)]) -> Result<(), Problem> {
        let bodies: Vec<_> = rows
            .iter()
            .map(|(asset, weight)| TargetBody { asset: (*asset).to_owned(), weight: (*weight).to_owned() })
            .collect();
        let mut faults = Faults::default();
        let Some(targets) = targets(&mut faults, &bodies) else { return Err(faults.into_problem()) };
        whole(&targets).map(|_| ())
    }

    #[test]
    fn weights_add_up_exactly_or_not_at_all() {
        assert!(allocation(&[("A", "0.1"), ("B", "0.2"), ("C", "0.7")]).is_ok());
        let refused = allocation(&[("A", "0.3333333333"), ("B", "0.3333333333"), ("C", "0.3333333333")]).unwrap_err();
        assert_eq!(refused.kind(), ProblemType::WeightsDoNotAddUp);
    }

    #[test]
    fn each_bad_target_is_told_and_the_sum_only_after_them() {
        let refused = allocation(&[("A", "-0.1"), ("b", "0.2"), ("C", "1e0")]).unwrap_err();
        assert_eq!(refused.kind(), ProblemType::InvalidBody);
        let told = format!("{refused:?}");
        for place in ["#/allocation/0/weight", "#/allocation/1/asset", "#/allocation/2/weight"] {
            assert!(told.contains(place), "{told}");
        }
    }

    #[test]
    fn an_asset_named_twice_is_told_with_its_second_place() {
        let refused = allocation(&[("A", "0.5"), ("B", "0.2"), ("A", "0.3")]).unwrap_err();
        assert_eq!(refused.kind(), ProblemType::AssetNamedTwice);
        assert!(format!("{refused:?}").contains("#/allocation/2/asset"));
    }

    #[test]
    fn an_allocation_has_one_to_two_hundred_targets() {
        assert!(format!("{:?}", allocation(&[]).unwrap_err()).contains("no-positions"));
        let many: Vec<(String, &str)> = (0..201).map(|n| (format!("A{n}"), "0.001")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(asset, weight)| (asset.as_str(), *weight)).collect();
        assert!(format!("{:?}", allocation(&many).unwrap_err()).contains("too-many-positions"));
    }
}
