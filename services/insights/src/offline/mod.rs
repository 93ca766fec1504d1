//! Commands that need no server: figures, frontier and backtest of prices in a file, with the engine that the service has.
//!
//! * `price_file.rs`: prices from CSV, with the place of whatever is wrong; `weights.rs`, `window.rs`,
//!   `numbers.rs`: other arguments
//! * `figures.rs`, `frontier.rs`, `backtest.rs`: one command each: arguments, computation, answer
//! * `answer.rs`: an answer as JSON for machines or as tables for people

mod answer;
mod backtest;
mod figures;
mod frontier;
mod numbers;
mod price_file;
mod rebalancing;
mod weights;
mod window;

use clap::Subcommand;

/// A command that computes from a file.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Figures of a portfolio from prices in a file, without a server
    Figures(figures::Options),
    /// The efficient frontier of assets from prices in a file, without a server
    Frontier(frontier::Options),
    /// What a portfolio would have been worth, from prices in a file, without a server
    Backtest(backtest::Options),
}

impl Command {
    /// Computes and prints the answer.
    ///
    /// # Errors
    /// Where an argument or the file is not as it must be, with the file, line and column; or there is no answer.
    pub fn run(&self) -> anyhow::Result<()> {
        let (answer, json) = match self {
            Self::Figures(options) => (figures::answer(options)?, options.source.json),
            Self::Frontier(options) => (frontier::answer(options)?, options.source.json),
            Self::Backtest(options) => (backtest::answer(options)?, options.source.json),
        };
        answer.print(json)
    }
}
