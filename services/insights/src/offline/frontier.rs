//! `insights frontier`: the efficient frontier of assets from prices in a file, weights with every point.

use std::str::FromStr;

use analytics::moments::{Covariance, arithmetic_mean, geometric_mean, ledoit_wolf, sample_covariance};
use analytics::optimise::{Constraints, Group, OptimiseError, Optimum, Problem, frontier, max_sharpe, min_variance};
use analytics::{PeriodsPerYear, PriceTable, Short};
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::answer::{Answer, heading};
use super::numbers::{self, brief};
use super::weights::PerAsset;
use super::window::{Source, covered, window};

/// How the covariance is estimated.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Estimator {
    /// Sample covariance.
    Sample,
    /// Shrunk towards equal variances.
    LedoitWolf,
}

/// How the expected return is estimated.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mean {
    /// Arithmetic mean times 252.
    Arithmetic,
    /// Compound growth a year.
    Geometric,
}

/// Limits of a group on the command line: `tech=AAPL+MSFT:0.1..0.4`.
#[derive(Debug, Clone, PartialEq)]
struct GroupLimits {
    name: String,
    members: Vec<String>,
    least: f64,
    most: f64,
}

impl FromStr for GroupLimits {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let form = || anyhow!("`{}` is not of the form NAME=ASSET+ASSET:LEAST..MOST", brief(text));
        let (name, rest) = text.split_once('=').ok_or_else(form)?;
        let (members, limits) = rest.rsplit_once(':').ok_or_else(form)?;
        let (least, most) = limits.split_once("..").ok_or_else(form)?;
        let number = |limit: &str| numbers::group_limit(limit).map_err(|why| anyhow!("{why}, in `{}`", brief(text)));
        let members = members.split('+').map(|member| member.trim().to_owned()).collect();
        Ok(Self { name: name.to_owned(), members, least: number(least)?, most: number(most)? })
    }
}

/// What to compute.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) source: Source,
    /// Assets, by comma; all of the file where none is named
    #[arg(long, value_delimiter = ',', value_name = "A,B", conflicts_with = "weights")]
    assets: Option<Vec<String>>,
    /// A portfolio to show beside the frontier of its assets
    #[arg(long, value_name = "A=0.6,B=0.4")]
    weights: Option<PerAsset>,
    /// Points of the frontier
    #[arg(long, default_value_t = 20, allow_negative_numbers = true, value_parser = numbers::points)]
    points: usize,
    /// Least weight of each asset
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_parser = numbers::weight)]
    min_weight: f64,
    /// Greatest weight of each asset
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true, value_parser = numbers::weight)]
    max_weight: f64,
    /// Greatest weights of single assets
    #[arg(long, value_name = "A=0.3,B=0.2")]
    cap: Option<PerAsset>,
    /// Least and greatest sum of some assets' weights; may be given often
    #[arg(long, value_name = "NAME=A+B:0.1..0.4")]
    group: Vec<GroupLimits>,
    /// Estimator of the covariance
    #[arg(long, value_enum, default_value_t = Estimator::Sample)]
    covariance: Estimator,
    /// Estimator of expected returns
    #[arg(long, value_enum, default_value_t = Mean::Arithmetic)]
    mean: Mean,
}

/// The frontier, with what it rests on.
///
/// # Errors
/// Where the file or the arguments are not as they must be, or nothing satisfies the limits: which, is told.
pub fn answer(options: &Options) -> anyhow::Result<Answer> {
    let asked = options.weights.as_ref().map(PerAsset::assets).or_else(|| options.assets.clone());
    let quotes = options.source.quotes(asked.as_deref())?;
    let table = options.source.complete(&quotes)?;
    let assets = table.assets();
    let (covariance, mu) = moments(options, &table)?;
    let constraints = constraints(options, assets)?;
    let problem = Problem { covariance: &covariance, mu: &mu, constraints: &constraints };
    let named = |error: OptimiseError| anyhow!(error.named(assets));
    let points = frontier(&problem, options.points).map_err(named)?;
    let least = min_variance(&problem).map_err(named)?;
    let rf = options.source.rf;
    let best = match max_sharpe(&problem, rf) {
        Ok(best) => Ok(best),
        Err(reason @ OptimiseError::NoExcessReturn { .. }) => Err(reason.to_string()),
        Err(error) => return Err(named(error)),
    };
    let own = options.weights.as_ref().map(|weights| {
        let weights = weights.numbers();
        let expected_return = weights.iter().zip(&mu).map(|(weight, mu)| weight * mu).sum();
        Optimum { volatility: covariance.portfolio_variance(&weights).max(0.0).sqrt(), weights, expected_return }
    });
    let point = |point: &Optimum| shown(point, assets, rf);
    let json = json!({
        "prices": options.source.prices,
        "window": window(table.dates()),
        "coverage": covered(&quotes),
        "risk_free_rate": rf,
        "covariance": match options.covariance { Estimator::Sample => "sample", Estimator::LedoitWolf => "ledoit-wolf" },
        "mean": match options.mean { Mean::Arithmetic => "arithmetic", Mean::Geometric => "geometric" },
        "assumptions": ["expected returns and covariances are those of the past window; the future's will differ"],
        "points": points.iter().map(point).collect::<Vec<_>>(),
        "min_variance": point(&least),
        "max_sharpe": best.as_ref().ok().map(point),
        "max_sharpe_reason": best.as_ref().err(),
        "portfolio": own.as_ref().map(point),
    });
    let dates = table.dates();
    let mut text = vec![format!(
        "{} to {}, {} returns, {} assets, risk-free rate {} a year",
        dates[0],
        dates[dates.len() - 1],
        dates.len() - 1,
        assets.len(),
        Short(rf)
    )];
    text.extend(heading("Frontier (fractions a year; weights in per cent)"));
    text.extend(points.iter().map(|point| line("", point, assets, rf)));
    text.push(String::new());
    text.push(line("least variance", &least, assets, rf));
    text.push(match &best {
        Ok(best) => line("greatest Sharpe", best, assets, rf),
        Err(reason) => format!("{:<16} none: {reason}", "greatest Sharpe"),
    });
    text.extend(own.map(|own| line("your weights", &own, assets, rf)));
    Ok(Answer { json, text })
}

fn moments(options: &Options, table: &PriceTable) -> anyhow::Result<(Covariance, Vec<f64>)> {
    let (returns, year) = (table.returns(), PeriodsPerYear::SESSIONS);
    let covariance = match options.covariance {
        Estimator::Sample => sample_covariance(&returns, year)?,
        Estimator::LedoitWolf => ledoit_wolf(&returns, year)?.covariance,
    };
    let mean = |(series, asset): (&Vec<f64>, &String)| {
        let mean = match options.mean {
            Mean::Arithmetic => arithmetic_mean(series, year),
            Mean::Geometric => geometric_mean(series, year),
        };
        mean.with_context(|| format!("the expected return of {asset}"))
    };
    let mu = returns.iter().zip(table.assets()).map(mean).collect::<anyhow::Result<_>>()?;
    Ok((covariance, mu))
}

fn constraints(options: &Options, assets: &[String]) -> anyhow::Result<Constraints> {
    let place = |asset: &String| {
        assets.iter().position(|other| other == asset).with_context(|| format!("`{asset}` is none of the assets"))
    };
    let mut constraints = Constraints::within(assets.len(), options.min_weight, options.max_weight);
    for (asset, cap) in options.cap.iter().flat_map(PerAsset::iter) {
        constraints.upper[place(asset)?] = *cap;
    }
    for group in &options.group {
        let members = group.members.iter().map(place).collect::<anyhow::Result<Vec<_>>>()?;
        if (1..members.len()).any(|at| members[..at].contains(&members[at])) {
            bail!("an asset stands twice in group {}", group.name);
        }
        constraints =
            constraints.group(Group { name: group.name.clone(), members, least: group.least, most: group.most });
    }
    Ok(constraints)
}

fn shown(point: &Optimum, assets: &[String], rf: f64) -> Value {
    let weights = assets.iter().zip(&point.weights);
    json!({
        "expected_return": point.expected_return,
        "volatility": point.volatility,
        "sharpe": point.sharpe(rf),
        "weights": weights.map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect::<Vec<_>>(),
    })
}

fn line(name: &str, point: &Optimum, assets: &[String], rf: f64) -> String {
    const SHOWN_MIN: f64 = 5e-4;
    let weights: Vec<String> = assets
        .iter()
        .zip(&point.weights)
        .filter(|(_, weight)| weight.abs() >= SHOWN_MIN)
        .map(|(asset, weight)| format!("{asset} {:.1}", 100.0 * weight))
        .collect();
    let sharpe = point.sharpe(rf).map_or_else(|| "-".to_owned(), |sharpe| format!("{sharpe:.3}"));
    format!(
        "{name:<16} return {:>8.4}  volatility {:>7.4}  Sharpe {sharpe:>6}  {}",
        point.expected_return,
        point.volatility,
        weights.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::GroupLimits;

    #[test]
    fn limits_of_a_group_are_read() {
        let group: GroupLimits = "tech=AAPL+MSFT:0.1..0.4".parse().unwrap();
        assert_eq!(group.members, ["AAPL", "MSFT"]);
        assert_eq!((group.least.to_bits(), group.most.to_bits()), (0.1_f64.to_bits(), 0.4_f64.to_bits()));
        for bad in ["tech", "tech=A", "tech=A:1", "tech=A:x..1"] {
            assert!(bad.parse::<GroupLimits>().is_err(), "{bad}");
        }
    }
}
