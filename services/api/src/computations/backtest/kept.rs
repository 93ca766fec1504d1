//! Backtests that are kept: what of a result is kept, and whether another one is the same.

use events::Position;
use events::backtest::{BacktestRun, ShownNumber};
use events::values::ResultDigest;
use projections::prices::AsOf;

use super::{BacktestView, Wanted, computed};
use crate::canonical::Canonical;
use crate::computations::Targets;
use crate::desk::Asker;
use crate::figures::views::FigureView;
use crate::problem::Problem;
use crate::state::Office;

/// Names the way in which a digest is made; another way gets another name.
const DIGEST: &str = "backtest-1";

/// The backtest of these weights on these terms, from the prices that were known then.
///
/// # Errors
/// Why there is none, or that prices could not be read.
pub async fn rerun(
    office: &Office,
    allocation: &events::values::Allocation,
    portfolio_version: u64,
    terms: &events::values::BacktestTerms,
    as_of: AsOf,
) -> Result<BacktestView, Problem> {
    let targets = Targets::of(allocation.iter().map(|(asset, weight)| (asset.clone(), weight.value())));
    let of = (targets, Some(portfolio_version));
    computed(office, Asker::default(), of, Wanted::of(terms), as_of, "/terms/benchmark").await
}

/// What of a result is kept.
#[derive(Debug, PartialEq)]
pub struct Kept {
    /// The last event whose prices are in it.
    pub prices_position: Position,
    /// The set of definitions that the numbers follow.
    pub definitions: String,
    /// Of what went in.
    pub fingerprint: String,
    /// The numbers that were shown.
    pub shown: Vec<ShownNumber>,
    /// Of all that came out.
    pub digest: ResultDigest,
}

impl Kept {
    /// What is kept of this result.
    #[must_use]
    pub fn of(result: &BacktestView) -> Self {
        let number = |name: &str, value| ShownNumber { name: name.to_owned(), value };
        let mut shown = vec![
            number("final_value", Some(result.final_value)),
            number("total_cost", Some(result.total_cost)),
            number("turnover", Some(result.turnover)),
            number("money_weighted_return", result.money_weighted_return),
        ];
        shown.extend(result.figures.iter().map(|figure: &FigureView| number(figure.id, figure.value)));
        Self {
            prices_position: result.prices_position,
            definitions: result.definitions.to_owned(),
            fingerprint: result.fingerprint.clone(),
            shown,
            digest: digest(result),
        }
    }

    /// Whether this is what was recorded: the same course, and each number that was shown then the same to its last bit.
    /// A figure that a later build shows besides makes no difference.
    #[must_use]
    pub fn is_of(&self, run: &BacktestRun) -> bool {
        let same = |then: &ShownNumber| {
            let now = self.shown.iter().find(|now| now.name == then.name);
            now.is_some_and(|now| now.value.map(f64::to_bits) == then.value.map(f64::to_bits))
        };
        self.digest == run.digest && self.definitions == run.definitions && run.shown.iter().all(same)
    }
}

/// Of the whole course: each day's value, each rebalancing and payment, the last weights.
fn digest(result: &BacktestView) -> ResultDigest {
    let bits = |number: f64| format!("{:016x}", number.to_bits());
    let mut words = Canonical::of(DIGEST);
    for (date, value) in result.dates.iter().zip(&result.equity) {
        words = words.with(&date.to_string(), &bits(*value));
    }
    for trade in &result.rebalances {
        words =
            words.with(&trade.date.to_string(), &bits(trade.turnover)).with(&bits(trade.cost), &trade.held.join(","));
    }
    for paid in &result.payments {
        words = words.with(&paid.date.to_string(), &bits(paid.amount)).with(&bits(paid.turnover), &bits(paid.cost));
    }
    for weight in &result.final_weights {
        words = words.with(&weight.asset, &bits(weight.weight));
    }
    ResultDigest::parse(&words.sha256()).expect("SHA-256 in hexadecimal is a digest")
}
