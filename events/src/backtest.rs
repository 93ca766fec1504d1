//! Backtests that were recorded: what somebody was shown, so that it can be shown again.
//!
//! A backtest follows from weights, terms and prices. So the event keeps these (the prices by their position in the log),
//! the numbers that were shown, and a digest of the whole result: whoever computes it again can tell whether it is the
//! same. Nothing is ever changed of it; another backtest is another record.

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::decider::{Decider, Refusal, RejectionClass};
use crate::subject::{Kind, Position};
use crate::values::{AdvisorId, Allocation, BacktestId, BacktestTerms, Currency, Note, PortfolioId, ResultDigest};

/// A backtest with all that it follows from and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BacktestRun {
    /// Of which portfolio.
    pub portfolio: PortfolioId,
    /// Of which version of it.
    pub portfolio_version: u64,
    /// Whose portfolio it was.
    pub advisor: AdvisorId,
    /// In which currency it was kept.
    pub currency: Currency,
    /// The target weights of that version.
    pub allocation: Allocation,
    /// How it was run.
    pub terms: BacktestTerms,
    /// The last position of the market's stream whose prices were used.
    pub prices_position: Position,
    /// Which set of definitions the numbers follow, such as `figures-1`.
    pub definitions: String,
    /// The numbers that were shown.
    pub shown: Vec<ShownNumber>,
    /// The digest of the whole result.
    pub digest: ResultDigest,
    /// What it was made for, where it was said.
    pub note: Option<Note>,
}

/// A number that was shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownNumber {
    /// Its stable name: `sharpe`.
    pub name: String,
    /// The number; `None` where there was none.
    pub value: Option<f64>,
}

/// What can be wished of a backtest.
#[derive(Debug, Clone, PartialEq)]
pub enum BacktestCommand {
    /// Keep it.
    Record(Box<BacktestRun>),
}

/// What has happened to a backtest.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BacktestEvent {
    /// It was kept.
    Recorded(Box<BacktestRun>),
}

/// Why a wish about a backtest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BacktestRejection {
    /// Another backtest stands under this id.
    #[error("the backtest was recorded already, with other details")]
    AlreadyRecorded,
}

impl Refusal for BacktestRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::AlreadyRecorded => "backtest-already-recorded",
        }
    }

    fn class(&self) -> RejectionClass {
        match self {
            Self::AlreadyRecorded => RejectionClass::Conflict,
        }
    }
}

/// A backtest, as history left it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Backtest {
    /// Nothing has happened.
    #[default]
    Unknown,
    /// It is kept.
    Recorded(Box<BacktestRun>),
}

impl Decider for Backtest {
    const KIND: Kind = Kind::Backtest;
    type Id = BacktestId;
    type Command = BacktestCommand;
    type Event = BacktestEvent;
    type Rejection = BacktestRejection;

    fn decide(&self, command: &BacktestCommand) -> Result<Option<BacktestEvent>, BacktestRejection> {
        match (self, command) {
            (Self::Unknown, BacktestCommand::Record(run)) => Ok(Some(BacktestEvent::Recorded(run.clone()))),
            (Self::Recorded(known), BacktestCommand::Record(run)) if known == run => Ok(None),
            (Self::Recorded(_), BacktestCommand::Record(_)) => Err(BacktestRejection::AlreadyRecorded),
        }
    }

    fn evolve(self, event: &BacktestEvent) -> Self {
        match event {
            BacktestEvent::Recorded(run) => Self::Recorded(run.clone()),
        }
    }
}
