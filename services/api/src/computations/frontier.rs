//! `POST /v1/frontier`: the efficient frontier of some assets, or of a portfolio's, weights with every point.

use analytics::moments::{MomentsError, arithmetic_mean, geometric_mean, ledoit_wolf, sample_covariance};
use analytics::optimise::{Constraints, Group, OptimiseError, Optimum, Problem as Optimisation};
use analytics::optimise::{frontier_watched, max_sharpe_watched, min_variance};
use analytics::{NoFigure, PeriodsPerYear, PriceTable};
use axum::extract::State;
use axum::response::Response;
use events::Position;
use events::values::AssetId;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{
    Material, PriceCoverage, Targets, WeightView, bounded, not_computable, number, portfolio_id, risk_free_rate,
    weight_views, window,
};
use crate::access::Reach;
use crate::body::JsonBody;
use crate::described::problems;
use crate::desk::Asker;
use crate::faults::Faults;
use crate::figures::DEFINITIONS;
use crate::figures::views::{ReasonView, WindowView, window_view};
use crate::freshness::{CaughtUp, MinPositionHeader};
use crate::jobs::{Asking, JobView, PreferHeader, answered};
use crate::objects;
use crate::problem::{FieldError, Problem, ProblemType};
use crate::state::Office;

/// Assets that one frontier may have.
const ASSETS_MAX: usize = 500;
/// Assets beyond which the answer comes as a job: the work grows faster than their number.
const ASSETS_AT_ONCE_MAX: usize = 200;
/// Points that one frontier may have.
const POINTS_MAX: usize = 200;
/// Points where nothing is said.
const POINTS: usize = 50;
/// Groups that one frontier may have.
const GROUPS_MAX: usize = 50;

/// How the covariance is estimated.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// Sample covariance.
    #[default]
    Sample,
    /// Shrunk towards equal variances (Ledoit and Wolf 2004).
    LedoitWolf,
}

/// How expected returns are estimated.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mean {
    /// Arithmetic mean times 252.
    #[default]
    Arithmetic,
    /// Compound growth a year.
    Geometric,
}

/// The greatest weight of one asset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapBody {
    /// The asset's symbol.
    #[schema(example = "AAPL")]
    asset: String,
    /// Its greatest share as a fraction.
    #[schema(example = "0.2")]
    weight: String,
}

/// Limits of some assets' weights together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupBody {
    /// What it is called: it names the limit where nothing satisfies it.
    #[schema(example = "technology")]
    name: String,
    /// Its assets.
    assets: Vec<String>,
    /// The least sum of their weights; 0 where nothing is said.
    #[schema(example = "0.1")]
    least: Option<String>,
    /// The greatest sum of their weights; 1 where nothing is said.
    #[schema(example = "0.4")]
    most: Option<String>,
}

/// What frontier is wanted: of these assets or of a portfolio's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FrontierBody {
    /// The assets; none where a portfolio is named. Cash is none of them: it is held beside, and how much is for people to
    /// say.
    #[serde(default)]
    #[schema(max_items = 500, example = json!(["AAPL", "MSFT"]))]
    assets: Vec<String>,
    /// A portfolio whose assets are taken; its own weights are shown beside the frontier. Its cash keeps its weight.
    #[schema(format = Uuid)]
    portfolio: Option<String>,
    /// The first day; from the first price on where nothing is said.
    #[schema(format = Date)]
    from: Option<String>,
    /// The last day; to the last price where nothing is said.
    #[schema(format = Date)]
    to: Option<String>,
    /// How many points, both ends included; 50 where nothing is said.
    #[schema(minimum = 2, maximum = 200)]
    points: Option<u32>,
    /// The annual risk-free rate as a fraction, for the greatest Sharpe ratio.
    risk_free_rate: Option<String>,
    /// The least weight of each asset but cash; 0 where nothing is said.
    min_weight: Option<String>,
    /// The greatest weight of each asset but cash; 1 where nothing is said.
    max_weight: Option<String>,
    /// The greatest weights of single assets.
    #[serde(default, deserialize_with = "objects::list")]
    caps: Vec<CapBody>,
    /// Limits of groups; they may overlap.
    #[serde(default, deserialize_with = "objects::list")]
    groups: Vec<GroupBody>,
    /// The estimator of the covariance.
    covariance: Option<Estimator>,
    /// The estimator of expected returns.
    mean: Option<Mean>,
}

/// A portfolio with what it promises, were the future like the past.
#[derive(Debug, Serialize, ToSchema)]
pub struct PointView {
    /// Expected return as a fraction a year.
    expected_return: f64,
    /// Volatility as a fraction a year.
    volatility: f64,
    /// Expected return over the risk-free rate, over volatility; `null` without volatility.
    #[schema(required)]
    sharpe: Option<f64>,
    /// The weights, which add up to 1.
    weights: Vec<WeightView>,
}

/// An efficient frontier, with all that it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub struct FrontierView {
    /// The set of definitions that the numbers follow.
    #[schema(example = "figures-1")]
    definitions: &'static str,
    /// The days that the moments rest on.
    window: WindowView,
    /// The last event whose prices are in it: the same position, the same frontier.
    #[schema(value_type = String, example = "market-40")]
    prices_position: Position,
    /// What prices there are of each asset.
    coverage: Vec<PriceCoverage>,
    /// The annual risk-free rate as a fraction.
    risk_free_rate: f64,
    /// The estimator of the covariance.
    covariance: Estimator,
    /// The estimator of expected returns.
    mean: Mean,
    /// From the least variance to the highest return, returns evenly spaced.
    points: Vec<PointView>,
    /// The portfolio with the least variance.
    min_variance: PointView,
    /// The portfolio with the greatest Sharpe ratio.
    #[schema(required)]
    max_sharpe: Option<PointView>,
    /// Why there is no greatest Sharpe ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_sharpe_reason: Option<ReasonView>,
    /// The portfolio that was named, with its own weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    portfolio: Option<PointView>,
    /// What the answer assumes.
    assumptions: &'static [&'static str],
}

const ASSUMPTIONS: &[&str] = &[
    "hypothetical: expected returns and covariances are those of the past window, the future's will differ",
    "weights are exact optima of these estimates; small changes of the estimates move them far",
    "cash keeps the weight that the portfolio gives it",
];

problems!(FrontierProblems: ANY, GUARDED, COMPUTATION; PortfolioUnknown, LimitsInfeasible);

/// Computes an efficient frontier.
///
/// Records nothing, so that no Idempotency-Key is needed. What takes long becomes a job.
#[utoipa::path(post, path = "/v1/frontier", tag = "computations", operation_id = "computeFrontier",
    security(("bearer" = ["admin", "advisor", "compliance"])),
    params(MinPositionHeader, PreferHeader), request_body = FrontierBody,
    responses((status = 200, body = FrontierView), (status = 202, body = JobView, headers(("Location" = String))),
        FrontierProblems))]
pub async fn compute(
    State(pool): State<PgPool>,
    State(office): State<Office>,
    asking: Asking,
    reach: Reach,
    _: CaughtUp,
    JsonBody(body): JsonBody<FrontierBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    bounded("assets", body.assets.len(), ASSETS_MAX)?;
    bounded("groups", body.groups.len(), GROUPS_MAX)?;
    let points = body.points.map_or(POINTS, |points| usize::try_from(points).unwrap_or(usize::MAX));
    bounded("points", points, POINTS_MAX)?;
    if points < 2 {
        faults.add("/points", "out-of-range", "a frontier has at least 2 points".to_owned());
    }
    let window = window(&mut faults, "", body.from.as_deref(), body.to.as_deref());
    let rf = risk_free_rate(&mut faults, "", body.risk_free_rate.as_deref());
    let named = assets(&mut faults, &body.assets);
    let portfolio = body.portfolio.as_deref().and_then(|text| portfolio_id(&mut faults, text));
    if named.is_empty() == body.portfolio.is_none() {
        let detail = "a frontier is of assets or of a portfolio: name one of both".to_owned();
        faults.add("/assets", "assets-or-portfolio", detail);
    }
    let own = match portfolio {
        Some(id) => Some(Targets::of_portfolio(&pool, reach, id).await?.0),
        None => None,
    };
    let assets = own.as_ref().map_or(named, |own| own.assets.clone());
    let constraints = constraints(&mut faults, &body, &assets);
    let Some(constraints) = constraints.filter(|_| faults.is_empty()) else { return Err(faults.into_problem()) };
    let wanted = Wanted {
        points,
        rf,
        constraints,
        own: own.map(|own| own.weights),
        covariance: body.covariance.unwrap_or_default(),
        mean: body.mean.unwrap_or_default(),
    };
    let takes_long = assets.len() > ASSETS_AT_ONCE_MAX;
    let work = move |office: Office, asker: Asker| async move {
        let mut wanted = wanted;
        let place = office.desk.place().await?;
        let place_of = |asset: &AssetId| {
            let place = body.assets.iter().position(|named| named == asset.as_str());
            place.map_or_else(|| "/portfolio".to_owned(), |place| format!("/assets/{place}"))
        };
        let material = Material::new(&office, assets, window, place_of).await?;
        let capped = |asset: &AssetId| body.caps.iter().any(|cap| cap.asset == asset.as_str());
        hold_cash(&mut wanted, &material, capped, place_of)?;
        place.compute_for(asker, move |asker| answer(&material, wanted, asker)).await?
    };
    answered(&office, asking, takes_long, work).await
}

/// Holds a portfolio's cash at its own weight. What next to never loses would be nearly all of any optimum, so that cash is
/// not chosen among other assets: it is the leg without risk, and how much of it there is stands for itself.
fn hold_cash(
    wanted: &mut Wanted,
    material: &Material,
    capped: impl Fn(&AssetId) -> bool,
    place_of: impl Fn(&AssetId) -> String,
) -> Result<(), Problem> {
    let cash: Vec<usize> = material.cash().collect();
    let Some(own) = &wanted.own else {
        let refused = |place: &usize| {
            let asset = &material.assets[*place];
            let detail =
                format!("`{asset}` is cash: name a portfolio that holds it, or leave it out and give its rate");
            FieldError::in_body(&place_of(asset), "cash-not-optimised", detail)
        };
        let errors: Vec<FieldError> = cash.iter().map(refused).collect();
        let Some(first) = errors.first() else { return Ok(()) };
        return Err(not_computable(first.detail.clone()).with_errors(errors));
    };
    for place in cash {
        let limits = &mut wanted.constraints;
        // A cap of its own still holds, and what lies above it is refused by name.
        let most = if capped(&material.assets[place]) { limits.upper[place].min(own[place]) } else { own[place] };
        (limits.lower[place], limits.upper[place]) = (own[place], most);
    }
    Ok(())
}

/// What is computed of the prices.
struct Wanted {
    points: usize,
    rf: f64,
    constraints: Constraints,
    own: Option<Vec<f64>>,
    covariance: Estimator,
    mean: Mean,
}

fn answer(material: &Material, wanted: Wanted, asker: &Asker) -> Result<FrontierView, Problem> {
    let table = material.table()?;
    let (returns, year) = (table.returns(), PeriodsPerYear::SESSIONS);
    let moments = |error: MomentsError| not_computable(error.to_string());
    let covariance = match wanted.covariance {
        Estimator::Sample => sample_covariance(&returns, year).map_err(moments)?,
        Estimator::LedoitWolf => ledoit_wolf(&returns, year).map_err(moments)?.covariance,
    };
    let mu = expected(&table, &returns, wanted.mean)?;
    let problem = Optimisation { covariance: &covariance, mu: &mu, constraints: &wanted.constraints };
    let refused = |error: OptimiseError| refused(&error, table.assets());
    let watch = |share| asker.heard(share);
    let points = frontier_watched(&problem, wanted.points, &watch).map_err(refused)?;
    let least = min_variance(&problem).map_err(refused)?;
    let (best, reason) = match max_sharpe_watched(&problem, wanted.rf, &watch) {
        Ok(best) => (Some(best), None),
        Err(error @ OptimiseError::NoExcessReturn { .. }) => {
            (None, Some(ReasonView { code: "no-excess-return".into(), detail: error.to_string() }))
        }
        Err(error) => return Err(refused(error)),
    };
    let own = wanted.own.map(|weights| Optimum {
        expected_return: weights.iter().zip(&mu).map(|(weight, mu)| weight * mu).sum(),
        volatility: covariance.portfolio_variance(&weights).max(0.0).sqrt(),
        weights,
    });
    let view = |point: &Optimum| PointView {
        expected_return: point.expected_return,
        volatility: point.volatility,
        sharpe: point.sharpe(wanted.rf),
        weights: weight_views(table.assets(), &point.weights),
    };
    Ok(FrontierView {
        definitions: DEFINITIONS,
        window: window_view(table.dates()),
        prices_position: material.position(),
        coverage: material.coverage(),
        risk_free_rate: wanted.rf,
        covariance: wanted.covariance,
        mean: wanted.mean,
        points: points.iter().map(view).collect(),
        min_variance: view(&least),
        max_sharpe: best.as_ref().map(view),
        max_sharpe_reason: reason,
        portfolio: own.as_ref().map(view),
        assumptions: ASSUMPTIONS,
    })
}

fn expected(table: &PriceTable, returns: &[Vec<f64>], mean: Mean) -> Result<Vec<f64>, Problem> {
    let year = PeriodsPerYear::SESSIONS;
    let one = |(series, asset): (&Vec<f64>, &String)| {
        let mean = match mean {
            Mean::Arithmetic => arithmetic_mean(series, year),
            Mean::Geometric => geometric_mean(series, year),
        };
        mean.map_err(|why: NoFigure| not_computable(format!("the expected return of `{asset}`: {why}")))
    };
    returns.iter().zip(table.assets()).map(one).collect()
}

/// The optimiser's refusal, with its assets named.
fn refused(error: &OptimiseError, assets: &[String]) -> Problem {
    let kind = match error {
        OptimiseError::Infeasible { .. }
        | OptimiseError::BudgetOutOfReach { .. }
        | OptimiseError::BoundsCross { .. }
        | OptimiseError::GroupCrosses { .. } => ProblemType::LimitsInfeasible,
        // Nobody reads this: whoever asked has gone.
        OptimiseError::Cancelled => ProblemType::TimedOut,
        _ => ProblemType::NotComputable,
    };
    Problem::new(kind, error.named(assets))
}

fn assets(faults: &mut Faults, texts: &[String]) -> Vec<AssetId> {
    let mut assets = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let pointer = format!("/assets/{place}");
        match faults.value(&pointer, AssetId::parse(text)) {
            Some(asset) if assets.contains(&asset) => {
                faults.add(&pointer, "asset-named-twice", format!("`{asset}` is named more than once"));
            }
            Some(asset) => assets.push(asset),
            None => {}
        }
    }
    assets
}

fn constraints(faults: &mut Faults, body: &FrontierBody, assets: &[AssetId]) -> Option<Constraints> {
    let place_of = |faults: &mut Faults, pointer: &str, text: &str| {
        let place = assets.iter().position(|asset| asset.as_str() == text);
        if place.is_none() {
            faults.add(pointer, "not-among-the-assets", format!("`{text}` is none of the assets"));
        }
        place
    };
    let lower = number(faults, "/min_weight", body.min_weight.as_deref(), 0.0, -1.0, 1.0);
    let upper = number(faults, "/max_weight", body.max_weight.as_deref(), 1.0, -1.0, 1.0);
    let mut constraints = Constraints::within(assets.len(), lower, upper);
    for (at, cap) in body.caps.iter().enumerate() {
        let weight = number(faults, &format!("/caps/{at}/weight"), Some(&cap.weight), 1.0, -1.0, 1.0);
        let pointer = format!("/caps/{at}/asset");
        let place = place_of(faults, &pointer, &cap.asset)?;
        if body.caps[..at].iter().any(|before| before.asset == cap.asset) {
            faults.add(&pointer, "asset-named-twice", format!("`{}` has a cap already", cap.asset));
        }
        constraints.upper[place] = weight;
    }
    for (at, group) in body.groups.iter().enumerate() {
        let mut members = Vec::new();
        for (place, asset) in group.assets.iter().enumerate() {
            let pointer = format!("/groups/{at}/assets/{place}");
            let member = place_of(faults, &pointer, asset)?;
            if members.contains(&member) {
                faults.add(&pointer, "asset-named-twice", format!("`{asset}` is named more than once"));
            }
            members.push(member);
        }
        let limits = [("least", &group.least, 0.0), ("most", &group.most, 1.0)];
        let [least, most] = limits.map(|(name, text, otherwise)| {
            number(faults, &format!("/groups/{at}/{name}"), text.as_deref(), otherwise, -1.0, 1.0)
        });
        if least > most {
            faults.add(&format!("/groups/{at}/most"), "below-least", format!("{most} is below {least}"));
        }
        let name: String = group.name.chars().filter(|c| !c.is_control()).take(100).collect();
        constraints = constraints.group(Group { name, members, least, most });
    }
    Some(constraints)
}
