//! `insights figures`: a portfolio's figures from prices in a file.

use analytics::backtest::{Allocation, BacktestParams, backtest};
use analytics::figures::{
    CorrelationMatrix, monthly_returns, risk_contributions, rolling_sharpe, rolling_volatility, top_drawdowns,
};
use analytics::moments::sample_covariance;
use analytics::{FigureParams, NoFigure, PeriodsPerYear, Series};
use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answer::{self, Answer, heading};
use super::rebalancing::Rebalancing;
use super::weights::PerAsset;
use super::window::{Source, covered, window};

/// Drawdowns that are shown.
const DRAWDOWNS_SHOWN: usize = 10;

/// What to compute.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) source: Source,
    /// Target weights that add up to one
    #[arg(long, value_name = "A=0.6,B=0.4", required = true)]
    weights: PerAsset,
    #[command(flatten)]
    rebalancing: Rebalancing,
    /// A column to hold the portfolio against
    #[arg(long, value_name = "ASSET")]
    benchmark: Option<String>,
    /// Also volatility and Sharpe ratio of each window of so many returns, such as 63, 126 or 252
    #[arg(long, value_name = "RETURNS")]
    rolling: Option<usize>,
}

/// The figures, with what they rest on.
///
/// # Errors
/// Where the file or the weights are not as they must be.
pub fn answer(options: &Options) -> anyhow::Result<Answer> {
    let assets = options.weights.assets();
    let mut read = assets.clone();
    // The benchmark's sessions count too: all figures of an answer rest on the same days.
    read.extend(options.benchmark.clone().filter(|benchmark| !assets.contains(benchmark)));
    let quotes = options.source.quotes(Some(&read))?;
    let all = options.source.complete(&quotes)?;
    let table = all.select(&assets)?;
    let params = FigureParams { rf_annual: options.source.rf, ..FigureParams::default() };
    let backtest_params = BacktestParams { policy: options.rebalancing.policy(), ..BacktestParams::default() };
    let outcome = backtest(&table, &Allocation::Weights(options.weights.numbers()), &backtest_params)?;
    let figures = match &options.benchmark {
        None => outcome.figures(&params),
        Some(label) => {
            let column = all.assets().iter().position(|asset| asset == label).context("the benchmark was read")?;
            let benchmark = Series::new(all.dates().to_vec(), all.column(column).to_vec())?;
            outcome.figures_against(&benchmark, &params)
        }
    };
    let dates = table.dates();
    let drawdowns = top_drawdowns(dates, &outcome.equity, DRAWDOWNS_SHOWN);
    let months = monthly_returns(&dates[1..], &outcome.returns);
    let returns = table.returns();
    let contributions = sample_covariance(&returns, PeriodsPerYear::SESSIONS)
        .map_err(|error| error.to_string())
        .and_then(|covariance| {
            risk_contributions(&covariance, &options.weights.numbers()).map_err(|reason| reason.to_string())
        });
    let correlation = CorrelationMatrix::new(&assets, &returns);
    let rolling = options.rolling.map(|length| rolling(dates, &outcome.returns, length, options.source.rf));
    let json = json!({
        "prices": options.source.prices,
        "weights": options.weights.iter().map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect::<Vec<_>>(),
        "rebalancing": options.rebalancing.shown(),
        "risk_free_rate": options.source.rf,
        "periods_per_year": params.periods.get(),
        "benchmark": options.benchmark,
        "window": window(dates),
        "coverage": covered(&quotes),
        "figures": answer::figures(&figures),
        "drawdowns": answer::drawdowns(&drawdowns),
        "months": answer::months(&months),
        "risk_contributions": match &contributions {
            Ok(shares) => assets.iter().zip(shares).map(|(asset, share)| json!({"asset": asset, "share": share})).collect(),
            Err(_) => Value::Null,
        },
        "risk_contributions_reason": contributions.as_ref().err(),
        "correlation": correlation.rows().map(|row| row.iter().map(|cell| cell.ok()).collect()).collect::<Vec<Vec<_>>>(),
        "rolling": rolling,
    });
    let mut text = vec![format!(
        "{} to {}, {} returns, risk-free rate {} a year, {} periods a year",
        dates[0],
        dates[dates.len() - 1],
        outcome.returns.len(),
        options.source.rf,
        params.periods.get()
    )];
    text.extend(heading("Figures (fractions: 0.25 is 25 %)"));
    text.extend(answer::figure_lines(&figures));
    text.extend(heading("Deepest drawdowns"));
    text.extend(answer::drawdown_lines(&drawdowns));
    text.extend(heading("Returns of months in per cent"));
    text.extend(answer::month_lines(&months));
    text.extend(heading("Share of the variance"));
    match &contributions {
        Ok(shares) => text.extend(assets.iter().zip(shares).map(|(asset, share)| format!("{asset:<12} {share:>9.4}"))),
        Err(reason) => text.push(format!("none: {reason}")),
    }
    if options.rolling.is_some() {
        text.extend(heading("Rolling figures are in the JSON answer: --json"));
    }
    Ok(Answer { json, text })
}

/// Volatility and Sharpe ratio of each full window, under the date on which it ends.
fn rolling(dates: &[Date], returns: &[f64], length: usize, rf: f64) -> Value {
    let numbers = |of: Vec<Result<f64, NoFigure>>| of.into_iter().map(Result::ok).collect::<Vec<_>>();
    let year = PeriodsPerYear::SESSIONS;
    json!({
        "returns": length,
        "dates": dates.get(length.max(1)..).unwrap_or_default(),
        "volatility": numbers(rolling_volatility(returns, length, year)),
        "sharpe": numbers(rolling_sharpe(returns, length, rf, year)),
    })
}
