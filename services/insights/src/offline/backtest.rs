//! `insights backtest`: what a portfolio would have been worth, from prices in a file.

use analytics::backtest::{
    ASSUMPTIONS, Allocation, BacktestOutcome, BacktestParams, Flow, backtest_quotes, fingerprint_beside,
    fingerprint_quotes,
};
use analytics::figures::{Common, monthly_returns, top_drawdowns};
use analytics::{FigureParams, Quotes};
use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::answer::{self, Answer, beside_line, heading, shown};
use super::numbers::{self, BASIS_POINT};
use super::rebalancing::{Calendar, Rebalancing};
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
    /// Cost of trading in basis points of the traded value, both ways
    #[arg(long, value_name = "BPS", default_value_t = 0.0, allow_negative_numbers = true, value_parser = numbers::basis_points)]
    cost_bps: f64,
    /// Money paid in at each opening of a period (taken out, when negative), per 1.0 put in at first
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = numbers::payment)]
    contribute: Option<f64>,
    /// When money is paid in
    #[arg(long, value_enum, default_value_t = Calendar::Monthly, requires = "contribute")]
    contribute_every: Calendar,
    /// A column to hold the portfolio against
    #[arg(long, value_name = "ASSET")]
    benchmark: Option<String>,
}

/// The backtest, with what it assumes.
///
/// # Errors
/// Where the file or the arguments are not as they must be, or everything was lost.
pub fn answer(options: &Options) -> anyhow::Result<Answer> {
    let assets = options.weights.assets();
    let (held, benchmark) = options.source.quotes_beside(&assets, options.benchmark.as_ref())?;
    let quotes = from_first_complete(&held)?;
    let contributions = options.contribute.map_or_else(Vec::new, |amount| {
        options.contribute_every.openings(quotes.dates()).map(|date| Flow { date, amount }).collect()
    });
    let params = BacktestParams {
        policy: options.rebalancing.policy(),
        cost_rate: options.cost_bps * BASIS_POINT,
        contributions,
    };
    let allocation = Allocation::Weights(options.weights.numbers());
    let outcome = backtest_quotes(&quotes, &allocation, &params)?;
    let figure_params = FigureParams { rf_annual: options.source.rf, ..FigureParams::default() };
    let common = benchmark.as_ref().map(|benchmark| Common::of(&outcome.dates, &outcome.index(), benchmark));
    let figures = match &common {
        None => outcome.figures(&figure_params),
        Some(common) => outcome.figures(&figure_params).beside(common, &figure_params),
    };
    let fingerprint = fingerprint_quotes(&quotes, &allocation, &params);
    let fingerprint = fingerprint_beside(fingerprint, options.source.rf, benchmark.as_ref());
    let drawdowns = top_drawdowns(&outcome.dates, &outcome.index(), DRAWDOWNS_SHOWN);
    let months = monthly_returns(&outcome.dates[1..], &outcome.returns);
    let money_weighted = outcome.money_weighted_return();
    let json = json!({
        "hypothetical": true,
        "assumptions": ASSUMPTIONS,
        "prices": options.source.prices,
        "weights": options.weights.iter().map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect::<Vec<_>>(),
        "rebalancing": options.rebalancing.shown(),
        "cost_bps": options.cost_bps,
        "risk_free_rate": options.source.rf,
        "benchmark": options.benchmark,
        "benchmark_window": common.as_ref().map(|common| window(common.dates())),
        "window": window(&outcome.dates),
        "coverage": covered(&held),
        "fingerprint": format!("{fingerprint:016x}"),
        "final_value": outcome.final_value(),
        "total_cost": outcome.total_cost(),
        "turnover": outcome.turnover(),
        "money_weighted_return": money_weighted.ok(),
        "money_weighted_return_reason": money_weighted.err().map(|reason| reason.to_string()),
        "figures": answer::figures(&figures),
        "drawdowns": answer::drawdowns(&drawdowns),
        "months": answer::months(&months),
        "rebalances": rebalances(&outcome),
        "payments": payments(&outcome),
        "carried": outcome.carried.iter().map(|one| json!({"asset": one.asset, "sessions": one.sessions})).collect::<Vec<_>>(),
        "final_weights": assets.iter().zip(&outcome.final_weights).map(|(asset, weight)| json!({"asset": asset, "weight": weight})).collect::<Vec<_>>(),
        "equity": outcome.dates.iter().zip(&outcome.equity).map(|(date, value)| json!([date, value])).collect::<Vec<_>>(),
    });
    let mut text = vec![
        format!(
            "{} to {}, {} returns; hypothetical performance",
            outcome.dates[0],
            outcome.dates[outcome.dates.len() - 1],
            outcome.returns.len()
        ),
        String::new(),
        format!("{:<46} {}", "Final value per 1.0 put in", shown(outcome.final_value())),
        format!("{:<46} {}", "Costs per 1.0 put in", shown(outcome.total_cost())),
        format!("{:<46} {}", "Turnover, both ways", shown(outcome.turnover())),
        format!("{:<46} {:>14}", "Rebalancings, the first purchase included", outcome.rebalances.len()),
        match money_weighted {
            Ok(rate) => format!("{:<46} {}", "Money-weighted return a year", shown(rate)),
            Err(reason) => format!("{:<46} none: {reason}", "Money-weighted return a year"),
        },
    ];
    text.extend(heading("Figures (time-weighted; fractions: 0.25 is 25 %)"));
    text.extend(answer::figure_lines(&figures));
    text.extend(common.iter().map(|common| beside_line(common.dates())));
    text.extend(heading("Deepest drawdowns"));
    text.extend(answer::drawdown_lines(&drawdowns));
    text.extend(heading("Returns of months in per cent"));
    text.extend(answer::month_lines(&months));
    text.extend(heading("Assumptions"));
    text.extend(ASSUMPTIONS.iter().map(|assumption| format!("* {assumption}")));
    for one in &outcome.carried {
        text.push(format!("* {} was valued at an older price on {} sessions", one.asset, one.sessions));
    }
    Ok(Answer { json, text })
}

/// The quotes from the first session on which every asset has a price: before it the portfolio cannot be bought.
fn from_first_complete(quotes: &Quotes) -> anyhow::Result<Quotes> {
    let assets = quotes.assets().len();
    let complete = |row: &usize| (0..assets).all(|asset| quotes.column(asset)[*row].is_some());
    let first = (0..quotes.dates().len()).find(complete).context("no session has a price of every asset")?;
    Ok(quotes.window(quotes.dates()[first], Date::MAX)?)
}

fn payments(outcome: &BacktestOutcome) -> Value {
    let one = |paid: &analytics::backtest::Payment| json!({"date": paid.date, "amount": paid.amount, "turnover": paid.turnover, "cost": paid.cost});
    outcome.payments.iter().map(one).collect()
}

fn rebalances(outcome: &BacktestOutcome) -> Value {
    let one = |trade: &analytics::backtest::Rebalance| json!({"date": trade.date, "turnover": trade.turnover, "cost": trade.cost, "held": trade.held});
    outcome.rebalances.iter().map(one).collect()
}
