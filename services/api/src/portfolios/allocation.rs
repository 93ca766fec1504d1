//! Target weights as they travel, and `PUT /v1/portfolios/{id}/allocation`.

use axum::extract::State;
use events::portfolio::{Portfolio, PortfolioCommand};
use events::values::{
    Allocation, AllocationError, AssetId, Band, Limit, Limits, Note, POSITIONS_MAX, PortfolioId, Weight,
};
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

/// One target weight of a portfolio, and between which bounds it may change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitedTargetBody {
    /// The asset's symbol.
    #[schema(min_length = 1, max_length = 24, pattern = "^[A-Z0-9^][A-Z0-9.^=&_-]*$", example = "AAPL")]
    pub(super) asset: String,
    /// Its share as a fraction: `"0.25"` is 25 %.
    #[schema(pattern = r"^[0-9]+(\.[0-9]{1,10})?$", example = "0.25")]
    pub(super) weight: String,
    /// Whether the weight stays as it is until it is given again without the lock.
    pub(super) locked: Option<bool>,
    /// Between which weights the asset may stand.
    #[serde(default, deserialize_with = "objects::optional")]
    pub(super) band: Option<BandBody>,
}

impl LimitedTargetBody {
    /// The target alone.
    fn target(&self) -> TargetBody {
        TargetBody { asset: self.asset.clone(), weight: self.weight.clone() }
    }
}

/// A band of weights.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BandBody {
    /// The least weight as a fraction.
    #[schema(pattern = r"^[0-9]+(\.[0-9]{1,10})?$", example = "0.2")]
    pub(super) min: String,
    /// The greatest weight as a fraction.
    #[schema(pattern = r"^[0-9]+(\.[0-9]{1,10})?$", example = "0.3")]
    pub(super) max: String,
}

/// A band of weights.
#[derive(Debug, Serialize, ToSchema)]
pub struct BandView {
    /// The least weight as a fraction.
    #[schema(value_type = String, example = "0.2")]
    min: Decimal,
    /// The greatest weight as a fraction.
    #[schema(value_type = String, example = "0.3")]
    max: Decimal,
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
    /// Whether the weight is locked; not there where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    /// Between which weights the asset may stand; not there where it may stand anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    band: Option<BandView>,
}

/// New target weights.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reallocate {
    /// The new target weights, which add up to exactly 1.
    #[serde(deserialize_with = "objects::list")]
    #[schema(min_items = 1, max_items = 200)]
    allocation: Vec<LimitedTargetBody>,
    /// Why they change.
    #[schema(min_length = 1, max_length = 4000, example = "Less of a single company")]
    reason: String,
}

problems!(ReallocateProblems: ANY, GUARDED, COMMAND, CONDITIONAL;
    PortfolioUnknown, PortfolioArchived, NoSuchAssets, AssetNamedTwice, WeightsDoNotAddUp, WeightOutOfBand,
    LimitWithoutPosition, PositionLocked, PortfolioFollowsModel);

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
    let read = limited_targets(&mut faults, &body.allocation);
    let limits = limits(&mut faults, &body.allocation);
    let reason = faults.value("/reason", Note::parse(&body.reason));
    let (Some(read), Some(limits), Some(reason)) = (read, limits, reason) else { return Err(faults.into_problem()) };
    let allocation = whole(&read)?;
    references.need_assets(&allocation, |asset| place_of(&read, asset)).await?;
    let wish = Canonical::of("ReallocatePortfolio").with("reason", reason.as_str());
    let digest = limits_written_into(written_into(wish, &allocation), &limits).sha256();
    let command_id = keyed.command(REALLOCATE, &[&id.to_string()]);
    let context = context(command_id, keyed.actor, clock.now(), Expect::Version(version), digest);
    let command = PortfolioCommand::Reallocate { allocation, limits, reason };
    let done = journal.execute::<Portfolio>(&id, &command, &context).await;
    let done = done.map_err(|error| absent_rather_than_stale(error.into()))?;
    Ok(Answer::changed(id.to_string(), &done))
}

/// Targets as they are shown, weights without trailing zeros.
pub fn target_views(allocation: Vec<(AssetId, Decimal)>) -> Vec<TargetView> {
    let target = |(asset, weight): (AssetId, Decimal)| TargetView {
        asset,
        weight: weight.normalize(),
        locked: None,
        band: None,
    };
    allocation.into_iter().map(target).collect()
}

/// Targets as they are shown, with the limits that a read model has as events show them.
pub(super) fn limited_views(allocation: Vec<(AssetId, Decimal)>, limits: &serde_json::Value) -> Vec<TargetView> {
    let mut views = target_views(allocation);
    for view in &mut views {
        let Some(limit) = limits.get(view.asset.as_str()) else { continue };
        view.locked = limit.get("locked").and_then(serde_json::Value::as_bool).filter(|locked| *locked);
        let end = |name: &str| limit.get("band")?.get(name)?.as_str()?.parse::<Decimal>().ok();
        view.band = end("min").zip(end("max")).map(|(min, max)| BandView { min, max });
    }
    views
}

/// As [`targets`], of targets with limits.
pub(super) fn limited_targets(faults: &mut Faults, bodies: &[LimitedTargetBody]) -> Option<Vec<(AssetId, Decimal)>> {
    targets(faults, &bodies.iter().map(LimitedTargetBody::target).collect::<Vec<_>>())
}

/// The limits of the targets, each right in itself; or nothing and the faults noted. Targets whose asset is none have
/// their fault noted already.
pub(super) fn limits(faults: &mut Faults, bodies: &[LimitedTargetBody]) -> Option<Limits> {
    let mut limits = Vec::new();
    let mut all_good = true;
    for (place, body) in bodies.iter().enumerate().take(POSITIONS_MAX) {
        let band = match &body.band {
            Some(BandBody { min, max }) => {
                let min = note(faults, place, "band/min", decimal(min));
                let max = note(faults, place, "band/max", decimal(max));
                let band = min.zip(max).and_then(|(min, max)| note(faults, place, "band", Band::try_new(min, max)));
                all_good &= band.is_some();
                band
            }
            None => None,
        };
        if let Ok(asset) = AssetId::parse(&body.asset) {
            limits.push((asset, Limit { locked: body.locked.unwrap_or_default(), band }));
        }
    }
    all_good.then(|| Limits::new(limits))
}

/// The wish with the limits, where there are any.
pub(super) fn limits_written_into(mut wish: Canonical, limits: &Limits) -> Canonical {
    for (asset, limit) in limits.iter() {
        wish = wish.with("limit", asset.as_str()).with("locked", if limit.locked { "yes" } else { "no" });
        if let Some(band) = limit.band {
            wish = wish.with("min", &band.min().to_string()).with("max", &band.max().to_string());
        }
    }
    wish
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
