//! Cases of kind backtest and actions.

use analytics::backtest::{
    Allocation, BacktestParams, Drift, Flow, Period, Policy, Threshold, backtest as run, backtest_quotes,
};
use analytics::corporate_actions::{Action, Adjustment};
use analytics::figures::cumulative;
use analytics::{Quotes, Series};
use serde_json::Value;

use crate::case::{Case, Verdict, csv_rows, date, number, words};
use crate::figures::{deepest, figure};

pub fn backtest(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let near = case.near();
    let quotes = if case.params["weights"].is_object() { from_first_complete(&case.quotes()) } else { case.quotes() };
    let assets = quotes.assets().to_vec();
    let policy = match policy(case) {
        Ok(policy) => policy,
        Err(what) => return Verdict::failed(&what),
    };
    let capital = case.param("initial_capital").unwrap_or(1.0);
    let contributions = contributions(case, &quotes, capital);
    let params = BacktestParams { policy, cost_rate: case.param("cost_rate").unwrap(), contributions };
    let outcome = match &case.params["weights"] {
        Value::Object(map) => {
            let weights = assets.iter().map(|asset| map.get(asset).map_or(0.0, number)).collect();
            let allocation = Allocation::Weights(weights);
            // Gaps are held over, unless the case drops their rows.
            if case.input["missing"].as_str().is_some_and(|words| words.contains("dropped")) {
                run(&case.table(), &allocation, &params)
            } else {
                backtest_quotes(&quotes, &allocation, &params)
            }
        }
        Value::String(words) if words == "equal among listed" => {
            backtest_quotes(&quotes, &Allocation::EqualAmongListed, &params)
        }
        other => return Verdict::failed(&format!("weights {other} are not known")),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return Verdict::failed(&error.to_string()),
    };
    let index = Series::new(outcome.dates.clone(), outcome.index()).unwrap();
    for name in case.expected.keys() {
        let expected = case.value(name);
        match name.as_str() {
            "final_value" => verdict.near(name, near, outcome.final_value() * capital, number(expected)),
            "equity_first_day" => verdict.near(name, near, outcome.equity[0] * capital, number(expected)),
            "n_rebalances" => verdict.check(name, *expected == outcome.rebalances.len(), outcome.rebalances.len()),
            "total_cost" => verdict.near(name, near, outcome.total_cost(), number(expected)),
            "turnover_two_sided" => verdict.near(name, near, outcome.turnover(), number(expected)),
            "final_weights" => {
                for (asset, expected) in expected.as_object().unwrap() {
                    let place = assets.iter().position(|name| name == asset).unwrap();
                    verdict.near(&format!("{name}.{asset}"), near, outcome.final_weights[place], number(expected));
                }
            }
            "rebalance_dates" => {
                let got: Vec<String> = outcome.rebalances.iter().map(|rebalance| rebalance.date.to_string()).collect();
                verdict.check(name, got == words(expected), "other dates");
            }
            "money_weighted_return" => verdict.figure(name, near, outcome.money_weighted_return(), expected),
            "equity_month_end" => {
                for (day, expected) in expected.as_object().unwrap() {
                    let row = outcome.dates.binary_search(&day.parse().unwrap()).unwrap();
                    verdict.near(&format!("{name}.{day}"), near, outcome.equity[row] * capital, number(expected));
                }
            }
            "max_drawdown_episode" => deepest(&mut verdict, name, near, &index, expected),
            _ => {
                let params = analytics::FigureParams { annualise_short_windows: true, ..Default::default() };
                match figure(name, &index, &params) {
                    Some(got) => verdict.figure(name, near, got, expected),
                    None => verdict.unknown(name),
                }
            }
        }
    }
    verdict
}

/// The rows from the first on which every asset has a price: a portfolio of them could not be bought before.
fn from_first_complete(quotes: &Quotes) -> Quotes {
    let first = quotes.complete().unwrap().dates()[0];
    quotes.window(first, *quotes.dates().last().unwrap()).unwrap()
}

/// Payments of a case: a list of dates with amounts, or an amount for the first session of each period after the first.
fn contributions(case: &Case, quotes: &Quotes, capital: f64) -> Vec<Flow> {
    let one = |date, amount: &Value| Flow { date, amount: number(amount) / capital };
    match &case.params["contributions"] {
        Value::Array(list) => list.iter().map(|paid| one(date(&paid["date"]), &paid["amount"])).collect(),
        Value::Object(every) => {
            let period = match every["every"].as_str() {
                Some("month") => Period::Month,
                Some("quarter") => Period::Quarter,
                Some("year") => Period::Year,
                other => panic!("payments of every {other:?} are not known"),
            };
            let rows = period.openings(quotes.dates());
            rows.map(|row| one(quotes.dates()[row], &every["amount"])).collect()
        }
        Value::Null => Vec::new(),
        other => panic!("contributions {other} are not known"),
    }
}

fn policy(case: &Case) -> Result<Policy, String> {
    let params = &case.params;
    let calendar = match params["rebalance"].as_str() {
        Some("none" | "threshold") => Policy::NONE,
        Some("monthly") => Policy::MONTHLY,
        Some("quarterly") => Policy::QUARTERLY,
        Some("yearly" | "annual") => Policy::YEARLY,
        other => return Err(format!("policy {other:?} is not known")),
    };
    let threshold = case.param("threshold").map(|limit| {
        let drift =
            if params["threshold_kind"] == "relative" { Drift::Relative(limit) } else { Drift::Absolute(limit) };
        let cooldown_sessions = params["cooldown"].as_u64().map_or(0, |sessions| usize::try_from(sessions).unwrap());
        Threshold { drift, cooldown_sessions }
    });
    let lag_sessions = params["lag"].as_u64().map_or(0, |sessions| usize::try_from(sessions).unwrap());
    Ok(Policy { threshold, lag_sessions, ..calendar })
}

pub fn actions(case: &Case) -> Verdict {
    let mut verdict = Verdict::default();
    let (near, input) = (case.near(), &case.input);
    let (start, end) = (date(&input["start"]), date(&input["end"]));
    let within = |row: &&Vec<String>, day: usize| {
        let date = row[day].parse().unwrap();
        row[0] == input["symbol"].as_str().unwrap() && start <= date && date <= end
    };
    let rows = csv_rows(&input["file"], &input["sha256"]);
    let close = rows[0].iter().position(|head| head == "close").unwrap();
    let rows: Vec<_> = rows[1..].iter().filter(|row| within(row, 1)).collect();
    let dates = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    let raw = Series::new(dates, rows.iter().map(|row| row[close].parse().unwrap()).collect()).unwrap();
    let listed = csv_rows(&input["actions_file"], &input["actions_sha256"]);
    let listed: Vec<_> = listed[1..].iter().filter(|row| within(row, 1)).collect();
    let action = |row: &&Vec<String>| {
        let value: f64 = row[3].parse().unwrap();
        let action = if row[2] == "split" { Action::Split(value) } else { Action::Dividend(value) };
        (row[1].parse().unwrap(), action)
    };
    let actions: Vec<_> = listed.iter().map(action).collect();
    let adjustment = Adjustment::new(&raw, &actions).unwrap();
    let (split_adjusted, adjusted) = (adjustment.split_adjusted().unwrap(), adjustment.adjusted().unwrap());
    let splits = actions.iter().filter(|(_, action)| matches!(action, Action::Split(_))).count();
    for name in case.expected.keys() {
        let expected = case.value(name);
        let closes = |verdict: &mut Verdict, series: &Series| {
            for (day, expected) in expected.as_object().unwrap() {
                let row = series.dates().binary_search(&day.parse().unwrap()).unwrap();
                verdict.near(&format!("{name}.{day}"), near, series.closes()[row], number(expected));
            }
        };
        match name.as_str() {
            "n_splits" => verdict.check(name, *expected == splits, splits),
            "n_dividends" => verdict.check(name, *expected == actions.len() - splits, actions.len() - splits),
            "actions" => {
                let expected = expected.as_array().unwrap();
                verdict.check(name, expected.len() == listed.len(), listed.len());
                for (row, expected) in listed.iter().zip(expected) {
                    verdict.check(name, row[1] == expected["date"] && row[2] == expected["type"], expected);
                    verdict.near(name, near, row[3].parse().unwrap(), number(&expected["value"]));
                }
            }
            "split_adjusted_close" => closes(&mut verdict, &split_adjusted),
            "adj_close_yahoo" => closes(&mut verdict, &adjusted),
            "total_return_wiki" => {
                let growth: f64 = adjustment.total_returns().iter().map(|r| 1.0 + r).product();
                verdict.near(name, near, growth - 1.0, number(expected));
            }
            "total_return_yahoo" => verdict.figure(name, near, cumulative(adjusted.closes()), expected),
            "price_return_split_adj" => verdict.figure(name, near, cumulative(split_adjusted.closes()), expected),
            "price_return_raw" => verdict.figure(name, near, cumulative(raw.closes()), expected),
            _ => verdict.unknown(name),
        }
    }
    verdict
}
