//! `insights figures`: a portfolio's figures from prices in a file.

use analytics::backtest::{ASSUMPTIONS, Allocation, BacktestParams, backtest};
use analytics::figures::{
    Common, CorrelationMatrix, monthly_returns, risk_contributions, rolling_sharpe, rolling_volatility, top_drawdowns,
};
use analytics::moments::sample_covariance;
use analytics::{FigureParams, NoFigure, PeriodsPerYear, Short};
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answer::{self, Answer, beside_line, heading};
use super::numbers;
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
    #[arg(long, value_name = "RETURNS", allow_negative_numbers = true, value_parser = numbers::window)]
    rolling: Option<usize>,
}

/// The figures, with what they rest on.
///
/// # Errors
/// Where the file or the weights are not as they must be.
pub fn answer(options: &Options) -> anyhow::Result<Answer> {
    let assets = options.weights.assets();
    let (quotes, benchmark) = options.source.quotes_beside(&assets, options.benchmark.as_ref())?;
    let table = options.source.complete(&quotes)?;
    let params = FigureParams { rf_annual: options.source.rf, ..FigureParams::default() };
    let backtest_params = BacktestParams { policy: options.rebalancing.policy(), ..BacktestParams::default() };
    let outcome = backtest(&table, &Allocation::Weights(options.weights.numbers()), &backtest_params)?;
    // The portfolio's own figures rest on its own sessions, whatever it is held against.
    let common = benchmark.as_ref().map(|benchmark| Common::of(&outcome.dates, &outcome.index(), benchmark));
    let figures = match &common {
        None => outcome.figures(&params),
        Some(common) => outcome.figures(&params).beside(common, &params),
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
    let rolling = options.rolling.map(|length| {
        let mut rolled = rolling(dates, &outcome.returns, length, options.source.rf);
        rolled["beside"] = json!(common.as_ref().map(|common| rolling_beta(common, length)));
        rolled
    });
    let json = json!({
        "hypothetical": true,
        "assumptions": ASSUMPTIONS,
        "prices": options.source.prices,
        "weights": options.weights.iter().map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect::<Vec<_>>(),
        "rebalancing": options.rebalancing.shown(),
        "risk_free_rate": options.source.rf,
        "periods_per_year": params.periods.get(),
        "benchmark": options.benchmark,
        "benchmark_window": common.as_ref().map(|common| window(common.dates())),
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
        Short(options.source.rf),
        params.periods.get()
    )];
    text.extend(heading("Figures (fractions: 0.25 is 25 %)"));
    text.extend(answer::figure_lines(&figures));
    text.extend(common.iter().map(|common| beside_line(common.dates())));
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

/// Beta of each full window of the sessions that both have, under the date on which it ends.
fn rolling_beta(common: &Common, length: usize) -> Value {
    let (dates, beta): (Vec<Date>, Vec<Option<f64>>) =
        common.rolling_beta(length).into_iter().map(|(date, beta)| (date, beta.ok())).unzip();
    json!({ "dates": dates, "beta": beta })
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
