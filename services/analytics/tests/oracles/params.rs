//! What a case may ask for: every key of its parameters and inputs is known here, or the case fails.

use analytics::PriceTable;
use analytics::optimise::{Constraints, Group};
use serde_json::Value;

use crate::case::{Case, number, numbers, words};

/// Keys that choose nothing: they say in words what the kind of case means anyway.
const WORDS: &[&str] =
    &["rebalance_day", "cost_model", "grid", "distance", "bisection", "cluster_var", "convention", "note", "notes"];
/// Keys of any kind of case with weights.
const LIMITS: &[&str] = &["lower", "upper", "budget", "groups", "group_lower", "group_upper", "sectors", "locks"];
/// Keys of an input.
const INPUT: &[&str] = &[
    "file",
    "sha256",
    "columns",
    "start",
    "end",
    "window",
    "missing",
    "alignment",
    "asset",
    "benchmark",
    "inline_prices",
    "symbol",
    "actions_file",
    "actions_sha256",
];

/// What is not known of this case's parameters and inputs.
pub fn unknown(case: &Case) -> Vec<String> {
    let own: &[&str] = match case.kind.as_str() {
        // The rates stand in the names of the values, too.
        "metrics" => &["rf_annual"],
        "rolling" => &["window"],
        "backtest" => &[
            "weights",
            "rebalance",
            "threshold",
            "threshold_kind",
            "cooldown",
            "lag",
            "cost_rate",
            "contributions",
            "initial_capital",
            "fractional_shares",
        ],
        "optimize" => &["problem", "cov", "mu", "rf", "target", "risk_aversion", "l2_gamma"],
        "frontier" => &["points", "cov", "mu"],
        "risk_parity" => &["cov", "budget"],
        "hrp" => &["cov", "linkage"],
        "black_litterman" => &["cov", "market_weights", "delta", "tau", "rf", "P", "Q", "view_confidences"],
        "cvar_opt" => &["beta"],
        _ => &[],
    };
    let limits = if ["optimize", "frontier", "cvar_opt"].contains(&case.kind.as_str()) { LIMITS } else { &[] };
    let is_known = |key: &str| key == "periods_per_year" || [own, limits, WORDS].concat().contains(&key);
    let mut unknown = keys(&case.params, "parameter", is_known);
    unknown.extend(keys(&case.input, "input", |key| INPUT.contains(&key)));
    for part in ["asset", "benchmark"] {
        unknown.extend(keys(&case.input[part], &format!("input of {part}"), |key| INPUT.contains(&key)));
    }
    if case.params["fractional_shares"] == false {
        unknown.push("whole shares are not known".to_owned());
    }
    unknown
}

fn keys(of: &Value, what: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let keys = of.as_object().into_iter().flat_map(serde_json::Map::keys);
    keys.filter(|key| !is_known(key)).map(|key| format!("{what} {key} is not known")).collect()
}

/// A bound for each asset: one for all, a list, or a map by asset.
pub fn bounds(value: &Value, table: &PriceTable, usual: f64) -> Vec<f64> {
    match value {
        Value::Array(_) => numbers(value),
        Value::Object(map) => {
            assert!(map.keys().all(|asset| table.assets().contains(asset)), "{value} names a stranger");
            table.assets().iter().map(|asset| map.get(asset).map_or(usual, number)).collect()
        }
        Value::Null => vec![usual; table.assets().len()],
        one => vec![number(one); table.assets().len()],
    }
}

/// The limits of a case: bounds, locks and groups. Groups are maps by name or lists with names, with their assets and
/// limits; or `sectors` gives each asset's group, and `group_lower` and `group_upper` the limits.
pub fn constraints(case: &Case, table: &PriceTable) -> Constraints {
    let params = &case.params;
    let (mut lower, mut upper) = (bounds(&params["lower"], table, 0.0), bounds(&params["upper"], table, 1.0));
    for (asset, weight) in params["locks"].as_object().into_iter().flatten() {
        let place = place(table, asset);
        (lower[place], upper[place]) = (number(weight), number(weight));
    }
    let budget = case.param("budget").unwrap_or(1.0);
    Constraints { lower, upper, groups: groups(params, table), budget }
}

fn groups(params: &Value, table: &PriceTable) -> Vec<Group> {
    let mut groups: Vec<Group> = match &params["groups"] {
        Value::Object(map) => map.iter().map(|(name, one)| group(name, one, table)).collect(),
        Value::Array(list) => {
            let one = |(at, one): (usize, &Value)| {
                group(one["name"].as_str().map_or(at.to_string(), str::to_owned).as_str(), one, table)
            };
            list.iter().enumerate().map(one).collect()
        }
        _ => Vec::new(),
    };
    for (asset, name) in params["sectors"].as_object().into_iter().flatten() {
        let (name, member) = (name.as_str().unwrap(), place(table, asset));
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.members.push(member),
            None => groups.push(unlimited(name, vec![member])),
        }
    }
    for (key, is_most) in [("group_lower", false), ("group_upper", true)] {
        if let Value::Object(map) = &params[key] {
            assert!(map.keys().all(|name| groups.iter().any(|group| group.name == *name)), "{map:?} names a stranger");
        }
        for group in &mut groups {
            let limit = if params[key].is_object() { &params[key][&group.name] } else { &params[key] };
            if let Some(limit) = limit.as_f64() {
                *(if is_most { &mut group.most } else { &mut group.least }) = limit;
            }
        }
    }
    groups
}

fn unlimited(name: &str, members: Vec<usize>) -> Group {
    const NO_LIMIT: f64 = 1e3;
    Group { name: name.to_owned(), members, least: -NO_LIMIT, most: NO_LIMIT }
}

fn group(name: &str, value: &Value, table: &PriceTable) -> Group {
    let places = |list: &Value| words(list).iter().map(|asset| place(table, asset)).collect();
    let Value::Object(map) = value else { return unlimited(name, places(value)) };
    let mut group = unlimited(name, Vec::new());
    for (key, value) in map {
        match key.as_str() {
            "name" => {}
            "assets" | "members" | "columns" | "tickers" => group.members = places(value),
            "lower" | "least" | "min" if value.is_null() => {}
            "upper" | "most" | "max" | "cap" if value.is_null() => {}
            "lower" | "least" | "min" => group.least = number(value),
            "upper" | "most" | "max" | "cap" => group.most = number(value),
            other => panic!("{other} of group {name} is not known"),
        }
    }
    assert!(!group.members.is_empty(), "group {name} has no assets");
    group
}

fn place(table: &PriceTable, asset: &str) -> usize {
    table.assets().iter().position(|other| other == asset).unwrap_or_else(|| panic!("{asset} is none of the assets"))
}
